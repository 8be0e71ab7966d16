//! The loaded models and their tokenizer, which make readings.

use std::{
    sync::{Arc, Mutex},
    thread,
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    CheckpointCard, Models, Reading, Traces,
    courses::{Taught, Teaching, teach},
    in_parallel, joined,
    patch_values::GivenByName,
    recent::Recent,
    tokenizer,
};
use crate::{
    analysis::{
        measure::{accuracy::Accuracy, suggestion::UnknownPlace, typical::Typical},
        trace::Trace,
    },
    engine::{
        change::{Change, Changes},
        fault,
        tape::Keep,
    },
    model::{self, Architecture, Model, ModelName, ModelSizes, Setup},
    text::{ChatTemplate, Sentence, Tokenizer, refusal, shown},
    weights::{Checkpoint, memory},
};

/// The key of the number of tokens that a model has embeddings for.
const ROWS: &str = "vocab_size";

/// The loaded models, their tokenizer and their tables of measures.
pub struct Reader {
    tokenizer: Arc<Tokenizer>,
    models: Models,
    accuracy: Arc<Accuracy>,
    typical: Arc<Typical>,
    /// Which values of a pass are kept; None keeps all if they are few.
    keep: Option<Keep>,
    /// Whether readings will be measured (gradients, continuations), which needs more memory.
    walks: bool,
    card: Option<Arc<CheckpointCard>>,
    /// Bytes of the weights in their file; None if memory is not checked.
    n_bytes: Option<u64>,
    /// What is to be said of the checkpoint.
    note: Option<String>,
    /// Another checkpoint of the same shape, set beside this one.
    other: Option<Box<Self>>,
}

impl Reader {
    /// A reader with all built-in models.
    ///
    /// # Errors
    /// If an embedded file is damaged.
    pub fn embedded() -> Result<Self> {
        Self::of(&ModelName::ALL)
    }

    /// A reader with these built-in models only: enough for their traces, but not for changes or measures, which use
    /// all models.
    ///
    /// # Errors
    /// If an embedded file is damaged.
    pub fn of(names: &[ModelName]) -> Result<Self> {
        fault::at("loader");
        let load = |name| model::load(name).map(|m| (name, m)).with_context(|| name.to_string());
        thread::scope(|scope| {
            let tokenizer = thread::Builder::new().spawn_scoped(scope, Tokenizer::embedded);
            Ok(Self {
                models: in_parallel(names, |&name| load(name))
                    .into_iter()
                    .collect::<Result<Vec<_>>>()?
                    .into(),
                accuracy: Arc::new(Accuracy::embedded()?),
                typical: Arc::new(Typical::embedded()?),
                keep: None,
                walks: false,
                card: None,
                n_bytes: None,
                note: None,
                other: None,
                tokenizer: tokenizer.map_or_else(|_| Tokenizer::embedded(), joined)?.into(),
            })
        })
    }

    /// A reader with the user's checkpoint.
    ///
    /// # Errors
    /// If the checkpoint is damaged or of an unsupported kind; the message names file, tensor and fault. If it needs
    /// more memory than is free, unless `force` is set.
    pub fn open(checkpoint: &Checkpoint, force: bool) -> Result<Self> {
        fault::at("loader");
        memory::check(checkpoint.n_bytes(), force)?;
        let kind = Architecture::of(checkpoint)?;
        let model = kind.open(checkpoint)?;
        let card = CheckpointCard::of(checkpoint, kind, &*model);
        let tokenizer = tokenizer(checkpoint)?;
        // From the configuration, where it says so: a model of sentence vectors has a table of embeddings but no logits.
        let own = model.sizes().filter(|_| !checkpoint.config().has(ROWS));
        let rows =
            own.map_or_else(|| checkpoint.config().usize(ROWS), |sizes| Ok(sizes.n_vocab))?;
        let tokenizer = tokenizer.with_rows(rows).with_context(|| checkpoint.name())?;
        let context = model.sizes().map_or(usize::MAX, |sizes| sizes.context);
        Ok(Self {
            tokenizer: tokenizer.up_to(context).into(),
            models: Arc::new([(ModelName::Checkpoint, model)]),
            accuracy: Arc::new(Accuracy::embedded()?),
            typical: Arc::new(Typical::embedded()?),
            keep: None,
            walks: false,
            card: Some(Arc::new(card)),
            n_bytes: (!force).then(|| checkpoint.n_bytes()),
            note: None,
            other: None,
        })
    }

    /// The same reader, keeping these values of a pass, whatever their number.
    #[must_use]
    pub fn keeping(self, keep: Keep) -> Self {
        Self { keep: Some(keep), ..self }
    }

    /// The same reader for a walk, whose measures need memory too.
    #[must_use]
    pub fn for_walk(self) -> Self {
        Self { walks: true, ..self }
    }

    /// The same reader for texts of at most `longest` tokens.
    ///
    /// # Panics
    /// If one of its readings still exists.
    #[must_use]
    pub fn up_to(self, longest: usize) -> Self {
        let tokenizer = Arc::into_inner(self.tokenizer).expect("nothing was read yet");
        Self { tokenizer: tokenizer.up_to(longest).into(), ..self }
    }

