//! The walk as an animated PNG with exact colours; frames after the first hold only the changed area.

use std::{io, time::Duration};

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Writer};

use super::failure;
use crate::{
    export::{Film, Format, FormatColours, FrameSettings, Write},
    render::{
        frame::Shot,
        raster::{self, Area},
    },
};

/// This format's entry in [`FORMATS`](crate::export::FORMATS).
pub static FORMAT: Format = Format {
    id: "apng",
    extension: "apng",
    about: "film in all its colours",
    is_text: false,
    is_scaled: true,
    is_timed: true,
    // The picture, the one before it, its colours, and those of two frames that wait for others.
    pixel_bytes: 4 + 4 + 3 + 2 * 3,
    colours: FormatColours::Own,
    write: Write::Film(write),
};

/// The changed area of a frame.
struct Part {
    /// The size of the whole picture, in pixels.
    size: (u32, u32),
    area: Area,
    rgb: Vec<u8>,
    time: Duration,
}

/// Writes all frames; the film loops.
///
/// # Errors
/// If the writer fails or the work is stopped.
pub fn write(film: Film, paper: &FrameSettings, out: &mut dyn io::Write) -> io::Result<()> {
    let n_frames = film.n_beats() as u32;
    let part = |before: Option<&Shot>, shot: &Shot| part(before, shot, paper);
    let mut out = Some(out);
    let mut writer = None;
    film.each_beat(part, |part| {
        if let Some(out) = out.take() {
            writer = Some(begin(out, part.size, n_frames).map_err(failure)?);
        }
        writer.as_mut().map_or(Ok(()), |writer| add(writer, &part)).map_err(failure)
    })?;
    writer.map_or(Ok(()), Writer::finish).map_err(failure)
}

fn part(before: Option<&Shot>, shot: &Shot, paper: &FrameSettings) -> Part {
    let image = raster::paint(&shot.picture(), &paper.fonts);
    let before = before.map(|before| raster::paint(&before.picture(), &paper.fonts));
    let area = before.map_or(image.area(), |before| image.changed(&before));
    let size = (image.width as u32, image.height as u32);
    Part { size, rgb: image.rgb(&area), area, time: paper.time(shot) }
}

fn begin(
    out: &mut dyn io::Write,
    (width, height): (u32, u32),
    n_frames: u32,
) -> Result<Writer<&mut dyn io::Write>, EncodingError> {
    let mut encoder = Encoder::new(out, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    encoder.set_animated(n_frames, 0)?;
    encoder.write_header()
}

fn add(writer: &mut Writer<&mut dyn io::Write>, part: &Part) -> Result<(), EncodingError> {
    let Area { left, top, width, height } = part.area;
    // The encoder checks the size against the previous position, so the position is reset first.
    writer.reset_frame_position()?;
    writer.set_frame_dimension(width as u32, height as u32)?;
    writer.set_frame_position(left as u32, top as u32)?;
    let hundredths = (part.time.as_millis() / 10).min(u16::MAX.into()) as u16;
    writer.set_frame_delay(hundredths, 100)?;
    writer.write_image_data(&part.rgb)
}
