//! The gated delta rule (Yang, Kautz and Hatamizadeh 2024, *Gated Delta Networks*, eq. 10): a state that maps keys to
//! values, of which each word keeps a share and in which it puts its value in the place of what its key finds there.
//!
//! A head's state is a matrix (value channel, key channel), kept as one row, value channel by value channel. Several
//! heads may share queries and keys.

use std::sync::Arc;

use super::{BackwardArgs, Leaf, Node, Operation, Tape, dot, leaf};
use crate::engine::{
    arithmetic::Expr,
    math::{DeltaInputs, Sharing, delta_rule},
    site::Place,
    value::{Cell, Matrix, Value},
};

/// What a step of the rule is made from.
#[derive(Clone, Copy, Debug)]
pub struct DeltaNodes {
    /// The share of the state that is kept. (position, head)
    pub decay: Node,
    /// How far what the key finds is replaced. (position, head)
    pub beta: Node,
    /// (key head, position, key channel)
    pub k: Node,
    /// (head, position, value channel)
    pub v: Node,
    pub sharing: Sharing,
}

impl Tape {
    /// What the key of row `t` finds in what is kept of the state: `decay * S k`. before (head, 1, value*key), none at
    /// first -> (head, 1, value)
    pub fn recall_state(
        &mut self,
        place: Place,
        from: DeltaNodes,
        before: Option<Node>,
        t: usize,
    ) -> Node {
        let mut inputs = vec![from.decay, from.k, from.v];
        inputs.extend(before);
        self.record(place, Recall { t, sharing: from.sharing }, inputs)
    }

    /// What is to be added to what the key of row `t` finds: `beta * (v - recalled)`. recalled (head, 1, value) -> (head,
    /// 1, value)
    pub fn correction(&mut self, place: Place, from: DeltaNodes, recalled: Node, t: usize) -> Node {
        self.record(place, Correct { t }, vec![from.beta, from.v, recalled])
    }

    /// The state after row `t`: `decay * before + correction k`. correction (head, 1, value), before (head, 1, value*key),
    /// none at first -> (head, 1, value*key)
    pub fn delta_step(
        &mut self,
        place: Place,
        from: DeltaNodes,
        correction: Node,
        before: Option<Node>,
        t: usize,
    ) -> Node {
        let mut inputs = vec![from.decay, from.k, correction];
        inputs.extend(before);
        self.record(place, DeltaStep { t, sharing: from.sharing }, inputs)
    }

    /// Rows one below the other. (head, 1, col) each -> (head, row, col)
    pub fn stack_rows(&mut self, place: Place, rows: Vec<Node>) -> Node {
        self.record(place, StackRows, rows)
    }

    /// What every row reads by one kernel, and the last state held under a name for the rows to come. None if the states
    /// are kept or the pass is changed: the steps are then recorded one by one. q (key head, position, key channel) ->
    /// (head, position, value channel)
    pub fn delta_rule(
        &mut self,
        place: Place,
        name: &str,
        from: DeltaNodes,
        q: Node,
    ) -> Option<Node> {
        if !self.discards_intermediates || !self.changes.is_empty() {
            return None;
        }
        let before = self.held(name);
        let inputs = DeltaInputs {
            decay: self.value(from.decay).matrix(),
            beta: self.value(from.beta).matrix(),
            q: self.value(q),
            k: self.value(from.k),
            v: self.value(from.v),
            sharing: from.sharing,
        };
        let (out, state) = delta_rule(inputs, before.map(|before| self.value(before)));
        self.hold(name, |_| state);
        let row = place.origin.row + self.n_past();
        Some(self.leaf(place.row(row), Arc::new(out)))
    }
}

struct Recall {
    t: usize,
    sharing: Sharing,
}

/// The state before, after the inputs of a step that has one.
const BEFORE: usize = 3;

