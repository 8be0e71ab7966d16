//! The load of experts: through which of them the tokens of the sentence go.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::{Modifier, Style},
};

use super::{
    CursorCell, Pane, PreferredSize, Title, Unfolding, in_words::PaneWords, subject::Subject,
};
use crate::{
    analysis::measure::load::tokens,
    engine::value::{Extent, PlaneCell},
    lesson::tr,
    text::fixed,
    ui::widgets::lines::{List, put_bar, put_on, right},
};

/// Experts by the number of tokens that go to them; its site is a router's `weights`.
pub(super) struct Load<'a> {
    subject: Subject<'a>,
    /// The busiest first.
    order: Vec<ExpertLoad>,
}

/// An expert, and the number of tokens that go to it.
struct ExpertLoad {
    expert: usize,
    n_tokens: usize,
}

/// Experts that a pane asks for, and without which it is cut.
const IDEAL_EXPERTS: u16 = 16;
const LEAST_EXPERTS: u16 = 5;

impl<'a> Load<'a> {
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let loads = tokens(subject.site).into_iter().enumerate();
        let mut order: Vec<_> =
            loads.map(|(expert, n_tokens)| ExpertLoad { expert, n_tokens }).collect();
        order.sort_by_key(|load| (std::cmp::Reverse(load.n_tokens), load.expert));
        Self { subject, order }
    }

    fn cursor_line(&self) -> usize {
        self.subject.scene.selection.col.min(self.order.len().saturating_sub(1))
    }

    /// `5 of 9 tokens`
    fn count(&self, n: usize) -> String {
        tr!(self.subject.scene.language, "{n} of {all} tokens", n, all = self.subject.n_rows())
    }

    fn draw_expert(&self, i: usize, lines: Rect, buf: &mut Buffer) {
        let (subject, theme) = (&self.subject, self.subject.scene.theme);
        let language = subject.scene.language;
        let ExpertLoad { expert, n_tokens: n } = self.order[i];
        let weight = subject.value(subject.row(), expert);
        let is_at_cursor = subject.scene.focused && i == self.cursor_line();
        let style = match (is_at_cursor || weight > 0.0, n == 0) {
            (true, _) => theme.accent().add_modifier(Modifier::BOLD),
            (false, true) => theme.dim(),
            (false, false) => Style::new(),
        };
        let mark = if is_at_cursor { theme.glyph("▸", ">") } else { " " };
        let name = tr!(language, "expert {expert}", expert = right(&expert.to_string(), 3));
        let here = if weight > 0.0 { fixed(weight) } else { String::new() };
        let label = format!("{mark}{name}  {} {} ", right(&self.count(n), 16), right(&here, 5));
        let x = put_on(buf, lines, &[(&label, style)]);
        let available_width = usize::from(lines.right().saturating_sub(x));
        let share = n as f32 / subject.n_rows() as f32;
        let bar_style = if theme.has_colour() { theme.ink(share) } else { style };
        put_bar(buf, x, lines, &theme.bar(share, available_width), bar_style);
    }
}

impl Pane for Load<'_> {
    fn title(&self) -> Title {
        let language = self.subject.scene.language;
        let name = language.tr(self.subject.title.as_deref().unwrap_or("load"));
        let word = tr!(language, "“{word}”", word = self.subject.label(1, self.subject.row()));
        Title::named(name).with(tr!(language, "weights of {word}", word))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.subject.n_rows(), self.order.len())
    }

    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        self.subject.cursor_cell(row, self.order.get(col)?.expert)
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.order.len() as u16;
        let few = n.min(IDEAL_EXPERTS);
        PreferredSize::new(Size::new(40, n.min(LEAST_EXPERTS)), Size::new(60, few))
            .whole_at(Size::new(40, n.min(LEAST_EXPERTS)))
            .of_items(few, 0, 120)
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(area, self.order.len(), self.cursor_line()))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        Some(PlaneCell::new(self.subject.row(), self.list(area)?.at(position)?))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let language = self.subject.scene.language;
        let line = |load: &ExpertLoad| {
            let expert = tr!(language, "expert {expert}", expert = load.expert);
            language.labelled(&expert, &self.count(load.n_tokens))
        };
        let busiest = self.order.iter().take(usize::from(IDEAL_EXPERTS));
        self.subject.in_words(busiest.map(line).collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        for (i, lines) in self.list(area).into_iter().flat_map(List::rows) {
            self.draw_expert(i, lines, buf);
        }
    }
}
