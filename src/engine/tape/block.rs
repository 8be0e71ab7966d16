//! Blocks: layers whose inside need not be kept.
//!
//! A large pass keeps only the residual stream between its layers; the inside of a layer is recomputed when it is
//! viewed and when gradients pass through it (Chen et al. 2016, *Training Deep Nets with Sublinear Memory Cost*).
//! Memory grows as layers * rows * d_model instead of layers * heads * rows * rows.

use std::sync::Arc;

use super::{BackwardArgs, Entry, KvNodes, Leaf, Node, Operation, Tape, edited::with_edits};
use crate::engine::{
    arithmetic::Expr,
    change::Changes,
    math::{AttentionOptions, attend, in_pool},
    site::{Place, Scope},
    value::{Cell, Value},
};

/// Which values of a pass stay on its tape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// All values.
    #[default]
    All,
    /// All values, but planes of the steps of attention are computed when they are asked for.
    AllButScores,
    /// Only the inputs and outputs of blocks.
    Boundaries,
}

/// A layer: a function of the tape's values, named by its scope.
pub trait Block: Send + Sync {
    fn scope(&self) -> &Scope;

    /// Blocks of one stack that have the same number record the same sites.
    fn kind(&self) -> usize {
        0
    }

    /// Records the layer's equations; returns its output. The first input is the residual stream.
    fn forward(&self, tape: &mut Tape, inputs: &[Node]) -> Node;
}

/// The recomputed inside of a block: a tape that begins with the block's inputs.
pub struct Inside {
    pub tape: Tape,
    /// What was given to it, on its tape.
    pub inputs: Vec<Node>,
    /// The block's output.
    pub out: Node,
}

impl Tape {
    /// The output of a layer; its first input if the layer is off. The layer's own values are recorded even then: they
    /// are what it would have computed.
    pub fn block(&mut self, block: &Arc<dyn Block>, inputs: &[Node]) -> Node {
        let out = match self.keep {
            Keep::All | Keep::AllButScores => block.forward(self, inputs),
            Keep::Boundaries => self.outside(block, inputs),
        };
        if self.changes.is_layer_off(block.scope().prefix()) { inputs[0] } else { out }
    }

    /// Computes a block and keeps only its output.
    fn outside(&mut self, block: &Arc<dyn Block>, inputs: &[Node]) -> Node {
        let values: Vec<_> = inputs.iter().map(|&input| self.placed(input)).collect();
        let past = self.past.take();
        let tape =
            Self { past, discards_intermediates: true, ..Self::changed(Arc::clone(&self.changes)) };
        let mut inside = in_pool(|| Inside::on(tape, &**block, values));
        self.past = inside.tape.past.take();
        self.has_adapter |= inside.tape.has_adapter;
        let Entry { place, value, .. } = inside.tape.entry(inside.out);
        let operation = Hidden { block: Arc::clone(block), changes: Arc::clone(&self.changes) };
        let node = self.push(Entry {
            place: place.clone(),
            value: Arc::clone(value),
            operation: Some(Box::new(operation)),
            inputs: inputs.to_vec(),
        });
        self.blocks.insert(node, Arc::clone(block));
        node
    }

    /// Whether attention may be computed by the fused kernel: no step between queries and context is kept or changed,
    /// and the tape has no past. `context` is the place of its result.
    pub fn fuses_attention(&self, context: &Place) -> bool {
        self.discards_intermediates && self.n_past() == 0 && !self.changes.change_scores(context)
    }

    /// The context of attention, computed by the fused kernel. q (head, query, d_k), k and v (kv head, key, d_k), bias
    /// (head, query, key) -> (head, query, d_k)
    pub fn fused_attention(
        &mut self,
        place: Place,
        q: Node,
        KvNodes { k, v }: KvNodes,
        bias: Option<Node>,
        how: AttentionOptions,
    ) -> Node {
        let bias = bias.map(|bias| self.value(bias));
        let context = attend(self.value(q), self.value(k), self.value(v), bias, how);
        let edits = self.changes.edits(&place, context.shape());
        let context = if edits.is_empty() { context } else { with_edits(&context, &edits) };
        self.leaf(place, Arc::new(context))
    }

    /// The value of a node as it can be put on another tape.
    pub fn placed(&self, node: Node) -> PlacedValue {
        let entry = self.entry(node);
        PlacedValue { place: entry.place.clone(), value: Arc::clone(&entry.value) }
    }

    /// The blocks whose inside was not kept, in the order of computation.
    pub fn hidden(&self) -> Vec<(Node, &Scope)> {
        let mut hidden: Vec<_> =
            self.blocks.iter().map(|(&node, block)| (node, block.scope())).collect();
        hidden.sort_unstable_by_key(|(node, _)| *node);
        hidden
    }

    /// The kind of a block whose inside was not kept.
    pub fn kind_of_block(&self, node: Node) -> Option<usize> {
        self.blocks.get(&node).map(|block| block.kind())
    }

    /// The recomputed inside of a block; None if the entry is not the output of a block whose inside was discarded.
    pub fn inside(&self, node: Node) -> Option<Inside> {
        let block = self.blocks.get(&node)?;
        let values = self.entry(node).inputs.iter().map(|&input| self.placed(input)).collect();
        Some(Inside::on(Self::changed(Arc::clone(&self.changes)), &**block, values))
    }
}

impl Inside {
    fn on(tape: Tape, block: &dyn Block, values: Vec<PlacedValue>) -> Self {
        let mut tape = tape.keeping(Keep::AllButScores);
        let inputs: Vec<Node> = values
            .into_iter()
            .map(|PlacedValue { place, value }| tape.leaf(place, value))
            .collect();
        let out = block.forward(&mut tape, &inputs);
        Self { tape, inputs, out }
    }
}

/// A value with the place that it has in a pass.
pub struct PlacedValue {
    pub place: Place,
    pub value: Arc<Value>,
}

/// A whole block recorded as one operation.
struct Hidden {
    block: Arc<dyn Block>,
    changes: Arc<Changes>,
}

impl Hidden {
    fn inside(&self, inputs: &[&Value]) -> Inside {
        let value = |value: &&Value| PlacedValue {
            place: Place::weight(""),
            value: Arc::new((*value).clone()),
        };
        let tape = Tape::changed(Arc::clone(&self.changes));
        Inside::on(tape, &*self.block, inputs.iter().map(value).collect())
    }
}

impl Operation for Hidden {
    fn formula(&self) -> &'static str {
        "a whole layer, computed again when it is opened"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let inside = self.inside(inputs);
        inside.tape.value(inside.out).clone()
    }

    /// The residual stream alone: a trace opens the layer instead.
    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        Expr::Leaf(Leaf { input: 0, cell })
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        self.inside(inputs).tape.products(self.block.scope().prefix())
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let Inside { tape, inputs, out } = self.inside(pull.inputs);
        let mut grads = tape.backward(&[(out, pull.grad.clone())], &inputs);
        let wanted = inputs.iter().zip(pull.wanted);
        wanted.map(|(node, is_wanted)| grads.remove(node).filter(|_| *is_wanted)).collect()
    }
}
