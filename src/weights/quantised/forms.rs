//! Numbers out of packed bits and scales, in f32, as the libraries that wrote them decode them.

use std::ops::Range;

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;

use super::bits::{Bytes, Ints, Numbers, lines};
use crate::{
    engine::value::StoredSize,
    weights::{
        TensorInfo,
        dtype::FOUR_BITS,
        tensor::{DecodedTensor, dimensions},
    },
};

/// The integers that stand for 0.
pub enum Zeros {
    Same(f32),
    /// Packed (group, number), and what is added to each.
    Packed(Ints, f32),
    /// Packed (line, group), down the lines.
    DownPacked(Ints),
}

/// Which inputs share a scale, and how many groups of them there are.
#[derive(Clone, Copy)]
pub enum Groups {
    /// Inputs are along a line.
    OfLine(usize),
    /// Each line is an input.
    OfLines(usize),
}

/// `(q - z) s` with a scale and a zero point for every group of inputs.
pub struct Grouped {
    ints: Ints,
    scales: Numbers,
    zeros: Zeros,
    /// The group of each input, where they do not follow one another.
    index: Option<Vec<u32>>,
    /// Inputs of a group.
    each: usize,
    n_groups: usize,
    /// Whether a line is one input, and scales are (group, number); else scales are (line, group).
    lines_are_inputs: bool,
}

impl Grouped {
    /// `groups` are those of a line, scales (line, group); or those of lines that are inputs, scales (group, number).
    ///
    /// # Errors
    /// If there are not as many scales as groups, or an input's group does not exist.
    pub fn new(
        ints: Ints,
        scales: Numbers,
        zeros: Zeros,
        index: Option<Numbers>,
        groups: Groups,
    ) -> Result<Self> {
        let StoredSize { n_lines, len } = ints.size;
        let (n_groups, lines_are_inputs) = match groups {
            Groups::OfLine(n) => (n, false),
            Groups::OfLines(n) => (n, true),
        };
        let (n_out, n_in) = if lines_are_inputs { (len, n_lines) } else { (n_lines, len) };
        ensure!(n_groups > 0, "has no scales");
        ensure!(
            scales.len() == n_groups * n_out,
            "has {} scales, want {n_groups} groups of {n_out}",
            scales.len()
        );
        let each = n_in.div_ceil(n_groups);
        let mut grouped =
            Self { ints, scales, zeros, index: None, each, n_groups, lines_are_inputs };
        let Some(index) = index else { return Ok(grouped) };
        ensure!(index.len() == n_in, "has groups of {} inputs, want {n_in}", index.len());
        let groups: Vec<u32> = (0..n_in).map(|i| index.get(i) as u32).collect();
        let is_known = groups.iter().all(|&group| (group as usize) < n_groups);
        ensure!(is_known, "has an input in a group that does not exist");
        // -1 for all says that they follow one another.
        grouped.index = Some(groups).filter(|_| (0..n_in).all(|i| index.get(i) >= 0.0));
        Ok(grouped)
    }

    fn group(&self, input: usize) -> usize {
        self.index.as_ref().map_or(input / self.each, |index| index[input] as usize)
    }

    fn scale_and_zero(&self, group: usize, output: usize) -> (f32, f32) {
        let scale = if self.lines_are_inputs {
            self.scales.get(group * self.ints.size.len + output)
        } else {
            self.scales.get(output * self.n_groups + group)
        };
        let zero = match &self.zeros {
            Zeros::Same(zero) => *zero,
            Zeros::Packed(zeros, add) => zeros.get(group, output) as f32 + add,
            Zeros::DownPacked(zeros) => zeros.get(output, group) as f32,
        };
        (scale, zero)
    }
}

impl DecodedTensor for Grouped {
    fn size(&self) -> StoredSize {
        self.ints.size
    }

    fn read(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        // Scale and zero stay the same along a group.
        let mut known = (usize::MAX, (0.0, 0.0));
        let of_line = if self.lines_are_inputs { self.group(line) } else { 0 };
        for (out, i) in out.iter_mut().zip(numbers) {
            let (scale, zero) = if self.lines_are_inputs {
                self.scale_and_zero(of_line, i)
            } else {
                let group = self.group(i);
                if known.0 != group {
                    known = (group, self.scale_and_zero(group, line));
                }
                known.1
            };
            *out = (self.ints.get(line, i) as f32 - zero) * scale;
        }
    }
}

/// `q s + b` with a scale and a bias for every group of a line (MLX).
pub struct Affine {
    ints: Ints,
    scales: Numbers,
    biases: Numbers,
    n_groups: usize,
}

