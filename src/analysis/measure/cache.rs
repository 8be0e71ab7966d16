//! The counted size and savings of a key-value cache (Shazeer 2019; Pope et al. 2022).
//!
//! The pass on screen is computed as a whole; the counts are for writing the same output token by token.

use crate::{
    analysis::trace::Trace,
    engine::value::Value,
    model::{EMBEDDING_TABLE, ModelName},
};

/// The sizes that the counts depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSizes {
    /// Those that keep keys and values.
    pub n_layers: usize,
    pub d_model: usize,
    /// The width of a token's queries in all layers; keys may have a smaller one, if heads share them, or layers.
    pub d_q: usize,
    /// The width of the keys that are kept, in all layers.
    pub d_kv: usize,
    /// The columns of all maps to keys and values.
    pub d_made: usize,
    /// The multiplications of all layers' feed-forward networks, or routers and chosen experts, and of what stands in place
    /// of attention, for one token.
    pub fed: usize,
    /// The sizes of what keys and values are made from; None where they are kept themselves.
    pub latent: Option<LatentSizes>,
    pub vocab: usize,
    /// The source tokens that cross-attention attends to; 0 without cross-attention.
    pub n_source: usize,
}

/// The sizes of multi-head latent attention, whose cache keeps what keys and values are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatentSizes {
    pub n_heads: usize,
    /// The numbers that a token's keys and values are made from.
    pub rank: usize,
    /// The channels of keys that all heads share.
    pub shared: usize,
    /// The channels of a head's keys that are its own, and those of its values.
    pub own: usize,
    pub value: usize,
    /// The multiplications for a token's queries.
    pub queries: usize,
}

/// The counts of one output step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStep {
    /// The cached numbers of self-attention's keys and values, or of what they are made from, this step's included.
    pub held: usize,
    /// The cached numbers of cross-attention, computed once, before the first step.
    pub held_cross: usize,
    /// Multiplications with and without the cache.
    pub with: usize,
    pub without: usize,
}

/// The multiplications for a whole output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheTotal {
    pub with: usize,
    pub without: usize,
}

impl CacheSizes {
    /// The sizes of a pass; None for a model without self-attention in its decoder.
    pub fn of(trace: &Trace) -> Option<Self> {
        let (stack, attention) = decoder(trace)?;
        let table = trace.value(EMBEDDING_TABLE)?.shape();
        let attending = attending(trace);
        let is_open = |l: &&usize| trace.value(&format!("{stack}.{l}.{attention}.k")).is_some();
        let first = attending.iter().find(is_open)?;
        // The width of a site of attention, or the columns of a map, in all layers.
        let width = |of: &str| -> usize {
            let pattern = format!("{stack}.{{layer}}.{attention}.{of}");
            let shapes = trace.known_layers().into_iter();
            let shapes = shapes.filter_map(|l| trace.shape_in(&pattern, l));
            shapes.map(|shape| shape.planes * shape.cols).sum()
        };
        let out = format!("{stack}.{{layer}}.ffn.out");
        // In Nemotron-H some layers are attention, or a state space, alone.
        let feeding = (0..trace.n_layers(&out)).filter(|&l| trace.layer_has(&out, l));
        let beside = convolved(trace, stack, table.cols)
            + delta_nets(trace, stack, table.cols)
            + state_spaces(trace, stack, table.cols)
            + layer_embeddings(trace, table.cols)
            + table.cols * width("gate");
        let fed = feeding.map(|l| fed(trace, &format!("{stack}.{{layer}}.ffn"), l, table.cols));
        Some(Self {
            d_q: width("q"),
            d_kv: width("k"),
            d_made: width("W_K") + width("W_V"),
            fed: fed.sum::<Option<usize>>()? + beside,
            latent: LatentSizes::of(trace, &format!("{stack}.{first}.{attention}"), table.cols),
            n_layers: attending.len(),
            d_model: table.cols,
            vocab: table.rows,
            n_source: if trace.target.is_empty() { 0 } else { trace.source.len() },
        })
    }

