//! A frame as an SVG file with selectable text, embedded fonts and a description of its content.
//!
//! Every run of text has its width, so that cells line up in any font.

use std::{collections::BTreeMap, io};

use super::{Format, FormatColours, FrameSettings, Write};
use crate::render::{
    font::CELL,
    frame::Shot,
    markup::{Needs, TYPE_SIZE, class, escaped, escaped_lines, hex, runs, strokes},
    picture::{CellLook, Picture},
};

/// This format's entry in [`FORMATS`](crate::export::FORMATS).
pub static FORMAT: Format = Format {
    id: "svg",
    extension: "svg",
    about: "a picture of any size, its text to be selected, its fonts in it",
    is_text: true,
    is_scaled: true,
    is_timed: false,
    pixel_bytes: 0,
    colours: FormatColours::Own,
    write: Write::Frame(write),
};

/// The text's baseline, in pixels below the top of its cell.
const BASE: usize = 17;

/// Writes a frame.
///
/// # Errors
/// If the writer fails.
pub fn write(shot: &Shot, paper: &FrameSettings, out: &mut dyn io::Write) -> io::Result<()> {
    let picture = shot.picture();
    let (width, height) = (picture.width * CELL.width, picture.height * CELL.height);
    let cell = paper.fonts.cell();
    let (wide, high) = (picture.width * cell.width, picture.height * cell.height);
    let language = shot.lesson().language;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title desc\" \
         xml:lang=\"{language}\">"
    )?;
    writeln!(out, "<title id=\"title\">{}</title>", escaped(&shot.title()))?;
    writeln!(out, "<desc id=\"desc\">{}</desc>", escaped_lines(&shot.words()))?;
    let inks = inks(&picture);
    style(&picture, &inks, out)?;
    let ground = hex(picture.paper.ground);
    writeln!(out, "<rect width=\"{width}\" height=\"{height}\" fill=\"{ground}\"/>")?;
    writeln!(out, "<g shape-rendering=\"crispEdges\">")?;
    grounds(&picture, out)?;
    writeln!(out, "</g>")?;
    text(&picture, &inks, out)?;
    writeln!(out, "</svg>")
}

/// The class name of each look of text.
type Inks = BTreeMap<CellLook, String>;

/// The looks of text, all with the same background.
fn inks(picture: &Picture) -> Inks {
    let mut inks = Inks::new();
    for cell in &picture.cells {
        let n = inks.len();
        inks.entry(ink(picture, &cell.look)).or_insert_with(|| class(n));
    }
    inks
}

fn ink(picture: &Picture, look: &CellLook) -> CellLook {
    CellLook { ground: picture.paper.ground, ..*look }
}

fn style(picture: &Picture, inks: &Inks, out: &mut dyn io::Write) -> io::Result<()> {
    let needs = Needs::default().of(&picture.cells);
    writeln!(out, "<style>")?;
    write!(out, "{}", needs.faces())?;
    let families = needs.families();
    writeln!(out, "text{{font-family:{families};font-size:{TYPE_SIZE};white-space:pre}}")?;
    for (look, class) in inks {
        writeln!(out, ".{class}{{fill:{};{}}}", hex(look.ink), strokes(look))?;
    }
    writeln!(out, "</style>")
}

/// Writes rectangles for backgrounds that differ from the paper's.
fn grounds(picture: &Picture, out: &mut dyn io::Write) -> io::Result<()> {
    for (y, cells) in picture.rows().enumerate() {
        let mut column = 0;
        for alike in cells.chunk_by(|a, b| a.look.ground == b.look.ground) {
            let ground = alike[0].look.ground;
            if ground != picture.paper.ground {
                let (x, y) = (column * CELL.width, y * CELL.height);
                let (width, height, fill) = (alike.len() * CELL.width, CELL.height, hex(ground));
                writeln!(
                    out,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>"
                )?;
            }
            column += alike.len();
        }
    }
    Ok(())
}

fn text(picture: &Picture, inks: &Inks, out: &mut dyn io::Write) -> io::Result<()> {
    for (y, cells) in picture.rows().enumerate() {
        let look = |column: usize| ink(picture, &cells[column].look);
        for run in runs(cells, look) {
            let look = look(run.column);
            let has_line = look.is_underlined || look.is_crossed_out;
            let text = if has_line { &run.text } else { run.text.trim_end_matches(' ') };
            let blanks = text.len() - text.trim_start_matches(' ').len();
            let (skipped, text) = if has_line { (0, text) } else { (blanks, &text[blanks..]) };
            if text.is_empty() {
                continue;
            }
            let columns = if run.is_regular { text.chars().count() } else { run.columns };
            writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" textLength=\"{}\" class=\"{}\">{}</text>",
                (run.column + skipped) * CELL.width,
                y * CELL.height + BASE,
                columns * CELL.width,
                inks[&look],
                escaped(text)
            )?;
        }
    }
    Ok(())
}
