//! One sentence, read by every built-in model, or by a checkpoint of the person's own: all that the
//! screen can show of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    change::{Change, Changes},
    checkpoint::{Checkpoint, TensorInfo, TokenizerSource, memory},
    fault,
    math::sampling::{Choice, Choosing},
    measure::{
        ablation::{KnockOuts, knock_out_heads},
        accuracy::Accuracy,
        choice::choice,
        continuation::{self, Continued},
        forcing::Forcing,
        gradient::{self, Squares},
        heads::{self, Summary},
        lens::{self, Guess},
        readback::{self, Kept, ReadBack},
        wall::{self, Times},
    },
    model::{self, Architecture, Model, Name, Setup, Sizes},
    tape::Keep,
    text::{self, Sentence, Specials, Token, Tokenizer},
    trace::Trace,
    value::{Matrix, Value},
};

/// The loaded models, in the order of the lesson.
type Models = Arc<[(Name, Arc<dyn Model>)]>;

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

/// What is known of a checkpoint before it has read anything.
pub struct Card {
    pub title: String,
    /// What it is called, and what it is.
    pub rows: Vec<(&'static str, String)>,
}

impl Card {
    fn of(checkpoint: &Checkpoint, kind: &Architecture, model: &dyn Model) -> Self {
        let n_parameters: usize = checkpoint.asked().into_iter().map(TensorInfo::n_numbers).sum();
        let n_bytes: usize = checkpoint.tensors().iter().map(|tensor| tensor.n_bytes).sum();
        let dtypes: BTreeSet<&str> =
            checkpoint.tensors().iter().map(|tensor| tensor.dtype.as_str()).collect();
        let dtypes: Vec<&str> = dtypes.into_iter().collect();
        let mut rows = vec![
            ("architecture", kind.title.to_owned()),
            ("parameters", parameters(n_parameters)),
            ("stored as", format!("{}, {:.1} MB", dtypes.join(" "), n_bytes as f64 / 1e6)),
        ];
        if let Some(sizes) = model.sizes() {
            rows.extend(of_sizes(sizes));
        }
        Self { title: checkpoint.title(), rows }
    }
}

/// `134.5 million`; of a toy all of them, counted.
fn parameters(n: usize) -> String {
    if n < 1_000_000 { text::grouped(n) } else { format!("{:.1} million", n as f64 / 1e6) }
}

fn of_sizes(sizes: Sizes) -> [(&'static str, String); 6] {
    let heads = sizes.heads;
    let shared = if heads.n_kv_heads == heads.n_heads {
        String::new()
    } else {
        format!(", keys and values of {}", heads.n_kv_heads)
    };
    let layers = match sizes.n_beside {
        0 => sizes.n_layers.to_string(),
        n => format!("encoder {}, decoder {n}", sizes.n_layers - n),
    };
    [
        ("layers", layers),
        ("d_model", heads.d_model.to_string()),
        ("heads", format!("{} of {}{shared}", heads.n_heads, heads.d_head)),
        ("d_ff", sizes.d_ff.to_string()),
        ("vocabulary", sizes.n_vocab.to_string()),
        ("longest text", format!("{} tokens", sizes.context)),
    ]
}

/// The passes by model; a pass that no change concerns is shared with the plain reading.
type Traces = BTreeMap<Name, Arc<Trace>>;

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
        let tokenizer = tokenizer.with_rows(checkpoint.config().usize("vocab_size")?)?;
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

/// `f` of every item, a thread each; the answers in the order of the items, whoever is first.
fn at_once<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let threads: Vec<_> = items.iter().map(|item| scope.spawn(|| f(item))).collect();
        threads.into_iter().map(joined).collect()
    })
}

/// The tokenizer that comes with a checkpoint.
///
/// # Errors
/// Naming file and fault, if it is damaged, of a kind that is not known, or not there.
pub fn tokenizer(checkpoint: &Checkpoint) -> Result<Tokenizer> {
    let config = checkpoint.config();
    let beside = |name| checkpoint.beside(name);
    let generation = beside("generation_config.json").and_then(|g| g.get("eos_token_id"));
    let eos = generation.or_else(|| config.get("eos_token_id")).map_or(vec![], text::ids_of);
    match checkpoint.tokenizer() {
        TokenizerSource::Json(json) => {
            let specials = Specials {
                file: &checkpoint.name_beside("tokenizer.json"),
                tokenizer_config: beside("tokenizer_config.json"),
                special_tokens_map: beside("special_tokens_map.json"),
                bos: config.id("bos_token_id")?,
                eos: &eos,
                pad: config.id("pad_token_id")?,
            };
            Tokenizer::from_json(json, &specials)
        }
        TokenizerSource::Gguf(vocab) => Tokenizer::from_gguf(vocab).context(checkpoint.name()),
        TokenizerSource::None if checkpoint.is_gguf() => bail!(
            "{} holds no vocabulary that is read (`tokenizer.ggml.model`), so no text can be read; \
             convert the model again, with its tokenizer",
            checkpoint.name()
        ),
        TokenizerSource::None => bail!(
            "{} is missing, so no text can be read; put it beside the weights; of older files \
             `transformers.AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)` makes it",
            checkpoint.name_beside("tokenizer.json")
        ),
    }
}

