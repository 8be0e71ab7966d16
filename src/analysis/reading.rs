//! One sentence as read by every built-in model, or by the user's checkpoint: all data that the screen can show.
//!
//! A reading is a cache that fills itself, behind locks. Its passes are there from the start; what takes longer is
//! computed once, by whoever asks first, and the same for everybody. Who may wait asks [`Reading::waiting`] or the
//! methods that compute. The screen may not: it gets None for what is not known yet, and the reading notes that it was
//! missed (`wishes`). A worker computes what was missed; the action that then reaches `ui::app` carries no result, it
//! says only that the next drawing has more to show. So drawing twice may show more, never something else.

mod card;
mod courses;
mod asked;
mod pass_evidence;
mod learner;
mod measures;
mod patch_values;
mod patched;
mod reader;
mod readings;
mod recent;
mod tokenizer;
mod whatif;
mod wishes;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
};

pub use crate::analysis::evidence::course::Course;
pub use asked::QuestionAsked;
pub use card::{CardValue, CheckpointCard, TensorGroup};
pub use learner::TargetKind;
use measures::Measures;
pub use measures::{AttentionSlopes, HeadSummaries, WordGradient, WordGradients};
pub use pass_evidence::{
    Counting, EvidenceBefore, EvidenceByModel, NextWordInBoth, PassEvidence, STAR_PAIR, UnitOfPart,
};
pub use patched::Patched;
pub use reader::Reader;
pub use readings::Readings;
pub use tokenizer::tokenizer;
pub use wishes::Slow;

use anyhow::Result;
use patch_values::GivenByName;
use recent::Recent;
use wishes::Wishes;

use crate::{
    analysis::{
        measure::{
            accuracy::Accuracy,
            attention_form::{AttentionForm, AttentionMap, attention_map},
            choice::{choice, log_probability, output_costs},
            difference::{SiteDifference, WorstNumber, differences, worst_numbers},
            lens::{self, LensPrediction},
            neighbours::{Neighbourhood, neighbourhood},
            readback::{self, ReadBack},
            timing::{self, Times},
            typical::Typical,
        },
        trace::Trace,
    },
    engine::{
        change::{Changes, Learned},
        math::sampling::{Choice, Choosing},
        pool,
        value::Matrix,
    },
    model::{Model, ModelName, ModelSizes},
    text::{Sentence, Token, Tokenizer},
};

/// The loaded models, in the order of the lesson.
type Models = Arc<[(ModelName, Arc<dyn Model>)]>;

/// The most multiplications that run without being noticed: a few milliseconds.
const IN_A_MOMENT: usize = 20_000_000;

/// The most numbers that are listed of those that differ.
const MOST_WORST: usize = 40;

/// Where two passes part.
pub struct Differences {
    pub sites: Vec<SiteDifference>,
    /// The numbers that differ most, the worst first.
    pub worst: Vec<WorstNumber>,
}

/// The passes by model; a pass that no change applies to is shared with the plain reading.
type Traces = BTreeMap<ModelName, Arc<Trace>>;

