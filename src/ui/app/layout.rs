//! Layout of the screen: arithmetic on rectangles, without drawing.
//!
//! ```text
//! wide                                   narrow
//! header            chapter · status     header
//! title             formula, source      title
//! map                                    map
//! sentence                               sentence, at attention steps
//! panes                    | narration   panes
//!                          |             narration
//! cell under the cursor                  cell under the cursor
//! timeline                               timeline
//! keys or message                        keys or message
//! ```

use ratatui::layout::{Constraint, Layout, Rect};

use crate::ui::panes::PreferredSize;

/// Smallest screen for the walk, in columns and rows.
pub const SMALLEST: (u16, u16) = (80, 24);

/// From this width on, the narration is beside the panes.
const WIDE: u16 = 110;
/// From this height on, the sentence and blank lines are shown.
const TALL: u16 = 30;
/// Columns and rows taken by a pane's border.
const FRAME: u16 = 2;
/// Below this [`comfort`], panes are shown one at a time.
const MIN_COMFORT: f32 = 0.34;
/// Widest narration beside panes: longer lines are hard to read.
const WIDEST_PROSE: u16 = 46;
/// Columns taken by `more ▾`.
const MORE_WIDTH: u16 = 7;

/// Rectangles of the parts of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenLayout {
    pub header: Rect,
    pub title: Rect,
    /// Output of a changed pass and of the plain pass; None without changes.
    pub output: Option<Rect>,
    /// The parts of the model.
    pub map: Rect,
    /// The words of the sentence; on a low screen only where attention tints them.
    pub sentence: Option<Rect>,
    /// Region shared by the panes.
    pub stage: Rect,
    /// Names of the panes, if only one is in view.
    pub tabs: Option<Rect>,
    /// Every pane's frame; None if the pane is not in view.
    pub frames: Vec<Option<Rect>>,
    pub prose: Rect,
    /// The cell under the cursor.
    pub cell: Rect,
    pub timeline: Rect,
    pub hints: Rect,
    is_wide: bool,
    is_tall: bool,
}

/// What stands above the panes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopRows {
    /// Whether the output of a changed pass is shown.
    pub is_changed: bool,
    /// Lines that the map fills on a high screen.
    pub n_map_lines: u16,
    /// Whether attention tints the sentence.
    pub has_attention: bool,
}

/// Narration below the panes of a narrow screen.
#[derive(Clone, Copy, Debug)]
pub struct NarrationBelow {
    pub lines: usize,
    /// The narration may take 1/`share` of the stage's height from the panes.
    pub share: u16,
}

impl ScreenLayout {
    /// Layout of the fixed parts; [`Self::arrange`] adds the panes.
    pub fn new(area: Rect, rows: TopRows) -> Self {
        let (is_wide, is_tall) = (area.width >= WIDE, area.height >= TALL);
        let has_sentence = is_tall || rows.has_attention;
        let n_map_lines = if is_tall { rows.n_map_lines } else { 1 };
        let [header, title, map, output, sentence, body, cell, timeline, hints] =
            Layout::vertical([
                Constraint::Length(1),
                Constraint::Length(1),
                Constraint::Length(n_map_lines),
                Constraint::Length(u16::from(rows.is_changed)),
                Constraint::Length(u16::from(has_sentence)),
                Constraint::Fill(1),
                Constraint::Length(1),
                Constraint::Length(1),
                Constraint::Length(1),
            ])
            .areas(area);
        let prose_width = (area.width * 35 / 100).min(WIDEST_PROSE);
        let [stage, _, prose, _] = Layout::horizontal([
            Constraint::Fill(1),
            Constraint::Length(2),
            Constraint::Length(if is_wide { prose_width } else { 0 }),
            Constraint::Length(1),
        ])
        .areas(body);
        let beneath = Rect { x: body.x + 1, width: body.width.saturating_sub(2), ..body };
        Self {
            header,
            title,
            map,
            output: rows.is_changed.then_some(output),
            sentence: has_sentence.then_some(sentence),
            stage: if is_wide { stage } else { body },
            tabs: None,
            frames: vec![],
            prose: if is_wide { without_top_rows(prose, 1) } else { beneath },
            cell,
            timeline,
            hints,
            is_wide,
            is_tall,
        }
    }

    pub fn is_airy(&self) -> bool {
        self.is_tall
    }