    /// The same reader with every sentence in a chat template.
    ///
    /// # Panics
    /// If one of its readings still exists.
    #[must_use]
    pub fn in_chat(self, template: ChatTemplate) -> Self {
        let tokenizer = Arc::into_inner(self.tokenizer).expect("nothing was read yet");
        Self { tokenizer: tokenizer.in_chat(template).into(), ..self }
    }

    /// The same reader with something to be said of the checkpoint.
    #[must_use]
    pub fn noting(self, note: Option<String>) -> Self {
        Self { note, ..self }
    }

    /// The same reader with another checkpoint beside it, for [`Change::OtherModel`].
    ///
    /// # Errors
    /// If the two are not of one shape: their vocabularies or their layers differ.
    pub fn beside(self, other: Self) -> Result<Self> {
        let shape = |reader: &Self| reader.models[0].1.sizes().map(ModelSizes::shape);
        let (own, theirs) = (shape(&self), shape(&other));
        ensure!(
            own == theirs,
            "the two models differ in shape: one has {}, the other {}; give two of one shape, such as a \
             model and its quantised or fine-tuned twin",
            own.unwrap_or_default(),
            theirs.unwrap_or_default()
        );
        ensure!(
            self.tokenizer.vocab() == other.tokenizer.vocab(),
            "the two models have different vocabularies, so their numbers stand for different words; \
             give two with one tokenizer"
        );
        let other = Self { keep: self.keep, walks: self.walks, ..other };
        Ok(Self { other: Some(Box::new(other)), ..self })
    }

    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The reading of a sentence: runs every model on it.
    ///
    /// # Errors
    /// If the sentence is empty or too long.
    pub fn read(&self, text: &str) -> Result<Reading> {
        self.read_sentence(self.tokenizer.sentence(text)?)
    }

