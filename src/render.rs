//! Frames as pictures: drawn cells converted to escape codes, pixels or markup.
//!
//! [`frame`] makes the frame of any step, for which [`perform`] computes what takes long; [`picture`] resolves the colours of each cell; [`sgr`], [`raster`] and
//! [`markup`] write it, with glyphs from [`font`]. All coloured formats except escape codes take their colours from
//! [`picture`], so that they show the same. Writing files is left to [`crate::export`].

pub mod sgr;
pub mod picture;
pub mod perform;
pub mod frame;
pub mod font;
pub mod raster;
pub mod markup;
