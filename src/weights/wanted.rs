//! Maps a checkpoint's tensors to a model's weights.
//!
//! A model lists what it wants ([`ExpectedWeight`]); the result has every weight in our layout, or one error that
//! lists every tensor that is missing, misshapen or unreadable.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    sync::{Arc, PoisonError},
};

use anyhow::{Context, Result, anyhow, ensure};

use super::{
    Checkpoint, Copied, Dtype, LineBlocks, LineSections, Packed, Stepped, TensorInfo, TensorNames,
    Weights,
    config::TIED,
    gguf::{WITH_EXPERTS, name_in_file as name_in_gguf},
    listed,
    mxfp4::{self, Mxfp4},
    tensor::RowOrder,
    tensor::dimensions,
};
use crate::{
    engine::value::{Lines, Stored, StoredSize, Value},
    text::visible::shown,
};

/// A weight that a model needs, and its tensor's name in a checkpoint.
#[derive(Clone, Debug)]
pub struct ExpectedWeight {
    /// This program's name.
    pub ours: String,
    /// Hugging Face's names.
    pub theirs: TensorNames,
    /// Our shape: (in, out) of a linear map, (rows, cols) of a table, (1, n) of a vector.
    pub shape: (usize, usize),
    pub layout: WeightLayout,
    /// Whether the model works without it.
    pub is_optional: bool,
    /// Whether it is a constant of the model: no training changes it.
    pub is_constant: bool,
}

/// How a tensor is laid out in the file, compared with our matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightLayout {
    /// PyTorch's Linear: the file has (out, in), we have (in, out).
    Linear,
    /// These rows of a Linear that stacks several maps (out, in): packed queries, keys and values, the gates of
    /// a GRU.
    LinearRows(Range<usize>),
    /// Blocks of rows of a Linear that holds queries, keys and values head by head (out, in): GPT-NeoX; or several such
    /// sections, one after another: a gated delta net of Qwen3-Next.
    LinearBlocks(LineSections),
    /// A Linear of one input a channel, one filter for each (channel, 1, tap), in GGUF (channel, tap); ours is (tap,
    /// channel).
    Taps,
    /// (rows, cols) in both: an embedding table.
    Table,
    /// GPT-2's Conv1D: (in, out) in both.
    Conv1d,
    /// These columns of a Conv1D that holds several maps side by side: GPT-2's `c_attn`.
    Conv1dColumns(Range<usize>),
    /// (n) or (1, n) -> (1, n)
    Vector,
    /// A vector that the file has as this number of rows, one a head.
    HeadRows(usize),
    /// A Linear that the file has as this number of Linears, one a head (head, out, in).
    HeadLinear(usize),
    /// A map that the file has as this number of maps, one a head (head, in, out).
    HeadColumns(usize),
    /// This part of a vector.
    VectorPart(Range<usize>),
    /// Blocks of a vector.
    VectorBlocks(LineBlocks),
    /// One of several Linears in one tensor (n, out, in), or some of its rows.
    StackRows(Stack),
    /// One of several maps in one tensor (n, in, out), or some of its columns.
    StackColumns(Stack),
    /// As [`Self::StackRows`], in blocks of numbers of four bits (n, out, block, byte) with scales beside.
    StackMxfp4(Stack),
    /// One of several vectors in one tensor (n, out), or some of its numbers.
    StackVector(Stack),
}

/// Some outputs of one of several maps that are stored one behind another: an expert of a mixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack {
    /// How many maps there are.
    pub n: usize,
    pub index: usize,
    /// The outputs of each.
    pub each: usize,
    /// The first that is taken.
    pub first: usize,
    /// From each that is taken to the next.
    pub step: usize,
}

impl Stack {
    /// The lines of `n_taken` outputs in the whole tensor.
    const fn lines(self, n_taken: usize) -> (Range<usize>, Option<LineBlocks>) {
        let first = self.index * self.each + self.first;
        let blocks = LineBlocks { first, block: 1, stride: self.step, whole: self.n * self.each };
        match self.step {
            1 => (first..first + n_taken, None),
            _ => (0..n_taken, Some(blocks)),
        }
    }
}

