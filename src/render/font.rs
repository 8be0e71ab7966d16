//! The fonts of pictures: embedded, so that a picture is the same on every machine, and optionally one given by the
//! user.
//!
//! `assets/fonts/make_fonts.py` makes the embedded ones. Their frames, bars and shades fill the cell exactly, with
//! edges on pixel boundaries.

mod web;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use ab_glyph::{Font as _, FontArc, OutlinedGlyph, Point, PxScale};
use anyhow::{Context, Result};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_width::UnicodeWidthChar;

pub use web::{WEB, WebFont, is_in_web};

/// The size of a cell in pixels.
#[derive(Clone, Copy, Debug)]
pub struct CellSize {
    pub width: usize,
    pub height: usize,
}

/// The size at scale 1.
pub const CELL: CellSize = CellSize { width: 10, height: 22 };

/// The number of levels from background to foreground, both included.
pub const LEVELS: u8 = 16;

static REGULAR: &[u8] = include_bytes!("../../assets/fonts/mono-regular.ttf");
static BOLD: &[u8] = include_bytes!("../../assets/fonts/mono-bold.ttf");
static HAN: &[u8] = include_bytes!("../../assets/fonts/han.otf");

/// Pixels at scale 1 added to each side of a stroke for bold text without a bold font.
const WIDER: f32 = 0.3;

/// The index of the bold font.
const BOLD_FACE: usize = 1;

/// The ink of each pixel of a cell, in levels from 0 to [`LEVELS`] - 1.
#[derive(Debug, PartialEq, Eq)]
pub struct GlyphMask {
    /// In pixels.
    pub width: usize,
    pub height: usize,
    pub levels: Vec<u8>,
}

/// The fonts, at one scale.
pub struct Fonts {
    scale: usize,
    /// Regular, bold, Chinese, and the user's font if any; searched in that order, but for bold text the bold one
    /// first.
    faces: Vec<FontArc>,
    /// Finished masks by grapheme, for narrow and wide, regular and bold each.
    masks: RwLock<HashMap<String, [Option<Arc<GlyphMask>>; 4]>>,
    missing: Mutex<BTreeSet<char>>,
}

impl Fonts {
    /// The embedded fonts, for pictures at this scale.
    ///
    /// # Errors
    /// If an embedded font is damaged.
    pub fn embedded(scale: u8) -> Result<Self> {
        let font = |bytes| FontArc::try_from_slice(bytes).context("an embedded font does not load");
        Ok(Self {
            scale: scale.into(),
            faces: vec![font(REGULAR)?, font(BOLD)?, font(HAN)?],
            masks: RwLock::default(),
            missing: Mutex::default(),
        })
    }

    /// These fonts and one more, for characters that the others lack.
    ///
    /// # Errors
    /// If the bytes are not a valid font.
    pub fn and(mut self, bytes: Vec<u8>) -> Result<Self> {
        let font =
            FontArc::try_from_vec(bytes).context("this is not a TrueType or OpenType font")?;
        // A font with height 0 cannot be scaled.
        anyhow::ensure!(font.height_unscaled() > 0.0, "this font has no height");
        self.faces.push(font);
        Ok(self)
    }

    pub const fn cell(&self) -> CellSize {
        CellSize { width: CELL.width * self.scale, height: CELL.height * self.scale }
    }

    /// The requested characters that no font has; each is drawn as a frame.
    pub fn missing(&self) -> Vec<char> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// The mask of a grapheme in one or two columns.
    pub fn mask(&self, symbol: &str, columns: u8, is_bold: bool) -> Arc<GlyphMask> {
        let kind = usize::from(is_bold) + 2 * usize::from(columns > 1);
        let known = self.masks.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(mask) = known.get(symbol).and_then(|kinds| kinds[kind].clone()) {
            return mask;
        }
        drop(known);
        let mask = Arc::new(self.drawn(symbol, columns, is_bold));
        let mut known = self.masks.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(symbol.to_owned()).or_default()[kind] = Some(Arc::clone(&mask));
        mask
    }

    fn drawn(&self, symbol: &str, columns: u8, is_bold: bool) -> GlyphMask {
        let CellSize { width, height } = self.cell();
        let mut canvas = Canvas::new(width * usize::from(columns.max(1)), height);
        for (c, face) in self.glyphs(symbol, is_bold) {
            let by = widened(face, is_bold) * self.scale as f32;
            match face {
                Some(face) if by > 0.0 => {
                    for (x, y) in [(-by, -by), (-by, by), (by, -by), (by, by)] {
                        canvas.glyph(&self.faces[face], c, Point { x, y });
                    }
                }
                Some(face) => canvas.glyph(&self.faces[face], c, Point::default()),
                None => canvas.frame(self.scale),
            }
        }
        canvas.mask()
    }

