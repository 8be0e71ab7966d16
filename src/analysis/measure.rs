//! What is measured on a finished pass, so that the lesson's claims are figures of this sentence.
//!
//! Pure functions of traces; nothing is stored and nothing drawn here.

pub mod ablation;
pub mod accuracy;
pub mod attention;
pub mod cache;
pub mod choice;
pub mod continuation;
pub mod find;
pub mod forcing;
pub mod gradient;
pub mod heads;
pub mod lens;
pub mod readback;
pub mod schedule;
pub mod stream;
pub mod wall;
