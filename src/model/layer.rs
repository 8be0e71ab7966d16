//! Layers that architectures share, each written like the paper's equations on the tape.
//!
//! A layer holds its weights and the scope it records under; how layers are combined is left to the models.

pub mod attention;
pub mod convolution;
pub mod delta;
pub mod experts;
pub mod feed;
pub mod feed_forward;
mod filter;
mod map;
pub mod norm;
pub mod per_layer;
pub mod recurrent;
pub mod state_space;
