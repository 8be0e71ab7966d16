//! The residual stream: the vector of a word on its way through the layers, and what each sub-layer adds to it.

use std::iter;

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::site::{Role, SubLayer},
};

/// A site at which the stream can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPoint {
    /// The path of the stream here.
    pub site: String,
    /// The path of what was just added to it; None after the embedding and after a norm.
    pub added: Option<String>,
    /// The layer it belongs to; None before the first and after the last.
    pub layer: Option<usize>,
    /// `attention`, `norm`.
    pub name: &'static str,
}

/// The stations of the stream that begins at the site `input`, in the order of computation. Empty if the model has no
/// residual stream.
pub fn stations(trace: &Trace, input: &str) -> Vec<StreamPoint> {
    let Some(first) = trace.site(input) else { return vec![] };
    let rows = first.place.scope.rows();
    let in_stream = trace.sites().filter(|site| site.place.scope.rows() == rows);
    let later: Vec<StreamPoint> = in_stream.filter_map(|site| station(trace, site)).collect();
    if later.is_empty() {
        return later;
    }
    let input = StreamPoint { site: input.into(), added: None, layer: None, name: "input" };
    iter::once(input).chain(later).collect()
}

fn station(trace: &Trace, site: &Recorded) -> Option<StreamPoint> {
    let name = match site.role() {
        Role::Residual(SubLayer::Attention | SubLayer::SelfAttention) => "attention",
        Role::Residual(SubLayer::CrossAttention) => "cross-att.",
        Role::Residual(SubLayer::FeedForward) => "feed-forward",
        Role::Residual(SubLayer::StateSpace) => "state space",
        Role::Residual(SubLayer::DeltaNet) => "delta net",
        Role::Residual(SubLayer::Convolution) => "convolution",
        Role::Residual(SubLayer::LayerEmbedding) => "layer emb.",
        Role::Residual(SubLayer::Both) => "both halves",
        Role::ScaledStream => "times s",
        Role::NormedStream => "norm",
        Role::LastNorm => "last norm",
        _ => return None,
    };
    let layer = site.place.scope.layer_index();
    Some(StreamPoint { site: site.path().to_owned(), added: trace.added(site), layer, name })
}

/// The L2 norm of a word's row at a path. None if there is no such row.
pub fn length(trace: &Trace, path: &str, row: usize) -> Option<f32> {
    let value = trace.value(path).filter(|value| row < value.shape().rows)?;
    Some(value.matrix().row(row).norm())
}
