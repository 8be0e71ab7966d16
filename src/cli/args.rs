//! The one table of commands and options: the parser, `--help`, the man page and the completions
//! are made from it.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, Styles, TypedValueParser},
};
use clap_complete::Shell;

use super::{Ask, look::Choice, size::Size};
use crate::{
    change::Change,
    export::{FORMATS, Format},
    lesson::Language,
    model::Name,
    text,
};

const EXAMPLES: &str = "\
Examples:
  lookback                                       the walk, on a sentence of ours
  lookback \"The cat didn't cross the road.\"      the walk, on a sentence of yours
  lookback | less                                the whole walk as plain text
  lookback --linear                              a step at a time, for a screen reader
  lookback steps                                 where one can go
  lookback --at softmax                          begin there
  lookback --lang zh                             the lesson in Chinese
  lookback open 'encoder.1.self_attn.weights[0,7,1]' --depth 2
  lookback trace --format json --sites '*.self_attn.weights' --out pass.json
  lookback export --steps softmax --out softmax.png
  lookback -- steps                              the walk, on the sentence \"steps\"

Settings are in lookback/config.toml in $XDG_CONFIG_HOME or ~/.config; `lookback config` shows them.
NO_COLOR, CLICOLOR_FORCE, COLORTERM and TERM are respected; LC_ALL, LC_MESSAGES and LANG choose the
language of the lesson.
Exit codes: 0 done, 1 failed, 2 wrong usage. Errors go to standard error.";

/// See how an RNN and a Transformer read a sentence, step by step.
///
/// Opens a walk through two machines that read the same sentence: a recurrent network and a
/// Transformer, trained on the same data and part of this program. When standard output is no
/// terminal, the whole walk is printed as plain text.
#[derive(Debug, Parser)]
#[command(name = "lookback", version, after_long_help = EXAMPLES, styles = Styles::plain())]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Cli {
    #[command(flatten)]
    pub text: Text,

    /// Begin at this step of `lookback steps`
    #[arg(long, value_name = "STEP")]
    pub at: Option<String>,

    /// Plain text, a step at a time, led by lines of standard input: fit for a screen reader
    #[arg(long)]
    pub linear: bool,

    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,

    /// Take the two-minute tour instead of all steps
    #[arg(long)]
    pub tour: bool,

    /// Let the pages turn by themselves
    #[arg(long)]
    pub autoplay: bool,

    /// Show every step at once, without asking for a prediction first
    #[arg(long)]
    pub no_questions: bool,

    #[command(flatten)]
    pub look: Look,

    #[command(flatten)]
    pub which: Which,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What is read.
#[derive(Clone, Debug, Default, Args)]
pub struct Text {
    /// The sentence to read, in quotes; `-` takes it from standard input
    ///
    /// Without one: "The animal didn't cross the street because it was too tired."
    #[arg(value_name = "SENTENCE")]
    pub sentence: Option<OsString>,

    /// Read it with a change, as in mask=off; can be given several times
    ///
    /// mask=off, positions=off, scaling=off, residual=off: a part of the equations left out.
    /// encoder.1.self_attn.head.2=off, encoder.1.ffn=off, encoder.1=off: a head, a sub-layer, a layer out.
    /// encoder.1.self_attn.weights[2,7,1]=0.5: a number set by hand.
    /// token.1=dog: another word, counted from 0. temperature=0.5: logits divided by it.
    #[arg(long, value_name = "CHANGE", value_parser = change)]
    pub what_if: Vec<Change>,
}

/// What reads, in every command that reads.
#[derive(Clone, Debug, Default, Args)]
pub struct Which {
    /// A built-in model, `all` of them, or a checkpoint of yours: its folder, .gguf or .safetensors file
    ///
    /// The walk with a checkpoint tells of it alone. `lookback inspect PATH` says whether it can be run.
    #[arg(long, global = true, value_name = "NAME|PATH", value_parser = chosen)]
    pub model: Option<Chosen>,

    /// Load a checkpoint although it needs more memory than is free
    #[arg(long, global = true)]
    pub force: bool,
}

/// Which model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    All,
    BuiltIn(Name),
    Path(PathBuf),
}

