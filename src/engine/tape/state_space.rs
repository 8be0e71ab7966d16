//! Selective state spaces (Gu and Dao 2023; Dao and Gu 2024, *Mamba-2*): a state of fixed size a head, of which each
//! word keeps a share and to which it adds.
//!
//! A head's state is a matrix (channel, number of the state), kept as one row, channel by channel. Heads of a group
//! share what they write with (B) and what they read with (C).

use super::{BackwardArgs, Leaf, Node, Operation, Tape, columns::column_sums, leaf};
use crate::engine::{
    arithmetic::{Expr, Function},
    math::{Sharing, sigmoid, softplus},
    site::Place,
    value::{Cell, Matrix, Shape, Value},
};

/// How a checkpoint stores the rate at which a head forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateForm {
    /// `ln(-A)`, so that A is below 0 whatever was learned.
    Logarithm,
    /// A itself: GGUF.
    Plain,
}

impl RateForm {
    /// The name of the weight.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logarithm => "A_log",
            Self::Plain => "A",
        }
    }
}

/// What a step of the recurrence is made from.
#[derive(Clone, Copy, Debug)]
pub struct StateInputs {
    /// The share of the state that is kept. (position, head)
    pub decay: Node,
    /// The size of the step. (position, head)
    pub dt: Node,
    /// (group, position, number of the state)
    pub b: Node,
    /// (head, position, channel)
    pub x: Node,
}

impl Tape {
    /// `ln(1 + exp(x + b))`, above 0. x (row, col), b (1, col) -> (row, col)
    pub fn softplus(&mut self, place: Place, x: Node, b: Node) -> Node {
        self.record(place, Softplus, vec![x, b])
    }

    /// `exp(A dt)`, from 0 to 1. dt (position, head), rate (1, head) -> (position, head)
    pub fn decay(&mut self, place: Place, dt: Node, rate: Node, form: RateForm) -> Node {
        self.record(place, Decay { form }, vec![dt, rate])
    }

    /// The state after row `t`: `decay * before + dt * x B`. before (head, 1, channel*state), none at first -> (head, 1,
    /// channel*state)
    pub fn state_step(
        &mut self,
        place: Place,
        from: StateInputs,
        before: Option<Node>,
        t: usize,
    ) -> Node {
        let StateInputs { decay, dt, b, x } = from;
        let mut inputs = vec![decay, dt, b, x];
        inputs.extend(before);
        self.record(place, StateStep { t }, inputs)
    }

    /// What row `t` reads in the state: `sum_n C[n] * state[p,n]`. c (group, position, number of the state), state (head,
    /// 1, channel*state) -> (head, 1, channel)
    pub fn read_state(
        &mut self,
        place: Place,
        c: Node,
        sharing: Sharing,
        state: Node,
        t: usize,
    ) -> Node {
        self.record(place, ReadState { t, sharing }, vec![c, state])
    }

    /// What was read at each row, and a share of the row's own input: `read + D x`. reads (head, 1, channel) each, x
    /// (head, position, channel), d (1, head) -> (head, position, channel)
    pub fn add_skip(&mut self, place: Place, reads: &[Node], x: Node, d: Node) -> Node {
        self.record(place, AddSkip, [&[x, d], reads].concat())
    }
}

struct Softplus;

impl Operation for Softplus {
    fn formula(&self) -> &'static str {
        "ln(1 + exp(x[i,j] + b[j]))"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (x, b) = (inputs[0].matrix(), inputs[1].matrix());
        Matrix::from_fn(x.nrows(), x.ncols(), |i, j| softplus(x[(i, j)] + b[(0, j)])).into()
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        let sum = Expr::Sum(vec![Expr::Leaf(Leaf { input: 0, cell }), leaf(1, 0, 0, cell.col)]);
        let within = Expr::Sum(vec![Expr::Number(1.0), Expr::call(Function::Exp, sum)]);
        Expr::call(Function::Ln, within)
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, b, grad) = (pull.inputs[0].matrix(), pull.inputs[1].matrix(), pull.grad.matrix());
        let sloped = Matrix::from_fn(x.nrows(), x.ncols(), |i, j| {
            grad[(i, j)] * sigmoid(x[(i, j)] + b[(0, j)])
        });
        vec![
            pull.for_input(0, || sloped.clone().into()),
            pull.for_input(1, || column_sums(&sloped).into()),
        ]
    }
}

struct Decay {
    form: RateForm,
}

impl Decay {
    /// A, below 0.
    fn rate(&self, stored: f32) -> f32 {
        match self.form {
            RateForm::Logarithm => -stored.exp(),
            RateForm::Plain => stored,
        }
    }
}