impl WeightLayout {
    fn range(&self) -> Option<&Range<usize>> {
        match self {
            Self::LinearRows(range) | Self::Conv1dColumns(range) | Self::VectorPart(range) => {
                Some(range)
            }
            _ => None,
        }
    }

    /// The lines that are taken, where they do not follow one another; `n` of them.
    pub(super) fn blocks(&self, n: usize) -> Option<LineSections> {
        match self {
            Self::StackRows(stack) | Self::StackVector(stack) => stack.lines(n).1.map(Into::into),
            Self::LinearBlocks(sections) => Some(sections.clone()),
            Self::VectorBlocks(blocks) => Some((*blocks).into()),
            _ => None,
        }
    }
}

/// The part of a tensor in a file that a weight is.
pub(super) struct FilePart {
    pub lines: Range<usize>,
    /// The numbers of each line.
    pub numbers: Range<usize>,
    /// Whether lines are our rows or columns.
    pub stand: Lines,
}

impl ExpectedWeight {
    /// A required weight.
    pub fn new(
        ours: impl Into<String>,
        theirs: impl Into<TensorNames>,
        shape: (usize, usize),
        layout: WeightLayout,
    ) -> Self {
        Self {
            ours: ours.into(),
            theirs: theirs.into(),
            shape,
            layout,
            is_optional: false,
            is_constant: false,
        }
    }

    #[must_use]
    pub fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    #[must_use]
    pub fn constant(self) -> Self {
        Self { is_constant: true, ..self }
    }

    /// Whether both are the same numbers, if they are of the same tensor.
    fn is_same_part(&self, other: &Self) -> bool {
        (self.shape, &self.layout) == (other.shape, &other.layout)
    }

    /// The shape that its tensor must have in the file; `whole` is the length of the axis that a part is taken
    /// from.
    fn shape_in_file(&self, whole: usize, is_transposed: bool) -> Vec<usize> {
        let (rows, cols) = self.shape;
        match &self.layout {
            WeightLayout::Linear => vec![cols, rows],
            WeightLayout::Taps => vec![cols, 1, rows],
            WeightLayout::LinearRows(_) => vec![whole, rows],
            WeightLayout::LinearBlocks(sections) => vec![sections.whole(), rows],
            WeightLayout::VectorBlocks(blocks) => vec![blocks.whole],
            WeightLayout::HeadRows(n) => vec![*n, cols / (*n).max(1)],
            WeightLayout::HeadLinear(n) => vec![*n, cols / (*n).max(1), rows],
            WeightLayout::HeadColumns(n) => vec![*n, rows, cols / (*n).max(1)],
            WeightLayout::Conv1d if is_transposed => vec![cols, rows],
            WeightLayout::Conv1dColumns(_) if is_transposed => vec![whole, rows],
            WeightLayout::Table | WeightLayout::Conv1d => vec![rows, cols],
            WeightLayout::Conv1dColumns(_) => vec![rows, whole],
            WeightLayout::Vector => vec![cols],
            WeightLayout::VectorPart(_) => vec![whole],
            WeightLayout::StackRows(stack) => vec![stack.n, stack.each, rows],
            WeightLayout::StackColumns(stack) => vec![stack.n, rows, stack.each],
            WeightLayout::StackMxfp4(stack) => {
                vec![stack.n, stack.each, rows / mxfp4::BLOCK, mxfp4::BYTES]
            }
            WeightLayout::StackVector(stack) => vec![stack.n, stack.each],
        }
    }

