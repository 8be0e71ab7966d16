//! Elementwise operations: sums, products, factors, activations.

use std::sync::Arc;

use super::{
    BackwardArgs, Leaf, Node, Operation, Tape,
    by_plane::{ByPlane, all_planes},
    column_of,
    columns::column_sums,
};
use crate::engine::{
    arithmetic::{Expr, Function},
    change::Part,
    math::{
        GELU_CUBE, GELU_ROOT, add_row, gelu, gelu_erf, gelu_erf_slope, gelu_slope, map, map_plane,
        sigmoid, silu, zip, zip_plane,
    },
    site::Place,
    value::{Cell, Matrix, Shape, Value},
};

impl Tape {
    /// `a + b`; a `b` of one row is added to every row of `a`.
    pub fn add(&mut self, place: Place, a: Node, b: Node) -> Node {
        self.record(place, Add, vec![a, b])
    }

    /// `a + b + c + ...`, all of one shape.
    pub fn sum(&mut self, place: Place, terms: &[Node]) -> Node {
        self.record(place, Sum, terms.to_vec())
    }

    /// A sub-layer's output added to its input (He et al. 2016); the output alone if the residual is off.
    pub fn residual(&mut self, place: Place, x: Node, out: Node) -> Node {
        if self.changes.is_off(&place, Part::Residual) {
            return self.identity(place, out);
        }
        self.add(place, x, out)
    }

    /// The outputs of several sub-layers added to their common input; the outputs alone if the residual is off.
    pub fn residual_of_all(&mut self, place: Place, x: Node, outs: &[Node]) -> Node {
        let is_off = self.changes.is_off(&place, Part::Residual);
        let terms: Vec<Node> = if is_off { outs.to_vec() } else { [&[x], outs].concat() };
        self.sum(place, &terms)
    }

    /// What such a sum adds to the residual stream: its inputs but the stream itself.
    pub fn addends(&self, sum: Node) -> &[Node] {
        let (place, inputs) = (&self.entry(sum).place, self.inputs(sum));
        if self.changes.is_off(place, Part::Residual) {
            inputs
        } else {
            inputs.get(1..).unwrap_or_default()
        }
    }

    /// `a * b`, cell by cell.
    pub fn mul(&mut self, place: Place, a: Node, b: Node) -> Node {
        self.record(place, Mul, vec![a, b])
    }

    /// `x * factor`
    pub fn scale(&mut self, place: Place, x: Node, factor: f32) -> Node {
        self.record(place, Scale { factor }, vec![x])
    }

    /// `x * factor` of scores; `x` if scaling is off.
    pub fn scale_scores(&mut self, place: Place, x: Node, factor: f32) -> Node {
        if self.changes.is_off(&place, Part::Scaling) {
            return self.identity(place, x);
        }
        self.scale(place, x, factor)
    }

    /// `cap * tanh(x / cap)`: numbers bent so that none is larger than the cap (Gemma Team 2024, *Gemma 2*).
    pub fn soft_cap(&mut self, place: Place, x: Node, cap: f32) -> Node {
        self.record(place, SoftCap { cap }, vec![x])
    }

    /// Row i times `factors[i]`, in every plane.
    pub fn scale_rows(&mut self, place: Place, x: Node, factors: Vec<f32>) -> Node {
        self.record(place, ScaleRows { factors }, vec![x])
    }

    /// `x / (sqrt(n) * times)`, the scaling of dot products (Vaswani et al. 2017, eq. 1); `x` if scaling is off.
    pub fn divide_by_root(&mut self, place: Place, x: Node, by: Root) -> Node {
        if self.changes.is_off(&place, Part::Scaling) {
            return self.identity(place, x);
        }
        self.record(place, DivideByRoot { by }, vec![x])
    }

    /// `(1 - z) * a + z * b`, the GRU's update (PyTorch's form of Cho et al. 2014, eq. 7).
    pub fn interpolate(&mut self, place: Place, z: Node, a: Node, b: Node) -> Node {
        self.record(place, Interpolate, vec![z, a, b])
    }

