//! Continuations of a part of the sentence by the language model: one greedy, three sampled.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords};
use crate::{
    analysis::measure::continuation::{Continuation, Continued},
    engine::value::Extent,
    lesson::{Language, tr},
    text::{Token, rounded},
    ui::{
        descriptions::limits_in_words,
        widgets::lines::{put_line, put_on},
    },
};

pub(super) struct Continuations<'a>(pub(super) Scene<'a>);

/// Width of a seed and the log-probability per token, in columns.
const NAME_WIDTH: u16 = 17;

impl<'a> Continuations<'a> {
    /// The longest measured part that ends at the selected row or before; else the shortest.
    fn continued(&self) -> Option<&'a Continued> {
        let all = self.0.reading.continued()?;
        all.iter().rev().find(|c| c.row <= self.0.selection.row).or_else(|| all.first())
    }

    /// Lines of each continuation in a pane of this width.
    fn heights(&self, width: u16) -> Vec<u16> {
        let width = width.saturating_sub(NAME_WIDTH.min(width / 2));
        let ways = self.continued().map_or(&[][..], |continued| &continued.ways);
        let words = |way: &'a Continuation| {
            way.tokens.iter().map(|token| token.text.as_str()).collect::<Vec<_>>()
        };
        ways.iter().map(|way| n_lines(&words(way), width)).collect()
    }

    fn words(&self, row: usize) -> Vec<&'a str> {
        self.0.reading.given(row).iter().map(|token| token.text.as_str()).collect()
    }

    /// Draws a name and words, and returns the line after them.
    fn draw_block(
        &self,
        name: &str,
        words: &[&str],
        style: Style,
        area: Rect,
        buf: &mut Buffer,
    ) -> u16 {
        let indent = NAME_WIDTH.min(area.width / 2);
        let end = area.x + indent.saturating_sub(1);
        put_line(buf, area, end, &[(name, self.0.theme.dim())]);
        let rest = Rect { x: area.x + indent, width: area.width - indent, ..area };
        draw_words(words, style, rest, buf)
    }
}

/// The number of lines that [`draw_words`] takes.
fn n_lines(words: &[&str], width: u16) -> u16 {
    let (mut n, mut x) = (1, 0);
    for word in words.iter().map(|word| word.width() as u16) {
        if x > 0 && x + word > width {
            (n, x) = (n + 1, 0);
        }
        x += word + 1;
    }
    n
}

/// The last words that fit into `width` columns, after `dots` if any are cut.
fn last_words<'a>(words: &[&'a str], width: usize, dots: &'a str) -> Vec<&'a str> {
    let mut used = 0;
    let fits = |word: &&&str| {
        used += word.width() + 1;
        used <= width
    };
    let n = words.iter().rev().take_while(fits).count();
    let cut = (n < words.len()).then_some(dots);
    cut.into_iter().chain(words[words.len() - n..].iter().copied()).collect()
}

/// Draws words, wrapped at the right edge, and returns the line after them.
fn draw_words(words: &[&str], style: Style, area: Rect, buf: &mut Buffer) -> u16 {
    let (mut x, mut y) = (area.x, area.y);
    for word in words {
        if x > area.x && x + word.width() as u16 > area.right() {
            (x, y) = (area.x, y + 1);
        }
        if y >= area.bottom() {
            return y;
        }
        x = put_line(buf, (x, y), area.right(), &[(word, style)]) + 1;
    }
    y + 1
}

/// Method (greedy or seed) and log-probability per token of a continuation.
fn method_text(way: &Continuation, language: Language) -> String {
    let how = method_name(way, language);
    format!("{how} {:>8}", rounded(way.log_p_per_token(), 2))
}

fn method_name(way: &Continuation, language: Language) -> String {
    way.seed
        .map_or_else(|| language.tr("greedy").to_owned(), |seed| tr!(language, "seed {seed}", seed))
}

impl Pane for Continuations<'_> {
    fn title(&self) -> Title {
        let choosing = self.0.reading.changes.choosing();
        let limits = limits_in_words(&choosing);
        Title::named(self.0.language.tr("writing on"))
            .with(format!("T={}{limits}", choosing.temperature))
            .with(self.0.language.tr("log p a token"))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.0.reading.given(usize::MAX).len(), 1)
    }

    fn preferred_size(&self) -> PreferredSize {
        let n_ways = self.continued().map_or(4, |continued| continued.ways.len()) as u16;
        let lines = |width| 1 + self.heights(width).iter().sum::<u16>().max(n_ways);
        PreferredSize::new(Size::new(44, n_ways + 1), Size::new(100, lines(100)))
            .up_to(lines(44) + n_ways)
    }

    fn out_of_view(&self, area: Rect) -> [usize; 2] {
        let available_lines = area.height.saturating_sub(1);
        let fits = |used: &mut u16, height: u16| {
            *used += height;
            Some(*used <= available_lines)
        };
        let whole = self.heights(area.width).into_iter().scan(0, fits);
        [0, whole.filter(|is_whole| !is_whole).count()]
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, .. } = self.0;
        let text =
            |tokens: &[Token]| tokens.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ");
        let line = |way: &Continuation| {
            let how = method_name(way, language);
            tr!(
                language,
                "{how}, log p {log_p} a token: {text}",
                how,
                log_p = rounded(way.log_p_per_token(), 2),
                text = text(&way.tokens)
            )
        };
        let lines = self.continued().map(|continued| {
            let given = tr!(language, "given: {text}", text = text(reading.given(continued.row)));
            [given].into_iter().chain(continued.ways.iter().map(line)).collect()
        });
        PaneWords::of_model(language, "How it writes on", model, lines.unwrap_or_default())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let Some(continued) = self.continued() else {
            put_on(buf, area, &[(self.0.measuring(), theme.dim())]);
            return;
        };
        if area.is_empty() {
            return;
        }
        // Shows only the end of a long text, to leave lines for the continuations.
        let lines = usize::from(area.height / 3).max(1);
        let width = lines * usize::from(area.width.saturating_sub(NAME_WIDTH + 8));
        let given = last_words(&self.words(continued.row), width, theme.glyph("…", "..."));
        // A blank line separates the continuations where the pane is high.
        let needed = lines as u16 + self.heights(area.width).iter().sum::<u16>();
        let gap = u16::from(area.height >= needed + continued.ways.len() as u16);
        let mut y =
            self.draw_block(self.0.language.tr("given"), &given, theme.strong(), area, buf) + gap;
        for way in &continued.ways {
            if y >= area.bottom() {
                return;
            }
            let words: Vec<&str> = way.tokens.iter().map(|token| token.text.as_str()).collect();
            let rest = Rect { y, height: area.bottom() - y, ..area };
            y = self.draw_block(
                &method_text(way, self.0.language),
                &words,
                Style::new(),
                rest,
                buf,
            ) + gap;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{last_words, n_lines};

    #[test]
    fn a_long_text_is_cut_to_its_end() {
        let words = ["one", "two", "three"];
        assert_eq!(last_words(&words, 20, "..."), words);
        assert_eq!(last_words(&words, 10, "..."), ["...", "two", "three"]);
        assert_eq!(last_words(&[], 10, "..."), [""; 0]);
    }

    #[test]
    fn words_that_do_not_fit_begin_a_line() {
        assert_eq!([n_lines(&["one", "two"], 7), n_lines(&["one", "two"], 6)], [1, 2]);
        assert_eq!([n_lines(&["seventeen"], 3), n_lines(&[], 3)], [1, 1]);
    }
}