impl Operation for Decay {
    fn formula(&self) -> &'static str {
        match self.form {
            RateForm::Logarithm => "exp(-exp(A_log[h])*dt[i,h])",
            RateForm::Plain => "exp(A[h]*dt[i,h])",
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (dt, rate) = (inputs[0].matrix(), inputs[1].matrix());
        let of = |i, h| (self.rate(rate[(0, h)]) * dt[(i, h)]).exp();
        Matrix::from_fn(dt.nrows(), dt.ncols(), of).into()
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        let (dt, stored) = (Expr::Leaf(Leaf { input: 0, cell }), leaf(1, 0, 0, cell.col));
        let exponent = match self.form {
            RateForm::Plain => Expr::Product(vec![stored, dt]),
            RateForm::Logarithm => {
                let product = Expr::Product(vec![Expr::call(Function::Exp, stored), dt]);
                Expr::difference(Expr::Number(0.0), product)
            }
        };
        Expr::call(Function::Exp, exponent)
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (dt, rate) = (pull.inputs[0].matrix(), pull.inputs[1].matrix());
        let sloped = pull.grad.matrix().component_mul(pull.output.matrix());
        let for_dt = || {
            let of = |i, h| sloped[(i, h)] * self.rate(rate[(0, h)]);
            Matrix::from_fn(dt.nrows(), dt.ncols(), of).into()
        };
        let for_rate = || {
            // Of a logarithm, A is its own slope.
            let slope = |h| match self.form {
                RateForm::Plain => 1.0,
                RateForm::Logarithm => self.rate(rate[(0, h)]),
            };
            let of = |_, h| slope(h) * sloped.column(h).dot(&dt.column(h));
            Matrix::from_fn(1, dt.ncols(), of).into()
        };
        vec![pull.for_input(0, for_dt), pull.for_input(1, for_rate)]
    }
}

struct StateStep {
    t: usize,
}

const DECAY: usize = 0;
const DT: usize = 1;
const B: usize = 2;
const X: usize = 3;
const BEFORE: usize = 4;

/// The sizes of a layer's states.
#[derive(Clone, Copy)]
struct StateSizes {
    n_heads: usize,
    /// Heads that share B and C.
    per_group: usize,
    n_channels: usize,
    n_states: usize,
}

impl StateSizes {
    fn of(inputs: &[&Value]) -> Self {
        let (b, x) = (inputs[B].shape(), inputs[X].shape());
        Self {
            n_heads: x.planes,
            per_group: x.planes / b.planes,
            n_channels: x.cols,
            n_states: b.cols,
        }
    }
}

impl Operation for StateStep {
    fn formula(&self) -> &'static str {
        "decay[t,h]*state[h,t-1,(p,n)] + dt[t,h]*x[h,t,p]*B[g,t,n]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (t, sizes) = (self.t, StateSizes::of(inputs));
        let head = |h: usize| {
            let (b, x) = (inputs[B].plane(h / sizes.per_group), inputs[X].plane(h));
            let dt = inputs[DT].matrix()[(t, h)];
            let mut state = Matrix::zeros(1, sizes.n_channels * sizes.n_states);
            for (p, row) in state.as_mut_slice().chunks_exact_mut(sizes.n_states).enumerate() {
                let written = dt * x[(t, p)];
                row.iter_mut().enumerate().for_each(|(n, into)| *into = written * b[(t, n)]);
            }
            if let Some(before) = inputs.get(BEFORE) {
                state += before.plane(h) * inputs[DECAY].matrix()[(t, h)];
            }
            state
        };
        Value::from_planes((0..sizes.n_heads).map(head).collect())
    }

    fn open(&self, inputs: &[&Value], Cell { plane, col, .. }: Cell) -> Expr<Leaf> {
        let (t, sizes) = (self.t, StateSizes::of(inputs));
        let (p, n) = (col / sizes.n_states, col % sizes.n_states);
        let written = Expr::Product(vec![
            leaf(DT, 0, t, plane),
            leaf(X, plane, t, p),
            leaf(B, plane / sizes.per_group, t, n),
        ]);
        if inputs.len() <= BEFORE {
            return Expr::Sum(vec![written]);
        }
        let kept = Expr::Product(vec![leaf(DECAY, 0, t, plane), leaf(BEFORE, plane, 0, col)]);
        Expr::Sum(vec![kept, written])
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        let StateSizes { n_heads, n_channels, n_states, .. } = StateSizes::of(inputs);
        2 * n_heads * n_channels * n_states
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (t, inputs) = (self.t, pull.inputs);
        let StateSizes { n_heads, per_group, n_channels, n_states } = StateSizes::of(inputs);
        let zeros = |input: usize| Value::zeros(inputs[input].shape());
        let [mut of_decay, mut of_dt, mut of_b, mut of_x] = [DECAY, DT, B, X].map(zeros);
        for h in 0..n_heads {
            let (b, x) = (inputs[B].plane(h / per_group), inputs[X].plane(h));
            let (grad, dt) = (pull.grad.plane(h), inputs[DT].matrix()[(t, h)]);
            if let Some(before) = inputs.get(BEFORE) {
                of_decay.planes_mut()[0][(t, h)] = grad.dot(before.plane(h));
            }
            for p in 0..n_channels {
                let row = &grad.as_slice()[p * n_states..(p + 1) * n_states];
                let through_b: f32 = row.iter().enumerate().map(|(n, g)| g * b[(t, n)]).sum();
                of_dt.planes_mut()[0][(t, h)] += x[(t, p)] * through_b;
                of_x.planes_mut()[h][(t, p)] = dt * through_b;
                let into = &mut of_b.planes_mut()[h / per_group];
                row.iter().enumerate().for_each(|(n, g)| into[(t, n)] += dt * x[(t, p)] * g);
            }
        }
        let mut pulled = vec![Some(of_decay), Some(of_dt), Some(of_b), Some(of_x)];
        if inputs.len() > BEFORE {
            let kept = |h: usize| pull.grad.plane(h) * inputs[DECAY].matrix()[(t, h)];
            let kept = || Value::from_planes((0..n_heads).map(kept).collect());
            pulled.push(pull.for_input(BEFORE, kept));
        }
        pulled
    }
}

