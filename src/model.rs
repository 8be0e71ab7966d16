//! The models: a file or folder for each architecture, with its table of sites.
//!
//! A [`Model`] runs token ids into a [`Pass`], which records every value on a tape; it decodes greedily unless the
//! changes say otherwise. The built-in models come from [`load`], a user's checkpoint from the table
//! [`ARCHITECTURES`], which holds the families of [`decoder_only`] and the others. Text and display are left to others.

pub mod layer;
pub mod bert;
pub mod decoder_only;
mod classes;
mod decoding;
pub mod encoder_decoder;
mod generation;
mod name;
mod pool;
pub mod rnn;
pub mod rnn_attention;
pub mod rnn_lm;
mod sizes;

use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result, bail};
use bert::BertFamily;
use decoder_only::Family;
use encoder_decoder::EncoderDecoder;

pub use classes::{END_PROBS, START_PROBS};
pub use name::{GUIDED_HEAD, HeadPlace, ModelName};
pub use sizes::{ExpertCounts, ModelSizes, StackSizes, computed_of};

use crate::{
    engine::{
        change::Changes,
        math::{beam::Beams, sampling::Choosing},
        site::{
            Axis::{Channel, Position, Vocab},
            Role, Scope, Site, Stream,
        },
        tape::{Keep, Node, Tape},
        value::{Matrix, Value},
    },
    text::{EOS, near_clause, shown},
    weights::{Checkpoint, WITH_EXPERTS, Weights, is_in_gguf},
};

/// The path of the embedding table, whose rows are tokens.
pub const EMBEDDING_TABLE: &str = "embed.weight";

pub static EMBED: Site =
    Site::matrix("embed", [Position, Channel], "each token's row of the embedding table")
        .with(Role::Embedding)
        .called(&["E[id]", "ids"]);
pub static SCALED: Site = Site::matrix("scaled", [Position, Channel], "embedding * sqrt(d_model)")
    .called(&["E[id] · √d_model", "scaled"]);
pub static POS: Site = Site::matrix(
    "pos",
    [Position, Channel],
    "positional encoding: sines and cosines of the position",
)
.with(Role::AddedPositions)
.called(&["PE(pos,2i)", "PE(pos)"]);
pub static LOGITS: Site =
    Site::matrix("logits", [Position, Vocab], "a score for every token of the vocabulary")
        .with(Role::Logits)
        .called(&["logits", "z"]);
pub static PROBS: Site =
    Site::matrix("probs", [Position, Vocab], "softmax: the probability of every next token")
        .with(Role::Probabilities)
        .called(&["p_k", "p"]);
pub static INITIAL: Site =
    Site::matrix("initial", [Position, Channel], "the state before the first word: zeros");

/// A model: reads token ids and records every value on a tape.
pub trait Model: Send + Sync {
    /// A finished pass over a source sentence, decoded. `source` must not be empty.
    fn run(&self, source: &[u32], setup: &Setup) -> Pass;

    /// The tape of reading the source without decoding: the encoder, or the blocks of a model without one. Its last
    /// value is the encoder's output.
    fn read(&self, source: &[u32], setup: &Setup) -> Tape;

    /// The sizes that determine memory and time; None if unknown.
    fn sizes(&self) -> Option<ModelSizes> {
        None
    }

    /// An upper bound on the bytes of a pass over `n` tokens, without the weights; None if unknown.
    fn pass_bytes(&self, n: usize, keep: Keep) -> Option<u64> {
        Some(self.sizes()?.bytes(n, keep) as u64)
    }

    /// Which values of a pass over `n` tokens are kept: all, if they are few.
    fn keep(&self, n: usize) -> Keep {
        self.sizes().map_or(Keep::All, |sizes| sizes.keep(n))
    }

    /// The rows of the logits that the output was chosen from: the masked positions of a bidirectional model. None
    /// if these are the last rows.
    fn written_at(&self, _source: &[u32]) -> Option<Vec<usize>> {
        None
    }

    /// The names of the classes that it sorts texts or tokens into; safe to show.
    fn classes(&self) -> &[String] {
        &[]
    }

    /// The tokens that end an output.
    fn ends(&self) -> &[u32] {
        &[EOS]
    }

