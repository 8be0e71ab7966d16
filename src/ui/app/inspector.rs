//! Inspector: opens a number into its arithmetic, and its operands in turn, down to a weight or a token.

use super::reply::Notice;
use crate::{
    analysis::reading::Reading,
    engine::{
        arithmetic::{Arithmetic, Operand, terms::Term},
        site::Address,
    },
    lesson::{Language, PaneSpec, Selection},
    model::ModelName,
    ui::panes::Mark,
};

/// A number opened into its arithmetic.
#[derive(Clone, Debug)]
pub struct OpenedNumber {
    pub model: ModelName,
    pub arithmetic: Arithmetic,
    pub terms: Vec<Term>,
    /// Indices of the chosen term and of its chosen operand.
    pub term: usize,
    pub operand: usize,
}

impl OpenedNumber {
    fn new(model: ModelName, arithmetic: Arithmetic) -> Self {
        let terms = arithmetic.terms();
        Self { model, arithmetic, terms, term: 0, operand: 0 }
    }

    /// The chosen operand, which Enter opens.
    pub fn chosen(&self) -> Option<&Operand> {
        self.terms.get(self.term)?.operands().get(self.operand).copied()
    }

    /// Moves the choice by terms and operands. False if it is at the end of the list.
    fn choose(&mut self, terms: isize, operands: isize) -> bool {
        let before = (self.term, self.operand);
        let within = |index: usize, by: isize, n: usize| {
            index.saturating_add_signed(by).min(n.saturating_sub(1))
        };
        self.term = within(self.term, terms, self.terms.len());
        let n_operands = self.terms.get(self.term).map_or(0, |term| term.operands().len());
        self.operand = within(self.operand, operands, n_operands);
        before != (self.term, self.operand)
    }
}

/// Opened numbers, each an operand of the previous one, and what panes show of the last.
#[derive(Clone, Default)]
pub struct Inspector {
    pub levels: Vec<OpenedNumber>,
    /// Marks in the panes on the operands of the last number.
    pub marks: Vec<Mark>,
    /// The pane for the chosen operand, if no pane of the step shows its site.
    pub(super) operand_pane: Option<OperandPane>,
    /// A number to open once its block is opened.
    pub(super) awaited: Option<AwaitedNumber>,
}

/// A pane that shows an operand.
#[derive(Clone)]
pub(super) struct OperandPane {
    pub spec: PaneSpec,
    pub selection: Selection,
}

/// A number in a closed block.
#[derive(Clone)]
pub(super) struct AwaitedNumber {
    pub model: ModelName,
    pub address: Address,
}

impl Inspector {
    pub(super) const fn is_open(&self) -> bool {
        !self.levels.is_empty()
    }

    pub(super) fn close(&mut self) {
        self.levels.clear();
    }

    /// Opens a number in place of the open ones.
    pub(super) fn begin(&mut self, model: ModelName, arithmetic: Arithmetic) {
        self.levels = vec![OpenedNumber::new(model, arithmetic)];
    }

    /// Opens a cell of a reading by its address, on top of the open numbers; in a closed block, once that is opened.
    pub(super) fn open(
        &mut self,
        model: ModelName,
        address: &Address,
        reading: Option<&Reading>,
        language: Language,
    ) -> Option<Notice> {
        let Some(reading) = reading else { return Some(Notice::error("nothing is read yet")) };
        let is_closed = |path| reading.trace(model).is_closed(path);
        if address.site_path().is_some_and(is_closed) {
            self.awaited = Some(AwaitedNumber { model, address: address.clone() });
            return None;
        }
        match reading.open(model, address) {
            Ok(arithmetic) => self.levels.push(OpenedNumber::new(model, arithmetic)),
            Err(why) => return Some(Notice::error(language.refusal(&why))),
        }
        None
    }

    /// Opens the cell that waited for its block.
    pub(super) fn open_awaited(
        &mut self,
        reading: Option<&Reading>,
        language: Language,
    ) -> Option<Notice> {
        let AwaitedNumber { model, address } = self.awaited.take()?;
        self.open(model, &address, reading, language)
    }

    /// Opens the chosen operand of the last number.
    pub(super) fn open_operand(
        &mut self,
        reading: Option<&Reading>,
        language: Language,
    ) -> Option<Notice> {
        let level = self.levels.last()?;
        let (model, chosen) = (level.model, level.chosen().cloned());
        match chosen {
            Some(operand) => self.open(model, &operand.address, reading, language),
            None => Some("an input: not computed; Esc goes back".into()),
        }
    }

    /// Closes the last opened number.
    pub(super) fn close_last(&mut self) {
        self.levels.pop();
    }

    /// Moves the choice in the last number by terms and operands.
    pub(super) fn choose(&mut self, terms: isize, operands: isize) -> Option<Notice> {
        let is_at_end = !self.levels.last_mut()?.choose(terms, operands);
        is_at_end.then(|| "that was the end of the list".into())
    }

    /// Opens the same cells in a new reading, up to the first that is missing there.
    pub(super) fn reopen(&mut self, reading: &Reading) {
        let levels = std::mem::take(&mut self.levels);
        for level in levels {
            let address = level.arithmetic.name.address();
            let Some(Ok(arithmetic)) = address.map(|at| reading.open(level.model, at)) else {
                return;
            };
            let reopened = OpenedNumber::new(level.model, arithmetic);
            let n_terms = reopened.terms.len();
            let (term, operand) = (level.term.min(n_terms.saturating_sub(1)), 0);
            self.levels.push(OpenedNumber { term, operand, ..reopened });
        }
    }

    /// Marks on the operands of the last number.
    pub(super) fn operand_marks(&self) -> Vec<Mark> {
        let Some(level) = self.levels.last() else { return vec![] };
        let chosen = level.chosen();
        let operands = level.terms.iter().flat_map(Term::operands);
        let mark = |operand: &Operand| Mark {
            model: level.model,
            address: operand.address.clone(),
            is_chosen: Some(operand) == chosen,
        };
        operands.map(mark).collect()
    }
}
