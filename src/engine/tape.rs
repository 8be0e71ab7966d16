//! The tape: the record of every operation of a pass, with its value and its inputs.
//!
//! A model calls one method per equation; the method computes the value and records operation and inputs under a
//! [`Place`]. One call does both, so that value and provenance cannot disagree. From the record the tape opens a cell
//! into its arithmetic and computes gradients. It knows no model, no token text and no screen.

mod alibi;
mod back;
mod block;
mod by_plane;
mod edited;
mod clamped;
mod columns;
mod convolution;
mod delta;
mod distance;
mod elementwise;
mod expert_groups;
mod expert_inputs;
mod experts;
mod learned_scale;
mod linear;
mod norm;
mod past;
mod pool;
mod positions;
mod product;
mod relative;
mod replay;
mod rotary;
mod scan;
mod select;
mod shape;
mod slopes;
mod softmax;
mod state_space;
mod xielu;

pub use block::{Block, Inside, Keep, PlacedValue};
pub use by_plane::ByPlane;
pub use convolution::Filter;
pub use delta::DeltaNodes;
pub use distance::{DistanceBuckets, Distances, Meets};
pub use elementwise::Root;
pub use expert_groups::ExpertGroups;
pub use experts::ExpertWeights;
pub use linear::{GateWeights, LinearMap};
pub use norm::Moments;
pub use past::{KvNodes, Past};
pub use relative::Buckets;
pub use replay::Replay;
pub use rotary::{Dynamic, Longer, Rope, RotaryPairs};
pub use shape::Planes;
pub use slopes::Slopes;
pub use state_space::{RateForm, StateInputs};

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use edited::Edited;

use crate::engine::{
    arithmetic::{Arithmetic, Expr, NumberName, Operand},
    change::{Changes, Part},
    site::{Axis, Place, Role, lies_in},
    value::{Cell, Shape, Value},
};

/// A value on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(usize);

/// A leaf of an opened cell: a cell of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The index of the input.
    pub input: usize,
    pub cell: Cell,
}

/// A kind of operation: its forward pass, the arithmetic of a cell, its backward pass.
pub trait Operation: Send + Sync {
    /// The formula, as a person would write it.
    fn formula(&self) -> &'static str;

    fn forward(&self, inputs: &[&Value]) -> Value;

    /// The operation as one that computes each plane alone; None if it does not.
    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        None
    }

    /// The arithmetic of one cell of the output, over cells of the inputs.
    fn open(&self, inputs: &[&Value], cell: Cell) -> Expr<Leaf>;

    /// The cells of the output that a cell of an input flows into; None where the operation does not say so.
    fn reached(&self, _inputs: &[&Value], _of: Leaf) -> Option<Vec<Cell>> {
        None
    }

    /// The derivative of a cell of the output with respect to a cell of an input; None if it is 0.
    fn slope(&self, inputs: &[&Value], cell: Cell, of: Leaf) -> Option<Expr<Leaf>> {
        self.open(inputs, cell).derivative(&of, &|leaf| inputs[leaf.input].get(leaf.cell))
    }

    /// The number of multiplications in matrix products, which take most of the time.
    fn products(&self, _inputs: &[&Value]) -> usize {
        0
    }

    /// The gradient with respect to each input, given that of the output; may be None where `wanted[i]` is false.
    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>>;
}

/// The arguments of an operation's backward pass.
pub struct BackwardArgs<'a> {
    pub inputs: &'a [&'a Value],
    pub output: &'a Value,
    pub grad: &'a Value,
    pub wanted: &'a [bool],
}

impl BackwardArgs<'_> {
    /// `f()` if the gradient of input `i` is wanted, else None.
    fn for_input(&self, i: usize, f: impl FnOnce() -> Value) -> Option<Value> {
        self.wanted[i].then(f)
    }
}

/// A recorded value.
pub struct Entry {
    pub place: Place,
    pub value: Arc<Value>,
    /// None for a leaf, such as a weight or an initial state.
    operation: Option<Box<dyn Operation>>,
    inputs: Vec<Node>,
}

/// A weight with its name, ready to be recorded.
#[derive(Clone)]
pub struct Weight {
    pub place: Place,
    pub value: Arc<Value>,
    /// The value without the adapter that changes it; None if none does.
    pub base: Option<Arc<Value>>,
}

