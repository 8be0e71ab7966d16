//! Attention in the form that is chosen: which subjects have it, what it says and opens into.

use super::{Scene, form::Form, subject::Subject, words::PaneWords};
use crate::{
    analysis::measure::attention_form::{AttentionForm, has_forms},
    engine::{arithmetic::Arithmetic, value::Cell},
    lesson::tr,
    text::fixed,
};

impl Subject<'_> {
    /// The subject with the form of attention that is chosen, if these are attention weights and the model has it.
    pub fn with_form(self) -> Self {
        let Scene { reading, model, view, .. } = self.scene;
        if view.attention == AttentionForm::Weights || !has_forms(self.site) {
            return self;
        }
        let form = match reading.known_attention_map(model, self.site.path(), view.attention) {
            None => Form::Awaited(view.attention),
            Some(map) if map.is_none() => return self,
            Some(map) => Form::Known(map),
        };
        let mut formed = Self { form: Some(form), ..self };
        formed.plane = formed.plane.min(formed.n_planes() - 1);
        formed
    }

    /// The planes shown: heads, or one for all.
    pub fn n_planes(&self) -> usize {
        let formed = self.form.as_ref().and_then(Form::map);
        formed.map_or(self.site.shape().planes, |map| map.value.shape().planes)
    }

    /// The arithmetic of a cell of the form that is shown.
    pub fn arithmetic(&self, row: usize, col: usize) -> Option<Arithmetic> {
        let map = self.form.as_ref()?.map()?;
        let cell = Cell::new(self.plane, row, col);
        self.site.shape().holds(cell).then(|| map.open(self.site, cell))
    }

    /// The words and the number of a cell of the form that is shown.
    pub fn status_line(&self, row: usize, col: usize) -> Option<String> {
        let form = self.form.as_ref()?;
        let language = self.scene.language;
        let [query, key] = [self.label(1, row), self.label(2, col)];
        let number = self.shown_value(Cell::new(self.plane, row, col));
        let (number, caption) = (fixed(number), language.tr(form.kind().caption()));
        Some(tr!(
            language,
            "“{query}” from “{key}” {number}  {caption}",
            query,
            key,
            number,
            caption
        ))
    }

    /// The numbers of each row of the form that is shown, in words: the largest two.
    pub fn form_in_words(&self) -> Option<PaneWords> {
        let form = self.form.as_ref()?;
        let language = self.scene.language;
        let line = |row: usize| {
            let shown = |col: usize| self.shown_value(Cell::new(self.plane, row, col));
            let mut keys: Vec<usize> = (0..self.n_cols()).filter(|&col| shown(col) > 0.0).collect();
            keys.sort_by(|&a, &b| shown(b).total_cmp(&shown(a)));
            let key = |&col: &usize| format!("“{}” {}", self.label(2, col), fixed(shown(col)));
            let keys: Vec<String> = keys.iter().take(2).map(key).collect();
            format!("{}: {}", self.label(1, row), keys.join(language.tr(", then ")))
        };
        let lines = (0..self.n_rows()).map(line).collect();
        let (path, model) = (self.site.path(), language.tr(self.scene.model.title()));
        let caption = language.tr(form.kind().caption());
        let head = tr!(language, ", head {head}", head = self.plane);
        let head = if self.n_planes() == 1 { "" } else { &head };
        let heading = format!("{path} ({model}{head}), {caption}");
        Some(PaneWords::new(heading, lines))
    }
}
