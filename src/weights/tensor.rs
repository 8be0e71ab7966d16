//! The description of a tensor in a checkpoint, checked against the file's size.

use std::{ops::Range, sync::Arc};

use anyhow::{Result, ensure};

use super::{Dtype, mapped::Mapped};
use crate::{engine::value::StoredSize, text::visible::shown};

/// The order of a tensor's rows in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// First to last.
    InOrder,
    /// Within groups of this many rows (a head), rows of the first and the second half alternate: GGUF's layout
    /// of queries and keys with rotary positions.
    Interleaved(usize),
}

/// The GGUF tensor that divides the rotation speeds.
pub const ROPE_FACTORS: &str = "rope_freqs.weight";

/// Those that divide them in texts as long as the model was trained on, and in longer ones.
pub const SHORT_FACTORS: &str = "rope_factors_short.weight";
pub const LONG_FACTORS: &str = "rope_factors_long.weight";

/// How the names of tensors end that models do without.
const SPARE: [&str; 18] = [
    "rotary_emb.inv_freq",
    "position_ids",
    "attn.bias",
    "attn.masked_bias",
    "attention.bias",
    "attention.masked_bias",
    // The slope and the bound of xIELU, which are the same in all layers and models.
    "act_fn.beta",
    "act_fn.eps",
    "embed_positions",
    "embed_positions.weights",
    "embed_tokens",
    "shared",
    "lm_head",
    "cls.predictions.decoder",
    "cls.predictions.bias",
    "vocab_projector",
    "pooler.dense",
    "final_logits_bias",
];

/// The longest axis accepted.
const LONGEST_AXIS: u64 = 1 << 32;

/// The most axes: GGUF has four, convolutions in safetensors five.
const MOST_AXES: usize = 8;

/// A tensor that lies completely inside a file.
#[derive(Clone)]
pub struct TensorInfo {
    /// Hugging Face's name for it, whatever the format of the file. Not safe to show: see [`Self::shown`].
    pub name: String,
    pub name_in_file: String,
    /// Rows first, as Hugging Face has it.
    pub shape: Vec<usize>,
    /// The file's name for it, safe to show.
    pub dtype: String,
    /// None if this program cannot read the dtype.
    pub form: Option<Dtype>,
    pub n_bytes: usize,
    pub(super) file: Arc<Mapped>,
    /// The offset of its bytes in the file.
    pub(super) start: usize,
    pub(super) order: RowOrder,
    /// The file has (out, in) where Hugging Face's tensor of this name is (in, out).
    pub(super) is_transposed: bool,
    /// How its numbers are made, if of several tensors; this one is then the first of them.
    pub(super) quantised: Option<Quantised>,
}

/// How the numbers of a tensor are made of several, however these are packed.
#[derive(Clone)]
pub struct Quantised {
    pub source: Arc<dyn DecodedTensor>,
    /// Whether a line holds the weights of one input instead of one output.
    pub lines_are_inputs: bool,
}

/// A whole tensor in lines, decoded when they are read.
pub trait DecodedTensor: Send + Sync {
    fn size(&self) -> StoredSize;

    /// Decodes a range of a line.
    fn read(&self, line: usize, numbers: Range<usize>, out: &mut [f32]);
}

impl TensorInfo {
    /// The name, safe to show.
    pub fn shown(&self) -> String {
        shown(&self.name)
    }

    /// The path of its file, safe to show.
    pub fn file(&self) -> &str {
        &self.file.name
    }

