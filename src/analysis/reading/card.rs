//! The description of a checkpoint in a few rows.

use std::collections::BTreeSet;

use crate::{
    model::{Architecture, ExpertCounts, Model, ModelSizes, StackSizes},
    text::{self, visible::shown},
    weights::{Checkpoint, TensorInfo, memory},
};

/// The description of a checkpoint, known before any pass.
pub struct Card {
    pub title: String,
    /// Labels and their texts.
    pub rows: Vec<(&'static str, String)>,
    /// The number of weights that the model uses.
    pub n_weights: usize,
    /// What of the file the model leaves out, as a sentence; None if it leaves out nothing that matters.
    pub left_out: Option<String>,
}

impl Card {
    pub fn of(checkpoint: &Checkpoint, kind: &Architecture, model: &dyn Model) -> Self {
        let n_parameters: usize = checkpoint.asked().into_iter().map(TensorInfo::n_weights).sum();
        let n_bytes: usize = checkpoint.tensors().iter().map(|tensor| tensor.n_bytes).sum();
        let dtypes: BTreeSet<&str> =
            checkpoint.tensors().iter().map(|tensor| tensor.dtype.as_str()).collect();
        let dtypes: Vec<&str> = dtypes.into_iter().collect();
        let mut rows = vec![
            ("architecture", kind.title.to_owned()),
            ("parameters", parameters(n_parameters)),
            ("stored as", format!("{}, {}", dtypes.join(" "), memory::bytes(n_bytes as u64))),
        ];
        if let Some(sizes) = model.sizes() {
            rows.extend(of_sizes(&sizes));
        }
        let classes = model.classes();
        rows.extend((!classes.is_empty()).then(|| ("classes", listed(classes))));
        rows.extend(checkpoint.adapter().map(|adapter| ("adapter", adapter)));
        let unused = unused(checkpoint);
        rows.extend(unused.iter().map(|unused| ("not used", unused.clone())));
        let left_out = unused.map(|unused| left_out(checkpoint, &unused));
        let left_out = left_out.or_else(|| passed_over(checkpoint));
        let left_out = left_out.or_else(|| drafting(checkpoint));
        let left_out = left_out.or_else(|| passed_by(checkpoint));
        Self { title: checkpoint.title(), rows, n_weights: n_parameters, left_out }
    }
}

/// The first names of classes: `NEGATIVE, POSITIVE`.
fn listed(classes: &[String]) -> String {
    const MOST: usize = 6;
    let first = classes.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match classes.len().saturating_sub(MOST) {
        0 => first,
        more => format!("{first} and {more} more"),
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
    let hears = others.iter().any(|tensor| tensor.name.contains("audio"));
    let parts = if hears { "parts for images and sound" } else { "vision part" };
    let whole = checkpoint.config().whole().filter(|_| n > 0)?;
    let guessing = match checkpoint.of_drafting().len() {
        0 => String::new(),
        n => format!(", nor {n} of its layers that guess further tokens"),
    };
    Some(format!(
        "only the text part of this {whole} is run; {n} tensors of its {parts} are not read{guessing}"
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
fn parameters(n: usize) -> String {
    if n < 1_000_000 { text::grouped(n) } else { format!("{:.1} million", n as f64 / 1e6) }
}

fn of_sizes(sizes: &ModelSizes) -> Vec<(&'static str, String)> {
    let heads = sizes.heads;
    let shared = if heads.n_kv_heads == heads.n_heads {
        String::new()
    } else {
        format!(", keys and values of {}", sizes.n_kv_heads())
    };
    let layers = sizes.stacks.map_or_else(
        || sizes.n_layers.to_string(),
        |[encoder, decoder]| format!("encoder {}, decoder {}", encoder.n_layers, decoder.n_layers),
    );
    let one = format!("{} of {}{shared}", heads.n_heads, sizes.d_heads());
    let n_heads =
        of_stacks(sizes, one, |stack| format!("{} of {}", stack.heads.n_heads, stack.heads.d_head));
    let d_ff = of_stacks(sizes, sizes.d_ff.to_string(), |stack| stack.d_ff.to_string());
    let experts = sizes.experts.map(|ExpertCounts { n, k, has_shared }| {
        format!("{k} of {n}{}", if has_shared { ", and a shared one" } else { "" })
    });
    let attending = match sizes.n_attending {
        0 => Some("none: each has states".to_owned()),
        n if n < sizes.n_layers => Some(n.to_string()),
        _ => None,
    };
    let longest = match sizes.context {
        usize::MAX => "any: a state is as large after every text".to_owned(),
        n => format!("{n} tokens"),
    };
    let rows = [
        Some(("layers", layers)),
        attending.map(|n| ("with attention", n)),
        Some(("d_model", heads.d_model.to_string())),
        Some(("heads", n_heads)),
        (sizes.d_ff > 0).then_some(("d_ff", d_ff)),
        Some(("vocabulary", sizes.n_vocab.to_string())),
        Some(("longest text", longest)),
        experts.map(|experts| ("experts a token", experts)),
    ];
    rows.into_iter().flatten().collect()
}

/// A size in words; that of an encoder and that of its decoder, where these differ.
fn of_stacks(sizes: &ModelSizes, one: String, size: impl Fn(StackSizes) -> String) -> String {
    match sizes.stacks.map(|stacks| stacks.map(size)) {
        Some([encoder, decoder]) if encoder != decoder => {
            format!("encoder {encoder}, decoder {decoder}")
        }
        _ => one,
    }
}
