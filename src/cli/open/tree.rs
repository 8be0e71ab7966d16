//! Which cells are opened, level by level, and which operands of each are shown.

use std::collections::{HashMap, VecDeque};

use anyhow::Result;

use crate::engine::{
    arithmetic::{Arithmetic, Expr, Operand},
    site::Address,
};

/// The most cells one tree opens.
pub const MOST_CELLS: usize = 250;
/// Operands shown of a cell below the first.
const BREADTH: usize = 4;

/// A cell and what it was made from, as far as it is shown.
pub struct OpenedCell {
    pub arithmetic: Arithmetic,
    pub children: Vec<Child>,
    /// Operands that are not shown.
    pub more: usize,
    /// How far below the first cell it is opened.
    pub level: usize,
}

/// An operand; `cell` is where it is opened, if it is.
pub struct Child {
    pub operand: Operand,
    pub cell: Option<usize>,
}

/// Opens a cell; an error where there is none.
pub type Opens<'a> = &'a dyn Fn(&Address) -> Result<Arithmetic>;

/// Opened cells; the first is the one that was asked for. Each is opened once.
pub struct Tree {
    pub cells: Vec<OpenedCell>,
    /// Whether more could have been opened.
    pub is_cut: bool,
}

impl Tree {
    /// Opens `address` and `depth` levels of operands below it, nearest levels first.
    ///
    /// # Errors
    /// If the address is not a cell of the model.
    pub fn new(open: Opens, address: &Address, depth: usize, terms: usize) -> Result<Self> {
        // Alone, a cell shows the pairs of all terms that are printed; above others, fewer.
        let breadth = if depth == 0 { terms.saturating_mul(2) } else { terms };
        let root = opened(open(address)?, breadth, 0);
        let mut tree = Self { cells: vec![root], is_cut: false };
        let mut index = HashMap::from([(address.clone(), 0)]);
        let mut queue = VecDeque::from([0]);
        while let Some(i) = queue.pop_front() {
            if tree.cells[i].level < depth {
                tree.open_children(open, i, &mut index, &mut queue);
            }
        }
        Ok(tree)
    }

    fn open_children(
        &mut self,
        open: Opens,
        parent: usize,
        index: &mut HashMap<Address, usize>,
        queue: &mut VecDeque<usize>,
    ) {
        let level = self.cells[parent].level + 1;
        for child in 0..self.cells[parent].children.len() {
            let address = self.cells[parent].children[child].operand.address.clone();
            let cell = index.get(&address).copied().or_else(|| {
                let arithmetic = open(&address).ok().filter(|a| a.expr.is_some())?;
                self.is_cut |= self.cells.len() == MOST_CELLS;
                if self.is_cut {
                    return None;
                }
                self.cells.push(opened(arithmetic, BREADTH, level));
                index.insert(address, self.cells.len() - 1);
                queue.push_back(self.cells.len() - 1);
                Some(self.cells.len() - 1)
            });
            self.cells[parent].children[child].cell = cell;
        }
    }
}

fn opened(arithmetic: Arithmetic, breadth: usize, level: usize) -> OpenedCell {
    let mut operands: Vec<&Operand> = vec![];
    for operand in arithmetic.expr.iter().flat_map(by_size) {
        if !operands.iter().any(|o| o.address == operand.address) {
            operands.push(operand);
        }
    }
    let more = operands.len().saturating_sub(breadth);
    let shown = operands.into_iter().take(breadth);
    let children = shown.map(|o| Child { operand: o.clone(), cell: None }).collect();
    OpenedCell { arithmetic, children, more, level }
}

/// The operands, those of a sum's largest term first.
fn by_size(expr: &Expr<Operand>) -> Vec<&Operand> {
    match expr {
        Expr::Number(_) => vec![],
        Expr::Leaf(operand) => vec![operand],
        Expr::Sum(terms) => {
            let mut sized: Vec<_> = terms.iter().map(|t| (t.eval().abs(), t)).collect();
            sized.sort_by(|a, b| b.0.total_cmp(&a.0));
            sized.into_iter().flat_map(|(_, t)| by_size(t)).collect()
        }
        Expr::Product(terms) => terms.iter().flat_map(by_size).collect(),
        Expr::Difference(a, b) | Expr::Quotient(a, b) => [by_size(a), by_size(b)].concat(),
        Expr::Positive(a) | Expr::Call(_, a) => by_size(a),
    }
}
