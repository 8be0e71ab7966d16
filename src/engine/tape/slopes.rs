//! The slopes of a loss at the values of a pass, and the sum that each of them is: the chain rule, from the loss back
//! to the weights (Rumelhart, Hinton and Williams 1986, *Learning representations by back-propagating errors*).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{BackwardArgs, Entry, Leaf, Node, NodeGradients, Operation, Replay, Tape};
use crate::engine::{
    arithmetic::{Expr, Operand},
    site::{Address, AddressKind},
    value::{Cell, Value},
};

/// The most cells in a derivative that is written out; a longer one is its number.
const MOST_LEAVES: usize = 200;

/// The most multiplications spent on telling the rows of one operation apart.
const MOST_PRODUCTS: usize = 100_000_000;

/// The slopes of a loss at the values of a pass.
pub struct Slopes {
    /// The slope at each value that is kept; its shape is that of the value.
    gradients: NodeGradients,
    /// The values at which the slopes were taken, where they differ from the tape's.
    values: HashMap<Node, Arc<Value>>,
    /// The nodes whose slopes open: all, or only the weights and what the loss reads.
    open: HashSet<Node>,
}

impl Slopes {
    /// The slopes at the values of a replay. `seeds` are those at the values that the loss reads. Kept are all slopes of
    /// a pass that computes at most `most` numbers, else those of the weights and of the operations that use one.
    pub fn new(replay: Replay, seeds: &[(Node, Value)], weights: &[Node], most: usize) -> Self {
        let tape = replay.tape;
        let learned: HashSet<Node> = weights.iter().copied().collect();
        let computed = || tape.nodes().filter(|node| !tape.is_leaf(*node));
        let keeps_all = computed().map(|node| tape.shape(node).len()).sum::<usize>() <= most;
        let uses_weight = |node: &Node| tape.inputs(*node).iter().any(|n| learned.contains(n));
        let kept: Vec<Node> = tape.nodes().filter(|node| keeps_all || uses_weight(node)).collect();
        let gradients = replay.backward(seeds, &[weights, &kept].concat());
        let mut values = replay.values;
        if !keeps_all {
            let inputs = kept.iter().flat_map(|node| tape.inputs(*node));
            let needed: HashSet<&Node> = inputs.chain(&kept).collect();
            values.retain(|node, _| needed.contains(node));
        }
        let read = seeds.iter().map(|(node, _)| *node);
        let open = if keeps_all {
            kept.into_iter().collect()
        } else {
            learned.into_iter().chain(read).collect()
        };
        Self { gradients, values, open }
    }

    /// The slopes at a value; None if the loss does not depend on it, or they were not kept.
    pub fn get(&self, node: Node) -> Option<&Value> {
        self.gradients.get(&node)
    }

    /// Whether the slopes at a value open, also where they are 0 because the loss does not depend on it.
    pub fn opens(&self, node: Node) -> bool {
        self.open.contains(&node)
    }

    /// The terms of the sum that the slope at a cell is: for every cell of an output that it flows into, the slope there
    /// times the derivative of that cell. Where an operation does not say which cells these are, one number for each
    /// row of its output.
    pub fn terms(&self, tape: &Tape, node: Node, cell: Cell) -> Vec<Expr<Operand>> {
        tape.uses(node)
            .flat_map(|(user, input)| self.through(tape, user, Leaf { input, cell }))
            .collect()
    }

    /// The value at which the slopes of a node were taken.
    pub fn value<'a>(&'a self, tape: &'a Tape, node: Node) -> &'a Value {
        self.values.get(&node).map_or(tape.value(node), |value| value)
    }

    /// The terms through one operation.
    fn through(&self, tape: &Tape, user: Node, of: Leaf) -> Vec<Expr<Operand>> {
        let entry = tape.entry(user);
        let (Some(grad), Some(operation)) = (self.get(user), &entry.operation) else {
            return vec![];
        };
        let inputs: Vec<&Value> = entry.inputs.iter().map(|n| self.value(tape, *n)).collect();
        let Some(cells) = operation.reached(&inputs, of) else {
            let output = self.value(tape, user);
            return by_row(&**operation, &inputs, output, grad, of);
        };
        let operand = |Leaf { input, cell }: Leaf| {
            let Entry { place, .. } = tape.entry(entry.inputs[input]);
            Operand { address: place.address(cell), value: inputs[input].get(cell) }
        };
        let term = |cell: Cell| {
            let derivative = operation.slope(&inputs, cell, of)?.map(&mut { operand });
            let is_long = derivative.leaves().len() > MOST_LEAVES;
            let derivative =
                if is_long { Expr::Number(derivative.eval() as f32) } else { derivative };
            Some(Expr::product(vec![self.slope(entry, user, cell), derivative]))
        };
        cells.into_iter().filter_map(term).collect()
    }

    /// The slope at a cell of an output: an operand if it opens, else a number.
    fn slope(&self, entry: &Entry, node: Node, cell: Cell) -> Expr<Operand> {
        let value = self.get(node).map_or(0.0, |grad| grad.get(cell));
        if !self.opens(node) {
            return Expr::Number(value);
        }
        let address = Address { kind: AddressKind::Gradient, ..entry.place.address(cell) };
        Expr::Leaf(Operand { address, value })
    }
}

/// What reaches a cell of an input through each row of the output, from the operation's backward pass.
fn by_row(
    operation: &dyn Operation,
    inputs: &[&Value],
    output: &Value,
    grad: &Value,
    Leaf { input, cell }: Leaf,
) -> Vec<Expr<Operand>> {
    let n_rows = grad.shape().rows;
    let wanted: Vec<bool> = (0..inputs.len()).map(|i| i == input).collect();
    let through = |grad: &Value| {
        let mut pulled =
            operation.backward(&BackwardArgs { inputs, output, grad, wanted: &wanted });
        let of_input = pulled.get_mut(input).and_then(Option::take);
        Expr::Number(of_input.map_or(0.0, |pulled| pulled.get(cell)))
    };
    if n_rows * operation.products(inputs) > MOST_PRODUCTS {
        return vec![through(grad)];
    }
    let of_row = |row: usize| {
        let mut masked = Value::zeros(grad.shape());
        for (to, from) in masked.planes_mut().iter_mut().zip(grad.planes()) {
            to.row_mut(row).copy_from(&from.row(row));
        }
        through(&masked)
    };
    (0..n_rows).map(of_row).filter(|term| *term != Expr::Number(0.0)).collect()
}