/// All passes over one sentence.
#[derive(Clone)]
pub struct Reading {
    pub sentence: Sentence,
    pub accuracy: Arc<Accuracy>,
    /// What is usual over many sentences.
    pub typical: Arc<Typical>,
    /// The changes; empty in a plain reading.
    pub changes: Arc<Changes>,
    /// The reading of the same sentence without changes, if this is a changed reading.
    pub plain: Option<Arc<Self>>,
    /// The description of the checkpoint.
    pub card: Option<Arc<CheckpointCard>>,
    traces: Traces,
    /// The models, for measures that run further passes.
    models: Models,
    tokenizer: Arc<Tokenizer>,
    measures: Arc<Measures>,
    wishes: Arc<Wishes>,
    /// Whether it computes a measure when it is asked for it; else what is not known yet is None.
    waits: bool,
    /// The computed results of the lens, by model and row.
    lenses: Lenses,
    /// Choices of the next token, by model, row and sampling settings.
    choices: Recent<(ModelName, usize, Choosing), Choice>,
    /// What the probes read back, by model.
    answers: Recent<ModelName, Vec<ReadBack>>,
    /// Where this pass parts from the plain one, by model and number of sites, which grows as blocks are opened.
    differences: Recent<(ModelName, usize), Differences>,
    /// Forms of attention, by model, site and form; None where the model lacks what a form needs.
    attention_maps: Recent<(ModelName, String, AttentionForm), Option<AttentionMap>>,
    /// Log-probabilities of outputs, by model.
    log_probabilities: Recent<ModelName, f64>,
    /// Cross-entropies of the tokens of outputs, by model.
    output_costs: Recent<ModelName, Vec<f32>>,
    pass_evidence: Arc<OnceLock<EvidenceByModel>>,
    /// The weights of models that learned before this pass.
    learned: LearnedByName,
    /// What passes are given by those of the first sentence.
    given: GivenByName,
    /// What learning did, or would do.
    courses: courses::Courses,
    /// Neighbourhoods in a model's table of embeddings, by model and token.
    neighbourhoods: Recent<(ModelName, u32), Neighbourhood>,
}

/// The times that each model takes to read texts of several lengths.
pub type MachineTimes = BTreeMap<ModelName, Times>;

/// Weights after steps of learning, by model.
type LearnedByName = Arc<BTreeMap<ModelName, Arc<Learned>>>;

/// The results of the lens, by model, row and followed word.
type Lenses = Arc<Mutex<HashMap<(ModelName, usize, Option<usize>), Arc<[LensPrediction]>>>>;

impl Reading {
    /// # Panics
    /// If the reader does not have this model ([`Reader::of`]).
    pub fn trace(&self, name: ModelName) -> &Trace {
        &self.traces[&name]
    }

    /// The text of tokens, without special ones; safe to show.
    pub fn decoded(&self, ids: &[u32]) -> String {
        self.tokenizer.decode(ids)
    }

    /// The most tokens a sentence may have.
    pub fn token_limit(&self) -> usize {
        self.tokenizer.limit()
    }

    /// A text in the tokens that the models would read.
    ///
    /// # Errors
    /// If they cannot read it: it is empty, or too long.
    pub fn tokenized(&self, text: &str) -> Result<Sentence> {
        self.tokenizer.sentence(text)
    }

    pub fn has(&self, name: ModelName) -> bool {
        self.traces.contains_key(&name)
    }

    /// The models of this reading, in the order of the lesson.
    pub fn names(&self) -> impl Iterator<Item = ModelName> {
        self.traces.keys().copied()
    }

    /// The same reading with the block at this path opened. None if the path is not in a closed block.
    #[must_use]
    pub fn opened(&self, name: ModelName, path: &str) -> Option<Self> {
        let open = |reading: &Self| {
            let trace = reading.traces[&name].opened(path)?;
            let mut traces = reading.traces.clone();
            traces.insert(name, Arc::new(trace));
            Some(traces)
        };
        let plain = self.plain.as_ref().map(|plain| match open(plain) {
            Some(traces) => Arc::new(Self { traces, ..(**plain).clone() }),
            None => Arc::clone(plain),
        });
        Some(Self { traces: open(self)?, plain, lenses: Arc::default(), ..self.clone() })
    }

    /// The same model's unchanged pass; None if this reading is a plain one.
    pub fn plain_trace(&self, name: ModelName) -> Option<&Trace> {
        self.plain.as_ref().map(|plain| plain.trace(name))
    }

    /// Whether a model's pass is another than its unchanged one: changes may apply to other models only.
    pub fn is_changed(&self, name: ModelName) -> bool {
        self.plain_trace(name).is_some_and(|plain| !std::ptr::eq(plain, self.trace(name)))
    }

