//! The slopes of the loss at every number of the pass in which a model learns, each opened into the sum that it is: a
//! weight's gradient, and the slopes in that sum, back to the logits and the loss (Rumelhart, Hinton and Williams 1986).

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use super::{
    run::Run,
    score::{Score, WordAtRow},
};
use crate::{
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, Operand},
        math::log_softmax,
        site::{Address, AddressKind},
        tape::{Node, Replay, Slopes},
        value::{Cell, Value},
    },
    model::{LOGITS, PROBS},
    text::shown,
};

/// The most numbers that a pass may compute for the slopes of all of them to be kept.
const MOST_NUMBERS: usize = 20_000_000;

/// The slopes of the loss, which is the mean cross-entropy of a target's words.
pub struct LossSlopes {
    run: Arc<Run>,
    target: Arc<[WordAtRow]>,
    slopes: Slopes,
}

impl LossSlopes {
    /// The slopes at the values of a replay of the run, with respect to all that it computes and to these weights.
    pub fn new(
        run: &Arc<Run>,
        replay: Replay,
        target: &Arc<[WordAtRow]>,
        weights: &[Node],
    ) -> Self {
        let score = Score::LogProbability(target.to_vec());
        let seeds = score.seeds(run, |node| replay.value(node), -1.0 / target.len() as f64);
        let slopes = Slopes::new(replay, &seeds, weights, MOST_NUMBERS);
        Self { run: Arc::clone(run), target: Arc::clone(target), slopes }
    }

    /// The pass in which the model learns.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The slope at a value of the run; None if the loss does not depend on it, or it was not kept.
    pub fn get(&self, node: Node) -> Option<&Value> {
        self.slopes.get(node)
    }

    /// The slope at a value that is recorded at once, such as a weight, by path.
    pub fn at(&self, path: &str) -> Option<&Value> {
        self.get(self.run.node(path)?)
    }

    /// The address of the slope at a cell of a weight.
    pub fn address(weight: &str, cell: Cell) -> Address {
        Address { kind: AddressKind::Gradient, path: weight.to_owned(), cell, has_planes: false }
    }

    /// The sum that a slope is: `gradient.encoder.0.ffn.W_1[3,5]`. At the logits it is `(p - [is target]) / n`.
    ///
    /// # Errors
    /// If the pass has no such number, or its slope was not kept.
    pub fn open(&self, address: &Address) -> Result<Arithmetic> {
        let (node, cell) = self.find(address)?;
        let place = &self.run.tape().entry(node).place;
        let slope = self.slopes.get(node).map(|slope| slope.get(cell));
        ensure!(
            self.slopes.opens(node),
            "`{address}` does not open: of a pass of more than {} million numbers only the slopes of weights are kept",
            MOST_NUMBERS / 1_000_000
        );
        let (formula, expr) = match slope {
            None => ("0: the loss does not depend on it", Expr::Number(0.0)),
            Some(_) if place.path == LOGITS.name => {
                ("(p - [is the target]) / n", self.at_logits(node, cell))
            }
            Some(_) => {
                let terms = self.slopes.terms(self.run.tape(), node, cell);
                let sum = if terms.is_empty() { Expr::Number(0.0) } else { Expr::Sum(terms) };
                ("sum over the uses y of x: slope[y] * dy/dx", sum)
            }
        };
        let value = slope.unwrap_or(0.0);
        let name = NumberName::Address(address.clone());
        Ok(Arithmetic { name, value, formula, expr: Some(expr) })
    }

    /// The node that holds the number of which an address is the slope, and the cell in it.
    fn find(&self, address: &Address) -> Result<(Node, Cell)> {
        let tape = self.run.tape();
        let nodes = self.run.nodes(&address.path);
        let first = nodes.first().with_context(|| {
            format!("the pass in which the model learns has no `{}`", shown(&address.path))
        })?;
        let place = &tape.entry(*first).place;
        let local = |node: &Node| {
            let local = address.cell.counted_from(tape.entry(*node).place.origin)?;
            tape.shape(*node).holds(local).then_some((*node, local))
        };
        let found = nodes.iter().find_map(local);
        found.filter(|_| address.has_planes == place.has_planes()).with_context(|| {
            let first = Address { kind: address.kind, ..place.address(Cell::default()) };
            format!("`{address}` is not a cell of the pass in which the model learns; its first is {first}")
        })
    }

    /// The slope at a logit, over the words of the target that are read from its row: `(p - 1) / n` for the word itself,
    /// `p / n` for every other; p is what softmax makes of the logit.
    fn at_logits(&self, node: Node, cell: Cell) -> Expr<Operand> {
        let tape = self.run.tape();
        let at = tape.entry(node).place.address(cell);
        let words = self.target.iter().filter(|word| word.row == at.cell.row);
        let (n_words, n) = (words.clone().count(), self.target.len() as f32);
        let n_hits = words.filter(|at| at.word as usize == cell.col).count();
        if n_words == 0 {
            return Expr::Number(0.0);
        }
        let logits = self.slopes.value(tape, node).row(cell.plane, cell.row);
        let p = log_softmax(&logits, 1.0)[cell.col].exp();
        let p = if self.run.nodes(PROBS.name).is_empty() {
            Expr::Number(p as f32)
        } else {
            let address = Address { path: PROBS.name.to_owned(), ..at };
            Expr::Leaf(Operand { address, value: p as f32 })
        };
        let of_all = Expr::product(vec![Expr::Number(n_words as f32), p]);
        let above = match n_hits {
            0 => of_all,
            hits => Expr::difference(of_all, Expr::Number(hits as f32)),
        };
        Expr::quotient(above, Expr::Number(n))
    }
}
