//! The derivative of an expression with respect to one of its leaves, as an expression that is read again as
//! arithmetic: what a factor 1 or a term 0 would add is left out.

use std::f32::consts::FRAC_2_SQRT_PI;

use super::{Expr, Function};

impl<L> Expr<L> {
    /// The product without factors 1; products among the factors become part of it.
    pub fn product(factors: Vec<Self>) -> Self {
        let inner = |factor| match factor {
            Self::Product(factors) => factors,
            Self::Number(1.0) => vec![],
            other => vec![other],
        };
        let mut factors: Vec<Self> = factors.into_iter().flat_map(inner).collect();
        match factors.len() {
            0 => Self::Number(1.0),
            1 => factors.remove(0),
            _ => Self::Product(factors),
        }
    }
}

impl<L: Clone + PartialEq> Expr<L> {
    /// The derivative with respect to a leaf, which may occur several times; None where it is 0 because the expression
    /// does not contain the leaf, or only in a `max(0, x)` whose `x` is not positive. `value` gives the leaves' values.
    pub fn derivative(&self, of: &L, value: &dyn Fn(&L) -> f32) -> Option<Self> {
        let slope = |e: &Self| e.derivative(of, value);
        match self {
            Self::Number(_) => None,
            Self::Leaf(leaf) => (leaf == of).then_some(Self::Number(1.0)),
            Self::Sum(terms) => sum(terms.iter().filter_map(slope).collect()),
            Self::Product(factors) => {
                let of_factor = |(i, factor): (usize, &Self)| {
                    let slope = slope(factor)?;
                    let others = [&factors[..i], &factors[i + 1..]].concat();
                    Some(Self::product(others.into_iter().chain([slope]).collect()))
                };
                sum(factors.iter().enumerate().filter_map(of_factor).collect())
            }
            Self::Difference(a, b) => match (slope(a), slope(b)) {
                (above, None) => above,
                (None, Some(b)) => Some(minus(b)),
                (Some(a), Some(b)) => Some(Self::difference(a, b)),
            },
            Self::Quotient(a, b) => {
                let through_a = slope(a).map(|slope| Self::quotient(slope, (**b).clone()));
                let through_b = slope(b).map(|slope| {
                    let square = Self::Product(vec![(**b).clone(), (**b).clone()]);
                    Self::quotient(Self::product(vec![(**a).clone(), slope]), square)
                });
                match (through_a, through_b) {
                    (a, None) => a,
                    (None, Some(b)) => Some(minus(b)),
                    (Some(a), Some(b)) => Some(Self::difference(a, b)),
                }
            }
            Self::Positive(x) => slope(x).filter(|_| x.eval_with(value) > 0.0),
            Self::Call(function, x) => Some(of_call(*function, x, slope(x)?)),
        }
    }
}

/// `f'(x) * slope`.
fn of_call<L: Clone + PartialEq>(function: Function, x: &Expr<L>, slope: Expr<L>) -> Expr<L> {
    let call = |function| Expr::call(function, x.clone());
    let (one, two) = (Expr::Number(1.0), Expr::Number(2.0));
    let square = |e: Expr<L>| Expr::Product(vec![e.clone(), e]);
    match function {
        Function::Exp => Expr::product(vec![call(Function::Exp), slope]),
        Function::Ln => Expr::quotient(slope, x.clone()),
        Function::Sqrt => Expr::quotient(slope, Expr::Product(vec![two, call(Function::Sqrt)])),
        Function::Tanh => {
            Expr::product(vec![Expr::difference(one, square(call(Function::Tanh))), slope])
        }
        Function::Sin => Expr::product(vec![call(Function::Cos), slope]),
        Function::Cos => minus(Expr::product(vec![call(Function::Sin), slope])),
        Function::Erf => {
            let bell = Expr::call(Function::Exp, minus(square(x.clone())));
            Expr::product(vec![Expr::Number(FRAC_2_SQRT_PI), bell, slope])
        }
    }
}

