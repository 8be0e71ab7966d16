//! Layout of the screen: arithmetic on rectangles, without drawing.
//!
//! ```text
//! header            chapter · status
//! title             formula, source
//! map
//! sentence          on a high screen, and at attention steps
//! panes and narration, beside or below each other
//! cell under the cursor
//! timeline
//! keys or message
//! ```

use ratatui::layout::{Rect, Size};

use super::arrangement::{Arrangement, ArrangementScore, FRAME, arrange};
use crate::ui::{panes::PreferredSize, widgets::lines::without_top_rows};

/// Smallest screen for the walk, in columns and rows.
pub const SMALLEST: Size = Size::new(80, 24);

/// From this width on, a question and the inspector are beside the panes.
const WIDE: u16 = 110;
/// From this height on, the sentence and blank lines are shown.
const TALL: u16 = 30;
/// Narrowest narration beside panes.
const NARROWEST_PROSE: u16 = 30;
/// Widest narration beside panes: longer lines are hard to read.
const WIDEST_PROSE: u16 = 46;
/// From this width on, the narration beside panes is wider, and the further text is shown where it fits.
pub const ROOMY: u16 = 180;
/// Widest narration beside panes on a roomy screen.
const WIDEST_PROSE_ON_ROOMY: u16 = 60;
/// Widest narration below panes; of two columns, each.
const WIDEST_PROSE_BELOW: u16 = 100;
/// From this width on, the narration below panes has two columns.
const TWO_COLUMNS: u16 = 150;
/// Columns of the screen between two columns of text.
const COLUMN_GAP: u16 = 4;
/// Columns between panes and narration.
const MARGIN: u16 = 2;
/// What a text without a line out of view is worth: the last line that is missing costs more than the others.
const WHOLE_TEXT: f32 = 0.3;
/// Columns taken by `more ▾`.
const MORE_WIDTH: u16 = 7;

/// Rectangles of the parts of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenLayout {
    pub header: Rect,
    pub title: Rect,
    /// Output of a changed pass and of the plain pass; None without one, and where neither writes words.
    pub output: Option<Rect>,
    /// The parts of the model.
    pub map: Rect,
    /// The words of the sentence; on a low screen only where attention tints them.
    pub sentence: Option<Rect>,
    /// Region shared by the panes.
    pub stage: Rect,
    /// Names of the panes, if one of them is not in view.
    pub tabs: Option<Rect>,
    /// Every pane's frame; None if the pane is not in view.
    pub frames: Vec<Option<Rect>>,
    pub prose: Rect,
    /// Columns of the text, one after the other in `prose`.
    n_columns: u16,
    /// The cell under the cursor.
    pub cell: Rect,
    pub timeline: Rect,
    pub hints: Rect,
    body: Rect,
    is_tall: bool,
}

/// What stands above the panes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopRows {
    /// Whether the outputs of two passes are compared.
    pub has_outputs: bool,
    /// Lines that the map fills on a high screen.
    pub n_map_lines: u16,
    /// Whether attention tints the sentence.
    pub has_attention: bool,
}

