//! The walk as an animated GIF: each frame has its own palette and holds only changes.

use std::{collections::HashMap, io, time::Duration};

use color_quant::NeuQuant;
use gif::{DisposalMethod, Encoder, EncodingError, Frame, Repeat};
use ratatui::layout::Size;

use super::{Film, Format, FormatColours, FrameSettings, Write};
use crate::{
    render::{
        font::{CellSize, LEVELS},
        frame::Shot,
        raster::{self, Image},
    },
    ui::theme::Rgb,
};

/// This format's entry in [`FORMATS`](crate::export::FORMATS).
pub static FORMAT: Format = Format {
    id: "gif",
    extension: "gif",
    about: "film: each frame stays as long as one reads its text",
    is_text: false,
    is_scaled: true,
    is_timed: true,
    // The picture, the one before it, its colours, and both of the frames that are tried, before and after packing.
    pixel_bytes: 4 + 4 + 1 + 2 * 2,
    colours: FormatColours::Own,
    write: Write::Film(write),
};

/// The transparent index, for unchanged pixels; smaller indices are colours.
const SAME: u8 = 255;
/// The number of levels merged into one.
const STEP: u32 = 3;
/// With more colours than indices, this many of the most frequent ones stay exact.
const EXACT: usize = 160;

/// Writes all frames; the film loops.
///
/// # Errors
/// If the writer fails or the work is stopped.
pub fn write(film: Film, paper: &FrameSettings, out: &mut dyn io::Write) -> io::Result<()> {
    let part = |before: Option<&Shot>, shot: &Shot| part(before, shot, paper);
    let mut out = Some(out);
    let mut encoder = None;
    film.each_beat(part, |(size, frame)| {
        if let Some(out) = out.take() {
            let mut begun = Encoder::new(out, size.width, size.height, &[]).map_err(failure)?;
            begun.set_repeat(Repeat::Infinite).map_err(failure)?;
            encoder = Some(begun);
        }
        let Some(encoder) = &mut encoder else { return Ok(()) };
        encoder.write_lzw_pre_encoded_frame(&frame).map_err(failure)
    })
}

/// The encoded frame, and the size of the whole picture in pixels.
fn part(before: Option<&Shot>, shot: &Shot, paper: &FrameSettings) -> (Size, Frame<'static>) {
    let paint = |shot: &Shot| coarse(raster::paint(&shot.picture(), &paper.fonts));
    let (image, before) = (paint(shot), before.map(paint));
    let size = Size::new(image.width as u16, image.height as u16);
    (size, frame(before.as_ref(), &image, paper.fonts.cell(), paper.time(shot)))
}

/// The image with fewer levels between background and foreground: it compresses better with little visible difference.
fn coarse(mut image: Image) -> Image {
    let levels = u32::from(LEVELS);
    for pixel in &mut image.pixels {
        let level = *pixel % levels;
        *pixel = *pixel - level + (level + STEP / 2) / STEP * STEP;
    }
    image
}

fn frame(before: Option<&Image>, image: &Image, cell: CellSize, time: Duration) -> Frame<'static> {
    let area = before.map_or(image.area(), |before| image.changed(before));
    let (colours, places) = image.palette();
    let (palette, nearest) = reduced(&colours);
    let index: Vec<u8> = places.into_iter().map(|place| nearest[place]).collect();
    let same = before.map(|before| same_cells(before, image, cell));
    let columns = image.width / cell.width;
    let is_same = |i: usize| {
        let (x, y) = (i % image.width / cell.width, i / image.width / cell.height);
        same.as_ref().is_some_and(|same| same[y * columns + x])
    };
    let colour = |i: usize| index[image.pixels[i] as usize];
    let packed = |pixels: Vec<u8>| {
        let mut frame = Frame {
            delay: (time.as_millis() / 10).min(u16::MAX.into()) as u16,
            dispose: DisposalMethod::Keep,
            transparent: Some(SAME),
            left: area.left as u16,
            top: area.top as u16,
            width: area.width as u16,
            height: area.height as u16,
            palette: Some(palette.clone()),
            buffer: pixels.into(),
            ..Frame::default()
        };
        frame.make_lzw_pre_encoded();
        frame
    };
    let pixels = || area.pixels(image.width);
    let whole = packed(pixels().map(colour).collect());
    let changes = packed(pixels().map(|i| if is_same(i) { SAME } else { colour(i) }).collect());
    // If much changes, transparent areas make the frame larger.
    if changes.buffer.len() < whole.buffer.len() { changes } else { whole }
}