/// The sum of terms, where equal ones are counted; None without terms.
fn sum<L: PartialEq>(terms: Vec<Expr<L>>) -> Option<Expr<L>> {
    let mut counted: Vec<(Expr<L>, usize)> = vec![];
    for term in terms {
        match counted.iter_mut().find(|(known, _)| *known == term) {
            Some((_, n)) => *n += 1,
            None => counted.push((term, 1)),
        }
    }
    let times = |(term, n): (Expr<L>, usize)| {
        if n == 1 { term } else { Expr::product(vec![Expr::Number(n as f32), term]) }
    };
    let mut terms: Vec<Expr<L>> = counted.into_iter().map(times).collect();
    if terms.len() > 1 { Some(Expr::Sum(terms)) } else { terms.pop() }
}

/// `-e`.
fn minus<L>(e: Expr<L>) -> Expr<L> {
    match e {
        Expr::Number(n) => Expr::Number(-n),
        other => Expr::product(vec![Expr::Number(-1.0), other]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type E = Expr<usize>;

    const AT: [f32; 3] = [0.7, -1.3, 2.1];

    fn leaf(i: usize) -> E {
        Expr::Leaf(i)
    }

    /// The difference quotient at the values, in f64: the leaf is replaced by a sum of itself and a little.
    fn measured(e: &E, of: usize) -> f64 {
        let by = |h: f32| {
            let moved =
                |i| if i == of { Expr::Sum(vec![leaf(i), Expr::Number(h)]) } else { leaf(i) };
            e.clone().expand(&mut { moved }).eval_with(&|i| AT[*i])
        };
        let h = 1.0 / 1024.0;
        (by(h) - by(-h)) / (2.0 * f64::from(h))
    }

    #[test]
    fn derivatives_are_what_difference_quotients_come_to() {
        let n = Expr::Number;
        let functions =
            [Function::Exp, Function::Tanh, Function::Sin, Function::Cos, Function::Erf];
        let mut all: Vec<E> = functions.map(|f| Expr::call(f, leaf(1))).into();
        all.extend([Function::Ln, Function::Sqrt].map(|f| Expr::call(f, leaf(2))));
        let inner = || Expr::Product(vec![n(0.5), leaf(0), leaf(1), leaf(0)]);
        let squares = Expr::Sum(vec![Expr::Product(vec![leaf(1), leaf(1)]), n(0.1)]);
        all.extend([
            inner(),
            Expr::Sum(vec![leaf(0), leaf(1), leaf(0), n(3.0)]),
            Expr::difference(leaf(0), inner()),
            Expr::difference(inner(), Expr::Product(vec![leaf(0), leaf(2)])),
            Expr::quotient(leaf(0), Expr::call(Function::Sqrt, squares)),
            Expr::quotient(inner(), Expr::Sum(vec![leaf(0), leaf(2)])),
            Expr::Positive(Box::new(leaf(0))),
            Expr::Positive(Box::new(leaf(1))),
            Expr::call(Function::Tanh, inner()),
            // Softmax, its own score in numerator and sum.
            Expr::quotient(
                Expr::call(Function::Exp, leaf(0)),
                Expr::Sum((0..3).map(|i| Expr::call(Function::Exp, leaf(i))).collect()),
            ),
        ]);
        for e in &all {
            for of in 0..3 {
                let got = e.derivative(&of, &|i| AT[*i]);
                let got = got.map_or(0.0, |slope| slope.eval_with(&|i| AT[*i]));
                let want = measured(e, of);
                let near = 1e-4 * want.abs().max(1.0);
                assert!((got - want).abs() < near, "{e:?} by {of}: {got}, not {want}");
            }
        }
    }

    #[test]
    fn a_dot_product_has_the_other_factor_as_its_derivative_and_a_square_twice_the_number() {
        let dot = Expr::Sum(vec![Expr::Product(vec![leaf(0), leaf(1)]), leaf(2)]);
        assert_eq!(dot.derivative(&0, &|_| 0.0), Some(leaf(1)));
        assert_eq!(dot.derivative(&2, &|_| 0.0), Some(Expr::Number(1.0)));
        assert_eq!(dot.derivative(&3, &|_| 0.0), None);
        let square = Expr::Product(vec![leaf(0), leaf(0)]);
        let twice = Expr::Product(vec![Expr::Number(2.0), leaf(0)]);
        assert_eq!(square.derivative(&0, &|_| 0.0), Some(twice));
    }
}
