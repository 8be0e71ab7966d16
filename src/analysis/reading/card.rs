//! The description of a checkpoint in a few rows.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    model::{Architecture, ExpertCounts, Model, ModelSizes, StackSizes},
    text::{self, visible::shown},
    weights::{Checkpoint, PALIGEMMA, TensorInfo, memory},
};

/// The description of a checkpoint, known before any pass.
pub struct CheckpointCard {
    pub title: String,
    /// Labels and their texts.
    pub rows: Vec<(&'static str, CardValue)>,
    /// The number of weights that the model uses.
    pub n_weights: usize,
    /// Where they are, the largest first.
    pub tensors: Vec<TensorGroup>,
    /// What of the file the model leaves out, as a sentence; None if it leaves out nothing that matters.
    pub left_out: Option<String>,
}

/// Tensors of a checkpoint whose names differ only in numbers: the same tensor of every layer.
pub struct TensorGroup {
    /// The file's name, with `*` for numbers; safe to show.
    pub name: String,
    pub n_tensors: usize,
    /// Rows first; None if they differ.
    pub shape: Option<Vec<usize>>,
    /// The numbers in all of them.
    pub n_weights: usize,
}

impl TensorGroup {
    /// The groups of these tensors, the one with most numbers first.
    fn all<'a>(tensors: impl IntoIterator<Item = &'a TensorInfo>) -> Vec<Self> {
        let mut groups: BTreeMap<String, Self> = BTreeMap::new();
        for tensor in tensors {
            let name = without_numbers(&shown(&tensor.name_in_file));
            let group = groups.entry(name.clone()).or_insert_with(|| Self {
                name,
                n_tensors: 0,
                shape: Some(tensor.shape.clone()),
                n_weights: 0,
            });
            group.n_tensors += 1;
            group.n_weights += tensor.n_weights();
            group.shape.take_if(|shape| *shape != tensor.shape);
        }
        let mut groups: Vec<Self> = groups.into_values().collect();
        groups.sort_by_key(|group| Reverse(group.n_weights));
        groups
    }
}

