//! Two sentences, and how much of their difference each value carries: maps whose cells are computed one by one, by any
//! number of threads, while the screen shows those that are known.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use rayon::prelude::*;

use crate::{
    analysis::evidence::patching::{PatchCell, PatchMap, Patching},
    engine::site::Place,
    text::Token,
};

/// How many cells are computed between two looks at whether to stop.
const AT_ONCE: usize = 16;

/// Two sentences, and how much of their difference each value carries.
pub struct Patched {
    /// The sentence that gives values, and the one that gets them.
    pub sentences: [String; 2],
    pub word: String,
    pub against: String,
    /// The tokens of the one that gets values.
    pub source: Vec<Token>,
    pub target: Vec<Token>,
    patching: Patching,
    cells: Vec<PatchCell>,
    /// By cell: what is known.
    shares: Vec<OnceLock<Option<f32>>>,
    n_known: AtomicUsize,
    is_running: AtomicBool,
    is_stopped: AtomicBool,
}

impl Patched {
    pub fn new(
        patching: Patching,
        sentences: [String; 2],
        word: String,
        against: String,
        source: Vec<Token>,
        target: Vec<Token>,
    ) -> Self {
        let cells = patching.cells();
        Self {
            sentences,
            word,
            against,
            source,
            target,
            shares: vec![OnceLock::new(); cells.len()],
            cells,
            patching,
            n_known: AtomicUsize::new(0),
            is_running: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
        }
    }

    pub fn maps(&self) -> &[PatchMap] {
        &self.patching.maps
    }

    /// The difference of logits in both sentences.
    pub fn ends(&self) -> [f32; 2] {
        self.patching.ends
    }

    /// See [`Patching::answers_alike`].
    pub fn answers_alike(&self) -> bool {
        self.patching.answers_alike()
    }

    /// Whether A prefers the word, and B the one that it is set against.
    pub fn answers_part(&self) -> bool {
        let [a, b] = self.ends();
        a > 0.0 && b < 0.0
    }

    /// The map that a site is a row of.
    pub fn map_of(&self, site: &str) -> Option<usize> {
        self.maps().iter().position(|map| map.rows.iter().any(|row| row == site))
    }

    /// The place whose values a row of a map puts into B.
    pub fn place(&self, map: usize, row: usize) -> Option<&Place> {
        let b = &self.patching.b;
        Some(&b.tape().entry(b.node(self.maps().get(map)?.rows.get(row)?)?).place)
    }

    /// The share of a cell; None until it is computed, `Some(None)` where a word has no counterpart.
    pub fn share(&self, map: usize, row: usize, col: usize) -> Option<Option<f32>> {
        let before: usize = self.maps()[..map].iter().map(|m| m.rows.len() * m.n_cols).sum();
        let of = self.maps().get(map).filter(|m| row < m.rows.len() && col < m.n_cols)?;
        self.shares.get(before + row * of.n_cols + col)?.get().copied()
    }

    /// How many cells are computed, of how many.
    pub fn progress(&self) -> (usize, usize) {
        (self.n_known.load(Ordering::Relaxed), self.cells.len())
    }

    pub fn is_complete(&self) -> bool {
        self.progress().0 >= self.cells.len()
    }

    /// Whether a thread is computing cells, and none has asked it to stop.
    pub fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Relaxed) && !self.is_stopped.load(Ordering::Relaxed)
    }

    /// Asks the thread that computes cells to stop.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Computes what is missing, until [`Self::stop`]; `on_progress` is called after some cells each, and says whether to go
    /// on. Of two calls at once the second returns.
    pub fn work(&self, mut on_progress: impl FnMut() -> bool) {
        if self.is_running.swap(true, Ordering::AcqRel) {
            self.is_stopped.store(false, Ordering::Relaxed);
            return;
        }
        self.is_stopped.store(false, Ordering::Relaxed);
        for cells in self.missing().chunks(AT_ONCE) {
            if self.is_stopped.load(Ordering::Relaxed) {
                break;
            }
            self.compute(cells);
            if !on_progress() {
                break;
            }
        }
        self.is_running.store(false, Ordering::Release);
        on_progress();
    }

    /// Computes everything, whoever else does.
    pub fn complete(&self) {
        self.compute(&self.missing());
    }

    fn missing(&self) -> Vec<usize> {
        (0..self.cells.len()).filter(|&i| self.shares[i].get().is_none()).collect()
    }

    fn compute(&self, cells: &[usize]) {
        cells.par_iter().for_each(|&i| {
            let share = self.patching.measure(self.cells[i]);
            if self.shares[i].set(share).is_ok() {
                self.n_known.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}
