//! One sentence, read by every built-in model: all that the screen can show of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    thread,
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
        thread::scope(|scope| {
            let tokenizer = scope.spawn(Tokenizer::embedded);
            Ok(Self {
                models: at_once(&Name::ALL, |&name| load(name))
                    .into_iter()
                    .collect::<Result<_>>()?,
                accuracy: Arc::new(Accuracy::embedded()?),
                tokenizer: joined(tokenizer)?,
            })
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
        let trace = |(name, model): &(Name, Arc<dyn Model>)| {
            (*name, Trace::new(*name, model.run(&sentence.ids()), &self.tokenizer))
        };
        let traces = at_once(&self.models, trace).into_iter().collect();
        Ok(Reading {
            sentence,
            traces,
            accuracy: Arc::clone(&self.accuracy),
            measures: OnceLock::new(),
        })
    }
}

/// `f` of every item, a thread each; the answers in the order of the items, whoever is first.
fn at_once<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let threads: Vec<_> = items.iter().map(|item| scope.spawn(|| f(item))).collect();
        threads.into_iter().map(joined).collect()
    })
}

/// What a thread answers; its panic goes on here.
fn joined<R>(thread: thread::ScopedJoinHandle<R>) -> R {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
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