struct ReadState {
    t: usize,
    sharing: Sharing,
}

impl Operation for ReadState {
    fn formula(&self) -> &'static str {
        "sum_n C[g,t,n]*state[h,t,(p,n)]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (c, state) = (inputs[0].shape(), inputs[1]);
        let n_heads = state.shape().planes;
        let head = |h: usize| {
            let c_of = inputs[0].plane(self.sharing.key_head(h, c.planes, n_heads)).row(self.t);
            let rows = state.plane(h).as_slice().chunks_exact(c.cols);
            let read = |row: &[f32]| row.iter().zip(c_of.iter()).map(|(s, c)| s * c).sum::<f32>();
            let read: Vec<f32> = rows.map(read).collect();
            Matrix::from_row_slice(1, read.len(), &read)
        };
        Value::from_planes((0..n_heads).map(head).collect())
    }

    fn open(&self, inputs: &[&Value], Cell { plane, col, .. }: Cell) -> Expr<Leaf> {
        let (c, n_heads) = (inputs[0].shape(), inputs[1].shape().planes);
        let group = self.sharing.key_head(plane, c.planes, n_heads);
        let pair = |n| (leaf(0, group, self.t, n), leaf(1, plane, 0, col * c.cols + n));
        Expr::Sum(super::dot(c.cols, pair))
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        inputs[1].shape().len()
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (c, state) = (pull.inputs[0], pull.inputs[1]);
        let Shape { planes: n_groups, cols: n_states, .. } = c.shape();
        let n_heads = state.shape().planes;
        let group = |h: usize| self.sharing.key_head(h, n_groups, n_heads);
        let for_c = || {
            let mut sums = Value::zeros(c.shape());
            for h in 0..n_heads {
                let into = &mut sums.planes_mut()[group(h)];
                let rows = state.plane(h).as_slice().chunks_exact(n_states);
                for (row, g) in rows.zip(pull.grad.plane(h).iter()) {
                    row.iter().enumerate().for_each(|(n, s)| into[(self.t, n)] += g * s);
                }
            }
            sums
        };
        let for_state = || {
            let head = |h: usize| {
                let (c, grad) = (c.plane(group(h)), pull.grad.plane(h));
                Matrix::from_fn(1, state.shape().cols, |_, i| {
                    grad[(0, i / n_states)] * c[(self.t, i % n_states)]
                })
            };
            Value::from_planes((0..n_heads).map(head).collect())
        };
        vec![pull.for_input(0, for_c), pull.for_input(1, for_state)]
    }
}

struct AddSkip;

impl Operation for AddSkip {
    fn formula(&self) -> &'static str {
        "read[h,t,p] + D[h]*x[h,t,p]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (x, d) = (inputs[0], inputs[1].matrix());
        let head = |h: usize| {
            let x = x.plane(h);
            Matrix::from_fn(x.nrows(), x.ncols(), |t, p| {
                inputs[2 + t].plane(h)[(0, p)] + d[(0, h)] * x[(t, p)]
            })
        };
        Value::from_planes((0..x.shape().planes).map(head).collect())
    }

    fn open(&self, _: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let skip = Expr::Product(vec![leaf(1, 0, 0, plane), leaf(0, plane, row, col)]);
        Expr::Sum(vec![leaf(2 + row, plane, 0, col), skip])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, d) = (pull.inputs[0], pull.inputs[1].matrix());
        let n_heads = x.shape().planes;
        let for_x = |h: usize| pull.grad.plane(h) * d[(0, h)];
        let for_x = || Value::from_planes((0..n_heads).map(for_x).collect());
        let for_d = || Matrix::from_fn(1, n_heads, |_, h| pull.grad.plane(h).dot(x.plane(h)));
        let row = |t: usize| pull.grad.map_planes(|grad| grad.rows(t, 1).into_owned());
        let mut pulled = vec![pull.for_input(0, for_x), pull.for_input(1, || for_d().into())];
        pulled.extend((0..x.shape().rows).map(|t| pull.for_input(2 + t, || row(t))));
        pulled
    }
}
