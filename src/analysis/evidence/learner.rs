//! Steps of learning on one sentence: loss, gradient, update, and the pass after it.
//!
//! The loss is the mean cross-entropy of the target's tokens, as in training, without dropout. A few steps on one
//! sentence are not training: they teach this sentence, and what else they change is not chosen by anyone.

use std::{collections::BTreeSet, fmt, sync::Arc};

use super::{
    run::Run,
    score::{Score, WordAtRow},
    slopes::LossSlopes,
};
use crate::engine::{
    change::Learned,
    site::lies_in,
    tape::{Node, Tape},
    value::{Matrix, Value},
};

/// The rule by which weights follow the gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimizer {
    /// `w - rate * g`
    #[default]
    Sgd,
    /// Kingma and Ba 2015, with PyTorch's defaults.
    Adam,
}

impl Optimizer {
    /// A rate at which a few steps on one sentence can be seen.
    pub const fn usual_rate(self) -> f32 {
        match self {
            Self::Sgd => 0.005,
            Self::Adam => 0.001,
        }
    }

    /// What the first step adds to a weight with this gradient.
    fn first_step(self, gradient: f32, rate: f32) -> f32 {
        match self {
            Self::Sgd => -rate * gradient,
            // The moments, corrected for their start at 0, are the gradient and its square.
            Self::Adam => {
                let g = f64::from(gradient);
                (-f64::from(rate) * g / (g.abs() + EPS)) as f32
            }
        }
    }
}

const BETAS: [f64; 2] = [0.9, 0.999];
const EPS: f64 = 1e-8;

/// A learned weight, and the moments of its gradient that Adam keeps.
struct Parameter {
    name: String,
    /// See [`Moved::part`].
    part: String,
    node: Node,
    /// Shared with the slopes that were taken at it.
    value: Arc<Value>,
    /// Empty for a rule that keeps none.
    moments: [Vec<Matrix>; 2],
}

/// A model being taught one target.
pub struct Learner {
    run: Arc<Run>,
    target: Arc<[WordAtRow]>,
    parameters: Vec<Parameter>,
    /// The slopes of the loss at the weights as they are now.
    slopes: Arc<LossSlopes>,
    optimizer: Optimizer,
    rate: f32,
    n_steps: i32,
    /// Whether the next step would leave no finite numbers.
    has_diverged: bool,
    /// The loss before every step, and after the last.
    pub losses: Vec<f32>,
    /// The cross-entropy of every word of the target, in nats.
    pub costs: BeforeAfter<Vec<f32>>,
}

/// Something before the first step, and after the last one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeforeAfter<T> {
    pub before: T,
    pub after: T,
}

/// How far a weight moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    pub name: String,
    /// The layer that it belongs to, or what stands outside layers: `encoder.0`, `embed`.
    pub part: String,
    /// The root of the summed squares of the differences.
    pub distance: f32,
    /// The same as a share of the weight's own length.
    pub share: f32,
    /// The row that moved most, and its part of the distance.
    pub row: usize,
    pub row_share: f32,
}

/// Steps that grew until a number was not finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Diverged {
    /// The step after which it was not.
    pub step: usize,
    pub rate: f32,
}

impl fmt::Display for Diverged {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { step, rate } = self;
        write!(
            f,
            "the loss is not finite after step {step}: take a smaller rate than {rate}, or fewer steps"
        )
    }
}

impl std::error::Error for Diverged {}

/// What the weights as they are now make of the target.
struct Outcome {
    loss: f32,
    costs: Vec<f32>,
    slopes: Arc<LossSlopes>,
}

impl Learner {
    /// The target is the words that the run's rows should say. The run of a decoder has to be forced to read the target.
    /// None if the run has no such rows.
    pub fn new(run: Run, target: Vec<WordAtRow>, optimizer: Optimizer, rate: f32) -> Option<Self> {
        let tape = run.tape();
        let is_learned = |node: &Node| tape.is_leaf(*node) && tape.entry(*node).place.is_weight();
        let layers = layers(tape);
        let parameter = |node: Node| {
            let value = tape.value(node);
            let zeros = || match optimizer {
                Optimizer::Sgd => vec![],
                Optimizer::Adam => {
                    value.planes().iter().map(|p| Matrix::zeros(p.nrows(), p.ncols())).collect()
                }
            };
            let name = tape.entry(node).place.path.clone();
            Parameter {
                part: part_of(&name, &layers).to_owned(),
                name,
                node,
                value: Arc::new(Value::from_planes(value.planes().to_vec())),
                moments: [zeros(), zeros()],
            }
        };
        let parameters: Vec<Parameter> = tape.nodes().filter(is_learned).map(parameter).collect();
        let (run, target) = (Arc::new(run), Arc::from(target));
        let Outcome { loss, costs, slopes } = outcome(&run, &target, &parameters)?;
        let costs = BeforeAfter { before: costs.clone(), after: costs };
        Some(Self {
            run,
            target,
            parameters,
            slopes,
            optimizer,
            rate,
            n_steps: 0,
            has_diverged: false,
            losses: vec![loss],
            costs,
        })
    }

