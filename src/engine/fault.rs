//! Faults on demand: how tests see what becomes of the terminal. A release build has none.

/// Panics where `LOOKBACK_FAULT` names this place.
///
/// # Panics
/// That is what it is for.
pub fn point(place: &str) {
    let is_asked = || std::env::var("LOOKBACK_FAULT").is_ok_and(|asked| asked == place);
    assert!(!(cfg!(debug_assertions) && is_asked()), "a fault was asked for in the {place}");
}
