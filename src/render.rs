//! Frames as pictures: drawn cells turned into escape codes, pixels or markup.
//!
//! [`frame`] makes the frame of any step; [`picture`] settles what colours each cell has; [`sgr`], [`raster`] and
//! [`markup`] write it, with glyphs from [`font`]. Everything that has colours goes through [`picture`], so all formats
//! show the same. Writing files is left to [`crate::export`].

pub mod sgr;
pub mod picture;
pub mod frame;
pub mod font;
pub mod raster;
pub mod markup;
