//! A form of attention that is shown instead of a site's weights.

use std::sync::Arc;

use crate::{
    analysis::measure::attention_form::{AttentionForm, AttentionMap},
    ui::widgets::heat::Scale,
};

/// A form of attention shown instead of its weights.
#[derive(Clone)]
pub enum Form {
    /// It is being computed.
    Awaited(AttentionForm),
    Known(Arc<Option<AttentionMap>>),
}

impl Form {
    pub(super) fn map(&self) -> Option<&AttentionMap> {
        match self {
            Self::Awaited(_) => None,
            Self::Known(map) => map.as_ref().as_ref(),
        }
    }

    pub(super) fn kind(&self) -> AttentionForm {
        match self {
            Self::Awaited(kind) => *kind,
            Self::Known(_) => self.map().map(|map| map.form).unwrap_or_default(),
        }
    }

    pub(super) fn scale(&self) -> Scale {
        match self.map() {
            Some(map) if map.form == AttentionForm::Norms => Scale::Amount(map.most.max(1e-6)),
            _ => Scale::Unit,
        }
    }
}
