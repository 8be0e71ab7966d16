//! Finished passes: their values by address, measures of them, and all passes over a sentence.
//!
//! [`trace`] holds every value of one pass by its address and recomputes the inside of a block on demand; [`measure`]
//! computes figures from traces (gradients, ablations, probes); [`evidence`] asks what causes an output (attribution,
//! patching, flow, saliency, heads) and takes steps of learning; [`map`] names the parts of a model; [`reading`] runs all
//! models on one sentence. Draws nothing, and leaves the explanation of the figures to [`crate::lesson`].

pub mod evidence;
pub mod trace;
pub mod map;
pub mod measure;
pub mod reading;
