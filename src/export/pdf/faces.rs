//! The fonts of a document: of each only the glyphs that its pages show, with what characters they are.

use std::io;

use pdf_writer::{
    Name, Rect, Ref, Str,
    types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap},
};
use subsetter::{GlyphRemapper, subset};
use ttf_parser::{GlyphId, RawFace, Tag, name_id};

use super::file::File;
use crate::render::font::{CELL, Fonts};

const IDENTITY: SystemInfo =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// A font, and what of it is used.
pub struct Face<'a> {
    data: &'a [u8],
    font: ttf_parser::Face<'a>,
    used: GlyphRemapper,
    /// By code: what each glyph shows. The first stands for nothing.
    characters: Vec<char>,
}

/// A glyph in a line of [`CELL`]'s height; lengths in its pixels.
#[derive(Clone, Copy)]
pub struct Glyph {
    /// How the document calls it.
    pub code: u16,
    pub advance: f32,
    /// The left and right edges of its ink.
    pub edges: (f32, f32),
}

/// In the order of [`Fonts::files`].
///
/// # Errors
/// If a font cannot be read.
pub fn of(fonts: &Fonts) -> io::Result<Vec<Face<'_>>> {
    fonts.files().map(Face::new).collect()
}

impl<'a> Face<'a> {
    fn new(data: &'a [u8]) -> io::Result<Self> {
        let font = ttf_parser::Face::parse(data, 0).map_err(damaged)?;
        Ok(Self { data, font, used: GlyphRemapper::new(), characters: vec!['\0'] })
    }

    /// Pixels in a unit of the font.
    fn per_unit(&self) -> f32 {
        let height = f32::from(self.font.ascender()) - f32::from(self.font.descender());
        CELL.1 as f32 / height
    }

    /// Of the type, in pixels.
    pub fn size(&self) -> f32 {
        self.per_unit() * f32::from(self.font.units_per_em())
    }

    /// Pixels from the base line down to the end of the cell.
    pub fn depth(&self) -> f32 {
        -f32::from(self.font.descender()) * self.per_unit()
    }

    /// The glyph of a character, from now on in the document; one for what is missing if it has none.
    pub fn glyph(&mut self, c: char) -> Glyph {
        let id = self.font.glyph_index(c).unwrap_or_default();
        let code = self.used.remap(id.0);
        if usize::from(code) == self.characters.len() {
            self.characters.push(c);
        }
        let pixels = |units: f32| units * self.per_unit();
        let advance = pixels(self.font.glyph_hor_advance(id).unwrap_or_default().into());
        let edges = self.font.glyph_bounding_box(id).map_or((0.0, advance), |bounds| {
            (pixels(bounds.x_min.into()), pixels(bounds.x_max.into()))
        });
        Glyph { code, advance, edges }
    }

    pub const fn is_used(&self) -> bool {
        self.characters.len() > 1
    }

    /// Writes the font with what is used of it; `name` tells it from others.
    ///
    /// # Errors
    /// If the writer fails, or the font cannot be cut down.
    pub fn put(&self, file: &mut File, font: Ref, name: char) -> io::Result<()> {
        let [cid_font, descriptor, data, characters] =
            [file.name(), file.name(), file.name(), file.name()];
        let title = format!("LOOKB{name}+{}", self.title());
        let title = Name(title.as_bytes());
        let program = Program::of(subset(self.data, 0, &self.used).map_err(damaged)?)?;
        file.put(font, |chunk| {
            let mut font = chunk.type0_font(font);
            font.base_font(title).encoding_predefined(Name(b"Identity-H"));
            font.descendant_font(cid_font).to_unicode(characters);
        })?;
        file.put(cid_font, |chunk| {
            let mut font = chunk.cid_font(cid_font);
            font.subtype(program.kind()).base_font(title).system_info(IDENTITY);
            font.font_descriptor(descriptor);
            if !program.is_cff {
                font.cid_to_gid_map_predefined(Name(b"Identity"));
            }
            font.widths().consecutive(0, self.widths());
        })?;
        file.put(descriptor, |chunk| {
            let mut about = chunk.font_descriptor(descriptor);
            self.describe(&mut about, title);
            if program.is_cff {
                about.font_file3(data)
            } else {
                about.font_file2(data)
            };
        })?;
        file.put_data(data, &program.bytes, |stream| {
            if program.is_cff {
                stream.pair(Name(b"Subtype"), Name(b"CIDFontType0C"));
            } else {
                stream.pair(Name(b"Length1"), program.bytes.len() as i32);
            }
        })?;
        file.put_data(characters, &self.map(), |_| ())
    }

    /// As programs call it: letters, figures and hyphens.
    fn title(&self) -> String {
        let names = self.font.names().into_iter();
        let mut titles = names.filter(|name| name.name_id == name_id::POST_SCRIPT_NAME);
        let title = titles.find_map(|name| name.to_string()).unwrap_or_default();
        title.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
    }

    /// Thousandths of the type's size.
    fn thousandths(&self, units: f32) -> f32 {
        units * 1000.0 / f32::from(self.font.units_per_em())
    }

    fn widths(&self) -> impl Iterator<Item = f32> {
        let advance = |id| self.font.glyph_hor_advance(GlyphId(id)).unwrap_or_default();
        self.used.remapped_gids().map(move |id| self.thousandths(advance(id).into()))
    }

    fn describe(&self, about: &mut pdf_writer::writers::FontDescriptor, title: Name) {
        let bounds = self.font.global_bounding_box();
        let [left, bottom, right, top] = [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max]
            .map(|units| self.thousandths(units.into()));
        let (ascent, descent) = (self.font.ascender().into(), self.font.descender().into());
        let capital = self.font.capital_height().unwrap_or(self.font.ascender());
        about.name(title).flags(FontFlags::FIXED_PITCH | FontFlags::SYMBOLIC);
        about.bbox(Rect::new(left, bottom, right, top)).italic_angle(0.0);
        about.ascent(self.thousandths(ascent)).descent(self.thousandths(descent));
        about.cap_height(self.thousandths(capital.into())).stem_v(80.0);
    }

    /// Which characters its glyphs are: what is found, and copied.
    fn map(&self) -> Vec<u8> {
        let mut map = UnicodeCmap::<u16>::new(Name(b"Characters"), IDENTITY);
        for (code, c) in self.characters.iter().enumerate().skip(1) {
            map.pair(code as u16, *c);
        }
        map.finish().to_vec()
    }
}

/// Says what the matter is: the file that was given for a font.
fn damaged(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("a font cannot be embedded: {error}"))
}

/// What is embedded of a font.
struct Program {
    is_cff: bool,
    bytes: Vec<u8>,
}

impl Program {
    /// Of a font file: all of it, or the one table that holds outlines of PostScript's kind.
    fn of(file: Vec<u8>) -> io::Result<Self> {
        let tables = RawFace::parse(&file, 0).map_err(damaged)?;
        let outlines = tables.table(Tag::from_bytes(b"CFF ")).map(<[u8]>::to_vec);
        Ok(match outlines {
            Some(bytes) => Self { is_cff: true, bytes },
            None => Self { is_cff: false, bytes: file },
        })
    }

    const fn kind(&self) -> CidFontType {
        if self.is_cff { CidFontType::Type0 } else { CidFontType::Type2 }
    }
}
