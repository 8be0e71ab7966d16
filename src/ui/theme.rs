//! Colours, glyphs and number formats, the same on every screen.
//!
//! Every scheme has a palette that is safe for colour-blind eyes. No fact is shown by colour alone: without colour a
//! value is a shade and a sign. A scheme made for another background than the terminal's paints its own.

mod contrast;
mod glyph;
mod number;
mod palette;
#[cfg(test)]
mod tests;
mod xterm;

use ratatui::{
    buffer::Cell,
    style::{Color, Modifier, Style},
};

pub use glyph::ascii;
pub use number::with_decimals;
use palette::{Ink, Palette};
pub use xterm::{NAMED, number_of, rgb};

/// Red, green, blue.
pub type Rgb = (u8, u8, u8);

/// Number of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    None,
    Sixteen,
    Indexed,
    #[default]
    True,
}

/// Character set of signs, frames and bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    #[default]
    Unicode,
    Ascii,
}

/// Colour scheme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// For a dark background.
    #[default]
    Dark,
    /// For a light background.
    Light,
    /// Strong colours on black, no dim text.
    HighContrast,
    /// No colours: modifiers, shades and signs.
    Mono,
}

impl Scheme {
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::HighContrast, Self::Mono];

    /// The id in options and messages.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Mono => "mono",
        }
    }

    /// The next scheme; after the last the first.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    const fn palette(self) -> &'static Palette {
        match self {
            Self::Dark | Self::Mono => &palette::DARK,
            Self::Light => &palette::LIGHT,
            Self::HighContrast => &palette::HIGH_CONTRAST,
        }
    }
}

/// Brightness of the terminal's own background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    Dark,
    Light,
}

impl Background {
    /// Classifies a background colour by its luminance.
    pub fn of(red: u8, green: u8, blue: u8) -> Self {
        let is_light = contrast::luminance((red, green, blue)) > 0.18;
        if is_light { Self::Light } else { Self::Dark }
    }
}

/// The colours and characters of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    pub depth: Depth,
    pub glyphs: Glyphs,
    pub scheme: Scheme,
    /// The terminal's background; None if it is unknown.
    pub background: Option<Background>,
}

impl Theme {
    pub const fn new(depth: Depth, glyphs: Glyphs) -> Self {
        Self { depth, glyphs, scheme: Scheme::Dark, background: None }
    }

