//! Lookback: see how an RNN and a Transformer read your own sentence.
//!
//! Data flows one way:
//!
//! ```text
//! text -> tokens -> model pass, written on a tape -> trace -> lesson steps -> panes -> screen -> terminal
//!                                                                                     \-> exported frames
//! ```
//!
//! The rooms stand in reading order; each uses only those listed before it, and files of one folder
//! do not import each other (`tests/rooms.rs`).
//!
//! | room | job |
//! | --- | --- |
//! | [`fault`] | panics on demand, for tests |
//! | [`value`], [`math`] | planes of matrices; pure functions on them |
//! | [`site`], [`arithmetic`] | where a number lives, and how it was computed |
//! | [`change`] | what-ifs: what is to be different in a pass |
//! | [`tape`] | operations: forward, open a cell, backward; changes take hold here |
//! | [`text`], [`checkpoint`] | sentence to tokens; files to shape-checked weights |
//! | [`layer`], [`model`] | shared parts; one file an architecture, with its table of sites |
//! | [`trace`], [`measure`], [`reading`] | a finished pass; figures of it; all passes over a sentence |
//! | [`lesson`] | chapters, steps, narration with this pass's numbers |
//! | [`theme`], [`heat`], [`chart`] | colours and numbers; a matrix as cells; lines over words |
//! | [`pane`] | what a step shows |
//! | [`memory`] | what is kept from one walk to the next |
//! | [`app`], [`keys`], [`screen`] | state and its changes; the key table; the whole screen |
//! | [`plain`], [`sgr`], [`picture`] | a step in words; cells as a terminal is sent them, and as the eye sees them |
//! | [`frame`] | the steps as shots |
//! | [`font`], [`raster`], [`markup`] | what characters look like; a picture in pixels, and in words of XML |
//! | [`parallel`] | work on all cores, results in order |
//! | [`export`], [`term`], [`cli`] | frames and traces as files; the terminal; arguments |
pub mod fault;
pub mod value;
pub mod math;
pub mod site;
pub mod arithmetic;
pub mod change;
pub mod tape;
pub mod text;
pub mod checkpoint;
pub mod layer;
pub mod model;
pub mod trace;
pub mod measure;
pub mod reading;
pub mod lesson;
pub mod theme;
pub mod heat;
pub mod chart;
pub mod pane;
pub mod memory;
pub mod app;
pub mod keys;
pub mod screen;
pub mod plain;
pub mod sgr;
pub mod picture;
pub mod frame;
pub mod font;
pub mod raster;
pub mod markup;
pub mod parallel;
pub mod export;
pub mod term;
pub mod cli;
