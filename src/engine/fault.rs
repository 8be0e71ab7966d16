//! Faults on demand, so that tests can check that the terminal is restored. Release builds have none.

use std::hint::black_box;

/// Panics if the environment variable `LOOKBACK_FAULT` names this place, or fills the stack if it has `-overflow` after
/// the name; in debug builds only.
///
/// # Panics
/// In a debug build, if `LOOKBACK_FAULT` is `place`.
pub fn panic_if_requested(place: &str) {
    if !cfg!(debug_assertions) {
        return;
    }
    let asked = std::env::var("LOOKBACK_FAULT").unwrap_or_default();
    if asked.strip_suffix("-overflow") == Some(place) {
        black_box(filled(1));
    }
    assert!(asked != place, "a fault was asked for in the {place}");
}

/// Calls itself until the stack is full.
fn filled(depth: u64) -> u64 {
    let room = black_box([depth; 512]);
    if depth == 0 { 0 } else { filled(depth + 1) + room[511] }
}
