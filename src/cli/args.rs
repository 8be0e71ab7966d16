//! The one table of commands and options: the parser, `--help`, the man page and the completions
//! are made from it.

pub mod evidence;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint, builder::Styles};
use clap_complete::Shell;

use evidence::{AttributeArgs, DiffArgs, FlowArgs, HeadsArgs, LearnArgs, PatchArgs};

use super::{
    colour::{Ask, ThemeChoice},
    help_texts,
    known::{self, Known},
    size::Size,
    view::ViewArgs,
};
use crate::{engine::change::Change, export::Format, lesson::Language};

/// See how an RNN and a Transformer read a sentence, step by step.
///
/// Opens a walk through two machines that read the same sentence: a recurrent network and a
/// Transformer, trained on the same data and part of this program. When standard output is no
/// terminal, the whole walk is printed as plain text.
#[derive(Debug, Parser)]
#[command(name = "lookback", version, after_long_help = help_texts::closing(), styles = Styles::plain())]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Cli {
    #[command(flatten)]
    pub text: TextArgs,

    #[command(flatten)]
    pub beside: BesideArgs,

    #[command(flatten)]
    pub target: TargetArgs,

    #[command(flatten)]
    pub view: ViewArgs,

    /// Begin at this step of `lookback steps`
    #[arg(long, value_name = "STEP", value_parser = known::step(), hide_possible_values = true)]
    pub at: Option<String>,

    /// Plain text, one step at a time, with commands from standard input: for screen readers
    #[arg(long)]
    pub linear: bool,

    /// Leave the mouse to the terminal
    ///
    /// Then the terminal selects text as usual, and clicks do nothing here.
    #[arg(long, hide_short_help = true)]
    pub no_mouse: bool,

    /// Take the short tour instead of all steps
    #[arg(long)]
    pub tour: bool,

    /// Turn the pages automatically
    #[arg(long)]
    pub autoplay: bool,

    /// Show every step at once, without asking for a prediction first
    #[arg(long)]
    pub no_questions: bool,

    /// Show every step whole at once: nothing unfolds or moves by itself
    #[arg(long)]
    pub no_motion: bool,

    #[command(flatten)]
    pub look: LookArgs,

    #[command(flatten)]
    pub which: ModelArgs,

    #[command(subcommand)]
    pub command: Option<CliCommand>,
}

/// What is read.
#[derive(Clone, Debug, Default, Args)]
pub struct TextArgs {
    /// The sentence to read, in quotes; `-` takes it from standard input
    ///
    /// A checkpoint reads it as it is, white space included; of standard input the last line end is left out.
    /// Without one: "The dog didn't drink the water because it was too hot."
    #[arg(value_name = "SENTENCE", value_hint = ValueHint::Other)]
    pub sentence: Option<OsString>,

    /// Read it with a change, as in mask=off; can be given several times
    ///
    /// mask=off, positions=off, scaling=off, residual=off, sinks=off: a part of the equations left out.
    /// encoder.1.self_attn.head.2=off, encoder.1.ffn=off, encoder.1=off: a head, a sub-layer, a layer out.
    /// adapter=off: the model without its --adapter.
    /// blocks.1.ffn.expert.3=off: an expert that is never chosen; tokens go to the next best.
    /// encoder.1.self_attn.weights[2,7,1]=0.5: a number set by hand.
    /// token.1=dog: another word, counted from 0; beside another sentence, B, one of the first, A. temperature=0.5: logits divided by it.
    /// learn=10: that many steps of learning on the sentence before it is read, by the Transformer or the checkpoint
    /// (learn.gru=10: by another). teach=Le chat dort.: what it should learn to write. rate=0.1: the learning rate.
    /// words=il,elle, place=3: what the steps of evidence ask about, as --words and --place of `lookback attribute`.
    /// against=SENTENCE, target=TEXT: as --against and --target of the walk.
    /// patch=encoder.0.norm2.out[5], patch=encoder.1.self_attn.head.2: a row, or a head, of this sentence's pass put into
    /// that of against=.
    #[arg(long, value_name = "CHANGE", value_parser = known::change, value_hint = ValueHint::Other)]
    pub what_if: Vec<Change>,
}

