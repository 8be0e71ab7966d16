//! The colours of the schemes. All are safe for colour-blind eyes: ramps by their luminance, accents
//! after Okabe and Ito (2008).

use ratatui::style::Color;

use super::Rgb;

/// A colour, and its substitute where there are only sixteen colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink {
    pub(super) rgb: Rgb,
    pub(super) sixteen: Color,
}

const fn ink(rgb: Rgb, sixteen: Color) -> Ink {
    Ink { rgb, sixteen }
}

/// All colours of a scheme.
#[derive(Debug)]
pub(super) struct Palette {
    /// The least favourable background on which the palette must be legible.
    pub(super) background: Ink,
    /// Plain text, where the background is painted.
    pub(super) text: Ink,
    pub(super) accent: Ink,
    pub(super) dim: Ink,
    /// Errors and changed values.
    pub(super) wrong: Ink,
    pub(super) right: Ink,
    /// Accents of panes.
    pub(super) panes: [Ink; 4],
    /// Ramp for values of 0 to 1.
    pub(super) sequential: [Rgb; 6],
    pub(super) sequential_sixteen: [Color; 6],
    /// Position on the sequential ramp, 0 to 1, from which on it contrasts with the background.
    pub(super) bars_from: f32,
    /// Ramp for values of -1 to 1.
    pub(super) diverging: [Rgb; 7],
    pub(super) diverging_sixteen: [Color; 6],
    /// Whether only the stops of a ramp are used, without interpolation.
    pub(super) is_stepped: bool,
}

/// Sequential ramp after viridis, darker at its low end; diverging ramp from blue through dark to orange.
pub(super) const DARK: Palette = Palette {
    background: ink((36, 38, 44), Color::Black),
    text: ink((222, 222, 226), Color::White),
    accent: ink((110, 200, 235), Color::LightCyan),
    dim: ink((138, 138, 148), Color::DarkGray),
    wrong: ink((240, 150, 60), Color::LightYellow),
    right: ink((80, 190, 170), Color::LightGreen),
    panes: [
        ink((86, 180, 233), Color::LightCyan),
        ink((230, 159, 0), Color::LightYellow),
        ink((204, 121, 167), Color::LightMagenta),
        ink((0, 178, 130), Color::LightGreen),
    ],
    sequential: [
        (24, 24, 38),
        (52, 52, 112),
        (42, 100, 142),
        (32, 148, 136),
        (110, 200, 88),
        (250, 230, 70),
    ],
    sequential_sixteen: [
        Color::Black,
        Color::Blue,
        Color::Blue,
        Color::Cyan,
        Color::LightGreen,
        Color::LightYellow,
    ],
    bars_from: 0.5,
    diverging: [
        (110, 190, 255),
        (50, 120, 220),
        (30, 62, 120),
        (28, 28, 34),
        (120, 66, 20),
        (214, 116, 26),
        (255, 196, 100),
    ],
    diverging_sixteen: [
        Color::LightBlue,
        Color::Blue,
        Color::Black,
        Color::Black,
        Color::Yellow,
        Color::LightYellow,
    ],
    is_stepped: false,
};

/// Ramps that begin near white: small values are only a tint of the background.
pub(super) const LIGHT: Palette = Palette {
    background: ink((240, 240, 235), Color::White),
    text: ink((24, 24, 28), Color::Black),
    accent: ink((0, 88, 150), Color::Blue),
    dim: ink((104, 104, 112), Color::DarkGray),
    wrong: ink((150, 46, 0), Color::Red),
    right: ink((0, 104, 92), Color::Blue),
    panes: [
        ink((0, 94, 158), Color::Blue),
        ink((138, 82, 0), Color::Red),
        ink((150, 44, 106), Color::Magenta),
        ink((0, 106, 76), Color::Black),
    ],
    sequential: [
        (250, 250, 246),
        (214, 236, 208),
        (140, 206, 190),
        (60, 160, 196),
        (34, 94, 168),
        (12, 36, 96),
    ],
    sequential_sixteen: [
        Color::White,
        Color::LightCyan,
        Color::Cyan,
        Color::LightBlue,
        Color::Blue,
        Color::Black,
    ],
    bars_from: 0.66,
    diverging: [
        (5, 56, 124),
        (46, 116, 190),
        (166, 204, 236),
        (248, 248, 246),
        (250, 206, 150),
        (205, 105, 20),
        (112, 52, 0),
    ],
    diverging_sixteen: [
        Color::Blue,
        Color::LightBlue,
        Color::White,
        Color::White,
        Color::LightYellow,
        Color::Red,
    ],
    is_stepped: false,
};

/// Colours of the 256, not interpolated: text on a cell would be less legible on colours in between.
pub(super) const HIGH_CONTRAST: Palette = Palette {
    background: ink((0, 0, 0), Color::Black),
    text: ink((255, 255, 255), Color::White),
    accent: ink((95, 255, 255), Color::LightCyan),
    dim: ink((255, 255, 255), Color::White),
    wrong: ink((255, 175, 0), Color::LightYellow),
    right: ink((95, 255, 175), Color::LightGreen),
    panes: [
        ink((95, 215, 255), Color::LightCyan),
        ink((255, 215, 0), Color::LightYellow),
        ink((255, 175, 255), Color::LightMagenta),
        ink((95, 255, 175), Color::LightGreen),
    ],
    sequential: [(0, 0, 0), (0, 0, 135), (0, 95, 95), (0, 175, 175), (175, 215, 95), (255, 255, 0)],
    sequential_sixteen: [
        Color::Black,
        Color::Black,
        Color::Blue,
        Color::Cyan,
        Color::LightGreen,
        Color::LightYellow,
    ],
    bars_from: 0.5,
    diverging: [
        (175, 215, 255),
        (95, 175, 255),
        (0, 0, 135),
        (0, 0, 0),
        (95, 0, 0),
        (255, 135, 0),
        (255, 215, 135),
    ],
    diverging_sixteen: [
        Color::LightCyan,
        Color::Blue,
        Color::Black,
        Color::Black,
        Color::Yellow,
        Color::LightYellow,
    ],
    is_stepped: true,
};
