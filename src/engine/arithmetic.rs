//! The arithmetic of one cell: an expression whose leaves are numbers and other cells.
//!
//! [`Expr::eval`] and the printed text come from the same tree, so that they agree. An operation builds `Expr<(usize,
//! Cell)>` (input, cell); the tape turns the leaves into [`Operand`]s with address and value.

mod derivative;
pub mod terms;

use std::fmt;

use crate::engine::{math::erf, site::Address};

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Exp,
    /// The natural logarithm.
    Ln,
    Sqrt,
    Tanh,
    Sin,
    Cos,
    /// The error function.
    Erf,
}

impl Function {
    /// The function's value at `x`.
    fn of(self, x: f64) -> f64 {
        match self {
            Self::Exp => x.exp(),
            Self::Ln => x.ln(),
            Self::Sqrt => x.sqrt(),
            Self::Tanh => x.tanh(),
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Erf => f64::from(erf(x as f32)),
        }
    }
}

/// An expression over leaves of type `L`.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr<L> {
    Number(f32),
    Leaf(L),
    Sum(Vec<Self>),
    Product(Vec<Self>),
    Difference(Box<Self>, Box<Self>),
    Quotient(Box<Self>, Box<Self>),
    /// `max(0, x)`.
    Positive(Box<Self>),
    Call(Function, Box<Self>),
}

impl<L> Expr<L> {
    pub fn difference(a: Self, b: Self) -> Self {
        Self::Difference(Box::new(a), Box::new(b))
    }

    pub fn quotient(a: Self, b: Self) -> Self {
        Self::Quotient(Box::new(a), Box::new(b))
    }

    pub fn call(function: Function, argument: Self) -> Self {
        Self::Call(function, Box::new(argument))
    }

    /// The expression with every leaf replaced by `f(leaf)`.
    pub fn map<M>(self, f: &mut impl FnMut(L) -> M) -> Expr<M> {
        self.expand(&mut |leaf| Expr::Leaf(f(leaf)))
    }

    /// The expression with every leaf replaced by the expression `f(leaf)`.
    pub fn expand<M>(self, f: &mut impl FnMut(L) -> Expr<M>) -> Expr<M> {
        let mut all = |terms: Vec<Self>| terms.into_iter().map(|t| t.expand(f)).collect();
        match self {
            Self::Number(n) => Expr::Number(n),
            Self::Leaf(leaf) => f(leaf),
            Self::Sum(terms) => Expr::Sum(all(terms)),
            Self::Product(terms) => Expr::Product(all(terms)),
            Self::Difference(a, b) => Expr::difference(a.expand(f), b.expand(f)),
            Self::Quotient(a, b) => Expr::quotient(a.expand(f), b.expand(f)),
            Self::Positive(a) => Expr::Positive(Box::new(a.expand(f))),
            Self::Call(function, a) => Expr::call(function, a.expand(f)),
        }
    }

    /// The value of the expression, computed in f64 from the f32 values of its leaves.
    pub fn eval_with(&self, value: &dyn Fn(&L) -> f32) -> f64 {
        let eval = |e: &Self| e.eval_with(value);
        match self {
            Self::Number(n) => f64::from(*n),
            Self::Leaf(leaf) => f64::from(value(leaf)),
            Self::Sum(terms) => terms.iter().map(eval).sum(),
            Self::Product(terms) => terms.iter().map(eval).product(),
            Self::Difference(a, b) => eval(a) - eval(b),
            Self::Quotient(a, b) => eval(a) / eval(b),
            Self::Positive(a) => eval(a).max(0.0),
            Self::Call(function, a) => function.of(eval(a)),
        }
    }

    /// The leaves from left to right.
    pub fn leaves(&self) -> Vec<&L> {
        match self {
            Self::Number(_) => vec![],
            Self::Leaf(leaf) => vec![leaf],
            Self::Sum(terms) | Self::Product(terms) => {
                terms.iter().flat_map(Self::leaves).collect()
            }
            Self::Difference(a, b) | Self::Quotient(a, b) => [a.leaves(), b.leaves()].concat(),
            Self::Positive(a) | Self::Call(_, a) => a.leaves(),
        }
    }
}

/// A cell used in an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    pub address: Address,
    pub value: f32,
}

impl Expr<Operand> {
    /// The value of the expression, computed in f64 from the f32 operands.
    pub fn eval(&self) -> f64 {
        self.eval_with(&|operand| operand.value)
    }

