//! The map of patched values: how much of the difference of two sentences each value carries. Its site is one that the
//! map has a row for.

use std::borrow::Cow;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Pane, PreferredSize, Scene, Unfolding, words::PaneWords};
use crate::{
    analysis::{
        evidence::patching::{PatchKind, PatchMap},
        reading::Patched,
    },
    engine::{site::Stream, value::Matrix},
    lesson::{PaneSpec, tr},
    text::fixed,
    ui::widgets::{
        heat::{Columns, Heat, Labels, Marks, Scale, Zoom},
        lines::{put_on, put_text},
    },
};

pub(super) struct PatchedMap<'a> {
    scene: Scene<'a>,
    site: String,
    is_known: bool,
    patched: Option<(&'a Patched, usize)>,
}

impl<'a> PatchedMap<'a> {
    pub(super) fn new(scene: Scene<'a>, spec: &PaneSpec) -> Self {
        let site = spec.path(0).unwrap_or_default();
        let findings = scene.reading.known_findings();
        let patched =
            findings.and_then(|all| of_site(all.get(&scene.model)?.patched.as_ref()?, &site));
        Self { scene, is_known: findings.is_some(), patched, site }
    }

    fn map(&self) -> Option<&'a PatchMap> {
        self.patched.map(|(patched, map)| &patched.maps[map])
    }

    fn label(patched: &Patched, map: &PatchMap, col: usize) -> String {
        let words = if map.stream == Stream::Target { &patched.target } else { &patched.source };
        match map.kind {
            PatchKind::Heads => col.to_string(),
            _ => words.get(col).map_or_else(String::new, |token| token.text.clone()),
        }
    }

    fn heat(&self) -> Heat<'a> {
        let Scene { theme, language, selection, focused, view, .. } = self.scene;
        let (rows, n_cols): (&[String], usize) =
            self.map().map_or((&[], 0), |map| (&map.rows, map.n_cols));
        let patched = self.patched;
        let cursor = (
            selection.row.min(rows.len().saturating_sub(1)),
            selection.col.min(n_cols.saturating_sub(1)),
        );
        Heat {
            theme,
            language,
            n_rows: rows.len(),
            n_cols,
            value: Box::new(move |row, col| {
                patched.and_then(|(p, map)| p.shares[map][row][col]).unwrap_or(f32::NAN)
            }),
            most_prominent: None,
            row_labels: Labels::listed(rows.iter().map(|path| short(path)).collect()),
            columns: Columns::Labels(Labels::listed(patched.map_or_else(Vec::new, |(p, map)| {
                (0..n_cols).map(|col| Self::label(p, &p.maps[map], col)).collect()
            }))),
            scale: Scale::Signed(1.0),
            cursor,
            focused,
            marks: Marks::default(),
            row_noun: language.tr("rows"),
            rows_may_grow: true,
            zoom: view.zoom,
            is_map: false,
            axes: patched.map_or_else(String::new, |(p, _)| {
                let [a, b] = &p.sentences;
                format!("A: {a}  B: {b}")
            }),
        }
    }
}

/// A site's name for a row: `enc.0.self` for `encoder.0.self_attn.context`. The cell's line has it whole.
fn short(path: &str) -> String {
    let scope = path.rsplit_once('.').map_or(path, |(scope, _)| scope);
    let parts = [("encoder", "enc"), ("decoder", "dec"), ("_attn", "")];
    parts.into_iter().fold(scope.to_owned(), |name, (long, short)| name.replace(long, short))
}

fn of_site<'a>(patched: &'a Patched, site: &str) -> Option<(&'a Patched, usize)> {
    Some((patched, patched.map_of(site)?))
}

impl Pane for PatchedMap<'_> {
    fn title(&self) -> String {
        let language = self.scene.language;
        let Some((patched, map)) = self.patched else {
            return language.tr("patched values").to_owned();
        };
        let kind = language.tr(patched.maps[map].kind.name());
        let (word, against) = (&patched.word, &patched.against);
        tr!(language, "patched: {kind} · 0 “{against}”, 1 “{word}”", kind, against, word)
    }

    fn extent(&self) -> (usize, usize) {
        self.map().map_or((0, 0), |map| (map.rows.len(), map.n_cols))
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        let (patched, map) = self.patched?;
        let share = patched.shares[map].get(row)?.get(col)?;
        let share =
            share.map_or_else(|| self.scene.language.tr("no counterpart").to_owned(), fixed);
        let map = &patched.maps[map];
        let label = Self::label(patched, map, col);
        Some(format!("{}  “{label}”  {share}  A: {}", map.rows.get(row)?, patched.sentences[0]))
    }

    fn preferred_size(&self) -> PreferredSize {
        if self.map().is_none() {
            return PreferredSize::new((30, 4), (60, 8));
        }
        PreferredSize::of_heat(&self.heat()).titled(&self.title())
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<(usize, usize)> {
        self.map()?;
        self.heat().cell_at(area, position)
    }

    fn zoom(&self, area: Rect) -> Option<Zoom> {
        self.map()?;
        Some(self.heat().zoom_in(area))
    }

    fn plane(&self) -> Option<Cow<'_, Matrix>> {
        let (patched, map) = self.patched?;
        let (n_rows, n_cols) = self.extent();
        let share = |row: usize, col: usize| patched.shares[map][row][col].unwrap_or(f32::NAN);
        Some(Cow::Owned(Matrix::from_fn(n_rows, n_cols, share)))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, .. } = self.scene;
        let patched = reading.findings().get(&model).and_then(|found| found.patched.as_ref());
        let lines =
            patched.and_then(|patched| of_site(patched, &self.site)).map(|(patched, map)| {
                let rows = patched.maps[map].rows.iter().zip(&patched.shares[map]);
                let line = |(site, shares): (&String, &Vec<Option<f32>>)| {
                    let share = |(col, share): (usize, &Option<f32>)| {
                        let label = Self::label(patched, &patched.maps[map], col);
                        format!("{label} {}", share.map_or_else(|| "-".to_owned(), fixed))
                    };
                    format!(
                        "{site}: {}",
                        shares.iter().enumerate().map(share).collect::<Vec<_>>().join(", ")
                    )
                };
                let [a, b] = &patched.sentences;
                [format!("A: {a}"), format!("B: {b}")].into_iter().chain(rows.map(line)).collect()
            });
        let kind = language.tr("Patched values, 0 as B and 1 as A");
        PaneWords::of_model(language, kind, model, lines.unwrap_or_default())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (theme, language) = (self.scene.theme, self.scene.language);
        if !self.is_known {
            put_on(buf, area, &[(self.scene.measuring(), theme.dim())]);
            return;
        }
        if self.map().is_none() {
            let text = language.tr("No other sentence to take values from: one with “tired” or “hot” has a counterpart, and `lookback patch` takes any two.");
            put_text(buf, area, text, theme.dim());
            return;
        }
        self.heat().draw(area, buf);
    }
}