    /// The part of the file's tensor that it is.
    pub(super) fn part(&self, is_transposed: bool) -> FilePart {
        let (rows, cols) = self.shape;
        let (lines, numbers, stand) = match &self.layout {
            WeightLayout::Linear
            | WeightLayout::Taps
            | WeightLayout::LinearBlocks(_)
            | WeightLayout::HeadLinear(_) => (0..cols, 0..rows, Lines::Columns),
            // Head by head, (in, out of a head).
            WeightLayout::HeadColumns(n) => (0..n * rows, 0..cols / (*n).max(1), Lines::Rows),
            WeightLayout::LinearRows(range) => (range.clone(), 0..rows, Lines::Columns),
            WeightLayout::Conv1d if is_transposed => (0..cols, 0..rows, Lines::Columns),
            WeightLayout::Conv1dColumns(range) if is_transposed => {
                (range.clone(), 0..rows, Lines::Columns)
            }
            WeightLayout::Conv1dColumns(range) => (0..rows, range.clone(), Lines::Rows),
            WeightLayout::VectorPart(range) => (0..1, range.clone(), Lines::Rows),
            WeightLayout::StackRows(stack) | WeightLayout::StackMxfp4(stack) => {
                (stack.lines(cols).0, 0..rows, Lines::Columns)
            }
            WeightLayout::StackColumns(stack) => {
                let lines = stack.index * rows..(stack.index + 1) * rows;
                // Those in turn with others are read whole, and taken apart.
                let numbers =
                    if stack.step > 1 { 0..stack.each } else { stack.first..stack.first + cols };
                (lines, numbers, Lines::Rows)
            }
            WeightLayout::StackVector(stack) => (0..1, stack.lines(cols).0, Lines::Rows),
            WeightLayout::Table
            | WeightLayout::Conv1d
            | WeightLayout::Vector
            | WeightLayout::HeadRows(_)
            | WeightLayout::VectorBlocks(_) => (0..rows, 0..cols, Lines::Rows),
        };
        FilePart { lines, numbers, stand }
    }

    const fn is_vector(&self) -> bool {
        matches!(
            self.layout,
            WeightLayout::Vector
                | WeightLayout::HeadRows(_)
                | WeightLayout::VectorPart(_)
                | WeightLayout::VectorBlocks(_)
                | WeightLayout::StackVector(_)
        )
    }
}

impl Checkpoint {
    /// Whether the model's class, in transformers' names, has another head than one for words: where it is not run, nothing
    /// is.
    pub fn has_unrun_head(&self) -> bool {
        writes_nothing(self.config().class().unwrap_or_default()) == Some(OTHER_HEAD)
    }

    /// The weights that a model asks for, under our names. Vectors are decoded, matrices stay in their file.
    ///
    /// # Errors
    /// Listing every tensor that is missing, misshapen or of a dtype that cannot be read.
    pub fn weights(&self, wanted: &[ExpectedWeight]) -> Result<Weights> {
        let wholes = wholes(wanted);
        let mut weights = Weights::none(self.title());
        let mut faults = Faults::default();
        let mut known: HashMap<&str, Vec<&ExpectedWeight>> = HashMap::new();
        for one in wanted {
            let found = one.theirs.iter().find_map(|name| self.ask(name));
            let Some(tensor) = found else {
                if !one.is_optional {
                    faults.missing.extend(one.theirs.iter().next());
                    faults.listed.push(self.missing(one, &wholes));
                }
                continue;
            };
            let of_tensor = known.entry(&tensor.name).or_default();
            if let Some(first) = of_tensor.iter().find(|first| first.is_same_part(one)) {
                weights.share(&one.ours, &first.ours);
                continue;
            }
            of_tensor.push(one);
            if one.is_constant {
                weights.constants.insert(one.ours.clone());
            }
            let whole = wholes.get(&one.theirs).copied().unwrap_or(0);
            let base = self.value(one, tensor, whole).map(Arc::new);
            let adapted = |base: &Arc<Value>| self.adapted_value(one, tensor, base);
            match base.and_then(|base| Ok((adapted(&base)?, base))) {
                Ok((adapted, base)) => {
                    let value = adapted.inspect(|_| {
                        weights.bases.insert(one.ours.clone(), Arc::clone(&base));
                    });
                    weights.tensors.insert(one.ours.clone(), value.unwrap_or(base));
                }
                Err(fault) => {
                    let name = shown(&tensor.name_in_file);
                    let is_packed = matches!(one.layout, WeightLayout::StackMxfp4(_));
                    let is_unread = tensor.form.is_none() && !is_packed;
                    faults.unread.extend(is_unread.then_some(tensor));
                    faults.listed.push(format!("{}: `{name}` {fault:#}", tensor.file()));
                }
            }
        }
        ensure!(faults.listed.is_empty(), self.faulty(&faults));
        Ok(weights)
    }

