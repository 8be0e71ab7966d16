//! Parts that architectures share, each written as the paper's equations on the tape.
//!
//! A layer holds its weights and the names it records under; it knows no whole model.

pub mod attention;
pub mod feed_forward;
pub mod norm;
pub mod recurrent;