    /// The counts of step `t`, from 0: `t` rows are cached, one is added.
    pub fn step(self, t: usize) -> CacheStep {
        let Self { n_layers, d_model: d, vocab, n_source, .. } = self;
        let n = t + 1;
        let of_latents = |latent: LatentSizes| n_layers * (latent.rank + latent.shared);
        CacheStep {
            held: n * self.latent.map_or(2 * self.d_kv, of_latents),
            held_cross: 2 * n_layers * n_source * d,
            with: self.row_after(n) + self.fed + d * vocab,
            without: self.rows(n, n) + n_layers * self.cross_keys() + n * self.fed + d * vocab,
        }
    }

    /// Multiplications for an output of `n` tokens, with and without the cache.
    pub fn whole(self, n: usize) -> CacheTotal {
        let first = CacheTotal { with: self.n_layers * self.cross_keys(), without: 0 };
        (0..n).map(|t| self.step(t)).fold(first, |sum, step| CacheTotal {
            with: sum.with + step.with,
            without: sum.without + step.without,
        })
    }

    /// The multiplications of all layers' attention for a new row that attends to `keys` keys, the others cached.
    fn row_after(self, keys: usize) -> usize {
        let of_latents = |latent: LatentSizes| self.n_layers * latent.row(self.d_model, keys);
        self.latent.map_or_else(|| self.rows(1, keys), of_latents)
    }

    /// The multiplications of all layers' attention for `rows` rows that attend to `keys` keys: projections, scores and
    /// weighted sums of self-attention and cross-attention.
    fn rows(self, rows: usize, keys: usize) -> usize {
        let Self { n_layers, d_model: d, d_q, d_made, n_source, .. } = self;
        if let Some(latent) = self.latent {
            return rows * n_layers * latent.whole_row(d, keys);
        }
        let cross = if n_source == 0 { 0 } else { 2 * d * d + 2 * n_source * d };
        rows * (d * (2 * d_q + d_made) + 2 * keys * d_q + n_layers * cross)
    }

    /// The multiplications for one layer's keys and values of the source tokens.
    fn cross_keys(self) -> usize {
        2 * self.n_source * self.d_model * self.d_model
    }
}

impl LatentSizes {
    fn of(trace: &Trace, attention: &str, d_model: usize) -> Option<Self> {
        let shape = |of: &str| trace.value(&format!("{attention}.{of}")).map(Value::shape);
        let (own, q) = (shape("k_own")?, shape("q")?);
        let d_q = q.planes * q.cols;
        Some(Self {
            n_heads: own.planes,
            rank: shape("latent")?.cols,
            shared: shape("k_shared")?.cols,
            own: own.cols,
            value: shape("v")?.cols,
            queries: shape("q_latent").map_or(d_model * d_q, |q| q.cols * (d_model + d_q)),
        })
    }

    /// The maps that are the same with the cache and without it.
    const fn maps(self, d_model: usize) -> usize {
        let to_kept = d_model * (self.rank + self.shared);
        self.queries + to_kept + self.n_heads * self.value * d_model
    }

    /// A row with keys and values written out for every head.
    const fn whole_row(self, d_model: usize, keys: usize) -> usize {
        let Self { n_heads, rank, shared, own, value, .. } = self;
        self.maps(d_model) + n_heads * (rank * (own + value) + keys * (own + shared + value))
    }

    /// A row that attends to what is kept as it is: the map to keys is applied to its query, that to values to its
    /// weighted sum (DeepSeek-AI 2024, *DeepSeek-V2*, section 2.1.2).
    const fn row(self, d_model: usize, keys: usize) -> usize {
        let Self { n_heads, rank, shared, own, value, .. } = self;
        self.maps(d_model) + n_heads * (rank * (own + value) + keys * (2 * rank + shared))
    }
}

