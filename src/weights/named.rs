//! Weights under this program's names.
//!
//! Returns each in the shape that a model asks for, or an error that names file, tensor and both shapes.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use anyhow::{Context, Result, bail, ensure};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::embedded::file as built_in;
use crate::engine::{
    site::Place,
    tape::Weight,
    value::{Matrix, Value},
};
/// The ending of the name of a tensor that holds the scales of another one's rows.
const SCALE: &str = ".scale";

/// The tensors and the metadata of one file.
pub struct Weights {
    file: String,
    pub(super) tensors: HashMap<String, Arc<Value>>,
    /// The tensors that an adapter changes, without it.
    pub(super) bases: HashMap<String, Arc<Value>>,
    /// Those that no training changes.
    pub(super) constants: HashSet<String>,
    /// The first name of what has several: layers with the same weights.
    firsts: HashMap<String, String>,
    metadata: HashMap<String, String>,
}

impl Weights {
    /// An empty set; errors name `file`.
    pub(super) fn none(file: String) -> Self {
        Self::holding(file, HashMap::new(), HashMap::new())
    }

    fn holding(
        file: String,
        tensors: HashMap<String, Arc<Value>>,
        metadata: HashMap<String, String>,
    ) -> Self {
        Self {
            file,
            tensors,
            metadata,
            bases: HashMap::new(),
            constants: HashSet::new(),
            firsts: HashMap::new(),
        }
    }

    /// A further name for a tensor. It is one weight, under its first name, whoever uses it.
    pub(super) fn share(&mut self, name: &str, first: &str) {
        if let Some(value) = self.tensors.get(first).cloned() {
            self.tensors.insert(name.to_owned(), value);
            self.firsts.insert(name.to_owned(), first.to_owned());
        }
    }

    /// The weights of a built-in model.
    ///
    /// # Errors
    /// If no built-in model has that name, or its file is damaged.
    pub fn embedded(model: &str) -> Result<Self> {
        let bytes = built_in(model).with_context(|| format!("no built-in model `{model}`"))?;
        Self::from_safetensors(format!("{model}.safetensors"), bytes)
    }

    /// An entry of the metadata in a built-in model's file.
    ///
    /// # Errors
    /// If no built-in model has that name, or its file has no such entry.
    pub fn embedded_metadata(model: &str, key: &str) -> Result<String> {
        let bytes = built_in(model).with_context(|| format!("no built-in model `{model}`"))?;
        let (_, header) = SafeTensors::read_metadata(bytes).with_context(|| model.to_owned())?;
        let found = header.metadata().as_ref().and_then(|entries| entries.get(key).cloned());
        found.with_context(|| format!("{model}.safetensors: no `{key}` in its metadata"))
    }

    /// Reads a safetensors file of at most three axes a tensor: F32, F16, or I8 with the scales of its rows in a tensor
    /// named `NAME.scale`.
    ///
    /// # Errors
    /// Naming file, tensor and fault, if the header, a shape or a dtype is wrong.
    pub fn from_safetensors(file: String, bytes: &[u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes).with_context(|| file.clone())?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let parsed = SafeTensors::deserialize(bytes).with_context(|| file.clone())?;
        let mut tensors = HashMap::new();
        for (name, view) in parsed.iter().filter(|(name, _)| !name.ends_with(SCALE)) {
            let scales = parsed.tensor(&format!("{name}{SCALE}")).ok();
            let value = value(&view, scales.as_ref())
                .with_context(|| format!("{file}: tensor `{name}`"))?;
            tensors.insert(name.to_owned(), Arc::new(value));
        }
        Ok(Self::holding(file, tensors, metadata))
    }

    /// A matrix weight. (rows, cols)
    ///
    /// # Errors
    /// If it is missing or of another shape; the message names file, tensor, shape wanted and got.
    pub fn matrix(&self, name: &str, (rows, cols): (usize, usize)) -> Result<Weight> {
        let value = self.tensor(name)?;
        let got = value.shape();
        ensure!(
            (got.planes, got.rows, got.cols) == (1, rows, cols),
            "{}: `{name}` is ({}, {}, {}), want ({rows}, {cols})",
            self.file,
            got.planes,
            got.rows,
            got.cols
        );
        let first = self.firsts.get(name).map_or(name, String::as_str);
        let place = Place::weight(first);
        let place = if self.constants.contains(first) { place.constant() } else { place };
        Ok(Weight { place, value, base: self.bases.get(first).cloned() })
    }

    /// A vector weight, as one row. (1, n)
    ///
    /// # Errors
    /// As for [`Self::matrix`].
    pub fn row(&self, name: &str, n: usize) -> Result<Weight> {
        self.matrix(name, (1, n))
    }

    /// A vector weight that the file may lack. (1, n)
    ///
    /// # Errors
    /// As for [`Self::matrix`], if it is there.
    pub fn optional_row(&self, name: &str, n: usize) -> Result<Option<Weight>> {
        self.has(name).then(|| self.row(name, n)).transpose()
    }

    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A weight of any shape.
    ///
    /// # Errors
    /// If it is missing.
    pub fn tensor(&self, name: &str) -> Result<Arc<Value>> {
        let found = self.tensors.get(name).cloned();
        found.with_context(|| format!("{}: tensor `{name}` is missing", self.file))
    }

    /// A whole number from the file's metadata.
    ///
    /// # Errors
    /// If it is missing or not a number.
    pub fn number(&self, key: &str) -> Result<usize> {
        let text = self.metadata.get(key);
        let text = text.with_context(|| format!("{}: metadata `{key}` is missing", self.file))?;
        text.parse().with_context(|| format!("{}: metadata `{key}` is `{text}`", self.file))
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.tensors.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

fn value(view: &TensorView, scales: Option<&TensorView>) -> Result<Value> {
    let numbers = match scales {
        None => numbers(view)?,
        Some(scales) => scaled(view, &numbers(scales)?)?,
    };
    let (planes, rows, cols) = match *view.shape() {
        [n] => (1, 1, n),
        [rows, cols] => (1, rows, cols),
        [planes, rows, cols] => (planes, rows, cols),
        ref shape => bail!("has {} axes, want one to three", shape.len()),
    };
    ensure!(!numbers.is_empty(), "is empty");
    let planes = (0..planes).map(|p| {
        let plane = &numbers[p * rows * cols..(p + 1) * rows * cols];
        Matrix::from_row_slice(rows, cols, plane)
    });
    Ok(Value::from_planes(planes.collect()))
}

fn numbers(view: &TensorView) -> Result<Vec<f32>> {
    let pairs = || view.data().chunks_exact(2);
    Ok(match view.dtype() {
        Dtype::F16 => pairs().map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
        Dtype::F32 => {
            let fours = view.data().chunks_exact(4);
            fours.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
        }
        other => bail!("has dtype {other:?}, want F32, F16 or I8 with scales"),
    })
}

/// Integers times the scales of their rows.
fn scaled(view: &TensorView, scales: &[f32]) -> Result<Vec<f32>> {
    ensure!(view.dtype() == Dtype::I8, "has scales but dtype {:?}, want I8", view.dtype());
    let n_cols = view.shape().last().copied().unwrap_or(0).max(1);
    let rows = view.data().chunks_exact(n_cols);
    ensure!(rows.len() == scales.len(), "has {} rows but {} scales", rows.len(), scales.len());
    let row = |(row, scale): (&[u8], &f32)| -> Vec<f32> {
        row.iter().map(|&byte| f32::from(byte.cast_signed()) * scale).collect()
    };
    Ok(rows.zip(scales).flat_map(row).collect())
}
