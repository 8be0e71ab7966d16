//! Maps a checkpoint's tensors to a model's weights.
//!
//! A model lists what it wants ([`ExpectedWeight`]); the result has every weight in our layout, or one error that
//! lists every tensor that is missing, misshapen or unreadable.

use std::{collections::HashMap, ops::Range, sync::Arc};

use anyhow::{Result, anyhow, ensure};

use super::{
    Checkpoint, Copied, Packed, TensorInfo, Weights, gguf::name_in_file as name_in_gguf, listed,
    tensor::RowOrder, tensor::dimensions,
};
use crate::{
    engine::value::{Lines, Stored, Value},
    text::visible::shown,
};

/// A weight that a model needs, and its tensor's name in a checkpoint.
#[derive(Clone, Debug)]
pub struct ExpectedWeight {
    /// This program's name.
    pub ours: String,
    /// Hugging Face's names; of several alternatives the first that exists is taken.
    pub theirs: Vec<String>,
    /// Our shape: (in, out) of a linear map, (rows, cols) of a table, (1, n) of a vector.
    pub shape: (usize, usize),
    pub layout: WeightLayout,
    /// Whether the model works without it.
    pub is_optional: bool,
}

/// How a tensor is laid out in the file, compared with our matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightLayout {
    /// PyTorch's Linear: the file has (out, in), we have (in, out).
    Linear,
    /// These rows of a Linear that stacks several maps (out, in): packed queries, keys and values, the gates of
    /// a GRU.
    LinearRows(Range<usize>),
    /// (rows, cols) in both: an embedding table.
    Table,
    /// GPT-2's Conv1D: (in, out) in both.
    Conv1d,
    /// These columns of a Conv1D that holds several maps side by side: GPT-2's `c_attn`.
    Conv1dColumns(Range<usize>),
    /// (n) or (1, n) -> (1, n)
    Vector,
    /// This part of a vector.
    VectorPart(Range<usize>),
}

impl WeightLayout {
    fn range(&self) -> Option<&Range<usize>> {
        match self {
            Self::LinearRows(range) | Self::Conv1dColumns(range) | Self::VectorPart(range) => {
                Some(range)
            }
            _ => None,
        }
    }
}

impl ExpectedWeight {
    /// A required weight; `theirs` lists alternatives separated by `|`.
    pub fn new(
        ours: impl Into<String>,
        theirs: &str,
        shape: (usize, usize),
        layout: WeightLayout,
    ) -> Self {
        let theirs = theirs.split('|').map(str::to_owned).collect();
        Self { ours: ours.into(), theirs, shape, layout, is_optional: false }
    }

    #[must_use]
    pub fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// The shape that its tensor must have in the file; `whole` is the length of the axis that a part is taken
    /// from.
    fn shape_in_file(&self, whole: usize, is_transposed: bool) -> Vec<usize> {
        let (rows, cols) = self.shape;
        match self.layout {
            WeightLayout::Linear => vec![cols, rows],
            WeightLayout::LinearRows(_) => vec![whole, rows],
            WeightLayout::Conv1d if is_transposed => vec![cols, rows],
            WeightLayout::Conv1dColumns(_) if is_transposed => vec![whole, rows],
            WeightLayout::Table | WeightLayout::Conv1d => vec![rows, cols],
            WeightLayout::Conv1dColumns(_) => vec![rows, whole],
            WeightLayout::Vector => vec![cols],
            WeightLayout::VectorPart(_) => vec![whole],
        }
    }

    /// The range of lines of the file's tensor, the range of numbers in each, and whether lines are our rows or
    /// columns.
    fn part(&self, is_transposed: bool) -> (Range<usize>, Range<usize>, Lines) {
        let (rows, cols) = self.shape;
        match &self.layout {
            WeightLayout::Linear => (0..cols, 0..rows, Lines::Columns),
            WeightLayout::LinearRows(range) => (range.clone(), 0..rows, Lines::Columns),
            WeightLayout::Conv1d if is_transposed => (0..cols, 0..rows, Lines::Columns),
            WeightLayout::Conv1dColumns(range) if is_transposed => {
                (range.clone(), 0..rows, Lines::Columns)
            }
            WeightLayout::Conv1dColumns(range) => (0..rows, range.clone(), Lines::Rows),
            WeightLayout::VectorPart(range) => (0..1, range.clone(), Lines::Rows),
            WeightLayout::Table | WeightLayout::Conv1d | WeightLayout::Vector => {
                (0..rows, 0..cols, Lines::Rows)
            }
        }
    }

    const fn is_vector(&self) -> bool {
        matches!(self.layout, WeightLayout::Vector | WeightLayout::VectorPart(_))
    }
}

