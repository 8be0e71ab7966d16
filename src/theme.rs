//! Colours, glyphs and number formats: how a value looks, everywhere the same.
//!
//! Both ramps are safe for colour-blind eyes (dark blue to yellow; blue through dark to orange), and
//! no fact is told by colour alone: without colour a value is a shade and a sign.

use ratatui::style::{Color, Modifier, Style};

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

/// How everything looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    pub depth: Depth,
    pub glyphs: Glyphs,
}

type Rgb = (u8, u8, u8);

/// Stops of the sequential ramp, 0 to 1 (after viridis, darker at its foot).
const SEQUENTIAL: [Rgb; 6] =
    [(24, 24, 38), (52, 52, 112), (42, 100, 142), (32, 148, 136), (110, 200, 88), (250, 230, 70)];
/// Stops of the diverging ramp, -1 to 1.
const DIVERGING: [Rgb; 7] = [
    (110, 190, 255),
    (50, 120, 220),
    (30, 62, 120),
    (28, 28, 34),
    (120, 66, 20),
    (214, 116, 26),
    (255, 196, 100),
];
/// Accents of panes, told apart by eyes of all kinds (after Okabe and Ito 2008).
const PANES: [Rgb; 4] = [(86, 180, 233), (230, 159, 0), (204, 121, 167), (0, 178, 130)];
const ACCENT: Rgb = (110, 200, 235);
const DIM: Rgb = (138, 138, 148);
const WRONG: Rgb = (240, 150, 60);
const RIGHT: Rgb = (80, 190, 170);

impl Theme {
    pub const fn new(depth: Depth, glyphs: Glyphs) -> Self {
        Self { depth, glyphs }
    }

    pub fn accent(&self) -> Style {
        self.text(ACCENT, Color::LightCyan)
    }

    pub fn dim(&self) -> Style {
        match self.depth {
            Depth::None => Style::new().add_modifier(Modifier::DIM),
            _ => self.text(DIM, Color::DarkGray),
        }
    }

    /// Something is not as it should be.
    pub fn wrong(&self) -> Style {
        self.text(WRONG, Color::LightYellow)
    }

    pub fn right(&self) -> Style {
        self.text(RIGHT, Color::LightGreen)
    }

    /// The colour of the i-th pane's title, and of the words that name it.
    pub fn pane(&self, i: usize) -> Style {
        const SIXTEEN: [Color; 4] =
            [Color::LightCyan, Color::LightYellow, Color::LightMagenta, Color::LightGreen];
        self.text(PANES[i % PANES.len()], SIXTEEN[i % SIXTEEN.len()])
    }

