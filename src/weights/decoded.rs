//! Tensors whose numbers are made of several: what is known of them, however they are packed.

use std::{ops::Range, sync::Arc};

/// A whole tensor in lines, decoded when they are read.
pub trait DecodedTensor: Send + Sync {
    /// The number of lines, and of numbers in each.
    fn size(&self) -> (usize, usize);

    /// Decodes a range of a line.
    fn read(&self, line: usize, numbers: Range<usize>, out: &mut [f32]);
}

/// How the numbers of a tensor are made of several.
#[derive(Clone)]
pub struct Quantised {
    pub source: Arc<dyn DecodedTensor>,
    /// Whether a line holds the weights of one input instead of one output.
    pub lines_are_inputs: bool,
}
