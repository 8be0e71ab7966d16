//! The sizes of a model, as far as they are known without running it.

use serde::Serialize;

use crate::{checkpoint::Config, model};

/// None where config.json does not say.
#[derive(Serialize)]
pub struct Sizes {
    pub layers: Option<usize>,
    /// Of an encoder-decoder; then `layers` are the encoder's.
    pub decoder_layers: Option<usize>,
    pub d_model: Option<usize>,
    pub heads: Option<usize>,
    pub kv_heads: Option<usize>,
    pub d_ff: Option<usize>,
    pub vocabulary: Option<usize>,
    pub context: Option<usize>,
}

impl Sizes {
    /// From the model if it could be opened, else from its settings alone.
    pub fn of(config: &Config, known: Option<model::Sizes>) -> Self {
        let find = |keys: &[&str]| keys.iter().find_map(|key| config.usize(key).ok());
        let heads = known.map(|known| known.heads);
        Self {
            layers: find(&[
                "num_hidden_layers",
                "n_layer",
                "encoder_layers",
                "num_layers",
                "n_layers",
            ]),
            decoder_layers: find(&["decoder_layers", "num_decoder_layers"]),
            d_model: heads
                .map(|heads| heads.d_model)
                .or_else(|| find(&["hidden_size", "n_embd", "d_model", "dim", "embedding_size"])),
            heads: heads.map(|heads| heads.n_heads).or_else(|| {
                find(&[
                    "num_attention_heads",
                    "n_head",
                    "n_heads",
                    "num_heads",
                    "encoder_attention_heads",
                ])
            }),
            kv_heads: heads
                .map(|heads| heads.n_kv_heads)
                .or_else(|| find(&["num_key_value_heads"])),
            d_ff: known.map(|known| known.d_ff).or_else(|| {
                find(&["intermediate_size", "n_inner", "d_ff", "hidden_dim", "encoder_ffn_dim"])
            }),
            vocabulary: known.map(|known| known.n_vocab).or_else(|| find(&["vocab_size"])),
            context: known
                .map(|known| known.context)
                .or_else(|| find(&["max_position_embeddings", "n_positions", "n_ctx"])),
        }
    }
}
