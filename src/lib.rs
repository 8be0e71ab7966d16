//! Lookback: see how an RNN and a Transformer read your own sentence.
//!
//! Data flows one way:
//!
//! ```text
//! text -> tokens -> model pass, written on a tape -> trace -> lesson steps -> panes -> screen -> terminal
//!                                                                                     \-> exported frames
//! ```
//!
//! # The rooms
//!
//! They stand in reading order.
//!
//! | room | job |
//! | --- | --- |
//! | [`visible`] | text from outside, made safe to show |
//! | [`fault`] | panics on demand, for tests |
//! | [`value`], [`math`] | planes of matrices; pure functions on them |
//! | [`site`], [`arithmetic`] | where a number lives, and how it was computed |
//! | [`change`] | what-ifs: what is to be different in a pass |
//! | [`tape`] | operations: forward, open a cell, backward; changes take hold here |
//! | [`text`], [`checkpoint`] | sentence to tokens; files to shape-checked weights |
//! | [`layer`], [`model`] | shared parts; one file an architecture, with its table of sites |
//! | [`trace`], [`measure`], [`reading`] | a finished pass; figures of it; all passes over a sentence |
//! | [`lesson`] | chapters, steps, narration with this pass's numbers |
//! | [`theme`], [`lines`], [`heat`], [`chart`] | colours and numbers; text in so many columns; a matrix as cells; lines over words |
//! | [`pane`] | what a step shows |
//! | [`memory`] | what is kept from one walk to the next |
//! | [`app`], [`keys`], [`screen`] | state and its changes; the key table; the whole screen |
//! | [`plain`], [`sgr`], [`picture`] | a step in words; cells as a terminal is sent them, and as the eye sees them |
//! | [`frame`] | the steps as shots |
//! | [`font`], [`raster`], [`markup`] | what characters look like; a picture in pixels, and in words of XML |
//! | [`parallel`] | work on all cores, results in order |
//! | [`export`], [`term`], [`cli`] | frames and traces as files; the terminal; arguments |
//!
//! # Their rules
//!
//! What is held by a test or a lint says so.
//!
//! - A room uses only rooms listed before it, and files of one folder do not import each other, but for
//!   `cli`, whose commands share their arguments (`tests/rooms.rs`).
//! - Value and provenance come from one line: an operation of [`tape`] computes, and writes down what it
//!   computed from. Nothing else may make a number that is shown as one of the pass.
//! - Every number has one address, `encoder.1.self_attn.weights[2,8,1]`: the same on the screen, in files, in
//!   golden values and in messages. Sites are constants at the top of the file of what makes them.
//! - The screen is a function of the state. [`app`] alone changes the state, without doing anything else: what is
//!   to be done in the world it hands out, and [`term`] does it. A step runs no code; back, jump and export
//!   are the same path.
//! - Panes draw into a buffer and change nothing; exporters write what was drawn and draw nothing.
//! - Colours come from [`theme`], words of the lesson from `assets/lessons`. No fact is told by colour alone.
//! - The world is met at the edges. Files come in through [`checkpoint`], [`memory`] and [`cli`], and go out
//!   through [`export`] and [`memory`]; standard output belongs to [`cli`] and [`term`], the environment to [`cli`], time to
//!   [`term`], to [`cli`]'s progress and to the one measure that times a pass; nobody opens a connection
//!   (`tests/rooms.rs`).
//! - Errors are `anyhow` with the name of what is wrong: path, tensor, the shape wanted and the one found. They
//!   arise where something is read or asked for, and [`cli`] makes one line of them: what, why, what to do. Past a
//!   finished pass nothing fails but a writer.
//! - What comes from outside is checked before it is used, and panics nothing (`tests/hostile.rs`). Panics are mistakes of
//!   ours: [`math`] and [`tape`] have them for shapes that do not fit. `unwrap` is refused by clippy outside tests.
//! - The same input gives the same bytes, for any number of threads.
//! - `unsafe` is denied but in three files of two rooms, each with its reason: [`math`] calls `gemm`, which takes
//!   pointers; [`checkpoint`] maps files, and ends in order when one is cut short meanwhile (`tests/documents.rs`).
pub mod visible;
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
pub mod lines;
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