/// What a thread answers; its panic goes on here.
fn joined<R>(thread: thread::ScopedJoinHandle<R>) -> R {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// All passes over one sentence.
#[derive(Clone)]
pub struct Reading {
    pub sentence: Sentence,
    pub accuracy: Arc<Accuracy>,
    /// What is different from the plain reading; nothing in a plain one.
    pub changes: Arc<Changes>,
    /// The same sentence read without changes, if this is a changed reading.
    pub plain: Option<Arc<Self>>,
    /// What is known of the checkpoint that read it.
    pub card: Option<Arc<Card>>,
    traces: Traces,
    /// For the measures that need passes of their own.
    models: Models,
    tokenizer: Arc<Tokenizer>,
    measures: Arc<OnceLock<Measures>>,
    /// The lens, by model and row, as far as it was looked through.
    lenses: Lenses,
    /// The choices that were looked at last.
    choices: Choices,
    heads: Arc<OnceLock<Heads>>,
}

/// Figures that take many passes, forward or backward.
pub struct Measures {
    /// `||d h_n / d x_t||` for the models with a fixed vector.
    pub forgetting: BTreeMap<Name, Vec<f32>>,
    /// Gradient norm of the output's log-probability, by model.
    pub influence: BTreeMap<Name, Vec<f32>>,
    /// What the norms of `forgetting` and of `influence` are made of.
    pub squares: [BTreeMap<Name, Squares>; 2],
    /// How many of the last 1, 2, … words the state gives back, for the models with a fixed vector.
    pub kept: BTreeMap<Name, Vec<Kept>>,
    /// For the models that have attention.
    pub evidence: BTreeMap<Name, Evidence>,
    /// The RNNs given the Transformer's output word by word, beside their own.
    pub forcing: BTreeMap<Name, Forcing>,
    /// How the language model writes on after parts of the sentence.
    pub continued: Vec<Continued>,
}

/// All heads by model; models without heads are not among them.
pub type Heads = BTreeMap<Name, Vec<Summary>>;

/// How long models take to read so many tokens.
pub type MachineTimes = BTreeMap<Name, Times>;

/// What was seen through the lens, by model and row.
type Lenses = Arc<Mutex<HashMap<(Name, usize), Arc<[Guess]>>>>;

/// Choices of the next token, by model, row and way of choosing.
type Choices = Arc<Mutex<VecDeque<((Name, usize, Choosing), Arc<Choice>)>>>;

/// What there is to be said beside attention weights.
pub struct Evidence {
    /// `d log p(output) / d weight`, by the path of the weights.
    pub slopes: BTreeMap<String, Value>,
    /// `||d log p(output) / d x||` for the tokens that the decoder read; empty without a decoder.
    pub target: Vec<f32>,
    /// What knocking out a head does.
    pub heads: KnockOuts,
}

impl Reading {
    /// # Panics
    /// If the reader does not have that model ([`Reader::of`]).
    pub fn trace(&self, name: Name) -> &Trace {
        &self.traces[&name]
    }

    pub fn has(&self, name: Name) -> bool {
        self.traces.contains_key(&name)
    }

    /// The models that have read it, in the order of the lesson.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.traces.keys().copied()
    }

    /// The same reading with the block of that path opened. None if nothing is closed there.
    #[must_use]
    pub fn opened(&self, name: Name, path: &str) -> Option<Self> {
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

    /// The same model's pass without changes, if this reading is a changed one.
    pub fn plain_trace(&self, name: Name) -> Option<&Trace> {
        self.plain.as_ref().map(|plain| plain.trace(name))
    }

    /// # Errors
    /// If the change has no place in any pass; the message offers the nearest that have.
    fn check(&self, change: &Change) -> Result<()> {
        if let Change::Set { address, value } = change
            && address.path.ends_with("weights")
        {
            ensure!(
                (0.0..=1.0).contains(value),
                "{change}: an attention weight is a share; give 0 to 1"
            );
        }
        if self.traces.values().any(|trace| trace.concerns(change)) {
            return Ok(());
        }
        if let Change::Set { address, .. } = change {
            let has = |trace: &&Arc<Trace>| trace.site(&address.path).is_some();
            let all = || self.traces.values();
            let translator = || self.traces.get(&Name::Transformer);
            if let Some(trace) = all().find(has).or_else(translator).or_else(|| all().next()) {
                trace.cell(address)?;
            }
            bail!("{change}: that number is learned, not computed; only computed ones can be set");
        }
        let parts = self.traces.values().flat_map(|trace| trace.parts_off());
        let parts: BTreeSet<String> = parts.map(|change| change.to_string()).collect();
        ensure!(
            !parts.is_empty(),
            "the model has nothing that `{change}` speaks of, and no part that can be left out; numbers \
             and tokens can be set: SITE[ROW,COLUMN]=0.5, token.1=WORD"
        );
        let near = text::nearest(&change.to_string(), parts.iter().map(String::as_str), 3);
        bail!(
            "no model has the place that `{change}` speaks of; the nearest are {}",
            near.join(", ")
        )
    }

    fn unless_concerned(&self, name: Name, changes: &Changes) -> Option<Arc<Trace>> {
        let trace = &self.traces[&name];
        (!changes.iter().any(|change| trace.concerns(change))).then(|| Arc::clone(trace))
    }

    pub fn read_back(&self, name: Name) -> Vec<ReadBack> {
        readback::read_back(self.trace(name))
    }

    /// The slow measures, computed at the first call (tenths of a second), those of heads with them.
    pub fn measures(&self) -> &Measures {
        self.heads();
        self.measures.get_or_init(|| self.measure())
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
            kept: self.of_each(|model, trace| self.kept(model, trace)),
            evidence: self.of_each(|model, trace| self.evidence(model, trace)),
            forcing: self.forcing(),
            continued: self.continued(),
        }
    }

    /// Every attention head in a few figures and small, by model, computed at the first call: of a
    /// large pass every block is opened for it, one at a time.
    pub fn heads(&self) -> &Heads {
        let of = |trace: &Trace| Some(heads::of_trace(trace)).filter(|heads| !heads.is_empty());
        self.heads.get_or_init(|| self.of_each(|_, trace| of(trace)))
    }

    /// The same, if it has been computed: for the screen, which never waits.
    pub fn known_heads(&self) -> Option<&Heads> {
        self.heads.get()
    }

    /// What a model's next token is chosen from after that row: a vocabulary is put in order once for all
    /// who ask on one screen.
    pub fn choice(&self, name: Name, choosing: Choosing, row: usize) -> Option<Arc<Choice>> {
        const KEPT: usize = 4;
        let known = || self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name, row, choosing);
        if let Some((_, choice)) = known().iter().find(|(other, _)| *other == key) {
            return Some(Arc::clone(choice));
        }
        let choice = Arc::new(choice(self.trace(name), choosing, row)?);
        let mut known = known();
        known.push_front((key, Arc::clone(&choice)));
        known.truncate(KEPT);
        Some(choice)
    }

    /// The sizes of a model that says them.
    pub fn sizes(&self, name: Name) -> Option<Sizes> {
        self.models.iter().find(|(other, _)| *other == name)?.1.sizes()
    }

    /// What a model would say after each layer, from that row: of a large vocabulary and many layers
    /// a matter of tenths of a second.
    pub fn lens(&self, name: Name, row: usize) -> Arc<[Guess]> {
        let known = || self.lenses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guesses) = known().get(&(name, row)) {
            return Arc::clone(guesses);
        }
        let model = self.models.iter().find(|(other, _)| *other == name);
        let say = |rows: &Matrix| model.and_then(|(_, model)| model.say(rows));
        let guesses: Arc<[Guess]> = lens::lens(self.trace(name), row, say).into();
        known().insert((name, row), Arc::clone(&guesses));
        guesses
    }

    /// The same, if it has been computed or is a matter of a moment: for the screen, which never waits.
    pub fn known_lens(&self, name: Name, row: usize) -> Option<Arc<[Guess]>> {
        const MOST_PRODUCTS: usize = 20_000_000;
        let is_known = || {
            let known = self.lenses.lock().unwrap_or_else(PoisonError::into_inner);
            known.contains_key(&(name, row))
        };
        let products = |sizes: Sizes| 2 * sizes.n_layers * sizes.n_vocab * sizes.heads.d_model;
        let is_quick = self.sizes(name).is_none_or(|sizes| products(sizes) <= MOST_PRODUCTS);
        (is_quick || is_known()).then(|| self.lens(name, row))
    }

    /// How long the models with an encoder take to read, one after another; about a second.
    pub fn time(&self) -> MachineTimes {
        let ids = self.sentence.ids();
        let timed = [Name::Elman, Name::Gru, Name::Transformer];
        let models = self.models.iter().filter(|(name, _)| timed.contains(name));
        models.map(|(name, model)| (*name, wall::time(&**model, &ids))).collect()
    }

    /// A measure of every model that has it, a thread each.
    fn of_each<R: Send>(
        &self,
        measure: impl Fn(&dyn Model, &Trace) -> Option<R> + Sync,
    ) -> BTreeMap<Name, R> {
        let of = |(name, model): &(Name, Arc<dyn Model>)| measure(&**model, self.trace(*name));
        let found = at_once(&self.models, of);
        let named = self.models.iter().zip(found);
        named.filter_map(|((name, _), found)| Some((*name, found?))).collect()
    }

    fn kept(&self, model: &dyn Model, trace: &Trace) -> Option<Vec<Kept>> {
        readback::kept_by_length(model, trace, &self.sentence.ids(), &self.setup(None))
    }

    fn evidence(&self, model: &dyn Model, trace: &Trace) -> Option<Evidence> {
        let slopes = gradient::of_attention_weights(trace);
        (!slopes.is_empty()).then(|| Evidence {
            slopes,
            target: gradient::influence_of_target(trace).unwrap_or_default(),
            heads: if self.is_quick(model) {
                knock_out_heads(model, trace, &self.sentence.ids(), &self.changes)
            } else {
                KnockOuts::new()
            },
        })
    }

    /// Whether a token is written in a few milliseconds at most.
    fn is_small(model: &dyn Model) -> bool {
        const MOST_PRODUCTS: usize = 20_000_000;
        model.sizes().is_none_or(|sizes| sizes.products(1) <= MOST_PRODUCTS)
    }

    /// Whether as many passes as the model has heads are a matter of a second or so.
    fn is_quick(&self, model: &dyn Model) -> bool {
        const MOST_PRODUCTS: usize = 100_000_000_000;
        let n = self.sentence.tokens.len();
        let products = model.sizes().map_or(0, |sizes| sizes.products(n) * sizes.all_heads());
        products <= MOST_PRODUCTS
    }

    fn setup(&self, forced: Option<Vec<u32>>) -> Setup {
        Setup { changes: Arc::clone(&self.changes), forced, ..Setup::default() }
    }

    fn forcing(&self) -> BTreeMap<Name, Forcing> {
        let Some(translator) = self.traces.get(&Name::Transformer) else { return BTreeMap::new() };
        let right = &translator.output;
        let given = right.iter().map(|token| token.id).take(right.len().saturating_sub(1));
        let (setup, ids) = (self.setup(Some(given.collect())), self.sentence.ids());
        let rnns = [Name::Elman, Name::Gru, Name::RnnAttention];
        let of = |(name, model): &(Name, Arc<dyn Model>)| {
            let forced = Trace::new(*name, model.run(&ids, &setup), &self.tokenizer);
            (*name, Forcing::new(right, &forced, self.trace(*name)))
        };
        self.models.iter().filter(|(name, _)| rnns.contains(name)).map(of).collect()
    }

    /// What was read of the text that the language model writes on, up to that token of the sentence:
    /// with the token before it, where the model has one of its own.
    pub fn given(&self, n_tokens: usize) -> &[Token] {
        let models = [Name::Checkpoint, Name::DecoderOnly].map(|name| self.traces.get(&name));
        let source = models.into_iter().flatten().next().map_or(&[][..], |t| &t.source);
        let own = source.len().saturating_sub(self.sentence.tokens.len());
        &source[..source.len().min(n_tokens.saturating_add(own))]
    }

    fn continued(&self) -> Vec<Continued> {
        let (setup, ids) = (self.setup(None), self.sentence.ids());
        let writes = [Name::DecoderOnly, Name::Checkpoint];
        let writes = self.models.iter().find(|(name, _)| writes.contains(name));
        writes.map_or_else(Vec::new, |(name, model)| {
            let parts = match name {
                Name::Checkpoint if !Self::is_small(&**model) => vec![ids.len()],
                Name::Checkpoint => continuation::eighths(ids.len(), 8),
                _ => continuation::eighths(ids.len(), 7),
            };
            let text = continuation::Text { tokens: &ids, parts: &parts };
            continuation::continued(&**model, text, &setup, &self.tokenizer)
        })
    }

    /// The slow measures, if they have been computed: for the screen, which never waits.
    pub fn measured(&self) -> Option<&Measures> {
        self.measures.get()
    }
}

fn norms_of(squares: &BTreeMap<Name, Squares>) -> BTreeMap<Name, Vec<f32>> {
    squares.iter().map(|(&name, squares)| (name, gradient::norms(squares))).collect()
}