    /// The expression as text, with every number formatted by `number`; a sum of more than `most` terms shows the
    /// largest and the rest as one number, so that the text stays exact.
    pub fn text(&self, most: usize, number: &dyn Fn(f64) -> String) -> String {
        let text = |e: &Self| e.text(most, number);
        match self {
            Self::Number(n) => number(f64::from(*n)),
            Self::Leaf(operand) => number(f64::from(operand.value)),
            Self::Sum(terms) => sum_text(terms, most, number),
            Self::Product(terms) => {
                terms.iter().map(|t| factor(t, &text)).collect::<Vec<_>>().join("*")
            }
            Self::Difference(a, b) => format!("{} - {}", text(a), factor(b, &text)),
            Self::Quotient(a, b) => format!("{}/{}", factor(a, &text), divisor(b, &text)),
            Self::Positive(a) => format!("max(0, {})", text(a)),
            Self::Call(function, a) => format!("{function}({})", text(a)),
        }
    }
}

fn sum_text(terms: &[Expr<Operand>], most: usize, number: &dyn Fn(f64) -> String) -> String {
    let values: Vec<f64> = terms.iter().map(Expr::eval).collect();
    let mut order: Vec<usize> = (0..terms.len()).collect();
    let rest = if terms.len() > most {
        order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
        order.split_off(most)
    } else {
        vec![]
    };
    let mut parts: Vec<String> =
        order.iter().map(|&i| addend(&terms[i], &|e| e.text(most, number))).collect();
    if !rest.is_empty() {
        parts.push(bracketed(number(rest.iter().map(|&i| values[i]).sum())));
    }
    parts.join(" + ")
}

fn bracketed(number: String) -> String {
    if number.starts_with('-') { format!("({number})") } else { number }
}

fn addend(e: &Expr<Operand>, text: &dyn Fn(&Expr<Operand>) -> String) -> String {
    match e {
        Expr::Difference(..) => format!("({})", text(e)),
        Expr::Product(..) => text(e),
        _ => bracketed(text(e)),
    }
}

fn factor(e: &Expr<Operand>, text: &dyn Fn(&Expr<Operand>) -> String) -> String {
    match e {
        Expr::Sum(..) | Expr::Difference(..) => format!("({})", text(e)),
        _ => bracketed(text(e)),
    }
}

fn divisor(e: &Expr<Operand>, text: &dyn Fn(&Expr<Operand>) -> String) -> String {
    match e {
        Expr::Product(..) | Expr::Quotient(..) => format!("({})", text(e)),
        _ => factor(e, text),
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exp => "exp",
            Self::Ln => "ln",
            Self::Sqrt => "sqrt",
            Self::Tanh => "tanh",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Erf => "erf",
        })
    }
}

/// What an opened number is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberName {
    Address(Address),
    /// Of a number that has no address: what it is, such as `after dropout`, and of what.
    Words {
        what: &'static str,
        of: Option<NumberOf>,
    },
}

/// What a number without an address is a number of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberOf {
    Number(Address),
    /// The numbers of all planes at this row and column: `encoder.0.self_attn.weights[*,2,1]`.
    AllPlanes(Address),
    /// The path of a site, or of a weight.
    Site(String),
    /// A word of the text.
    Word(String),
    /// Something in words of the interface.
    Described(String),
}

impl fmt::Display for NumberOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(address) => write!(f, "{address}"),
            Self::AllPlanes(address) => {
                write!(f, "{}[*,{},{}]", address.name(), address.cell.row, address.cell.col)
            }
            Self::Site(path) | Self::Described(path) => f.write_str(path),
            Self::Word(word) => write!(f, "“{word}”"),
        }
    }
}

impl NumberName {
    /// None for a number without one, which only the pane that shows it can open.
    pub const fn address(&self) -> Option<&Address> {
        match self {
            Self::Address(address) => Some(address),
            Self::Words { .. } => None,
        }
    }
}

/// An opened number: its name, its value, and the expression that it was computed by.
#[derive(Clone, Debug, PartialEq)]
pub struct Arithmetic {
    pub name: NumberName,
    pub value: f32,
    /// The formula, such as `sum_k x[i,k] * W[k,j]`; for a leaf, its caption.
    pub formula: &'static str,
    /// None for a leaf.
    pub expr: Option<Expr<Operand>>,
}
