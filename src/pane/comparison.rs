//! RNN and Transformer in figures, for this sentence (Vaswani et al. 2017, Table 1).

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Pane, Scene, Wanted, put_line};
use crate::{
    measure::schedule::{Schedule, built_in, schedule},
    model::Name,
};

pub(super) struct Comparison<'a>(pub(super) Scene<'a>);

const MODELS: [Name; 4] = [Name::Elman, Name::Gru, Name::RnnAttention, Name::Transformer];

/// A line of the table: what is counted, how it grows for RNN and Transformer, and the figure.
struct Figure {
    what: &'static str,
    growth: (&'static str, &'static str),
    of: fn(Schedule) -> usize,
}

const FIGURES: [Figure; 3] = [
    Figure { what: "steps in a row", growth: ("O(n)", "O(1)"), of: |s| s.sequential },
    Figure { what: "longest path between words", growth: ("O(n)", "O(1)"), of: |s| s.longest_path },
    Figure {
        what: "multiplications", growth: ("O(nd²)", "O(n²d+nd²)"), of: |s| s.multiplications
    },
];
const LABEL: u16 = 28;
const COLUMN: u16 = 21;

impl Pane for Comparison<'_> {
    fn title(&self) -> String {
        format!("the encoder, for these {} tokens", self.0.reading.sentence.tokens.len())
    }

    fn wanted(&self) -> Wanted {
        let width = LABEL + COLUMN * MODELS.len() as u16;
        Wanted::new((60, 7), (width, 2 + 3 * FIGURES.len() as u16))
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let sizes = built_in(self.0.reading.sentence.tokens.len());
        let column = (area.width.saturating_sub(LABEL) / MODELS.len() as u16).clamp(9, COLUMN);
        let x = |i: usize| area.x + LABEL + i as u16 * column;
        for (i, name) in MODELS.iter().enumerate() {
            let title = crate::heat::fit(name.title(), usize::from(column) - 1);
            put_line(buf, (x(i), area.y), area.right(), &[(&title, theme.accent())]);
        }
        let pitch = if area.height >= 11 { 3 } else { 2 };
        for (line, figure) in FIGURES.iter().enumerate() {
            let y = area.y + 1 + pitch * line as u16 + u16::from(pitch == 3);
            if y >= area.bottom() {
                return;
            }
            put_line(buf, (area.x, y), area.right(), &[(figure.what, Style::new())]);
            for (i, name) in MODELS.iter().enumerate() {
                let number = grouped((figure.of)(schedule(*name, sizes)));
                put_line(buf, (x(i), y), area.right(), &[(&number, theme.strong())]);
                let growth =
                    if *name == Name::Transformer { figure.growth.1 } else { figure.growth.0 };
                if y + 1 < area.bottom() {
                    put_line(buf, (x(i), y + 1), area.right(), &[(growth, theme.dim())]);
                }
            }
        }
    }
}

/// `1234567` as `1,234,567`.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_grouped() {
        assert_eq!(super::grouped(0), "0");
        assert_eq!(super::grouped(999), "999");
        assert_eq!(super::grouped(1_234_567), "1,234,567");
    }
}