impl Affine {
    pub fn of(ints: Ints, scales: &TensorInfo, biases: &TensorInfo) -> Result<Self> {
        let StoredSize { n_lines, len } = ints.size;
        let [n_lines_too, n_groups] = lines(scales)?;
        ensure!(
            n_lines == n_lines_too && biases.shape == scales.shape && n_groups > 0,
            "has scales of {} and biases of {}, want {n_lines} lines of both",
            dimensions(&scales.shape),
            dimensions(&biases.shape)
        );
        ensure!(len.is_multiple_of(n_groups), "has lines of {len} numbers in {n_groups} groups");
        let (scales, biases) = (Numbers::of(scales)?, Numbers::of(biases)?);
        Ok(Self { ints, scales, biases, n_groups })
    }
}

impl DecodedTensor for Affine {
    fn size(&self) -> StoredSize {
        self.ints.size
    }

    fn read(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        let each = self.ints.size.len / self.n_groups;
        let mut known = (usize::MAX, 0.0, 0.0);
        for (out, i) in out.iter_mut().zip(numbers) {
            let group = line * self.n_groups + i / each;
            if known.0 != group {
                known = (group, self.scales.get(group), self.biases.get(group));
            }
            *out = self.ints.get(line, i) as f32 * known.1 + known.2;
        }
    }
}

/// Numbers of eight bits with a scale for every block, line, or for all.
pub struct Fp8 {
    numbers: Numbers,
    scales: Numbers,
    size: StoredSize,
    /// Lines and numbers of a block.
    block: StoredSize,
    blocks_across: usize,
}

impl Fp8 {
    pub fn of(
        tensor: &TensorInfo,
        scales: &TensorInfo,
        block: Option<StoredSize>,
        size: StoredSize,
    ) -> Result<Self> {
        ensure!(
            ["F8_E4M3", "F8_E5M2"].contains(&tensor.dtype.as_str()),
            "has scales beside it and dtype {}, want F8_E4M3, F8_E5M2 or I8",
            tensor.dtype
        );
        let StoredSize { n_lines, len } = size;
        let n_scales = scales.n_numbers();
        let block = match block {
            Some(block) if scales.shape.len() == 2 && n_scales > 1 => block,
            _ if n_scales == 1 => StoredSize::new(n_lines.max(1), len.max(1)),
            _ if n_scales == n_lines => StoredSize::new(1, len.max(1)),
            Some(block) => block,
            None => anyhow::bail!(
                "has scales of {}, which are neither one, nor one a line, nor of blocks whose size is set (`weight_block_size`, `block_structure`)",
                dimensions(&scales.shape)
            ),
        };
        let blocks_across = len.div_ceil(block.len);
        let (down, want) =
            (n_lines.div_ceil(block.n_lines), n_lines.div_ceil(block.n_lines) * blocks_across);
        let is_of_blocks = down > 1 && blocks_across > 1;
        ensure!(
            n_scales == want && (!is_of_blocks || scales.shape == [down, blocks_across]),
            "has scales of {}, want {want} for blocks of {} by {}",
            dimensions(&scales.shape),
            block.n_lines,
            block.len
        );
        let (numbers, scales) = (Numbers::of(tensor)?, Numbers::of(scales)?);
        Ok(Self { numbers, scales, size, block, blocks_across })
    }
}

impl DecodedTensor for Fp8 {
    fn size(&self) -> StoredSize {
        self.size
    }

    fn read(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        let mut known = (usize::MAX, 0.0);
        for (out, i) in out.iter_mut().zip(numbers) {
            let block = line / self.block.n_lines * self.blocks_across + i / self.block.len;
            if known.0 != block {
                known = (block, self.scales.get(block));
            }
            *out = self.numbers.get(line * self.size.len + i) * known.1;
        }
    }
}

/// Integers of eight bits with a scale for every line.
pub struct Int8 {
    numbers: Numbers,
    scales: Numbers,
    /// A factor of every scale.
    by: f32,
    size: StoredSize,
}

impl Int8 {
    pub fn of(tensor: &TensorInfo, scales: Numbers, by: f32, size: StoredSize) -> Result<Self> {
        ensure!(tensor.dtype == "I8", "has dtype {}, want I8", tensor.dtype);
        let n_scales = scales.len();
        ensure!(
            n_scales == size.n_lines || n_scales == 1,
            "has {n_scales} scales, want {}",
            size.n_lines
        );
        Ok(Self { numbers: Numbers::of(tensor)?, scales, by, size })
    }
}

impl DecodedTensor for Int8 {
    fn size(&self) -> StoredSize {
        self.size
    }

    fn read(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        let scale = self.scales.get(line % self.scales.len()) * self.by;
        let first = line * self.size.len;
        out.iter_mut().zip(numbers).for_each(|(out, i)| *out = self.numbers.get(first + i) * scale);
    }
}

/// Indices of four bits into a table of 16 numbers, with a scale for every block of numbers.
pub struct Codebook {
    bytes: Bytes,
    numbers: [f32; 16],
    scales: Scales,
    size: StoredSize,
    /// Numbers of a block.
    block: usize,
    is_low_first: bool,
}

