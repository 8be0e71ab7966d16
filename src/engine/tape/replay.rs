//! A recorded pass computed again with some values replaced, and gradients through it.
//!
//! Only what depends on a replaced value is computed again; the rest is the tape's. Activation patching replaces a
//! value by that of another pass (Vig et al. 2020; Meng et al. 2022), integrated gradients replace the embedding by a
//! fraction of it, and a step of learning replaces weights. No model takes part: the record is enough.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{BackwardArgs, Node, NodeGradients, Tape, accumulate};
use crate::engine::value::Value;

/// A recorded pass with other values.
pub struct Replay<'a> {
    pub(super) tape: &'a Tape,
    /// The values that differ from the tape's.
    pub(super) values: HashMap<Node, Arc<Value>>,
}

impl Tape {
    /// The pass with these values replaced, as far as `wanted` depends on it; other values stay as they were.
    pub fn replay<V: Into<Arc<Value>>>(
        &self,
        replaced: Vec<(Node, V)>,
        wanted: &[Node],
    ) -> Replay<'_> {
        let leads = self.leading_to(wanted);
        let replaced = replaced.into_iter().map(|(node, value)| (node, value.into()));
        let mut values: HashMap<Node, Arc<Value>> = replaced.collect();
        for (i, entry) in self.entries[..leads.len()].iter().enumerate() {
            let node = Node(i);
            let Some(operation) = entry.operation.as_ref().filter(|_| leads[i]) else { continue };
            let is_known = values.contains_key(&node);
            if is_known || !entry.inputs.iter().any(|input| values.contains_key(input)) {
                continue;
            }
            let inputs =
                entry.inputs.iter().map(|n| values.get(n).map_or(self.value(*n), |value| value));
            let value = operation.forward(&inputs.collect::<Vec<_>>());
            values.insert(node, Arc::new(value));
        }
        Replay { tape: self, values }
    }

    /// For every entry up to the last wanted one, whether a wanted one depends on it.
    fn leading_to(&self, wanted: &[Node]) -> Vec<bool> {
        let mut leads = vec![false; wanted.iter().map(|node| node.0 + 1).max().unwrap_or(0)];
        for node in wanted {
            leads[node.0] = true;
        }
        for i in (0..leads.len()).rev() {
            if leads[i] {
                self.entries[i].inputs.iter().for_each(|input| leads[input.0] = true);
            }
        }
        leads
    }

    /// As [`Self::backward`], with what stands in `constants` taken as constant: nothing flows back through it. A
    /// wanted constant has the gradient that arrives at it.
    pub fn backward_to(
        &self,
        seeds: &[(Node, Value)],
        wanted: &[Node],
        constants: &HashSet<Node>,
    ) -> NodeGradients {
        self.pull(|node| self.value(node), seeds, wanted, constants)
    }

    /// Reverse mode: one pass from the last entry to the first, through entries that depend on a wanted node.
    pub(super) fn pull<'a>(
        &'a self,
        value: impl Fn(Node) -> &'a Value,
        seeds: &[(Node, Value)],
        wanted: &[Node],
        constants: &HashSet<Node>,
    ) -> NodeGradients {
        let wanted: HashSet<Node> = wanted.iter().copied().collect();
        let leads = self.depends_on_wanted(&wanted, constants);
        let mut grads: NodeGradients = HashMap::new();
        for (node, seed) in seeds {
            accumulate(&mut grads, *node, seed.clone());
        }
        for i in (0..self.len()).rev() {
            let (node, entry) = (Node(i), &self.entries[i]);
            let Some(operation) = entry.operation.as_ref().filter(|_| leads[i]) else { continue };
            let asked: Vec<bool> = entry.inputs.iter().map(|n| leads[n.0]).collect();
            if constants.contains(&node) || !asked.contains(&true) {
                continue;
            }
            let is_wanted = wanted.contains(&node);
            let kept = if is_wanted { grads.get(&node).cloned() } else { grads.remove(&node) };
            let Some(grad) = kept else { continue };
            let inputs: Vec<&Value> = entry.inputs.iter().map(|&n| value(n)).collect();
            let args =
                BackwardArgs { inputs: &inputs, output: value(node), grad: &grad, wanted: &asked };
            for (input, grad) in entry.inputs.iter().zip(operation.backward(&args)) {
                if let (Some(grad), true) = (grad, leads[input.0]) {
                    accumulate(&mut grads, *input, grad);
                }
            }
        }
        grads.retain(|node, _| wanted.contains(node));
        grads
    }

    /// For every entry, whether it is wanted or depends on a wanted one otherwise than through a constant.
    fn depends_on_wanted(&self, wanted: &HashSet<Node>, constants: &HashSet<Node>) -> Vec<bool> {
        let mut leads = vec![false; self.len()];
        for (i, entry) in self.entries.iter().enumerate() {
            let node = Node(i);
            let passes_on = !constants.contains(&node) && entry.inputs.iter().any(|n| leads[n.0]);
            leads[i] = wanted.contains(&node) || passes_on;
        }
        leads
    }
}

impl Replay<'_> {
    /// A value of the replay; of the tape where nothing replaced has an effect.
    pub fn value(&self, node: Node) -> &Value {
        self.values.get(&node).map_or(self.tape.value(node), |value| value)
    }

    /// As [`Tape::backward`], at the replayed values.
    pub fn backward(&self, seeds: &[(Node, Value)], wanted: &[Node]) -> NodeGradients {
        self.tape.pull(|node| self.value(node), seeds, wanted, &HashSet::new())
    }
}