    /// The reading of a sentence that is already tokenized.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn read_sentence(&self, sentence: Sentence) -> Result<Reading> {
        self.check_memory(sentence.tokens.len())?;
        let traces = self.run(&sentence, |_| Setup::default(), |_| None);
        Ok(self.reading(sentence, traces))
    }

    /// Checks that the weights and a pass over `n_tokens` tokens fit in memory.
    ///
    /// # Errors
    /// If they do not fit; the message has the figures.
    fn check_memory(&self, n_tokens: usize) -> Result<()> {
        let model = &self.models[0].1;
        let pass = model.pass_bytes(n_tokens, self.keep.unwrap_or_else(|| model.keep(n_tokens)));
        let (Some(n_bytes), Some(pass)) = (self.n_bytes, pass) else { return Ok(()) };
        let needed = if self.walks { memory::of_walk(pass) } else { pass };
        memory::check(n_bytes + needed, false)
    }

    /// The reading with changes: runs the models that a change applies to again.
    ///
    /// # Errors
    /// If a change applies to no model, or names a word that is not a token.
    pub fn read_changed(&self, plain: &Arc<Reading>, changes: Changes) -> Result<Reading> {
        self.read_taught(plain, changes, &mut vec![])
    }

    /// As [`Self::read_changed`]; models that learn go on from where a teaching stopped, and what is taught is kept.
    pub(super) fn read_taught(
        &self,
        plain: &Arc<Reading>,
        changes: Changes,
        teachings: &mut Vec<Teaching>,
    ) -> Result<Reading> {
        let (words, others) = changes.words_and_others();
        if changes.against().is_some() && !words.is_empty() {
            // Words are replaced in the first of two sentences, the one that is not given whole.
            let first = Reading { plain: None, ..self.read_changed(plain, words)? };
            let both = self.read_taught(&Arc::new(first), others, teachings)?;
            return Ok(Reading { changes: Arc::new(changes), ..both });
        }
        let reader = self.reader_for(&changes)?;
        let mut sentence = match changes.against() {
            None if std::ptr::eq(reader, self) => plain.sentence.clone(),
            other => {
                let read = reader.tokenizer.sentence(other.unwrap_or(&plain.sentence.text))?;
                let text = plain.sentence.text.clone();
                Sentence { replaced: other.map(str::to_owned), text, ..read }
            }
        };
        reader.check_memory(sentence.tokens.len())?;
        let forced = changes.target().map(|text| reader.tokenizer.ids_of_text(text)).transpose()?;
        for change in changes.iter() {
            if let Change::Token { position, word } = change {
                sentence = reader.tokenizer.replaced(&sentence, *position, word)?;
            }
            if !matches!(change, Change::Patch(_)) {
                plain.check(change)?;
            }
        }
        let read = |changes| self.read_changed(plain, changes);
        let taught = teach(plain, &changes, teachings, self.n_bytes.is_some(), read)?;
        let given = self.given_to(&sentence, plain, &changes)?;
        let Taught { learned, courses } = taught;
        let (learned, courses) = (Arc::new(learned), Arc::new(Mutex::new(courses)));
        let changes = Arc::new(changes);
        let of_text = |name: ModelName| {
            let (_, model) = reader.models.iter().find(|(other, _)| *other == name)?;
            Some(model.given(forced.clone()?))
        };
        let setup = |name: ModelName| {
            let with = |learned: &Arc<_>| Arc::new(changes.with_weights(Arc::clone(learned)));
            let changes = learned.get(&name).map_or_else(|| Arc::clone(&changes), with);
            let Some(given) = given.get(&name) else {
                return Setup { changes, forced: of_text(name), ..Setup::default() };
            };
            let forced = of_text(name).or_else(|| given.forced.clone());
            let changes = Arc::new(changes.with_given(Arc::clone(given)));
            Setup { changes, forced, ..Setup::default() }
        };
        let traces = reader.run(&sentence, setup, |name| plain.unless_it_applies(name, &changes));
        let reading = reader.reading(sentence, traces);
        let plain = (!changes.only_ask()).then(|| Arc::clone(plain));
        Ok(Reading { changes, plain, learned, given, courses, ..reading })
    }

    /// What the passes over another sentence are given by those over the first, as the patches of the changes say.
    fn given_to(
        &self,
        other: &Sentence,
        plain: &Arc<Reading>,
        changes: &Changes,
    ) -> Result<GivenByName> {
        let Some(patch) = changes.patches().next() else { return Ok(Arc::default()) };
        ensure!(
            changes.against().is_some() && changes.other_model().is_none(),
            refusal!(
                "patch={patch} puts a value of this sentence's pass into another's; give that sentence too, as in against=The dog sleeps.",
                patch = patch.to_string()
            )
        );
        let rest = changes.without_patch().without_other();
        let first = if rest.is_empty() { None } else { Some(self.read_changed(plain, rest)?) };
        first.as_ref().unwrap_or(plain).given_to_other(changes.patches(), other)
    }

    /// The reader of a pass with these changes: the other model's, if that is set beside this one.
    fn reader_for(&self, changes: &Changes) -> Result<&Self> {
        match (changes.other_model(), &self.other) {
            (None, _) => Ok(self),
            (Some(_), Some(other)) => Ok(other),
            (Some(name), None) => bail!(
                "{} is not open; a second model is given at the start, with --against-model PATH",
                shown(name)
            ),
        }
    }

    /// Every model's pass; those that exist already are reused.
    fn run(
        &self,
        sentence: &Sentence,
        setup: impl Fn(ModelName) -> Setup + Sync,
        there: impl Fn(ModelName) -> Option<Arc<Trace>> + Sync,
    ) -> Traces {
        let ids = sentence.ids();
        let run = |name: ModelName, model: &Arc<dyn Model>| {
            let keep = self.keep.unwrap_or_else(|| model.keep(ids.len()));
            let pass = model.run(&ids, &Setup { keep, ..setup(name) });
            let trace = Trace::new(name, pass, &self.tokenizer).written_at(model.written_at(&ids));
            Arc::new(trace.with_classes(model.classes()).with_firsts())
        };
        let trace = |(name, model): &(ModelName, Arc<dyn Model>)| {
            (*name, there(*name).unwrap_or_else(|| run(*name, model)))
        };
        in_parallel(&self.models, trace).into_iter().collect()
    }

    /// Finds words for the places of unknown ones, unless an earlier reading did.
    fn suggest(&self, sentence: &mut Sentence, traces: &Traces) {
        let Some(trace) = traces.get(&ModelName::DecoderOnly) else { return };
        let Some((_, model)) = self.models.iter().find(|(name, _)| *name == ModelName::DecoderOnly)
        else {
            return;
        };
        for unknown in sentence.unknown.iter_mut().filter(|unknown| unknown.instead.is_empty()) {
            if unknown.is_capitals {
                unknown.instead = vec![unknown.word.to_lowercase()];
                continue;
            }
            let place =
                UnknownPlace { model: model.as_ref(), trace, tokenizer: &self.tokenizer, unknown };
            unknown.instead = place.suggestions();
        }
    }

    fn reading(&self, mut sentence: Sentence, traces: Traces) -> Reading {
        self.suggest(&mut sentence, &traces);
        Reading {
            sentence,
            traces,
            accuracy: Arc::clone(&self.accuracy),
            typical: Arc::clone(&self.typical),
            card: self.card.clone(),
            models: Arc::clone(&self.models),
            tokenizer: Arc::clone(&self.tokenizer),
            measures: Arc::default(),
            wishes: Arc::default(),
            waits: false,
            lenses: Arc::default(),
            choices: Recent::default(),
            answers: Recent::default(),
            differences: Recent::default(),
            attention_maps: Recent::default(),
            log_probabilities: Recent::default(),
            output_costs: Recent::default(),
            neighbourhoods: Recent::default(),
            pass_evidence: Arc::default(),
            learned: Arc::default(),
            given: Arc::default(),
            courses: Arc::default(),
            changes: Arc::default(),
            plain: None,
        }
    }
}
