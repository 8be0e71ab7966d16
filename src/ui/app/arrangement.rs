//! Where the panes and the text of a step go: every arrangement is tried, and the best one is taken.
//!
//! The main picture, a step's first pane, comes first: no arrangement in which more of it is cut can win. Then counts
//! that the text and the other panes are in view, and that little space is left blank. A pane that would be cut too
//! much stays behind its tab.

use ratatui::layout::{Rect, Size};

use crate::ui::{
    panes::{Growth, PreferredSize},
    widgets::lines::without_top_rows,
};

/// Columns and rows taken by a pane's border.
pub(super) const FRAME: u16 = 2;
/// Columns between two panes.
const GAP: u16 = 1;
/// Least fraction of a pane that must be in view; below it the pane stays behind its tab.
const LEAST_VISIBLE: f32 = 0.4;

/// Frames of panes on a stage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arrangement {
    /// Those of the panes in view.
    pub(super) frames: Vec<PaneFrame>,
    /// How good it is.
    pub(super) score: ArrangementScore,
}

/// A frame, with the index of its pane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PaneFrame {
    pub(super) pane: usize,
    pub(super) frame: Rect,
}

/// Compared in order.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct ArrangementScore {
    /// Visible part of the main picture, in twentieths, so that differences that no one sees decide nothing.
    main: u8,
    /// Sum of what else counts.
    rest: f32,
}

/// The worth of numbers in the main picture: more than that of any other picture.
const WORTH_OF_NUMBERS: f32 = 1.0;
/// What it costs that a pane stays behind its tab while a later one is in view.
const SKIPPED: f32 = 0.5;
/// What it costs that a picture beside the main one is cut.
const CUT: f32 = 0.4;
/// The worth of a body without blank cells.
const WORTH_OF_FULL: f32 = 3.0;

impl ArrangementScore {
    /// The score with that value added for what stands beside the panes.
    pub(super) fn plus(self, value: f32) -> Self {
        Self { rest: self.rest + value, ..self }
    }

    /// The score beside a text of which a part is in view: a cut text is as bad as a cut picture.
    pub(super) fn beside_text(self, visible: f32) -> Self {
        Self { main: (f32::from(self.main) * visible) as u8, ..self }
    }

    /// The score with the worth of a part of the body that is not blank.
    pub(super) fn plus_filled(self, cells: f32, body: Rect) -> Self {
        let area = f32::from(body.width) * f32::from(body.height);
        self.plus(WORTH_OF_FULL * cells / area.max(1.0))
    }
}

/// The best arrangement of the panes on a stage, a part of the body, in which pane `needed` is in view. Panes that are
/// left out have tabs in the stage's first row.
pub(super) fn arrange(
    stage: Rect,
    body: Rect,
    wanted: &[PreferredSize],
    needed: usize,
) -> Arrangement {
    let n = wanted.len();
    let under_tabs = without_top_rows(stage, 1);
    let subsets = (1..1_usize << n.min(6))
        .map(|bits| -> Vec<usize> { (0..n).filter(|i| bits >> i & 1 == 1).collect() });
    let stays_hidden = |i: &usize| *i != needed && wanted[*i].stays_behind_tab;
    let shown = subsets.filter(|panes| panes.contains(&needed) && !panes.iter().any(stays_hidden));
    let candidates = shown.flat_map(|panes| {
        let stage = if panes.len() == n { stage } else { under_tabs };
        let sizes: Vec<_> = panes.iter().map(|i| wanted[*i]).collect();
        arrangements(stage, &sizes).into_iter().map(move |frames| (panes.clone(), frames))
    });
    let scored = candidates.filter_map(|(panes, frames)| {
        let placed = panes.into_iter().zip(frames);
        let frames: Vec<_> = placed.map(|(pane, frame)| PaneFrame { pane, frame }).collect();
        Some(Arrangement { score: score(body, &frames, wanted)?, frames })
    });
    let best = scored.reduce(|a, b| if b.score > a.score { b } else { a });
    best.unwrap_or_else(|| alone(if n > 1 { under_tabs } else { stage }, wanted, needed))
}

