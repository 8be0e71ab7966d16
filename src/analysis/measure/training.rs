//! How the built-in models were trained: the loss as it was recorded then, stored with their weights.

use std::{collections::BTreeMap, sync::LazyLock};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{model::ModelName, weights::Weights};

/// The record of a model's training, made by assets/training/train.py.
#[derive(Clone, Debug, Deserialize)]
pub struct Training {
    /// The steps that were taken, and those that were planned.
    pub step: usize,
    pub steps: usize,
    /// The sentence pairs read.
    pub examples: usize,
    pub seconds: usize,
    /// The highest learning rate.
    pub rate: f32,
    /// A step, and the mean training loss over the steps since the entry before, in nats a token.
    pub curve: Vec<(usize, f32)>,
}

/// The records of the models in the binary; a model without one is missing.
static RECORDED: LazyLock<BTreeMap<ModelName, Training>> = LazyLock::new(|| {
    ModelName::ALL.into_iter().filter_map(|name| Some((name, recorded(name).ok()?))).collect()
});

impl Training {
    /// The record of a model in the binary.
    pub fn of(name: ModelName) -> Option<&'static Self> {
        RECORDED.get(&name)
    }
}

/// # Errors
/// If the embedded file has no record, or one that does not load.
fn recorded(name: ModelName) -> Result<Training> {
    let record = Weights::embedded_metadata(name.id(), "training")?;
    serde_json::from_str(&record).with_context(|| format!("the record of {name}'s training"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_in_the_binary_has_its_record() -> Result<()> {
        for name in ModelName::ALL {
            let Training { step, steps, curve, .. } = recorded(name)?;
            assert!(step <= steps && curve.len() > 4, "{name}");
            assert!(curve.is_sorted_by(|a, b| a.0 < b.0), "{name}");
            assert_eq!(curve.last().map(|last| last.0), Some(step), "{name}");
        }
        Ok(())
    }
}
