//! Faults on demand, so that tests can check that the terminal is restored. Release builds have none.

use std::{hint::black_box, thread};

/// Panics if the environment variable `LOOKBACK_FAULT` names this place; with `-overflow` after the name it fills the
/// stack instead, with `-freeze` it never ends. In debug builds only.
///
/// # Panics
/// In a debug build, if `LOOKBACK_FAULT` is `place`.
pub fn at(place: &str) {
    if !cfg!(debug_assertions) {
        return;
    }
    let asked = std::env::var("LOOKBACK_FAULT").unwrap_or_default();
    if asked.strip_suffix("-overflow") == Some(place) {
        black_box(filled(1));
    }
    while asked.strip_suffix("-freeze") == Some(place) {
        thread::park();
    }
    assert!(asked != place, "a fault was asked for in the {place}");
}

/// Calls itself until the stack is full.
fn filled(depth: u64) -> u64 {
    let room = black_box([depth; 512]);
    if depth == 0 { 0 } else { filled(depth + 1) + room[511] }
}