/// The stack of layers that writes, and its self-attention; None for a model without self-attention in its decoder, and
/// for one that the counts are not made for. Which these are cannot be read from the sites: an encoder's attention has the same.
fn decoder(trace: &Trace) -> Option<(&'static str, &'static str)> {
    match trace.model {
        ModelName::Transformer | ModelName::TransformerUnguided => Some(("decoder", "self_attn")),
        ModelName::DecoderOnly => Some(("blocks", "attn")),
        ModelName::Checkpoint if trace.target.is_empty() => Some(("blocks", "attn")),
        _ => None,
    }
}

/// The layers that keep keys and values: in a hybrid some of them.
pub fn attending(trace: &Trace) -> Vec<usize> {
    let Some((stack, attention)) = decoder(trace) else { return vec![] };
    let keys = format!("{stack}.{{layer}}.{attention}.k");
    trace.known_layers().into_iter().filter(|&l| trace.layer_has(&keys, l)).collect()
}

/// The multiplications of all short convolutions for one token: two gates, the input, the filters, the way back.
fn convolved(trace: &Trace, stack: &str, d_model: usize) -> usize {
    let out = format!("{stack}.{{layer}}.conv.out");
    let layers = || trace.known_layers().into_iter().filter(|&l| trace.layer_has(&out, l));
    let taps = |l: usize| trace.value(&format!("{stack}.{l}.conv.filter.W"));
    let n_taps = layers().find_map(taps).map_or(0, |taps| taps.shape().rows);
    layers().count() * d_model * (4 * d_model + n_taps)
}

/// The multiplications of all gated delta nets for one token: the maps, the filters, what the key finds, what is written,
/// what the query finds, the way back.
fn delta_nets(trace: &Trace, stack: &str, d_model: usize) -> usize {
    let state = format!("{stack}.{{layer}}.delta.state");
    let layers = || trace.known_layers().into_iter().filter(|&l| trace.layer_has(&state, l));
    let of_layer = |l: usize| {
        let shape = |of: &str| trace.value(&format!("{stack}.{l}.delta.{of}")).map(Value::shape);
        let (states, filters, values) = (shape("state")?, shape("conv.W")?, shape("concat")?);
        let maps = d_model * (filters.cols + 2 * values.cols + 2 * states.planes);
        Some(maps + filters.len() + 3 * states.planes * states.cols)
    };
    layers().find_map(of_layer).map_or(0, |of_layer| layers().count() * of_layer)
}

/// The multiplications of all state spaces for one token: the maps, the filters, what is written, what is read, the way
/// back.
fn state_spaces(trace: &Trace, stack: &str, d_model: usize) -> usize {
    let state = format!("{stack}.{{layer}}.ssm.state");
    let layers = || trace.known_layers().into_iter().filter(|&l| trace.layer_has(&state, l));
    let of_layer = |l: usize| {
        let shape = |of: &str| trace.value(&format!("{stack}.{l}.ssm.{of}")).map(Value::shape);
        let (states, filters, inner) = (shape("state")?, shape("conv.W")?, shape("concat")?);
        let maps = d_model * (filters.cols + 2 * inner.cols + states.planes);
        Some(maps + filters.len() + 2 * states.planes * states.cols)
    };
    layers().find_map(of_layer).map_or(0, |of_layer| layers().count() * of_layer)
}

/// The multiplications of what all layers have of their own of one token: the map from its embedding, the gates, the
/// ways back.
fn layer_embeddings(trace: &Trace, d_model: usize) -> usize {
    let map = trace.value("tokens.ple.W_P").map_or(0, |map| map.shape().len());
    let width =
        |l: usize| trace.shape_in("blocks.{layer}.ple.gated", l).map_or(0, |shape| shape.cols);
    let widths: usize = trace.known_layers().into_iter().map(width).sum();
    map + 2 * d_model * widths
}

