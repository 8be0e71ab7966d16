//! The texts of `--help` and the manual around the table of arguments.

/// A name and its description.
pub type Row = (&'static str, &'static str);

pub const EXAMPLES: &str = "
  lookback                                       the walk, on the built-in sentence
  lookback \"The cat didn't cross the road.\"      the walk, on your sentence
  lookback | less                                the whole walk as plain text
  lookback --linear                              a step at a time, for a screen reader
  lookback steps                                 the list of steps
  lookback --at softmax                          begin there
  lookback --lang zh                             the lesson in Chinese
  lookback open 'encoder.1.self_attn.weights[0,7,1]' --depth 2
  lookback trace --format json --sites '*.self_attn.weights' --out pass.json
  lookback export --steps softmax --out softmax.png
  lookback --model ./gpt2 \"The Eiffel Tower is in\"
  lookback models                                the checkpoints on this machine
  lookback -- steps                              the walk, on the sentence \"steps\"";

/// The environment variables that are read.
pub const ENVIRONMENT: [Row; 9] = [
    ("NO_COLOR", "no colours on a terminal and in ansi, if it is set to anything"),
    ("CLICOLOR_FORCE", "colours even if the settings say never, if it is set to anything but 0"),
    ("COLORTERM", "truecolor or 24bit: the terminal shows all colours"),
    ("TERM", "how many colours there are otherwise; dumb: the walk is plain text"),
    ("COLORFGBG", "what the background is, where the terminal does not answer"),
    ("LC_ALL, LC_MESSAGES, LANG", "the language of the lesson, the first that is set"),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME", "where the files below are, instead of in ~"),
    (
        "HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME",
        "where Hugging Face keeps models: the first that is set, else ~/.cache/huggingface",
    ),
    ("OLLAMA_MODELS", "where Ollama keeps models, else ~/.ollama/models"),
];

pub const FILES: [Row; 2] = [
    ("~/.config/lookback/config.toml", "settings; `lookback config` shows them and an example"),
    ("~/.local/state/lookback/state.toml", "sentence, step and bookmarks of the last walk"),
];

/// Symptoms, and what helps.
pub const TROUBLE: [Row; 11] = [
    (
        "boxes or question marks instead of lines and shades",
        "the font lacks them, or the locale is not UTF-8: --ascii, or another font (JetBrains Mono, DejaVu Sans Mono); Chinese needs a font that has it",
    ),
    (
        "torn frames, shifted columns",
        "the terminal draws \"ambiguous\" characters two cells wide: set it to narrow, or --ascii",
    ),
    (
        "few colours",
        "the terminal shows more than it reports: COLORTERM=truecolor lookback. With 256 or 16 colours only smoothness is lost",
    ),
    ("no colours", "NO_COLOR is set, or TERM is dumb: --color always"),
    (
        "colours for another background",
        "the terminal did not report its background: V, --theme light, or `theme` in the settings",
    ),
    (
        "`Lookback needs 80x24`",
        "a smaller font or a larger window; 80x24 cells are the smallest screen",
    ),
    (
        "the mouse does not select text",
        "the walk uses the mouse: hold Shift (Option in iTerm2, Fn in Terminal.app), or --no-mouse",
    ),
    (
        "y copies nothing",
        "the terminal does not accept OSC 52; see below, or press e and save a .txt file",
    ),
    ("a broken terminal after a crash or kill -9", "reset"),
    (
        "`␛` or `<U+202E>` in a text",
        "control and invisible characters of sentences, names and checkpoints are written out, never sent to the terminal; JSON has them as escapes",
    ),
    (
        "settings or bookmarks are gone",
        "a state.toml that cannot be read is moved to state.toml.bak; --no-config uses neither file",
    ),
];