/// The text that shares the stage with the panes.
#[derive(Clone, Copy)]
pub enum StageText<'a> {
    /// Narration, with its number of lines at a width.
    Narration(&'a dyn Fn(u16) -> usize),
    /// A question: the panes leave it all that it needs.
    Question(&'a dyn Fn(u16) -> usize),
    /// The inspector, with its number of lines.
    Inspector(u16),
}

impl ScreenLayout {
    /// Layout of the fixed parts; [`Self::arrange`] adds the panes.
    pub fn new(area: Rect, rows: TopRows) -> Self {
        let is_tall = area.height >= TALL;
        let has_sentence = is_tall || rows.has_attention;
        let n_map_lines = if is_tall { rows.n_map_lines } else { 1 };
        let above = [1, 1, n_map_lines, u16::from(rows.has_outputs), u16::from(has_sentence)];
        let below = [1, 1, 1];
        let n_fixed: u16 = above.iter().chain(&below).sum();
        let mut y = area.y;
        let mut next = |height: u16| {
            let height = height.min(area.bottom() - y);
            let row = Rect { y, height, ..area };
            y += height;
            row
        };
        let [header, title, map, output, sentence] = above.map(&mut next);
        let body = next(area.height.saturating_sub(n_fixed));
        let [cell, timeline, hints] = below.map(&mut next);
        Self {
            header,
            title,
            map,
            output: rows.has_outputs.then_some(output),
            sentence: has_sentence.then_some(sentence),
            stage: body,
            tabs: None,
            frames: vec![],
            prose: Rect { width: 0, height: 0, ..body },
            n_columns: 1,
            cell,
            timeline,
            hints,
            body,
            is_tall,
        }
    }

    pub fn is_airy(&self) -> bool {
        self.is_tall
    }

    /// Places the panes and the text: where the text is best, beside or below the panes. The pane with the focus is in
    /// view.
    pub fn arrange(&mut self, wanted: &[PreferredSize], focus: usize, text: StageText) {
        let is_wide = self.body.width >= WIDE;
        let places = match text {
            StageText::Narration(lines) => [self.beside(lines), self.below(lines, 4)]
                .into_iter()
                .chain(self.below_whole(lines))
                .chain(self.beside_natural(lines, wanted))
                .collect(),
            StageText::Question(lines) if is_wide => vec![self.beside(lines)],
            StageText::Question(lines) => vec![self.below(lines, 1)],
            StageText::Inspector(lines) if is_wide => vec![self.beside(&|_| usize::from(lines))],
            StageText::Inspector(lines) => vec![self.below(&|_| usize::from(lines), 2)],
        };
        let n = wanted.len();
        let best = |needed: usize| {
            let all = places.iter().map(|place| Candidate::new(place, self.body, wanted, needed));
            all.reduce(|a, b| if b.score > a.score { b } else { a })
        };
        // Moving the focus among the panes in view moves nothing.
        let shows_focus =
            |best: &Candidate| best.arrangement.frames.iter().any(|placed| placed.pane == focus);
        let chosen = best(0).filter(shows_focus).or_else(|| best(focus.min(n.saturating_sub(1))));
        let Some(Candidate { place, arrangement, .. }) = chosen else { return };
        self.stage = place.stage;
        self.frames = vec![None; n];
        for placed in &arrangement.frames {
            self.frames[placed.pane] = Some(placed.frame);
        }
        let is_whole = arrangement.frames.len() == n;
        self.tabs = (!is_whole).then_some(Rect { height: 1.min(self.body.height), ..self.body });
        self.prose = self.prose_at(place);
        self.n_columns = place.n_columns;
    }

    /// The narration right of the panes.
    fn beside(&self, lines: &dyn Fn(u16) -> usize) -> TextPlace {
        let width = (self.body.width * 35 / 100).clamp(NARROWEST_PROSE, self.widest_beside());
        self.beside_of_width(lines, width)
    }

    /// The narration right of the panes, in the columns that the main picture leaves with each degree of detail.
    fn beside_natural(
        &self,
        lines: &dyn Fn(u16) -> usize,
        wanted: &[PreferredSize],
    ) -> Vec<TextPlace> {
        let pictures = wanted.first().map_or_else(Vec::new, PreferredSize::natural_widths);
        let left =
            |picture: u16| self.body.width.checked_sub(picture.saturating_add(FRAME + MARGIN + 1));
        let is_usable = |width: &u16| (NARROWEST_PROSE..=self.widest_beside()).contains(width);
        let mut widths: Vec<u16> =
            pictures.into_iter().filter_map(left).filter(is_usable).collect();
        widths.push(self.widest_beside());
        if wanted.first().is_some_and(PreferredSize::gains_by_width) {
            widths.push(NARROWEST_PROSE);
        }
        widths.sort_unstable();
        widths.dedup();
        widths.into_iter().map(|width| self.beside_of_width(lines, width)).collect()
    }

    const fn widest_beside(&self) -> u16 {
        if self.body.width >= ROOMY { WIDEST_PROSE_ON_ROOMY } else { WIDEST_PROSE }
    }

    fn beside_of_width(&self, lines: &dyn Fn(u16) -> usize, width: u16) -> TextPlace {
        let body = self.body;
        let stage = Rect { width: body.width.saturating_sub(width + MARGIN + 1), ..body };
        let top = u16::from(self.is_tall);
        let prose = without_top_rows(Rect { x: stage.right() + MARGIN, width, ..body }, top);
        TextPlace { stage, prose, n_lines: lines(width), n_columns: 1, is_below: false }
    }

    /// The narration below the panes: it gets its lines, up to 1/`share` of the height.
    fn below(&self, lines: &dyn Fn(u16) -> usize, share: u16) -> TextPlace {
        let body = self.body;
        let n_columns = if body.width >= TWO_COLUMNS { 2 } else { 1 };
        let widest = WIDEST_PROSE_BELOW * n_columns + COLUMN_GAP * (n_columns - 1);
        let width = body.width.saturating_sub(2).min(widest);
        let n_lines = lines(column_width(width, n_columns));
        let n_rows = (n_lines as u16).div_ceil(n_columns);
        let height = n_rows.min((body.height / share).max(5)).min(body.height);
        let stage = Rect { height: body.height - height, ..body };
        let prose = Rect { x: body.x + 1, y: stage.bottom(), width, height };
        TextPlace { stage, prose, n_lines, n_columns, is_below: true }
    }

    /// The whole narration below the panes, up to half of the height.
    fn below_whole(&self, lines: &dyn Fn(u16) -> usize) -> Option<TextPlace> {
        let (quarter, half) = (self.below(lines, 4), self.below(lines, 2));
        (half.prose.height > quarter.prose.height).then_some(half)
    }

    /// Where the narration is drawn: below panes it begins under the lowest.
    fn prose_at(&self, place: &TextPlace) -> Rect {
        let frames = self.frames.iter().flatten();
        if !place.is_below {
            // It takes the columns that the panes leave.
            let right = frames.map(|frame| frame.right()).max().unwrap_or(place.stage.right());
            let left = self.body.right().saturating_sub(right + MARGIN + 1);
            let width = left.min(self.widest_beside()).max(place.prose.width);
            let prose = Rect { x: right + MARGIN, width, ..place.prose };
            let is_beside_tabs = self.tabs.is_some_and(|tabs| tabs.y == prose.y);
            return without_top_rows(prose, u16::from(is_beside_tabs));
        }
        let used = frames.map(|frame| frame.bottom()).max().unwrap_or(self.body.y);
        let bottom = self.body.bottom();
        let n_rows = (place.n_lines as u16).div_ceil(place.n_columns);
        let gap = u16::from(self.is_tall && used + n_rows < bottom);
        Rect { y: used + gap, height: bottom - used - gap, ..place.prose }
    }

    /// The columns of the text, in reading order.
    pub fn text_columns(&self) -> impl Iterator<Item = Rect> {
        let width = self.text_width();
        let x = move |i: u16| self.prose.x + i * (width + COLUMN_GAP);
        (0..self.n_columns).map(move |i| Rect { x: x(i), width, ..self.prose })
    }

    /// Width of a column of the text.
    pub const fn text_width(&self) -> u16 {
        column_width(self.prose.width, self.n_columns)
    }

    /// Lines of text that are in view at once.
    pub fn n_text_lines(&self) -> usize {
        usize::from(self.prose.height * self.n_columns)
    }

    /// Width of the narration beside `more ▾`.
    pub const fn width_beside_more(&self) -> u16 {
        self.text_width().saturating_sub(MORE_WIDTH)
    }
}

/// Width of each of `n` columns of text.
const fn column_width(width: u16, n: u16) -> u16 {
    width.saturating_sub(COLUMN_GAP * (n - 1)) / n
}

/// A place for the text, and the stage that it leaves to the panes.
struct TextPlace {
    stage: Rect,
    prose: Rect,
    n_lines: usize,
    n_columns: u16,
    is_below: bool,
}

impl TextPlace {
    /// Cells that the text fills.
    fn filled(&self) -> f32 {
        let n_lines = (self.n_lines as u16).min(self.prose.height * self.n_columns);
        f32::from(n_lines) * f32::from(column_width(self.prose.width, self.n_columns))
    }

    /// The part of the text that is in view.
    fn visible(&self) -> f32 {
        let n_visible = self.prose.height * self.n_columns;
        (f32::from(n_visible) / (self.n_lines.max(1) as f32)).min(1.0)
    }

    /// How good the place is for the text: most of all it is whole. On a narrow screen, pictures over the full width
    /// are better.
    fn score(&self) -> f32 {
        let visible = self.visible();
        let bias = if self.is_below && self.stage.width < WIDE { 0.3 } else { 0.0 };
        let whole = if visible >= 1.0 { WHOLE_TEXT } else { 0.0 };
        2.0 * visible + whole + bias
    }
}

/// A place of the text, with the best arrangement of the panes there.
struct Candidate<'a> {
    place: &'a TextPlace,
    arrangement: Arrangement,
    /// Of both together.
    score: ArrangementScore,
}