    /// Places the panes and the narration. Below the panes the narration gets its lines, up to 1/`share` of the stage,
    /// and the lines that the panes leave free.
    pub fn arrange(&mut self, wanted: &[PreferredSize], focus: usize, beneath: NarrationBelow) {
        let n_lines = beneath.lines as u16;
        if self.is_wide {
            self.place(wanted, focus);
        } else {
            let body = self.stage;
            let least = n_lines.min((body.height / beneath.share).max(5)).min(body.height);
            self.stage.height = body.height - least;
            self.place(wanted, focus);
            let used =
                self.frames.iter().flatten().map(|frame| frame.bottom()).max().unwrap_or(body.y);
            let gap = u16::from(self.is_tall && used + n_lines < body.bottom());
            self.prose = Rect { y: used + gap, height: body.bottom() - used - gap, ..self.prose };
        }
    }

    /// Width of the narration beside `more ▾`.
    pub fn width_beside_more(&self) -> u16 {
        self.prose.width.saturating_sub(MORE_WIDTH)
    }

    fn place(&mut self, wanted: &[PreferredSize], focus: usize) {
        let stage = self.stage;
        let best = [side_by_side(stage, wanted), stacked(stage, wanted)]
            .into_iter()
            .flatten()
            .map(|frames| (comfort(&frames, wanted), frames))
            .reduce(|a, b| if b.0 > a.0 { b } else { a });
        match best {
            Some((comfort, frames)) if wanted.len() < 2 || comfort >= MIN_COMFORT => {
                let frames = if self.is_wide { grow(stage, frames, wanted) } else { frames };
                self.frames = frames.into_iter().map(Some).collect();
            }
            _ if wanted.len() < 2 => self.frames = vec![Some(stage); wanted.len()],
            _ => {
                self.tabs = Some(Rect { height: 1.min(stage.height), ..stage });
                let height = wanted[focus.min(wanted.len() - 1)].ideal.1.saturating_add(FRAME);
                let rest = without_top_rows(stage, 1);
                let frame = Rect { height: rest.height.min(height), ..rest };
                self.frames = (0..wanted.len()).map(|i| (i == focus).then_some(frame)).collect();
            }
        }
    }
}

