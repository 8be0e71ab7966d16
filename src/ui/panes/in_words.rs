//! Contents of panes in words: for linear text, screen readers and the descriptions of exported pictures.

use super::{Scene, subject::Subject};
use crate::{
    analysis::measure::heads::{FIGURES, Figure, Summary},
    engine::{
        math::{largest, length},
        site::{Axis, Site},
        value::Cell,
    },
    lesson::{Language, PaneSpec, tr},
    model::ModelName,
    text::fixed,
};

/// A pane's contents in words.
pub struct PaneWords {
    /// Topic of the pane, independent of its title in the lesson.
    pub heading: String,
    /// Its main numbers, one fact per line.
    pub lines: Vec<String>,
}

impl PaneWords {
    pub fn new(heading: impl Into<String>, lines: Vec<String>) -> Self {
        Self { heading: heading.into(), lines }
    }

    /// A heading that ends with the model: `Beam search (Transformer)`.
    pub fn of_model(
        language: Language,
        heading: &str,
        model: ModelName,
        lines: Vec<String>,
    ) -> Self {
        let (heading, model) = (language.tr(heading), language.tr(model.title()));
        Self::new(tr!(language, "{heading} ({model})", heading, model), lines)
    }
}

/// The plane and the row of a site to describe in words.
pub(super) struct RowView<'a> {
    subject: &'a Subject<'a>,
    pub(super) plane: usize,
    pub(super) row: usize,
}

impl<'a> Subject<'a> {
    /// The plane and row to describe: the selected head's plane, or the selected row's where planes are rows.
    pub(super) fn view(&'a self) -> RowView<'a> {
        let (shape, selection) = (self.site.shape(), &self.scene.selection);
        let plane = if self.site.axes()[0] == Axis::Head { selection.head } else { selection.row };
        RowView { subject: self, plane: plane.min(shape.planes - 1), row: self.row() }
    }

    /// The numbers of each row of the form that is shown, in words: the largest two.
    pub fn form_in_words(&self) -> Option<PaneWords> {
        let form = self.form.as_ref()?;
        let language = self.scene.language;
        let line = |row: usize| {
            let shown = |col: usize| self.shown_value(Cell::new(self.plane, row, col));
            let mut keys: Vec<usize> = (0..self.n_cols()).filter(|&col| shown(col) > 0.0).collect();
            keys.sort_by(|&a, &b| shown(b).total_cmp(&shown(a)));
            let key = |&col: &usize| {
                let word = tr!(language, "“{word}”", word = self.label(2, col));
                format!("{word} {}", fixed(shown(col)))
            };
            let keys: Vec<String> = keys.iter().take(2).map(key).collect();
            let keys = keys.join(language.tr(", then "));
            language.labelled(&self.label(1, row), &keys)
        };
        let lines = (0..self.n_rows()).map(line).collect();
        let head = (self.n_planes() > 1).then_some(self.plane);
        Some(PaneWords::new(self.heading(head, language.tr(form.kind().caption())), lines))
    }

    /// The pane in words, with its site as the heading.
    pub(super) fn in_words(&self, lines: Vec<String>) -> PaneWords {
        let (site, language) = (self.site, self.scene.language);
        let is_one_of_heads = site.axes()[0] == Axis::Head;
        let head = self.scene.selection.head.min(site.shape().planes - 1);
        let caption = if self.is_unmasked() {
            language.tr("the mask is off: nothing is hidden")
        } else {
            language.tr(site.caption())
        };
        PaneWords::new(self.heading(is_one_of_heads.then_some(head), caption), lines)
    }

    /// `encoder.0.self_attn.q (Transformer, head 1), what it shows`
    pub(super) fn heading(&self, head: Option<usize>, caption: &str) -> String {
        let (path, language) = (self.site.path(), self.scene.language);
        let model = language.tr(self.scene.model.title());
        let head = head.map(|head| tr!(language, ", head {head}", head)).unwrap_or_default();
        tr!(language, "{path} ({model}{head}), {caption}", path, model, head, caption)
    }

    /// Label of index `i` of an axis: `7 "it"`, `channel 3`.
    pub(super) fn quoted(&self, axis: Axis, i: usize) -> String {
        if axis == Axis::Single {
            return self.scene.language.tr("the only row").into();
        }
        match self.trace.token(self.site, axis, i) {
            Some(label) => tr!(self.scene.language, "{i} \"{label}\"", i, label),
            None => format!("{} {i}", self.scene.language.tr(axis.name())),
        }
    }
}

impl RowView<'_> {
    pub(super) fn values(&self, row: usize) -> Vec<f32> {
        self.subject.site.value.row(self.plane, row)
    }

