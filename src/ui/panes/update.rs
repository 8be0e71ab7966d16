//! The gradient of the loss with respect to one weight, and the update of each of its numbers. Its site is the weight.

use std::{borrow::Cow, sync::Arc};

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords, labelled::Table};
use crate::{
    analysis::{reading::Course, trace::Recorded},
    engine::{
        arithmetic::Arithmetic,
        value::{Cell, Extent, Matrix},
    },
    lesson::{PaneSpec, tr},
    text::{fixed, rounded},
    ui::widgets::heat::{Columns, Heat, Labels, Scale},
};

pub(super) struct UpdateMap<'a> {
    scene: Scene<'a>,
    site: Option<&'a Recorded>,
    course: Option<Arc<Course>>,
}

impl<'a> UpdateMap<'a> {
    pub(super) fn new(scene: Scene<'a>, spec: &PaneSpec) -> Self {
        Self { scene, site: scene.site(spec), course: scene.reading.known_course(scene.model) }
    }

    /// The gradient, if it is known.
    fn gradient(&self) -> Option<&Matrix> {
        Some(self.course.as_ref()?.gradient(self.site?.path())?.matrix())
    }

    fn update(&self, row: usize, col: usize) -> Option<Arithmetic> {
        let (site, cell) = (self.site?, Cell::new(0, row, col));
        let now = site.shape().holds(cell).then(|| site.value.get(cell))?;
        Some(self.course.as_ref()?.update(site.path(), cell, now))
    }
}

/// A heat map of signed numbers with numbered rows and columns.
pub(super) fn numbered_heat<'b>(
    scene: Scene<'b>,
    Extent { rows: n_rows, cols: n_cols }: Extent,
    value: impl Fn(usize, usize) -> f32 + 'b,
) -> Heat<'b> {
    let numbers = (0..n_rows).flat_map(|row| (0..n_cols).map(move |col| (row, col)));
    let scale = Scale::signed(numbers.map(|(row, col)| value(row, col)));
    let table = Table {
        n_rows,
        n_cols,
        row_labels: Labels::new(n_rows, |row| row.to_string()),
        columns: Columns::Counted,
        value: Box::new(value),
        scale,
        axes: String::new(),
    };
    Heat { rows_may_grow: false, ..scene.heat_of_table(table) }
}

impl Pane for UpdateMap<'_> {
    fn title(&self) -> Title {
        let path = self.site.map_or("", Recorded::path);
        Title::about_site(path, &tr!(self.scene.language, "gradient of {path}", path))
    }

    fn heat_map(&self) -> Option<Heat<'_>> {
        let gradient = self.gradient()?;
        let slope = |row, col| gradient[(row, col)];
        // All of it is in view: which rows learn most is not known beforehand.
        Some(Heat { pools_rows: true, ..numbered_heat(self.scene, Extent::of(gradient), slope) })
    }

    fn extent(&self) -> Extent {
        self.gradient().map_or(Extent::NONE, Extent::of)
    }

    fn arithmetic(&self, row: usize, col: usize) -> Option<Arithmetic> {
        self.update(row, col)
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        let next = self.update(row, col)?;
        let (slope, rate) = (self.gradient()?.get((row, col))?, self.course.as_ref()?.rate);
        let path = self.site?.path();
        let now = self.site?.value.get(Cell::new(0, row, col));
        let slope = fixed(*slope);
        let [now, next] = [now, next.value].map(|x| rounded(x, 5));
        Some(format!("{path}[{row},{col}]  {now} − {rate} · {slope} = {next}"))
    }

    fn preferred_size(&self) -> PreferredSize {
        match self.heat_map() {
            Some(heat) => PreferredSize::of_heat(&heat).titled(&self.title()),
            None => PreferredSize::new(Size::new(30, 4), Size::new(60, 10)),
        }
    }

    fn plane(&self) -> Option<Cow<'_, Matrix>> {
        self.gradient().map(Cow::Borrowed)
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, .. } = self.scene;
        let line = || {
            let (course, site) = (reading.course(model)?, self.site?);
            let cell = course.steepest(site.path(), None)?;
            let update = course.update(site.path(), cell, site.value.get(cell));
            Some(tr!(
                language,
                "{weight}[{row},{col}], the steepest: {now} − {rate} · {slope} = {next}",
                weight = site.path(),
                row = cell.row,
                col = cell.col,
                now = fixed(site.value.get(cell)),
                rate = course.rate,
                slope = fixed(course.gradient(site.path())?.get(cell)),
                next = fixed(update.value)
            ))
        };
        let lines = line().into_iter().collect();
        PaneWords::of_model(language, "Gradient and update", model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        match self.heat_map() {
            Some(heat) => heat.draw(area, buf),
            None => super::learning::draw_unknown(self.scene, area, buf),
        }
    }
}
