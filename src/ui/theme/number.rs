//! Formats of numbers on the screen.

use super::Theme;
use crate::text::{percent_in_tenths, rounded, spoken};

/// Columns of an end of a scale.
const END_WIDTH: usize = 5;

impl Theme {
    /// A number in at most `width` columns, right-aligned, as exact as it fits (four digits at most).
    pub fn number(&self, v: f32, width: usize) -> String {
        let text = if v.is_finite() { finite(v, width) } else { spoken(v) };
        self.padded(&text, width)
    }

    /// An end of a scale, in about five columns; a small one keeps its first digit: `0.50`, `2e-7`.
    pub fn scale_end(&self, v: f32) -> String {
        match v.abs() {
            a if a > 0.0 && a < 0.005 => format!("{v:.0e}"),
            _ => self.number(v, END_WIDTH).trim().to_owned(),
        }
    }

    /// The decimals of such an end; None of one with an exponent.
    pub fn decimals_of_end(&self, v: f32) -> Option<usize> {
        match v.abs() {
            a if a > 0.0 && a < 0.005 => None,
            _ if v.is_finite() => fitted(v, END_WIDTH).map(|(_, decimals)| decimals),
            _ => Some(0),
        }
    }

    /// A number in about three digits, in at most `width` columns, right-aligned: for figures of any size.
    pub fn figure(&self, v: f32, width: usize) -> String {
        let text = spoken(v);
        if text.len() > width { self.number(v, width) } else { self.padded(&text, width) }
    }

    /// A share of 1 as a percentage in six columns.
    pub fn percent(&self, share: f32) -> String {
        self.padded(&percent_in_tenths(share), 6)
    }

    fn padded(self, number: &str, width: usize) -> String {
        format!("{:>width$}", number.replace('∞', self.glyph("∞", "inf")))
    }
}

/// A number as [`fitted`], else with an exponent.
fn finite(v: f32, width: usize) -> String {
    fitted(v, width).map_or_else(
        || {
            let text = format!("{v:.0e}");
            if text.len() <= width { text } else { "#".repeat(width) }
        },
        |(text, _)| text,
    )
}

/// A number with as many decimals as fit, four at most, and how many these are; a leading zero is dropped before a decimal
/// is.
fn fitted(v: f32, width: usize) -> Option<(String, usize)> {
    for decimals in (0..=if width > 6 { 4 } else { 2 }).rev() {
        let text = rounded(v, decimals);
        if text.len() <= width {
            return Some((text, decimals));
        }
        let short = text.replacen("0.", ".", 1);
        if short.len() <= width && text.trim_start_matches('-').starts_with("0.") {
            return Some((short, decimals));
        }
    }
    None
}

/// A number with `decimals` decimals in at most `width` columns; a leading zero is dropped where there is no room for it.
pub fn with_decimals(v: f32, decimals: usize, width: usize) -> Option<String> {
    let text = rounded(v, decimals);
    let is_fraction = decimals > 0 && text.trim_start_matches('-').starts_with("0.");
    let text = if text.len() > width && is_fraction { text.replacen("0.", ".", 1) } else { text };
    (text.len() <= width).then_some(text)
}
