//! Red, green and blue of a terminal's named and numbered colours, as in xterm.

use ratatui::style::Color;

use super::Rgb;

/// The sixteen named colours, in the order of their numbers.
pub const NAMED: [(Color, Rgb); 16] = [
    (Color::Black, (0, 0, 0)),
    (Color::Red, (205, 0, 0)),
    (Color::Green, (0, 205, 0)),
    (Color::Yellow, (205, 205, 0)),
    (Color::Blue, (0, 0, 238)),
    (Color::Magenta, (205, 0, 205)),
    (Color::Cyan, (0, 205, 205)),
    (Color::Gray, (229, 229, 229)),
    (Color::DarkGray, (127, 127, 127)),
    (Color::LightRed, (255, 0, 0)),
    (Color::LightGreen, (0, 255, 0)),
    (Color::LightYellow, (255, 255, 0)),
    (Color::LightBlue, (92, 92, 255)),
    (Color::LightMagenta, (255, 0, 255)),
    (Color::LightCyan, (0, 255, 255)),
    (Color::White, (255, 255, 255)),
];

/// The number of a named colour.
pub fn number_of(colour: Color) -> Option<u8> {
    NAMED.iter().position(|(name, _)| *name == colour).map(|i| i as u8)
}

/// Red, green and blue of a colour; None for [`Color::Reset`], which the terminal defines.
pub fn rgb(colour: Color) -> Option<Rgb> {
    match colour {
        Color::Rgb(r, g, b) => Some((r, g, b)),
        Color::Indexed(i @ 0..=15) => Some(NAMED[usize::from(i)].1),
        Color::Indexed(i @ 16..=231) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let i = i - 16;
            Some((level(i / 36), level(i / 6 % 6), level(i % 6)))
        }
        Color::Indexed(i) => {
            let level = 8 + 10 * (i - 232);
            Some((level, level, level))
        }
        named => number_of(named).map(|i| NAMED[usize::from(i)].1),
    }
}
