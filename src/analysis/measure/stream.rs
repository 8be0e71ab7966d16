//! The residual stream: a word's row at each site through the layers, and what is added to it.

use crate::analysis::trace::Trace;

/// A site of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// The path of the stream's value.
    pub site: String,
    /// The path of the value just added to it; None after an embedding or a norm.
    pub added: Option<String>,
    /// The layer it belongs to; None before the first and after the last.
    pub layer: Option<usize>,
    /// `attention`, `norm`.
    pub name: &'static str,
}

/// The stations of a layer, in order: the site, what it adds, and its name.
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

/// A stream: its first site, the scope of its layers, their stations, and the norms before the first layer and after
/// the last.
struct Course {
    input: &'static str,
    scope: &'static str,
    layer: Layer,
    first_norm: Option<&'static str>,
    last_norm: Option<&'static str>,
}

const fn course(input: &'static str, scope: &'static str, layer: Layer) -> Course {
    Course { input, scope, layer, first_norm: None, last_norm: None }
}

/// Of streams with the same first site, a pass has the layers of only one.
const STREAMS: [Course; 4] = [
    course("src.input", "encoder", ENCODER),
    course("tgt.input", "decoder", DECODER),
    Course { last_norm: Some("final_norm.out"), ..course("tokens.input", "blocks", BLOCK) },
    Course { first_norm: Some("tokens.norm.out"), ..course("tokens.input", "encoder", ENCODER) },
];

/// The stations of the stream that begins at `input`, those that the pass has.
pub fn stations(trace: &Trace, input: &str) -> Vec<Station> {
    let has = |course: &Course, l: usize| {
        trace.site(&format!("{}.{l}.{}", course.scope, course.layer[0].0)).is_some()
    };
    let mut courses = STREAMS.iter().filter(|course| course.input == input);
    let Some(course) = courses.find(|course| has(course, 0)) else { return vec![] };
    let &Course { scope, layer, first_norm, last_norm, .. } = course;
    let station = |site: &str, name| Station { site: site.into(), added: None, layer: None, name };
    let mut all = vec![station(input, "input")];
    all.extend(first_norm.map(|site| station(site, "norm")));
    for l in 0..trace.n_layers(&format!("{scope}.{{l}}.{}", layer[0].0)) {
        let at = |name: &str| format!("{scope}.{l}.{name}");
        let stations = layer.iter().map(|(site, added, name)| Station {
            added: added.map(at),
            layer: Some(l),
            ..station(&at(site), name)
        });
        // A closed block has only its output.
        all.extend(stations.filter(|station| trace.site(&station.site).is_some()));
    }
    all.extend(last_norm.map(|site| station(site, "last norm")));
    all
}

/// The L2 norm of a word's row at a path. None if there is no such row.
pub fn length(trace: &Trace, path: &str, row: usize) -> Option<f32> {
    let value = trace.value(path).filter(|value| row < value.shape().rows)?;
    Some(value.matrix().row(row).norm())
}
