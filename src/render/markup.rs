//! A picture in XML and CSS: escaped text, runs of cells, embedded fonts.

use std::fmt::Write as _;

use crate::{
    render::{
        font::{WEB, WebFont, is_in_web},
        picture::{CellLook, Painted},
    },
    text::visible,
    ui::theme::Rgb,
};

/// The font size in pixels at which a cell has 10 by 22 pixels: a character is 600 of 1000 units wide.
pub const TYPE_SIZE: &str = "16.6667px";

/// The fallback fonts, if a program does not read the embedded ones.
const FALLBACK: &str = "'JetBrains Mono','DejaVu Sans Mono',Menlo,Consolas,'Noto Sans Mono CJK SC',\
                        'PingFang SC','Microsoft YaHei',monospace";

/// The text escaped for elements and attributes of XML and HTML.
pub fn escaped(text: &str) -> String {
    let text = visible(text);
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}

/// The escaped text, with its line breaks kept.
pub fn escaped_lines(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

/// The colour in CSS: `#24262c`.
pub fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The name of style `i`: a, b, ... z, aa, ab, ...
pub fn class(mut i: usize) -> String {
    let mut name = vec![];
    loop {
        name.push(b'a' + (i % 26) as u8);
        if i < 26 {
            break;
        }
        i = i / 26 - 1;
    }
    name.iter().rev().map(|&c| char::from(c)).collect()
}

/// The CSS declarations for weight, slant and lines of a look.
pub fn strokes(look: &CellLook) -> String {
    let mut css = String::new();
    let lines = [(look.is_underlined, "underline"), (look.is_crossed_out, "line-through")];
    let lines: Vec<&str> = lines.iter().filter(|(is, _)| *is).map(|(_, line)| *line).collect();
    if look.is_bold {
        css += "font-weight:700;";
    }
    if look.is_italic {
        css += "font-style:italic;";
    }
    if !lines.is_empty() {
        let _ = write!(css, "text-decoration:{};", lines.join(" "));
    }
    css
}

/// Cells of a row that are written together: the first column and the number of columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellRun {
    pub column: usize,
    pub columns: usize,
    pub text: String,
    /// Whether an embedded font has all its characters, so that it is exactly as wide as its columns.
    pub is_regular: bool,
}

/// The runs of a row: equal looks are joined, except for characters that a program's own font might draw wider or
/// narrower than their cells.
pub fn runs<L: PartialEq>(cells: &[Painted], look: impl Fn(usize) -> L) -> Vec<CellRun> {
    let mut runs: Vec<CellRun> = vec![];
    for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.columns > 0) {
        let columns = usize::from(cell.columns);
        let mut chars = cell.symbol.chars();
        let is_regular =
            columns == 1 && chars.next().is_some_and(is_in_web) && chars.next().is_none();
        match runs.last_mut() {
            Some(run) if is_regular && run.is_regular && look(run.column) == look(column) => {
                run.columns += columns;
                run.text += &cell.symbol;
            }
            _ => runs.push(CellRun { column, columns, text: cell.symbol.clone(), is_regular }),
        }
    }
    runs
}

/// The embedded fonts that a text needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    is_bold: bool,
    is_han: bool,
}

impl Needs {
    /// The same set with the fonts for these cells added.
    #[must_use]
    pub fn of<'a>(mut self, cells: impl IntoIterator<Item = &'a Painted>) -> Self {
        for cell in cells {
            self.is_bold |= cell.look.is_bold && cell.symbol != " ";
            self.is_han |= cell.symbol.chars().any(|c| ('\u{2e80}'..'\u{ffee}').contains(&c));
        }
        self
    }

    /// The union of two sets.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self { is_bold: self.is_bold || other.is_bold, is_han: self.is_han || other.is_han }
    }

    fn includes(self, font: &WebFont) -> bool {
        let is_han = font.family == "Lookback Han";
        (!font.is_bold || self.is_bold) && (!is_han || self.is_han)
    }

    /// The `@font-face` rules, with the fonts embedded.
    pub fn faces(self) -> String {
        let face = |font: &WebFont| {
            let weight = if font.is_bold { 700 } else { 400 };
            let data = base64::encode(font.bytes);
            format!(
                "@font-face{{font-family:'{}';font-weight:{weight};\
                 src:url(data:font/woff2;base64,{data})format('woff2')}}\n",
                font.family
            )
        };
        WEB.iter().filter(|font| self.includes(font)).map(face).collect()
    }

    /// The font families, followed by the fallbacks.
    pub fn families(self) -> String {
        let han = if self.is_han { "'Lookback Han'," } else { "" };
        format!("'Lookback Mono',{han}{FALLBACK}")
    }
}

#[cfg(test)]
mod tests {
    use ratatui::{
        buffer::Buffer,
        style::{Color, Style},
    };

    use super::*;
    use crate::{render::picture::Picture, ui::theme::Theme};

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escaped("<b a=\"1\" c='2'>&\u{ffff}"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;&lt;U+FFFF&gt;"
        );
        assert!(!escaped("a\u{1b}[2Jb\u{0}").chars().any(char::is_control));
        assert_eq!(escaped_lines("a<\nb"), "a&lt;\nb");
    }

    #[test]
    fn classes_have_names_of_their_own() {
        let names: std::collections::BTreeSet<String> = (0..2000).map(class).collect();
        assert_eq!(names.len(), 2000);
        assert_eq!(
            ["a", "z", "aa", "zz"],
            [0, 25, 26, 26 + 26 * 26 - 1].map(class).each_ref().map(String::as_str)
        );
    }

    #[test]
    fn what_another_font_might_shift_stands_alone() {
        let mut buffer = Buffer::with_lines(["ab 猫e\u{301}cd"]);
        buffer[(6, 0)].set_style(Style::new().fg(Color::Red));
        let picture = Picture::of(&buffer, &Theme::default());
        let runs = runs(&picture.cells, |i| picture.cells[i].look);
        let seen: Vec<_> = runs.iter().map(|r| (r.column, r.columns, r.text.as_str())).collect();
        assert_eq!(
            seen,
            [(0, 3, "ab "), (3, 2, "猫"), (5, 1, "e\u{301}"), (6, 1, "c"), (7, 1, "d")]
        );
    }
}
