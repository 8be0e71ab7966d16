//! Sentences worth reading, by what they show.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

/// A sentence of the shelf, with what it shows in the lesson's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShelfSentence {
    pub text: String,
    pub shows: String,
}

/// Sentences that show the same thing, as in `lesson.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShelfGroup {
    /// The key of its words in the language files.
    shows: String,
    sentences: Vec<String>,
}

/// The sentences of all groups in order.
///
/// # Errors
/// If a group has no words in the language file; the message names it.
pub fn assemble(
    groups: Vec<ShelfGroup>,
    words: &BTreeMap<String, String>,
) -> Result<Vec<ShelfSentence>> {
    let group = |group: ShelfGroup| -> Result<Vec<ShelfSentence>> {
        let shows = words.get(&group.shows);
        let shows =
            shows.with_context(|| format!("the shelf has no words for `{}`", group.shows))?;
        let sentence = |text| ShelfSentence { text, shows: shows.clone() };
        Ok(group.sentences.into_iter().map(sentence).collect())
    };
    let groups = groups.into_iter().map(group).collect::<Result<Vec<_>>>()?;
    Ok(groups.into_iter().flatten().collect())
}
