//! Attention in the form that is chosen: which subjects have it, what it says and opens into.

use std::sync::Arc;

use super::Subject;
use crate::{
    analysis::measure::attention_form::{AttentionForm, AttentionMap, has_forms},
    engine::{arithmetic::Arithmetic, value::Cell},
    lesson::tr,
    text::fixed,
    ui::{panes::Scene, widgets::heat::Scale},
};

/// A form of attention shown instead of its weights.
#[derive(Clone)]
pub enum Form {
    /// It is being computed.
    Awaited(AttentionForm),
    Known(Arc<Option<AttentionMap>>),
}

impl Form {
    pub fn map(&self) -> Option<&AttentionMap> {
        match self {
            Self::Awaited(_) => None,
            Self::Known(map) => map.as_ref().as_ref(),
        }
    }

    pub fn kind(&self) -> AttentionForm {
        match self {
            Self::Awaited(kind) => *kind,
            Self::Known(_) => self.map().map(|map| map.form).unwrap_or_default(),
        }
    }

    pub fn scale(&self) -> Scale {
        match self.map() {
            Some(map) if map.form == AttentionForm::Norms => Scale::Amount(map.most.max(1e-6)),
            _ => Scale::Unit,
        }
    }
}

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
}
