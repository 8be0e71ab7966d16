//! Faults on demand, so that tests can check that the terminal is restored. Release builds have none.

/// Panics if the environment variable `LOOKBACK_FAULT` names this place, in debug builds only.
///
/// # Panics
/// In a debug build, if `LOOKBACK_FAULT` is `place`.
pub fn panic_if_requested(place: &str) {
    let is_asked = || std::env::var("LOOKBACK_FAULT").is_ok_and(|asked| asked == place);
    assert!(!(cfg!(debug_assertions) && is_asked()), "a fault was asked for in the {place}");
}