    pub fn tanh(&mut self, place: Place, x: Node) -> Node {
        self.record(place, Activation::Tanh, vec![x])
    }

    pub fn sigmoid(&mut self, place: Place, x: Node) -> Node {
        self.record(place, Activation::Sigmoid, vec![x])
    }

    pub fn relu(&mut self, place: Place, x: Node) -> Node {
        self.record(place, Activation::Relu, vec![x])
    }

    /// `max(0, x)^2` (So et al. 2021, *Primer*).
    pub fn relu_squared(&mut self, place: Place, x: Node) -> Node {
        self.record(place, Activation::ReluSquared, vec![x])
    }

    pub fn gelu(&mut self, place: Place, x: Node) -> Node {
        self.record(place, Activation::Gelu, vec![x])
    }

    /// GELU in its exact form, cell by cell, as in BERT.
    pub fn gelu_erf(&mut self, place: Place, x: Node) -> Node {
        self.record(place, Activation::GeluErf, vec![x])
    }

    pub fn silu(&mut self, place: Place, x: Node) -> Node {
        self.record(place, Activation::Silu, vec![x])
    }
}

/// The cell of the second summand: if it has one row, that row is used for all.
fn broadcast(cell: Cell, shape: Shape) -> Cell {
    Cell { row: if shape.rows == 1 { 0 } else { cell.row }, ..cell }
}

#[derive(Clone, Copy)]
struct Add;

impl ByPlane for Add {
    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        let (a, b) = (inputs[0].passing_plane(plane), inputs[1]);
        if b.shape() == inputs[0].shape() {
            return zip_plane(&a, &b.passing_plane(plane), |a, b| a + b);
        }
        let mut out = a.into_owned();
        add_row(&mut out, b.matrix());
        out
    }
}

impl Operation for Add {
    fn formula(&self) -> &'static str {
        "a[i,j] + b[i,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, inputs: &[&Value], cell: Cell) -> Expr<Leaf> {
        let b = broadcast(cell, inputs[1].shape());
        Expr::Sum(vec![Expr::Leaf(Leaf { input: 0, cell }), Expr::Leaf(Leaf { input: 1, cell: b })])
    }

    fn reached(&self, inputs: &[&Value], Leaf { input, cell }: Leaf) -> Option<Vec<Cell>> {
        let [a, b] = [inputs[0].shape(), inputs[1].shape()];
        let is_for_all_rows = input == 1 && b.rows == 1;
        Some(if is_for_all_rows { column_of(cell.plane, a.rows, cell.col) } else { vec![cell] })
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let same = pull.inputs[1].shape() == pull.inputs[0].shape();
        let for_b = || {
            if same {
                return pull.grad.clone();
            }
            pull.grad.map_planes(column_sums)
        };
        vec![pull.for_input(0, || pull.grad.clone()), pull.for_input(1, for_b)]
    }
}

#[derive(Clone, Copy)]
struct Sum;

impl ByPlane for Sum {
    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        let mut sum = inputs[0].passing_plane(plane).into_owned();
        for term in &inputs[1..] {
            sum += &*term.passing_plane(plane);
        }
        sum
    }
}

impl Operation for Sum {
    fn formula(&self) -> &'static str {
        "a[i,j] + b[i,j] + c[i,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, inputs: &[&Value], cell: Cell) -> Expr<Leaf> {
        Expr::Sum((0..inputs.len()).map(|i| Expr::Leaf(Leaf { input: i, cell })).collect())
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        (0..pull.inputs.len()).map(|i| pull.for_input(i, || pull.grad.clone())).collect()
    }
}

struct Mul;

impl Operation for Mul {
    fn formula(&self) -> &'static str {
        "a[i,j] * b[i,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        zip(inputs[0], inputs[1], |a, b| a * b)
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        Expr::Product(vec![
            Expr::Leaf(Leaf { input: 0, cell }),
            Expr::Leaf(Leaf { input: 1, cell }),
        ])
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let times = |other: usize| pull.grad.zip_map(pull.inputs[other], |g, o| g * o);
        vec![pull.for_input(0, || times(1)), pull.for_input(1, || times(0))]
    }
}

