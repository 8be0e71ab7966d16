//! The arguments of the commands that say why: what they are asked, and where the answer goes.

use clap::{Args, ValueEnum, ValueHint};

use super::{BesideArgs, OutArgs, TextArgs};
use crate::{
    analysis::{
        evidence::learner::Optimizer, measure::attention_form::AttentionForm,
        reading::QuestionAsked,
    },
    cli::{destination::check_file, help_texts, known},
};

/// A word of the output, and the one it is set against.
#[derive(Clone, Debug, Default, Args)]
pub struct QuestionArgs {
    /// The word asked about, and another after a comma, as in il,elle
    ///
    /// A part of a word is given as the walk shows it, as in -or. Without it: il or elle (ils or elles, also at the
    /// beginning) against the other where the output has one, else the output's least sure word against
    /// the second; of a model that only reads, the next word, or the masked one; of a classifier, its likeliest class
    /// against the second. Classes are given by their names.
    #[arg(long, value_name = "WORD[,WORD]", value_delimiter = ',', allow_hyphen_values = true, value_hint = ValueHint::Other)]
    pub words: Vec<String>,

    /// The place in the output, counted from 0
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub place: Option<usize>,
}

impl QuestionArgs {
    pub fn asked(&self) -> QuestionAsked {
        QuestionAsked { words: self.words.clone(), place: self.place }
    }
}

/// Where a table goes, and in which form.
#[derive(Clone, Debug, Args)]
pub struct EvidenceOut {
    /// Output format (default: by the extension of --out, else table)
    #[arg(long, value_enum)]
    pub format: Option<EvidenceFormat>,

    #[command(flatten)]
    pub out: OutArgs,
}

impl EvidenceOut {
    /// # Errors
    /// If the format asked for is not that of the file's extension.
    pub fn format_of(&self) -> anyhow::Result<EvidenceFormat> {
        let out = &self.out.out;
        check_file(out, &["json", "csv", "npz", "txt"], self.format.is_some())?;
        let end = out.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let named = [
            ("json", EvidenceFormat::Json),
            ("csv", EvidenceFormat::Csv),
            ("npz", EvidenceFormat::Npz),
        ];
        let of_name = named.into_iter().find(|(extension, _)| *extension == end);
        if let (Some(asked), Some((extension, format))) = (self.format, of_name) {
            anyhow::ensure!(
                asked == format,
                "--out has the extension of {extension}, but another format is requested; change one of them"
            );
        }
        Ok(self.format.or(of_name.map(|(_, format)| format)).unwrap_or_default())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EvidenceFormat {
    /// For people
    #[default]
    Table,
    /// One document, an object for each number
    Json,
    /// A line for each number
    Csv,
    /// A column for each field, for numpy.load: names and tokens as text, the rest as float32
    Npz,
}

/// What pushed a word above another.
#[derive(Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::ATTRIBUTE))]
pub struct AttributeArgs {
    #[command(flatten)]
    pub text: TextArgs,

    #[command(flatten)]
    pub question: QuestionArgs,

    /// Which words counted for the whole output instead of the one word
    #[arg(long)]
    pub whole: bool,

    /// Add up the tokens of each word
    ///
    /// A word is what stands between spaces, without marks; what is contracted stays with it, as in didn't.
    #[arg(long)]
    pub by_word: bool,

    /// How many hidden units of each feed-forward are listed, the strongest first
    #[arg(long, default_value_t = 3, value_name = "N", allow_negative_numbers = true)]
    pub units: usize,

    #[command(flatten)]
    pub out: EvidenceOut,
}

/// Two sentences, and the values that carry their difference.
#[derive(Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::PATCH))]
pub struct PatchArgs {
    /// The other sentence, B: its pass gets values of the first one's, A
    #[arg(long, value_name = "SENTENCE", value_hint = ValueHint::Other)]
    pub against: String,

    #[command(flatten)]
    pub text: TextArgs,

    #[command(flatten)]
    pub question: QuestionArgs,

    #[command(flatten)]
    pub out: EvidenceOut,
}

/// Two passes side by side.
#[derive(Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::DIFF))]
pub struct DiffArgs {
    #[command(flatten)]
    pub text: TextArgs,

    #[command(flatten)]
    pub beside: BesideArgs,

    #[command(flatten)]
    pub question: QuestionArgs,

    /// How many of the numbers that differ most are listed
    #[arg(long, default_value_t = 10, value_name = "N", allow_negative_numbers = true)]
    pub top: u16,

    #[command(flatten)]
    pub out: EvidenceOut,
}

/// Routes from a row of the stream to the tokens.
#[derive(Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::FLOW))]
pub struct FlowArgs {
    #[command(flatten)]
    pub text: TextArgs,

    #[command(flatten)]
    pub question: QuestionArgs,

    /// The least share that a route follows, 0 to 1 (default: chosen by its number of lines)
    ///
    /// Without it: the largest of 0.32, 0.24, 0.16, 0.12, 0.08, 0.04, 0.02, 0.01 and 0.005 at which two lines a layer
    /// come from other words; if a layer then had more than four a word, the next larger one.
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, value_parser = known::share)]
    pub threshold: Option<f32>,

    #[command(flatten)]
    pub out: EvidenceOut,
}

/// Heads, and their scores.
#[derive(Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::HEADS))]
pub struct HeadsArgs {
    #[command(flatten)]
    pub text: TextArgs,

    /// A map of attention of every site, word by word, instead of the scores
    #[arg(long, value_enum, value_name = "FORM")]
    pub map: Option<AttentionForm>,

    #[command(flatten)]
    pub out: EvidenceOut,
}

/// Steps of learning.
#[derive(Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::LEARN))]
pub struct LearnArgs {
    #[command(flatten)]
    pub text: TextArgs,

    /// What a translator should write (default: what it writes), or the masked words of a text
    #[arg(long, value_name = "TEXT", value_hint = ValueHint::Other)]
    pub target: Option<String>,

    /// How many steps
    #[arg(long, default_value_t = 10, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub steps: u16,

    /// The rule of the update
    #[arg(long, value_enum, default_value_t)]
    pub optimizer: OptimizerChoice,

    /// The learning rate (default: 0.005 for sgd, 0.001 for adam)
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, value_parser = known::rate)]
    pub rate: Option<f32>,

    #[command(flatten)]
    pub out: EvidenceOut,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OptimizerChoice {
    /// w - rate * gradient
    #[default]
    Sgd,
    /// Kingma and Ba 2015
    Adam,
}

impl OptimizerChoice {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adam => "adam",
        }
    }
}

impl From<OptimizerChoice> for Optimizer {
    fn from(choice: OptimizerChoice) -> Self {
        match choice {
            OptimizerChoice::Sgd => Self::Sgd,
            OptimizerChoice::Adam => Self::Adam,
        }
    }
}