/// Another pass, set beside the first.
#[derive(Clone, Debug, Default, Args)]
pub struct BesideArgs {
    /// Another sentence, B, beside the first: A, B and what differs are shown in turn
    ///
    /// Tokens are matched where they agree. It is the same as --what-if against=SENTENCE. Another --what-if changes B, but
    /// token.1=dog replaces a word of A.
    #[arg(long, value_name = "SENTENCE", value_hint = ValueHint::Other, hide_short_help = true)]
    pub against: Option<String>,

    /// Another checkpoint of the same shape, B, that reads the same sentence
    ///
    /// A quantised twin, a fine-tune, or another step of training: layers, heads and vocabulary have to be the same.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, hide_short_help = true)]
    pub against_model: Option<PathBuf>,
}

/// What a decoder is made to read.
#[derive(Clone, Debug, Default, Args)]
pub struct TargetArgs {
    /// A text that a translator's decoder reads instead of its own output, to see how it is aligned
    ///
    /// It is the same as --what-if target=TEXT; a model without a decoder beside an encoder takes none.
    #[arg(long, value_name = "TEXT", value_hint = ValueHint::Other, hide_short_help = true)]
    pub target: Option<String>,
}

/// What reads, in every command that reads.
#[derive(Clone, Debug, Default, Args)]
pub struct ModelArgs {
    /// A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`
    ///
    /// Names are those of Hugging Face (Qwen/Qwen3-0.6B), Ollama (llama3.2:1b, or ollama:llama3.2) and LM Studio, of
    /// models that these have fetched. The walk with a checkpoint describes that model alone. `lookback inspect PATH` says
    /// whether it can be run.
    #[arg(long, global = true, value_name = "NAME|PATH", value_parser = known::chosen(), value_hint = ValueHint::AnyPath)]
    pub model: Option<known::Chosen>,

    /// The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)
    ///
    /// The model's own weights stay as they are; the what-if adapter=off reads without what the adapter adds.
    #[arg(long, global = true, value_name = "FOLDER", value_hint = ValueHint::DirPath, hide_short_help = true)]
    pub adapter: Option<PathBuf>,

    /// Read the sentence as a message to that checkpoint, in its own chat template
    #[arg(long, global = true, hide_short_help = true)]
    pub chat: bool,

    /// What is said to the model before that message
    #[arg(long, global = true, value_name = "TEXT", hide_short_help = true)]
    pub system: Option<String>,

    /// Read although more memory is needed than is free
    ///
    /// Without it such a model is refused, with the figures.
    #[arg(long, global = true, hide_short_help = true)]
    pub no_memory_check: bool,
}

/// How it looks, in every command, as it was asked for; [`super::look::Look`] is the result.
#[derive(Clone, Copy, Debug, Args)]
pub struct LookArgs {
    /// When to use colours: if the output can show them, always, or never
    ///
    /// auto (without this option), always or never.
    #[arg(long, value_enum, value_name = "WHEN", global = true)]
    pub color: Option<Ask>,

    /// Theme (default: auto for the walk, dark for exported frames)
    #[arg(long, value_enum, value_name = "NAME", global = true)]
    pub theme: Option<ThemeChoice>,

    /// Draw frames, marks and cells with ASCII characters only
    #[arg(long, global = true)]
    pub ascii: bool,

    /// Language of the lesson (default: that of the locale, else en)
    #[arg(long, global = true, value_name = "LANG", value_parser = known::language())]
    pub lang: Option<Language>,

    /// Read no settings and save no state
    #[arg(long, global = true)]
    pub no_config: bool,
}