    /// Settings of the checkpoint that its output does not obey, safe to show.
    fn not_obeyed(&self) -> &[String] {
        &[]
    }

    /// The token with which every output begins, whatever the model says; None if there is none.
    fn first(&self) -> Option<u32> {
        None
    }

    /// What a decoder reads of a text that it is given, as if it had written it: before it the token with which every
    /// output begins, or that training put before every text, where the text lacks that.
    fn given(&self, text: Vec<u32>) -> Vec<u32> {
        text
    }

    /// The number of tokens after which an output is made to end, whatever the model says; None if it never is.
    fn forced_end(&self) -> Option<usize> {
        None
    }

    /// The logits of these rows of the residual stream, as if they were the last layer's. None for a model without
    /// such a reading. Of the changes only learned weights matter. rows (position, channel) -> (position, vocab)
    fn unembed(&self, _rows: &Matrix, _changes: &Arc<Changes>) -> Option<Matrix> {
        None
    }

    /// A text that the model continues; None for a model that does not continue texts.
    fn writer(&self, _setup: &Setup) -> Option<Box<dyn Writer + '_>> {
        None
    }
}

/// A growing text whose past is cached.
pub trait Writer {
    /// Reads more tokens and returns the logits of the next one (vocab). None if there is nothing to read, or no
    /// room left in the model's context.
    fn read(&mut self, ids: &[u32]) -> Option<Vec<f32>>;

    /// A second writer of what was read so far: it goes on in another way, without reading the beginning again.
    fn fork(&self) -> Box<dyn Writer + '_>;
}

/// How a pass is run; the default is a plain pass.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    pub changes: Arc<Changes>,
    /// The decoder's input after `<bos>`, without `<eos>` (teacher forcing); None feeds back its own output. Of a text see
    /// [`Model::given`].
    pub forced: Option<Vec<u32>>,
    /// The most tokens that a decoder writes; None derives it from the length of the source.
    pub longest: Option<usize>,
    /// Which values stay on the tape.
    pub keep: Keep,
}

impl Setup {
    fn tape(&self) -> Tape {
        Tape::changed(Arc::clone(&self.changes)).keeping(self.keep)
    }

    /// How the next token is chosen.
    pub fn choosing(&self) -> Choosing {
        self.changes.choosing()
    }
}

/// A finished run: the tape, the input and the output.
pub struct Pass {
    pub tape: Tape,
    /// The tokens on the source stream.
    pub source: Vec<u32>,
    /// The tokens on the target stream: `<bos>`, then the output without `<eos>`. Empty for a
    /// model without a decoder stream of its own.
    pub target: Vec<u32>,
    /// The output, with `<eos>` if it was reached.
    pub output: Vec<u32>,
    /// The record of beam search, if it was used.
    pub beams: Option<Beams>,
}

impl Pass {
    /// The first value recorded under that path; None if there is none.
    pub fn value(&self, path: &str) -> Option<&Value> {
        let node = self.tape.nodes().find(|&node| self.tape.entry(node).place.path == path)?;
        Some(self.tape.value(node))
    }
}

/// An architecture of checkpoints that can be run.
pub struct Architecture {
    /// `model_type` in config.json.
    pub names: &'static [&'static str],
    /// The name to show.
    pub title: &'static str,
    kind: Kind,
}

