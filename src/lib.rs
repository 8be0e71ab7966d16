//! Lookback: see how an RNN and a Transformer read your own sentence.
//!
//! Data flows one way:
//!
//! ```text
//! text -> tokens -> model pass, written on a tape -> trace -> lesson steps -> panes -> screen -> terminal
//!                                                                                     \-> exported frames
//! ```
//!
//! # The modules, in the order of the flow; `cli` starts it
//!
//! A module is `foo.rs`, with its parts in `foo/`.
//!
//! | module | holds | for instance |
//! | --- | --- | --- |
//! | [`text`] | a sentence as tokens and back; text from outside made safe to show; why something is refused, in any language | `text::visible` |
//! | [`engine`] | values, mathematics on them, addresses, what-ifs, the tape that records a pass | softmax: `engine::math::softmax_rows`, recorded by `engine::tape`; what-ifs: parsed in `engine::change`; a part or a number applied in `engine::tape`, another sentence, learning and patches in `analysis::reading::reader` |
//! | [`weights`] | checkpoints as named, shape-checked tensors; quantised forms; limits | GGUF: `weights::gguf` |
//! | [`model`] | layers and the models made of them, a file or folder for each architecture; decoding | attention: `model::layer::attention` |
//! | [`analysis`] | a finished pass by address (trace), measures of it, evidence of what causes what (attribution, patching, flow, saliency, learning), all passes over a sentence (reading) | entropy: `analysis::measure::attention`; patching: `analysis::evidence::patching` |
//! | [`lesson`] | chapters, steps, narration with this pass's numbers, questions, languages | a step: its place in `assets/lessons/lesson.toml` (of checkpoints `checkpoint.toml`), its words in the language files beside it; its numbers: `lesson::fact` |
//! | [`ui`] | theme, widgets, panes, the state and its update, keys, the whole screen | heat map: `ui::widgets::heat`; keys: `ui::keys::table`, what they do: `ui::app::update`; words for `--linear`: `ui::plain`, from `Pane::in_words`; places of panes: `ui::app::arrangement` |
//! | [`render`] | frames as escape codes, pixels and markup; fonts | `render::raster` |
//! | [`export`] | frames and traces as files that appear whole or not at all | a format: `export::svg`, its entry in `export::FORMATS` |
//! | [`term`] | raw mode, events, drawing, restoration, worker threads | `term::run` |
//! | [`cli`] | arguments resolved into a request; the commands | `export`: `cli::export` |
//!
//! # Rules
//!
//! - A module uses only modules listed before it; files of one folder use each other in one direction
//!   (`tests/it/layers.rs` reads the real imports).
//! - An operation of [`engine::tape`] computes a value and records what it was computed from. Nothing else may make a
//!   number that is shown as one of the pass.
//! - Every number has one address, `encoder.1.self_attn.weights[2,8,1]`, on screen, in files, golden values and
//!   messages. Sites are constants at the top of the file that records them.
//! - The screen is a function of the state. [`ui::app`] alone changes the state (`tests/it/layers.rs`) and starts no work:
//!   it returns what is to be done, and [`term`] does it, or [`render::perform`] where nobody waits at a screen. Entering a
//!   step runs no code, so back, jump and export share one path.
//! - A reading ([`analysis::reading`]) is a cache that fills itself: a screen, which never waits, leaves a wish for what
//!   is not known yet, a worker computes it, and the action that follows says only that there is something new. A wish is
//!   the one thing that a pane or a question to the state leaves behind. It is sound because a measure depends on the
//!   reading alone, is computed once and kept by it, and asking twice is asking once.
//! - Panes draw into a buffer and change no state; exporters write what was drawn.
//! - Colours come from [`ui::theme`], words of the lesson and translations of the interface from `assets/lessons`. Meaning
//!   never depends on colour alone.
//! - Files enter through [`weights`], [`ui::memory`] and [`cli`]; standard output belongs to [`cli`] and [`term`]; nothing
//!   opens a network connection (`tests/it/layers.rs`).
//! - Errors are `anyhow` with the name of what is wrong: path, tensor, shape expected and found. [`cli`] prints one line:
//!   what happened, why, what to do. What a screen says too is a [`text::Refusal`], which [`lesson`] translates. Input
//!   from outside is checked before use and never panics (`tests/it/hostile.rs`).
//! - The same input gives the same bytes, for any number of threads.
//! - `unsafe` is denied except in four files, each with its reason (`tests/it/documents.rs`).
pub mod text;
pub mod engine;
pub mod weights;
pub mod model;
pub mod analysis;
pub mod lesson;
pub mod ui;
pub mod render;
pub mod export;
pub mod term;
pub mod cli;
