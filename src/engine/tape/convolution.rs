//! The causal convolution of short filters, one a channel: each row sees itself and a few rows before it.

use super::{BackwardArgs, Leaf, Node, Operation, Tape, columns::column_sums, leaf};
use crate::engine::{
    arithmetic::Expr,
    site::Place,
    value::{Cell, Matrix, Shape, Value},
};

/// The filter of a causal convolution, and what stands before the first row.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// (tap, channel); the last tap meets the row itself.
    pub w: Node,
    /// (1, channel)
    pub b: Option<Node>,
    /// Rows that were read before, at most one less than there are taps; without them zeros. (row, channel)
    pub before: Option<Node>,
}

impl Tape {
    /// `b[j] + sum_k w[k,j] * x[i+k-K+1, j]` with K taps. x (position, channel) -> (position, channel)
    pub fn causal_convolution(&mut self, place: Place, x: Node, filter: Filter) -> Node {
        let Filter { w, b, before } = filter;
        let operation = CausalConvolution { has_bias: b.is_some(), has_before: before.is_some() };
        let inputs = [Some(x), Some(w), b, before].into_iter().flatten().collect();
        self.record(place, operation, inputs)
    }
}

struct CausalConvolution {
    has_bias: bool,
    has_before: bool,
}

/// Where a tap of a row reads.
struct TapSource {
    input: usize,
    row: usize,
}

impl CausalConvolution {
    fn before(&self) -> Option<usize> {
        self.has_before.then_some(2 + usize::from(self.has_bias))
    }

    /// What tap `k` of row `i` meets; None before the text.
    fn read(&self, inputs: &[&Value], i: usize, k: usize) -> Option<TapSource> {
        let back = inputs[1].shape().rows - 1 - k;
        if back <= i {
            return Some(TapSource { input: 0, row: i - back });
        }
        let input = self.before()?;
        let row = (inputs[input].shape().rows + i).checked_sub(back)?;
        Some(TapSource { input, row })
    }
}

impl Operation for CausalConvolution {
    fn formula(&self) -> &'static str {
        if self.has_bias {
            "b[j] + sum_k w[k,j]*x[i-K+1+k,j], K taps"
        } else {
            "sum_k w[k,j]*x[i-K+1+k,j], K taps"
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (x, w) = (inputs[0].matrix(), inputs[1].matrix());
        let mut out = Matrix::zeros(x.nrows(), x.ncols());
        if self.has_bias {
            let b = inputs[2].matrix();
            out = Matrix::from_fn(x.nrows(), x.ncols(), |_, j| b[(0, j)]);
        }
        for j in 0..x.ncols() {
            for i in 0..x.nrows() {
                for k in 0..w.nrows() {
                    if let Some(TapSource { input, row }) = self.read(inputs, i, k) {
                        out[(i, j)] += w[(k, j)] * inputs[input].matrix()[(row, j)];
                    }
                }
            }
        }
        out.into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let term = |k: usize| {
            let TapSource { input, row: from } = self.read(inputs, row, k)?;
            Some(Expr::Product(vec![leaf(1, 0, k, col), leaf(input, 0, from, col)]))
        };
        let mut terms: Vec<Expr<Leaf>> = (0..inputs[1].shape().rows).filter_map(term).collect();
        terms.extend(self.has_bias.then(|| leaf(2, 0, 0, col)));
        Expr::Sum(terms)
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        inputs[0].shape().len() * inputs[1].shape().rows
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (w, grad) = (pull.inputs[1].matrix(), pull.grad.matrix());
        let Shape { rows, cols, .. } = pull.inputs[0].shape();
        let for_rows_of = |wanted: usize| {
            let mut sums = Value::zeros(pull.inputs[wanted].shape());
            let into = &mut sums.planes_mut()[0];
            for (i, k) in (0..rows).flat_map(|i| (0..w.nrows()).map(move |k| (i, k))) {
                if let Some(TapSource { input, row }) = self.read(pull.inputs, i, k)
                    && input == wanted
                {
                    (0..cols).for_each(|j| into[(row, j)] += w[(k, j)] * grad[(i, j)]);
                }
            }
            sums
        };
        let for_taps = || {
            let tap = |k, j| {
                let term = |i| {
                    let TapSource { input, row } = self.read(pull.inputs, i, k)?;
                    Some(grad[(i, j)] * pull.inputs[input].matrix()[(row, j)])
                };
                (0..rows).filter_map(term).sum::<f32>()
            };
            Matrix::from_fn(w.nrows(), cols, tap).into()
        };
        let mut pulled = vec![pull.for_input(0, || for_rows_of(0)), pull.for_input(1, for_taps)];
        if self.has_bias {
            pulled.push(pull.for_input(2, || column_sums(grad).into()));
        }
        pulled.extend(self.before().map(|i| pull.for_input(i, || for_rows_of(i))));
        pulled
    }
}