/// The record of a pass, in the order of computation.
///
/// The keys of `weights` are addresses of values that `entries` keep alive; they are compared, never dereferenced.
#[derive(Default)]
pub struct Tape {
    entries: Vec<Entry>,
    /// Each weight is recorded once, however often it is used.
    weights: HashMap<usize, Node>,
    changes: Arc<Changes>,
    keep: Keep,
    /// The blocks whose inside was not kept, by the node of their output.
    blocks: HashMap<Node, Arc<dyn Block>>,
    /// Whether nobody will look at what is recorded: a block's inside that is not kept.
    discards_intermediates: bool,
    /// What was read before, where a text is written token by token.
    past: Option<Past>,
    /// Whether an adapter changes one of the weights, also of those in blocks whose inside was not kept.
    has_adapter: bool,
}

/// The requested gradients, by node.
pub type NodeGradients = HashMap<Node, Value>;

impl Tape {
    /// An empty tape that applies these changes to the pass.
    pub fn changed(changes: Arc<Changes>) -> Self {
        Self { changes, ..Self::default() }
    }

    /// The same tape, with or without keeping the inside of blocks.
    #[must_use]
    pub fn keeping(self, keep: Keep) -> Self {
        Self { keep, ..self }
    }

    pub fn leaf(&mut self, place: Place, value: Arc<Value>) -> Node {
        self.push(Entry { place, value, operation: None, inputs: vec![] })
    }

    pub fn weight(&mut self, weight: &Weight) -> Node {
        self.has_adapter |= weight.base.is_some();
        let is_off = |_: &&Arc<Value>| self.changes.is_off(&weight.place, Part::Adapter);
        let value = weight.base.as_ref().filter(is_off).unwrap_or(&weight.value);
        let key = Arc::as_ptr(value) as usize;
        if let Some(&node) = self.weights.get(&key) {
            return node;
        }
        let learned = self.changes.learned(&weight.place.path);
        let value = learned.unwrap_or(value);
        let node = self.leaf(weight.place.clone(), Arc::clone(value));
        self.weights.insert(key, node);
        node
    }

    /// Computes a value, applies the edits and records it; every computed value enters the tape here.
    fn record(
        &mut self,
        place: Place,
        operation: impl Operation + 'static,
        inputs: Vec<Node>,
    ) -> Node {
        let mut operation: Box<dyn Operation> = Box::new(operation);
        let row = place.origin.row + self.n_past();
        let place = place.row(row);
        let mut value = self
            .deferred(&place, &*operation, &inputs)
            .unwrap_or_else(|| operation.forward(&self.values(&inputs)));
        let edits = self.changes.edits(&place, value.shape());
        if !edits.is_empty() {
            let are_attention_weights = place.role == Role::AttentionWeights;
            let edited = Edited { inner: operation, edits, are_attention_weights };
            value = edited.apply(&value);
            operation = Box::new(edited);
        }
        self.push(Entry { place, value: Arc::new(value), operation: Some(operation), inputs })
    }

    /// The value of an operation whose planes are computed when they are asked for: where scores are not kept, what
    /// grows with the square of the text.
    fn deferred(&self, place: &Place, operation: &dyn Operation, inputs: &[Node]) -> Option<Value> {
        let is_square = place.site.axes == [Axis::Head, Axis::Query, Axis::Key];
        let is_deferred = is_square && self.keep == Keep::AllButScores;
        let operation = is_deferred.then(|| operation.by_plane())??;
        let inputs = inputs.iter().map(|&input| Arc::clone(&self.entry(input).value));
        Some(by_plane::deferred(operation, inputs.collect()))
    }

    fn push(&mut self, entry: Entry) -> Node {
        self.entries.push(entry);
        Node(self.entries.len() - 1)
    }

    fn values(&self, nodes: &[Node]) -> Vec<&Value> {
        nodes.iter().map(|&n| self.value(n)).collect()
    }

    pub fn value(&self, node: Node) -> &Value {
        &self.entries[node.0].value
    }

    pub fn entry(&self, node: Node) -> &Entry {
        &self.entries[node.0]
    }

    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        (0..self.entries.len()).map(Node)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether an adapter changes weights of the model, or would without what-ifs.
    pub const fn has_adapter(&self) -> bool {
        self.has_adapter
    }

    /// What a value was computed from; empty for a leaf.
    pub fn inputs(&self, node: Node) -> &[Node] {
        &self.entry(node).inputs
    }

