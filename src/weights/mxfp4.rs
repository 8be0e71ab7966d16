//! Weights of four bits with a scale for every 32 of them (Open Compute Project 2023, *Microscaling Formats*, MXFP4), as
//! Hugging Face's folders have them: blocks and scales in tensors of their own.

use std::{ops::Range, sync::Arc};

use anyhow::{Result, ensure};

use super::{
    LineBlocks, TensorInfo,
    dtype::{FOUR_BITS, half_of_power},
    mapped::Mapped,
    tensor::dimensions,
};
use crate::engine::value::{Stored, StoredSize};

/// Numbers in a block.
pub const BLOCK: usize = 32;
/// Bytes of a block, without its scale.
pub const BYTES: usize = BLOCK / 2;

/// Some lines of a tensor of blocks.
pub struct Mxfp4 {
    blocks: Part,
    scales: Part,
    lines: LineBlocks,
    size: StoredSize,
}

/// The bytes of a tensor.
struct Part {
    file: Arc<Mapped>,
    start: usize,
}

impl Part {
    fn of(tensor: &TensorInfo) -> Self {
        Self { file: Arc::clone(&tensor.file), start: tensor.start }
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.file.bytes()[self.start + range.start..self.start + range.end]
    }
}

impl Mxfp4 {
    /// `size`: the number of lines that are taken, and of numbers in each.
    ///
    /// # Errors
    /// If the tensors are not bytes, or there is not a scale for every block.
    pub fn of(
        blocks: &TensorInfo,
        scales: &TensorInfo,
        size: StoredSize,
        lines: LineBlocks,
    ) -> Result<Self> {
        for tensor in [blocks, scales] {
            ensure!(
                tensor.dtype == "U8",
                "`{}` has dtype {}, want U8",
                tensor.shown(),
                tensor.dtype
            );
        }
        let want = &blocks.shape[..blocks.shape.len() - 1];
        ensure!(
            scales.shape == want,
            "has scales `{}` of shape {}, want {}",
            scales.shown(),
            dimensions(&scales.shape),
            dimensions(want)
        );
        Ok(Self { blocks: Part::of(blocks), scales: Part::of(scales), lines, size })
    }
}

impl Stored for Mxfp4 {
    fn size(&self) -> StoredSize {
        self.size
    }

    fn number(&self, line: usize, i: usize) -> f32 {
        let mut numbers = [0.0; BLOCK];
        let first = i / BLOCK * BLOCK;
        self.read_part(line, first..first + BLOCK, &mut numbers);
        numbers[i % BLOCK]
    }

    fn read(&self, lines: Range<usize>, out: &mut [f32]) {
        let len = self.size.len;
        for (line, out) in lines.zip(out.chunks_exact_mut(len)) {
            self.read_part(line, 0..len, out);
        }
    }

    fn block(&self) -> usize {
        BLOCK
    }

    fn read_part(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        let first = self.lines.line(line) * self.size.len / BLOCK;
        let taken = first + numbers.start / BLOCK..first + numbers.end / BLOCK;
        let blocks = self.blocks.bytes(taken.start * BYTES..taken.end * BYTES).chunks_exact(BYTES);
        let each = blocks.zip(self.scales.bytes(taken)).zip(out.chunks_exact_mut(BLOCK));
        for ((block, &by), out) in each {
            let by = half_of_power(by);
            for (byte, pair) in block.iter().zip(out.chunks_exact_mut(2)) {
                pair[0] = by * FOUR_BITS[usize::from(byte & 15)];
                pair[1] = by * FOUR_BITS[usize::from(byte >> 4)];
            }
        }
    }
}