impl<'a> Candidate<'a> {
    fn new(place: &'a TextPlace, body: Rect, wanted: &[PreferredSize], needed: usize) -> Self {
        let arrangement = arrange(place.stage, body, wanted, needed);
        let score = arrangement.score.beside_text(place.visible()).plus(place.score());
        Self { place, score: score.plus_filled(place.filled(), body), arrangement }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: PreferredSize = PreferredSize::new(Size::new(20, 5), Size::new(36, 16));
    const LARGE: PreferredSize = PreferredSize::new(Size::new(60, 10), Size::new(300, 40));

    fn plan(width: u16, height: u16, wanted: &[PreferredSize], n_lines: usize) -> ScreenLayout {
        let rows = TopRows { has_outputs: false, n_map_lines: 2, has_attention: true };
        let mut plan = ScreenLayout::new(Rect::new(0, 0, width, height), rows);
        plan.arrange(wanted, 0, StageText::Narration(&|_| n_lines));
        plan
    }

    #[test]
    fn two_small_panes_are_in_view_together() {
        let plan = plan(80, 24, &[SMALL, SMALL], 5);
        let [Some(left), Some(right)] = plan.frames[..] else { panic!("both are in view") };
        assert!(left.intersection(right).is_empty() && right.right() <= 80);
    }

    #[test]
    fn panes_that_do_not_fit_together_are_seen_one_at_a_time() {
        let plan = plan(80, 24, &[LARGE, LARGE, LARGE], 5);
        assert!(plan.tabs.is_some());
        assert_eq!(plan.frames.iter().flatten().count(), 1);
    }

    #[test]
    fn nothing_overlaps_or_leaves_the_screen() {
        for (width, height) in [(80, 24), (100, 30), (110, 24), (120, 36), (200, 60), (400, 150)] {
            for wanted in [&[SMALL][..], &[SMALL, LARGE], &[LARGE, SMALL, SMALL], &[]] {
                let plan = plan(width, height, wanted, 9);
                let mut parts: Vec<Rect> = plan.frames.iter().flatten().copied().collect();
                parts.extend([
                    plan.header,
                    plan.title,
                    plan.map,
                    plan.prose,
                    plan.cell,
                    plan.timeline,
                ]);
                parts.extend(plan.sentence.into_iter().chain(plan.tabs));
                for (i, a) in parts.iter().enumerate() {
                    assert!(a.right() <= width && a.bottom() <= height, "{plan:?}");
                    assert!(parts[..i].iter().all(|b| !a.intersects(*b)), "{plan:?}");
                }
            }
        }
    }
}