    fn value(&self, wanted: &ExpectedWeight, tensor: &TensorInfo, whole: usize) -> Result<Value> {
        check_shape(wanted, tensor, whole)?;
        if let Some(quantised) = &tensor.quantised {
            ensure!(!wanted.is_vector(), "is quantised, and a vector is wanted");
            return Ok(quantised.weight(wanted));
        }
        match wanted.layout {
            WeightLayout::StackMxfp4(stack) => self.mxfp4(wanted, tensor, stack),
            _ if wanted.is_vector() => vector(wanted, tensor),
            _ => matrix(wanted, tensor),
        }
    }

    /// A map in blocks of numbers of four bits, with the scales that the checkpoint has beside.
    fn mxfp4(&self, wanted: &ExpectedWeight, blocks: &TensorInfo, stack: Stack) -> Result<Value> {
        let name = blocks.name.replace("_blocks", "_scales");
        let scales =
            self.ask(&name).with_context(|| format!("has no `{}` beside it", shown(&name)))?;
        let (rows, cols) = wanted.shape;
        ensure!(
            rows.is_multiple_of(mxfp4::BLOCK),
            "has lines of {rows} numbers, which are not whole blocks"
        );
        let lines = stack.index * stack.each + stack.first;
        let lines =
            LineBlocks { first: lines, block: 1, stride: stack.step, whole: stack.n * stack.each };
        let source = Mxfp4::of(blocks, scales, StoredSize::new(cols, rows), lines)?;
        Ok(Value::stored(Arc::new(source), Lines::Columns))
    }

    /// The weight with what the adapter changes in it; None if that is nothing.
    fn adapted_value(
        &self,
        wanted: &ExpectedWeight,
        tensor: &TensorInfo,
        base: &Value,
    ) -> Result<Option<Arc<Value>>> {
        let Some(adapter) = &self.adapter else { return Ok(None) };
        if let Some(own) = adapter.replaced(&tensor.name) {
            let whole = own.shape.first().copied().unwrap_or(0);
            return Ok(Some(Arc::new(self.value(wanted, own, whole)?)));
        }
        let Some(update) = adapter.update(&tensor.name) else { return Ok(None) };
        update.added_to(wanted, tensor, base).map(Some)
    }

    fn missing(&self, one: &ExpectedWeight, wholes: &HashMap<&TensorNames, usize>) -> String {
        let whole = wholes.get(&one.theirs).copied().unwrap_or(0);
        let shape = dimensions(&one.shape_in_file(whole, self.is_gguf()));
        let name = |theirs: &str| format!("`{}`", shown(&self.name_in_file(theirs)));
        let names: Vec<String> = one.theirs.iter().map(name).collect();
        format!("{} is missing, want {shape}", names.join(" or "))
    }

    /// The file's own name for a tensor, given Hugging Face's.
    fn name_in_file(&self, name: &str) -> String {
        let kind = self.config().string("model_type").unwrap_or_default();
        let architecture = kind.strip_suffix(WITH_EXPERTS).unwrap_or(kind);
        let translated = self.is_gguf().then(|| name_in_gguf(architecture, name)).flatten();
        translated.unwrap_or_else(|| name.to_owned())
    }

    /// What is wrong: one cause that explains all faults, else each of them.
    fn faulty(&self, faults: &Faults) -> String {
        // Packed experts are read.
        let is_read = self.asked().iter().any(|tensor| tensor.name.ends_with("_blocks"));
        let cause = self.config().quantization().filter(|_| !is_read);
        let cause = cause.or_else(|| faults.unread_forms());
        let cause =
            cause.or_else(|| self.no_output(faults)).or_else(|| self.half_of_a_pair(faults));
        if let Some(cause) = cause.or_else(|| self.foreign_names(faults)) {
            return format!("{}: {cause}", self.name());
        }
        let settings = if self.is_gguf() { "metadata describes" } else { "config.json describes" };
        format!(
            "{} does not hold what its {settings}; they belong to different models, or a file is \
             damaged: fetch it again:{}",
            self.name(),
            listed(&faults.listed)
        )
    }