    /// The gradient of the loss with respect to a weight, by name; zero where the loss does not depend on it.
    pub fn gradient(&self, name: &str) -> Option<Value> {
        let parameter = self.parameters.iter().find(|p| p.name == name)?;
        let zeros = || Value::zeros(parameter.value.shape());
        Some(self.slopes.get(parameter.node).cloned().unwrap_or_else(zeros))
    }

    /// The slopes of the loss at the weights as they are now, and at what the pass computes.
    pub const fn slopes(&self) -> &Arc<LossSlopes> {
        &self.slopes
    }

    /// One step: every weight follows its gradient.
    ///
    /// # Errors
    /// If the loss or a weight would no longer be finite; the weights stay as they are, and no step follows.
    pub fn step(&mut self) -> Result<(), Diverged> {
        let step = self.n_steps + 1;
        let diverged = Diverged { step: step as usize, rate: self.rate };
        if self.has_diverged {
            return Err(diverged);
        }
        let before: Vec<_> = self.parameters.iter().map(|p| Arc::clone(&p.value)).collect();
        for parameter in &mut self.parameters {
            let Some(gradient) = self.slopes.get(parameter.node) else { continue };
            match self.optimizer {
                Optimizer::Sgd => parameter.descend(gradient, self.rate),
                Optimizer::Adam => parameter.adam(gradient, self.rate, step),
            }
        }
        let outcome = outcome(&self.run, &self.target, &self.parameters);
        let is_finite = self.parameters.iter().all(Parameter::is_finite);
        let Some(outcome) = outcome.filter(|outcome| outcome.loss.is_finite() && is_finite) else {
            self.has_diverged = true;
            self.parameters.iter_mut().zip(before).for_each(|(p, value)| p.value = value);
            return Err(diverged);
        };
        self.n_steps = step;
        self.losses.push(outcome.loss);
        (self.costs.after, self.slopes) = (outcome.costs, outcome.slopes);
        Ok(())
    }

    /// The number of steps taken.
    pub const fn n_steps(&self) -> usize {
        self.n_steps as usize
    }

    pub const fn rate(&self) -> f32 {
        self.rate
    }

    /// The words of the target.
    pub fn target(&self) -> Vec<u32> {
        self.target.iter().map(|at| at.word).collect()
    }

    /// The number of weights that are learned.
    pub fn n_weights(&self) -> usize {
        self.parameters.iter().map(|p| p.value.shape().len()).sum()
    }

    /// The weights as they are now, for a pass with them.
    pub fn learned(&self) -> Arc<Learned> {
        let of = |p: &Parameter| (p.name.clone(), Arc::clone(&p.value));
        Arc::new(self.parameters.iter().map(of).collect())
    }

    /// The parts of the model that learn, in the order of computation.
    pub fn parts(&self) -> Vec<&str> {
        let mut parts = vec![];
        for parameter in &self.parameters {
            if !parts.contains(&&*parameter.part) {
                parts.push(&*parameter.part);
            }
        }
        parts
    }

    /// How far every weight has moved, the farthest first; before the first step, how far that will move it.
    pub fn moved(&self) -> Vec<Moved> {
        let of = |p: &Parameter| Moved::of(p, &self.run, self.difference(p).as_ref());
        let mut moved: Vec<Moved> = self.parameters.iter().map(of).collect();
        moved.sort_by(|a, b| b.distance.total_cmp(&a.distance));
        moved
    }

    /// The rows of a weight that moved most, the farthest first; before the first step, will move most.
    pub fn moved_rows(&self, name: &str, most: usize) -> Vec<(usize, f32)> {
        let parameter = self.parameters.iter().find(|p| p.name == name);
        let Some(difference) = parameter.and_then(|p| self.difference(p)) else { return vec![] };
        let rows = squares_by_row(&difference).into_iter().map(f32::sqrt).enumerate();
        let mut rows: Vec<(usize, f32)> = rows.filter(|row| row.1 > 0.0).collect();
        rows.sort_by(|a, b| b.1.total_cmp(&a.1));
        rows.truncate(most);
        rows
    }

    /// What steps have added to a weight; before the first one, what it will add. None if that is nothing.
    fn difference(&self, parameter: &Parameter) -> Option<Value> {
        if self.n_steps == 0 {
            let gradient = self.slopes.get(parameter.node)?;
            return Some(gradient.map(|g| self.optimizer.first_step(g, self.rate)));
        }
        let was = self.run.tape().value(parameter.node);
        Some(parameter.value.zip_map(was, |now, was| now - was))
    }
}

