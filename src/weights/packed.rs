//! Lines of a tensor in its mapped file, decoded when they are read.

use std::{ops::Range, sync::Arc};

use anyhow::{Context, Result, ensure};

use super::{Dtype, TensorInfo, mapped::Mapped, tensor::RowOrder};
use crate::engine::value::{Stored, StoredSize};

/// The most numbers in a block of any format.
const LARGEST_BLOCK: usize = 256;

/// A range of a tensor's lines in a mapped file, and of each line a range of numbers.
pub struct Packed {
    file: Arc<Mapped>,
    dtype: Dtype,
    /// Bytes from the start of the file to the first number of the tensor's first line.
    start: usize,
    /// Bytes from a line to the next.
    stride: usize,
    lines: Range<usize>,
    /// Numbers of a line.
    len: usize,
    order: RowOrder,
    /// Which of the tensor's lines these are, if they do not follow one another.
    blocks: Option<LineSections>,
}

/// Lines in blocks of equal size at equal distances: a head's part of a tensor that has queries, keys and values head by
/// head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineBlocks {
    /// The first line of the first block.
    pub first: usize,
    /// The lines of a block.
    pub block: usize,
    /// The lines from the start of a block to the start of the next.
    pub stride: usize,
    /// The lines of the whole tensor.
    pub whole: usize,
}

impl LineBlocks {
    /// The tensor's line that is the i-th of these.
    pub const fn line(self, i: usize) -> usize {
        self.first + i / self.block * self.stride + i % self.block
    }

    /// The number of lines in all blocks.
    const fn n_lines(self) -> usize {
        self.whole / self.stride * self.block
    }
}

/// Sections of lines, one after another, each in blocks of one tensor: all queries, all keys, all values of a tensor that
/// has them head by head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineSections {
    before: Vec<LineBlocks>,
    last: LineBlocks,
}

impl From<LineBlocks> for LineSections {
    fn from(last: LineBlocks) -> Self {
        Self { before: vec![], last }
    }
}

impl LineSections {
    /// These sections, then others of the same tensor.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.before.push(self.last);
        self.before.extend(next.before);
        Self { last: next.last, ..self }
    }

    /// The number of lines in the whole tensor.
    pub const fn whole(&self) -> usize {
        self.last.whole
    }

    /// The tensor's line that is the i-th of these.
    pub fn line(&self, i: usize) -> usize {
        let (section, i) = self.at(i);
        section.line(i)
    }

    /// How many of the tensor's lines follow one another from the i-th of these on.
    pub fn n_following(&self, i: usize) -> usize {
        let (section, i) = self.at(i);
        section.block - i % section.block
    }

    /// The section of the i-th line, and the line's index in it.
    fn at(&self, mut i: usize) -> (LineBlocks, usize) {
        for section in &self.before {
            if i < section.n_lines() {
                return (*section, i);
            }
            i -= section.n_lines();
        }
        (self.last, i)
    }
}

impl Packed {
    /// The given range of a tensor whose lines have `line` numbers.
    ///
    /// # Errors
    /// If its dtype is not read, or the part begins or ends within a block.
    pub fn of(
        tensor: &TensorInfo,
        line: usize,
        lines: Range<usize>,
        numbers: Range<usize>,
    ) -> Result<Self> {
        let dtype = tensor.form.with_context(|| {
            format!(
                "has dtype {}, which is not supported; supported: {}",
                tensor.dtype,
                Dtype::known()
            )
        })?;
        let format = dtype.format();
        let is_whole = |n: usize| n.is_multiple_of(format.numbers);
        ensure!(
            is_whole(line) && is_whole(numbers.start) && is_whole(numbers.end),
            "is packed in blocks of {} numbers, which numbers {numbers:?} of a line do not fill",
            format.numbers
        );
        let bytes = |n: usize| n / format.numbers * format.bytes;
        Ok(Self {
            file: Arc::clone(&tensor.file),
            dtype,
            start: tensor.start + bytes(numbers.start),
            stride: bytes(line),
            lines,
            len: numbers.len(),
            order: tensor.order,
            blocks: None,
        })
    }

    /// The lines in these blocks, in place of lines that follow one another.
    #[must_use]
    pub fn in_blocks(self, blocks: Option<LineSections>) -> Self {
        Self { blocks, ..self }
    }

    /// A line's bytes: whole blocks of its dtype.
    pub fn line(&self, line: usize) -> &[u8] {
        let format = self.dtype.format();
        let in_order = self.lines.start + line;
        let line = self.blocks.as_ref().map_or(in_order, |blocks| blocks.line(line));
        let at = self.start + self.line_in_file(line) * self.stride;
        &self.file.bytes()[at..at + self.len / format.numbers * format.bytes]
    }

    /// Whether these are f32 numbers that could be used in place, were their address a multiple of four.
    pub fn is_misaligned(&self) -> bool {
        self.dtype == Dtype::F32 && self.order == RowOrder::InOrder && self.aligned().is_none()
    }

    const fn line_in_file(&self, line: usize) -> usize {
        match self.order {
            RowOrder::InOrder => line,
            RowOrder::Interleaved(head) => {
                let (first, i) = (line / head * head, line % head);
                first + i % (head / 2) * 2 + i / (head / 2)
            }
        }
    }

