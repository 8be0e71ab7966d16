//! Measures of a finished pass, which give the lesson the figures of this sentence.
//!
//! Pure functions; storing results and drawing are left to others.

pub mod ablation;
pub mod accuracy;
pub mod attention;
pub mod attention_form;
pub mod cache;
pub mod choice;
pub mod chrf;
pub mod continuation;
pub mod difference;
pub mod find;
pub mod forcing;
pub mod gradient;
pub mod heads;
pub mod lens;
pub mod load;
pub mod neighbours;
pub mod readback;
pub mod schedule;
pub mod span;
pub mod stream;
pub mod suggestion;
pub mod timing;
pub mod training;
pub mod typical;
