//! Cells on a page: their grounds, their text, their lines. Lengths are pixels of [`CELL`], from the
//! lower left of the picture.

use pdf_writer::{Content, Name, Str, TextStr, types::TextRenderingMode};
use unicode_normalization::char::is_combining_mark;

use super::faces::Face;
use crate::{
    render::{
        font::{CELL, Fonts, widened},
        picture::{Look, Painted, Picture},
    },
    ui::theme::Rgb,
};

/// How far a row's ground reaches beneath the next one's: so no seam is seen between them.
const OVERLAP: usize = 1;
/// How far italics lean.
const SLANT: f32 = 0.2;

/// What a page is drawn with.
pub struct Pen<'a, 'b> {
    pub content: Content,
    pub fonts: &'a Fonts,
    pub faces: &'a mut [Face<'b>],
}

/// Cells of a row that are shown at one stroke.
struct Run {
    stroke: Stroke,
    left: f32,
    /// Two bytes a glyph.
    codes: Vec<u8>,
    /// How many blank cells have followed.
    blanks: usize,
}

/// How characters are written.
#[derive(Clone, Copy, PartialEq)]
struct Stroke {
    face: usize,
    ink: Rgb,
    is_italic: bool,
    /// By how many pixels it is wider on either side.
    widened: f32,
}

impl Stroke {
    fn of(face: usize, cell: &Painted) -> Self {
        let Look { ink, is_italic, is_bold, .. } = cell.look;
        Self { face, ink, is_italic, widened: widened(Some(face), is_bold) }
    }
}

impl Pen<'_, '_> {
    /// Text without its ground.
    pub fn text(&mut self, picture: &Picture) {
        self.content.begin_text();
        for (y, cells) in picture.rows().enumerate() {
            self.row(cells, bottom(picture, y));
        }
        self.content.end_text();
        for (y, cells) in picture.rows().enumerate() {
            self.strokes(cells, bottom(picture, y));
        }
    }

    /// All that is beneath the text. Every colour is painted up to the right end, for the next one to be
    /// painted over it.
    pub fn grounds(&mut self, picture: &Picture) {
        let plain = picture.paper.ground;
        let (width, height) = (picture.width * CELL.0, picture.height * CELL.1);
        self.rectangle(plain, [0, 0, width, height]);
        let mut is_clean = true;
        for (y, cells) in picture.rows().enumerate() {
            let is_plain = cells.iter().all(|cell| ground(cell) == plain);
            if is_plain && is_clean {
                continue;
            }
            is_clean = is_plain;
            let overlap = if y + 1 < picture.height { OVERLAP } else { 0 };
            let bottom = bottom(picture, y) - overlap;
            let mut column = 0;
            for alike in cells.chunk_by(|a, b| ground(a) == ground(b)) {
                let left = column * CELL.0;
                self.rectangle(ground(&alike[0]), [left, bottom, width - left, CELL.1 + overlap]);
                column += alike.len();
            }
        }
    }

    /// Left, bottom, width, height.
    fn rectangle(&mut self, colour: Rgb, [left, bottom, width, height]: [usize; 4]) {
        self.fill(colour);
        let [left, bottom, width, height] = [left, bottom, width, height].map(|n| n as f32);
        self.content.rect(left, bottom, width, height).fill_nonzero();
    }

    fn fill(&mut self, colour: Rgb) {
        let [r, g, b] = shares(colour);
        self.content.set_fill_rgb(r, g, b);
    }

    fn row(&mut self, cells: &[Painted], bottom: usize) {
        let mut run: Option<Run> = None;
        for (x, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.columns > 0) {
            if cell.symbol == " " {
                if let Some(run) = &mut run {
                    run.blanks += 1;
                }
                continue;
            }
            let left = (x * CELL.0) as f32;
            let glyphs = self.fonts.glyphs(&cell.symbol, cell.look.is_bold);
            if let [(c, Some(face))] = glyphs[..] {
                run = Some(self.joined(run, (c, face), cell, [left, bottom as f32]));
                continue;
            }
            self.show(run.take(), bottom as f32);
            for (c, face) in glyphs {
                match face {
                    Some(face) => self.laid(c, face, cell, [left, bottom as f32]),
                    None => self.absent(c, cell, [left, bottom as f32]),
                }
            }
        }
        self.show(run, bottom as f32);
    }

