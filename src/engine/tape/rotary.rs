//! Rotary position embedding (Su et al. 2021, eq. 34): pairs of channels rotated by the position.
//!
//! Channel j of the first half is paired with channel j of the second half, or neighbouring channels are paired
//! ([`RotaryPairs`]). Each pair has its own frequency, and the dot product of two rotated vectors depends on the distance
//! between their positions. Channels before and beyond the pairs are not rotated.

use std::sync::Arc;

use super::{BackwardArgs, Leaf, Node, Operation, Tape, leaf};
use crate::engine::{
    arithmetic::{Expr, Function},
    change::Part,
    site::Place,
    value::{Cell, Matrix, Value, copied},
};

/// The frequency of each pair of channels.
///
/// A text longer than the trained length may use other frequencies.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// Radians per position, by pair; half as many as there are rotated channels.
    pub speeds: Vec<f32>,
    /// The factor of cosine and sine (YaRN, Peng et al. 2023); 1 elsewhere.
    pub factor: f32,
    pub longer: Option<Longer>,
    pub pairs: RotaryPairs,
    /// How many channels stand before those that are rotated.
    pub first: usize,
}

/// Which two channels are rotated together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RotaryPairs {
    /// Channel j and channel j + n of 2n rotated channels: Llama, GPT-NeoX.
    #[default]
    Halves,
    /// Channels 2j and 2j + 1: GPT-J, Cohere.
    Neighbours,
}

impl RotaryPairs {
    /// The two channels of one of `n_pairs` pairs.
    const fn channels(self, pair: usize, n_pairs: usize) -> (usize, usize) {
        match self {
            Self::Halves => (pair, pair + n_pairs),
            Self::Neighbours => (2 * pair, 2 * pair + 1),
        }
    }
}

/// The frequencies for texts longer than the trained length.
#[derive(Clone, Debug, PartialEq)]
pub enum Longer {
    Dynamic(Dynamic),
    /// Found by search (Ding et al. 2024, *LongRoPE*).
    Given {
        trained: usize,
        speeds: Vec<f32>,
    },
}

impl Longer {
    const fn trained(&self) -> usize {
        match self {
            Self::Dynamic(Dynamic { trained, .. }) | Self::Given { trained, .. } => *trained,
        }
    }

    /// Radians per position, by pair, for a text of `n` rows.
    fn speeds(&self, n: usize, n_pairs: usize) -> Vec<f32> {
        match self {
            Self::Dynamic(dynamic) => dynamic.speeds(n, n_pairs),
            Self::Given { speeds, .. } => speeds.clone(),
        }
    }
}

/// A base that grows with the length of the text (`bloc97` and `emozilla` 2023, "dynamic NTK").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dynamic {
    pub theta: f64,
    pub factor: f64,
    pub trained: usize,
}

impl Dynamic {
    /// Radians per position, by pair, for a text of `n` rows.
    fn speeds(self, n: usize, n_pairs: usize) -> Vec<f32> {
        let (longer, d) = (n as f64 / self.trained as f64, 2.0 * n_pairs as f64);
        let grown = self.factor * longer - (self.factor - 1.0);
        let theta = self.theta * grown.powf(d / (d - 2.0));
        (0..n_pairs).map(|j| theta.powf(-2.0 * j as f64 / d) as f32).collect()
    }
}

impl Rope {
    /// All channels of a head of `d_head`, rotated at speeds `base^(-2j / d_head)` (Su et al. 2021, section 3.2.2).
    pub fn whole(base: f32, d_head: usize) -> Self {
        let speed = |j: usize| f64::from(base).powf(-2.0 * j as f64 / d_head as f64) as f32;
        Self {
            speeds: (0..d_head / 2).map(speed).collect(),
            factor: 1.0,
            longer: None,
            pairs: RotaryPairs::Halves,
            first: 0,
        }
    }

    /// The frequencies for a text of `n` rows.
    fn for_rows(self: &Arc<Self>, n: usize) -> Arc<Self> {
        match self.longer.as_ref().filter(|longer| n > longer.trained()) {
            None => Arc::clone(self),
            Some(longer) => {
                let speeds = longer.speeds(n, self.speeds.len());
                Arc::new(Self { speeds, ..(**self).clone() })
            }
        }
    }

    /// The cosine and sine of a pair at a position, times the factor.
    fn turn(&self, position: usize, pair: usize) -> (f32, f32) {
        let angle = position as f32 * self.speeds[pair];
        (angle.cos() * self.factor, angle.sin() * self.factor)
    }

    /// The pair of a channel; None for a channel that is not rotated.
    fn pair(&self, channel: usize) -> Option<RotatedChannel> {
        let n = self.speeds.len();
        let among = channel.checked_sub(self.first).filter(|among| *among < 2 * n)?;
        let pair = match self.pairs {
            RotaryPairs::Halves => among % n,
            RotaryPairs::Neighbours => among / 2,
        };
        let (first, second) = self.channels(pair);
        let is_first = channel == first;
        Some(RotatedChannel { pair, partner: if is_first { second } else { first }, is_first })
    }

    /// The two channels of a pair.
    fn channels(&self, pair: usize) -> (usize, usize) {
        let (first, second) = self.pairs.channels(pair, self.speeds.len());
        (self.first + first, self.first + second)
    }
}

