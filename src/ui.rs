//! The screen as a function of the state.
//!
//! [`theme`] holds the colours and glyphs, [`widgets`] the reusable drawings, [`panes`] what a step shows and says,
//! [`app`] the state and [`app::update`], the only function that changes it, [`keys`] the key table and
//! [`screen`] the composition of a whole frame. [`plain`] is the walk as linear text.
//!
//! Draws into buffers only: the terminal belongs to [`crate::term`], files to [`crate::export`].

pub mod theme;
pub mod widgets;
pub mod panes;
pub mod memory;
pub mod app;
pub mod keys;
pub mod screen;
pub mod plain;