/// Notes on single terminals.
pub const TERMINALS: [Row; 11] = [
    (
        "tmux",
        "for all colours: set -g default-terminal \"tmux-256color\" and set -as terminal-features \",*:RGB\"; for y: set -g set-clipboard on (the default, external, blocks programs inside)",
    ),
    (
        "GNU screen",
        "its background is not queried, as it would print the query: --theme light on a light one. y does not work: use e",
    ),
    (
        "ssh",
        "passes TERM on, but not COLORTERM: ssh -t HOST COLORTERM=truecolor lookback, or SendEnv and AcceptEnv. y reaches the clipboard at your end",
    ),
    ("mosh", "all colours and y from 1.4 on"),
    (
        "Linux console, vt100",
        "16 colours at most, no mouse, few characters: signs are ASCII, unless ascii = false is set",
    ),
    (
        "Windows Terminal (WSL)",
        "export COLORTERM=truecolor, as WSL does not set it; Shift selects text",
    ),
    (
        "macOS Terminal.app",
        "reports 256 colours, which are used; does not accept OSC 52: use e instead of y",
    ),
    (
        "iTerm2",
        "y needs Settings, General, Selection, \"Applications in terminal may access clipboard\"",
    ),
    ("xterm", "xterm -xrm '*allowWindowOps: true' for y"),
    (
        "VS Code",
        "changes text colours for contrast: \"terminal.integrated.minimumContrastRatio\": 1 shows those of the theme",
    ),
    (
        "Emacs (M-x term)",
        "its background is not queried, and few keys get through: use a separate terminal",
    ),
];

pub const EXIT: [Row; 4] = [
    ("0", "done"),
    ("1", "failed; one line on standard error says why and what to do"),
    ("2", "wrong usage"),
    ("128 + n", "ended by signal n, with the terminal given back"),
];

/// The end of `lookback --help`.
pub fn closing() -> String {
    let list = |title: &str, rows: &[Row]| {
        let lines = rows.iter().map(|(what, about)| format!("\n  {what:<35} {about}"));
        format!("\n\n{title}:{}", lines.collect::<String>())
    };
    let (environment, files) = (list("Environment", &ENVIRONMENT), list("Files", &FILES));
    format!("Examples:{EXAMPLES}{environment}{files}{}", list("Exit codes", &EXIT))
}

/// A text whose paragraphs are one line each, so that it is wrapped at the width of the terminal; lines that begin with a
/// space stay.
pub fn flowing(text: &str) -> String {
    let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ');
    let mut flowing = String::new();
    let mut before = "";
    for line in text.lines() {
        let goes_on = is_prose(before) && is_prose(line);
        flowing.push_str(if goes_on { " " } else { "\n" });
        flowing.push_str(line);
        before = line;
    }
    flowing.trim_start().to_owned()
}

pub const OPEN: &str = "\
Examples:
  lookback open 'encoder.1.self_attn.weights[0,7,1]'
  lookback open 'rnn.encoder.hidden[3,5]' --depth 2
  lookback open 'logits[0,12]' \"The dog sleeps.\" --model gru --all
  lookback open 'probs[0,434]' \"She sleeps.\" --against \"He sleeps.\" \\
      --what-if 'patch=encoder.0.norm2.out[0]'
  lookback open 'gradient.encoder.0.ffn.W_1[3,5]' --depth 2
`lookback trace --list` names every site. Before a site or a weight, `gradient.` names the slope of the loss with
respect to its number, in the pass in which the model learns: what `learn` descends.";

