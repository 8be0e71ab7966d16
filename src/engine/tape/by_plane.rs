//! Operations that compute each plane of their output alone, such as the steps of attention, head by head.
//!
//! Of a long text their values are not recorded whole: a plane is computed when it is asked for.

use std::sync::Arc;

use rayon::prelude::*;

use crate::engine::{
    math::least_tasks,
    value::{Deferred, Matrix, Shape, Value},
};

/// An operation that computes each plane of its output alone.
pub trait ByPlane: Send + Sync {
    /// The shape of the output: by default that of the first input.
    fn shape(&self, inputs: &[&Value]) -> Shape {
        inputs[0].shape()
    }

    /// One plane of the output, from the planes of the inputs that it takes. -> (row, col)
    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix;

    /// The number of arithmetic operations for all planes, about.
    fn n_operations(&self, inputs: &[&Value]) -> usize {
        16 * self.shape(inputs).len()
    }
}

/// All planes of the output, on all cores if they are large.
pub fn all_planes(operation: &dyn ByPlane, inputs: &[&Value]) -> Value {
    let n = operation.shape(inputs).planes;
    let plane = |p| operation.plane(inputs, p);
    let is_small = least_tasks(n, operation.n_operations(inputs)) >= n;
    let planes = if is_small {
        (0..n).map(plane).collect()
    } else {
        (0..n).into_par_iter().map(plane).collect()
    };
    Value::from_planes(planes)
}

/// The output, whose planes are computed when they are asked for.
pub fn deferred(operation: Arc<dyn ByPlane>, inputs: Vec<Arc<Value>>) -> Value {
    let shape = operation.shape(&borrowed(&inputs));
    let compute = move |plane| operation.plane(&borrowed(&inputs), plane);
    Value::deferred(Deferred::new(shape, compute))
}

fn borrowed(values: &[Arc<Value>]) -> Vec<&Value> {
    values.iter().map(|value| &**value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{
        site::{
            Axis::{Channel, Head, Key, Query},
            Scope, Site, Stream,
        },
        tape::{Keep, Node, Root, Tape},
    };

    static SQUARE: Site = Site::planes("square", [Head, Query, Key], "");
    static CONTEXT: Site = Site::planes("context", [Head, Query, Channel], "");

    /// The steps of attention with two heads of keys for four of queries, and its context.
    fn attended(mut tape: Tape) -> (Tape, Vec<Node>, Node) {
        let scope = Scope::new("attn", Stream::Source, Stream::Source);
        let part = |heads: usize, seed: usize| {
            let number = |h, i, j| ((h * 31 + i * 7 + j * 3 + seed) % 11) as f32 * 0.3 - 1.4;
            let plane = |h| Matrix::from_fn(9, 5, |i, j| number(h, i, j));
            Arc::new(Value::from_planes((0..heads).map(plane).collect()))
        };
        let [q, k, v] =
            [part(4, 0), part(2, 5), part(2, 8)].map(|x| tape.leaf(scope.at(&CONTEXT), x));
        let at = || scope.at(&SQUARE);
        let scores = tape.matmul_nt(at(), q, k);
        let scaled = tape.divide_by_root(at(), scores, Root { n: 5, times: 1 });
        let capped = tape.soft_cap(at(), scaled, 2.0);
        let slopes = [0.5, 0.25, 0.125, 0.0625].into();
        let bias = tape.distance_bias(at(), &slopes, tape.shape(capped));
        let biased = tape.add(at(), capped, bias);
        let masked = tape.causal_mask(at(), biased, Some(6));
        let weights = tape.softmax(at(), masked);
        let context = tape.matmul(scope.at(&CONTEXT), weights, v);
        (tape, vec![scores, scaled, capped, bias, biased, masked, weights], context)
    }

    #[test]
    fn steps_of_attention_are_the_same_to_the_bit_whether_recorded_or_computed_when_asked_for() {
        let (recorded, steps, context) = attended(Tape::default());
        let (deferring, ..) = attended(Tape::default().keeping(Keep::AllButScores));
        let bits = |value: &Value| value.numbers().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(deferring.value(context)), bits(recorded.value(context)));
        assert!(!deferring.value(context).is_deferred());
        for step in steps.into_iter().rev() {
            let (now, was) = (deferring.value(step), recorded.value(step));
            assert!(now.is_deferred() && !was.is_deferred());
            assert_eq!(now.shape(), was.shape());
            assert_eq!(bits(now), bits(was));
            assert_eq!(now.row(3, 8), was.row(3, 8));
            assert_eq!(now, was, "all planes at once");
        }
    }
}
