//! The screen as a function of the state.
//!
//! [`theme`] holds the colours and glyphs, [`widgets`] the reusable drawings, [`panes`] the panes of a step in
//! pictures and words, [`app`] the state and [`app::update`], the only function that changes it, [`keys`] the key
//! table and [`screen`] the composition of a whole frame. [`descriptions`] says in words what the lower modules have;
//! [`plain`] writes the walk as linear text.
//!
//! This module draws into buffers only: [`crate::term`] owns the terminal, [`crate::export`] writes files.

pub mod theme;
pub mod widgets;
pub mod descriptions;
pub mod panes;
pub mod memory;
pub mod app;
pub mod keys;
pub mod screen;
pub mod plain;
