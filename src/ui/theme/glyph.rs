//! Signs: shades, bars, and their ASCII replacements.

use super::{Glyphs, Theme};

impl Theme {
    /// The shade for a value of -1 to 1 without colour; negative values have shades of their own.
    pub fn shade(&self, x: f32) -> char {
        const UNICODE: [[char; 5]; 2] = [[' ', '░', '▒', '▓', '█'], [' ', '╌', '─', '━', '▬']];
        const ASCII: [[char; 5]; 2] = [[' ', '.', '+', '*', '#'], [' ', '-', '=', '~', '%']];
        let table = if self.is_ascii() { ASCII } else { UNICODE };
        let step = (x.abs().min(1.0) * 4.0).round() as usize;
        table[usize::from(x < 0.0)][if x.is_nan() { 0 } else { step }]
    }

    pub const fn is_ascii(&self) -> bool {
        matches!(self.glyphs, Glyphs::Ascii)
    }

    /// The Unicode text, or its ASCII replacement if only ASCII may be used.
    pub const fn glyph(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.is_ascii() { ascii } else { unicode }
    }

    /// A formula; in ASCII its signs are spelled out, as a single letter could be read as a variable.
    pub fn formula(&self, text: &str) -> String {
        const SPELLED: [(&str, &str); 21] = [
            ("√", "sqrt "),
            ("ᵀ", "^T"),
            ("→", "->"),
            ("←", "<-"),
            ("…", "..."),
            ("·", "*"),
            ("∘", "*"),
            ("×", "x"),
            ("²", "^2"),
            ("‖", "||"),
            ("∂", "d"),
            ("Σ", "sum "),
            ("≠", "!="),
            ("≤", "<="),
            ("≥", ">="),
            ("∞", "inf"),
            ("ε", "eps"),
            ("γ", "gamma"),
            ("β", "beta"),
            ("θ", "theta"),
            ("σ", "sigma"),
        ];
        if !self.is_ascii() {
            return text.to_owned();
        }
        SPELLED.iter().fold(text.to_owned(), |text, (sign, word)| text.replace(sign, word))
    }

    /// A bar of `width` cells filled to `x` of 1, in eighths of a cell.
    pub fn bar(&self, x: f32, width: usize) -> String {
        const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        let eighths = (x.clamp(0.0, 1.0) * width as f32 * 8.0).round() as usize;
        if self.is_ascii() {
            return "#".repeat((eighths + 4) / 8);
        }
        "█".repeat(eighths / 8) + PARTS[eighths % 8]
    }

    /// A character filled from below by `eighths` of its height.
    pub fn column(&self, eighths: usize) -> &'static str {
        const UNICODE: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
        const ASCII: [&str; 9] = [" ", ".", ".", ":", ":", "|", "|", "#", "#"];
        let table = if self.is_ascii() { ASCII } else { UNICODE };
        table[eighths.min(8)]
    }
}

/// The ASCII replacement of a sign of frames, formulas and marks; None for letters, digits and ASCII.
pub const fn ascii(sign: char) -> Option<char> {
    Some(match sign {
        '─' | '━' | '╌' | '–' | '−' => '-',
        '│' | '‖' | '▌' => '|',
        '╭' | '╮' | '╰' | '╯' | '✓' => '+',
        '→' | '▸' => '>',
        '←' => '<',
        '↑' | 'ᵀ' => '^',
        '↓' | '▾' => 'v',
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        '·' | '▒' | '░' => '.',
        '…' => '~',
        '×' | '✗' => 'x',
        '√' => 'r',
        '∂' => 'd',
        'Σ' | '∑' => 'S',
        'σ' => 's',
        '²' => '2',
        '∞' => 'i',
        '●' | '◆' => 'O',
        '█' | '▓' => '#',
        _ => return None,
    })
}