impl Operation for Recall {
    fn formula(&self) -> &'static str {
        "decay[t,h] * sum_n state[h,t-1,(p,n)]*k[g,t,n]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (decay, k, v) = (inputs[0].matrix(), inputs[1], inputs[2].shape());
        let head = |h: usize| {
            let Some(before) = inputs.get(BEFORE) else { return Matrix::zeros(1, v.cols) };
            let k = k.plane(self.sharing.key_head(h, k.shape().planes, v.planes)).row(self.t);
            let rows = before.plane(h).as_slice().chunks_exact(k.len());
            let found = |row: &[f32]| row.iter().zip(k.iter()).map(|(s, k)| s * k).sum::<f32>();
            let found: Vec<f32> = rows.map(|row| decay[(self.t, h)] * found(row)).collect();
            Matrix::from_row_slice(1, found.len(), &found)
        };
        Value::from_planes((0..v.planes).map(head).collect())
    }

    fn open(&self, inputs: &[&Value], Cell { plane, col, .. }: Cell) -> Expr<Leaf> {
        if inputs.len() <= BEFORE {
            return Expr::Number(0.0);
        }
        let k = inputs[1].shape();
        let of_key = self.sharing.key_head(plane, k.planes, inputs[2].shape().planes);
        let pair = |n| (leaf(BEFORE, plane, 0, col * k.cols + n), leaf(1, of_key, self.t, n));
        Expr::Product(vec![leaf(0, 0, self.t, plane), Expr::Sum(dot(k.cols, pair))])
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        inputs.get(BEFORE).map_or(0, |before| before.shape().len())
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (decay, k) = (pull.inputs[0].matrix(), pull.inputs[1]);
        let Some(before) = pull.inputs.get(BEFORE) else { return vec![None, None, None] };
        let (t, n_heads, n_keys) = (self.t, before.shape().planes, k.shape().cols);
        let of_key = |h| self.sharing.key_head(h, k.shape().planes, n_heads);
        let mut for_decay = Matrix::zeros(decay.nrows(), decay.ncols());
        let (mut for_k, mut for_before) = (Value::zeros(k.shape()), Value::zeros(before.shape()));
        for h in 0..n_heads {
            let (grad, kept, key) = (pull.grad.plane(h), decay[(t, h)], k.plane(of_key(h)));
            let rows = before.plane(h).as_slice().chunks_exact(n_keys);
            for (p, row) in rows.enumerate() {
                for (n, s) in row.iter().enumerate() {
                    for_decay[(t, h)] += grad[(0, p)] * s * key[(t, n)];
                    for_k.planes_mut()[of_key(h)][(t, n)] += grad[(0, p)] * kept * s;
                    for_before.planes_mut()[h][(0, p * n_keys + n)] =
                        grad[(0, p)] * kept * key[(t, n)];
                }
            }
        }
        vec![Some(for_decay.into()), Some(for_k), None, Some(for_before)]
    }
}

struct Correct {
    t: usize,
}

impl Operation for Correct {
    fn formula(&self) -> &'static str {
        "beta[t,h] * (v[h,t,p] - recalled[h,t,p])"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (beta, v, recalled) = (inputs[0].matrix(), inputs[1], inputs[2]);
        let head = |h: usize| {
            let missing = v.plane(h).rows(self.t, 1) - recalled.plane(h);
            missing * beta[(self.t, h)]
        };
        Value::from_planes((0..v.shape().planes).map(head).collect())
    }

    fn open(&self, _: &[&Value], Cell { plane, col, .. }: Cell) -> Expr<Leaf> {
        let missing = Expr::difference(leaf(1, plane, self.t, col), leaf(2, plane, 0, col));
        Expr::Product(vec![leaf(0, 0, self.t, plane), missing])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (beta, v, recalled) = (pull.inputs[0].matrix(), pull.inputs[1], pull.inputs[2]);
        let (t, n_heads) = (self.t, v.shape().planes);
        let mut for_beta = Matrix::zeros(beta.nrows(), beta.ncols());
        let mut for_v = Value::zeros(v.shape());
        for h in 0..n_heads {
            let grad = pull.grad.plane(h);
            for_beta[(t, h)] = grad.dot(&(v.plane(h).rows(t, 1) - recalled.plane(h)));
            for_v.planes_mut()[h].rows_mut(t, 1).copy_from(&(grad * beta[(t, h)]));
        }
        let for_recalled = |h: usize| pull.grad.plane(h) * -beta[(t, h)];
        let for_recalled = Value::from_planes((0..n_heads).map(for_recalled).collect());
        vec![Some(for_beta.into()), Some(for_v), Some(for_recalled)]
    }
}