    /// Where an encoder-decoder's class, in transformers' names, has only one of the two, or a head that is not run.
    fn half_of_a_pair(&self, faults: &Faults) -> Option<String> {
        let lacks = |part: &str| faults.missing.iter().any(|name| name.contains(part));
        let (encoder, decoder) = (lacks("encoder."), lacks("decoder."));
        let class = self.config().class().unwrap_or_default();
        let what = match () {
            () if !encoder && !decoder => None,
            () if class.ends_with("EncoderModel") => Some("an encoder without its decoder"),
            () if encoder && class.ends_with("ForCausalLM") => {
                Some("a decoder without its encoder")
            }
            () => writes_nothing(class),
        }?;
        Some(format!(
            "is a `{}`, {what}; get a model of both halves that writes words, whose class ends in \
             `ForConditionalGeneration`",
            shown(class)
        ))
    }

    /// Where most tensors are missing and the file has others in their place: whose names these may be.
    fn foreign_names(&self, faults: &Faults) -> Option<String> {
        /// A whole model has more tensors than this.
        const FEW: usize = 8;
        let n = self.tensors.len().max(FEW);
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).len();
        let strange = if asked == 0 { self.asked() } else { self.unused() };
        let are_most = 2 * faults.missing.len() > n && 2 * strange.len() > n;
        let first = strange.first().filter(|_| are_most)?;
        Some(format!(
            "has tensors of other names than a `{}` has in transformers, as `{}`: it was written for another program; \
             get the model in the form of transformers",
            shown(self.config().string("model_type").unwrap_or_default()),
            shown(&first.name_in_file)
        ))
    }

    /// Where the table of the logits is missing: if nothing else is, or if the model's class has none.
    fn no_output(&self, faults: &Faults) -> Option<String> {
        let name = faults.missing.iter().find(|name| OUTPUTS.contains(name))?;
        let name = self.name_in_file(name);
        let class = self.config().class().unwrap_or_default();
        if let Some(what) = writes_nothing(class) {
            return Some(format!(
                "is a `{}`, {what}; it has no `{name}`, the map to the logits: get a model that writes words, \
                 whose class ends in `ForCausalLM`",
                shown(class)
            ));
        }
        if faults.listed.len() > 1 {
            return None;
        }
        let tied = match self.config().get(TIED) {
            None => format!("does not have `{TIED}`, which is false then"),
            Some(_) => format!("says that `{TIED}` is false"),
        };
        Some(format!(
            "has no `{name}`, the map to the logits, and {} {tied}; if the model takes its table of embeddings \
             for it, write `\"{TIED}\": true` there; if this is the body of a model alone, get the whole one",
            self.config().file()
        ))
    }
}

/// What is wrong with the tensors of a checkpoint.
#[derive(Default)]
struct Faults<'a> {
    /// Each fault, as a clause.
    listed: Vec<String>,
    /// The tensors that are wanted and whose dtype is not read.
    unread: Vec<&'a TensorInfo>,
    /// The first name of each tensor that is missing.
    missing: Vec<&'a str>,
}

impl Faults<'_> {
    /// Where all faults are tensors in a form that is not read: which forms, and what to get.
    fn unread_forms(&self) -> Option<String> {
        let first = self.unread.first().filter(|_| self.unread.len() == self.listed.len())?;
        let forms: BTreeSet<&str> = self.unread.iter().map(|t| t.dtype.as_str()).collect();
        let forms = forms.into_iter().collect::<Vec<_>>().join(", ");
        let have = match self.unread.len() {
            1 => "has".to_owned(),
            n => format!("and {} others have", n - 1),
        };
        Some(format!(
            "`{}` {have} dtype {forms}, which is not supported; get the model in a form that is: {}",
            shown(&first.name_in_file),
            Dtype::known()
        ))
    }
}

