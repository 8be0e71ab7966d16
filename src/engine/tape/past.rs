//! What is kept of the rows read so far when a text is written token by token: the key-value cache of attention (Shazeer
//! 2019; Pope et al. 2022), the states of layers that have states.

use std::{collections::HashMap, sync::Arc};

use super::{Node, Tape};
use crate::engine::{
    site::Place,
    value::{Matrix, Value},
};

/// The keys and values of the rows read so far, by scope of the attention, and states, by name.
#[derive(Clone, Default)]
pub struct Past {
    n_rows: usize,
    kept: HashMap<String, Remembered>,
    held: HashMap<String, Arc<Value>>,
}

/// Keys and values, one column per row of the text, so that new rows are appended at the end. (head, d_k, row)
#[derive(Clone, Default)]
struct Remembered {
    keys: Arc<Value>,
    values: Arc<Value>,
}

impl Past {
    /// A past of `n_rows` rows without keys and values.
    pub fn of_rows(n_rows: usize) -> Self {
        Self { n_rows, ..Self::default() }
    }

    /// The number of rows read.
    pub const fn n_rows(&self) -> usize {
        self.n_rows
    }
}

/// Appends new rows. kept (head, d_k, row), new (head, new row, d_k)
fn grow(kept: &mut Arc<Value>, new: &Value) {
    if kept.shape().is_empty() {
        *kept = Arc::new(new.map_planes(Matrix::transpose));
        return;
    }
    let planes = new.planes().iter().enumerate();
    let planes = planes.map(|(p, new)| {
        let old = std::mem::take(&mut Arc::make_mut(kept).planes_mut()[p]);
        appended(old, new)
    });
    *kept = Arc::new(Value::from_planes(planes.collect()));
}

/// `old` with the new rows appended as columns. (d_k, old) and (new, d_k) -> (d_k, old + new)
fn appended(old: Matrix, new: &Matrix) -> Matrix {
    let (n_old, d_k) = (old.ncols(), new.ncols());
    let mut numbers: Vec<f32> = old.data.into();
    for row in new.row_iter() {
        numbers.extend(row.iter());
    }
    Matrix::from_vec(d_k, n_old + new.nrows(), numbers)
}

/// Keys and values of attention.
#[derive(Clone, Copy, Debug)]
pub struct KvNodes {
    pub k: Node,
    pub v: Node,
}

impl Tape {
    /// The same tape, whose rows come after those of the past.
    #[must_use]
    pub fn after(self, past: Past) -> Self {
        Self { past: Some(past), ..self }
    }

    /// The past for the next rows, after `n_rows` were read on this tape.
    pub fn into_past(self, n_rows: usize) -> Past {
        let past = self.past.unwrap_or_default();
        Past { n_rows: past.n_rows + n_rows, ..past }
    }

    /// The number of rows read before this tape's first.
    pub fn n_past(&self) -> usize {
        self.past.as_ref().map_or(0, Past::n_rows)
    }

    /// All keys and values so far, transposed; None if the tape has no past. k and v (head, row, d_k) -> (head, d_k,
    /// key)
    pub fn remember(&mut self, scope: &str, KvNodes { k, v }: KvNodes) -> Option<KvNodes> {
        let (k, v) = (Arc::clone(&self.entry(k).value), Arc::clone(&self.entry(v).value));
        let past = self.past.as_mut()?;
        let kept = past.kept.entry(scope.to_owned()).or_default();
        grow(&mut kept.keys, &k);
        grow(&mut kept.values, &v);
        let remembered = kept.clone();
        Some(self.leaves(scope, remembered))
    }

    /// The cached keys and values of a scope, transposed; None if there are none. (head, d_k, key)
    pub fn recall(&mut self, scope: &str) -> Option<KvNodes> {
        let kept = self.past.as_ref()?.kept.get(scope)?.clone();
        Some(self.leaves(scope, kept))
    }

    /// What is held under a name, as a leaf; None if the tape has no past, or nothing was held.
    pub fn held(&mut self, name: &str) -> Option<Node> {
        let value = Arc::clone(self.past.as_ref()?.held.get(name)?);
        Some(self.leaf(Place::weight(name), value))
    }

    /// Holds a value for the rows after this tape's; without a past it does nothing.
    pub fn hold(&mut self, name: &str, value: impl FnOnce(&Self) -> Value) {
        if self.past.is_none() {
            return;
        }
        let value = Arc::new(value(self));
        if let Some(past) = self.past.as_mut() {
            past.held.insert(name.to_owned(), value);
        }
    }

    fn leaves(&mut self, scope: &str, kept: Remembered) -> KvNodes {
        let k = self.leaf(Place::weight(format!("{scope}.keys")), kept.keys);
        KvNodes { k, v: self.leaf(Place::weight(format!("{scope}.values")), kept.values) }
    }
}
