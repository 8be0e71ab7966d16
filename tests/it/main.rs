//! The tests of the whole program: one module a subject, one program to build and link.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod support;

mod adapters;
mod against;
mod arithmetic;
mod asked;
mod attribution;
mod chat;
mod checkpoint;
mod checkpoint_commands;
mod checkpoint_lesson;
mod checkpoints;
mod chinese;
mod chromium;
mod claims;
mod classes;
mod cli;
mod closed_blocks;
mod composite;
mod composition;
mod damaged;
mod decoders;
mod decoding;
mod documents;
mod encoders;
#[cfg(unix)]
mod escapes;
#[cfg(unix)]
mod escapes_in_files;
#[cfg(unix)]
mod escapes_on_a_terminal;
mod evidence;
mod experts;
#[cfg(unix)]
mod export_failures;
mod faults;
#[cfg(unix)]
mod files;
mod flow;
mod frames;
#[cfg(unix)]
mod gallery;
mod gemma4;
mod gguf;
mod goldens;
mod guide;
mod hostile;
mod inspect;
mod inspect_checkpoint;
mod keys;
mod labs;
mod layers;
mod learning;
mod lesson;
mod map;
mod measures;
mod narration;
#[cfg(unix)]
mod no_threads;
mod ollama;
mod pages;
mod patched_pass;
mod pictures;
mod places;
mod poolings;
mod pty;
mod pty_random;
mod pty_sequences;
mod quantised;
mod quants;
mod random;
mod restoration;
mod screen_behaviour;
mod screens;
mod sites;
mod slopes;
mod state_spaces;
mod teaching;
mod text;
mod tokenization;
mod trace;
mod translators;
mod two_passes;
mod whatif;
