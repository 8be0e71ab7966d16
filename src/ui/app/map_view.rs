//! What maps show: the form of attention, the colours of numbers, the threshold of the flow graph, what is followed.

use super::{Navigation, reply::Notice};
use crate::{
    analysis::{
        evidence::flow::Threshold,
        measure::{attention_form::AttentionForm, heads::FIGURES},
    },
    engine::value::PlaneCell,
    lesson::{Language, tr},
    text::percent,
    ui::panes::{LogitPieces, Sort, StreamRow},
};

/// What the cursor is on in a pane that follows something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Followed {
    /// A word, by id, in the map of the lens.
    Word(usize),
    /// A row of a model's stream, in the flow graph.
    Row(StreamRow),
}

impl Navigation {
    /// Shows the next form of attention instead of the weights, of those that the model does not lack.
    pub(super) fn next_attention_form(
        &mut self,
        lacks: impl Fn(AttentionForm) -> bool,
        language: Language,
    ) -> Notice {
        let mut form = self.view.attention.next();
        while form != AttentionForm::Weights && lacks(form) {
            form = form.next();
        }
        self.view.attention = form;
        let caption = language.tr(form.caption());
        tr!(language, "{caption}; C goes on", caption).into()
    }

    pub(super) fn toggle_logarithmic(&mut self) -> Notice {
        let view = &mut self.view;
        view.is_logarithmic = !view.is_logarithmic;
        if view.is_logarithmic {
            "logarithmic colours: three decades down to a thousandth of the end; Y ends it".into()
        } else {
            "colours in proportion to the numbers".into()
        }
    }

    pub(super) fn toggle_first_token(&mut self) -> Notice {
        let view = &mut self.view;
        view.leaves_out_first = !view.leaves_out_first;
        if view.leaves_out_first {
            "the first word has no colour, the others are coloured as shares of the rest; numbers stay; O ends it".into()
        } else {
            "every word is coloured".into()
        }
    }

    pub(super) fn toggle_by_word(&mut self) -> Notice {
        let by_word = &mut self.view.counting.by_word;
        *by_word = !*by_word;
        if *by_word {
            "the tokens of each word added up, and left out together; E ends it".into()
        } else {
            "token by token".into()
        }
    }

    pub(super) fn toggle_for_output(&mut self) -> Notice {
        let for_output = &mut self.view.counting.for_output;
        *for_output = !*for_output;
        if *for_output {
            "which words counted for all that is written; & goes back to the words asked about"
                .into()
        } else {
            "which words counted for the words asked about".into()
        }
    }

    /// Lists the units of feed-forward by what they add, or the parts of the logit again.
    pub(super) fn toggle_units(&mut self) -> Notice {
        let (listed, notice) = match self.view.listed {
            LogitPieces::Parts => (
                LogitPieces::Units,
                "the hidden units of feed-forward, the strongest first; S goes back to the parts",
            ),
            LogitPieces::Units => (LogitPieces::Parts, "the parts, in the order of computation"),
        };
        self.view.listed = listed;
        notice.into()
    }

    /// Moves the least share that has a line in flow graphs, from the shown one.
    pub(super) fn move_threshold(
        &mut self,
        shown: Threshold,
        by: isize,
        language: Language,
    ) -> Notice {
        let Some(threshold) = shown.moved(by) else {
            return "the threshold goes no further".into();
        };
        self.view.threshold = Some(threshold);
        let share = percent(threshold.share());
        tr!(language, "lines for shares from {share} on", share).into()
    }

    /// Follows what the cursor is on, or nothing if that is followed.
    pub(super) fn follow(&mut self, found: Option<Followed>) -> Notice {
        match found {
            Some(Followed::Row(row)) => self.explain(row),
            Some(Followed::Word(word)) => self.follow_word(word),
            None => "no word to follow here; a map of the logit lens has some".into(),
        }
    }

    /// Follows a word in the map of the lens, or none if it is followed.
    fn follow_word(&mut self, word: usize) -> Notice {
        self.view.followed = Some(word).filter(|word| self.view.followed != Some(*word));
        match self.view.followed {
            Some(_) => {
                "its probability everywhere, or its rank where that is small; c ends it".into()
            }
            None => "the likeliest word of each cell".into(),
        }
    }

    /// Explains another row in the flow graph, or again what is asked about.
    fn explain(&mut self, asked: StreamRow) -> Notice {
        self.view.explained = Some(asked).filter(|row| self.view.explained != Some(*row));
        self.set_cursor(PlaneCell::new(0, asked.row));
        match self.view.explained {
            Some(_) => "the routes to this word's last row; c on it goes back".into(),
            None => "the routes to the word that is asked about".into(),
        }
    }

    /// Sorts the heads that are knocked out by their effect, or again by their number.
    pub(super) fn sort_knock_outs(&mut self) -> Notice {
        let by_effect = &mut self.view.knock_outs_by_effect;
        *by_effect = !*by_effect;
        if *by_effect {
            "heads knocked out: the largest effect first".into()
        } else {
            "heads knocked out: head by head".into()
        }
    }

    /// Says how the table of heads is sorted.
    pub(super) fn sort_notice(&self, language: Language) -> Notice {
        let Sort::Figure { figure, is_rising } = self.view.sort else {
            return "layer by layer".into();
        };
        let caption = language.tr(FIGURES[figure].caption);
        if is_rising {
            tr!(language, "{caption}: the smallest first", caption).into()
        } else {
            tr!(language, "{caption}: the largest first", caption).into()
        }
    }
}