    /// The same theme with another scheme.
    #[must_use]
    pub const fn with(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// The depth in use: none in the Mono scheme.
    const fn depth(self) -> Depth {
        if matches!(self.scheme, Scheme::Mono) { Depth::None } else { self.depth }
    }

    pub const fn has_colour(&self) -> bool {
        !matches!(self.depth(), Depth::None)
    }

    pub fn accent(&self) -> Style {
        self.emphasised(self.scheme.palette().accent)
    }

    /// Style of secondary text; in the high-contrast scheme that of plain text.
    pub fn dim(&self) -> Style {
        match (self.depth(), self.scheme) {
            (Depth::None, _) => Style::new().add_modifier(Modifier::DIM),
            (_, Scheme::HighContrast) => Style::new(),
            _ => self.coloured(self.scheme.palette().dim),
        }
    }

    /// Style of the lines behind a chart: between the background and secondary text.
    pub fn grid(&self) -> Style {
        let Palette { background, dim, .. } = self.scheme.palette();
        let middle = |a: u8, b: u8| a.midpoint(b);
        let (a, b) = (background.rgb, dim.rgb);
        let rgb = (middle(a.0, b.0), middle(a.1, b.1), middle(a.2, b.2));
        match self.depth() {
            Depth::None => Style::new().add_modifier(Modifier::DIM),
            _ => self.coloured(Ink { rgb, sixteen: dim.sixteen }),
        }
    }

    /// Style of errors and of changed values.
    pub fn incorrect(&self) -> Style {
        self.emphasised(self.scheme.palette().wrong)
    }

    /// Style of correct and of chosen values.
    pub fn correct(&self) -> Style {
        self.emphasised(self.scheme.palette().right)
    }

    /// Style of the i-th pane's title, and of the words that name the pane.
    pub fn pane(&self, i: usize) -> Style {
        let panes = &self.scheme.palette().panes;
        self.emphasised(panes[i % panes.len()])
    }

    pub const fn strong(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Style of the cell under the cursor.
    pub const fn cursor(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn coloured(self, ink: Ink) -> Style {
        match self.depth() {
            Depth::None => Style::new(),
            Depth::Sixteen => Style::new().fg(ink.sixteen),
            Depth::Indexed | Depth::True => Style::new().fg(self.colour(ink.rgb)),
        }
    }

    /// Style of emphasised text: bold in the high-contrast scheme, which has no dim text.
    fn emphasised(self, ink: Ink) -> Style {
        let style = self.coloured(ink);
        let is_bold = self.scheme == Scheme::HighContrast && self.has_colour();
        if is_bold { style.add_modifier(Modifier::BOLD) } else { style }
    }

    /// A share or probability, 0 to 1, as a colour; None without colour.
    pub fn sequential(&self, x: f32) -> Option<Color> {
        let palette = self.scheme.palette();
        self.on_ramp(&palette.sequential, palette.sequential_sixteen, x.clamp(0.0, 1.0))
    }

    /// Style of a bar for a share, 0 to 1, in the part of the ramp that contrasts with the background.
    pub fn ink(&self, share: f32) -> Style {
        let from = self.scheme.palette().bars_from;
        let colour = self.sequential(from + (1.0 - from) * share.clamp(0.0, 1.0));
        colour.map_or(Style::new(), |colour| Style::new().fg(colour))
    }

    /// A signed value, -1 to 1, as a colour; None without colour.
    pub fn diverging(&self, x: f32) -> Option<Color> {
        let palette = self.scheme.palette();
        let x = x.clamp(-1.0, 1.0).midpoint(1.0);
        self.on_ramp(&palette.diverging, palette.diverging_sixteen, x)
    }

    /// Style of a bar that grows from zero: the ends of the ramp of signed values, so that a sign has one colour in
    /// bars and in cells.
    pub fn signed_bar(&self, x: f32) -> Style {
        let end = if x < 0.0 { -1.0 } else { 1.0 };
        self.diverging(end).map_or(Style::new(), |colour| Style::new().fg(colour))
    }

    fn on_ramp(self, stops: &[Rgb], sixteen: [Color; 6], x: f32) -> Option<Color> {
        let nearest = |n: usize| (x * (n - 1) as f32).round() as usize;
        match self.depth() {
            Depth::None => None,
            Depth::Sixteen => Some(sixteen[nearest(sixteen.len())]),
            _ if self.scheme.palette().is_stepped => Some(self.colour(stops[nearest(stops.len())])),
            Depth::Indexed | Depth::True => Some(self.colour(interpolated(stops, x))),
        }
    }

    fn colour(self, rgb: Rgb) -> Color {
        match self.depth() {
            Depth::True => Color::Rgb(rgb.0, rgb.1, rgb.2),
            _ => Color::Indexed(nearest_indexed(rgb)),
        }
    }

    /// Black or white text on a colour of a ramp, whichever is more legible.
    pub fn on(&self, background: Color) -> Style {
        let is_light = contrast::is_light(background);
        let ink = match (self.depth(), is_light) {
            (Depth::True | Depth::Indexed, true) => self.colour((0, 0, 0)),
            (Depth::True | Depth::Indexed, false) => self.colour((255, 255, 255)),
            (_, true) => Color::Black,
            (_, false) => Color::White,
        };
        Style::new().fg(ink).bg(background)
    }

    /// Whether the scheme paints its own background: it is legible only on the kind it was made for.
    pub fn paints_background(&self) -> bool {
        let suits = match self.scheme {
            Scheme::Dark => self.background != Some(Background::Light),
            Scheme::Light => self.background == Some(Background::Light),
            Scheme::HighContrast => false,
            Scheme::Mono => true,
        };
        self.has_colour() && !suits
    }

    /// Text and background colours of the scheme, for exports without a terminal.
    pub const fn paper(&self) -> (Rgb, Rgb) {
        let Palette { text, background, .. } = self.scheme.palette();
        (text.rgb, background.rgb)
    }

    /// Sets the scheme's text and background colours where a cell has none.
    pub fn paint(&self, cell: &mut Cell) {
        let Palette { text, background, .. } = self.scheme.palette();
        let colour = |of: &Ink| {
            if self.depth() == Depth::Sixteen { of.sixteen } else { self.colour(of.rgb) }
        };
        if cell.fg == Color::Reset {
            cell.set_fg(colour(text));
        }
        if cell.bg == Color::Reset {
            cell.set_bg(colour(background));
        }
    }
}

/// The colour at `x`, 0 to 1, of a ramp, interpolated linearly between its stops.
fn interpolated(stops: &[Rgb], x: f32) -> Rgb {
    let position = if x.is_nan() { 0.0 } else { x } * (stops.len() - 1) as f32;
    let (i, share) = (
        (position as usize).min(stops.len() - 2),
        position - position.floor().min((stops.len() - 2) as f32),
    );
    let (a, b) = (stops[i], stops[i + 1]);
    let mix = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share).round() as u8;
    (mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// The nearest colour of the 6x6x6 cube or the grey ramp of a 256-colour terminal.
fn nearest_indexed((r, g, b): Rgb) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |v: u8| (0..6).min_by_key(|&i| LEVELS[i].abs_diff(v)).unwrap_or(0);
    let distance = |(x, y, z): Rgb| {
        let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
        square(x, r) + square(y, g) + square(z, b)
    };
    let (i, j, k) = (level(r), level(g), level(b));
    let cube = (LEVELS[i], LEVELS[j], LEVELS[k]);
    let grey =
        (0..24_u8).min_by_key(|&n| distance((8 + 10 * n, 8 + 10 * n, 8 + 10 * n))).unwrap_or(0);
    let level = 8 + 10 * grey;
    if distance((level, level, level)) < distance(cube) {
        232 + grey
    } else {
        (16 + 36 * i + 6 * j + k) as u8
    }
}
