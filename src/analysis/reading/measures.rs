//! The slow measures of a reading, which take many passes, forward or backward.

use std::{collections::BTreeMap, sync::Arc};

use super::{IN_A_MOMENT, Reading, in_parallel};
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
    model::{Model, Name, Setup},
};

/// Figures that take many passes, forward or backward.
pub struct Measures {
    /// `||d h_n / d x_t||`, by model with a fixed vector.
    pub forgetting: BTreeMap<Name, Vec<f32>>,
    /// The gradient norm of the output's log-probability, by model.
    pub influence: BTreeMap<Name, Vec<f32>>,
    /// The squared gradient components behind `forgetting` and `influence`.
    pub squares: [BTreeMap<Name, Squares>; 2],
    /// How many of the last 1, 2, … words can be read back from the state, by model with a fixed vector.
    pub kept: BTreeMap<Name, Vec<ReadBackCount>>,
    /// By model with attention.
    pub evidence: BTreeMap<Name, Evidence>,
    /// The RNNs given the Transformer's output word by word, compared with their own output.
    pub forcing: BTreeMap<Name, Forcing>,
    /// The beam search of the built-in Transformer, for a pass without one.
    pub beams: Option<Beams>,
    /// The language model's continuations of parts of the sentence.
    pub continued: Vec<Continued>,
}

/// Measures of attention other than its weights.
pub struct Evidence {
    /// `d log p(output) / d weight`, by the path of the weights.
    pub slopes: BTreeMap<String, Value>,
    /// `||d log p(output) / d x||` for the tokens that the decoder read; empty without a decoder.
    pub target: Vec<f32>,
    /// The effect of knocking out each head.
    pub heads: KnockOuts,
}

/// The summaries of all heads by model; models without heads have no entry.
pub type Heads = BTreeMap<Name, Vec<Summary>>;

impl Reading {
    /// The slow measures, with those of heads; computed at the first call, in tenths of a second.
    pub fn measures(&self) -> &Measures {
        self.heads();
        self.measures.get_or_init(|| self.measure())
    }

    /// The slow measures if they have been computed, else None; for the screen, which never waits.
    pub fn measured(&self) -> Option<&Measures> {
        self.measures.get()
    }

    fn measure(&self) -> Measures {
        let whole = |trace: &Trace| trace.hidden().is_empty();
        let forgetting =
            self.of_each(|_, trace| whole(trace).then(|| gradient::forgetting(trace))?);
        let influence =
            self.of_each(|_, trace| whole(trace).then(|| gradient::influence(trace))?);
        Measures {
            forgetting: norms_of(&forgetting),
            influence: norms_of(&influence),
            squares: [forgetting, influence],
            kept: self.kept_by_length(),
            evidence: self.of_each(|model, trace| self.evidence(model, trace)),
            forcing: self.forcing(),
            beams: self.beams(),
            continued: self.continued(),
        }
    }

    /// The summary of every attention head, by model; computed at the first call. The blocks of a large pass are
    /// opened for it one at a time.
    pub fn heads(&self) -> &Heads {
        let of = |trace: &Trace| Some(heads::of_trace(trace)).filter(|heads| !heads.is_empty());
        self.heads.get_or_init(|| self.of_each(|_, trace| of(trace)))
    }

    /// The summaries of heads if they have been computed, else None; for the screen, which never waits.
    pub fn known_heads(&self) -> Option<&Heads> {
        self.heads.get()
    }

    /// A measure of every model that has it, computed on one thread per model.
    fn of_each<R: Send>(
        &self,
        measure: impl Fn(&dyn Model, &Trace) -> Option<R> + Sync,
    ) -> BTreeMap<Name, R> {
        let of = |(name, model): &(Name, Arc<dyn Model>)| measure(&**model, self.trace(*name));
        let found = in_parallel(&self.models, of);
        let named = self.models.iter().zip(found);
        named.filter_map(|((name, _), found)| Some((*name, found?))).collect()
    }

    /// How many of the last 1, 2, … words can be read back from the state, by model with a fixed vector.
    pub fn kept_by_length(&self) -> BTreeMap<Name, Vec<ReadBackCount>> {
        let ids = self.sentence.ids();
        self.of_each(|model, trace| {
            readback::kept_by_length(model, trace, &ids, &self.setup(trace.model, None))
        })
    }

    fn evidence(&self, model: &dyn Model, trace: &Trace) -> Option<Evidence> {
        let slopes = gradient::of_attention_weights(trace);
        let attends = trace.sites().any(|site| site.role() == Role::AttentionWeights);
        attends.then(|| Evidence {
            slopes,
            target: gradient::influence_of_target(trace).unwrap_or_default(),
            heads: if self.is_quick(model) {
                knock_out_heads(model, trace, &self.sentence.ids(), &self.changes_of(trace.model))
            } else {
                KnockOuts::new()
            },
        })
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

    fn setup(&self, name: Name, forced: Option<Vec<u32>>) -> Setup {
        Setup { changes: self.changes_of(name), forced, ..Setup::default() }
    }

    fn forcing(&self) -> BTreeMap<Name, Forcing> {
        let Some(translator) = self.traces.get(&Name::Transformer) else { return BTreeMap::new() };
        let right = &translator.output;
        let given = right.iter().map(|token| token.id).take(right.len().saturating_sub(1));
        let (given, ids): (Vec<u32>, _) = (given.collect(), self.sentence.ids());
        let rnns = [Name::Elman, Name::Gru, Name::RnnAttention];
        let of = |(name, model): &(Name, Arc<dyn Model>)| {
            let setup = self.setup(*name, Some(given.clone()));
            let forced = Trace::new(*name, model.run(&ids, &setup), &self.tokenizer);
            (*name, Forcing::new(right, &forced, self.trace(*name)))
        };
        self.models.iter().filter(|(name, _)| rnns.contains(name)).map(of).collect()
    }

    fn beams(&self) -> Option<Beams> {
        const WIDTH: usize = 4;
        let (name, model) = self.models.iter().find(|(name, _)| *name == Name::Transformer)?;
        if self.trace(*name).beams.is_some() {
            return None;
        }
        let changes = Arc::new(self.changes_of(*name).with(Change::Beam(WIDTH)));
        let setup = Setup { changes, ..Setup::default() };
        model.run(&self.sentence.ids(), &setup).beams
    }

    fn continued(&self) -> Vec<Continued> {
        let ids = self.sentence.ids();
        let writes = [Name::DecoderOnly, Name::Checkpoint];
        let writes = self.models.iter().find(|(name, _)| writes.contains(name));
        writes.map_or_else(Vec::new, |(name, model)| {
            let parts = match name {
                Name::Checkpoint if !Self::is_small(&**model) => vec![ids.len()],
                Name::Checkpoint => continuation::eighths(ids.len(), 8),
                _ => continuation::eighths(ids.len(), 7),
            };
            let text = continuation::Text { tokens: &ids, parts: &parts };
            let setup = self.setup(*name, None);
            continuation::continued(&**model, text, &setup, &self.tokenizer)
        })
    }
}

fn norms_of(squares: &BTreeMap<Name, Squares>) -> BTreeMap<Name, Vec<f32>> {
    squares.iter().map(|(&name, squares)| (name, gradient::norms(squares))).collect()
}
