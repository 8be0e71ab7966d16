//! Which words counted: for the words asked about or for the whole output, token by token or word by word.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    super::{Reading, wishes::Slow},
    MOST_OF_MANY, N_OF_SALIENCY, PassEvidence,
};
use crate::{
    analysis::evidence::{
        Run, Score,
        saliency::{Saliency, by_words},
    },
    model::ModelName,
    text::words,
};

/// How it is asked which words counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counting {
    /// The tokens of a word are added up, and left out together.
    pub by_word: bool,
    /// For the log-probability of all that the model writes instead of the words asked about.
    pub for_output: bool,
}

/// Which words counted for one score, as far as it is known.
#[derive(Default)]
pub(super) struct Counted {
    found: OnceLock<Option<TokensAndWords>>,
    /// The passes that it takes: done, and of how many.
    passes: [AtomicUsize; 2],
}

struct TokensAndWords {
    tokens: Saliency,
    words: Saliency,
}

impl PassEvidence {
    fn counts(&self, for_output: bool) -> &Counted {
        if for_output { &self.counted_for_output } else { &self.counted }
    }

    /// Which tokens counted for the words asked about; None until it is known, and for a model that embeds none or is too
    /// large.
    pub fn saliency(&self) -> Option<&Saliency> {
        self.saliency_of(Counting::default())
    }

    /// The same as it is asked; by word with a number for each of [`Self::words`].
    pub fn saliency_of(&self, Counting { by_word, for_output }: Counting) -> Option<&Saliency> {
        let found = self.counts(for_output).found.get()?.as_ref()?;
        Some(if by_word { &found.words } else { &found.tokens })
    }

    /// The passes done so far to find which words counted, of how many; 0 of 0 before the first.
    pub fn saliency_progress(&self, for_output: bool) -> (usize, usize) {
        let passes = &self.counts(for_output).passes;
        let [done, all] = passes.each_ref().map(|n| n.load(Ordering::Relaxed));
        (done, all)
    }

    /// Whether it is known which words counted, or known that it is not asked.
    pub fn is_saliency_known(&self, for_output: bool) -> bool {
        self.counts(for_output).found.get().is_some()
    }

    /// Whether another pass writes the same words.
    pub fn writes_as(&self, other: &Self) -> bool {
        let words = |found: &Self| found.output.iter().map(|at| at.word).collect::<Vec<u32>>();
        words(self) == words(other)
    }

    /// Whether there is an output that words can count for: a classifier writes none.
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }
}

impl Reading {
    /// Asks for what counted for the whole output, here and before the changes; a reading that waits computes it.
    pub fn ask_what_counted_for_output(&self, name: ModelName) {
        let all = self.pass_evidence.get();
        let Some(found) = all.and_then(|all| all.get(&name)) else { return };
        if self.waits {
            self.count_for_output(name);
        } else if !found.is_saliency_known(true) {
            self.wishes.ask(Slow::CountedForOutput);
        }
    }

    /// Computes what counted for the whole output, here and before the changes.
    pub fn count_for_output(&self, name: ModelName) {
        if let Some(found) = self.pass_evidence().get(&name) {
            self.find_counts_of_both(name, found, true, || true);
        }
    }

    /// The same of every model, while `on_progress`, which is called whenever something is new, says to go on. Returns
    /// whether it went on to the end.
    pub(in crate::analysis::reading) fn count_all_for_output(
        &self,
        mut on_progress: impl FnMut() -> bool,
    ) -> bool {
        self.first_pass_evidence().iter().all(|(name, found)| {
            self.find_before(*name, found);
            self.find_counts_of_both(*name, found, true, &mut on_progress);
            on_progress()
        })
    }

    /// Fills in which words counted, here and before the changes, unless `on_progress` says to stop.
    pub(super) fn find_counts_of_both(
        &self,
        name: ModelName,
        found: &PassEvidence,
        for_output: bool,
        mut on_progress: impl FnMut() -> bool,
    ) {
        self.find_counts(name, found, for_output, &mut on_progress);
        if let (Some(plain), Some(Ok(before)), true) = (&self.plain, found.before(), on_progress())
        {
            plain.find_counts(name, &before.found, for_output, on_progress);
        }
    }

    /// Fills in which words counted, unless `on_progress`, which is called after some passes each, says to stop.
    fn find_counts(
        &self,
        name: ModelName,
        found: &PassEvidence,
        for_output: bool,
        mut on_progress: impl FnMut() -> bool,
    ) {
        let counted = found.counts(for_output);
        if counted.found.get().is_some() {
            return;
        }
        // Besides, one pass without each word.
        let n_passes = N_OF_SALIENCY + self.sentence.tokens.len();
        let is_too_long = self.work(name).saturating_mul(n_passes) > MOST_OF_MANY;
        let mut is_stopped = false;
        let goes_on = |done: usize, all: usize| {
            let [n_done, n_all] = &counted.passes;
            n_done.store(done, Ordering::Relaxed);
            n_all.store(all, Ordering::Relaxed);
            is_stopped = !on_progress();
            !is_stopped
        };
        let score = if for_output {
            Score::LogProbability(found.output.clone())
        } else {
            found.question.score()
        };
        let is_asked = !is_too_long && (!for_output || found.has_output());
        let counts = if is_asked { self.counts(name, found, &score, goes_on) } else { None };
        if !is_stopped {
            // Of two threads, the first one's result is kept; both are the same.
            let _ = counted.found.set(counts);
        }
    }

    fn counts(
        &self,
        name: ModelName,
        found: &PassEvidence,
        score: &Score,
        goes_on: impl FnMut(usize, usize) -> bool,
    ) -> Option<TokensAndWords> {
        let run: Run = self.run(name, found.forced.clone()).ok()?;
        let tokens = words::single(found.source.len());
        let tokens = self.saliency_while(name, &run, score, &tokens, goes_on).ok()??;
        let words = by_words(self.model(name)?, &run, score, &tokens, &found.words);
        Some(TokensAndWords { tokens, words })
    }
}
