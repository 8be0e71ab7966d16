//! One row of a site as bars: the likeliest tokens first, or all words in sentence order.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::{Modifier, Style},
};

use super::{
    CursorCell, Pane, PreferredSize, Title, Unfolding, in_words::PaneWords, subject::Subject,
};
use crate::{
    analysis::measure::readback::is_out_of_reach,
    engine::{
        site::Axis,
        value::{Cell, Extent, PlaneCell},
    },
    lesson::tr,
    text::percent,
    ui::widgets::{
        heat::Scale,
        lines::{List, put_bar, put_on, put_text, right},
    },
};

pub(super) struct Bars<'a> {
    subject: Subject<'a>,
    /// Columns of the site in the order shown.
    order: Vec<usize>,
    /// Scale of the numbers: `Unit` for shares; other numbers are scores.
    scale: Scale,
}

/// Maximum number of vocabulary tokens shown.
const MAX_TOKENS: usize = 40;
/// Number of bars that a pane asks for at least.
const IDEAL_BARS: u16 = 12;
/// What a bar over the full width can stand for, if shares are small.
const SHARES_OF_FULL_BARS: [f32; 4] = [0.1, 0.2, 0.5, 1.0];
/// Number of bars without which a pane is cut.
const LEAST_BARS: u16 = 7;
/// The columns of a bar's name, of the figure with its mark and spaces, and of the number before a change.
const MOST_LABEL: usize = 14;
const LEAST_LABEL: usize = 4;
const FIGURE_WIDTH: usize = 9;
const BEFORE_WIDTH: usize = 11;

impl<'a> Bars<'a> {
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let row = subject.site.value.row(subject.plane, subject.row());
        let mut order: Vec<usize> = (0..row.len()).collect();
        if subject.site.axes()[2] == Axis::Vocab {
            let by_size = |a: &usize, b: &usize| row[*b].total_cmp(&row[*a]).then(a.cmp(b));
            if order.len() > MAX_TOKENS {
                order.select_nth_unstable_by(MAX_TOKENS, by_size);
                order.truncate(MAX_TOKENS);
            }
            order.sort_unstable_by(by_size);
        }
        let scale = subject.scale();
        Self { subject, order, scale }
    }

    fn cursor_bar(&self) -> usize {
        self.subject.scene.selection.col.min(self.order.len() - 1)
    }

    /// Number of bars that a pane asks for: all words, or the likeliest tokens.
    fn n_wanted(&self) -> usize {
        let is_ranked = self.subject.site.axes()[2] == Axis::Vocab;
        if is_ranked { self.order.len().min(IDEAL_BARS.into()) } else { self.order.len() }
    }

    /// Number of bars that are listed: those that are wanted, until the cursor goes on.
    fn n_listed(&self) -> usize {
        if self.cursor_bar() < self.n_wanted() { self.n_wanted() } else { self.order.len() }
    }

    /// The value of a bar over the full width: for shares the least of [`SHARES_OF_FULL_BARS`] that holds all, else
    /// the largest score.
    fn full_bar(&self) -> f32 {
        let row = self.subject.row();
        let values = self.order.iter().map(|&col| self.subject.value(row, col));
        let largest = values.fold(1e-6, f32::max);
        match self.scale {
            Scale::Unit | Scale::Shares { .. } => {
                SHARES_OF_FULL_BARS.into_iter().find(|share| largest <= *share).unwrap_or(1.0)
            }
            _ => largest,
        }
    }

    /// Length of a bar from 0 to 1.
    fn bar_length(&self, v: f32) -> f32 {
        (v / self.full_bar()).max(0.0)
    }

    fn figure(&self, v: f32) -> String {
        let theme = self.subject.scene.theme;
        if self.scale.is_of_shares() { theme.percent(v) } else { theme.figure(v, 6) }
    }

    /// The columns of a bar's name, which gives way to the number before a change.
    fn label_width(&self, width: u16) -> usize {
        let before = if self.subject.before.is_some() { BEFORE_WIDTH } else { 0 };
        let room = usize::from(width).saturating_sub(FIGURE_WIDTH + before);
        room.clamp(LEAST_LABEL, MOST_LABEL)
    }

    fn draw_bar(&self, i: usize, lines: Rect, buf: &mut Buffer) {
        let (subject, theme) = (&self.subject, self.subject.scene.theme);
        let col = self.order[i];
        let v = subject.value(subject.row(), col);
        let is_at_cursor = subject.scene.focused && i == self.cursor_bar();
        let is_small = self.scale.is_of_shares() && v < 0.005;
        let style = match (is_at_cursor, is_small) {
            (true, _) => theme.accent().add_modifier(Modifier::BOLD),
            (false, true) => theme.dim(),
            (false, false) => Style::new(),
        };
        let mark = if is_at_cursor { theme.glyph("▸", ">") } else { " " };
        let cell = Cell::new(subject.plane, subject.row(), col);
        let was = subject.before.as_ref().and_then(|before| before.get(cell));
        let was = was.map(|was| format!(" {}", self.figure(was)));
        let was = was.map(|was| tr!(subject.scene.language, "was{was} ", was)).unwrap_or_default();
        let name = right(&subject.label(2, col), self.label_width(lines.width));
        let label = format!("{mark}{name} {} ", self.figure(v));
        let pieces = [(&*label, style), (&*was, theme.incorrect())];
        let x = put_on(buf, lines, &pieces);
        let available_width = usize::from(lines.right().saturating_sub(x));
        let share = if self.scale.is_of_shares() { v } else { self.bar_length(v) };
        let bar_style = if theme.has_colour() { theme.ink(share) } else { style };
        put_bar(buf, x, lines, &theme.bar(self.bar_length(v), available_width), bar_style);
    }
}

impl Pane for Bars<'_> {
    fn title(&self) -> Title {
        let subject = &self.subject;
        let word = subject.label(1, subject.row());
        let axis = subject.scene.language.tr(subject.site.axes()[1].name());
        let title =
            subject.title().with(tr!(subject.scene.language, "{name} “{word}”", name = axis, word));
        let full = self.full_bar();
        if self.scale.is_of_shares() && full < 1.0 {
            let percent = percent(full);
            return title.with_result(tr!(subject.scene.language, "bars to {percent}", percent));
        }
        title
    }

    fn extent(&self) -> Extent {
        Extent::new(self.subject.n_rows(), self.order.len())
    }

    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        self.subject
            .cursor_cell(row, *self.order.get(col)?)
            .filter(|_| !is_out_of_reach(self.subject.site, row))
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.n_wanted() as u16;
        PreferredSize::new(Size::new(30, n.min(5)), Size::new(60, n.min(IDEAL_BARS)))
            .whole_at(Size::new(30, n.min(LEAST_BARS)))
            .of_items(n, 0, 84)
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(area, self.n_listed(), self.cursor_bar()))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        Some(PlaneCell::new(self.subject.row(), self.list(area)?.at(position)?))
    }

    fn place_in_pass(&self) -> Option<usize> {
        self.subject.place_in_pass()
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let view = self.subject.view();
        let language = self.subject.scene.language;
        let line = language.labelled(&view.word(view.row), &view.largest(view.row, 5));
        self.subject.in_words(vec![line])
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        if is_out_of_reach(self.subject.site, self.subject.row()) {
            let text =
                self.subject.scene.language.tr("no numbers: the probes do not reach back so far");
            put_text(buf, area, text, self.subject.scene.theme.dim());
            return;
        }
        for (i, lines) in self.list(area).into_iter().flat_map(List::rows) {
            self.draw_bar(i, lines, buf);
        }
    }
}
