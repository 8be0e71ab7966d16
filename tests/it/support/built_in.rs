//! The built-in models, loaded once for all tests, and what they answer.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
};

use lookback::{
    analysis::reading::{Reader, Reading},
    lesson::{Language, Lesson},
};

pub static READER: LazyLock<Reader> = LazyLock::new(|| Reader::embedded().unwrap());

static READINGS: Mutex<BTreeMap<String, Arc<Reading>>> = Mutex::new(BTreeMap::new());

/// The reading of a sentence, shared by all tests. It may already have its measures; a test that must begin without
/// them calls [`READER`] itself.
pub fn reading(sentence: &str) -> Arc<Reading> {
    let read = || Arc::new(READER.read(sentence).unwrap());
    READINGS.lock().unwrap().entry(sentence.to_owned()).or_insert_with(read).clone()
}

/// The number of steps of the walk.
pub fn n_steps() -> usize {
    Lesson::embedded(Language::English).unwrap().steps().len()
}
