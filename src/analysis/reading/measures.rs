//! The slow measures of a reading, which take many passes, forward or backward.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use super::{IN_A_MOMENT, Reading, in_parallel, wishes::Slow};
use crate::{
    analysis::{
        measure::{
            ablation::{KnockOuts, knock_out_heads},
            continuation::{self, Continued},
            forcing::Forcing,
            gradient::{self, Squares},
            heads::{self, Summary},
            readback::{self, ReadBackCount},
        },
        trace::Trace,
    },
    engine::{change::Change, math::beam::Beams, site::Role, value::Value},
    model::{Model, ModelName, Setup},
};

/// Figures that take many passes, forward or backward. Each is computed when it is first asked for, by a reading that
/// waits, or on a worker thread ([`Reading::compute`]).
#[derive(Default)]
pub(super) struct Measures {
    forgetting: OnceLock<WordGradients>,
    influence: OnceLock<WordGradients>,
    read_back_by_length: OnceLock<BTreeMap<ModelName, Vec<ReadBackCount>>>,
    attention_slopes: OnceLock<BTreeMap<ModelName, AttentionSlopes>>,
    knock_outs: OnceLock<BTreeMap<ModelName, KnockOuts>>,
    forcing: OnceLock<BTreeMap<ModelName, Forcing>>,
    beams: OnceLock<Option<Beams>>,
    continued: OnceLock<Vec<Continued>>,
    heads: OnceLock<HeadSummaries>,
}

/// A gradient by the words of the sentence.
pub struct WordGradient {
    /// Its norm, by word.
    pub norms: Vec<f32>,
    /// The squared components behind the norms.
    pub squares: Squares,
}

/// Gradients by word, by model.
pub type WordGradients = BTreeMap<ModelName, WordGradient>;

/// What the output's log-probability owes to attention, to first order.
pub struct AttentionSlopes {
    /// `d log p(output) / d weight`, by the path of the weights.
    pub slopes: BTreeMap<String, Value>,
    /// `||d log p(output) / d x||` for the tokens that the decoder read; empty without a decoder.
    pub target: Vec<f32>,
}

/// The summaries of all heads by model; models without heads have no entry.
pub type HeadSummaries = BTreeMap<ModelName, Vec<Summary>>;

/// The slow measures. Each is None until it has been computed, for the screen never waits; a reading that waits
/// ([`Reading::waiting`]) computes it.
impl Reading {
    /// `||d h_n / d x_t||`, by model with a fixed vector.
    pub fn forgetting(&self) -> Option<&WordGradients> {
        self.known(Slow::Forgetting, &self.measures.forgetting, || {
            self.gradients(gradient::forgetting)
        })
    }

    /// The gradient norm of the output's log-probability, by model.
    pub fn influence(&self) -> Option<&WordGradients> {
        self.known(Slow::Influence, &self.measures.influence, || {
            self.gradients(gradient::influence)
        })
    }

    /// How many of the last 1, 2, … words can be read back from the state, by model with a fixed vector.
    pub fn read_back_by_length(&self) -> Option<&BTreeMap<ModelName, Vec<ReadBackCount>>> {
        self.known(Slow::ReadBackByLength, &self.measures.read_back_by_length, || {
            self.count_read_back_by_length()
        })
    }

    /// What the output owes to attention weights, by model with attention.
    pub fn attention_slopes(&self) -> Option<&BTreeMap<ModelName, AttentionSlopes>> {
        self.known(Slow::AttentionSlopes, &self.measures.attention_slopes, || {
            self.of_each(|_, trace| attention_slopes(trace))
        })
    }

    /// The effect of knocking out each head, by model with attention; of a model that would take long, none.
    pub fn knock_outs(&self) -> Option<&BTreeMap<ModelName, KnockOuts>> {
        self.known(Slow::KnockOuts, &self.measures.knock_outs, || {
            self.of_each(|model, trace| self.knocked_out(model, trace))
        })
    }

    /// The RNNs given the Transformer's output word by word, compared with their own output.
    pub fn forcing(&self) -> Option<&BTreeMap<ModelName, Forcing>> {
        self.known(Slow::Forcing, &self.measures.forcing, || self.forced_rnns())
    }

    /// The beam search of the built-in Transformer, for a pass without one.
    pub fn beams(&self) -> Option<&Beams> {
        self.known(Slow::Beams, &self.measures.beams, || self.searched()).and_then(Option::as_ref)
    }

    /// The language model's continuations of parts of the sentence.
    pub fn continued(&self) -> Option<&[Continued]> {
        self.known(Slow::Continued, &self.measures.continued, || self.continuations())
            .map(Vec::as_slice)
    }

    /// The summary of every attention head, by model. The blocks of a large pass are opened for it one at a time.
    pub fn heads(&self) -> Option<&HeadSummaries> {
        let of = |trace: &Trace| Some(heads::of_trace(trace)).filter(|heads| !heads.is_empty());
        self.known(Slow::Heads, &self.measures.heads, || self.of_each(|_, trace| of(trace)))
    }

