//! What maps show: the form of attention, the colours of numbers, the threshold of the flow graph, what is followed.

use super::State;
use crate::{
    analysis::measure::attention_form::{AttentionForm, has_forms},
    engine::site::Stream,
    lesson::{PaneKind, tr},
    model::Name,
    text::percent,
};

impl State {
    /// Shows the next form of attention that the model has, instead of the weights.
    pub(super) fn next_attention_form(&mut self) {
        let Some((model, path)) = self.shown_attention() else {
            self.show_message("this step shows no map of attention; C changes what one shows");
            return;
        };
        let mut form = self.nav.view.attention.next();
        while form != AttentionForm::Weights && self.lacks(model, &path, form) {
            form = form.next();
        }
        self.nav.view.attention = form;
        self.clamp();
        let language = self.lesson.language;
        let caption = language.tr(form.caption());
        self.show_message(tr!(language, "{caption}; C goes on", caption));
    }

    /// Whether it is known that the model lacks what a form needs.
    fn lacks(&self, model: Name, path: &str, form: AttentionForm) -> bool {
        let known = self.passes.reading.as_ref().map(|r| r.known_attention_map(model, path, form));
        known.flatten().is_some_and(|map| map.is_none())
    }

    pub(super) fn toggle_logarithmic(&mut self) {
        let view = &mut self.nav.view;
        view.is_logarithmic = !view.is_logarithmic;
        let message = if view.is_logarithmic {
            "logarithmic colours: three decades down to a thousandth of the end; Y ends it"
        } else {
            "colours in proportion to the numbers"
        };
        self.show_message(message);
    }

    pub(super) fn toggle_first_token(&mut self) {
        let view = &mut self.nav.view;
        view.leaves_out_first = !view.leaves_out_first;
        let message = if view.leaves_out_first {
            "the first word has no colour, the others are coloured as shares of the rest; numbers stay; O ends it"
        } else {
            "every word is coloured"
        };
        self.show_message(message);
    }

    /// Explains another row in the flow graph, or again what is asked about.
    pub(super) fn explain_row(&mut self, row: (Name, Stream, usize)) {
        let explained = Some(row).filter(|row| self.nav.view.explained != Some(*row));
        self.nav.view.explained = explained;
        (self.nav.selection.row, self.nav.selection.col) = (0, row.2);
        self.show_message(match explained {
            Some(_) => "the routes to this word's last row; c on it goes back",
            None => "the routes to the word that is asked about",
        });
    }

    /// Moves the least share that has a line in the flow graph.
    pub(super) fn move_threshold(&mut self, by: isize) {
        if !self.specs().iter().any(|spec| spec.kind == PaneKind::Flow) {
            self.show_message("this step shows no flow graph, whose threshold could be moved");
            return;
        }
        match self.nav.view.threshold.moved(by) {
            Some(threshold) => {
                self.nav.view.threshold = threshold;
                let share = percent(threshold.share());
                self.show_message(tr!(
                    self.lesson.language,
                    "lines for shares from {share} on",
                    share
                ));
            }
            None => self.show_message("the threshold goes no further"),
        }
    }

    /// Model and path of the first map of attention that the step shows.
    fn shown_attention(&self) -> Option<(Name, String)> {
        self.shown_maps_of_attention().next()
    }

    pub(super) fn shown_maps_of_attention(&self) -> impl Iterator<Item = (Name, String)> {
        let step = self.current().1;
        let focused = self.focused().into_iter();
        let maps = focused.chain(self.specs()).filter(|spec| spec.kind.has_attention_forms());
        maps.filter_map(move |spec| {
            let site = self.site(spec).filter(|site| has_forms(site))?;
            Some((step.model_of(spec), site.path().to_owned()))
        })
    }

    /// Follows the word under the cursor in the map of the lens, or follows none if it is followed.
    pub(super) fn follow_word(&mut self) {
        let cursor = (self.nav.selection.row, self.nav.selection.col);
        let found = {
            let panes = self.panes();
            let pane = panes.get(self.nav.focus);
            pane.and_then(|pane| pane.word_to_follow(cursor.0, cursor.1))
        };
        let row = {
            let panes = self.panes();
            panes.get(self.nav.focus).and_then(|pane| pane.row_to_explain(cursor.0, cursor.1))
        };
        if let Some(row) = row {
            return self.explain_row(row);
        }
        let Some(word) = found else {
            self.show_message("no word to follow here; a map of the logit lens has some");
            return;
        };
        let followed = Some(word).filter(|word| self.nav.view.followed != Some(*word));
        self.nav.view.followed = followed;
        self.show_message(match followed {
            Some(_) => "its probability everywhere, or its rank where that is small; c ends it",
            None => "the likeliest word of each cell",
        });
    }
}