/// How it looks, in every command.
#[derive(Clone, Copy, Debug, Args)]
pub struct Look {
    /// Colours: if the place they go to can show them, always, or never
    ///
    /// auto (without this option), always or never.
    #[arg(long, value_enum, value_name = "WHEN", global = true)]
    pub color: Option<Ask>,

    /// Which colours; the walk's are `auto` without this, an exported frame's `dark`
    #[arg(long, value_enum, value_name = "NAME", global = true)]
    pub theme: Option<Choice>,

    /// Draw frames, marks and cells with ASCII characters only
    #[arg(long, global = true)]
    pub ascii: bool,

    /// Tell the lesson in this language: en or zh (default: as the locale says, else en)
    #[arg(long, global = true, value_name = "LANG", value_parser = language)]
    pub lang: Option<Language>,

    /// Read no settings, keep nothing for the next time
    #[arg(long, global = true)]
    pub no_config: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the steps of the walk: ID, chapter, title
    ///
    /// One step a line, separated by tabs: its ID (for --at and --steps), its chapter, its title.
    Steps(Text),

    /// Print how one number was computed, and from what
    Open(Open),

    /// Write every value of a pass, by address
    Trace(Trace),

    /// Write frames of the walk: text, pictures, film, a page
    Export(Export),

    /// Print how often each model translates held-out sentences exactly, by length
    Eval(Eval),

    /// Print what is in a checkpoint, whether it can be run, and what would be shown
    Inspect(Inspect),

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
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

/// One number, opened.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  lookback open 'encoder.1.self_attn.weights[0,7,1]'
  lookback open 'rnn.encoder.hidden[3,5]' --depth 2
  lookback open 'logits[0,12]' \"The dog sleeps.\" --model gru --all
`lookback trace --list` names every site.")]
pub struct Open {
    /// A site and a cell: site[row,column], or site[head,row,column]
    pub address: String,

    #[command(flatten)]
    pub text: Text,

    /// How many levels of operands to open as well
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u8).range(..=64))]
    pub depth: u8,

    /// How many terms of a sum are printed one by one; the rest is one number
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub terms: u16,

    /// Print every term and every operand
    #[arg(long, conflicts_with = "terms")]
    pub all: bool,
}

