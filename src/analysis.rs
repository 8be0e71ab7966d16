//! What finished passes show: their values by address, measures of them, and all passes over a sentence.
//!
//! [`trace`] gives every value of one pass by its address and recomputes the inside of a block on demand;
//! [`measure`] computes figures from traces (gradients, ablations, probes); [`reading`] runs all models over one
//! sentence. Draws nothing, and leaves to [`crate::lesson`] what the figures mean.

pub mod trace;
pub mod measure;
pub mod reading;