#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// List the steps of the walk: ID, chapter, title
    ///
    /// One step a line, separated by tabs: its ID (for --at and --steps), its chapter, its title.
    Steps(TextArgs),

    /// Print how one number was computed, and from what
    Open(OpenArgs),

    /// Write every value of a pass, by address
    Trace(TraceArgs),

    /// Write frames of the walk: text, pictures, film, a page
    Export(ExportArgs),

    /// Print how well each model translates held-out sentences, by length
    Eval(EvalArgs),

    /// Print what pushed a word above another, part by part, and which words counted
    Attribute(AttributeArgs),

    /// Put values of one sentence's pass into another's, one at a time, and print which carry the difference
    Patch(PatchArgs),

    /// Print where two passes differ: of two sentences, or of two models
    Diff(DiffArgs),

    /// Print which words a word was made of, layer by layer down to the tokens
    Flow(FlowArgs),

    /// Print what every attention head does: where it looks, and whether it copies
    Heads(HeadsArgs),

    /// Train on one sentence for some steps, and print the loss and what moved
    Learn(LearnArgs),

    /// Print what is in a checkpoint, whether it can be run, and what would be shown
    Inspect(InspectArgs),

    /// List the checkpoints on this machine, and which of them can be opened
    Models(ModelsArgs),

    /// Print where the settings are, which are in force, and an example
    Config,

    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  lookback completions bash > ~/.local/share/bash-completion/completions/lookback"
    )]
    Completions {
        #[arg(value_enum)]
        shell: Shell,
    },

    /// Print the manual page, of lookback or of one of its commands
    #[command(after_help = "Example:\n  lookback man | man -l -")]
    Man {
        #[arg(value_name = "COMMAND", value_parser = command(), hide_possible_values = true)]
        command: Option<String>,
    },
}

/// The name of a command.
fn command() -> Known<String> {
    Known::new(|| Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect())
}

/// One number, opened.
#[derive(Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::OPEN))]
pub struct OpenArgs {
    /// A site and a cell: site[row,column], or site[head,row,column]
    #[arg(value_hint = ValueHint::Other)]
    pub address: String,

    #[command(flatten)]
    pub text: TextArgs,

    #[command(flatten)]
    pub beside: BesideArgs,

    #[command(flatten)]
    pub target: TargetArgs,

    /// How many levels of operands to open as well
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(..=64))]
    pub depth: u8,

    /// How many terms of a sum are printed one by one; the rest is one number
    #[arg(long, default_value_t = 6, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..))]
    pub terms: u16,

    /// Print every term and every operand
    #[arg(long, conflicts_with = "terms")]
    pub all: bool,
}

/// Every value of a pass.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::TRACE))]
pub struct TraceArgs {
    #[command(flatten)]
    pub text: TextArgs,

    #[command(flatten)]
    pub target: TargetArgs,

    /// Output format (default: by the extension of --out, else json)
    #[arg(long, value_enum)]
    pub format: Option<TraceFormat>,

    /// Only these sites; `*` stands for any characters, `?` for one, a comma between patterns
    #[arg(long, value_name = "GLOB", value_hint = ValueHint::Other, value_delimiter = ',')]
    pub sites: Vec<String>,

    /// Learned numbers too (without this, only those that --sites matches)
    #[arg(long)]
    pub weights: bool,

    /// Print PATH, axes, shape and caption of the sites instead of their values
    #[arg(long)]
    pub list: bool,

    /// Compare with the arrays of this npz or safetensors file, and print the largest differences, worst first
    ///
    /// An array is compared with the site whose PATH is its name; a leading axis of length 1 is passed over. The exit code
    /// is 0 also where they differ.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["list", "format"])]
    pub against: Option<PathBuf>,

    /// Print the JSON Schema of what is written, and nothing else
    #[arg(long, exclusive = true)]
    pub schema: bool,

    #[command(flatten)]
    pub out: OutArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TraceFormat {
    /// Text that any language reads
    #[value(alias = "jsonl")]
    Json,
    /// Arrays for numpy.load
    Npz,
    /// Arrays for safetensors.numpy, safetensors.torch and others
    Safetensors,
}

/// Frames of the walk.
#[derive(Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::EXPORT))]
pub struct ExportArgs {
    #[command(flatten)]
    pub text: TextArgs,