/// The multiplications of a layer's feed-forward network, or of a router and the experts that it chooses, for one token.
fn fed(trace: &Trace, scope: &str, layer: usize, d_model: usize) -> Option<usize> {
    let feed = |of: &str| trace.shape_in(&format!("{scope}.{of}"), layer);
    let Some(router) = feed("router.logits") else {
        let n_maps = if feed("gate").is_some() { 3 } else { 2 };
        return Some(d_model * n_maps * feed("hidden")?.cols);
    };
    let (experts, shared) = (feed("experts.hidden")?, feed("shared.hidden"));
    let n_units = experts.planes * experts.cols + shared.map_or(0, |shape| shape.cols);
    let n_maps = if feed("experts.gate").is_some() { 3 } else { 2 };
    Some(d_model * (n_maps * n_units + router.cols))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_those_of_a_loop_over_products() {
        // Products by their sizes (rows, inner, columns), for 2 layers, step 3, 5 source words.
        let sizes = CacheSizes {
            n_layers: 2,
            d_model: 6,
            d_q: 2 * 6,
            d_kv: 2 * 6,
            d_made: 2 * 12,
            fed: 2 * 6 * (7 + 7),
            latent: None,
            vocab: 11,
            n_source: 5,
        };
        let count = |products: &[(usize, usize, usize)]| -> usize {
            products.iter().map(|(a, b, c)| a * b * c).sum()
        };
        let one_row = [
            (1, 6, 18), // q, k, v of the new row
            (1, 6, 4),  // scores against four keys
            (1, 4, 6),  // weighted sum of four values
            (1, 6, 6),  // out
            (1, 6, 6),  // cross: q
            (1, 6, 5),
            (1, 5, 6),
            (1, 6, 6),
            (1, 6, 7),
            (1, 7, 6),
        ];
        let all_rows = one_row.map(|(a, b, c)| (4 * a, b, c));
        let cross = count(&[(5, 6, 6), (5, 6, 6)]);
        let step = sizes.step(3);
        assert_eq!(step.with, 2 * count(&one_row) + 66);
        assert_eq!(step.without, 2 * (count(&all_rows) + cross) + 66);
        assert_eq!((step.held, step.held_cross), (2 * 2 * 4 * 6, 2 * 2 * 5 * 6));
        let whole = sizes.whole(4);
        assert_eq!(whole.with, (0..4).map(|t| sizes.step(t).with).sum::<usize>() + 2 * cross);
        assert_eq!(whole.without, (0..4).map(|t| sizes.step(t).without).sum::<usize>());
    }

    #[test]
    fn a_cache_of_latents_holds_less_and_a_step_reads_them_as_they_are() {
        let (n_heads, rank, shared, own, value, d) = (3, 5, 2, 4, 6, 10);
        let latent = LatentSizes {
            n_heads,
            rank,
            shared,
            own,
            value,
            queries: d * n_heads * (own + shared),
        };
        let (d_q, fed) = (n_heads * (own + shared), 2 * 3 * d * 7);
        let sizes = CacheSizes {
            n_layers: 2,
            d_model: d,
            d_q: 2 * d_q,
            d_kv: 2 * d_q,
            d_made: 0,
            fed,
            latent: Some(latent),
            vocab: 11,
            n_source: 0,
        };
        // Query; what is kept; the shared channels; out.
        let maps = d * d_q + d * rank + d * shared + n_heads * value * d;
        let of_head = own * rank + 4 * (rank + shared) + 4 * rank + rank * value;
        let whole_head = rank * own + rank * value + 4 * (own + shared) + 4 * value;
        let step = sizes.step(3);
        assert_eq!(step.held, 2 * 4 * (rank + shared));
        assert_eq!(step.with, 2 * (maps + n_heads * of_head) + fed + d * 11);
        assert_eq!(step.without, 4 * (2 * (maps + n_heads * whole_head) + fed) + d * 11);
    }
}