    /// The characters that are drawn over each other for a grapheme, each with the index of its font. A character that
    /// no font has is recorded as missing and drawn as a frame.
    fn glyphs(&self, symbol: &str, is_bold: bool) -> Vec<(char, Option<usize>)> {
        // Composed, since one glyph for letter and accent is preferred.
        let composed: String = symbol.nfc().collect();
        let is_one = composed.chars().count() == 1
            && composed.chars().all(|c| self.face(c, is_bold).is_some());
        let shown = if is_one { &composed } else { symbol };
        let glyphs = shown.chars().map(|c| (c, self.face(c, is_bold)));
        // Joiners and variation selectors have no glyph.
        let glyphs: Vec<_> =
            glyphs.filter(|(c, face)| face.is_some() || c.width().unwrap_or(0) > 0).collect();
        let missing = glyphs.iter().filter(|(_, face)| face.is_none()).map(|(c, _)| *c);
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).extend(missing);
        glyphs
    }

    /// The index of the first font that has the character.
    fn face(&self, c: char, is_bold: bool) -> Option<usize> {
        let bold = is_bold.then_some(BOLD_FACE);
        let others = (0..self.faces.len()).filter(|&i| i != BOLD_FACE);
        bold.into_iter().chain(others).find(|&i| self.faces[i].glyph_id(c).0 != 0)
    }
}

/// Pixels at scale 1 added to each side of a glyph's strokes: bold text without a bold font is made bold as browsers
/// do.
fn widened(face: Option<usize>, is_bold: bool) -> f32 {
    let is_lacking = is_bold && face.is_some_and(|face| face != BOLD_FACE);
    if is_lacking { WIDER } else { 0.0 }
}