/// One pane on the whole stage.
fn alone(stage: Rect, wanted: &[PreferredSize], pane: usize) -> Arrangement {
    let height = wanted.get(pane).map_or(0, |w| w.tallest.saturating_add(FRAME)).min(stage.height);
    let frame = Rect { height, ..stage };
    let frames = wanted.get(pane).map(|_| PaneFrame { pane, frame }).into_iter().collect();
    Arrangement { frames, score: ArrangementScore { main: 0, rest: 0.0 } }
}

/// None if a pane beside the main picture is cut too much, or makes the main one narrow.
fn score(body: Rect, frames: &[PaneFrame], wanted: &[PreferredSize]) -> Option<ArrangementScore> {
    let main = frames.iter().map(|placed| placed.pane).min().unwrap_or(0);
    let (mut score, mut filled) = (ArrangementScore { main: 0, rest: 0.0 }, 0.0);
    for &PaneFrame { pane, frame } in frames {
        let size = Size::new(frame.width - FRAME, frame.height - FRAME);
        let wanted = &wanted[pane];
        let (visible, detail) = (wanted.seen(size), wanted.detail(size));
        if pane == main {
            let alone = Size::new(body.width - FRAME, body.height - FRAME);
            let is_squeezed = wanted.is_narrow_map(size) && !wanted.is_narrow_map(alone);
            if frames.len() > 1 && is_squeezed {
                return None;
            }
            score.main = (visible * 20.0) as u8;
            score.rest += detail + if wanted.has_numbers(size) { WORTH_OF_NUMBERS } else { 0.0 };
        } else if visible < LEAST_VISIBLE {
            return None;
        } else {
            score.rest += visible * (0.4 + 0.4 * detail);
            // The space of a cut picture counts as blank.
            if wanted.is_cropped(size) {
                score.rest -= CUT;
                continue;
            }
        }
        let used = wanted.used(size);
        filled += wanted.density() * f32::from(used.width + FRAME) * f32::from(used.height + FRAME);
    }
    Some(score.plus(-SKIPPED * n_skipped(frames, wanted) as f32).plus_filled(filled, body))
}

/// The panes that stay behind their tabs although later ones are in view: a step's panes stand in the order of their use.
fn n_skipped(frames: &[PaneFrame], wanted: &[PreferredSize]) -> usize {
    let is_shown = |pane: usize| frames.iter().any(|placed| placed.pane == pane);
    let last = frames.iter().map(|placed| placed.pane).max().unwrap_or(0);
    (0..last).filter(|&i| !is_shown(i) && !wanted[i].stays_behind_tab).count()
}

/// The ways to place panes on a stage: in a row, in a column, and the first with the others in a column or row beside
/// or below it.
fn arrangements(stage: Rect, wanted: &[PreferredSize]) -> Vec<Vec<Rect>> {
    let main_and_others = |(first, others): (&PreferredSize, &[PreferredSize])| {
        let (row, column) = (combined_row(others), combined_column(others));
        let beside = row_of(stage, &[*first, column])
            .and_then(|frames| Some([vec![frames[0]], column_of(frames[1], others)?].concat()));
        let below = column_of(stage, &[*first, row])
            .and_then(|frames| Some([vec![frames[0]], row_of(frames[1], others)?].concat()));
        [beside, below]
    };
    let nested = wanted.split_first().filter(|(_, others)| others.len() > 1).map(main_and_others);
    [row_of(stage, wanted), column_of(stage, wanted)]
        .into_iter()
        .chain(nested.into_iter().flatten())
        .flatten()
        .collect()
}

/// Size of a row of panes, without the frame that [`row_of`] and [`column_of`] add.
fn combined_row(wanted: &[PreferredSize]) -> PreferredSize {
    combine(wanted, sum, most)
}

/// Size of a column of panes, without the frame that [`row_of`] and [`column_of`] add.
fn combined_column(wanted: &[PreferredSize]) -> PreferredSize {
    combine(wanted, most, sum)
}

fn most(sizes: &mut dyn Iterator<Item = u16>) -> u16 {
    sizes.max().unwrap_or(0)
}

fn sum(sizes: &mut dyn Iterator<Item = u16>) -> u16 {
    let with_frame = |size: u16| size.saturating_add(FRAME + GAP);
    let total = sizes.map(with_frame).fold(0, u16::saturating_add);
    total.saturating_sub(FRAME + GAP)
}