    /// The probes' predictions for a model; empty for a model without probes.
    pub fn read_back(&self, name: ModelName) -> Arc<Vec<ReadBack>> {
        let found = self.answers.find(name, || Some(readback::read_back(self.trace(name))));
        found.unwrap_or_default()
    }

    /// The log-probability of a model's whole output; None for a model that only reads.
    pub fn log_probability(&self, name: ModelName) -> Option<f64> {
        self.log_probabilities.find(name, || log_probability(self.trace(name))).map(|p| *p)
    }

    /// The cross-entropy of every token of a model's output, in nats, computed once; empty without logits.
    pub fn output_costs(&self, name: ModelName) -> Arc<Vec<f32>> {
        let found = self.output_costs.find(name, || Some(output_costs(self.trace(name))));
        found.unwrap_or_default()
    }

    /// The words around a token in a model's table of embeddings.
    pub fn neighbourhood(&self, name: ModelName, id: u32) -> Option<Arc<Neighbourhood>> {
        let find = || neighbourhood(self.trace(name), &self.tokenizer, id);
        self.neighbourhoods.find((name, id), find)
    }

    /// The choice of a model's next token after a row. The last few are kept, so that one screen sorts the vocabulary
    /// once.
    pub fn choice(&self, name: ModelName, choosing: Choosing, row: usize) -> Option<Arc<Choice>> {
        self.choices.find((name, row, choosing), || choice(self.trace(name), choosing, row))
    }

    /// The changes of a model's pass, with the weights that it learned.
    fn changes_of(&self, name: ModelName) -> Arc<Changes> {
        let changes = match self.learned.get(&name) {
            Some(learned) => Arc::new(self.changes.with_weights(Arc::clone(learned))),
            None => Arc::clone(&self.changes),
        };
        match self.given.get(&name) {
            Some(given) => Arc::new(changes.with_given(Arc::clone(given))),
            None => changes,
        }
    }

    /// Where a model's pass parts from the plain one, site by site; None for a plain reading.
    pub fn differences(&self, name: ModelName) -> Option<Arc<Differences>> {
        let (trace, plain) = (self.trace(name), self.plain_trace(name)?);
        let key = (name, trace.sites().count());
        self.differences.find(key, || {
            let sites = differences(trace, plain);
            let worst = worst_numbers(trace, &sites, MOST_WORST);
            Some(Differences { sites, worst })
        })
    }

    /// A form of the attention whose weights are at a path. Takes tenths of a second if the blocks of a large pass have
    /// to be opened for it.
    pub fn attention_map(
        &self,
        name: ModelName,
        path: &str,
        form: AttentionForm,
    ) -> Arc<Option<AttentionMap>> {
        let compute = || Some(attention_map(self.trace(name), path, form));
        self.attention_maps.find((name, path.to_owned(), form), compute).unwrap_or_default()
    }

    /// The same if it is known or takes a few milliseconds, else None; for the screen, which never waits.
    pub fn known_attention_map(
        &self,
        name: ModelName,
        path: &str,
        form: AttentionForm,
    ) -> Option<Arc<Option<AttentionMap>>> {
        let n = self.sentence.tokens.len();
        let is_quick = self.sizes(name).is_none_or(|sizes| sizes.products(n) <= IN_A_MOMENT);
        if is_quick {
            return Some(self.attention_map(name, path, form));
        }
        self.attention_maps.find((name, path.to_owned(), form), || None)
    }

    fn model(&self, name: ModelName) -> Option<&dyn Model> {
        self.models.iter().find(|(other, _)| *other == name).map(|(_, model)| &**model)
    }

    /// Settings of a model that its output does not obey, safe to show.
    pub fn not_obeyed(&self, name: ModelName) -> &[String] {
        self.model(name).map_or(&[], Model::not_obeyed)
    }

    /// The number of tokens after which a model's output is made to end; None if it never is.
    pub fn forced_end(&self, name: ModelName) -> Option<usize> {
        self.model(name)?.forced_end()
    }

