//! A picture as pixels.
//!
//! A pixel is the index of a colour, so that exporters with palettes need not search for colours. Between background
//! and foreground, colours are mixed in sRGB, as browsers do.

use std::collections::HashMap;

use crate::{
    render::{
        font::{CellSize, Fonts, GlyphMask, LEVELS},
        picture::{Painted, Picture},
    },
    ui::theme::Rgb,
};

/// An image: rows of pixels, top to bottom.
pub struct Image {
    /// In pixels.
    pub width: usize,
    pub height: usize,
    /// The colours; some may be unused or repeated.
    pub colours: Vec<Rgb>,
    /// Indices into the colours.
    pub pixels: Vec<u32>,
}

/// The image of a picture, with every cell drawn.
pub fn paint(picture: &Picture, fonts: &Fonts) -> Image {
    let CellSize { width: cell, height: line } = fonts.cell();
    let (width, height) = (picture.width * cell, picture.height * line);
    let mut colours = Colours::default();
    let mut pixels = vec![0; width * height];
    for (cells, band) in picture.rows().zip(pixels.chunks_mut((width * line).max(1))) {
        for (x, painted) in cells.iter().enumerate().filter(|(_, cell)| cell.columns > 0) {
            let first = colours.of(painted.look.ground, painted.look.ink);
            let columns = usize::from(painted.columns);
            let place = Place { left: x * cell, width: columns * cell, stride: width };
            place.fill(band, first);
            if painted.symbol != " " {
                let mask = fonts.mask(&painted.symbol, painted.columns, painted.look.is_bold);
                place.ink(band, first, &mask);
            }
            place.strokes(band, first + u32::from(LEVELS) - 1, painted, line);
        }
    }
    Image { width, height, colours: colours.mixed, pixels }
}

impl Image {
    /// The distinct used colours in the order of [`Self::colours`], with the number of pixels of each; and for every
    /// index of [`Self::colours`] the index of its distinct colour.
    pub fn palette(&self) -> (Vec<(Rgb, usize)>, Vec<usize>) {
        let mut counts = vec![0; self.colours.len()];
        for &pixel in &self.pixels {
            counts[pixel as usize] += 1;
        }
        let mut places: HashMap<Rgb, usize> = HashMap::new();
        let mut palette: Vec<(Rgb, usize)> = vec![];
        let mut index = vec![0; self.colours.len()];
        for (i, (&colour, &n)) in
            self.colours.iter().zip(&counts).enumerate().filter(|(_, (_, n))| **n > 0)
        {
            let place = *places.entry(colour).or_insert_with(|| {
                palette.push((colour, 0));
                palette.len() - 1
            });
            palette[place].1 += n;
            index[i] = place;
        }
        (palette, index)
    }

    /// The red, green and blue bytes of an area, row by row.
    pub fn rgb(&self, area: &Area) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(3 * area.width * area.height);
        for i in area.pixels(self.width) {
            bytes.extend_from_slice(&<[u8; 3]>::from(self.colour(i)));
        }
        bytes
    }

    /// The colour of pixel `i`, counted row by row from the top left.
    pub fn colour(&self, i: usize) -> Rgb {
        self.colours[self.pixels[i] as usize]
    }

    /// The whole image as an area.
    pub const fn area(&self) -> Area {
        Area { left: 0, top: 0, width: self.width, height: self.height }
    }

    /// The smallest area that holds all differences to another image of the same size; one pixel if there are none.
    pub fn changed(&self, before: &Self) -> Area {
        let (mut left, mut top, mut right, mut bottom) = (self.width, self.height, 0, 0);
        for i in (0..self.pixels.len()).filter(|&i| self.colour(i) != before.colour(i)) {
            let (x, y) = (i % self.width, i / self.width);
            (left, right) = (left.min(x), right.max(x + 1));
            (top, bottom) = (top.min(y), bottom.max(y + 1));
        }
        if left >= right {
            return Area { left: 0, top: 0, width: 1, height: 1 };
        }
        Area { left, top, width: right - left, height: bottom - top }
    }
}

/// A rectangle of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

impl Area {
    /// The indices of its pixels in an image of width `stride`.
    pub fn pixels(self, stride: usize) -> impl Iterator<Item = usize> {
        let rows = self.top..self.top + self.height;
        rows.flat_map(move |y| (0..self.width).map(move |x| y * stride + self.left + x))
    }
}

/// The position of a cell in its band of pixel rows.
struct Place {
    left: usize,
    width: usize,
    stride: usize,
}

