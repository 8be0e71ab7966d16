//! One sentence, read by every built-in model: all that the screen can show of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use anyhow::{Context, Result};

use crate::{
    measure::{
        accuracy::Accuracy,
        gradient,
        readback::{self, ReadBack},
    },
    model::{self, Model, Name},
    text::{Sentence, Tokenizer},
    trace::Trace,
};

/// The loaded models, their tokenizer and their quality table.
pub struct Reader {
    tokenizer: Tokenizer,
    models: Vec<(Name, Arc<dyn Model>)>,
    accuracy: Arc<Accuracy>,
}

impl Reader {
    /// Everything in the binary.
    ///
    /// # Errors
    /// If an embedded file is damaged.
    pub fn embedded() -> Result<Self> {
        let load = |name| model::load(name).map(|m| (name, m)).with_context(|| name.to_string());
        Ok(Self {
            tokenizer: Tokenizer::embedded()?,
            models: Name::ALL.into_iter().map(load).collect::<Result<_>>()?,
            accuracy: Arc::new(Accuracy::embedded()?),
        })
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Runs every model on the sentence.
    ///
    /// # Errors
    /// If the sentence is empty or too long.
    pub fn read(&self, text: &str) -> Result<Reading> {
        let sentence = self.tokenizer.sentence(text)?;
        let trace = |name, model: &Arc<dyn Model>| {
            Trace::new(name, model.run(&sentence.ids()), &self.tokenizer)
        };
        let traces = self.models.iter().map(|(name, model)| (*name, trace(*name, model))).collect();
        Ok(Reading {
            sentence,
            traces,
            accuracy: Arc::clone(&self.accuracy),
            measures: OnceLock::new(),
        })
    }
}

/// All passes over one sentence.
pub struct Reading {
    pub sentence: Sentence,
    pub accuracy: Arc<Accuracy>,
    traces: BTreeMap<Name, Trace>,
    measures: OnceLock<Measures>,
}

/// Figures that take many backward passes; one number a source word.
pub struct Measures {
    /// `||d h_n / d x_t||` for the models with a fixed vector.
    pub forgetting: BTreeMap<Name, Vec<f32>>,
    /// Gradient norm of the output's log-probability, by model.
    pub influence: BTreeMap<Name, Vec<f32>>,
}

impl Reading {
    /// # Panics
    /// Never for a reading made by [`Reader::read`], which runs every model.
    pub fn trace(&self, name: Name) -> &Trace {
        &self.traces[&name]
    }

    pub fn read_back(&self, name: Name) -> Vec<ReadBack> {
        readback::read_back(self.trace(name))
    }

    /// The gradient measures, computed at the first call (tens of milliseconds).
    pub fn measures(&self) -> &Measures {
        self.measures.get_or_init(|| {
            let of_each = |f: fn(&Trace) -> Option<Vec<f32>>| {
                self.traces.iter().filter_map(|(&name, trace)| Some((name, f(trace)?))).collect()
            };
            Measures {
                forgetting: of_each(gradient::forgetting),
                influence: of_each(gradient::influence),
            }
        })
    }

    /// The gradient measures, if they have been computed: for the screen, which never waits.
    pub fn measured(&self) -> Option<&Measures> {
        self.measures.get()
    }
}