    /// A model's sizes; None if it does not report them.
    pub fn sizes(&self, name: ModelName) -> Option<ModelSizes> {
        self.model(name)?.sizes()
    }

    /// The model's prediction from each layer at a row. Takes tenths of a second with a large vocabulary and many
    /// layers.
    pub fn lens(&self, name: ModelName, row: usize) -> Arc<[LensPrediction]> {
        self.lens_of(name, row, None)
    }

    /// The same with the ranks of this word instead of the finally chosen one.
    pub fn lens_of(
        &self,
        name: ModelName,
        row: usize,
        word: Option<usize>,
    ) -> Arc<[LensPrediction]> {
        let known = || self.lenses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guesses) = known().get(&(name, row, word)) {
            return Arc::clone(guesses);
        }
        let changes = Arc::new(
            Changes::default().with_weights(self.learned.get(&name).cloned().unwrap_or_default()),
        );
        let say = |rows: &Matrix| self.model(name)?.unembed(rows, &changes);
        let guesses: Arc<[LensPrediction]> = lens::lens(self.trace(name), row, word, say).into();
        known().insert((name, row, word), Arc::clone(&guesses));
        guesses
    }

    /// The lens if it has been computed or takes a few milliseconds, else None; for the screen, which never waits.
    pub fn known_lens(&self, name: ModelName, row: usize) -> Option<Arc<[LensPrediction]>> {
        self.known_lens_of(name, row, None)
    }

    /// The same with the ranks of this word.
    pub fn known_lens_of(
        &self,
        name: ModelName,
        row: usize,
        word: Option<usize>,
    ) -> Option<Arc<[LensPrediction]>> {
        let is_known = || {
            let known = self.lenses.lock().unwrap_or_else(PoisonError::into_inner);
            known.contains_key(&(name, row, word))
        };
        let products = |sizes: ModelSizes| 2 * sizes.n_layers * sizes.n_vocab * sizes.heads.d_model;
        let is_quick = self.sizes(name).is_none_or(|sizes| products(sizes) <= IN_A_MOMENT);
        (is_quick || self.waits || is_known()).then(|| self.lens_of(name, row, word))
    }

    /// The times that the models with an encoder take to read, measured one after another; takes about a second.
    pub fn time(&self) -> MachineTimes {
        let ids = self.sentence.ids();
        let timed = [ModelName::Elman, ModelName::Gru, ModelName::Transformer];
        let models = self.models.iter().filter(|(name, _)| timed.contains(name));
        models.map(|(name, model)| (*name, timing::time(&**model, &ids))).collect()
    }

    /// The first `n_tokens` tokens that the language model continues, with the leading token if the model adds one.
    pub fn given(&self, n_tokens: usize) -> &[Token] {
        let models =
            [ModelName::Checkpoint, ModelName::DecoderOnly].map(|name| self.traces.get(&name));
        let source = models.into_iter().flatten().next().map_or(&[][..], |t| &t.source);
        let own = source.len().saturating_sub(self.sentence.tokens.len());
        &source[..source.len().min(n_tokens.saturating_add(own))]
    }
}

/// `f` of every item, computed on one thread each if there are several and as many can be had; results are in the order
/// of the items.
fn in_parallel<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if let [item] = items {
        return vec![f(item)];
    }
    let f = &f;
    thread::scope(|scope| {
        let begin =
            |item| thread::Builder::new().spawn_scoped(scope, move || pool::beside(|| f(item)));
        let begun: Vec<_> = items.iter().map(begin).collect();
        let end = |(begun, item): (io::Result<_>, &T)| begun.map_or_else(|_| f(item), joined);
        begun.into_iter().zip(items).map(end).collect()
    })
}

/// A thread's result; resumes its panic.
fn joined<R>(thread: thread::ScopedJoinHandle<R>) -> R {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