/// The map to the logits, in files that have one of its own.
pub(super) const OUTPUTS: [&str; 3] =
    ["lm_head.weight", "cls.predictions.decoder.weight", "vocab_projector.weight"];

/// What a model is that has another head than one for words.
const OTHER_HEAD: &str = "whose head is not run";

/// What a model is whose class, in transformers' names, writes no words; None if it does, or if the name does not say.
fn writes_nothing(class: &str) -> Option<&'static str> {
    const WRITING: [&str; 6] = [
        "ForCausalLM",
        "ForMaskedLM",
        "ForConditionalGeneration",
        "ForPreTraining",
        "LMHeadModel",
        "MTModel",
    ];
    match () {
        () if WRITING.iter().any(|part| class.contains(part)) => None,
        () if class.contains("For") => Some(OTHER_HEAD),
        () if class.ends_with("Model") => Some("the body of a model alone"),
        () => None,
    }
}

/// The length of the axis that parts are taken from, by tensor: the end of its last part.
fn wholes(wanted: &[ExpectedWeight]) -> HashMap<&TensorNames, usize> {
    let mut wholes = HashMap::new();
    for one in wanted {
        if let Some(range) = one.layout.range() {
            let whole = wholes.entry(&one.theirs).or_insert(0);
            *whole = range.end.max(*whole);
        }
    }
    wholes
}

/// Checks that a tensor has the shape that is wanted.
fn check_shape(wanted: &ExpectedWeight, tensor: &TensorInfo, whole: usize) -> Result<()> {
    let want = wanted.shape_in_file(whole, tensor.is_transposed);
    let is_row = wanted.is_vector() && tensor.shape == [1, want[0]];
    let is_flat =
        wanted.layout == WeightLayout::Taps && tensor.shape == [wanted.shape.1, wanted.shape.0];
    ensure!(
        tensor.shape == want || is_row || is_flat,
        "is {}, want {}",
        dimensions(&tensor.shape),
        dimensions(&want)
    );
    ensure!(!want.contains(&0), "is empty");
    Ok(())
}

fn matrix(wanted: &ExpectedWeight, tensor: &TensorInfo) -> Result<Value> {
    let FilePart { lines, numbers, stand } = wanted.part(tensor.is_transposed);
    let line = tensor.shape.last().copied().unwrap_or(1);
    let packed = Packed::of(tensor, line, lines, numbers)?;
    let packed = packed.in_blocks(wanted.layout.blocks(wanted.shape.1));
    if let WeightLayout::StackColumns(Stack { first, step, .. }) = wanted.layout
        && step > 1
    {
        let source = Stepped::of(packed, first, step)?;
        return Ok(Value::stored(Arc::new(source), stand));
    }
    if let WeightLayout::HeadColumns(n) = wanted.layout {
        return Ok(Value::stored(Arc::new(Copied::abreast(&packed, n)), stand));
    }
    let source: Arc<dyn Stored> =
        if packed.is_misaligned() { Arc::new(Copied::of(&packed)) } else { Arc::new(packed) };
    Ok(Value::stored(source, stand))
}

/// A vector is read as one line; where its rows are reordered, as lines of one number.
fn vector(wanted: &ExpectedWeight, tensor: &TensorInfo) -> Result<Value> {
    let numbers = wanted.part(false).numbers;
    let blocks = wanted.layout.blocks(wanted.shape.1);
    let packed = match tensor.order {
        _ if blocks.is_some() => Packed::of(tensor, 1, numbers.clone(), 0..1)?.in_blocks(blocks),
        RowOrder::InOrder => Packed::of(tensor, tensor.n_numbers(), 0..1, numbers.clone())?,
        RowOrder::Interleaved(_) => Packed::of(tensor, 1, numbers.clone(), 0..1)?,
    };
    let n = numbers.len();
    let mut decoded = vec![0.0; n];
    packed.read(0..packed.size().n_lines, &mut decoded);
    ensure!(wanted.shape == (1, n), anyhow!("is asked for as {:?}", wanted.shape));
    Ok(Value::from_rows(1, n, &decoded))
}
