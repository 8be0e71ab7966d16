//! The norms that stand between a part and the end of the residual stream: those on the stream of a post-norm model, and
//! those after a sub-layer itself. With its scale held fixed, as in attribution, each is linear.

use std::collections::HashSet;

use crate::{
    analysis::evidence::{attribution::constants, run::Run},
    engine::{
        site::{Role, lies_in, path_in},
        tape::Node,
        value::Value,
    },
    model::{
        bert::MASKED_WORDS,
        layer::norm::{MEAN, NORMALIZED, OUT},
    },
};

/// The norms of a run's layers that a part of the logits can go through.
pub(super) struct DirectNorms<'a> {
    run: &'a Run,
    /// What leads to the logits otherwise than through another part or the scale of a norm.
    direct: HashSet<Node>,
    /// In the order of computation.
    norms: Vec<DirectNorm>,
}

impl<'a> DirectNorms<'a> {
    /// The norms with their scales in a row of the stream; with those after all layers if `takes_last`, which else belong
    /// to the unembedding.
    pub(super) fn of(run: &'a Run, row: usize, takes_last: bool) -> Self {
        let direct = direct(run);
        let norms = run.with_role(Role::NormScale).filter(|scale| {
            let is_before_end = match scale.scope.layer_index() {
                Some(_) => true,
                None => takes_last && !is_of_head(&scale.path),
            };
            let out = run.node(&path_in(scale.scope.prefix(), OUT.name));
            is_before_end && out.is_some_and(|out| direct.contains(&out))
        });
        let norms = norms.filter_map(|scale| DirectNorm::of(run, &scale.path, row)).collect();
        Self { run, direct, norms }
    }

    /// What is added to the stream at a node, as it is at the stream's end.
    pub(super) fn through(&self, from: Node, direction: Vec<f32>) -> Vec<f32> {
        let tape = self.run.tape();
        let mut reached = HashSet::from([from]);
        for node in tape.nodes().filter(|node| self.direct.contains(node)) {
            if tape.inputs(node).iter().any(|input| reached.contains(input)) {
                reached.insert(node);
            }
        }
        let on_the_way = self.norms.iter().filter(|norm| reached.contains(&norm.input));
        on_the_way.fold(direction, |direction, norm| norm.of_direction(direction))
    }
}

/// Whether a site is one of a head for masked words, not of what comes before it.
pub(super) fn is_of_head(path: &str) -> bool {
    lies_in(path, MASKED_WORDS)
}

/// What leads to the logits of a run otherwise than through a part or the scale of a norm.
fn direct(run: &Run) -> HashSet<Node> {
    let constants = constants(run);
    let mut direct: HashSet<Node> = run.logits_nodes().iter().copied().collect();
    let nodes: Vec<Node> = run.tape().nodes().collect();
    for node in nodes.into_iter().rev() {
        if direct.contains(&node) {
            let inputs = run.tape().inputs(node).iter();
            direct.extend(inputs.filter(|input| !constants.contains(input)));
        }
    }
    direct
}

/// A norm as what it does to a direction in one row.
pub(super) struct DirectNorm {
    /// What it normalises.
    input: Node,
    takes_mean: bool,
    /// By channel: the gain over the scale.
    factors: Vec<f32>,
}

impl DirectNorm {
    /// The norm whose scale has this path. None where it has no such row.
    pub(super) fn of(run: &Run, scale: &str, row: usize) -> Option<Self> {
        let tape = run.tape();
        let scale = run.node(scale)?;
        let prefix = tape.entry(scale).place.scope.prefix();
        let (normalized, local) = run.row(&path_in(prefix, NORMALIZED.name), row)?;
        let out = run.node(&path_in(prefix, OUT.name))?;
        let mut seed = Value::zeros(tape.shape(out));
        seed.planes_mut()[0].row_mut(local).fill(1.0);
        let gains = tape.backward(&[(out, seed)], &[normalized]).get(&normalized)?.row(0, local);
        let input = *tape.inputs(scale).first()?;
        let takes_mean = run.node(&path_in(prefix, MEAN.name)).is_some();
        let before = centred(tape.value(input).row(0, local), takes_mean);
        let per_scale = length(&tape.value(normalized).row(0, local)) / length(&before);
        let per_scale = if per_scale.is_finite() { per_scale } else { 0.0 };
        let factors = gains.into_iter().map(|gain| gain * per_scale).collect();
        Some(Self { input, takes_mean, factors })
    }

    /// The direction behind the norm.
    pub(super) fn of_direction(&self, direction: Vec<f32>) -> Vec<f32> {
        let centred = centred(direction, self.takes_mean);
        centred.into_iter().zip(&self.factors).map(|(x, factor)| x * factor).collect()
    }
}

/// The numbers less their mean, where that is taken away.
fn centred(numbers: Vec<f32>, takes_mean: bool) -> Vec<f32> {
    if !takes_mean {
        return numbers;
    }
    let mean = numbers.iter().sum::<f32>() / numbers.len() as f32;
    numbers.into_iter().map(|x| x - mean).collect()
}

fn length(numbers: &[f32]) -> f32 {
    numbers.iter().map(|x| x * x).sum::<f32>().sqrt()
}
