//! Luminance of colours (WCAG 2.2, relative luminance and contrast ratio).

use std::sync::LazyLock;

use ratatui::style::Color;

use super::{Rgb, xterm::rgb};

/// A channel without its gamma, 0 to 1, by its value: every cell of every frame asks.
static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|v| {
        let v = v as f32 / 255.0;
        if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    })
});

/// Relative luminance, 0 to 1.
pub(super) fn luminance((r, g, b): Rgb) -> f32 {
    let [r, g, b] = [r, g, b].map(|v| LINEAR[usize::from(v)]);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Whether black text on a colour is more legible than white text.
pub(super) fn is_light(colour: Color) -> bool {
    // The luminance L at which (L + 0.05) / 0.05 equals 1.05 / (L + 0.05).
    rgb(colour).map_or(0.0, luminance) > 0.179
}