impl Checkpoint {
    /// The weights that a model asks for, under our names. Vectors are decoded, matrices stay in their file.
    ///
    /// # Errors
    /// Listing every tensor that is missing, misshapen or of a dtype that cannot be read.
    pub fn weights(&self, wanted: &[ExpectedWeight]) -> Result<Weights> {
        let wholes = wholes(wanted);
        let mut weights = Weights::none(self.title());
        let mut faults = vec![];
        for one in wanted {
            let found = one.theirs.iter().find_map(|name| self.ask(name));
            let Some(tensor) = found else {
                if !one.is_optional {
                    faults.push(self.missing(one, &wholes));
                }
                continue;
            };
            let whole = wholes.get(one.theirs.as_slice()).copied().unwrap_or(0);
            match value(one, tensor, whole) {
                Ok(value) => drop(weights.tensors.insert(one.ours.clone(), Arc::new(value))),
                Err(fault) => {
                    let name = shown(&tensor.name_in_file);
                    faults.push(format!("{}: `{name}` {fault:#}", tensor.file()));
                }
            }
        }
        ensure!(faults.is_empty(), self.faulty(&faults));
        Ok(weights)
    }

    fn missing(&self, one: &ExpectedWeight, wholes: &HashMap<&[String], usize>) -> String {
        let whole = wholes.get(one.theirs.as_slice()).copied().unwrap_or(0);
        let shape = dimensions(&one.shape_in_file(whole, self.is_gguf()));
        let name = |theirs: &String| format!("`{}`", shown(&self.name_in_file(theirs)));
        let names: Vec<String> = one.theirs.iter().map(name).collect();
        format!("{} is missing, want {shape}", names.join(" or "))
    }

    /// The file's own name for a tensor, given Hugging Face's.
    fn name_in_file(&self, name: &str) -> String {
        let architecture = self.config().string("model_type").unwrap_or_default();
        let translated = self.is_gguf().then(|| name_in_gguf(architecture, name)).flatten();
        translated.unwrap_or_else(|| name.to_owned())
    }

    fn faulty(&self, faults: &[String]) -> String {
        let settings = if self.is_gguf() { "metadata describes" } else { "config.json describes" };
        format!(
            "{} does not hold what its {settings}; they belong to different models, or a file is \
             damaged: fetch it again:{}",
            self.name(),
            listed(faults)
        )
    }
}

/// The length of the axis that parts are taken from, by tensor: the end of its last part.
fn wholes(wanted: &[ExpectedWeight]) -> HashMap<&[String], usize> {
    let mut wholes = HashMap::new();
    for one in wanted {
        if let Some(range) = one.layout.range() {
            let whole = wholes.entry(one.theirs.as_slice()).or_insert(0);
            *whole = range.end.max(*whole);
        }
    }
    wholes
}

fn value(wanted: &ExpectedWeight, tensor: &TensorInfo, whole: usize) -> Result<Value> {
    let want = wanted.shape_in_file(whole, tensor.is_transposed);
    let is_row = wanted.is_vector() && tensor.shape == [1, want[0]];
    ensure!(
        tensor.shape == want || is_row,
        "is {}, want {}",
        dimensions(&tensor.shape),
        dimensions(&want)
    );
    ensure!(!want.contains(&0), "is empty");
    if wanted.is_vector() { vector(wanted, tensor) } else { matrix(wanted, tensor) }
}

fn matrix(wanted: &ExpectedWeight, tensor: &TensorInfo) -> Result<Value> {
    let (lines, numbers, stand) = wanted.part(tensor.is_transposed);
    let packed = Packed::of(tensor, tensor.shape[1], lines, numbers)?;
    let source: Arc<dyn Stored> =
        if packed.is_misaligned() { Arc::new(Copied::of(&packed)) } else { Arc::new(packed) };
    Ok(Value::stored(source, stand))
}

/// A vector is read as one line; where its rows are reordered, as lines of one number.
fn vector(wanted: &ExpectedWeight, tensor: &TensorInfo) -> Result<Value> {
    let (_, numbers, _) = wanted.part(false);
    let packed = match tensor.order {
        RowOrder::InOrder => Packed::of(tensor, tensor.n_numbers(), 0..1, numbers.clone())?,
        RowOrder::Interleaved(_) => Packed::of(tensor, 1, numbers.clone(), 0..1)?,
    };
    let n = numbers.len();
    let mut decoded = vec![0.0; n];
    packed.read(0..packed.size().0, &mut decoded);
    ensure!(wanted.shape == (1, n), anyhow!("is asked for as {:?}", wanted.shape));
    Ok(Value::from_rows(1, n, &decoded))
}
