//! Heat maps of tables that are not a site's: their rows and columns are labelled by the pane, and its cursor moves over them.

use super::Scene;
use crate::{
    engine::value::PlaneCell,
    ui::widgets::heat::{Colours, Columns, Heat, Labels, Marks, Scale},
};

/// A table of numbers with labels.
pub(super) struct Table<'a> {
    pub n_rows: usize,
    pub n_cols: usize,
    pub row_labels: Labels<'a>,
    pub columns: Columns<'a>,
    pub value: Box<dyn Fn(usize, usize) -> f32 + 'a>,
    pub scale: Scale,
    /// Names of the axes for the legend.
    pub axes: String,
}

impl Scene<'_> {
    /// The heat map of a table with the cursor on the selected cell.
    pub(super) fn heat_of_table<'t>(&self, table: Table<'t>) -> Heat<'t>
    where
        Self: 't,
    {
        let Self { theme, language, selection, focused, view, .. } = *self;
        let within = |index: usize, n: usize| index.min(n.saturating_sub(1));
        Heat {
            theme,
            language,
            n_rows: table.n_rows,
            n_cols: table.n_cols,
            value: table.value,
            most_prominent: None,
            row_labels: table.row_labels,
            columns: table.columns,
            scale: table.scale,
            cursor: PlaneCell {
                row: within(selection.row, table.n_rows),
                col: within(selection.col, table.n_cols),
            },
            focused,
            marks: Marks::default(),
            row_noun: language.tr("rows"),
            rows_may_grow: true,
            rows_may_share: true,
            pools_rows: false,
            has_legend: true,
            zoom: view.zoom,
            colours: Colours { is_logarithmic: view.is_logarithmic, ..Colours::default() },
            is_map: false,
            axes: table.axes,
        }
    }
}
