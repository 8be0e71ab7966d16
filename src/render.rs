//! Frames as pictures: drawn cells converted to escape codes, pixels or markup.
//!
//! [`frame`] makes the frame of any step; [`picture`] resolves the colours of each cell; [`sgr`], [`raster`] and
//! [`markup`] write it, with glyphs from [`font`]. [`perform`] draws nothing: it does the work that the state asks for
//! on a reading, and is here because frames need it at once; [`crate::term`] calls it on its threads. All coloured
//! formats except escape codes take their colours from [`picture`], so that they show the same. Writing files is left
//! to [`crate::export`].

pub mod sgr;
pub mod picture;
pub mod perform;
pub mod frame;
pub mod font;
pub mod raster;
pub mod markup;