fn combine(
    wanted: &[PreferredSize],
    width: fn(&mut dyn Iterator<Item = u16>) -> u16,
    height: fn(&mut dyn Iterator<Item = u16>) -> u16,
) -> PreferredSize {
    let of = |size: fn(&PreferredSize) -> Size| {
        Size::new(
            width(&mut wanted.iter().map(|w| size(w).width)),
            height(&mut wanted.iter().map(|w| size(w).height)),
        )
    };
    let largest = of(|w| Size::new(w.widest, w.tallest));
    PreferredSize {
        min: of(|w| w.min),
        whole: of(|w| w.whole),
        ideal: of(|w| w.ideal),
        tallest: largest.height,
        widest: largest.width,
        growth: Growth::Even,
        stays_behind_tab: false,
    }
}

/// Frames in one row, as high as the highest needs; None if they do not fit.
fn row_of(stage: Rect, wanted: &[PreferredSize]) -> Option<Vec<Rect>> {
    let gaps = GAP * wanted.len().saturating_sub(1) as u16;
    let widths = |w: &PreferredSize| [w.min.width, w.whole.width, w.ideal.width, w.widest];
    let sizes: Vec<_> = wanted.iter().map(widths).collect();
    let least = wanted.iter().map(|w| w.min.height + FRAME).max()?;
    let mut widths = share(stage.width.checked_sub(gaps)?, &sizes)?;
    let used = |w: &PreferredSize, width| framed(w, Size { width, ..stage.as_size() });
    fill(&mut widths, stage.width - gaps, |i, width| used(&wanted[i], width).width);
    let heights = wanted.iter().zip(&widths).map(|(w, width)| used(w, *width).height);
    let (height, mut x) = (heights.max()?, stage.x);
    let frame = |width: u16| {
        let frame = Rect { x, width, height, ..stage };
        x += width + GAP;
        frame
    };
    (least <= stage.height).then(|| widths.into_iter().map(frame).collect())
}

/// Frames one above the other, as wide as the widest needs; None if they do not fit.
fn column_of(stage: Rect, wanted: &[PreferredSize]) -> Option<Vec<Rect>> {
    let heights = |w: &PreferredSize| [w.min.height, w.whole.height, w.ideal.height, w.tallest];
    let sizes: Vec<_> = wanted.iter().map(heights).collect();
    let least = wanted.iter().map(|w| w.min.width + FRAME).max()?;
    let mut heights = share(stage.height, &sizes)?;
    let used = |w: &PreferredSize, height| framed(w, Size { height, ..stage.as_size() });
    fill(&mut heights, stage.height, |i, height| used(&wanted[i], height).height);
    let widths = wanted.iter().zip(&heights).map(|(w, height)| used(w, *height).width);
    let (width, mut y) = (widths.max()?, stage.y);
    let frame = |height: u16| {
        let frame = Rect { y, width, height, ..stage };
        y += height;
        frame
    };
    (least <= stage.width).then(|| heights.into_iter().map(frame).collect())
}

/// What a pane uses of a frame of that size, its border included; its title stays whole.
fn framed(wanted: &PreferredSize, Size { width, height }: Size) -> Size {
    let used = wanted.used(Size::new(width.saturating_sub(FRAME), height.saturating_sub(FRAME)));
    Size::new((used.width.max(wanted.min.width) + FRAME).min(width), used.height + FRAME)
}

/// Reduces lengths to what is used of them, and gives the rest to the first that can use it.
fn fill(lengths: &mut [u16], total: u16, used: impl Fn(usize, u16) -> u16) {
    for (i, length) in lengths.iter_mut().enumerate() {
        *length = used(i, *length);
    }
    let mut rest = total.saturating_sub(lengths.iter().sum());
    for (i, length) in lengths.iter_mut().enumerate() {
        let more = used(i, *length + rest).saturating_sub(*length);
        *length += more;
        rest -= more;
    }
}