/// `model.layers.*.mlp.up_proj.weight`: parts of a name that are numbers become `*`.
fn without_numbers(name: &str) -> String {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.split('.').map(|part| if is_number(part) { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

/// A text of the card, so that a screen can say it in its language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardValue {
    /// Names and numbers.
    Plain(String),
    /// An English text with blanks, and what fills them.
    Said(&'static str, Vec<(&'static str, Self)>),
}

impl From<String> for CardValue {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl CardValue {
    fn number(n: usize) -> Self {
        Self::Plain(n.to_string())
    }
}

impl CheckpointCard {
    pub fn of(checkpoint: &Checkpoint, kind: &Architecture, model: &dyn Model) -> Self {
        let tensors = TensorGroup::all(checkpoint.asked());
        let n_parameters = tensors.iter().map(|group| group.n_weights).sum();
        let n_bytes: usize = checkpoint.tensors().iter().map(|tensor| tensor.n_bytes).sum();
        let dtypes: BTreeSet<&str> =
            checkpoint.tensors().iter().map(|tensor| tensor.dtype.as_str()).collect();
        let dtypes: Vec<&str> = dtypes.into_iter().collect();
        let mut rows = vec![
            ("architecture", kind.title.to_owned().into()),
            ("parameters", parameters(n_parameters)),
            (
                "stored as",
                format!("{}, {}", dtypes.join(" "), memory::bytes(n_bytes as u64)).into(),
            ),
        ];
        if let Some(sizes) = model.sizes() {
            rows.extend(of_sizes(&sizes));
        }
        let classes = model.classes();
        rows.extend((!classes.is_empty()).then(|| ("classes", listed(classes))));
        rows.extend(checkpoint.adapter().map(|adapter| ("adapter", adapter.into())));
        let unused = unused(checkpoint);
        rows.extend(unused.iter().map(|unused| ("not used", unused.clone().into())));
        let left_out = unused.map(|unused| left_out(checkpoint, &unused));
        let left_out = left_out.or_else(|| passed_over(checkpoint));
        let left_out = left_out.or_else(|| drafting(checkpoint));
        let left_out = left_out.or_else(|| passed_by(checkpoint));
        let left_out = left_out.or_else(|| not_normalized(checkpoint));
        Self { title: checkpoint.title(), rows, n_weights: n_parameters, tensors, left_out }
    }
}

/// The first names of classes: `NEGATIVE, POSITIVE`.
fn listed(classes: &[String]) -> CardValue {
    const MOST: usize = 6;
    let first = classes.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match classes.len().saturating_sub(MOST) {
        0 => first.into(),
        more => CardValue::Said(
            "{first} and {more} more",
            vec![("first", first.into()), ("more", CardValue::number(more))],
        ),
    }
}

/// The tensors that the model does not use: `classifier.bias and 1 other`.
fn unused(checkpoint: &Checkpoint) -> Option<String> {
    let unused = checkpoint.unused();
    let name = shown(&unused.first()?.name_in_file);
    Some(match unused.len() {
        1 => name,
        2 => format!("{name} and 1 other tensor"),
        n => format!("{name} and {} other tensors", n - 1),
    })
}

/// What is passed over of a model that also sees, or hears.
fn passed_over(checkpoint: &Checkpoint) -> Option<String> {
    let others = checkpoint.of_other_parts();
    let n = others.len();
    let is_of_sound = |name: &str| name.contains("audio") || name.starts_with("a.");
    let hears = others.iter().any(|tensor| is_of_sound(&tensor.name));
    let parts = if hears { "parts for images and sound" } else { "vision part" };
    let whole = shown(checkpoint.whole()?);
    let guessing = match checkpoint.of_drafting().len() {
        0 => String::new(),
        n => format!(", nor {n} of its layers that guess further tokens"),
    };
    let is_prompted = checkpoint.config().whole() == Some(PALIGEMMA);
    let both_ways = if is_prompted {
        "; in the whole the words of a question see those after them too, here only those before"
    } else {
        ""
    };
    Some(format!(
        "only the text part of this {whole} is run; {n} tensors of its {parts} are not read{guessing}{both_ways}"
    ))
}

/// What is said of layers that guess further tokens, where [`passed_over`] says nothing.
fn drafting(checkpoint: &Checkpoint) -> Option<String> {
    let n = Some(checkpoint.of_drafting().len()).filter(|n| *n > 0)?;
    Some(format!(
        "its layers that guess further tokens ahead are not read (tensors: {n}): one token is written at a time"
    ))
}

/// A way of quantising that is named but not known, while all weights are there as plain numbers.
fn passed_by(checkpoint: &Checkpoint) -> Option<String> {
    let named = checkpoint.config().quantization()?;
    Some(format!("{named}; its weights are plain numbers all the same, and are taken as they are"))
}

/// A setting that transformers does not follow, and the code that came with the first checkpoints does.
fn not_normalized(checkpoint: &Checkpoint) -> Option<String> {
    let config = checkpoint.config();
    let is_v2 = config.string_or("model_type", "").ok()? == "deepseek_v2";
    (is_v2 && config.bool_or("norm_topk_prob", false).ok()?).then(|| {
        "`norm_topk_prob` is not followed, as in transformers; DeepSeek-V2's own code divides the weights of the \
         chosen experts by their sum"
            .to_owned()
    })
}

/// The endings of the names of Hugging Face's models with a head that is not run.
const HEADS: [&str; 5] = [
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForMultipleChoice",
    "ForNextSentencePrediction",
];

fn left_out(checkpoint: &Checkpoint, unused: &str) -> String {
    let class = checkpoint.config().class();
    match class.filter(|class| HEADS.iter().any(|head| class.ends_with(head))) {
        Some(class) => format!(
            "the head of {} is not run, only what is below it; not used: {unused}",
            shown(class)
        ),
        None => format!("the file has tensors that this architecture does not use: {unused}"),
    }
}

/// A number of parameters as text: `134.5 million`; below a million, all digits.
fn parameters(n: usize) -> CardValue {
    if n < 1_000_000 {
        return text::grouped(n).into();
    }
    CardValue::Said("{n} million", vec![("n", format!("{:.1}", n as f64 / 1e6).into())])
}

fn of_sizes(sizes: &ModelSizes) -> Vec<(&'static str, CardValue)> {
    let heads = sizes.heads;
    let layers = |stack: StackSizes| CardValue::number(stack.n_layers);
    let n_layers = of_stacks(sizes, CardValue::number(sizes.n_layers), layers);
    let of_stack =
        |stack: StackSizes| heads_of(stack.heads.n_heads, stack.heads.d_head.to_string());
    let one = with_shared(heads_of(heads.n_heads, sizes.d_heads()), sizes);
    let n_heads = of_stacks(sizes, one, of_stack);
    let d_ff =
        of_stacks(sizes, CardValue::number(sizes.d_ff), |stack| CardValue::number(stack.d_ff));
    let attending = match sizes.n_attending {
        0 => Some(CardValue::Said("none: each has states", vec![])),
        n if n < sizes.n_layers => Some(CardValue::number(n)),
        _ => None,
    };
    let longest = match sizes.context {
        usize::MAX => CardValue::Said("any: a state is as large after every text", vec![]),
        n => CardValue::Said("{n} tokens", vec![("n", CardValue::number(n))]),
    };
    let rows = [
        Some(("layers", n_layers)),
        attending.map(|n| ("with attention", n)),
        Some(("d_model", CardValue::number(heads.d_model))),
        Some(("heads", n_heads)),
        (sizes.d_ff > 0).then_some(("d_ff", d_ff)),
        Some(("vocabulary", CardValue::number(sizes.n_vocab))),
        Some(("longest text", longest)),
        sizes.experts.map(|experts| ("experts a token", chosen_of(experts))),
    ];
    rows.into_iter().flatten().collect()
}

/// `4 with 16 numbers each`
fn heads_of(n: usize, d: String) -> CardValue {
    CardValue::Said("{n} with {d} numbers each", vec![("n", CardValue::number(n)), ("d", d.into())])
}

/// The heads, and those of keys and values where these are fewer.
fn with_shared(heads: CardValue, sizes: &ModelSizes) -> CardValue {
    if sizes.heads.n_kv_heads == sizes.heads.n_heads {
        return heads;
    }
    let n_kv = sizes.n_kv_heads().into();
    CardValue::Said("{heads}, {n} for keys and values", vec![("heads", heads), ("n", n_kv)])
}

fn chosen_of(ExpertCounts { n, k, has_shared }: ExpertCounts) -> CardValue {
    let text = if has_shared { "{k} of {n}, and a shared one" } else { "{k} of {n}" };
    CardValue::Said(text, vec![("k", CardValue::number(k)), ("n", CardValue::number(n))])
}

/// A size; that of an encoder and that of its decoder, where these differ.
fn of_stacks(
    sizes: &ModelSizes,
    one: CardValue,
    size: impl Fn(StackSizes) -> CardValue,
) -> CardValue {
    match sizes.stacks.map(|stacks| stacks.map(size)) {
        Some([encoder, decoder]) if encoder != decoder => CardValue::Said(
            "encoder {encoder}, decoder {decoder}",
            vec![("encoder", encoder), ("decoder", decoder)],
        ),
        _ => one,
    }
}