/// The ink of each pixel, 0 to 1.
struct Canvas {
    width: usize,
    height: usize,
    shares: Vec<f32>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, shares: vec![0.0; width * height] }
    }

    /// Draws a glyph in the middle of the cell, shifted by `aside` pixels; whatever does not fit is cut off.
    fn glyph(&mut self, face: &FontArc, c: char, aside: Point) {
        let height = self.height as f32;
        let scale = PxScale::from(height);
        let per_unit = height / face.height_unscaled();
        let id = face.glyph_id(c);
        let at = |x: f32| {
            let origin = Point { x, y: face.ascent_unscaled() * per_unit + aside.y };
            face.outline_glyph(id.with_scale_and_position(scale, origin))
        };
        let advance = face.h_advance_unscaled(id) * per_unit;
        let mut slack = (self.width as f32 - advance) / 2.0;
        if is_combining_mark(c)
            && let Some(mark) = at(0.0)
        {
            // Fonts place marks differently, so a mark is centred over its letter.
            let bounds = mark.px_bounds();
            slack = (self.width as f32 - bounds.width()) / 2.0 - bounds.min.x;
        }
        if let Some(glyph) = at(slack + aside.x) {
            self.ink(&glyph);
        }
    }

    fn ink(&mut self, glyph: &OutlinedGlyph) {
        let (left, top) = (glyph.px_bounds().min.x as i64, glyph.px_bounds().min.y as i64);
        let (width, height) = (self.width as i64, self.height as i64);
        glyph.draw(|x, y, share| {
            let (x, y) = (left + i64::from(x), top + i64::from(y));
            if (0..width).contains(&x) && (0..height).contains(&y) {
                let pixel = &mut self.shares[(y * width + x) as usize];
                *pixel = pixel.max(share);
            }
        });
    }

    /// Draws the frame for a character without a glyph.
    fn frame(&mut self, line: usize) {
        let (width, height) = (self.width, self.height);
        let is_line = |at: usize, size: usize, margin: usize| {
            (margin..margin + line).contains(&at)
                || (margin..margin + line).contains(&(size - 1 - at))
        };
        let is_inside =
            |at: usize, size: usize, margin: usize| (margin..size - margin).contains(&at);
        let (side, top) = (line, 4 * line);
        for (i, share) in self.shares.iter_mut().enumerate() {
            let (x, y) = (i % width, i / width);
            let is_upright = is_line(x, width, side) && is_inside(y, height, top);
            let is_level = is_line(y, height, top) && is_inside(x, width, side);
            if is_upright || is_level {
                *share = 1.0;
            }
        }
    }

    fn mask(self) -> GlyphMask {
        let level = |share: f32| (share.clamp(0.0, 1.0) * f32::from(LEVELS - 1)).round() as u8;
        let levels = self.shares.into_iter().map(level).collect();
        GlyphMask { width: self.width, height: self.height, levels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: u8 = LEVELS - 1;

    fn row(mask: &GlyphMask, y: usize) -> &[u8] {
        &mask.levels[y * mask.width..(y + 1) * mask.width]
    }

    #[test]
    fn frames_reach_the_edges_of_their_cells_without_blur() -> Result<()> {
        for scale in 1..=4 {
            let fonts = Fonts::embedded(scale)?;
            let CellSize { width, height } = fonts.cell();
            let block = fonts.mask("█", 1, false);
            assert!(block.levels.iter().all(|&level| level == FULL));
            for (symbol, is_along) in
                [("─", true), ("│", false), ("━", true), ("┃", false), ("┼", true)]
            {
                let mask = fonts.mask(symbol, 1, false);
                assert!(mask.levels.iter().all(|level| [0, FULL].contains(level)), "{symbol}");
                let column = |x: usize| (0..height).map(|y| row(&mask, y)[x]).collect::<Vec<_>>();
                if is_along {
                    assert_eq!(column(0), column(width - 1), "{symbol}");
                    assert!(column(0).contains(&FULL), "{symbol}");
                } else {
                    assert_eq!(row(&mask, 0), row(&mask, height - 1), "{symbol}");
                    assert!(row(&mask, 0).contains(&FULL), "{symbol}");
                }
            }
            for (symbol, quarters) in [("░", 1), ("▒", 2), ("▓", 3)] {
                let mask = fonts.mask(symbol, 1, false);
                let n: usize = mask.levels.iter().map(|&level| usize::from(level == FULL)).sum();
                assert_eq!(n, width * height * quarters / 4, "{symbol} at {scale}");
            }
        }
        Ok(())
    }

    #[test]
    fn corners_meet_lines() -> Result<()> {
        let fonts = Fonts::embedded(1)?;
        let CellSize { width, height } = fonts.cell();
        let [across, down] = ["─", "│"].map(|symbol| fonts.mask(symbol, 1, false));
        for (symbol, is_right, is_down) in
            [("╭", true, true), ("╮", false, true), ("╰", true, false), ("╯", false, false)]
        {
            let corner = fonts.mask(symbol, 1, false);
            let x = if is_right { width - 1 } else { 0 };
            let y = if is_down { height - 1 } else { 0 };
            assert!((0..height).all(|y| row(&corner, y)[x] == row(&across, y)[x]), "{symbol}");
            assert_eq!(row(&corner, y), row(&down, y), "{symbol}");
        }
        Ok(())
    }

    #[test]
    fn accents_are_composed_and_other_marks_laid_over() -> Result<()> {
        let fonts = Fonts::embedded(2)?;
        assert_eq!(fonts.mask("e\u{301}", 1, false), fonts.mask("é", 1, false));
        let plain = fonts.mask("x", 1, false);
        let marked = fonts.mask("x\u{301}", 1, false);
        assert!(plain.levels.iter().zip(&marked.levels).all(|(a, b)| a <= b));
        assert_ne!(plain, marked);
        assert!(fonts.missing().is_empty());
        Ok(())
    }

    #[test]
    fn a_missing_character_is_a_frame_and_is_reported() -> Result<()> {
        let fonts = Fonts::embedded(1)?;
        let cat = fonts.mask("🐈\u{200d}\u{fe0f}", 2, false);
        assert_eq!((cat.width, cat.height), (20, 22));
        assert!(cat.levels.contains(&FULL));
        assert_eq!(fonts.missing(), ['🐈']);
        assert!(Fonts::embedded(1)?.and(b"no font".to_vec()).is_err());
        Ok(())
    }

    #[test]
    fn bold_is_heavier_and_every_character_of_the_lessons_has_a_glyph() -> Result<()> {
        let fonts = Fonts::embedded(1)?;
        let ink = |mask: &GlyphMask| mask.levels.iter().map(|&level| u32::from(level)).sum::<u32>();
        assert!(ink(&fonts.mask("n", 1, true)) > ink(&fonts.mask("n", 1, false)));
        let texts = [
            include_str!("../../assets/lessons/en.toml"),
            include_str!("../../assets/lessons/zh.toml"),
            include_str!("../../assets/lessons/interface-zh.toml"),
            include_str!("../../assets/models/words.txt"),
            include_str!("../ui/theme.rs"),
        ];
        for c in texts.concat().chars().filter(|c| !c.is_control()) {
            fonts.mask(c.encode_utf8(&mut [0; 4]), c.width().unwrap_or(1) as u8, false);
        }
        assert_eq!(fonts.missing(), ['\u{0}'; 0]);
        Ok(())
    }
}