#[derive(Clone, Copy)]
struct Scale {
    factor: f32,
}

impl ByPlane for Scale {
    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        map_plane(&inputs[0].passing_plane(plane), |v| v * self.factor)
    }
}

impl Operation for Scale {
    fn formula(&self) -> &'static str {
        "x[i,j] * factor"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        Expr::Product(vec![Expr::Leaf(Leaf { input: 0, cell }), Expr::Number(self.factor)])
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        vec![pull.for_input(0, || pull.grad.map(|g| g * self.factor))]
    }
}

#[derive(Clone, Copy)]
struct SoftCap {
    cap: f32,
}

impl ByPlane for SoftCap {
    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        map_plane(&inputs[0].passing_plane(plane), |x| self.cap * (x / self.cap).tanh())
    }
}

impl Operation for SoftCap {
    fn formula(&self) -> &'static str {
        "cap * tanh(x[i,j] / cap)"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        let share = Expr::quotient(Expr::Leaf(Leaf { input: 0, cell }), Expr::Number(self.cap));
        Expr::Product(vec![Expr::Number(self.cap), Expr::call(Function::Tanh, share)])
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let slope = |g: f32, y: f32| g * (1.0 - (y / self.cap).powi(2));
        vec![pull.for_input(0, || pull.grad.zip_map(pull.output, slope))]
    }
}

struct ScaleRows {
    factors: Vec<f32>,
}

impl ScaleRows {
    fn scaled(&self, x: &Value) -> Value {
        x.map_planes(|plane| {
            Matrix::from_fn(plane.nrows(), plane.ncols(), |r, c| plane[(r, c)] * self.factors[r])
        })
    }
}

impl Operation for ScaleRows {
    fn formula(&self) -> &'static str {
        "x[i,j] * factor[i]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        self.scaled(inputs[0])
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        Expr::Product(vec![
            Expr::Leaf(Leaf { input: 0, cell }),
            Expr::Number(self.factors[cell.row]),
        ])
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        vec![pull.for_input(0, || self.scaled(pull.grad))]
    }
}

/// `sqrt(n) * times`, the divisor of dot products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    pub n: usize,
    pub times: usize,
}

impl Root {
    pub fn number(self) -> f32 {
        (self.n as f32).sqrt() * self.times as f32
    }
}

#[derive(Clone, Copy)]
struct DivideByRoot {
    by: Root,
}

impl ByPlane for DivideByRoot {
    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        let root = self.by.number();
        map_plane(&inputs[0].passing_plane(plane), |v| v / root)
    }
}

impl Operation for DivideByRoot {
    fn formula(&self) -> &'static str {
        match self.by {
            Root { times: 1, .. } => "score[i,j] / sqrt(d_k)",
            Root { n: 1, .. } => "score[i,j] / layer",
            Root { .. } => "score[i,j] / (sqrt(d_k)*layer)",
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        let Root { n, times } = self.by;
        let root = Expr::call(Function::Sqrt, Expr::Number(n as f32));
        let times = |root| Expr::Product(vec![root, Expr::Number(times as f32)]);
        let below = if self.by.times == 1 { root } else { times(root) };
        Expr::quotient(Expr::Leaf(Leaf { input: 0, cell }), below)
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        vec![pull.for_input(0, || pull.grad.map(|g| g / self.by.number()))]
    }
}

struct Interpolate;