    /// The run with a further cell, or a new one if it does not belong there.
    fn joined(
        &mut self,
        run: Option<Run>,
        (c, face): (char, usize),
        cell: &Painted,
        [left, bottom]: [f32; 2],
    ) -> Run {
        let width = width(cell);
        let glyph = self.faces[face].glyph(c);
        let slack = (width - glyph.advance) / 2.0;
        let stroke = Stroke::of(face, cell);
        let is_regular = slack.abs() < 0.01;
        let fits = |run: &Run| is_regular && run.stroke == stroke && (run.blanks == 0 || face < 2);
        if let Some(mut run) = run {
            if fits(&run) {
                let blank = self.faces[face].glyph(' ').code.to_be_bytes();
                run.codes.extend(blank.repeat(run.blanks));
                run.codes.extend(glyph.code.to_be_bytes());
                run.blanks = 0;
                return run;
            }
            self.show(Some(run), bottom);
        }
        let codes = glyph.code.to_be_bytes().to_vec();
        Run { stroke, left: left + slack, codes, blanks: 0 }
    }

    fn show(&mut self, run: Option<Run>, bottom: f32) {
        let Some(run) = run else { return };
        let Stroke { face, ink, is_italic, widened } = run.stroke;
        self.fill(ink);
        let (name, face) = (super::name(face), &self.faces[face]);
        let slant = if is_italic { SLANT } else { 0.0 };
        let base = bottom + face.depth();
        self.content.set_font(Name(name.as_bytes()), short(face.size()));
        self.content.set_text_matrix([1.0, 0.0, slant, 1.0, short(run.left), short(base)]);
        if widened > 0.0 {
            let [r, g, b] = shares(ink);
            self.content.set_text_rendering_mode(TextRenderingMode::FillStroke);
            self.content.set_stroke_rgb(r, g, b).set_line_width(2.0 * widened);
        }
        self.content.show(Str(&run.codes));
        if widened > 0.0 {
            self.content.set_text_rendering_mode(TextRenderingMode::Fill);
        }
    }

    /// A letter in the middle of its cell, or a mark over the middle.
    fn laid(&mut self, c: char, face: usize, cell: &Painted, [left, bottom]: [f32; 2]) {
        let glyph = self.faces[face].glyph(c);
        let slack = if is_combining_mark(c) {
            (width(cell) - glyph.edges.0 - glyph.edges.1) / 2.0
        } else {
            (width(cell) - glyph.advance) / 2.0
        };
        let codes = glyph.code.to_be_bytes().to_vec();
        let stroke = Stroke::of(face, cell);
        self.show(Some(Run { stroke, left: left + slack, codes, blanks: 0 }), bottom);
    }

    /// A character that no font has: nothing to be seen, but it can be copied.
    fn absent(&mut self, c: char, cell: &Painted, [left, bottom]: [f32; 2]) {
        let mut span = self.content.begin_marked_content_with_properties(Name(b"Span"));
        span.properties().actual_text(TextStr(c.encode_utf8(&mut [0; 4])));
        drop(span);
        self.laid(' ', 0, cell, [left, bottom]);
        self.content.end_marked_content();
    }

    /// Lines beneath and through text, and the frames of what no font has.
    fn strokes(&mut self, cells: &[Painted], bottom: usize) {
        for (x, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.columns > 0) {
            let left = x * CELL.0;
            let width = CELL.0 * usize::from(cell.columns);
            let strokes = [(cell.look.is_underlined, 2), (cell.look.is_crossed_out, 10)];
            for (_, above) in strokes.iter().filter(|(is, _)| *is) {
                self.rectangle(cell.look.ink, [left, bottom + above, width, 1]);
            }
            let is_absent = cell.symbol != " "
                && self.fonts.glyphs(&cell.symbol, false).iter().any(|(_, face)| face.is_none());
            if is_absent {
                self.fill(cell.look.ink);
                let ring = |inset: usize| {
                    let (side, top) = (1 + inset, 4 + inset);
                    [left + side, bottom + top, width - 2 * side, CELL.1 - 2 * top]
                        .map(|n| n as f32)
                };
                for [left, bottom, width, height] in [ring(0), ring(1)] {
                    self.content.rect(left, bottom, width, height);
                }
                self.content.fill_even_odd();
            }
        }
    }
}

/// The lower edge of a row.
const fn bottom(picture: &Picture, row: usize) -> usize {
    (picture.height - 1 - row) * CELL.1
}

fn shares(colour: Rgb) -> [f32; 3] {
    <[u8; 3]>::from(colour).map(|part| short(f32::from(part) / 255.0))
}

/// With as many digits as the eye needs.
fn short(x: f32) -> f32 {
    (x * 1e4).round() / 1e4
}

fn width(cell: &Painted) -> f32 {
    (CELL.0 * usize::from(cell.columns)) as f32
}

/// What is seen around the text; of a cell that is all ink, that: no seams between those.
fn ground(cell: &Painted) -> Rgb {
    if cell.symbol == "█" { cell.look.ink } else { cell.look.ground }
}
