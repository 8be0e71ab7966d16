//! The order of a walk, as written in assets/lessons/lesson.toml and checkpoint.toml.

use serde::{Deserialize, Deserializer, de::Error};

use super::{PaneSpec, StartRow, shelf::ShelfGroup};
use crate::model::ModelName;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalkOrder {
    pub chapters: Vec<ChapterOrder>,
    /// Sentences worth reading; a checkpoint's walk has none.
    #[serde(default)]
    pub shelf: Vec<ShelfGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChapterOrder {
    pub id: String,
    pub steps: Vec<StepOrder>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepOrder {
    pub id: String,
    /// Ids of earlier steps that are now part of this one: they still lead here.
    #[serde(default)]
    pub merged: Vec<String>,
    #[serde(deserialize_with = "required_name")]
    pub model: ModelName,
    pub panes: Vec<PaneSpec>,
    #[serde(default)]
    pub row: Option<StartRow>,
    #[serde(default)]
    pub layer: Option<usize>,
    #[serde(default)]
    pub head: Option<usize>,
    /// Sites that the pass must have, or must not have, besides those of the panes; for checkpoints.
    #[serde(default)]
    pub needs: Vec<String>,
    #[serde(default)]
    pub without: Vec<String>,
    /// Whether the short tour stops here.
    #[serde(default, rename = "tour")]
    pub in_tour: bool,
    /// The kind of question asked before the step (src/lesson/quiz.rs).
    #[serde(default)]
    pub ask: Option<String>,
    /// The kind of lab (src/lesson/lab.rs).
    #[serde(default)]
    pub lab: Option<String>,
}

fn required_name<'de, D: Deserializer<'de>>(d: D) -> Result<ModelName, D::Error> {
    let id = String::deserialize(d)?;
    let is_checkpoint = id == ModelName::Checkpoint.id();
    if is_checkpoint { Ok(ModelName::Checkpoint) } else { id.parse().map_err(D::Error::custom) }
}

pub fn optional_name<'de, D: Deserializer<'de>>(d: D) -> Result<Option<ModelName>, D::Error> {
    required_name(d).map(Some)
}
