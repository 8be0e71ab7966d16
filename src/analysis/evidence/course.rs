//! What steps of learning did to a model, for the screen: losses, what moved, what was forgotten, and the next update.

use std::sync::Arc;

use anyhow::Result;

use super::{
    learner::{BeforeAfter, Learner, Moved},
    slopes::LossSlopes,
};
use crate::{
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, NumberOf, Operand},
        site::{Address, AddressKind},
        value::{Cell, Value},
    },
    model::EMBEDDING_TABLE,
    text::Token,
};

/// The rows of the table that are named.
const MOST_ROWS: usize = 8;

/// A row of the embedding that moved.
#[derive(Clone, Debug)]
pub struct MovedRow {
    pub token: Token,
    pub distance: f32,
}

/// What steps of learning did so far, and what the next one would do.
pub struct Course {
    pub n_steps: usize,
    pub rate: f32,
    /// The number of weights that are learned.
    pub n_weights: usize,
    /// What is taught.
    pub target: Vec<Token>,
    /// The output before the first step, with all other changes of the pass.
    pub before: Vec<Token>,
    /// The cross-entropy of every token of the target, in nats.
    pub costs: BeforeAfter<Vec<f32>>,
    /// The mean of the costs before every step, and now.
    pub losses: Vec<f32>,
    /// How far the parts of the model moved, layer by layer, in the order of computation; before the first step, how far
    /// it will move them.
    pub parts: Vec<MovedPart>,
    /// The rows of the embedding that moved most, likewise.
    pub rows: Vec<MovedRow>,
    /// The mean loss on held-out sentences. None for a checkpoint.
    pub held_out: Option<BeforeAfter<f32>>,
    /// The slopes of the loss; a weight without influence has none.
    slopes: Arc<LossSlopes>,
}

/// How far a part of a model moved.
#[derive(Clone, Debug, PartialEq)]
pub struct MovedPart {
    /// `encoder.0`, `embed`
    pub scope: String,
    pub distance: f32,
    /// The weight in it that moved most.
    pub weight: String,
}

impl Course {
    /// The course of a learner; `tokens` names the tokens of ids, `before` is the output before the first step,
    /// `held_out` the loss on held-out sentences.
    pub fn of(
        learner: &Learner,
        tokens: impl Fn(&[u32]) -> Vec<Token>,
        before: Vec<Token>,
        held_out: Option<BeforeAfter<f32>>,
    ) -> Self {
        let rows = learner.moved_rows(EMBEDDING_TABLE, MOST_ROWS);
        let ids: Vec<u32> = rows.iter().map(|(row, _)| *row as u32).collect();
        let moved = tokens(&ids).into_iter().zip(&rows);
        let moved = moved.map(|(token, (_, distance))| MovedRow { token, distance: *distance });
        Self {
            n_steps: learner.n_steps(),
            rate: learner.rate(),
            n_weights: learner.n_weights(),
            target: tokens(&learner.target()),
            before,
            costs: learner.costs.clone(),
            losses: learner.losses.clone(),
            parts: parts(learner),
            rows: moved.collect(),
            held_out,
            slopes: Arc::clone(learner.slopes()),
        }
    }

    /// The loss now.
    pub fn loss(&self) -> f32 {
        self.losses.last().copied().unwrap_or(f32::NAN)
    }

    /// Whether a weight moved; before the first step, whether that will move one.
    pub fn moves(&self) -> bool {
        self.parts.iter().any(|part| part.distance > 0.0)
    }

    /// The slope of the loss with respect to a weight; None if it has no influence.
    pub fn gradient(&self, weight: &str) -> Option<&Value> {
        self.slopes.at(weight)
    }

    /// The cell of a weight with the largest slope; in `row`, if one is given.
    pub fn steepest(&self, weight: &str, row: Option<usize>) -> Option<Cell> {
        let gradient = self.gradient(weight)?;
        let cells = gradient.shape().cells().filter(|cell| row.is_none_or(|row| cell.row == row));
        cells.max_by(|a, b| gradient.get(*a).abs().total_cmp(&gradient.get(*b).abs()))
    }

    /// The sum that a slope of the loss is, by its address: `gradient.embed.weight[12,3]`.
    ///
    /// # Errors
    /// If the pass in which the model learns has no such number, or its slope was not kept.
    pub fn open_slope(&self, address: &Address) -> Result<Arithmetic> {
        self.slopes.open(address)
    }

    /// Whether the decoder reads these words in the pass in which it learns, as far as both go.
    pub fn reads(&self, words: &[Token]) -> bool {
        let read = &self.slopes.run().pass.target;
        read.iter().zip(words).all(|(id, token)| *id == token.id)
    }

    /// What the next step makes of a weight that is `now`: `w - rate * gradient`.
    pub fn update(&self, weight: &str, cell: Cell, now: f32) -> Arithmetic {
        let address =
            Address { kind: AddressKind::Value, path: weight.to_owned(), cell, has_planes: false };
        let slope = self.gradient(weight).map_or(0.0, |gradient| gradient.get(cell));
        let of = Some(NumberOf::Number(address.clone()));
        let name = NumberName::Words { what: "after the next step", of };
        let operand = Operand { address, value: now };
        let gradient = self.gradient(weight).map_or(Expr::Number(0.0), |gradient| {
            let address = LossSlopes::address(weight, cell);
            Expr::Leaf(Operand { address, value: gradient.get(cell) })
        });
        let step = Expr::Product(vec![Expr::Number(self.rate), gradient]);
        Arithmetic {
            name,
            value: now - self.rate * slope,
            formula: "w - rate * gradient",
            expr: Some(Expr::difference(Expr::Leaf(operand), step)),
        }
    }
}

/// A learned weight as what it was before the first step, and what the steps added.
pub fn since_first(given: Arithmetic, was: f32) -> Arithmetic {
    Arithmetic {
        formula: "the weight before learning + what the steps added",
        expr: Some(Expr::Sum(vec![Expr::Number(was), Expr::Number(given.value - was)])),
        ..given
    }
}

/// Distances by parts of the model.
fn parts(learner: &Learner) -> Vec<MovedPart> {
    let mut moved = learner.moved();
    moved.sort_by(|a, b| a.name.cmp(&b.name));
    let of_part = |part: &str| {
        let weights: Vec<&Moved> = moved.iter().filter(|weight| weight.part == part).collect();
        moved_part(part, &weights)
    };
    learner.parts().into_iter().map(of_part).collect()
}

/// How far the weights of a part moved together.
fn moved_part(part: &str, weights: &[&Moved]) -> MovedPart {
    let square = |weight: &Moved| weight.distance * weight.distance;
    // Of weights that moved equally far, the first.
    let farthest = weights.iter().rev().max_by(|a, b| square(a).total_cmp(&square(b)));
    MovedPart {
        scope: part.to_owned(),
        distance: weights.iter().map(|weight| square(weight)).sum::<f32>().sqrt(),
        weight: farthest.map_or_else(String::new, |weight| weight.name.clone()),
    }
}
