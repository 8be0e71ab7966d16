//! The built-in models, loaded once for all tests, and what they answer.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
};

use lookback::analysis::reading::{Reader, Reading};

pub static READER: LazyLock<Reader> = LazyLock::new(|| Reader::embedded().unwrap());

static READINGS: Mutex<BTreeMap<String, Arc<Reading>>> = Mutex::new(BTreeMap::new());

/// The reading of a sentence: one for all tests that ask for it, with the measures that any of them had taken. Where a
/// test must not see measures, it reads for itself.
pub fn reading(sentence: &str) -> Arc<Reading> {
    let read = || Arc::new(READER.read(sentence).unwrap());
    READINGS.lock().unwrap().entry(sentence.to_owned()).or_insert_with(read).clone()
}