/// The layers that a pass went through: `encoder.0`.
fn layers(tape: &Tape) -> BTreeSet<&str> {
    tape.nodes().filter_map(|node| tape.entry(node).place.scope.layer_prefix()).collect()
}

/// The layer that holds a weight, or the first name of its path.
fn part_of<'a>(weight: &'a str, layers: &BTreeSet<&'a str>) -> &'a str {
    let layer = layers.iter().copied().find(|layer| lies_in(weight, layer));
    layer.unwrap_or_else(|| weight.split_once('.').map_or(weight, |(first, _)| first))
}

/// The pass with the weights as they are now, forwards and backwards. None if it has no logits for the target.
fn outcome(run: &Arc<Run>, target: &Arc<[WordAtRow]>, parameters: &[Parameter]) -> Option<Outcome> {
    let learned = parameters.iter().map(|p| (p.node, Arc::clone(&p.value))).collect();
    let replay = run.tape().replay(learned, run.logits_nodes());
    let logits = |row: usize| run.logits(|node| replay.value(node), row);
    let log = |words: Vec<WordAtRow>| Score::LogProbability(words).value(logits);
    let cost = |word: &WordAtRow| log(vec![*word]).map(|log| -log);
    let costs = target.iter().map(cost).collect::<Option<Vec<f32>>>()?;
    let loss = -log(target.to_vec())? / target.len() as f32;
    let weights: Vec<Node> = parameters.iter().map(|p| p.node).collect();
    let slopes = Arc::new(LossSlopes::new(run, replay, target, &weights));
    Some(Outcome { loss, costs, slopes })
}

impl Parameter {
    fn is_finite(&self) -> bool {
        self.value.planes().iter().all(|plane| plane.iter().all(|x| x.is_finite()))
    }

    fn descend(&mut self, gradient: &Value, rate: f32) {
        for (w, g) in Arc::make_mut(&mut self.value).planes_mut().iter_mut().zip(gradient.planes())
        {
            w.zip_apply(g, |w, g| *w -= rate * g);
        }
    }

    /// `m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w -= rate / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps)`
    fn adam(&mut self, gradient: &Value, rate: f32, t: i32) {
        let [b1, b2] = BETAS;
        let step = f64::from(rate) / (1.0 - b1.powi(t));
        let root = (1.0 - b2.powi(t)).sqrt();
        let [first, second] = &mut self.moments;
        let planes = Arc::make_mut(&mut self.value).planes_mut().iter_mut().zip(gradient.planes());
        for ((w, g), (m, v)) in planes.zip(first.iter_mut().zip(second)) {
            m.zip_apply(g, |m, g| *m = (b1 * f64::from(*m) + (1.0 - b1) * f64::from(g)) as f32);
            v.zip_apply(g, |v, g| {
                let square = f64::from(g) * f64::from(g);
                *v = (b2 * f64::from(*v) + (1.0 - b2) * square) as f32;
            });
            w.zip_zip_apply(m, v, |w, m, v| {
                let by = f64::from(m) / (f64::from(v).sqrt() / root + EPS);
                *w = (f64::from(*w) - step * by) as f32;
            });
        }
    }
}

impl Moved {
    fn of(parameter: &Parameter, run: &Run, difference: Option<&Value>) -> Self {
        let was = run.tape().value(parameter.node);
        let rows = difference.map_or_else(Vec::new, squares_by_row);
        let (total, length) = (rows.iter().sum::<f32>(), was.matrix().norm());
        let most =
            rows.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0));
        Self {
            name: parameter.name.clone(),
            part: parameter.part.clone(),
            distance: total.sqrt(),
            share: if length > 0.0 { total.sqrt() / length } else { 0.0 },
            row: most.0,
            row_share: if total > 0.0 { most.1 / total } else { 0.0 },
        }
    }
}

/// The summed squares of every row of the first plane, column by column as they lie in memory.
fn squares_by_row(value: &Value) -> Vec<f32> {
    let matrix = value.matrix();
    let mut sums = vec![0.0; matrix.nrows()];
    for column in matrix.column_iter() {
        sums.iter_mut().zip(column.iter()).for_each(|(sum, x)| *sum += x * x);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_belong_to_their_layer() {
        let layers = ["blocks.1", "blocks.11", "encoder.0"].into_iter().collect();
        let weights = ["encoder.0.self_attn.W_Q", "blocks.11.ffn.W_1", "embed.weight", "attn.W"];
        let parts = weights.map(|weight| part_of(weight, &layers));
        assert_eq!(parts, ["encoder.0", "blocks.11", "embed", "attn"]);
    }
}
