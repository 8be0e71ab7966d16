//! Where two passes differ: by site of the residual stream and position, how far the shown pass is from the one before the
//! change, as a share of that one's length. Its site says which stream.

use std::sync::Arc;

use ratatui::{buffer::Buffer, layout::Rect};

use super::{CursorCell, Pane, Scene, Title, Unfolding, in_words::PaneWords, labelled::Table};
use crate::{
    analysis::{
        measure::difference::SiteDifference,
        reading::Differences,
        trace::{Recorded, Trace},
    },
    engine::{
        site::{Axis, Role, Stream},
        value::Extent,
    },
    lesson::{PaneSpec, tr},
    text::fixed,
    ui::{
        descriptions::{cell_labels, short_path},
        widgets::{
            heat::{Columns, Heat, Labels, Scale},
            lines::put_text,
        },
    },
};

pub(super) struct DifferenceMap<'a> {
    scene: Scene<'a>,
    trace: &'a Trace,
    stream: Stream,
    all: Option<Arc<Differences>>,
    /// Indices of the sites shown.
    rows: Vec<usize>,
}

impl<'a> DifferenceMap<'a> {
    pub(super) fn new(scene: Scene<'a>, spec: &PaneSpec) -> Self {
        let trace = scene.reading.trace(scene.model);
        let stream = scene.site(spec).map_or(Stream::Source, |site| site.place.scope.rows());
        let all = scene.reading.differences(scene.model);
        let is_row = |difference: &&SiteDifference| {
            trace.site(&difference.path).is_some_and(|site| is_of_stream(site, stream))
        };
        let rows = all.iter().flat_map(|all| {
            let numbered = all.sites.iter().enumerate();
            numbered.filter(|(_, difference)| is_row(difference)).map(|(i, _)| i)
        });
        let rows = rows.collect();
        Self { scene, trace, stream, all, rows }
    }

    fn difference(&self, row: usize) -> Option<&SiteDifference> {
        self.all.as_ref()?.sites.get(*self.rows.get(row)?)
    }

    fn n_cols(&self) -> usize {
        (0..self.rows.len())
            .filter_map(|row| Some(self.difference(row)?.by_row.len()))
            .max()
            .unwrap_or(0)
    }

    fn share(&self, row: usize, col: usize) -> f32 {
        let share = self.difference(row).and_then(|difference| *difference.by_row.get(col)?);
        share.unwrap_or(f32::NAN)
    }

    fn label(&self, col: usize) -> String {
        self.trace.tokens(self.stream).get(col).map_or_else(String::new, |t| t.text.clone())
    }

    fn heat(&self) -> Heat<'_> {
        let (n_rows, n_cols) = (self.rows.len(), self.n_cols());
        let path = |row| self.difference(row).map_or_else(String::new, |d| short(&d.path));
        let mut heat = self.scene.heat_of_table(Table {
            n_rows,
            n_cols,
            row_labels: Labels::new(n_rows, path),
            columns: Columns::Labels(Labels::new(n_cols, |col| self.label(col))),
            value: Box::new(|row, col| self.share(row, col)),
            scale: Scale::Unit,
            axes: self.scene.language.tr("|b - a| / |a|").to_owned(),
        });
        heat.colours.has_gaps = true;
        heat
    }

    /// The sites that part most, the worst first.
    fn worst(&self) -> Vec<&SiteDifference> {
        let mut all: Vec<&SiteDifference> =
            (0..self.rows.len()).filter_map(|row| self.difference(row)).collect();
        all.sort_by(|a, b| b.whole.total_cmp(&a.whole));
        all
    }
}

/// The label of a row: `enc.0.self` for `encoder.0.self_attn.out`. The cell's line has the path whole.
fn short(path: &str) -> String {
    short_path(path.strip_suffix(".out").unwrap_or(path))
}

/// Whether a site is one of the residual stream, or what is added to it.
fn is_of_stream(site: &Recorded, stream: Stream) -> bool {
    let is_of_stream = matches!(
        site.role(),
        Role::StreamInput
            | Role::Residual(_)
            | Role::SubLayerOutput
            | Role::NormedStream
            | Role::LayerInput
    );
    is_of_stream
        && site.place.scope.rows() == stream
        && matches!(site.axes()[1], Axis::Position | Axis::Query)
}

/// Why nothing differs.
pub(super) fn no_difference(scene: Scene) -> &'static str {
    scene.language.tr(match scene.changed {
        Some(_) => "A alone is on the screen. The key v goes on to B, and to where the two part.",
        None => "There is no second pass yet. The key A sets another sentence beside this one, and the keys of what-ifs change it.",
    })
}

impl Pane for DifferenceMap<'_> {
    fn title(&self) -> Title {
        Title::named(self.scene.language.tr("where the two passes first differ"))
    }

    fn heat_map(&self) -> Option<Heat<'_>> {
        (!self.rows.is_empty()).then(|| self.heat())
    }

    fn extent(&self) -> Extent {
        Extent::new(self.rows.len(), self.n_cols())
    }

    /// The number of the row that differs most.
    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        let difference = self.difference(row)?;
        let site = self.trace.site(&difference.path)?;
        let worst = difference.worst.iter().find(|worst| worst.cell.row == col)?;
        Some(CursorCell {
            address: site.address(worst.cell),
            value: worst.now,
            labels: cell_labels(self.trace, site, worst.cell, self.scene.language),
        })
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        let (path, word) = (&self.difference(row)?.path, self.label(col));
        let share = self.share(row, col);
        let share = if share.is_nan() {
            self.scene.language.tr("no counterpart").to_owned()
        } else {
            fixed(share)
        };
        let word = tr!(self.scene.language, "“{word}”", word);
        Some(format!("{path}  {word}  {share}"))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { language, model, .. } = self.scene;
        let line = |site: &SiteDifference| format!("{}: {}", site.path, fixed(site.whole));
        let lines = self.worst().into_iter().map(line).collect();
        PaneWords::of_model(
            language,
            "Where the two passes differ, the largest first",
            model,
            lines,
        )
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        match self.heat_map() {
            Some(heat) => heat.draw(area, buf),
            None => put_text(buf, area, no_difference(self.scene), self.scene.theme.dim()),
        }
    }
}
