//! The residual stream: the row of a word on its way through the layers, and what is added to it.

use crate::trace::Trace;

/// A place where the stream can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// The path of the row as it stands here.
    pub site: String,
    /// The path of what was just added to it; None where it was embedded or normed.
    pub added: Option<String>,
    /// The layer it belongs to; None before the first and after the last.
    pub layer: Option<usize>,
    /// `attention`, `norm`.
    pub name: &'static str,
}

/// What stands in a layer, in order: the site, what it adds, and its name.
type Layer = &'static [(&'static str, Option<&'static str>, &'static str)];

const ENCODER: Layer = &[
    ("residual1", Some("self_attn.out"), "attention"),
    ("norm1.out", None, "norm"),
    ("residual2", Some("ffn.out"), "feed-forward"),
    ("norm2.out", None, "norm"),
];
const DECODER: Layer = &[
    ("residual1", Some("self_attn.out"), "attention"),
    ("norm1.out", None, "norm"),
    ("residual2", Some("cross_attn.out"), "cross-att."),
    ("norm2.out", None, "norm"),
    ("residual3", Some("ffn.out"), "feed-forward"),
    ("norm3.out", None, "norm"),
];
const BLOCK: Layer = &[
    ("resid_mid", Some("attn.out"), "attention"),
    ("resid_post", Some("ffn.out"), "feed-forward"),
];

/// Where each stream begins, the scope of its layers, what stands in one, and what ends it.
const STREAMS: [(&str, &str, Layer, Option<&str>); 3] = [
    ("src.input", "encoder", ENCODER, None),
    ("tgt.input", "decoder", DECODER, None),
    ("tokens.input", "blocks", BLOCK, Some("final_norm.out")),
];

/// The stations of the stream that begins at `input`, as far as the pass has them.
pub fn stations(trace: &Trace, input: &str) -> Vec<Station> {
    let Some((_, scope, layer, end)) = STREAMS.iter().find(|stream| stream.0 == input) else {
        return vec![];
    };
    let station = |site: String, layer, name| Station { site, added: None, layer, name };
    let mut all = vec![station(input.to_owned(), None, "input")];
    let has = |l: &usize| trace.site(&format!("{scope}.{l}.{}", layer[0].0)).is_some();
    for l in (0..).take_while(has) {
        let at = |name: &str| format!("{scope}.{l}.{name}");
        all.extend(layer.iter().map(|(site, added, name)| Station {
            added: added.map(at),
            ..station(at(site), Some(l), name)
        }));
    }
    all.extend(end.map(|site| station(site.to_owned(), None, "last norm")));
    all
}

/// The length of a word's row at a path. None if there is no such row.
pub fn length(trace: &Trace, path: &str, row: usize) -> Option<f32> {
    let value = trace.value(path).filter(|value| row < value.shape().rows)?;
    Some(value.matrix().row(row).norm())
}