    /// Its bytes in the file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.file.bytes()[self.start..self.start + self.n_bytes]
    }

    /// Whether it is a setting rather than a weight: the RoPE factors of a GGUF file.
    pub fn is_setting(&self) -> bool {
        [ROPE_FACTORS, SHORT_FACTORS, LONG_FACTORS].contains(&self.name_in_file.as_str())
    }

    /// Whether it is of BERT's head for the next sentence.
    pub fn is_of_next_sentence(&self) -> bool {
        self.name.contains("cls.seq_relationship.")
    }

    /// Whether models do without it: a buffer that is computed, a table that is another's duplicate, a head of
    /// pre-training.
    pub fn is_spare(&self) -> bool {
        let stem = self.name.strip_suffix(".weight").or_else(|| self.name.strip_suffix(".bias"));
        SPARE.iter().any(|end| self.name.ends_with(end) || stem.is_some_and(|s| s.ends_with(end)))
    }

    /// The weights that it holds: two in each byte of packed blocks, none in their scales.
    pub fn n_weights(&self) -> usize {
        match self.dtype.as_str() {
            "U8" if self.name.ends_with("_blocks") => 2 * self.n_numbers(),
            "U8" if self.name.ends_with("_scales") => 0,
            _ => self.n_numbers(),
        }
    }

    pub fn n_numbers(&self) -> usize {
        self.shape.iter().product()
    }
}

/// `(3, 4)`; of many axes the first, and how many more there are.
pub fn dimensions(shape: &[usize]) -> String {
    const MOST_NAMED: usize = 8;
    let more = shape.len().saturating_sub(MOST_NAMED);
    let sizes = shape.iter().take(MOST_NAMED).map(ToString::to_string);
    let more = (more > 0).then(|| format!("and {more} more"));
    format!("({})", sizes.chain(more).collect::<Vec<_>>().join(", "))
}

/// The axis lengths and the number of elements, both checked against the limits.
///
/// # Errors
/// If there are too many axes, or one is too long, or the product too large.
pub fn checked_shape(sizes: &[u64]) -> Result<(Vec<usize>, usize)> {
    ensure!(sizes.len() <= MOST_AXES, "has {} axes, the limit is {MOST_AXES}", sizes.len());
    let longest = sizes.iter().copied().max().unwrap_or(0);
    ensure!(
        longest <= LONGEST_AXIS,
        "has an axis of {longest} numbers, far more than any model has"
    );
    let axes: Option<Vec<usize>> = sizes.iter().map(|&n| usize::try_from(n).ok()).collect();
    let len = axes.as_ref().and_then(|a| a.iter().try_fold(1_usize, |len, &n| len.checked_mul(n)));
    let Some((axes, len)) = axes.zip(len.filter(|len| isize::try_from(*len).is_ok())) else {
        anyhow::bail!("has more numbers than this machine can count: {sizes:?}")
    };
    Ok((axes, len))
}

/// The size in bytes of `len` numbers in lines of `line`, packed in blocks of `numbers` numbers and `bytes`
/// bytes.
///
/// # Errors
/// If a line is not a whole number of blocks, or the size overflows.
pub fn n_bytes(len: usize, line: usize, numbers: usize, bytes: usize) -> Result<usize> {
    ensure!(
        line.is_multiple_of(numbers),
        "has lines of {line} numbers, which are not a whole number of blocks of {numbers}"
    );
    let taken = (len / numbers).checked_mul(bytes);
    taken.ok_or_else(|| anyhow::anyhow!("has {len} numbers, more than can be addressed"))
}

/// Checks that no two tensors of a file share bytes.
///
/// # Errors
/// Naming the two.
pub fn no_overlap<'a>(tensors: impl Iterator<Item = &'a TensorInfo>) -> Result<()> {
    let mut spans: Vec<&TensorInfo> = tensors.filter(|t| t.n_bytes > 0).collect();
    spans.sort_by_key(|t| t.start);
    for pair in spans.windows(2) {
        let [first, second] = pair else { continue };
        ensure!(
            first.start + first.n_bytes <= second.start,
            "{}: tensors `{}` and `{}` share bytes; the file is damaged, fetch it again",
            first.file.name,
            shown(&first.name_in_file),
            shown(&second.name_in_file)
        );
    }
    Ok(())
}