/// The area without its first rows.
fn without_top_rows(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

fn with_frame(size: (u16, u16)) -> (u16, u16) {
    (size.0.saturating_add(FRAME), size.1.saturating_add(FRAME))
}

/// Frames in one row over the full width, as high as the highest ideal; None if they do not fit.
fn side_by_side(stage: Rect, wanted: &[PreferredSize]) -> Option<Vec<Rect>> {
    let gaps = wanted.len().saturating_sub(1) as u16;
    let sizes: Vec<_> =
        wanted.iter().map(|w| (with_frame(w.min).0, with_frame(w.ideal).0)).collect();
    let widths = widen(share(stage.width.checked_sub(gaps)?, &sizes)?, stage.width - gaps);
    let least = wanted.iter().map(|w| with_frame(w.min).1).max()?;
    let ideal = wanted.iter().map(|w| with_frame(w.ideal).1).max()?;
    if least > stage.height {
        return None;
    }
    let height = ideal.min(stage.height);
    let mut x = stage.x;
    let frame = |width: u16| {
        let frame = Rect { x, y: stage.y, width, height };
        x += width + 1;
        frame
    };
    Some(widths.into_iter().map(frame).collect())
}

/// Frames one above the other, each over the full width; None if they do not fit.
fn stacked(stage: Rect, wanted: &[PreferredSize]) -> Option<Vec<Rect>> {
    let sizes: Vec<_> =
        wanted.iter().map(|w| (with_frame(w.min).1, with_frame(w.ideal).1)).collect();
    let heights = share_in_order(stage.height, &sizes)?;
    if wanted.iter().any(|w| with_frame(w.min).0 > stage.width) {
        return None;
    }
    let mut y = stage.y;
    let frame = |height: u16| {
        let frame = Rect { y, height, ..stage };
        y += height;
        frame
    };
    Some(heights.into_iter().map(frame).collect())
}

/// Distributes the remaining height to panes that can use it.
fn grow(stage: Rect, frames: Vec<Rect>, wanted: &[PreferredSize]) -> Vec<Rect> {
    let tallest = |w: &PreferredSize| w.tallest.saturating_add(FRAME);
    if frames.iter().all(|frame| frame.y == stage.y) {
        let height = wanted.iter().map(tallest).max().unwrap_or(0).min(stage.height);
        return frames.into_iter().map(|f| Rect { height: height.max(f.height), ..f }).collect();
    }
    let sizes: Vec<_> =
        frames.iter().zip(wanted).map(|(f, w)| (f.height, tallest(w).max(f.height))).collect();
    let Some(heights) = share(stage.height, &sizes) else { return frames };
    let mut y = stage.y;
    let moved = frames.into_iter().zip(heights).map(|(frame, height)| {
        let frame = Rect { y, height, ..frame };
        y += height;
        frame
    });
    moved.collect()
}

/// Divides a length among (least, ideal) sizes: the least to each, the rest in proportion to what is missing to the
/// ideal.
fn share(total: u16, sizes: &[(u16, u16)]) -> Option<Vec<u16>> {
    let least: u32 = sizes.iter().map(|s| u32::from(s.0)).sum();
    let missing: Vec<u32> = sizes.iter().map(|s| u32::from(s.1.saturating_sub(s.0))).collect();
    let mut rest = u32::from(total).checked_sub(least)?;
    let mut total_missing: u32 = missing.iter().sum();
    let allot = |(size, &missing): (&(u16, u16), &u32)| {
        let part = (rest.min(total_missing) * missing).checked_div(total_missing).unwrap_or(0);
        (rest, total_missing) = (rest - part, total_missing - missing);
        size.0 + part as u16
    };
    Some(sizes.iter().zip(&missing).map(allot).collect())
}

/// Divides a length among (least, ideal) sizes: the least to each, the rest to the first until it has its ideal, then
/// to the next: the main picture is whole before another grows.
fn share_in_order(total: u16, sizes: &[(u16, u16)]) -> Option<Vec<u16>> {
    let least: u32 = sizes.iter().map(|s| u32::from(s.0)).sum();
    let mut rest = u32::from(total).checked_sub(least)?;
    let allot = |size: &(u16, u16)| {
        let part = rest.min(u32::from(size.1.saturating_sub(size.0)));
        rest -= part;
        size.0 + part as u16
    };
    Some(sizes.iter().map(allot).collect())
}

/// Distributes the rest of a length evenly.
fn widen(mut lengths: Vec<u16>, total: u16) -> Vec<u16> {
    let n = lengths.len() as u16;
    let rest = total.saturating_sub(lengths.iter().sum());
    for (i, length) in lengths.iter_mut().enumerate() {
        *length += rest / n.max(1) + u16::from((i as u16) < rest % n.max(1));
    }
    lengths
}

/// Mean fraction of their ideal area that the panes get, 0 to 1.
fn comfort(frames: &[Rect], wanted: &[PreferredSize]) -> f32 {
    let fraction = |got: u16, ideal: u16| (f32::from(got) / f32::from(ideal.max(1))).min(1.0);
    let pane_comfort = |(frame, wanted): (&Rect, &PreferredSize)| {
        let (width, height) = with_frame(wanted.ideal);
        fraction(frame.width, width) * fraction(frame.height, height)
    };
    frames.iter().zip(wanted).map(pane_comfort).sum::<f32>() / frames.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: PreferredSize = PreferredSize::new((20, 5), (36, 16));
    const LARGE: PreferredSize = PreferredSize::new((60, 10), (300, 40));

    fn plan(width: u16, height: u16, wanted: &[PreferredSize], n_lines: usize) -> ScreenLayout {
        let rows = TopRows { is_changed: false, n_map_lines: 2, has_attention: true };
        let mut plan = ScreenLayout::new(Rect::new(0, 0, width, height), rows);
        plan.arrange(wanted, 0, NarrationBelow { lines: n_lines, share: 4 });
        plan
    }

    #[test]
    fn lengths_are_shared_by_need_and_never_beyond_the_ideal() {
        assert_eq!(share(30, &[(10, 20), (10, 12)]), Some(vec![18, 12]));
        assert_eq!(share(100, &[(10, 20), (10, 12)]), Some(vec![20, 12]));
        assert_eq!(share(19, &[(10, 20), (10, 12)]), None);
        assert_eq!(share_in_order(30, &[(10, 18), (10, 20)]), Some(vec![18, 12]));
        assert_eq!(share_in_order(100, &[(10, 20), (10, 12)]), Some(vec![20, 12]));
        assert_eq!(share_in_order(19, &[(10, 20), (10, 12)]), None);
    }

    #[test]
    fn two_small_panes_are_side_by_side() {
        let plan = plan(80, 24, &[SMALL, SMALL], 5);
        let [Some(left), Some(right)] = plan.frames[..] else { panic!("both are in view") };
        assert_eq!((left.y, left.height), (right.y, right.height));
        assert!(left.right() < right.x && right.right() <= 80);
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
