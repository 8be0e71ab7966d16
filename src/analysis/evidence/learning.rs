//! Steps of learning on one sentence: loss, gradient, update, and the pass after it.
//!
//! The loss is the mean cross-entropy of the target's tokens, as in training, without dropout. A few steps on one
//! sentence are no training: they teach this sentence, and what else they change is not chosen by anyone.

use std::sync::Arc;

use super::{run::Run, score::Score};
use crate::engine::{
    change::Learned,
    tape::{Gradients, Node, Replay},
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

const BETAS: [f64; 2] = [0.9, 0.999];
const EPS: f64 = 1e-8;

/// A learned weight, and the moments of its gradient that Adam keeps.
struct Parameter {
    name: String,
    node: Node,
    value: Value,
    moments: [Vec<Matrix>; 2],
}

/// A model being taught one target.
pub struct Learner {
    run: Run,
    target: Score,
    n: usize,
    parameters: Vec<Parameter>,
    optimizer: Optimizer,
    rate: f32,
    n_steps: i32,
    /// The loss before every step, and after the last.
    pub losses: Vec<f32>,
}

/// How far a weight moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    pub name: String,
    /// The root of the summed squares of the differences.
    pub distance: f32,
    /// The same as a share of the weight's own length.
    pub share: f32,
    /// The row that moved most, and its part of the distance.
    pub row: usize,
    pub row_share: f32,
}

impl Learner {
    /// The target is the words that the run's rows should say: `(row, word)`. The run of a decoder has to be forced to
    /// read the target.
    pub fn new(
        run: Run,
        target: Vec<(usize, u32)>,
        optimizer: Optimizer,
        rate: f32,
    ) -> Option<Self> {
        let tape = run.tape();
        let is_learned =
            |node: &Node| tape.is_leaf(*node) && tape.entry(*node).place.site.name.is_empty();
        let parameter = |node: Node| {
            let value = tape.value(node);
            let zeros =
                || value.planes().iter().map(|p| Matrix::zeros(p.nrows(), p.ncols())).collect();
            Parameter {
                name: tape.entry(node).place.path.clone(),
                node,
                value: Value::from_planes(value.planes().to_vec()),
                moments: [zeros(), zeros()],
            }
        };
        let parameters = tape.nodes().filter(is_learned).map(parameter).collect();
        let n = target.len();
        let target = Score::LogProbability(target);
        let mut learner =
            Self { run, target, n, parameters, optimizer, rate, n_steps: 0, losses: vec![] };
        let loss = learner.loss()?;
        learner.losses.push(loss);
        Some(learner)
    }

    fn replay(&self) -> Replay<'_> {
        let learned = self.parameters.iter().map(|p| (p.node, p.value.clone())).collect();
        self.run.tape().replay(learned, self.run.logits_nodes())
    }

    /// The mean cross-entropy of the target, in nats.
    fn loss(&self) -> Option<f32> {
        let replay = self.replay();
        let sum = self.target.value(|row| self.run.logits(|node| replay.value(node), row))?;
        Some(-sum / self.n as f32)
    }

    /// The gradient of the loss with respect to every weight.
    fn gradients(&self) -> Gradients {
        let replay = self.replay();
        let seeds = self.target.seeds(&self.run, |node| replay.value(node), -1.0 / self.n as f64);
        let wanted: Vec<Node> = self.parameters.iter().map(|p| p.node).collect();
        replay.backward(&seeds, &wanted)
    }

    /// The gradient of the loss with respect to a weight, by name; zero where the loss does not depend on it.
    pub fn gradient(&self, name: &str) -> Option<Value> {
        let parameter = self.parameters.iter().find(|p| p.name == name)?;
        let gradients = self.gradients();
        Some(
            gradients
                .get(&parameter.node)
                .cloned()
                .unwrap_or_else(|| Value::zeros(parameter.value.shape())),
        )
    }

    /// One step: every weight follows its gradient.
    pub fn step(&mut self) -> Option<()> {
        let gradients = self.gradients();
        self.n_steps += 1;
        for parameter in &mut self.parameters {
            let Some(gradient) = gradients.get(&parameter.node) else { continue };
            match self.optimizer {
                Optimizer::Sgd => parameter.descend(gradient, self.rate),
                Optimizer::Adam => parameter.adam(gradient, self.rate, self.n_steps),
            }
        }
        let loss = self.loss()?;
        self.losses.push(loss);
        Some(())
    }

    /// The number of weights that are learned.
    pub fn n_weights(&self) -> usize {
        self.parameters.iter().map(|p| p.value.shape().len()).sum()
    }

    /// The weights as they are now, for a pass with them.
    pub fn learned(&self) -> Arc<Learned> {
        let of = |p: &Parameter| (p.name.clone(), Arc::new(p.value.clone()));
        Arc::new(self.parameters.iter().map(of).collect())
    }

    /// How far every weight has moved, the farthest first.
    pub fn moved(&self) -> Vec<Moved> {
        let mut moved: Vec<Moved> =
            self.parameters.iter().map(|p| p.moved(self.run.tape().value(p.node))).collect();
        moved.sort_by(|a, b| b.distance.total_cmp(&a.distance));
        moved
    }
}

impl Parameter {
    fn descend(&mut self, gradient: &Value, rate: f32) {
        for (w, g) in self.value.planes_mut().iter_mut().zip(gradient.planes()) {
            w.zip_apply(g, |w, g| *w -= rate * g);
        }
    }

    /// `m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w -= rate / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps)`
    fn adam(&mut self, gradient: &Value, rate: f32, t: i32) {
        let [b1, b2] = BETAS;
        let step = f64::from(rate) / (1.0 - b1.powi(t));
        let root = (1.0 - b2.powi(t)).sqrt();
        let [first, second] = &mut self.moments;
        let planes = self.value.planes_mut().iter_mut().zip(gradient.planes());
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

    fn moved(&self, was: &Value) -> Moved {
        let differences = self.value.zip_map(was, |now, was| now - was);
        let rows: Vec<f32> =
            differences.matrix().row_iter().map(|row| row.norm_squared()).collect();
        let (total, length) = (rows.iter().sum::<f32>(), was.matrix().norm());
        let most =
            rows.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0));
        Moved {
            name: self.name.clone(),
            distance: total.sqrt(),
            share: if length > 0.0 { total.sqrt() / length } else { 0.0 },
            row: most.0,
            row_share: if total > 0.0 { most.1 / total } else { 0.0 },
        }
    }
}
