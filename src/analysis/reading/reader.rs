//! The loaded models and their tokenizer: what makes readings.

use std::{sync::Arc, thread};

use anyhow::{Context, Result};

use super::{Card, Models, Reading, Traces, at_once, joined, tokenizer};
use crate::{
    analysis::{measure::accuracy::Accuracy, trace::Trace},
    engine::{
        change::{Change, Changes},
        fault,
        tape::Keep,
    },
    model::{self, Architecture, Model, Name, Setup},
    text::{Sentence, Tokenizer},
    weights::{Checkpoint, memory},
};

/// The loaded models, their tokenizer and their quality table.
pub struct Reader {
    tokenizer: Arc<Tokenizer>,
    models: Models,
    accuracy: Arc<Accuracy>,
    /// Whether the insides of blocks are kept; where nobody says, as long as they are little.
    keep: Option<Keep>,
    /// Whether what was read will be measured: gradients, texts written on.
    walks: bool,
    card: Option<Arc<Card>>,
    /// Bytes of the weights in their file; None where memory is no matter.
    n_bytes: Option<u64>,
}

impl Reader {
    /// Everything in the binary.
    ///
    /// # Errors
    /// If an embedded file is damaged.
    pub fn embedded() -> Result<Self> {
        Self::of(&Name::ALL)
    }

    /// These models alone: enough for their own traces, not for changes or measures, which look at
    /// all of them.
    ///
    /// # Errors
    /// If an embedded file is damaged.
    pub fn of(names: &[Name]) -> Result<Self> {
        fault::point("loader");
        let load = |name| model::load(name).map(|m| (name, m)).with_context(|| name.to_string());
        thread::scope(|scope| {
            let tokenizer = scope.spawn(Tokenizer::embedded);
            Ok(Self {
                models: at_once(names, |&name| load(name))
                    .into_iter()
                    .collect::<Result<Vec<_>>>()?
                    .into(),
                accuracy: Arc::new(Accuracy::embedded()?),
                keep: None,
                walks: false,
                card: None,
                n_bytes: None,
                tokenizer: joined(tokenizer)?.into(),
            })
        })
    }

    /// A checkpoint of the person's own.
    ///
    /// # Errors
    /// If it is of a kind that cannot be run, or damaged; the message names file, tensor and fault. If it
    /// needs more memory than is free, unless `force` says to try.
    pub fn open(checkpoint: &Checkpoint, force: bool) -> Result<Self> {
        fault::point("loader");
        memory::check(checkpoint.n_bytes(), force)?;
        let kind = Architecture::of(checkpoint)?;
        let model = kind.open(checkpoint)?;
        let card = Card::of(checkpoint, kind, &*model);
        let tokenizer = tokenizer(checkpoint)?;
        // Not the model's own number: one that makes a sentence's vector has no logits, but a table.
        let rows = checkpoint.config().usize("vocab_size")?;
        let tokenizer = tokenizer.with_rows(rows).with_context(|| checkpoint.name())?;
        let context = model.sizes().map_or(usize::MAX, |sizes| sizes.context);
        Ok(Self {
            tokenizer: tokenizer.up_to(context).into(),
            models: Arc::new([(Name::Checkpoint, model)]),
            accuracy: Arc::new(Accuracy::embedded()?),
            keep: None,
            walks: false,
            card: Some(Arc::new(card)),
            n_bytes: (!force).then(|| checkpoint.n_bytes()),
        })
    }

    /// The same, keeping the insides of all blocks, however many, or of none but the first.
    #[must_use]
    pub fn keeping(self, keep: Keep) -> Self {
        Self { keep: Some(keep), ..self }
    }

    /// The same for a walk, whose measures take memory too.
    #[must_use]
    pub fn for_walk(self) -> Self {
        Self { walks: true, ..self }
    }

    /// The same for texts of at most so many tokens.
    ///
    /// # Panics
    /// If a reading of it is still there.
    #[must_use]
    pub fn up_to(self, longest: usize) -> Self {
        let tokenizer = Arc::into_inner(self.tokenizer).expect("nothing was read yet");
        Self { tokenizer: tokenizer.up_to(longest).into(), ..self }
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Runs every model on the sentence.
    ///
    /// # Errors
    /// If the sentence is empty or too long.
    pub fn read(&self, text: &str) -> Result<Reading> {
        self.read_sentence(self.tokenizer.sentence(text)?)
    }

    /// The same for a text whose tokens are known.
    ///
    /// # Errors
    /// If there is too little memory.
    pub fn read_sentence(&self, sentence: Sentence) -> Result<Reading> {
        self.check_memory(sentence.tokens.len())?;
        let traces = self.run(&sentence, &Setup::default(), |_| None);
        Ok(self.reading(sentence, traces))
    }

    /// That there is room for the weights and for a pass over so many tokens.
    ///
    /// # Errors
    /// With the figures, if there is not.
    fn check_memory(&self, n_tokens: usize) -> Result<()> {
        let keeps_all = self.keep == Some(Keep::All);
        let pass = self.models[0].1.pass_bytes(n_tokens, keeps_all);
        let (Some(n_bytes), Some(pass)) = (self.n_bytes, pass) else { return Ok(()) };
        let needed = if self.walks { memory::of_walk(pass) } else { pass };
        memory::check(n_bytes + needed, false)
    }

    /// Runs the models again with changes: those that a change concerns.
    ///
    /// # Errors
    /// If a change has no place in any model, or names a word that is no token.
    pub fn read_changed(&self, plain: &Arc<Reading>, changes: Changes) -> Result<Reading> {
        let mut sentence = plain.sentence.clone();
        for change in changes.iter() {
            if let Change::Token { position, word } = change {
                sentence = self.tokenizer.replaced(&sentence, *position, word)?;
            }
            plain.check(change)?;
        }
        let changes = Arc::new(changes);
        let setup = Setup { changes: Arc::clone(&changes), ..Setup::default() };
        let traces = self.run(&sentence, &setup, |name| plain.unless_concerned(name, &changes));
        let reading = self.reading(sentence, traces);
        Ok(Reading { changes, plain: Some(Arc::clone(plain)), ..reading })
    }

    /// Every model's pass, or the one that is there already.
    fn run(
        &self,
        sentence: &Sentence,
        setup: &Setup,
        there: impl Fn(Name) -> Option<Arc<Trace>> + Sync,
    ) -> Traces {
        let ids = sentence.ids();
        let run = |name, model: &Arc<dyn Model>| {
            let by_size = || model.sizes().map_or(Keep::All, |sizes| sizes.keep(ids.len()));
            let keep = self.keep.unwrap_or_else(by_size);
            let pass = model.run(&ids, &Setup { keep, ..setup.clone() });
            let trace = Trace::new(name, pass, &self.tokenizer).written_at(model.written_at(&ids));
            Arc::new(trace.with_firsts())
        };
        let trace = |(name, model): &(Name, Arc<dyn Model>)| {
            (*name, there(*name).unwrap_or_else(|| run(*name, model)))
        };
        at_once(&self.models, trace).into_iter().collect()
    }

    fn reading(&self, sentence: Sentence, traces: Traces) -> Reading {
        Reading {
            sentence,
            traces,
            accuracy: Arc::clone(&self.accuracy),
            card: self.card.clone(),
            models: Arc::clone(&self.models),
            tokenizer: Arc::clone(&self.tokenizer),
            measures: Arc::default(),
            lenses: Arc::default(),
            choices: Arc::default(),
            heads: Arc::default(),
            changes: Arc::default(),
            plain: None,
        }
    }
}