impl Place {
    fn fill(&self, band: &mut [u32], colour: u32) {
        for row in band.chunks_mut(self.stride) {
            let right = (self.left + self.width).min(row.len());
            row[self.left..right].fill(colour);
        }
    }

    fn ink(&self, band: &mut [u32], first: u32, mask: &GlyphMask) {
        for (row, levels) in band.chunks_mut(self.stride).zip(mask.levels.chunks(mask.width)) {
            for (pixel, level) in row[self.left..].iter_mut().zip(levels) {
                *pixel = first + u32::from(*level);
            }
        }
    }

    /// Draws underline and strikethrough.
    fn strokes(&self, band: &mut [u32], colour: u32, cell: &Painted, height: usize) {
        let thick = (height / 22).max(1);
        let mut stroke = |top: usize| {
            for row in band.chunks_mut(self.stride).skip(top).take(thick) {
                row[self.left..self.left + self.width].fill(colour);
            }
        };
        if cell.look.is_underlined {
            stroke(height * 19 / 22);
        }
        if cell.look.is_crossed_out {
            stroke(height * 11 / 22);
        }
    }
}

/// All pairs of background and foreground, with the mixed levels between them.
#[derive(Default)]
struct Colours {
    first: HashMap<(Rgb, Rgb), u32>,
    mixed: Vec<Rgb>,
}

impl Colours {
    /// The index of the background; its levels follow it.
    fn of(&mut self, ground: Rgb, ink: Rgb) -> u32 {
        *self.first.entry((ground, ink)).or_insert_with(|| {
            let first = self.mixed.len() as u32;
            self.mixed.extend((0..LEVELS).map(|level| mix(ground, ink, level)));
            first
        })
    }
}

fn mix(ground: Rgb, ink: Rgb, level: u8) -> Rgb {
    let (part, whole) = (u16::from(level), u16::from(LEVELS - 1));
    let mix = |a: u8, b: u8| {
        ((u16::from(a) * (whole - part) + u16::from(b) * part + whole / 2) / whole) as u8
    };
    (mix(ground.0, ink.0), mix(ground.1, ink.1), mix(ground.2, ink.2))
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use ratatui::{
        buffer::Buffer,
        style::{Color, Style},
    };

    use super::*;
    use crate::ui::theme::Theme;

    fn painted(scale: u8) -> Result<Image> {
        let mut buffer = Buffer::with_lines(["a█ 猫"]);
        buffer.set_style(
            buffer.area,
            Style::new().fg(Color::Rgb(255, 0, 0)).bg(Color::Rgb(0, 0, 99)),
        );
        buffer[(2, 0)].set_style(Style::new().underlined());
        Ok(paint(&Picture::of(&buffer, &Theme::default()), &Fonts::embedded(scale)?))
    }

    #[test]
    fn cells_stand_where_they_belong() -> Result<()> {
        for scale in [1, 3] {
            let image = painted(scale)?;
            let n = usize::from(scale);
            assert_eq!((image.width, image.height), (50 * n, 22 * n));
            let at = |x: usize, y: usize| image.colours[image.pixels[y * image.width + x] as usize];
            assert_eq!(
                (at(0, 0), at(10 * n, 0), at(19 * n, 21 * n)),
                ((0, 0, 99), (255, 0, 0), (255, 0, 0))
            );
            assert_eq!((at(25 * n, 0), at(25 * n, 19 * n)), ((0, 0, 99), (255, 0, 0)));
            let (palette, index) = image.palette();
            assert!(palette.len() <= 16);
            assert_eq!(palette.iter().map(|(_, n)| n).sum::<usize>(), image.pixels.len());
            assert!(
                image
                    .pixels
                    .iter()
                    .all(|&p| palette[index[p as usize]].0 == image.colours[p as usize])
            );
        }
        Ok(())
    }

    #[test]
    fn a_part_is_cut_out() -> Result<()> {
        let image = painted(1)?;
        let two = Area { left: 10, top: 0, width: 2, height: 1 };
        assert_eq!(image.rgb(&two), [255, 0, 0, 255, 0, 0]);
        assert_eq!(image.rgb(&image.area()).len(), 50 * 22 * 3);
        let mut other = painted(1)?;
        assert_eq!(image.changed(&other).width, 1);
        other.pixels[50 * 3 + 7] = 1 - other.pixels[50 * 3 + 7];
        other.colours[1] = (9, 9, 9);
        let changed = image.changed(&other);
        assert!(changed.left <= 7 && changed.top <= 3 && changed.left + changed.width > 7);
        Ok(())
    }
}