/// The scales of blocks.
enum Scales {
    Plain(Numbers),
    /// All divided by one.
    Divided(Numbers, f32),
    /// Indices into a table, with a scale for each `block` of them, and an offset.
    Nested {
        indices: Numbers,
        table: Numbers,
        scales: Numbers,
        block: usize,
        offset: f32,
    },
}

impl Scales {
    fn len(&self) -> usize {
        match self {
            Self::Plain(numbers) | Self::Divided(numbers, _) => numbers.len(),
            Self::Nested { indices, .. } => indices.len(),
        }
    }

    fn get(&self, i: usize) -> f32 {
        match self {
            Self::Plain(numbers) => numbers.get(i),
            Self::Divided(numbers, by) => numbers.get(i) / by,
            Self::Nested { indices, table, scales, block, offset } => {
                table.get(indices.get(i) as usize) * scales.get(i / block) + offset
            }
        }
    }
}

/// The tensors of bitsandbytes' scales where these are quantised too.
#[derive(Clone, Copy)]
pub struct NestedScales<'a> {
    pub absmax: &'a TensorInfo,
    pub map: &'a TensorInfo,
}

impl Codebook {
    /// A block of 16 with a scale in fp8, and one divisor of all (compressed-tensors).
    pub fn nvfp4(
        tensor: &TensorInfo,
        scales: &TensorInfo,
        global: &TensorInfo,
        size: StoredSize,
    ) -> Result<Self> {
        let global = Numbers::of(global)?;
        ensure!(global.len() == 1, "has {} global scales, want 1", global.len());
        ensure!(
            size.len.is_multiple_of(16),
            "has lines of {} numbers, want whole blocks of 16",
            size.len
        );
        let scales = Scales::Divided(Numbers::of(scales)?, global.get(0));
        let numbers = FOUR_BITS.map(|n| n / 2.0);
        let bytes = Bytes::of(tensor);
        Self { bytes, numbers, scales, size, block: 16, is_low_first: true }.checked(tensor)
    }

    /// bitsandbytes' nf4 and fp4.
    pub fn bitsandbytes(
        tensor: &TensorInfo,
        absmax: &TensorInfo,
        map: &TensorInfo,
        nested: Option<NestedScales>,
        settings: &Json,
        size: StoredSize,
    ) -> Result<Self> {
        let count = |key: &str| {
            let n = settings.get(key).and_then(Json::as_u64).filter(|n| (1..=1 << 16).contains(n));
            n.map(|n| n as usize).with_context(|| format!("has a `quant_state` without `{key}`"))
        };
        let map = Numbers::of(map)?;
        ensure!(map.len() == 16, "has a `quant_map` of {} numbers, want 16", map.len());
        let scales = match nested {
            None => Scales::Plain(Numbers::of(absmax)?),
            Some(NestedScales { absmax: scales, map: table }) => {
                let (indices, block) = (Numbers::of(absmax)?, count("nested_blocksize")?);
                let (scales, table) = (Numbers::of(scales)?, Numbers::of(table)?);
                ensure!(table.len() == 256, "has a `nested_quant_map` of {} numbers", table.len());
                ensure!(
                    absmax.dtype == "U8" && scales.len() == indices.len().div_ceil(block),
                    "has scales of scales that do not fit its scales"
                );
                let offset = settings.get("nested_offset").and_then(Json::as_f64).unwrap_or(0.0);
                Scales::Nested { indices, table, scales, block, offset: offset as f32 }
            }
        };
        let numbers = std::array::from_fn(|i| map.get(i));
        let (bytes, block) = (Bytes::of(tensor), count("blocksize")?);
        Self { bytes, numbers, scales, size, block, is_low_first: false }.checked(tensor)
    }

    fn checked(self, tensor: &TensorInfo) -> Result<Self> {
        ensure!(tensor.dtype == "U8", "has dtype {}, want U8", tensor.dtype);
        let n = self.size.n_lines * self.size.len;
        let n_bytes = self.bytes.range.len();
        ensure!(n_bytes == n.div_ceil(2), "has {n_bytes} bytes for {n} numbers of four bits");
        let (got, want) = (self.scales.len(), n.div_ceil(self.block));
        ensure!(got == want, "has {got} scales, want {want}");
        Ok(self)
    }
}

impl DecodedTensor for Codebook {
    fn size(&self) -> StoredSize {
        self.size
    }

    fn read(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        let bytes = self.bytes.get();
        let mut scale = (usize::MAX, 0.0);
        for (out, i) in out.iter_mut().zip(numbers) {
            let at = line * self.size.len + i;
            if scale.0 != at / self.block {
                scale = (at / self.block, self.scales.get(at / self.block));
            }
            let is_low = at.is_multiple_of(2) == self.is_low_first;
            let q = if is_low { bytes[at / 2] & 0xF } else { bytes[at / 2] >> 4 };
            *out = self.numbers[usize::from(q)] * scale.1;
        }
    }
}
