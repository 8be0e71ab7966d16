//! What steps of learning did to a model, for the screen: losses, what moved, what was forgotten, and the next update.

use std::{collections::BTreeMap, fmt, sync::Arc};

use anyhow::Result;

use super::{
    learning::{Learner, Moved},
    slopes::LossSlopes,
};
use crate::{
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, Operand},
        site::{Address, AddressKind},
        value::{Cell, Value},
    },
    model::EMBEDDING_TABLE,
    text::Token,
};

/// The rows of the table that are named.
const MOST_ROWS: usize = 8;

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
    /// The cross-entropy of every token of the target before the first step, and now, in nats.
    pub costs: [Vec<f32>; 2],
    /// The mean of the costs before every step, and now.
    pub losses: Vec<f32>,
    /// How far the parts of the model moved, layer by layer, in the order of computation; before the first step, how far
    /// it will move them.
    pub parts: Vec<MovedPart>,
    /// The rows of the embedding that moved most, likewise, by token.
    pub rows: Vec<(Token, f32)>,
    /// The mean loss on sentences that are kept for this, before the first step and now. None for a checkpoint.
    pub kept: Option<[f32; 2]>,
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
    /// The course of a learner; `tokens` names the tokens of ids, `before` is the output before the first step, `kept` the
    /// loss on kept sentences.
    pub fn of(
        learner: &Learner,
        tokens: impl Fn(&[u32]) -> Vec<Token>,
        before: Vec<Token>,
        kept: Option<[f32; 2]>,
    ) -> Self {
        let rows = learner.moved_rows(EMBEDDING_TABLE, MOST_ROWS);
        let ids: Vec<u32> = rows.iter().map(|(row, _)| *row as u32).collect();
        Self {
            n_steps: learner.n_steps(),
            rate: learner.rate(),
            n_weights: learner.n_weights(),
            target: tokens(&learner.target()),
            before,
            costs: learner.costs.clone(),
            losses: learner.losses.clone(),
            parts: parts(learner),
            rows: tokens(&ids).into_iter().zip(rows.iter().map(|(_, far)| *far)).collect(),
            kept,
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
        let name = NumberName::Words { what: "after the next step", of: Some(address.to_string()) };
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
    let mut by_part: BTreeMap<ModelPart, Vec<&Moved>> = BTreeMap::new();
    for weight in &moved {
        by_part.entry(ModelPart::of_weight(&weight.name)).or_default().push(weight);
    }
    let mut by_part: Vec<(ModelPart, Vec<&Moved>)> = by_part.into_iter().collect();
    by_part.sort_by_key(|(part, _)| part.rank());
    by_part.into_iter().map(|(part, weights)| moved_part(part, &weights)).collect()
}

/// How far the weights of a part moved together.
fn moved_part(part: ModelPart, weights: &[&Moved]) -> MovedPart {
    let square = |weight: &Moved| weight.distance * weight.distance;
    // Of weights that moved equally far, the first.
    let farthest = weights.iter().rev().max_by(|a, b| square(a).total_cmp(&square(b)));
    MovedPart {
        scope: part.to_string(),
        distance: weights.iter().map(|weight| square(weight)).sum::<f32>().sqrt(),
        weight: farthest.map_or_else(String::new, |weight| weight.name.clone()),
    }
}

/// A layer, or what stands outside layers, as the names of its weights begin: `encoder.0`, `embed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ModelPart<'a> {
    /// `encoder`, `embed`
    name: &'a str,
    /// The layer of the stack that `name` is.
    layer: Option<usize>,
}

impl<'a> ModelPart<'a> {
    /// `encoder.0` of `encoder.0.self_attn.W_Q`, `embed` of `embed.weight`. All that is known of a weight is its name.
    fn of_weight(name: &'a str) -> Self {
        let mut names = name.split('.');
        let name = names.next().unwrap_or_default();
        Self { name, layer: names.next().and_then(|layer| layer.parse().ok()) }
    }

    /// The embedding first, then the encoder before what follows it, then by layer.
    fn rank(self) -> (usize, usize) {
        let places = ["embed", "tokens", "src", "encoder", "blocks", "decoder"];
        let place = places.iter().position(|known| *known == self.name).unwrap_or(places.len());
        (place, self.layer.unwrap_or(0))
    }
}

impl fmt::Display for ModelPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer {
            Some(layer) => write!(f, "{}.{layer}", self.name),
            None => f.write_str(self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_belong_to_their_layer() {
        let scopes = ["encoder.0.self_attn.W_Q", "blocks.11.ffn.W_1", "embed.weight", "attn.W"];
        let scope_of = |name| ModelPart::of_weight(name).to_string();
        let rank = |scope| ModelPart::of_weight(scope).rank();
        assert_eq!(scopes.map(scope_of), ["encoder.0", "blocks.11", "embed", "attn"]);
        assert!(rank("embed") < rank("encoder.0") && rank("encoder.1") < rank("decoder.0"));
        assert!(rank("blocks.2") < rank("blocks.10") && rank("decoder.1") < rank("final_norm"));
    }
}
