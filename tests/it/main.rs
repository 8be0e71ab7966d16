//! The tests of the whole program: one module a subject, one program to build and link.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod support;

mod adapters;
mod against;
mod arithmetic;
mod attribution;
mod beside;
mod checkpoint;
mod checkpoints;
mod chat;
mod chinese;
mod chromium;
mod claims;
mod classes;
mod cli;
mod composition;
mod closed;
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
mod faults;
mod flow;
#[cfg(unix)]
mod files;
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
mod manners;
mod map;
mod measures;
#[cfg(unix)]
mod mishaps;
mod own_commands;
mod own_lesson;
mod patched_pass;
mod pages;
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
mod screens;
mod sites;
mod slopes;
mod states;
mod text;
mod tokenization;
mod trace;
mod translators;
mod whatif;