impl Tape {
    /// Each row rotated by its position. (head, position, d_head) -> (head, position, d_head)
    pub fn rotate(&mut self, place: Place, x: Node, rope: &Arc<Rope>) -> Node {
        if self.changes.is_off(&place, Part::Positions) {
            return self.identity(place, x);
        }
        let first = self.n_past();
        let rope = rope.for_rows(first + self.shape(x).rows);
        self.record(place, Rotate { rope, first }, vec![x])
    }
}

/// A channel that is rotated.
struct RotatedChannel {
    /// The pair that it belongs to.
    pair: usize,
    /// The other channel of the pair.
    partner: usize,
    is_first: bool,
}

struct Rotate {
    rope: Arc<Rope>,
    /// The position of the first row.
    first: usize,
}

impl Rotate {
    /// `x` with each pair rotated forwards (`sign` 1) or back (-1).
    fn rotated(&self, x: &Value, sign: f32) -> Value {
        let (n, n_pairs) = (x.shape().rows, self.rope.speeds.len());
        let mut planes: Vec<Matrix> = x.planes().iter().map(copied).collect();
        for pair in 0..n_pairs {
            let (first, second) = self.rope.channels(pair);
            let rotations: Vec<_> =
                (self.first..self.first + n).map(|i| self.rope.turn(i, pair)).collect();
            for plane in &mut planes {
                let (before, after) = plane.as_mut_slice().split_at_mut(second * n);
                let halves = before[first * n..][..n].iter_mut().zip(&mut after[..n]);
                for ((a, b), &(cos, sin)) in halves.zip(&rotations) {
                    let (x, y) = (*a, *b);
                    *a = x * cos - sign * y * sin;
                    *b = y * cos + sign * x * sin;
                }
            }
        }
        Value::from_planes(planes)
    }
}

impl Operation for Rotate {
    fn formula(&self) -> &'static str {
        "x[i,j]*cos(i*speed[j]) -+ x[i,partner]*sin(i*speed[j])"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        self.rotated(inputs[0], 1.0)
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        let Cell { plane, row, col } = cell;
        let Some(RotatedChannel { pair, partner, is_first }) = self.rope.pair(col) else {
            return Expr::Leaf(Leaf { input: 0, cell });
        };
        let angle = (self.first + row) as f32 * self.rope.speeds[pair];
        let part = |function, channel| {
            let rotation = Expr::call(function, Expr::Number(angle));
            let mut factors = vec![leaf(0, plane, row, channel), rotation];
            #[expect(clippy::float_cmp, reason = "1 is what is not written")]
            if self.rope.factor != 1.0 {
                factors.push(Expr::Number(self.rope.factor));
            }
            Expr::Product(factors)
        };
        let (own, other) = (part(Function::Cos, col), part(Function::Sin, partner));
        if is_first { Expr::difference(own, other) } else { Expr::Sum(vec![own, other]) }
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        let partner = self.rope.pair(cell.col).map(|of| Cell { col: of.partner, ..cell });
        Some(std::iter::once(cell).chain(partner).collect())
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        vec![pull.for_input(0, || self.rotated(pull.grad, -1.0))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{
        arithmetic::Operand,
        site::{Address, AddressKind},
    };

    fn rope(factor: f32, pairs: RotaryPairs) -> Arc<Rope> {
        Arc::new(Rope { speeds: vec![1.0, 0.1], factor, longer: None, pairs, first: 0 })
    }

    #[test]
    fn dot_products_of_rotated_rows_depend_on_their_distance_alone() {
        let rope = rope(1.0, RotaryPairs::Halves);
        let same = Matrix::from_fn(6, 4, |_, c| [0.5, -1.0, 2.0, 0.25][c]);
        let rotated = Rotate { rope, first: 3 }.rotated(&same.into(), 1.0);
        let dot = |a: usize, b: usize| rotated.plane(0).row(a).dot(&rotated.plane(0).row(b));
        assert!((dot(0, 2) - dot(3, 5)).abs() < 1e-5);
        assert!((dot(0, 1) - dot(0, 2)).abs() > 1e-3);
    }

    #[test]
    fn cells_of_rows_that_do_not_begin_the_text_open_into_their_own_turn() {
        for (pairs, before) in
            [(RotaryPairs::Halves, 0), (RotaryPairs::Neighbours, 0), (RotaryPairs::Neighbours, 1)]
        {
            let x: Value = Matrix::from_fn(3, 5, |r, c| (r * 5 + c) as f32 - 6.0).into();
            let rope = Arc::new(Rope { first: before, ..(*rope(1.5, pairs)).clone() });
            let rotate = Rotate { rope, first: 4 };
            let rotated = rotate.forward(&[&x]);
            for cell in x.shape().cells() {
                let operand = |Leaf { cell, .. }: Leaf| Operand {
                    address: Address {
                        kind: AddressKind::Value,
                        path: "x".into(),
                        cell,
                        has_planes: false,
                    },
                    value: x.get(cell),
                };
                let (got, want) =
                    (rotate.open(&[&x], cell).map(&mut { operand }).eval(), rotated.get(cell));
                assert!((got - f64::from(want)).abs() < 1e-5, "{cell:?}: {got}, not {want}");
            }
        }
    }
}
