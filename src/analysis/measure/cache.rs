//! The counted size and savings of a key-value cache (Shazeer 2019; Pope et al. 2022).
//!
//! The pass on screen is computed as a whole; the counts are for writing the same output token by token.

use crate::{analysis::trace::Trace, engine::value::Value, model::Name};

/// The sizes that the counts depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSizes {
    pub n_layers: usize,
    pub d_model: usize,
    /// The width of a token's queries; keys may have a smaller one, if heads share them.
    pub d_q: usize,
    pub d_kv: usize,
    /// The hidden units that a token passes through, of all its experts where there are several.
    pub d_ff: usize,
    /// The experts that a router scores; 0 without one.
    pub n_experts: usize,
    /// The linear maps of the feed-forward layer: three if it is gated.
    pub n_fed: usize,
    pub vocab: usize,
    /// The source tokens that cross-attention attends to; 0 without cross-attention.
    pub n_source: usize,
}

/// The counts of one output step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The cached numbers of self-attention's keys and values, this step's included.
    pub held: usize,
    /// The cached numbers of cross-attention, computed once, before the first step.
    pub held_cross: usize,
    /// Multiplications with and without the cache.
    pub with: usize,
    pub without: usize,
}

impl CacheSizes {
    /// The sizes of a pass; None for a model without self-attention in its decoder.
    pub fn of(trace: &Trace) -> Option<Self> {
        let (stack, n_source) = match trace.model {
            Name::Transformer | Name::TransformerUnguided => ("decoder", trace.source.len()),
            Name::DecoderOnly => ("blocks", 0),
            Name::Checkpoint if trace.target.is_empty() => ("blocks", 0),
            _ => return None,
        };
        let table = trace.value("embed.weight")?.shape();
        let attention = if stack == "blocks" { "attn" } else { "self_attn" };
        let width = |of: &str| {
            let shape = trace.value(&format!("{stack}.0.{attention}.{of}"))?.shape();
            Some(shape.planes * shape.cols)
        };
        let feed = |of: &str| trace.value(&format!("{stack}.0.ffn.{of}")).map(Value::shape);
        let n_experts = feed("router.logits").map_or(0, |shape| shape.cols);
        let of_experts = || {
            let (experts, shared) = (feed("experts.hidden")?, feed("shared.hidden"));
            Some(experts.planes * experts.cols + shared.map_or(0, |shape| shape.cols))
        };
        let is_gated = n_experts > 0 || feed("gate").is_some();
        Some(Self {
            d_q: width("q")?,
            d_kv: width("k")?,
            n_fed: if is_gated { 3 } else { 2 },
            n_layers: trace.n_layers(&format!("{stack}.{{layer}}.ffn.out")),
            d_model: table.cols,
            d_ff: feed("hidden").map(|shape| shape.cols).or_else(of_experts)?,
            n_experts,
            vocab: table.rows,
            n_source,
        })
    }

    /// The counts of step `t`, from 0: `t` rows are cached, one is added.
    pub fn step(self, t: usize) -> Step {
        let Self { n_layers, d_model: d, vocab, n_source, .. } = self;
        let n = t + 1;
        Step {
            held: 2 * n_layers * n * self.d_kv,
            held_cross: 2 * n_layers * n_source * d,
            with: n_layers * self.rows(1, n) + d * vocab,
            without: n_layers * (self.rows(n, n) + self.cross_keys()) + d * vocab,
        }
    }

    /// Multiplications for an output of `n` tokens, with and without the cache.
    pub fn whole(self, n: usize) -> (usize, usize) {
        let steps = (0..n).map(|t| self.step(t));
        let (with, without) =
            steps.fold((0, 0), |sum, step| (sum.0 + step.with, sum.1 + step.without));
        (with + self.n_layers * self.cross_keys(), without)
    }

    /// The multiplications of one layer for `rows` rows that attend to `keys` keys: projections, scores and weighted
    /// sums of self-attention and cross-attention, feed-forward.
    fn rows(self, rows: usize, keys: usize) -> usize {
        let Self { d_model: d, d_q, d_kv, d_ff, n_fed, n_source, n_experts, .. } = self;
        let cross = if n_source == 0 { 0 } else { 2 * d * d + 2 * n_source * d };
        rows * (2 * d * (d_q + d_kv) + 2 * keys * d_q + cross + d * (n_fed * d_ff + n_experts))
    }

    /// The multiplications for one layer's keys and values of the source tokens.
    fn cross_keys(self) -> usize {
        2 * self.n_source * self.d_model * self.d_model
    }
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
            d_q: 6,
            d_kv: 6,
            d_ff: 7,
            n_experts: 0,
            n_fed: 2,
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
        assert_eq!(whole.0, (0..4).map(|t| sizes.step(t).with).sum::<usize>() + 2 * cross);
        assert_eq!(whole.1, (0..4).map(|t| sizes.step(t).without).sum::<usize>());
    }
}
