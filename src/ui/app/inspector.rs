//! Inspector: opens a number into its arithmetic, and its operands in turn, down to a weight or a token.

use super::{Effect, State};
use crate::{
    engine::{
        arithmetic::{Arithmetic, Operand, terms::Term},
        site::Address,
        value::Cell,
    },
    lesson::{PaneKind, PaneSpec, Selection},
    model::Name,
    ui::panes::{Mark, OtherPass},
};

/// Number of ranks of a list that are searched for a cell.
const MAX_RANKS: usize = 4096;

/// Indices of a step and its pane, and the layer to select if the site is one of a layer.
type Place = (usize, usize, Option<usize>);

/// A number opened into its arithmetic.
#[derive(Clone, Debug)]
pub struct OpenedNumber {
    pub model: Name,
    pub arithmetic: Arithmetic,
    pub terms: Vec<Term>,
    /// Indices of the chosen term and of its chosen operand.
    pub term: usize,
    pub operand: usize,
}

impl OpenedNumber {
    fn new(model: Name, arithmetic: Arithmetic) -> Self {
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
    /// Pane and selection for the chosen operand, if no pane of the step shows its site.
    pub(super) operand_pane: Option<(PaneSpec, Selection)>,
    /// A number to open once its block is opened.
    pub(super) awaited: Option<(Name, Address)>,
}

impl Inspector {
    pub(super) const fn is_open(&self) -> bool {
        !self.levels.is_empty()
    }

    pub(super) fn close(&mut self) {
        self.levels.clear();
    }
}

impl State {
    /// The last opened number; None if the inspector is closed.
    pub fn opened(&self) -> Option<&OpenedNumber> {
        self.inspector.levels.last()
    }

    /// Opens the number under the cursor, or zooms into the head under it.
    pub(super) fn inspect(&mut self) {
        let (row, col) = (self.nav.selection.row, self.nav.selection.col);
        if self.walks_heads() {
            return self.zoom_into_head();
        }
        let (_, step) = self.current();
        let Some(spec) = self.focused() else { return };
        let model = step.model_of(spec);
        let opened = {
            let panes = self.panes();
            let Some(pane) = panes.get(self.nav.focus) else { return };
            let address = pane.cursor_cell(row, col).map(|p| p.address);
            let cell = address.and_then(|address| self.arithmetic_of(model, &address).ok());
            cell.or_else(|| pane.arithmetic(row, col))
        };
        match opened {
            Some(arithmetic) => self.inspector.levels = vec![OpenedNumber::new(model, arithmetic)],
            None => self.show_message("there is no number to open here; Tab goes to another pane"),
        }
    }

    /// Opens a cell by its address, on top of the open numbers.
    pub(super) fn inspect_address(&mut self, model: Name, address: &Address) {
        if self.is_in_closed_block(model, address) {
            self.inspector.awaited = Some((model, address.clone()));
            return;
        }
        match self.arithmetic_of(model, address) {
            Ok(arithmetic) => self.inspector.levels.push(OpenedNumber::new(model, arithmetic)),
            Err(why) => self.show_error(why.to_string()),
        }
    }

    fn is_in_closed_block(&self, model: Name, address: &Address) -> bool {
        let (Some(path), Some(reading)) = (address.site_path(), &self.passes.reading) else {
            return false;
        };
        reading.trace(model).is_closed(path)
    }

    fn arithmetic_of(&self, model: Name, address: &Address) -> anyhow::Result<Arithmetic> {
        let Some(reading) = &self.passes.reading else { anyhow::bail!("nothing is read yet") };
        reading.open(model, address)
    }

    /// Opens the chosen operand.
    pub(super) fn inspect_operand(&mut self) {
        let Some(level) = self.opened() else { return };
        let (model, chosen) = (level.model, level.chosen().cloned());
        match chosen {
            Some(operand) => self.inspect_address(model, &operand.address),
            None => {
                self.show_message("an input: not computed; Esc goes back");
            }
        }
    }

    /// The pass that the open number was read from; None for a number of the pass on the screen.
    pub fn pass_of_open_number(&self) -> Option<OtherPass> {
        if self.inspector.levels.len() != 1 {
            return None;
        }
        let (row, col) = (self.nav.selection.row, self.nav.selection.col);
        self.panes().get(self.nav.focus)?.pass_of(row, col)
    }

    /// Requests the pass that the open number was read from; None for a number of the pass on the screen.
    pub(super) fn show_its_pass(&mut self) -> Option<Effect> {
        let OtherPass { sentence, changes } = self.pass_of_open_number()?;
        self.inspector.close();
        let effect = if self.passes.has_sentence(&sentence) {
            self.passes.request_changes(changes)
        } else {
            self.passes.step_after_reading = Some(self.nav.step);
            Some(self.passes.request(sentence, changes))
        };
        self.show_message(
            "reading it again with that value put in; v shows what differs, r goes back",
        );
        effect
    }