/// Every value of a pass.
#[derive(Debug, Args)]
#[command(after_long_help = "\
json is one document, or one a line with --model all:
  {\"schema\": \"lookback-trace\", \"version\": 1, \"model\": \"transformer\", \"sentence\": \"...\",
   \"what_if\": [\"mask=off\", ...],
   \"tokens\": {\"source\": [{\"id\": 5, \"text\": \"The\"}, ...], \"target\": [...], \"output\": [...]},
   \"output_text\": \"...\",
   \"sites\": [{\"path\": \"encoder.0.self_attn.weights\", \"caption\": \"...\",
              \"axes\": [\"head\", \"query\", \"key\"], \"shape\": [4, 14, 14], \"values\": [[[...]]]}, ...]}
Numbers are f32 in their shortest form that reads back the same; what JSON has no number for is
written \"inf\", \"-inf\" or \"nan\". `what_if` is there in a changed pass only.

npz and safetensors hold an array a site, f32 in C order, named by its path; with --model all by
MODEL/PATH. The same document without `values` is the text `__metadata__` in npz, and the entry
`lookback` of the metadata in safetensors (with --model all a list of documents):
  z = numpy.load(\"pass.npz\")
  z[\"encoder.0.self_attn.weights\"]; json.loads(str(z[\"__metadata__\"]))
  f = safetensors.safe_open(\"pass.safetensors\", \"pt\")
  f.get_tensor(\"encoder.0.self_attn.weights\"); json.loads(f.metadata()[\"lookback\"])
npz and safetensors go to files and pipes, not onto a terminal. The same pass gives the same bytes.

Examples:
  lookback trace --list
  lookback trace \"The dog sleeps.\" --model all --out passes.jsonl
  lookback trace --sites '*.weights,logits' | jq '.sites[].path'
  lookback trace --out pass.npz
  lookback trace --format safetensors --what-if mask=off > no_mask.safetensors")]
pub struct Trace {
    #[command(flatten)]
    pub text: Text,

    /// The form of the output (default: as the name after --out ends, else json)
    #[arg(long, value_enum)]
    pub format: Option<TraceFormat>,

    /// Only these sites; `*` stands for any characters, `?` for one, a comma between patterns
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub sites: Vec<String>,

    /// Learned numbers too (without this, only those that --sites matches)
    #[arg(long)]
    pub weights: bool,

    /// Print PATH, axes, shape and caption of the sites instead of their values
    #[arg(long)]
    pub list: bool,

    /// Print the JSON Schema of what is written, and nothing else
    #[arg(long, exclusive = true)]
    pub schema: bool,

    #[command(flatten)]
    pub out: Out,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TraceFormat {
    /// Text that any language reads
    Json,
    /// Arrays for numpy.load
    Npz,
    /// Arrays for safetensors.numpy, safetensors.torch and others
    Safetensors,
}

/// Frames of the walk.
#[derive(Debug, Args)]
#[command(after_long_help = "\
A frame is what the screen would show at that step, at that size. Frames are named by their step's
number and id, as in 035-softmax.png; films are named walk, as in walk.gif. --out is a folder for
them; where there is one file only, --out may be its name, and its ending chooses the form.
Files are written whole or not at all, and none is written if one would replace an existing file
without --force. Pages have dark and light colours, handouts light ones, unless --theme asks for others.
A film of the whole walk lasts about half an hour at the pace of reading.

Examples:
  lookback export --steps softmax --out softmax.png
  lookback export --steps softmax --size 80x24 | less
  lookback export --format svg,png --steps 'chapter:3,*softmax*' --theme light --out frames
  lookback export \"The dog sleeps.\" --size 120x36 --out walk.gif
  lookback export --what-if mask=off --format html --out lesson.html")]
pub struct Export {
    #[command(flatten)]
    pub text: Text,

    /// The forms to write, with a comma between them (default: as the name of --out ends, else txt)
    #[arg(long, value_delimiter = ',', value_name = "FORMAT", value_parser = format())]
    pub format: Vec<&'static Format>,

    /// all, tour, ID or number, ID..ID (both included; either may be left out), chapter:N, chapter:N..N,
    /// or a pattern as in '*softmax*'; with a comma between them
    #[arg(long, value_delimiter = ',', default_value = "all", value_name = "STEPS")]
    pub steps: Vec<String>,

    /// Columns and rows of a frame
    #[arg(long, default_value = "100x30", value_name = "WxH")]
    pub size: Size,

    /// Pictures so many times larger, 1 to 4: a cell has 10 by 22 pixels at 1
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub scale: u8,

    /// A font for characters that the program's own fonts lack
    #[arg(long, value_name = "FILE")]
    pub font: Option<PathBuf>,

    /// Films so many times faster than one reads the text, 0.1 to 100
    #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = pace)]
    pub pace: f32,

    /// Work on so many threads (default: one a core); the files are the same for any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,

    /// Print PATH, format and step of what would be written, and write nothing
    #[arg(long)]
    pub list: bool,

    #[command(flatten)]
    pub out: Out,
}

fn pace(text: &str) -> Result<f32, String> {
    let pace = text.parse().ok().filter(|pace| (0.1..=100.0).contains(pace));
    pace.ok_or_else(|| "write a number from 0.1 to 100, as in 2".into())
}

/// The names of [`FORMATS`], and what they stand for.
fn format() -> impl TypedValueParser<Value = &'static Format> {
    let values = FORMATS.iter().map(|format| PossibleValue::new(format.id).help(format.about));
    PossibleValuesParser::new(values)
        .try_map(|id| Format::find(&id).ok_or_else(|| format!("no format {id}")))
}

/// Where it goes.
#[derive(Clone, Debug, Args)]
pub struct Out {
    /// The file or folder to write; `-` is standard output
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub out: PathBuf,

    /// Replace files that exist
    #[arg(long)]
    pub force: bool,
}

/// Exact match by length.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Without --data: the table measured on the held-out set when the models were trained.
With --data: measured now, on a file of lines such as {\"en\": \"The dog sleeps.\", \"fr\": \"Le chien dort.\"}.")]
pub struct Eval {
    /// A file of JSON lines with the fields `en` and `fr`; `-` is standard input
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,

    /// At most this many sentences of each length
    #[arg(long, value_name = "N", requires = "data", value_parser = clap::value_parser!(u32).range(1..))]
    pub per_bucket: Option<u32>,
}

/// A checkpoint, looked into.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Read are Hugging Face folders (config.json with model.safetensors, or parts of it and their index),
single .safetensors files with config.json beside them, and .gguf files. Pickles are not read.

--json is one document; what is not known is null:
  {\"schema\": \"lookback-inspect\", \"version\": 1, \"path\": \"...\", \"title\": \"gpt2\",
   \"format\": \"safetensors\" or \"gguf\", \"architecture\": {\"type\": \"gpt2\", \"title\": \"GPT-2\"},
   \"sizes\": {\"layers\": 12, \"d_model\": 768, \"heads\": 12, \"kv_heads\": 12, \"d_head\": 64, \"d_ff\": 3072,
             \"decoder_layers\": null, \"decoder_heads\": null, \"decoder_d_ff\": null,
             \"d_embed\": null, \"d_hidden\": null, \"vocabulary\": 50257, \"context\": 1024},
   \"parameters\": {\"count\": 124439808, \"by_dtype\": {\"F32\": 124439808}},
   \"tokenizer\": {\"kind\": \"BPE\", \"tokens\": 50257},
   \"memory\": {\"weights\": 497759232, \"passes\": [{\"tokens\": 128, \"bytes\": 86000000,
                                                \"walk\": 189000000}, ...],
              \"available\": 8000000000},
   \"runs\": true, \"why_not\": null, \"shows\": [{\"title\": \"...\", \"steps\": 5}, ...],
   \"tensors\": [{\"name\": \"...\", \"name_in_file\": \"...\", \"shape\": [50257, 768], \"dtype\": \"F32\",
                \"bytes\": 154389504, \"file\": \"...\", \"used\": true, \"not_finite\":
                null or {\"count\": 1, \"first\": [3, 4], \"value\": \"NaN\"}}, ...]}
`name` is Hugging Face's, whatever the format; `shape` has rows first, as Hugging Face has it; `used` is
whether the model reads the tensor, and only those are counted as parameters; `not_finite` is what is NaN
or infinite (not looked for in more than 4 GB). Names are as the
file has them, with escapes for what is not seen. `passes` come on top of
`weights`: what a pass over so many tokens takes, and what a walk with its measures. `type` without `title` is one that cannot be run.

Examples:
  lookback inspect ./gpt2
  lookback inspect model.gguf --tensors | less
  lookback inspect model.gguf --json | jq '.tensors[] | select(.dtype == \"Q6_K\").name'")]
pub struct Inspect {
    /// The folder, the .safetensors file or the .gguf file
    pub path: PathBuf,

    /// Print everything as one JSON document
    #[arg(long)]
    pub json: bool,

    /// List all tensors, however many
    #[arg(long, conflicts_with = "json")]
    pub tensors: bool,
}

fn change(text: &str) -> Result<Change, String> {
    text.parse().map_err(|e: anyhow::Error| e.to_string())
}

fn language(text: &str) -> Result<Language, String> {
    text.parse().map_err(|e: anyhow::Error| e.to_string())
}

/// A built-in model by its name; anything that looks like a path, or is one, is a path.
fn chosen(text: &str) -> Result<Chosen, String> {
    if text == "all" {
        return Ok(Chosen::All);
    }
    let path = PathBuf::from(text);
    match model(text) {
        Ok(name) => Ok(Chosen::BuiltIn(name)),
        Err(_) if text.contains(['/', '.']) || path.exists() => Ok(Chosen::Path(path)),
        Err(why) => Err(why),
    }
}

fn model(name: &str) -> Result<Name, String> {
    let near = || text::nearest(name, Name::ALL.iter().map(|n| n.id()), 1).join("");
    let all = || Name::ALL.map(Name::id).join(", ");
    Name::ALL.into_iter().find(|n| n.id() == name).ok_or_else(|| {
        format!(
            "there is no such model; the nearest is {}; there are {}; a checkpoint is given by its path, \
             as in ./{name}",
            near(),
            all()
        )
    })
}
