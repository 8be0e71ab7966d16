//! Colours, glyphs and number formats: how a value looks, everywhere the same.
//!
//! The colours stand in palettes, one a scheme, all of them safe for colour-blind eyes; no fact is
//! told by colour alone: without colour a value is a shade and a sign. A scheme that was made for
//! another ground than the terminal's paints its own.

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
use palette::{Ink, Palette};
pub use xterm::{NAMED, number_of, rgb};

/// Red, green, blue.
pub type Rgb = (u8, u8, u8);

/// How many colours there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    None,
    Sixteen,
    Indexed,
    #[default]
    True,
}

/// Which characters may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    #[default]
    Unicode,
    Ascii,
}

/// Which colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// For a dark ground.
    #[default]
    Dark,
    /// For a light ground.
    Light,
    /// Strong colours on black, nothing dim.
    HighContrast,
    /// No colours: modifiers, shades and signs.
    Mono,
}

impl Scheme {
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::HighContrast, Self::Mono];

    /// As options and messages call it.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Mono => "mono",
        }
    }

    /// The one after this, and after the last the first.
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

/// What the terminal's own background is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    Dark,
    Light,
}

impl Background {
    /// Of a background colour.
    pub fn of(red: u8, green: u8, blue: u8) -> Self {
        let is_light = contrast::luminance((red, green, blue)) > 0.18;
        if is_light { Self::Light } else { Self::Dark }
    }
}

/// How everything looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    pub depth: Depth,
    pub glyphs: Glyphs,
    pub scheme: Scheme,
    /// None where it is not known.
    pub ground: Option<Background>,
}

impl Theme {
    pub const fn new(depth: Depth, glyphs: Glyphs) -> Self {
        Self { depth, glyphs, scheme: Scheme::Dark, ground: None }
    }

    /// The same with other colours.
    #[must_use]
    pub const fn with(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// The colours that there really are.
    const fn depth(self) -> Depth {
        if matches!(self.scheme, Scheme::Mono) { Depth::None } else { self.depth }
    }

    pub const fn has_colour(&self) -> bool {
        !matches!(self.depth(), Depth::None)
    }

    pub fn accent(&self) -> Style {
        self.loud(self.scheme.palette().accent)
    }

    /// What matters less. Where everything has to be legible, it looks like the rest.
    pub fn dim(&self) -> Style {
        match (self.depth(), self.scheme) {
            (Depth::None, _) => Style::new().add_modifier(Modifier::DIM),
            (_, Scheme::HighContrast) => Style::new(),
            _ => self.text(self.scheme.palette().dim),
        }
    }

    /// Something is not as it should be.
    pub fn wrong(&self) -> Style {
        self.loud(self.scheme.palette().wrong)
    }

    pub fn right(&self) -> Style {
        self.loud(self.scheme.palette().right)
    }

    /// The colour of the i-th pane's title, and of the words that name it.
    pub fn pane(&self, i: usize) -> Style {
        let panes = &self.scheme.palette().panes;
        self.loud(panes[i % panes.len()])
    }

    pub const fn strong(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What the cursor stands on.
    pub const fn cursor(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn text(self, ink: Ink) -> Style {
        match self.depth() {
            Depth::None => Style::new(),
            Depth::Sixteen => Style::new().fg(ink.sixteen),
            Depth::Indexed | Depth::True => Style::new().fg(self.colour(ink.rgb)),
        }
    }

    /// Text that stands out: where nothing is dim, it is bold.
    fn loud(self, ink: Ink) -> Style {
        let style = self.text(ink);
        let is_bold = self.scheme == Scheme::HighContrast && self.has_colour();
        if is_bold { style.add_modifier(Modifier::BOLD) } else { style }
    }

    /// A share or probability, 0 to 1, as a colour; None without colour.
    pub fn sequential(&self, x: f32) -> Option<Color> {
        let palette = self.scheme.palette();
        self.on_ramp(&palette.sequential, palette.sequential_sixteen, x.clamp(0.0, 1.0))
    }

    /// A bar for a share, 0 to 1: the part of the ramp that stands out from the ground.
    pub fn ink(&self, share: f32) -> Style {
        let from = self.scheme.palette().ink_from;
        let colour = self.sequential(from + (1.0 - from) * share.clamp(0.0, 1.0));
        colour.map_or(Style::new(), |colour| Style::new().fg(colour))
    }

    /// A signed value, -1 to 1, as a colour; None without colour.
    pub fn diverging(&self, x: f32) -> Option<Color> {
        let palette = self.scheme.palette();
        let x = x.clamp(-1.0, 1.0).midpoint(1.0);
        self.on_ramp(&palette.diverging, palette.diverging_sixteen, x)
    }

    fn on_ramp(self, stops: &[Rgb], sixteen: [Color; 6], x: f32) -> Option<Color> {
        let nearest = |n: usize| (x * (n - 1) as f32).round() as usize;
        match self.depth() {
            Depth::None => None,
            Depth::Sixteen => Some(sixteen[nearest(sixteen.len())]),
            _ if self.scheme.palette().in_steps => Some(self.colour(stops[nearest(stops.len())])),
            Depth::Indexed | Depth::True => Some(self.colour(between(stops, x))),
        }
    }

    fn colour(self, rgb: Rgb) -> Color {
        match self.depth() {
            Depth::True => Color::Rgb(rgb.0, rgb.1, rgb.2),
            _ => Color::Indexed(nearest_indexed(rgb)),
        }
    }

    /// A style that writes legibly on a colour of a ramp.
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

    /// Whether the ground is drawn too: a scheme is legible only on the ground it was made for.
    pub fn paints_ground(&self) -> bool {
        let suits = match self.scheme {
            Scheme::Dark => self.ground != Some(Background::Light),
            Scheme::Light => self.ground == Some(Background::Light),
            Scheme::HighContrast => false,
            Scheme::Mono => true,
        };
        self.has_colour() && !suits
    }

    /// Plain text and its ground, where no terminal says what they are.
    pub const fn paper(&self) -> (Rgb, Rgb) {
        let Palette { ink, ground, .. } = self.scheme.palette();
        (ink.rgb, ground.rgb)
    }

    /// Gives what has no colour yet the scheme's own ink and ground.
    pub fn paint(&self, cell: &mut Cell) {
        let Palette { ink, ground, .. } = self.scheme.palette();
        let colour = |of: &Ink| {
            if self.depth() == Depth::Sixteen { of.sixteen } else { self.colour(of.rgb) }
        };
        if cell.fg == Color::Reset {
            cell.set_fg(colour(ink));
        }
        if cell.bg == Color::Reset {
            cell.set_bg(colour(ground));
        }
    }
}

fn between(stops: &[Rgb], x: f32) -> Rgb {
    let at = if x.is_nan() { 0.0 } else { x } * (stops.len() - 1) as f32;
    let (i, part) =
        ((at as usize).min(stops.len() - 2), at - at.floor().min((stops.len() - 2) as f32));
    let (a, b) = (stops[i], stops[i + 1]);
    let mix = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * part).round() as u8;
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