struct DeltaStep {
    t: usize,
    sharing: Sharing,
}

impl Operation for DeltaStep {
    fn formula(&self) -> &'static str {
        "decay[t,h]*state[h,t-1,(p,n)] + correction[h,t,p]*k[g,t,n]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (decay, k, correction) = (inputs[0].matrix(), inputs[1], inputs[2]);
        let n_heads = correction.shape().planes;
        let head = |h: usize| {
            let key = k.plane(self.sharing.key_head(h, k.shape().planes, n_heads)).row(self.t);
            let (n_keys, to_write) = (key.len(), correction.plane(h));
            let mut state = match inputs.get(BEFORE) {
                Some(before) => before.plane(h) * decay[(self.t, h)],
                None => Matrix::zeros(1, n_keys * to_write.len()),
            };
            let rows = state.as_mut_slice().chunks_exact_mut(n_keys).zip(to_write.iter());
            for (row, write) in rows {
                row.iter_mut().zip(key.iter()).for_each(|(s, k)| *s += write * k);
            }
            state
        };
        Value::from_planes((0..n_heads).map(head).collect())
    }

    fn open(&self, inputs: &[&Value], Cell { plane, col, .. }: Cell) -> Expr<Leaf> {
        let (k, n_heads) = (inputs[1].shape(), inputs[2].shape().planes);
        let (p, n) = (col / k.cols, col % k.cols);
        let of_key = self.sharing.key_head(plane, k.planes, n_heads);
        let written = Expr::Product(vec![leaf(2, plane, 0, p), leaf(1, of_key, self.t, n)]);
        if inputs.len() <= BEFORE {
            return Expr::Sum(vec![written]);
        }
        let kept = Expr::Product(vec![leaf(0, 0, self.t, plane), leaf(BEFORE, plane, 0, col)]);
        Expr::Sum(vec![kept, written])
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        2 * inputs[2].shape().len() * inputs[1].shape().cols
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (decay, k, correction) = (pull.inputs[0].matrix(), pull.inputs[1], pull.inputs[2]);
        let (t, n_heads, n_keys) = (self.t, correction.shape().planes, k.shape().cols);
        let of_key = |h| self.sharing.key_head(h, k.shape().planes, n_heads);
        let mut for_decay = Matrix::zeros(decay.nrows(), decay.ncols());
        let (mut for_k, mut for_correction) =
            (Value::zeros(k.shape()), Value::zeros(correction.shape()));
        for h in 0..n_heads {
            let (grad, key, to_write) =
                (pull.grad.plane(h), k.plane(of_key(h)), correction.plane(h));
            if let Some(before) = pull.inputs.get(BEFORE) {
                for_decay[(t, h)] = grad.dot(before.plane(h));
            }
            for (p, row) in grad.as_slice().chunks_exact(n_keys).enumerate() {
                let by_key = row.iter().enumerate().map(|(n, g)| g * key[(t, n)]).sum();
                for_correction.planes_mut()[h][(0, p)] = by_key;
                let into = &mut for_k.planes_mut()[of_key(h)];
                row.iter().enumerate().for_each(|(n, g)| into[(t, n)] += g * to_write[(0, p)]);
            }
        }
        let mut pulled = vec![Some(for_decay.into()), Some(for_k), Some(for_correction)];
        if pull.inputs.len() > BEFORE {
            let kept = |h: usize| pull.grad.plane(h) * decay[(t, h)];
            pulled.push(Some(Value::from_planes((0..n_heads).map(kept).collect())));
        }
        pulled
    }
}

struct StackRows;

impl Operation for StackRows {
    fn formula(&self) -> &'static str {
        "read[h,t,p], row below row"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let shape = inputs[0].shape();
        let head =
            |h: usize| Matrix::from_fn(inputs.len(), shape.cols, |t, p| inputs[t].plane(h)[(0, p)]);
        Value::from_planes((0..shape.planes).map(head).collect())
    }

    fn open(&self, _: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        leaf(row, plane, 0, col)
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let row = |t: usize| pull.grad.map_planes(|grad| grad.rows(t, 1).into_owned());
        (0..pull.inputs.len()).map(|t| pull.for_input(t, || row(t))).collect()
    }
}
