//! Luminance of colours (WCAG 2.2, relative luminance and contrast ratio).

use ratatui::style::Color;

use super::{Rgb, xterm::rgb};

/// Relative luminance, 0 to 1.
pub(super) fn luminance((r, g, b): Rgb) -> f32 {
    let linear = |v: u8| {
        let v = f32::from(v) / 255.0;
        if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// Whether black text on a colour is more legible than white text.
pub(super) fn is_light(colour: Color) -> bool {
    // The luminance L at which (L + 0.05) / 0.05 equals 1.05 / (L + 0.05).
    rgb(colour).map_or(0.0, luminance) > 0.179
}