    #[command(flatten)]
    pub beside: BesideArgs,

    #[command(flatten)]
    pub target: TargetArgs,

    #[command(flatten)]
    pub view: ViewArgs,

    /// Formats to write, separated by commas (default: by the extension of --out, else txt)
    #[arg(long, value_delimiter = ',', value_name = "FORMAT", value_parser = known::KnownFormat)]
    pub format: Vec<&'static Format>,

    /// all, tour, ID or number, ID..ID (both included; either may be left out), chapter:N, chapter:N..N,
    /// or a pattern as in '*softmax*'; separated by commas
    #[arg(long, value_delimiter = ',', default_value = "all", value_name = "STEPS", value_parser = known::steps(), hide_possible_values = true)]
    pub steps: Vec<String>,

    /// Columns and rows of a frame
    #[arg(long, default_value = "100x30", value_name = "WxH")]
    pub size: Size,

    /// Scale of pictures, 1 to 4; at 1 a cell has 10 by 22 pixels
    #[arg(long, default_value_t = 1, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub scale: u8,

    /// A font for characters that the program's own fonts lack
    #[arg(long, value_name = "FILE")]
    pub font: Option<PathBuf>,

    /// Speed of films as a multiple of reading speed, 0.1 to 100
    #[arg(long, default_value_t = 1.0, value_name = "N", allow_negative_numbers = true, value_parser = known::pace)]
    pub pace: f32,

    /// Number of threads (default: one per core); the files are the same for any number
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,

    /// Print PATH, format and step of what would be written, and write nothing
    #[arg(long)]
    pub list: bool,

    #[command(flatten)]
    pub out: OutArgs,
}

/// Where it goes.
#[derive(Clone, Debug, Args)]
pub struct OutArgs {
    /// The file or folder to write; `-` is standard output
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub out: PathBuf,

    /// Replace files that exist
    #[arg(long)]
    pub force: bool,
}

/// How well the models translate.
#[derive(Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::EVAL))]
pub struct EvalArgs {
    /// A file of JSON lines with the fields `en` and `fr` (a text or a list of texts); `-` is standard input
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,

    /// At most this many sentences of each length
    #[arg(long, value_name = "N", allow_negative_numbers = true, requires = "data", value_parser = clap::value_parser!(u32).range(1..))]
    pub per_bucket: Option<u32>,

    /// A table by length, or a line of JSON for every sentence
    #[arg(long, requires = "data", value_enum, default_value_t)]
    pub format: EvalFormat,
}

/// What `eval` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EvalFormat {
    #[default]
    Table,
    Jsonl,
}

/// A checkpoint, looked into.
#[derive(Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::INSPECT))]
pub struct InspectArgs {
    /// The folder, the file, or a name that `lookback models` lists
    pub path: PathBuf,

    /// Print everything as one JSON document
    #[arg(long)]
    pub json: bool,

    /// List all tensors, however many
    #[arg(long, conflicts_with = "json")]
    pub tensors: bool,
}

/// The checkpoints on this machine.
#[derive(Debug, Args)]
#[command(after_long_help = help_texts::flowing(help_texts::MODELS))]
pub struct ModelsArgs {
    /// A table, or one JSON document
    #[arg(long, value_enum, default_value_t)]
    pub format: ModelsFormat,
}

/// What `models` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ModelsFormat {
    #[default]
    Table,
    Json,
}

#[cfg(all(test, unix))]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    use super::*;

    #[test]
    fn a_model_may_have_a_path_of_any_bytes() {
        let path = OsStr::from_bytes(b"m\xff");
        let cli = Cli::try_parse_from([OsStr::new("lookback"), OsStr::new("--model"), path]);
        let model = cli.map(|cli| cli.which.model).unwrap();
        assert_eq!(model, Some(known::Chosen::Path(path.into())));
    }
}