    /// A measure if it is known, or if this reading waits for it; else it is asked for.
    fn known<'a, R>(
        &self,
        slow: Slow,
        cell: &'a OnceLock<R>,
        measure: impl FnOnce() -> R,
    ) -> Option<&'a R> {
        if self.waits {
            return Some(cell.get_or_init(measure));
        }
        if cell.get().is_none() {
            self.wishes.ask(slow);
        }
        cell.get()
    }

    /// The same reading, which computes a measure when it is asked for it: for files and plain text, where nothing
    /// arrives later.
    #[must_use]
    pub fn waiting(&self) -> Self {
        let plain = self.plain.as_ref().map(|plain| Arc::new(plain.waiting()));
        Self { waits: true, plain, ..self.clone() }
    }

    fn gradients(&self, squares: fn(&Trace) -> Option<Squares>) -> WordGradients {
        self.of_each(|_, trace| {
            let squares = trace.hidden().is_empty().then(|| squares(trace))??;
            Some(WordGradient { norms: gradient::norms(&squares), squares })
        })
    }

    /// A measure of every model that has it, computed on one thread per model.
    fn of_each<R: Send>(
        &self,
        measure: impl Fn(&dyn Model, &Trace) -> Option<R> + Sync,
    ) -> BTreeMap<ModelName, R> {
        let of = |(name, model): &(ModelName, Arc<dyn Model>)| measure(&**model, self.trace(*name));
        let found = in_parallel(&self.models, of);
        let named = self.models.iter().zip(found);
        named.filter_map(|((name, _), found)| Some((*name, found?))).collect()
    }

    /// [`Self::read_back_by_length`], computed now.
    pub fn count_read_back_by_length(&self) -> BTreeMap<ModelName, Vec<ReadBackCount>> {
        let ids = self.sentence.ids();
        self.of_each(|model, trace| {
            readback::read_back_by_length(model, trace, &ids, &self.setup(trace.model, None))
        })
    }

    fn knocked_out(&self, model: &dyn Model, trace: &Trace) -> Option<KnockOuts> {
        let knock_out =
            || knock_out_heads(model, trace, &self.sentence.ids(), &self.changes_of(trace.model));
        attends(trace).then(|| if self.is_quick(model) { knock_out() } else { KnockOuts::new() })
    }

    /// Whether the model computes a token in a few milliseconds at most.
    fn is_small(model: &dyn Model) -> bool {
        model.sizes().is_none_or(|sizes| sizes.products(1) <= IN_A_MOMENT)
    }

    /// Whether as many passes as the model has heads take about a second at most.
    fn is_quick(&self, model: &dyn Model) -> bool {
        const MOST_PRODUCTS: usize = 100_000_000_000;
        let n = self.sentence.tokens.len();
        let products = model.sizes().map_or(0, |sizes| sizes.products(n) * sizes.all_heads());
        products <= MOST_PRODUCTS
    }

    fn setup(&self, name: ModelName, forced: Option<Vec<u32>>) -> Setup {
        Setup { changes: self.changes_of(name), forced, ..Setup::default() }
    }

    fn forced_rnns(&self) -> BTreeMap<ModelName, Forcing> {
        let Some(translator) = self.traces.get(&ModelName::Transformer) else {
            return BTreeMap::new();
        };
        let right = &translator.output;
        let given = right.iter().map(|token| token.id).take(right.len().saturating_sub(1));
        let (given, ids): (Vec<u32>, _) = (given.collect(), self.sentence.ids());
        let rnns = [ModelName::Elman, ModelName::Gru, ModelName::RnnAttention];
        let of = |(name, model): &(ModelName, Arc<dyn Model>)| {
            let setup = self.setup(*name, Some(given.clone()));
            let forced = Trace::new(*name, model.run(&ids, &setup), &self.tokenizer);
            (*name, Forcing::new(right, &forced, self.trace(*name)))
        };
        self.models.iter().filter(|(name, _)| rnns.contains(name)).map(of).collect()
    }

    fn searched(&self) -> Option<Beams> {
        const WIDTH: usize = 4;
        let (name, model) = self.models.iter().find(|(name, _)| *name == ModelName::Transformer)?;
        if self.trace(*name).beams.is_some() {
            return None;
        }
        let changes = Arc::new(self.changes_of(*name).with(Change::Beam(WIDTH)));
        let setup = Setup { changes, ..Setup::default() };
        model.run(&self.sentence.ids(), &setup).beams
    }

    fn continuations(&self) -> Vec<Continued> {
        let ids = self.sentence.ids();
        let writes = [ModelName::DecoderOnly, ModelName::Checkpoint];
        let writes = self.models.iter().find(|(name, _)| writes.contains(name));
        writes.map_or_else(Vec::new, |(name, model)| {
            let parts = match name {
                ModelName::Checkpoint if !Self::is_small(&**model) => vec![ids.len()],
                ModelName::Checkpoint => continuation::eighths(ids.len(), 8),
                _ => continuation::eighths(ids.len(), 7),
            };
            let text = continuation::ContinuedText { tokens: &ids, parts: &parts };
            let setup = self.setup(*name, None);
            continuation::continued(&**model, text, &setup, &self.tokenizer)
        })
    }
}

fn attention_slopes(trace: &Trace) -> Option<AttentionSlopes> {
    attends(trace).then(|| AttentionSlopes {
        slopes: gradient::of_attention_weights(trace),
        target: gradient::influence_of_target(trace).unwrap_or_default(),
    })
}

fn attends(trace: &Trace) -> bool {
    trace.sites().any(|site| site.role() == Role::AttentionWeights)
}