/// For every cell, whether it is unchanged. Single pixels would be more and compress worse.
fn same_cells(before: &Image, image: &Image, cell: CellSize) -> Vec<bool> {
    let columns = image.width / cell.width;
    let mut same = vec![true; columns * (image.height / cell.height)];
    for i in (0..image.pixels.len()).filter(|&i| image.colour(i) != before.colour(i)) {
        same[i / image.width / cell.height * columns + i % image.width / cell.width] = false;
    }
    same
}

/// A palette of at most 255 colours, and the palette index of each given colour.
fn reduced(colours: &[(Rgb, usize)]) -> (Vec<u8>, Vec<u8>) {
    let all = || colours.iter().map(|(colour, _)| *colour);
    let mut kept: Vec<Rgb> = all().collect();
    if kept.len() > SAME.into() {
        let mut by_count: Vec<_> = colours.iter().collect();
        by_count.sort_by_key(|(colour, n)| (std::cmp::Reverse(*n), *colour));
        let (exact, rest) = by_count.split_at(EXACT);
        kept = exact.iter().map(|(colour, _)| *colour).collect();
        kept.extend(quantised(rest, usize::from(SAME) - EXACT));
    }
    let mut known: HashMap<Rgb, u8> = HashMap::new();
    for (i, &colour) in kept.iter().enumerate() {
        known.entry(colour).or_insert(i as u8);
    }
    let nearest =
        all().map(|colour| known.get(&colour).copied().unwrap_or_else(|| nearest(colour, &kept)));
    let nearest = nearest.collect();
    kept.resize(SAME as usize + 1, (0, 0, 0));
    (kept.into_iter().flat_map(<[u8; 3]>::from).collect(), nearest)
}

/// `n` colours that represent these.
fn quantised(colours: &[&(Rgb, usize)], n: usize) -> Vec<Rgb> {
    let pixels: Vec<u8> = colours.iter().flat_map(|((r, g, b), _)| [*r, *g, *b, 255]).collect();
    let map = NeuQuant::new(1, n, &pixels).color_map_rgb();
    map.chunks_exact(3).map(|c| (c[0], c[1], c[2])).collect()
}

fn nearest(colour: Rgb, among: &[Rgb]) -> u8 {
    let distance = |other: &Rgb| {
        let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
        // The eye separates greens best, blues least.
        3 * square(colour.0, other.0) + 6 * square(colour.1, other.1) + square(colour.2, other.2)
    };
    (0..among.len()).min_by_key(|&i| distance(&among[i])).unwrap_or(0) as u8
}

/// The writer's error; other errors would be bugs here.
fn failure(error: EncodingError) -> io::Error {
    match error {
        EncodingError::Io(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_stay_exact_and_many_come_near() {
        let few: Vec<(Rgb, usize)> = (0..255).map(|i| ((i as u8, 0, 7), 1)).collect();
        let (palette, index) = reduced(&few);
        assert_eq!(palette.len(), 3 * 256);
        for ((colour, _), i) in few.iter().zip(index) {
            assert_eq!(palette[3 * usize::from(i)..][..3], <[u8; 3]>::from(*colour));
        }
        let many: Vec<(Rgb, usize)> = (0..4000)
            .map(|i| (((i % 256) as u8, (i / 16) as u8, (i % 97) as u8), 4000 - i))
            .collect();
        let (palette, index) = reduced(&many);
        let of = |i: u8| [0, 1, 2].map(|c| palette[3 * usize::from(i) + c]);
        let off = |(colour, i): (&(Rgb, usize), &u8)| {
            let want = <[u8; 3]>::from(colour.0);
            of(*i).iter().zip(want).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>()
        };
        let offs: Vec<u32> = many.iter().zip(&index).map(off).collect();
        assert!(offs[..EXACT].iter().all(|&off| off == 0));
        assert!(offs.iter().sum::<u32>() / (offs.len() as u32) < 40);
        assert!(!index.contains(&SAME));
    }
}
