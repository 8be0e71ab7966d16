//! `lookback open`: one number's arithmetic, and that of the numbers it was made from.
//!
//! The printed arithmetic can be evaluated: numbers have seven significant digits (nine where seven are too few), and the
//! terms of a long sum that are not shown are one number.

mod tree;

use std::{
    io::{self, Write},
    sync::Arc,
};

use anyhow::anyhow;

use super::{
    args::OpenArgs,
    failure::{Outcome, Usage},
    request::Request,
    source::{Purpose, Source},
    streams::Streams,
};
use crate::{
    analysis::{
        reading::Reading,
        trace::{CellIndex, Recorded, Trace},
    },
    engine::{
        arithmetic::{Arithmetic, Expr, Operand},
        site::{Address, AddressKind, Axis},
        value::Cell,
    },
    lesson::Language,
    model::ModelName,
    text::{near_clause, shown, significant},
    ui::{descriptions::caption, theme::Glyphs},
};
use tree::{OpenedCell, Tree};

pub fn run(asked: &OpenArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let reading = Source::read(request, &ModelName::ALL, Purpose::LookUp, streams)?.reading;
    let (address, reading) = found(&reading, &asked.address).usage()?;
    let meant = request.names(&[]).first().copied();
    let model = choose(&reading, meant, &address).usage()?;
    if address.kind == AddressKind::Gradient {
        reading.begun_course(model, !request.no_memory_check).usage()?;
    }
    let trace = reading.trace(model);
    let terms = if asked.all { usize::MAX } else { usize::from(asked.terms) };
    let open = |address: &Address| reading.open(model, address);
    let tree = Tree::new(&open, &address, usize::from(asked.depth), terms).usage()?;
    let is_ascii = request.look.glyphs == Glyphs::Ascii;
    let mut page = Page { reading: &reading, model, trace, terms, is_ascii, out: streams.out };
    if meant.is_none() && model != ModelName::Transformer {
        let (has, sought) = (model.title(), sought(&address));
        writeln!(streams.notes, "note: the Transformer has no {sought}; opened in the {has}")?;
    }
    Ok(page.print(&address, &tree)?)
}

/// The terms of a long sum that are printed, unless all are asked for.
pub const TERMS: usize = 6;

