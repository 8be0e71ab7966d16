//! Formats of numbers on the screen.

use super::Theme;

impl Theme {
    /// A number in at most `width` columns, right-aligned, as exact as it fits (four digits at most).
    pub fn number(&self, v: f32, width: usize) -> String {
        let text = if v.is_nan() {
            "NaN".to_owned()
        } else if v.is_infinite() {
            let sign = if v < 0.0 { "-" } else { "" };
            format!("{sign}{}", self.glyph("∞", "inf"))
        } else {
            finite(v, width)
        };
        format!("{text:>width$}")
    }

    /// An end of a scale, in about five columns; a small one keeps its first digit: `0.50`, `2e-7`.
    pub fn scale_end(&self, v: f32) -> String {
        match v.abs() {
            a if a > 0.0 && a < 0.005 => format!("{v:.0e}"),
            _ => self.number(v, 5).trim().to_owned(),
        }
    }

    /// A number to three digits, in at most `width` columns, right-aligned: for figures of any size.
    pub fn figure(&self, v: f32, width: usize) -> String {
        let decimals = match v.abs() {
            a if a >= 100.0 => 0,
            a if a >= 10.0 => 1,
            a if a >= 1.0 => 2,
            a if a >= 0.1 => 3,
            a if a >= 0.01 => 4,
            _ => 5,
        };
        let text = unsigned_zero(format!("{v:.decimals$}"));
        if text.len() <= width && v.is_finite() {
            return format!("{text:>width$}");
        }
        self.number(v, width)
    }

    /// A share of 1 as a percentage in six columns; a small positive share is not rounded to zero.
    pub fn percent(&self, share: f32) -> String {
        let text = if share > 0.0 && share < 0.000_5 {
            "<0.1%".to_owned()
        } else {
            format!("{:.1}%", share * 100.0)
        };
        format!("{text:>6}")
    }
}

/// As many decimals as fit, four at most; a leading zero is dropped before a decimal is.
fn finite(v: f32, width: usize) -> String {
    for decimals in (0..=if width > 6 { 4 } else { 2 }).rev() {
        let text = unsigned_zero(format!("{v:.decimals$}"));
        if text.len() <= width {
            return text;
        }
        let short = text.replacen("0.", ".", 1);
        if short.len() <= width && text.trim_start_matches('-').starts_with("0.") {
            return short;
        }
    }
    let text = format!("{v:.0e}");
    if text.len() <= width { text } else { "#".repeat(width) }
}

/// Removes the sign of a number that is rounded to zero.
fn unsigned_zero(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest.to_owned(),
        _ => text,
    }
}