/// How a model is made from a checkpoint.
enum Kind {
    Decoder(&'static Family),
    Other(fn(&Checkpoint) -> Result<Arc<dyn Model>>),
}

/// Names of types that GGUF alone has.
const ONLY_IN_GGUF: [&str; 20] = [
    "nomic-bert",
    "t5encoder",
    "phi2",
    "gptneox",
    "command-r",
    "qwen3moe",
    "qwen2moe",
    "gpt-oss",
    "deepseek2",
    "qwen35",
    "qwen35moe",
    "qwen3next",
    "qwen2vl",
    "qwen25vl",
    "qwen3vl",
    "qwen3vlmoe",
    "glm4moe",
    "hunyuan-dense",
    "hunyuan-moe",
    "minimax-m2",
];

/// Types that come near those that can be run, and the parts that are missing.
const MISSING: [(&str, &[&str]); 4] = [
    ("doge", &["attention that learns which values to leave out"]),
    ("apertus", &["xIELU's numbers, which GGUF files have among the settings"]),
    ("gemma3n", GEMMA_3N),
    ("gemma3n_text", GEMMA_3N),
];

const GEMMA_3N: &[&str] = &[
    "streams that predict and correct one another (AltUp)",
    "a residual of low rank beside attention (LAuReL)",
    "gates of which only the largest are kept (activation sparsity)",
];

/// The architectures that can be run.
pub static ARCHITECTURES: LazyLock<Vec<Architecture>> = LazyLock::new(|| {
    let decoder = |family: &'static Family| Architecture {
        names: family.types,
        title: family.title,
        kind: Kind::Decoder(family),
    };
    decoder_only::FAMILIES.iter().copied().flatten().map(decoder).chain(others()).collect()
});

/// The architectures that are not decoders alone.
fn others() -> [Architecture; 17] {
    let of = |names, title, open| Architecture { names, title, kind: Kind::Other(open) };
    [
        of(&["bert"], "BERT", |checkpoint| bert(checkpoint, BertFamily::Bert)),
        of(&["roberta", "xlm-roberta", "camembert"], "RoBERTa", |checkpoint| {
            bert(checkpoint, BertFamily::Roberta)
        }),
        of(&["distilbert"], "DistilBERT", |checkpoint| bert(checkpoint, BertFamily::DistilBert)),
        of(&["electra"], "ELECTRA", |checkpoint| bert(checkpoint, BertFamily::Electra)),
        of(&["albert"], "ALBERT", |checkpoint| bert(checkpoint, BertFamily::Albert)),
        of(&["mpnet"], "MPNet", |checkpoint| bert(checkpoint, BertFamily::MpNet)),
        of(&["nomic_bert", "nomic-bert"], "Nomic", |checkpoint| {
            bert(checkpoint, BertFamily::Nomic)
        }),
        of(&["deberta"], "DeBERTa", |checkpoint| bert(checkpoint, BertFamily::FirstDeberta)),
        of(&["deberta-v2"], "DeBERTa-v2", |checkpoint| bert(checkpoint, BertFamily::Deberta)),
        of(&["modernbert"], "ModernBERT", |checkpoint| {
            Ok(Arc::new(bert::ModernBert::load(checkpoint)?))
        }),
        of(&["bart"], "BART", |checkpoint| {
            translator(EncoderDecoder::bart(checkpoint, encoder_decoder::BART))
        }),
        of(&["mbart"], "mBART", |checkpoint| {
            translator(EncoderDecoder::bart(checkpoint, encoder_decoder::MBART))
        }),
        of(&["marian"], "Marian", |checkpoint| {
            translator(EncoderDecoder::bart(checkpoint, encoder_decoder::MARIAN))
        }),
        of(&["pegasus"], "Pegasus", |checkpoint| {
            translator(EncoderDecoder::bart(checkpoint, encoder_decoder::PEGASUS))
        }),
        of(&["m2m_100"], "M2M-100", |checkpoint| {
            translator(EncoderDecoder::bart(checkpoint, encoder_decoder::M2M))
        }),
        of(&["t5", "mt5", "umt5", "t5encoder"], "T5", encoder_decoder::t5),
        of(&["rnn", "gru", "lstm"], "recurrent language model", |checkpoint| {
            Ok(Arc::new(rnn_lm::RnnLm::open(checkpoint)?))
        }),
    ]
}

fn bert(checkpoint: &Checkpoint, family: BertFamily) -> Result<Arc<dyn Model>> {
    Ok(Arc::new(bert::Bert::load(checkpoint, family)?))
}

fn translator(opened: Result<EncoderDecoder>) -> Result<Arc<dyn Model>> {
    Ok(Arc::new(opened?))
}