    /// Enters a step that shows the cell and opens it there; without such a step, opens it in the current one.
    pub(super) fn go_to(&mut self, model: Name, address: &Address) {
        self.inspector.close();
        let places = address.site_path().map_or_else(Vec::new, |path| self.places_of(model, path));
        // A list of a row's largest numbers may lack the cell; a matrix in another step has it.
        let is_shown = places.iter().any(|place| self.select_cell(*place, address));
        if let Some(first) = places.first().filter(|_| !is_shown) {
            self.select_cell(*first, address);
        }
        self.inspect_address(model, address);
    }

    /// Enters a step and moves the cursor to the cell, or to the start of its row if the pane lacks it; returns
    /// whether the pane has it.
    fn select_cell(&mut self, (step, pane, layer): Place, address: &Address) -> bool {
        self.enter(step);
        self.nav.focus = pane;
        let Cell { plane: head, row, col } = address.cell;
        let layer = layer.unwrap_or(self.nav.selection.layer);
        self.nav.selection = Selection { layer, head, row, col };
        self.nav.picked.layer = Some(layer);
        self.pick_row();
        self.pick_head();
        self.clamp();
        let cursor = self.cursor_on(address);
        (self.nav.selection.row, self.nav.selection.col) = cursor.unwrap_or((row, 0));
        self.clamp();
        cursor.is_some()
    }

    /// Row and column of the cursor on a cell in the focused pane; in a list, the column is the cell's rank.
    fn cursor_on(&self, address: &Address) -> Option<(usize, usize)> {
        let panes = self.panes();
        let pane = panes.get(self.nav.focus)?;
        let Cell { row, col, .. } = address.cell;
        let is_on_cell = |&(row, col): &(usize, usize)| {
            let pointed = pane.cursor_cell(row, col).map(|p| p.address);
            pointed.is_some_and(|p| (p.site_path(), p.cell) == (address.site_path(), address.cell))
        };
        let ranks = pane.extent().1.min(MAX_RANKS);
        std::iter::once((row, col)).chain((0..ranks).map(|rank| (row, rank))).find(is_on_cell)
    }

    /// Panes of a site, at most one per step, the current chapter first.
    fn places_of(&self, model: Name, path: &str) -> Vec<Place> {
        let chapter = self.current().0;
        let steps = self.lesson.steps();
        let mut order: Vec<usize> = (0..steps.len()).collect();
        order.sort_by_key(|&i| steps[i].0 != chapter);
        let layered =
            self.passes.reading.as_ref().and_then(|reading| reading.trace(model).in_layers(path));
        let in_step = |i: usize| {
            let step = steps[i].1;
            let place = |(pane, spec): (usize, &PaneSpec)| {
                let site = spec.site.as_deref().filter(|_| step.model_of(spec) == model)?;
                let in_layer = layered.as_ref().filter(|layered| layered.pattern == site);
                (site == path || in_layer.is_some()).then_some((
                    i,
                    pane,
                    in_layer.map(|layered| layered.layer),
                ))
            };
            step.panes.iter().enumerate().find_map(place)
        };
        order.into_iter().filter_map(in_step).collect()
    }

    /// Closes the last opened number.
    pub(super) fn inspect_back(&mut self) {
        self.inspector.levels.pop();
    }

    pub(super) fn choose_operand(&mut self, terms: isize, operands: isize) {
        if let Some(level) = self.inspector.levels.last_mut()
            && !level.choose(terms, operands)
        {
            self.show_message("that was the end of the list");
        }
    }

    /// Opens the same cells in a new reading, up to the first that is missing there.
    pub(super) fn reopen_numbers(&mut self) {
        let levels = std::mem::take(&mut self.inspector.levels);
        for level in levels {
            let address = level.arithmetic.name.address();
            let Some(Ok(arithmetic)) = address.map(|at| self.arithmetic_of(level.model, at)) else {
                return;
            };
            let reopened = OpenedNumber::new(level.model, arithmetic);
            let n_terms = reopened.terms.len();
            let (term, operand) = (level.term.min(n_terms.saturating_sub(1)), 0);
            self.inspector.levels.push(OpenedNumber { term, operand, ..reopened });
        }
    }

    /// Pane and selection for the chosen operand; None if a pane of the step shows its site.
    pub(super) fn operand_pane(&self) -> Option<(PaneSpec, Selection)> {
        let level = self.opened()?;
        let address = &level.chosen()?.address;
        let (path, cell) = (address.site_path()?, address.cell); // no pane has a share as a site
        let trace = self.passes.reading.as_ref()?.trace(level.model);
        if trace.site(path).is_none() && !trace.is_closed(path) {
            return None;
        }
        let (_, step) = self.current();
        let shows = |spec: &PaneSpec| {
            step.model_of(spec) == level.model
                && spec.path(self.nav.selection.layer).as_deref() == Some(path)
        };
        if self.specs().iter().any(shows) {
            return None;
        }
        let spec = PaneSpec {
            kind: PaneKind::Matrix,
            site: Some(path.to_owned()),
            model: Some(level.model),
            title: None,
            stays_behind_tab: false,
        };
        let selection =
            Selection { head: cell.plane, row: cell.row, col: cell.col, ..self.nav.selection };
        Some((spec, selection))
    }

    /// Marks on the operands of the open number.
    pub(super) fn operand_marks(&self) -> Vec<Mark> {
        let Some(level) = self.opened() else { return vec![] };
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