impl Operation for Interpolate {
    fn formula(&self) -> &'static str {
        "(1 - z[j])*candidate[j] + z[j]*h[j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let kept = inputs[0].zip_map(inputs[2], |z, b| z * b);
        let mut out = inputs[0].zip_map(inputs[1], |z, a| (1.0 - z) * a);
        out.add_assign(&kept);
        out
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        let [z, a, b] = [0, 1, 2].map(|i| Expr::Leaf(Leaf { input: i, cell }));
        let new = Expr::Product(vec![Expr::difference(Expr::Number(1.0), z.clone()), a]);
        Expr::Sum(vec![new, Expr::Product(vec![z, b])])
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let [z, a, b] = [0, 1, 2].map(|i| pull.inputs[i]);
        vec![
            pull.for_input(0, || pull.grad.zip_map(&b.zip_map(a, |b, a| b - a), |g, d| g * d)),
            pull.for_input(1, || pull.grad.zip_map(z, |g, z| g * (1.0 - z))),
            pull.for_input(2, || pull.grad.zip_map(z, |g, z| g * z)),
        ]
    }
}

enum Activation {
    Tanh,
    Sigmoid,
    Relu,
    ReluSquared,
    Gelu,
    GeluErf,
    Silu,
}

impl Activation {
    fn slope(&self, x: f32, y: f32) -> f32 {
        match self {
            Self::Tanh => 1.0 - y * y,
            Self::Sigmoid => y * (1.0 - y),
            Self::Relu => f32::from(u8::from(x > 0.0)),
            Self::ReluSquared => 2.0 * x.max(0.0),
            Self::Gelu => gelu_slope(x),
            Self::GeluErf => gelu_erf_slope(x),
            Self::Silu => sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x))),
        }
    }
}

impl Operation for Activation {
    fn formula(&self) -> &'static str {
        match self {
            Self::Tanh => "tanh(x)",
            Self::Sigmoid => "1 / (1 + exp(-x))",
            Self::Relu => "max(0, x)",
            Self::ReluSquared => "max(0, x)^2",
            Self::Gelu => "0.5*x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3)))",
            Self::GeluErf => "0.5*x*(1 + erf(x/sqrt(2)))",
            Self::Silu => "x / (1 + exp(-x))",
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        match self {
            Self::Tanh => map(inputs[0], f32::tanh),
            Self::Sigmoid => map(inputs[0], sigmoid),
            // Not `max`, which would turn NaN into 0.
            Self::Relu => map(inputs[0], |x| if x < 0.0 { 0.0 } else { x }),
            Self::ReluSquared => map(inputs[0], |x| if x < 0.0 { 0.0 } else { x * x }),
            Self::Gelu => map(inputs[0], gelu),
            Self::GeluErf => map(inputs[0], gelu_erf),
            Self::Silu => map(inputs[0], silu),
        }
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        let x = || Expr::Leaf(Leaf { input: 0, cell });
        let one = || Expr::Number(1.0);
        match self {
            Self::Tanh => Expr::call(Function::Tanh, x()),
            Self::Sigmoid | Self::Silu => {
                let minus_x = Expr::difference(Expr::Number(0.0), x());
                let below = Expr::Sum(vec![one(), Expr::call(Function::Exp, minus_x)]);
                Expr::quotient(if matches!(self, Self::Silu) { x() } else { one() }, below)
            }
            Self::Relu => Expr::Positive(Box::new(x())),
            Self::ReluSquared => {
                let positive = || Expr::Positive(Box::new(x()));
                Expr::Product(vec![positive(), positive()])
            }
            Self::Gelu => {
                let cube = Expr::Product(vec![Expr::Number(GELU_CUBE), x(), x(), x()]);
                let inner = Expr::Sum(vec![x(), cube]);
                let inner = Expr::Product(vec![Expr::Number(GELU_ROOT), inner]);
                let sum = Expr::Sum(vec![one(), Expr::call(Function::Tanh, inner)]);
                Expr::Product(vec![Expr::Number(0.5), x(), sum])
            }
            Self::GeluErf => {
                let root = Expr::call(Function::Sqrt, Expr::Number(2.0));
                let sum =
                    Expr::Sum(vec![one(), Expr::call(Function::Erf, Expr::quotient(x(), root))]);
                Expr::Product(vec![Expr::Number(0.5), x(), sum])
            }
        }
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let slope = || pull.inputs[0].zip_map(pull.output, |x, y| self.slope(x, y));
        vec![pull.for_input(0, || pull.grad.zip_map(&slope(), |g, s| g * s))]
    }
}
