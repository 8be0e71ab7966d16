//! An opened cell as a list of terms to select: summands, largest first, then the operands outside of sums in the
//! order of the formula.

use super::{Arithmetic, Expr, Operand};

/// A term of an opened cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub expr: Expr<Operand>,
    /// The term's value.
    pub value: f64,
    /// Whether it is one of the terms of a sum.
    pub is_summand: bool,
    /// Whether it is divided by a sum, as in softmax.
    pub is_numerator: bool,
}

impl Term {
    fn new(expr: &Expr<Operand>, is_summand: bool) -> Self {
        Self { expr: expr.clone(), value: expr.eval(), is_summand, is_numerator: false }
    }

    /// Its cells, without repetition.
    pub fn operands(&self) -> Vec<&Operand> {
        let mut operands: Vec<&Operand> = vec![];
        for leaf in self.expr.leaves() {
            if !operands.contains(&leaf) {
                operands.push(leaf);
            }
        }
        operands
    }
}

impl Arithmetic {
    /// The terms of the arithmetic; empty for a leaf.
    pub fn terms(&self) -> Vec<Term> {
        let mut terms = vec![];
        if let Some(expr) = &self.expr {
            gather(expr, &mut terms);
        }
        terms
    }
}

fn gather(expr: &Expr<Operand>, terms: &mut Vec<Term>) {
    match expr {
        Expr::Number(_) => {}
        Expr::Leaf(_) => terms.push(Term::new(expr, false)),
        Expr::Sum(summands) => {
            let mut summands: Vec<Term> = summands.iter().map(|s| Term::new(s, true)).collect();
            summands.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
            terms.extend(summands);
        }
        // For exp(x) and max(0, x) the term includes the function.
        Expr::Call(_, inner) | Expr::Positive(inner) if inner.leaves().len() == 1 => {
            terms.push(Term::new(expr, false));
        }
        Expr::Call(_, inner) | Expr::Positive(inner) => gather(inner, terms),
        Expr::Product(factors) => factors.iter().for_each(|factor| gather(factor, terms)),
        Expr::Quotient(a, b) if matches!(**b, Expr::Sum(_)) => {
            let start = terms.len();
            gather(a, terms);
            terms[start..].iter_mut().for_each(|term| term.is_numerator = true);
            gather(b, terms);
        }
        Expr::Difference(a, b) | Expr::Quotient(a, b) => {
            gather(a, terms);
            gather(b, terms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{
        arithmetic::{Function, NumberName},
        site::{Address, AddressKind},
        value::Cell,
    };

    fn operand(col: usize, value: f32) -> Expr<Operand> {
        let cell = Cell::new(0, 0, col);
        Expr::Leaf(Operand {
            address: Address {
                kind: AddressKind::Value,
                path: "x".into(),
                cell,
                has_planes: false,
            },
            value,
        })
    }

    fn terms(expr: Expr<Operand>) -> Vec<Term> {
        let name = NumberName::Words { what: "y", of: None };
        Arithmetic { name, value: 0.0, formula: "", expr: Some(expr) }.terms()
    }

    #[test]
    fn summands_come_largest_first_and_keep_their_operands() {
        let product = |i, a| Expr::Product(vec![operand(i, a), operand(i + 10, 2.0)]);
        let terms = terms(Expr::Sum(vec![product(0, 0.5), product(1, -3.0), product(2, 1.0)]));
        assert_eq!(terms.iter().map(|t| t.value).collect::<Vec<_>>(), [-6.0, 2.0, 1.0]);
        let columns: Vec<_> = terms[0].operands().iter().map(|o| o.address.cell.col).collect();
        assert_eq!(columns, [1, 11]);
    }

    #[test]
    fn softmax_shows_its_numerator_before_the_sum() {
        let exp = |i, x| Expr::call(Function::Exp, operand(i, x));
        let sum = Expr::Sum(vec![exp(0, 0.0), exp(1, 2.0)]);
        let terms = terms(Expr::quotient(exp(0, 0.0), sum));
        let seen: Vec<_> = terms.iter().map(|t| (t.is_summand, t.operands()[0].value)).collect();
        assert_eq!(seen, [(false, 0.0), (true, 2.0), (true, 0.0)]);
        let numerators: Vec<_> = terms.iter().map(|t| t.is_numerator).collect();
        assert_eq!(numerators, [true, false, false]);
    }

    #[test]
    fn a_square_names_its_operand_once() {
        let difference = || Expr::difference(operand(0, 3.0), operand(1, 1.0));
        let square = Expr::Product(vec![difference(), difference()]);
        assert_eq!(terms(Expr::Sum(vec![square]))[0].operands().len(), 2);
    }
}