    /// The numbers from the first to the last in place, those between the lines included; None if they are not
    /// aligned f32.
    fn aligned(&self) -> Option<&[f32]> {
        let is_native = cfg!(target_endian = "little")
            && self.order == RowOrder::InOrder
            && self.blocks.is_none();
        if self.dtype != Dtype::F32 || !is_native || self.lines.is_empty() {
            return None;
        }
        let start = self.start + self.lines.start * self.stride;
        let end = start + (self.lines.len() - 1) * self.stride + self.len * 4;
        bytemuck::try_cast_slice(&self.file.bytes()[start..end]).ok()
    }
}

impl Stored for Packed {
    fn size(&self) -> StoredSize {
        StoredSize::new(self.lines.len(), self.len)
    }

    fn number(&self, line: usize, i: usize) -> f32 {
        let format = self.dtype.format();
        let block = i / format.numbers * format.bytes;
        let mut numbers = [0.0; LARGEST_BLOCK];
        let bytes = &self.line(line)[block..block + format.bytes];
        (format.decode)(bytes, &mut numbers[..format.numbers]);
        numbers[i % format.numbers]
    }

    fn read(&self, lines: Range<usize>, out: &mut [f32]) {
        let decode = self.dtype.format().decode;
        for (line, out) in lines.zip(out.chunks_exact_mut(self.len)) {
            decode(self.line(line), out);
        }
    }

    fn block(&self) -> usize {
        self.dtype.format().numbers
    }

    fn read_part(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        let format = self.dtype.format();
        let byte = |number: usize| number / format.numbers * format.bytes;
        (format.decode)(&self.line(line)[byte(numbers.start)..byte(numbers.end)], out);
    }

    fn as_f32_slice(&self) -> Option<(&[f32], usize)> {
        self.aligned().map(|numbers| (numbers, self.stride / 4))
    }
}

/// Some numbers of each line, at equal distances: the gates of a tensor whose gates and ups are in turn.
pub struct Stepped {
    lines: Packed,
    first: usize,
    step: usize,
}

impl Stepped {
    /// # Errors
    /// If the lines are packed in blocks, which cannot be taken apart.
    pub fn of(lines: Packed, first: usize, step: usize) -> Result<Self> {
        ensure!(lines.block() == 1, "is packed in blocks, and its numbers are wanted one by one");
        Ok(Self { lines, first, step })
    }
}

impl Stored for Stepped {
    fn size(&self) -> StoredSize {
        let StoredSize { n_lines, len } = self.lines.size();
        StoredSize::new(n_lines, len / self.step)
    }

    fn number(&self, line: usize, i: usize) -> f32 {
        self.lines.number(line, self.first + i * self.step)
    }

    fn read(&self, lines: Range<usize>, out: &mut [f32]) {
        let len = self.size().len;
        for (line, out) in lines.zip(out.chunks_exact_mut(len)) {
            self.read_part(line, 0..len, out);
        }
    }

    fn read_part(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        let from = numbers.start * self.step;
        let mut whole = vec![0.0; numbers.len() * self.step];
        self.lines.read_part(line, from..from + whole.len(), &mut whole);
        let taken = whole[self.first.min(whole.len())..].iter().step_by(self.step);
        out.iter_mut().zip(taken).for_each(|(out, number)| *out = *number);
    }
}

/// f32 numbers copied out of their file, because their address there is not a multiple of four.
pub struct Copied {
    numbers: Vec<f32>,
    len: usize,
}

impl Copied {
    pub fn of(source: &dyn Stored) -> Self {
        let StoredSize { n_lines, len } = source.size();
        let mut numbers = vec![0.0; n_lines * len];
        source.read(0..n_lines, &mut numbers);
        Self { numbers, len }
    }

    /// The same of several maps one below another, put side by side: `n` of them, with equal numbers of lines.
    pub fn abreast(source: &dyn Stored, n: usize) -> Self {
        let Self { numbers, len } = Self::of(source);
        let n_lines = source.size().n_lines / n.max(1);
        let line = |line: usize| (0..n).map(move |map| map * n_lines + line);
        let whole = (0..n_lines).flat_map(line).flat_map(|at| &numbers[at * len..(at + 1) * len]);
        Self { numbers: whole.copied().collect(), len: n * len }
    }
}

impl Stored for Copied {
    fn size(&self) -> StoredSize {
        StoredSize::new(self.numbers.len() / self.len, self.len)
    }

    fn number(&self, line: usize, i: usize) -> f32 {
        self.numbers[line * self.len + i]
    }

    fn read(&self, lines: Range<usize>, out: &mut [f32]) {
        out.copy_from_slice(&self.numbers[lines.start * self.len..lines.end * self.len]);
    }

    fn read_part(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        out.copy_from_slice(&self.numbers[line * self.len..][numbers]);
    }

    fn as_f32_slice(&self) -> Option<(&[f32], usize)> {
        Some((&self.numbers, self.len))
    }
}

#[cfg(test)]
mod tests {
    use super::{LineBlocks, LineSections};

    #[test]
    fn sections_follow_one_another_each_in_its_blocks() {
        // Three heads, each with two lines of keys, one of values, two that are not taken.
        let section =
            |first, block| LineSections::from(LineBlocks { first, block, stride: 5, whole: 15 });
        let both = section(0, 2).then(section(2, 1));
        let lines: Vec<usize> = (0..9).map(|i| both.line(i)).collect();
        assert_eq!(lines, [0, 1, 5, 6, 10, 11, 2, 7, 12]);
        let following: Vec<usize> = (0..9).map(|i| both.n_following(i)).collect();
        assert_eq!(following, [2, 1, 2, 1, 2, 1, 1, 1, 1]);
        assert_eq!(both.whole(), 15);
    }
}