    pub const fn strong(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What the cursor stands on.
    pub const fn cursor(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn text(self, rgb: Rgb, sixteen: Color) -> Style {
        match self.depth {
            Depth::None => Style::new(),
            Depth::Sixteen => Style::new().fg(sixteen),
            Depth::Indexed | Depth::True => Style::new().fg(self.colour(rgb)),
        }
    }

    /// A share or probability, 0 to 1, as a colour; None without colour.
    pub fn sequential(&self, x: f32) -> Option<Color> {
        const SIXTEEN: [Color; 6] = [
            Color::Black,
            Color::Blue,
            Color::Blue,
            Color::Cyan,
            Color::LightGreen,
            Color::LightYellow,
        ];
        self.on_ramp(&SEQUENTIAL, SIXTEEN, x.clamp(0.0, 1.0))
    }

    /// A signed value, -1 to 1, as a colour; None without colour.
    pub fn diverging(&self, x: f32) -> Option<Color> {
        const SIXTEEN: [Color; 6] = [
            Color::LightBlue,
            Color::Blue,
            Color::Black,
            Color::Black,
            Color::Yellow,
            Color::LightYellow,
        ];
        self.on_ramp(&DIVERGING, SIXTEEN, x.clamp(-1.0, 1.0).midpoint(1.0))
    }

    fn on_ramp(self, stops: &[Rgb], sixteen: [Color; 6], x: f32) -> Option<Color> {
        match self.depth {
            Depth::None => None,
            Depth::Sixteen => Some(sixteen[(x * 5.0).round() as usize]),
            Depth::Indexed | Depth::True => Some(self.colour(between(stops, x))),
        }
    }

    fn colour(self, rgb: Rgb) -> Color {
        match self.depth {
            Depth::True => Color::Rgb(rgb.0, rgb.1, rgb.2),
            _ => Color::Indexed(nearest_indexed(rgb)),
        }
    }

    /// A style that writes legibly on a colour of a ramp.
    pub fn on(&self, background: Color) -> Style {
        let ink = if is_light(background) { Color::Black } else { Color::White };
        Style::new().fg(ink).bg(background)
    }

    /// The shade for a magnitude of 0 to 1, where there is no colour; a negative one is told from a
    /// positive one.
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

    /// The Unicode text, or its stand-in where only ASCII may be used.
    pub const fn glyph(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.is_ascii() { ascii } else { unicode }
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

    /// A cell filled from below to so many eighths.
    pub fn column(&self, eighths: usize) -> &'static str {
        const UNICODE: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
        const ASCII: [&str; 9] = [" ", ".", ".", ":", ":", "|", "|", "#", "#"];
        let table = if self.is_ascii() { ASCII } else { UNICODE };
        table[eighths.min(8)]
    }

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

    /// A share of 1 as a percentage in six columns; what is little is not called nothing.
    pub fn percent(&self, share: f32) -> String {
        let text = if share > 0.0 && share < 0.000_5 {
            "<0.1%".to_owned()
        } else {
            format!("{:.1}%", share * 100.0)
        };
        format!("{text:>6}")
    }
}

/// The ASCII stand-in for a sign of frames, formulas and marks; None for letters, digits and what is
/// ASCII already.
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
        '·' | '…' | '▒' | '░' => '.',
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

/// What is rounded to zero has no sign.
fn unsigned_zero(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest.to_owned(),
        _ => text,
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

fn is_light(colour: Color) -> bool {
    let (r, g, b) = match colour {
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Indexed(n @ 16..=231) => {
            const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
            let n = usize::from(n - 16);
            (LEVELS[n / 36], LEVELS[n / 6 % 6], LEVELS[n % 6])
        }
        Color::Indexed(n @ 232..) => (8 + 10 * (n - 232), 8 + 10 * (n - 232), 8 + 10 * (n - 232)),
        Color::LightYellow | Color::LightGreen | Color::Yellow | Color::Cyan | Color::LightBlue => {
            (255, 255, 255)
        }
        _ => (0, 0, 0),
    };
    2 * u32::from(r) + 5 * u32::from(g) + u32::from(b) > 8 * 118
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_their_width_and_keep_what_matters() {
        let theme = Theme::default();
        for (v, width, want) in [
            (0.871, 4, "0.87"),
            (-0.871, 4, "-.87"),
            (0.871, 3, ".87"),
            (-12.34, 5, "-12.3"),
            (-12.34, 4, " -12"),
            (f32::NEG_INFINITY, 4, "  -∞"),
            (f32::NAN, 4, " NaN"),
            (0.000_01, 5, " 0.00"),
            (-0.0, 4, "0.00"),
            (-0.000_01, 8, "0.0000"),
            (123_456.0, 4, "1e5"),
        ] {
            assert_eq!(theme.number(v, width), format!("{want:>width$}"), "{v} in {width}");
        }
    }

    #[test]
    fn figures_have_three_digits() {
        let theme = Theme::default();
        let wanted = [(15.834, "15.8"), (0.005_79, "0.00579"), (-0.5, "-0.500"), (1234.0, "1234")];
        for (v, want) in wanted {
            assert_eq!(theme.figure(v, 7).trim(), want);
        }
        assert_eq!(theme.percent(0.9757), " 97.6%");
        assert_eq!(theme.percent(0.000_1), " <0.1%");
        assert_eq!(theme.percent(0.0), "  0.0%");
    }

    #[test]
    fn ramps_are_monotonous_in_brightness_where_they_should_be() {
        let light = |rgb: Rgb| 2 * u32::from(rgb.0) + 5 * u32::from(rgb.1) + u32::from(rgb.2);
        let along: Vec<u32> =
            (0..=20).map(|i| light(between(&SEQUENTIAL, i as f32 / 20.0))).collect();
        assert!(along.windows(2).all(|w| w[0] < w[1]), "{along:?}");
    }

    #[test]
    fn without_colour_a_sign_is_still_told() {
        let theme = Theme::new(Depth::None, Glyphs::Unicode);
        assert_eq!(theme.sequential(0.5), None);
        assert_ne!(theme.shade(0.8), theme.shade(-0.8));
        assert_eq!(theme.shade(0.0), ' ');
    }

    #[test]
    fn bars_fill_in_eighths() {
        let theme = Theme::default();
        assert_eq!(theme.bar(0.5, 3), "█▌");
        assert_eq!(theme.bar(2.0, 2), "██");
        assert_eq!(Theme::new(Depth::True, Glyphs::Ascii).bar(0.5, 4), "##");
    }
}