    /// Label of a row with its token: `7 "it"`.
    pub(super) fn word(&self, row: usize) -> String {
        self.subject.quoted(self.subject.site.axes()[1], row)
    }

    /// One line per row: its largest columns if they are tokens, else its spread.
    pub(super) fn rows(&self) -> Vec<String> {
        let (column, language) = (self.subject.site.axes()[2], self.subject.scene.language);
        let has_token_columns = matches!(column, Axis::Key | Axis::Vocab);
        let line = |row: usize| {
            let text = if has_token_columns {
                self.largest(row, 2)
            } else {
                spread(&self.values(row), language)
            };
            language.labelled(&self.word(row), &text)
        };
        (0..self.subject.n_rows()).map(line).collect()
    }

    /// The `n` largest numbers of a row: `largest at 1 "animal" 0.980, then 4 "street" 0.010; 3 masked`.
    pub(super) fn largest(&self, row: usize, n: usize) -> String {
        let values = self.values(row);
        let (column, language) = (self.subject.site.axes()[2], self.subject.scene.language);
        let finite = |v: &f32| if v.is_finite() { *v } else { f32::NEG_INFINITY };
        let order = largest(&values.iter().map(finite).collect::<Vec<_>>(), n);
        let entry = |&i: &usize| format!("{} {}", self.subject.quoted(column, i), fixed(values[i]));
        let largest: Vec<_> = order.iter().filter(|&&i| values[i].is_finite()).map(entry).collect();
        let masked = values.iter().filter(|v| **v == f32::NEG_INFINITY).count();
        let masked =
            if masked > 0 { tr!(language, "; {masked} masked", masked) } else { String::new() };
        if largest.is_empty() {
            return language.tr("no numbers").to_owned() + &masked;
        }
        let largest = largest.join(language.tr(", then "));
        tr!(language, "largest at {largest}{masked}", largest, masked)
    }

    /// The selected row, and its numbers in other sites of the same scope, one site per line.
    pub(super) fn sibling_rows(&self, sites: &[&Site]) -> Vec<String> {
        let language = self.subject.scene.language;
        let line = |other: &&Site| {
            let site = self.subject.trace.beside(self.subject.site, other)?;
            let values = site.value.row(0, self.row.min(site.shape().rows - 1));
            let text = match values[..] {
                [one] => fixed(one),
                _ => tr!(
                    language,
                    "{spread}, begins {first}",
                    spread = spread(&values, language),
                    first = first(&values, 3)
                ),
            };
            Some(language.labelled(other.name, &text))
        };
        let lines = sites.iter().filter_map(line);
        [tr!(language, "at {word}", word = self.word(self.row))].into_iter().chain(lines).collect()
    }
}

/// Figures of every head of the pane's site, in all layers.
pub(super) fn words_of_heads(scene: Scene, spec: &PaneSpec) -> PaneWords {
    let heads =
        scene.reading.heads().and_then(|heads| heads.get(&scene.model)).into_iter().flatten();
    let is_here = |head: &&Summary| spec.path(head.layer).as_ref() == Some(&head.path);
    let language = scene.language;
    let line = |summary: &Summary| {
        let figure = |figure: &Figure| {
            let value = (figure.of)(&summary.figures)?;
            Some(format!("{} {}", language.tr(figure.heading), fixed(value)))
        };
        let figures: Vec<String> = FIGURES.iter().filter_map(figure).collect();
        let Summary { layer, head, .. } = summary;
        let place = tr!(language, "layer {layer} head {head}", layer, head);
        language.labelled(&place, &figures.join(language.tr(", ")))
    };
    let lines = heads.filter(is_here).map(line).collect();
    PaneWords::of_model(language, "Attention by head", scene.model, lines)
}

/// Range and norm of numbers: `-1.200 to 1.400, length 3.100`.
pub(super) fn spread(values: &[f32], language: Language) -> String {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    tr!(
        language,
        "{least} to {most}, length {length}",
        least = fixed(least),
        most = fixed(most),
        length = fixed(length(values))
    )
}

/// The first `n` numbers, separated by commas.
pub(super) fn first(values: &[f32], n: usize) -> String {
    values.iter().take(n).map(|&v| fixed(v)).collect::<Vec<_>>().join(", ")
}