impl Architecture {
    /// The architecture of this `model_type`; None if it cannot be run.
    pub fn named(name: &str) -> Option<&'static Self> {
        ARCHITECTURES.iter().find(|kind| kind.names.contains(&name))
    }

    /// The architecture of a checkpoint.
    ///
    /// # Errors
    /// If it cannot be run; the message names those that can.
    pub fn of(checkpoint: &Checkpoint) -> Result<&'static Self> {
        let name = checkpoint.config().string("model_type")?;
        let is_of_form = |name: &str| {
            let architecture = name.strip_suffix(WITH_EXPERTS).unwrap_or(name);
            if checkpoint.is_gguf() {
                is_in_gguf(architecture)
            } else {
                !ONLY_IN_GGUF.contains(&name)
            }
        };
        Self::named(name).filter(|_| is_of_form(name)).with_context(|| {
            let known = ARCHITECTURES.iter().flat_map(|kind| kind.names).copied();
            let known: Vec<&str> =
                known.filter(|name| !name.contains(' ') && is_of_form(name)).collect();
            let near = near_clause(name, known.iter().copied(), 3);
            let missing = MISSING.iter().find(|(kind, _)| *kind == name);
            let why = missing.map(|(_, parts)| match parts {
                [part] => format!(", since a part is missing: {part}"),
                parts => format!(", since parts are missing: {}", parts.join("; ")),
            });
            let near = why.unwrap_or_else(|| near.to_string());
            format!(
                "{} is a model of type `{}`, which cannot be run{near}; those that can are {}",
                checkpoint.name(),
                shown(name),
                known.join(", ")
            )
        })
    }

    /// The model of a checkpoint.
    ///
    /// # Errors
    /// If a setting is not supported, or weights are missing or misshapen.
    pub fn open(&self, checkpoint: &Checkpoint) -> Result<Arc<dyn Model>> {
        match self.kind {
            Kind::Decoder(family) => {
                Ok(Arc::new(decoder_only::DecoderOnly::open(checkpoint, family)?))
            }
            Kind::Other(open) => open(checkpoint),
        }
    }
}

/// A built-in model, loaded from the binary.
///
/// # Errors
/// If the embedded file is damaged or missing.
pub fn load(name: ModelName) -> Result<Arc<dyn Model>> {
    let weights = Weights::embedded(name.id())?;
    Ok(match name {
        ModelName::Elman => Arc::new(rnn::Rnn::elman(&weights)?),
        ModelName::Gru => Arc::new(rnn::Rnn::gru(&weights)?),
        ModelName::RnnAttention => Arc::new(rnn_attention::RnnAttention::load(&weights)?),
        ModelName::Transformer | ModelName::TransformerUnguided => {
            Arc::new(EncoderDecoder::embedded(&weights)?)
        }
        ModelName::DecoderOnly => Arc::new(decoder_only::DecoderOnly::embedded(&weights)?),
        ModelName::Checkpoint => bail!("a checkpoint is opened from its path"),
    })
}

/// The logits of rows that begin at row `t`, with their probabilities recorded: `logits = x Eᵀ + b`, where E is the
/// embedding table (Vaswani et al. 2017, section 3.4) or a table of its own. x (row, channel) -> (row, vocab)
fn predict(
    tape: &mut Tape,
    scope: &Scope,
    x: Node,
    table: Node,
    bias: Option<Node>,
    t: usize,
) -> Node {
    let place = scope.at(&LOGITS).row(t);
    let logits = match bias {
        None => tape.matmul_nt(place, x, table), // (position, vocab)
        Some(bias) => tape.linear_nt(place, x, table, bias),
    };
    tape.softmax_of_logits(scope.at(&PROBS).row(t), logits); // (position, vocab)
    logits
}

/// The numbers of the last row.
fn last_row(x: &Matrix) -> Vec<f32> {
    x.row(x.nrows() - 1).iter().copied().collect()
}

/// The initial state: one row of zeros. (1, n)
fn zero_state(tape: &mut Tape, scope: &Scope, n: usize) -> Node {
    tape.leaf(scope.at(&INITIAL), Arc::new(Value::from_rows(1, n, &vec![0.0; n])))
}

fn source_scope(prefix: &str) -> Scope {
    Scope::new(prefix, Stream::Source, Stream::Source)
}

fn target_scope(prefix: &str) -> Scope {
    Scope::new(prefix, Stream::Target, Stream::Target)
}