/// Divides a length among panes with their rising sizes, without frames: the least to each; then, size by size, in
/// order, so that the main picture is whole before another grows. None if the least do not fit.
fn share(total: u16, sizes: &[[u16; 4]]) -> Option<Vec<u16>> {
    let mut lengths: Vec<u16> = sizes.iter().map(|s| s[0].saturating_add(FRAME)).collect();
    let taken = lengths.iter().fold(0, |sum: u16, length| sum.saturating_add(*length));
    let mut rest = total.checked_sub(taken)?;
    for level in 1..4 {
        for (length, size) in lengths.iter_mut().zip(sizes) {
            let more = size[level].saturating_add(FRAME).saturating_sub(*length).min(rest);
            *length += more;
            rest -= more;
        }
    }
    Some(lengths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::value::PlaneCell;

    const STAGE: Rect = Rect::new(0, 0, 80, 20);

    fn size(min: impl Into<Size>, whole: impl Into<Size>) -> PreferredSize {
        let whole = whole.into();
        PreferredSize { whole, ..PreferredSize::new(min.into(), whole) }
    }

    #[test]
    fn the_main_picture_is_whole_before_another_grows() {
        let sizes = [[4, 10, 20, 30], [4, 10, 20, 30]];
        assert_eq!(share(24, &sizes), Some(vec![12, 12]));
        assert_eq!(share(20, &sizes), Some(vec![12, 8]));
        assert_eq!(share(38, &sizes), Some(vec![22, 16]));
        assert_eq!(share(11, &sizes), None);
    }

    #[test]
    fn a_picture_that_would_cut_the_main_one_stays_behind_its_tab() {
        let (main, other) = (size((20, 5), (60, 16)), size((30, 8), (30, 8)));
        let best = arrange(STAGE, STAGE, &[main, other], 0);
        assert_eq!(best.frames.iter().map(|placed| placed.pane).collect::<Vec<_>>(), [0]);
        assert!(best.frames[0].frame.y > STAGE.y, "the tabs have their row");
        let other_needed = arrange(STAGE, STAGE, &[main, other], 1);
        assert!(other_needed.frames.iter().any(|placed| placed.pane == 1));
    }

    #[test]
    fn a_picture_beside_the_main_one_is_whole_or_behind_its_tab() {
        use crate::{
            lesson::Language,
            ui::{
                theme::Theme,
                widgets::heat::{Colours, Columns, Heat, Labels, Marks, Scale, Zoom},
            },
        };
        let theme = Theme::default();
        let wanted = |n_rows: usize, n_cols: usize, is_map: bool| {
            let heat = Heat {
                theme: &theme,
                language: Language::English,
                n_rows,
                n_cols,
                value: Box::new(|_, _| 0.0),
                most_prominent: None,
                row_labels: Labels::new(n_rows, |_| "bicycle".to_owned()),
                columns: Columns::Counted,
                scale: Scale::Unit,
                cursor: PlaneCell::default(),
                focused: true,
                marks: Marks::default(),
                row_noun: "rows",
                rows_may_grow: true,
                rows_may_share: true,
                pools_rows: false,
                has_legend: true,
                zoom: Zoom::Fit,
                colours: Colours::default(),
                is_map,
                axes: String::new(),
            };
            PreferredSize::of_heat(&heat)
        };
        let size = |frame: Rect| Size::new(frame.width - FRAME, frame.height - FRAME);
        let body = Rect::new(0, 0, 118, 28);
        let stage = Rect { height: 23, ..body };
        let q_k_v = [wanted(17, 32, false); 3];
        let best = arrange(stage, body, &q_k_v, 0);
        assert_eq!(best.frames.len(), 3);
        for placed in &best.frames {
            assert!(!q_k_v[placed.pane].is_cropped(size(placed.frame)), "{placed:?}");
        }
        let maps = [wanted(24, 17, true); 3];
        let best = arrange(stage, body, &maps, 0);
        assert!(!maps[0].is_narrow_map(size(best.frames[0].frame)), "{best:?}");
    }

    #[test]
    fn frames_stay_on_the_stage_and_apart() {
        let sizes = [size((8, 3), (20, 9)), size((10, 4), (30, 6)), size((12, 2), (12, 5))];
        for n in 1..=3 {
            for frames in arrangements(STAGE, &sizes[..n]) {
                for (i, a) in frames.iter().enumerate() {
                    assert_eq!(a.intersection(STAGE), *a, "{frames:?}");
                    assert!(frames[..i].iter().all(|b| !a.intersects(*b)), "{frames:?}");
                }
            }
        }
    }
}
