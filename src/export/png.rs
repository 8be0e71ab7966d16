//! A frame as a PNG file, with a palette if it has few enough colours.

pub mod animated;

use std::io;

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};

use super::{Format, FormatColours, FrameSettings, Write};
use crate::render::{frame::Shot, raster};

/// This format's entry in [`FORMATS`](crate::export::FORMATS).
pub static FORMAT: Format = Format {
    id: "png",
    extension: "png",
    about: "a picture",
    is_text: false,
    is_scaled: true,
    is_timed: false,
    // The picture, its colours, and the encoder's copy of them.
    pixel_bytes: 4 + 3 + 3,
    colours: FormatColours::Own,
    write: Write::Frame(write),
};

/// The most colours of a palette.
const MOST: usize = 256;

/// Writes a frame.
///
/// # Errors
/// If the writer fails.
pub fn write(shot: &Shot, paper: &FrameSettings, out: &mut dyn io::Write) -> io::Result<()> {
    let image = raster::paint(&shot.picture(), &paper.fonts);
    let mut encoder = Encoder::new(out, image.width as u32, image.height as u32);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    for (keyword, text) in [("Title", shot.title()), ("Description", shot.words())] {
        encoder.add_itxt_chunk(keyword.into(), text).map_err(failure)?;
    }
    let (palette, index) = image.palette();
    let data: Vec<u8> = if palette.len() <= MOST {
        encoder.set_color(ColorType::Indexed);
        let colours = palette.iter().flat_map(|(colour, _)| <[u8; 3]>::from(*colour));
        encoder.set_palette(colours.collect::<Vec<u8>>());
        image.pixels.iter().map(|&pixel| index[pixel as usize] as u8).collect()
    } else {
        encoder.set_color(ColorType::Rgb);
        image.rgb(&image.area())
    };
    let mut writer = encoder.write_header().map_err(failure)?;
    writer.write_image_data(&data).map_err(failure)?;
    writer.finish().map_err(failure)
}

/// The writer's error; other errors would be bugs here.
fn failure(error: EncodingError) -> io::Error {
    match error {
        EncodingError::IoError(error) => error,
        other => io::Error::other(other),
    }
}