/// One number's arithmetic as text, with at most `terms` terms of a sum; in `model` if that has the address.
///
/// # Errors
/// If no model has it; the message says what is near.
pub fn text(
    reading: &Arc<Reading>,
    model: ModelName,
    address: &str,
    terms: usize,
) -> anyhow::Result<String> {
    let (address, reading) = found(reading, address)?;
    let model =
        choose(&reading, Some(model), &address).or_else(|_| choose(&reading, None, &address))?;
    if address.kind == AddressKind::Gradient {
        reading.begun_course(model, true)?;
    }
    let open = |address: &Address| reading.open(model, address);
    let tree = Tree::new(&open, &address, 0, terms)?;
    let mut out = vec![];
    let trace = reading.trace(model);
    let reading = &*reading;
    Page { reading, model, trace, terms, is_ascii: false, out: &mut out }.print(&address, &tree)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// An address, and the reading with what it is looked up in.
fn found(reading: &Arc<Reading>, text: &str) -> anyhow::Result<(Address, Arc<Reading>)> {
    let address = text.parse::<Address>();
    let address = address.map_err(|e| not_a_cell(reading, text).unwrap_or(e))?;
    let reading = if is_share(&address) {
        reading.pass_evidence(); // a share is of what is found in a pass
        Arc::clone(reading)
    } else {
        with_insides(reading, &address.path)
    };
    Ok((address, reading))
}

/// The reading with the block of the path opened.
fn with_insides(reading: &Arc<Reading>, path: &str) -> Arc<Reading> {
    let opened = reading.names().find_map(|name| reading.opened(name, path));
    opened.map_or_else(|| Arc::clone(reading), Arc::new)
}

const fn is_share(address: &Address) -> bool {
    matches!(address.kind, AddressKind::Share | AddressKind::Flow)
}

/// The requested model, else the Transformer, else the first that has the site, or the share.
fn choose(
    reading: &Reading,
    asked: Option<ModelName>,
    address: &Address,
) -> anyhow::Result<ModelName> {
    let has = |name: &ModelName| {
        reading.has(*name)
            && if is_share(address) {
                reading.open(*name, address).is_ok()
            } else {
                reading.trace(*name).site(&address.path).is_some()
            }
    };
    let translator = reading.has(ModelName::Transformer).then_some(ModelName::Transformer);
    let first = || translator.into_iter().chain(reading.names()).find(has);
    match asked {
        Some(name) if has(&name) => Ok(name),
        Some(name) => Err(elsewhere(reading, name, first(), address)),
        None => first().ok_or_else(|| nowhere(reading, address)),
    }
}

/// What a model lacks that does not have the address: the site, or the share.
fn sought(address: &Address) -> String {
    if is_share(address) {
        format!("share `{}`", shown(&address.to_string()))
    } else {
        format!("site `{}`", shown(&address.path))
    }
}

fn elsewhere(
    reading: &Reading,
    asked: ModelName,
    other: Option<ModelName>,
    address: &Address,
) -> anyhow::Error {
    let Some(other) = other else { return nowhere(reading, address) };
    anyhow!(
        "{} has no {}; {} has it; pass --model {other}",
        asked.in_sentence(),
        sought(address),
        other.in_sentence()
    )
}

fn nowhere(reading: &Reading, address: &Address) -> anyhow::Error {
    let sought = sought(address);
    if is_share(address) {
        return anyhow!("no model has the {sought}; `lookback flow` lists all shares");
    }
    let mut paths: Vec<&str> = vec![];
    for site in reading.names().flat_map(|name| reading.trace(name).sites()) {
        if !paths.contains(&site.path()) {
            paths.push(site.path());
        }
    }
    let near = near_clause(&address.path, paths.into_iter(), 3);
    let whose = if reading.has(ModelName::Checkpoint) { "PATH" } else { "all" };
    anyhow!(
        "no model has a {sought}{near}; `lookback trace --list --model {whose}` \
         names them all"
    )
}

/// The error for a site without a cell, which names its cells; None if the text is not a site.
fn not_a_cell(reading: &Reading, text: &str) -> Option<anyhow::Error> {
    let path = text.trim();
    let site = reading.names().find_map(|name| reading.trace(name).site(path))?;
    let first = site.address(Cell::default());
    let shape = site.shape();
    let sizes = [shape.planes, shape.rows, shape.cols];
    let axes = site.axes().into_iter().zip(sizes).filter(|(axis, _)| *axis != Axis::Single);
    let axes: Vec<_> = axes.map(|(axis, n)| format!("{} 0..{n}", axis.name())).collect();
    let axes = axes.join(", ");
    Some(anyhow!(
        "`{path}` is a site of many cells, [{axes}] (the last excluded); name one, as in {first}"
    ))
}

/// Significant digits of a printed number; the second, where seven do not evaluate to the cell.
const DIGITS: [usize; 2] = [7, 9];

fn value(n: f32) -> String {
    significant(n.into(), DIGITS[0])
}

/// How a tree is written.
struct Page<'a, 'w> {
    reading: &'a Reading,
    model: ModelName,
    trace: &'a Trace,
    terms: usize,
    is_ascii: bool,
    out: &'w mut dyn Write,
}

impl Page<'_, '_> {
    fn print(&mut self, address: &Address, tree: &Tree) -> io::Result<()> {
        writeln!(self.out, "{address} = {}", value(tree.cells[0].arithmetic.value))?;
        if let Some(site) = self.site(address) {
            let caption = caption(site, address, Language::English);
            let labels = self.labels(site, address.cell);
            writeln!(self.out, "{caption}\n{labels}\n")?;
        }
        self.body(tree, 0, 1, &mut vec![false; tree.cells.len()])?;
        self.footer(tree)
    }

    /// Formula, arithmetic and operands of one opened cell.
    fn body(&mut self, tree: &Tree, i: usize, depth: usize, seen: &mut [bool]) -> io::Result<()> {
        seen[i] = true;
        let OpenedCell { arithmetic, children, more, level } = &tree.cells[i];
        let indent = "  ".repeat(depth);
        writeln!(self.out, "{indent}{}", self.plain(arithmetic.formula))?;
        if let Some(line) = line(arithmetic, self.terms) {
            writeln!(self.out, "{indent}{line}")?;
        }
        if depth == 1 && !children.is_empty() {
            writeln!(self.out, "\nfrom")?;
        }
        for child in children {
            self.operand(&child.operand, &indent)?;
            match child.cell {
                None => writeln!(self.out)?,
                Some(cell) if seen[cell] => writeln!(self.out, "  (opened above)")?,
                Some(cell) if tree.cells[cell].level != level + 1 => {
                    writeln!(self.out, "  (opened below)")?;
                }
                Some(cell) => {
                    writeln!(self.out)?;
                    self.body(tree, cell, depth + 1, seen)?;
                }
            }
        }
        if *more > 0 {
            let dots = self.plain("…");
            writeln!(self.out, "{indent}{dots} and {more} more")?;
        }
        Ok(())
    }

    /// The site of an address, or that of which it is the slope.
    fn site(&self, address: &Address) -> Option<&Recorded> {
        self.reading.site_of(self.model, address)
    }

    fn operand(&mut self, operand: &Operand, indent: &str) -> io::Result<()> {
        let address = &operand.address;
        write!(self.out, "{indent}{address} = {}", value(operand.value))?;
        let Some(site) = self.site(address) else { return Ok(()) };
        let labels = if site.is_leaf && address.kind == AddressKind::Value {
            format!("{}{}", self.plain("· "), site.caption())
        } else {
            self.labels(site, address.cell)
        };
        write!(self.out, "   {labels}")
    }

    fn footer(&mut self, tree: &Tree) -> io::Result<()> {
        let hides = |opened: &OpenedCell| {
            opened.arithmetic.expr.as_ref().is_some_and(|expr| longest_sum(expr) > self.terms)
        };
        if tree.cells.iter().any(hides) {
            let terms = self.terms;
            writeln!(
                self.out,
                "\nSums show their {terms} largest terms, then one number for the rest; --all prints every term."
            )?;
        }
        if tree.is_cut {
            writeln!(
                self.out,
                "\nNot all operands are opened: {} cells is the most.",
                tree::MOST_CELLS
            )?;
        }
        Ok(())
    }

    /// `head 2 · query 7 "it" · key 1 "animal"`
    fn labels(&self, site: &Recorded, cell: Cell) -> String {
        let label = |CellIndex { axis, index, token }: CellIndex| match token {
            Some(token) => format!("{} {index} \"{token}\"", axis.name()),
            None => format!("{} {index}", axis.name()),
        };
        let labels: Vec<_> = self.trace.indices(site, cell).map(label).collect();
        labels.join(if self.is_ascii { ", " } else { " · " })
    }

    fn plain(&self, text: &str) -> String {
        if self.is_ascii { text.replace('…', "...").replace("· ", "") } else { text.to_owned() }
    }
}

/// `a*b + c*d = value`: the left side evaluates to the right side, to 1e-5. None for a leaf.
pub fn line(arithmetic: &Arithmetic, terms: usize) -> Option<String> {
    let expr = arithmetic.expr.as_ref()?;
    let digits = digits(expr);
    let text = expr.text(terms, &|n| significant(n, digits));
    Some(format!("{text} = {}", value(arithmetic.value)))
}

fn digits(expr: &Expr<Operand>) -> usize {
    let [few, many] = DIGITS;
    let as_printed = |n: f32| significant(n.into(), few).parse().unwrap_or(n);
    let rounded = |o: Operand| Operand { value: as_printed(o.value), ..o };
    let (exact, printed) = (expr.eval(), expr.clone().map(&mut |o| rounded(o)).eval());
    if (exact - printed).abs() <= 2e-6 * exact.abs().max(1.0) { few } else { many }
}

fn longest_sum(expr: &Expr<Operand>) -> usize {
    let longest = |terms: &[Expr<Operand>]| terms.iter().map(longest_sum).max().unwrap_or(0);
    match expr {
        Expr::Number(_) | Expr::Leaf(_) => 0,
        Expr::Sum(terms) => longest(terms).max(terms.len()),
        Expr::Product(terms) => longest(terms),
        Expr::Difference(a, b) | Expr::Quotient(a, b) => longest_sum(a).max(longest_sum(b)),
        Expr::Positive(a) | Expr::Call(_, a) => longest_sum(a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_seven_significant_digits_and_no_needless_zeros() {
        let pairs = [
            (0.0, "0"),
            (0.5, "0.5"),
            (-1.0, "-1"),
            (std::f64::consts::PI, "3.141593"),
            (1_234.567_89, "1234.568"),
            (12_345_678.9, "12345679"),
            (0.000_123_456_789, "0.0001234568"),
            (1.5e-9, "1.5e-9"),
            (-2.0e12, "-2e12"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (n, want) in pairs {
            assert_eq!(significant(n, 7), want);
        }
    }
}