pub const TRACE: &str = "\
json is one document, or one a line with --model all:
  {\"schema\": \"lookback-trace\", \"version\": 1, \"model\": \"transformer\", \"sentence\": \"...\",
   \"what_if\": [\"mask=off\", ...],
   \"tokens\": {\"source\": [{\"id\": 5, \"text\": \"The\"}, ...], \"target\": [...], \"output\": [...]},
   \"output_text\": \"...\",
   \"sites\": [{\"path\": \"encoder.0.self_attn.weights\", \"caption\": \"...\",
              \"axes\": [\"head\", \"query\", \"key\"], \"shape\": [4, 14, 14], \"values\": [[[...]]]}, ...]}
Numbers are f32 in their shortest form that reads back the same; what JSON has no number for is
written \"inf\", \"-inf\" or \"nan\". `what_if` is there in a changed pass only.

npz and safetensors hold one array per site, f32 in C order, named by its path; with --model all by
MODEL/PATH. The same document without `values` is the text `__metadata__` in npz, and the entry
`lookback` of the metadata in safetensors (with --model all a list of documents):
  z = numpy.load(\"pass.npz\")
  z[\"encoder.0.self_attn.weights\"]; json.loads(str(z[\"__metadata__\"]))
  f = safetensors.safe_open(\"pass.safetensors\", \"pt\")
  f.get_tensor(\"encoder.0.self_attn.weights\"); json.loads(f.metadata()[\"lookback\"])
--against prints, for each array of a file that another program made, the number that differs most from
the site of that name, as a part of the site's largest number, worst first; and the first site in the order
of computation that differs by more than rounding.

npz and safetensors go to files and pipes, not onto a terminal. The same pass gives the same bytes.

Examples:
  lookback trace --list
  lookback trace \"The dog sleeps.\" --model all --out passes.jsonl
  lookback trace --sites '*.weights,logits' | jq '.sites[].path'
  lookback trace --out pass.npz
  lookback trace --model ./gpt2 \"A text\" --against theirs.npz
  lookback trace --format safetensors --what-if mask=off > no_mask.safetensors";

pub const EXPORT: &str = "\
A frame is what the screen would show at that step, at that size. Frames are named by their step's
number and id, as in 030-softmax.png; films are named walk, as in walk.gif. --out is a folder for
them; where there is one file only, --out may be its name, and its extension selects the format.
Files are written whole or not at all, and none is written if one would replace an existing file
without --force. A file that is replaced keeps its mode and owner, but not its extended attributes; its other names
(hard links) keep the old content, and another user's file is refused. If PATH is a symbolic link that you own,
the file that it points to is replaced, or the link itself if it points nowhere; a link that somebody else owns is refused. Pages have dark and light colours, unless --theme asks for others.
A film of the whole walk lasts about half an hour at the pace of reading.

Examples:
  lookback export --steps softmax --out softmax.png
  lookback export --steps softmax --size 80x24 | less
  lookback export --format svg,png --steps 'chapter:3,*softmax*' --theme light --out frames
  lookback export \"The dog sleeps.\" --size 120x36 --out walk.gif
  lookback export --steps heads --attention norms --log-colors --out norms.png
  lookback export --steps which-part --units --by-word --out units.png
  lookback export --what-if mask=off --format html --out lesson.html";

pub const ATTRIBUTE: &str = "\
The logit of a word, less that of another, is a sum: what each sub-layer adds, of attention what each
head adds from each word, of feed-forward what each hidden unit adds. The scale of the norms is held
fixed at that of this pass; then the parts add up exactly, where a soft cap bends the logits to the
difference before it, and the output says so. Which words counted is asked in three ways:
gradient x input, integrated gradients (50 points, from the embedding of zeros), and leaving one out.
A recurrent network has no such parts; its words are still measured. What a head or a unit
promotes are the words that its direction alone raises most through the norms and the unembedding, and through BERT's
head, which is not linear, along its tangent in this pass.

--format json, csv and npz have a row for every number: method (parts, bias, rest: what the parts leave over,
promotes, gradient, integrated, left-out), site, head, unit, position (of promotes the rank), token, amount. What does not apply
is null in json and empty in csv; in npz, method, site and token are columns of text, which are empty there,
and the others numbers, which are NaN.

Examples:
  lookback attribute \"The animal didn't cross the street because it was too tired.\"
  lookback attribute --words il,elle --format csv --out parts.csv
  lookback attribute --model ./gpt2 \"The Eiffel Tower is in\" --words ' Paris,' --units 10";

pub const PATCH: &str = "\
Both sentences are read; then B is read again with one value of A in it, for every position of the
residual stream and of what attention and feed-forward add, and for every head. The measure is the
difference of two logits: 0 where B answers as it did, 1 where it answers as A. A decoder reads A's
output in both. Tokens are matched where they agree, and between two that do one by one if there are as
many; what has no counterpart is \"-\". A --what-if changes both; token.1=dog replaces a word of A alone.

--format json, csv and npz have a row for every cell: map, site, head, position, token, share.

Examples:
  lookback patch \"The animal didn't cross the street because it was too tired.\" \\
      --against \"The animal didn't cross the street because it was too wide.\"
  lookback patch \"The dog sleeps.\" --against \"The cat sleeps.\" --format json | jq '.rows[0]'";

pub const DIFF: &str = "\
A is the first pass, B the one beside it: of another sentence (--against), by another checkpoint of the
same shape (--against-model: a quantised twin, a fine-tune, another step of training), or with a change
(--what-if). Tokens are matched where they agree, and between two that do one by one if there are as many;
a decoder reads A's output in both where its words are compared. What it does to the next word comes first,
then how far the two are apart at every site and position, then the numbers that differ most, as a part of
the largest number of their site (what several sites show alike counts once), then what each part adds to
the word. Beside --against a --what-if changes B; token.1=dog replaces a word of A.

--format json, csv and npz have a row for every number: measure (next, site, row, cell, part), site,
position, token, a, b, amount (b less a; of site and row |b - a| / |a|).

Examples:
  lookback diff \"The animal didn't cross the street because it was too tired.\" \\
      --against \"The animal didn't cross the street because it was too wide.\"
  lookback diff --model ./gpt2 --against-model ./gpt2-q8_0.gguf \\
      \"The Eiffel Tower is in\" --format csv";

pub const FLOW: &str = "\
After a sub-layer, a row of the residual stream is a sum: the row before, what each head takes from each
word, what feed-forward adds. A part's share is its proximity to the sum, max(0, |y| - |y - part|) in the
L1 norm, over that of all parts (Ferrando and Voita 2024). From the row of the word asked about the routes
go down along shares of at least --threshold, layer by layer; without it along as few as can be read, and
the first line says from which share on. A translator's rows are those of its decoder, where what comes from
the source is marked, and then those of its encoder.

--format json, csv and npz have a row for every part of every row: site, position, token, part (residual,
attention, bias, feed-forward, layer embedding), head, key, key_token, share.

Examples:
  lookback flow --model decoder_only \"The animal didn't cross the street because it was too\"
  lookback flow \"The dog sleeps.\" --threshold 0.1 --format csv";

pub const HEADS: &str = "\
Each score of a head:
  previous   mean weight on the token before
  self       mean weight on the token itself
  first      mean weight on the first token (0.5 and more is a sink)
  duplicate  mean weight on the earlier copy of the token, in the text read twice
             (Wang et al. 2023)
  induction  mean weight on what followed the earlier copy, in the text read twice
             (Olsson et al. 2022)
  pronoun    mean weight of pronouns (it, they, he, she, il, elle, ...) on all nouns before
             them: of the up to three words after an article or a possessive that which has
             most weight, with all its tokens
  copying    the OV circuit E W_V W_O U, from the token that is looked at to the logits,
             without norms: the sum of its eigenvalues over the sum of their magnitudes
             (Elhage et al. 2021). 1 raises the token that is looked at, -1 lowers it,
             0 does neither

Means are over the rows to which a score applies; \"-\" where there are none. Of the text read twice what
the tokenizer puts around it is read once. Attention to another text has first and copying only. * marks
what stands out.

--map prints a map of attention of every site instead: weights; norms, the length of what a head takes
from a word, its weight times |v W_O| (Kobayashi et al. 2020); heads and layers, means of weights; rollout,
weights followed through the layers, half of each the residual (Abnar and Zuidema 2020), of the words that
attend to themselves.

--format json, csv and npz have a row for every score: site, layer, head, score, amount; of a map for every
pair of words: site, head, query, query_token, key, key_token, amount.

Examples:
  lookback heads \"The animal didn't cross the street because it was too tired.\"
  lookback heads --map rollout \"The dog sleeps.\"
  lookback heads --model decoder_only --format json | jq '.rows[] | select(.score == \"induction\")'";

pub const LEARN: &str = "\
The loss is the mean cross-entropy of the target's tokens: of a translator what it should write, of a
masked language model what stands at [MASK], of a model that only reads its sentence's own next words.
Every weight follows its gradient; nothing is saved. Of the built-in models the loss on 20 other
sentences is printed too: what it forgot. Steps end where the loss is no longer finite (exit code 1).

--format json, csv and npz have a row for every number: measure (loss, moved, kept-before, kept-after;
with --steps 0 next-step in place of moved), step, weight, row (that moved most), token, amount.

Examples:
  lookback learn \"The dog sleeps.\" --target \"Le chat dort.\" --steps 20
  lookback learn --model PATH \"The [MASK] sleeps.\" --target dog
  lookback learn --model decoder_only --optimizer adam --format csv";

pub const EVAL: &str = "\
Without --data: the table measured on held-out sentences when the models were trained.
With --data: measured now, on a file of lines such as {\"en\": \"The dog sleeps.\", \"fr\": [\"Le chien dort.\"]}.
chrF is that of sacrebleu; exact is equal to one of the French texts, case and the
punctuation around words aside. A line has at most 10,000 characters of French.

--format jsonl prints a line for every sentence:
  {\"en\": \"...\", \"fr\": [\"...\"], \"outputs\": {\"transformer\": \"...\", \"gru\": \"...\"},
   \"exact\": {\"transformer\": true, ...}, \"chrf\": {\"transformer\": 100.0, ...}}";

pub const INSPECT: &str = "\
It reads Hugging Face folders (config.json with model.safetensors, or parts of it and their index),
single safetensors files with config.json beside them, and GGUF files, whole or in parts. Pickles are
not read.

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
   \"runs\": true, \"why_not\": null, \"note\": null, \"shows\": [{\"title\": \"...\", \"steps\": 5}, ...],
   \"sampled\": false,
   \"tensors\": [{\"name\": \"...\", \"name_in_file\": \"...\", \"shape\": [50257, 768], \"dtype\": \"F32\",
                \"bytes\": 154389504, \"file\": \"...\", \"used\": true, \"not_finite\":
                null or {\"count\": 1, \"first\": [3, 4], \"value\": \"NaN\"}}, ...]}
`name` is Hugging Face's, whatever the format; `shape` has rows first, as Hugging Face has it; `used` is
whether the model reads the tensor, and only those are counted as parameters; `not_finite` is what is NaN
or infinite; `sampled` is whether only a sample was looked at, as in checkpoints of more than 268 million
numbers. Names are as the file has them, with escapes for invisible characters. `passes` come on top of
`weights`: what a pass over so many tokens takes, and what a walk with its measures. `type` without `title` is one that cannot be run.

Examples:
  lookback inspect ./gpt2
  lookback inspect model.gguf --tensors | less
  lookback inspect model.gguf --json | jq '.tensors[] | select(.dtype == \"Q6_K\").name'";

pub const MODELS: &str = "\
It searches the Hugging Face cache and the folders of Ollama and LM Studio. Nothing is fetched.
NAME is what --model and `lookback inspect` take. Whether a model opens follows from its settings and the
names and shapes of its tensors; `lookback inspect NAME` tries it on a text.

--format json is one document; what is not known is null:
  {\"schema\": \"lookback-models\", \"version\": 1, \"looked_in\": [\"/home/you/.cache/huggingface/hub\", ...],
   \"models\": [{\"name\": \"Qwen/Qwen2-0.5B\", \"place\": \"Hugging Face\", \"path\": \"...\", \"bytes\": 988097536,
               \"architecture\": \"qwen2\", \"opens\": true, \"why_not\": null}, ...]}

Examples:
  lookback models
  lookback models --format json | jq -r '.models[] | select(.opens).name'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scores_of_heads_stay_a_table() {
        let help = flowing(HEADS);
        let is_row = |line: &str| line.starts_with("  previous ") || line.starts_with("  self ");
        assert_eq!(help.lines().filter(|line| is_row(line)).count(), 2, "{help}");
    }

    #[test]
    fn paragraphs_flow_and_examples_stay() {
        assert_eq!(
            flowing("one\ntwo\n\nthree:\n  four\n  five\nsix"),
            "one two\n\nthree:\n  four\n  five\nsix"
        );
    }
}