    /// The operations that use a value: the node of the output, and which of the inputs the value is.
    pub fn uses(&self, node: Node) -> impl Iterator<Item = (Node, usize)> + '_ {
        let later = self.entries.iter().enumerate().skip(node.0 + 1);
        later.flat_map(move |(i, entry)| {
            let is_used =
                move |(input, used): (usize, &Node)| (*used == node).then_some((Node(i), input));
            entry.inputs.iter().enumerate().filter_map(is_used)
        })
    }

    /// Whether the value is a leaf, which is not computed.
    pub fn is_leaf(&self, node: Node) -> bool {
        self.entry(node).operation.is_none()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes all but the first `len` entries, such as a decoder's trial steps.
    pub fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
        self.weights.retain(|_, node| node.0 < len);
        self.blocks.retain(|node, _| node.0 < len);
    }

    /// The arithmetic of one cell of a recorded value, with address and number of every operand.
    pub fn open(&self, node: Node, cell: Cell) -> Arithmetic {
        let entry = self.entry(node);
        let expr = entry.operation.as_ref().map(|operation| {
            let expr = operation.open(&self.values(&entry.inputs), cell);
            expr.map(&mut |leaf| self.operand(entry.inputs[leaf.input], leaf.cell))
        });
        let formula = entry.operation.as_ref().map_or(entry.place.site.caption, |o| o.formula());
        let name = NumberName::Address(entry.place.address(cell));
        Arithmetic { name, value: entry.value.get(cell), formula, expr }
    }

    /// The cell of an input that a cell of a recorded value repeats; None where it is computed.
    pub fn repeated(&self, node: Node, cell: Cell) -> Option<Leaf> {
        let entry = self.entry(node);
        match entry.operation.as_ref()?.open(&self.values(&entry.inputs), cell) {
            Expr::Leaf(leaf) => Some(leaf),
            _ => None,
        }
    }

    fn operand(&self, node: Node, cell: Cell) -> Operand {
        let entry = self.entry(node);
        Operand { address: entry.place.address(cell), value: entry.value.get(cell) }
    }

    /// The gradients of the sum of `seed * value` over the seeds, with respect to each wanted node.
    ///
    /// A wanted node that no seed depends on is absent from the result.
    pub fn backward(&self, seeds: &[(Node, Value)], wanted: &[Node]) -> NodeGradients {
        self.pull(|node| self.value(node), seeds, wanted, &HashSet::new())
    }

    /// The number of multiplications in the matrix products recorded in a scope.
    pub fn products(&self, scope: &str) -> usize {
        let entries = self.entries.iter().filter(|entry| lies_in(&entry.place.path, scope));
        let products = |entry: &Entry| {
            entry.operation.as_ref().map_or(0, |o| o.products(&self.values(&entry.inputs)))
        };
        entries.map(products).sum()
    }

    pub fn shape(&self, node: Node) -> Shape {
        self.value(node).shape()
    }
}

fn accumulate(grads: &mut NodeGradients, node: Node, grad: Value) {
    match grads.get_mut(&node) {
        Some(sum) => sum.add_assign(&grad),
        None => {
            grads.insert(node, grad);
        }
    }
}

/// The cells of a row of one plane with `n` columns.
fn row_of(plane: usize, row: usize, n: usize) -> Vec<Cell> {
    (0..n).map(|col| Cell::new(plane, row, col)).collect()
}

/// The cells of a column of one plane with `n` rows.
fn column_of(plane: usize, n: usize, col: usize) -> Vec<Cell> {
    (0..n).map(|row| Cell::new(plane, row, col)).collect()
}

/// The leaf of a cell of input `i`.
fn leaf(input: usize, plane: usize, row: usize, col: usize) -> Expr<Leaf> {
    Expr::Leaf(Leaf { input, cell: Cell::new(plane, row, col) })
}

/// The terms of the dot product `sum_k a[row_a, k] * b[k, col]`; `pair(k)` gives the two factors.
fn dot(n: usize, pair: impl Fn(usize) -> (Expr<Leaf>, Expr<Leaf>)) -> Vec<Expr<Leaf>> {
    (0..n)
        .map(|k| {
            let (a, b) = pair(k);
            Expr::Product(vec![a, b])
        })
        .collect()
}

/// The multiplications of a product: each number of the left factor is multiplied once for each column of the right
/// one.
const fn n_multiplications(n_left: usize, n_columns: usize) -> usize {
    n_left * n_columns
}
