//! The sizes of a model, as far as they are known without running it.

use serde::Serialize;

use crate::{model, weights::Config};

/// None where config.json does not say, or the model has no such thing.
#[derive(Serialize)]
pub struct Sizes {
    pub layers: Option<usize>,
    pub d_model: Option<usize>,
    pub heads: Option<usize>,
    pub kv_heads: Option<usize>,
    pub d_head: Option<usize>,
    /// The same in words, where layers differ.
    #[serde(skip)]
    pub d_heads: Option<String>,
    pub d_ff: Option<usize>,
    /// Of an encoder-decoder, whose other sizes are the encoder's.
    pub decoder_layers: Option<usize>,
    pub decoder_heads: Option<usize>,
    pub decoder_d_ff: Option<usize>,
    /// Of a recurrent model: the width of an embedding, and the units of a layer.
    pub d_embed: Option<usize>,
    pub d_hidden: Option<usize>,
    pub vocabulary: Option<usize>,
    pub context: Option<usize>,
}

const LAYERS: [&str; 5] =
    ["num_hidden_layers", "n_layer", "encoder_layers", "num_layers", "n_layers"];
const D_MODEL: [&str; 5] = ["hidden_size", "n_embd", "d_model", "dim", "embedding_size"];
const HEADS: [&str; 5] =
    ["num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"];
const D_FF: [&str; 5] = ["intermediate_size", "n_inner", "d_ff", "hidden_dim", "encoder_ffn_dim"];
const CONTEXT: [&str; 3] = ["max_position_embeddings", "n_positions", "n_ctx"];

impl Sizes {
    /// From the model if it could be opened, else from its settings alone.
    pub fn of(config: &Config, known: Option<&model::ModelSizes>) -> Self {
        let find = |keys: &[&str]| keys.iter().find_map(|key| config.usize(key).ok());
        let layers = find(&LAYERS);
        let is_translator = config.bool_or("is_encoder_decoder", false).unwrap_or(false);
        let decoder_layers = find(&["decoder_layers", "num_decoder_layers"])
            .or_else(|| layers.filter(|_| is_translator));
        let of_decoder = |keys: &[&str]| decoder_layers.and_then(|_| find(keys));
        // Those of an encoder-decoder are the larger of two.
        let one = known.filter(|_| decoder_layers.is_none());
        Self {
            layers,
            d_model: known.map(|known| known.heads.d_model).or_else(|| find(&D_MODEL)),
            heads: one.map(|one| one.heads.n_heads).or_else(|| find(&HEADS)),
            kv_heads: one
                .map(|one| one.heads.n_kv_heads)
                .or_else(|| find(&["num_key_value_heads"])),
            d_heads: one.map(|one| one.d_heads()),
            d_head: one.map(|one| one.heads.d_head).or_else(|| find(&["head_dim", "d_kv"])),
            d_ff: one.map(|one| one.d_ff).or_else(|| find(&D_FF)).filter(|d_ff| *d_ff > 0),
            decoder_layers,
            decoder_heads: of_decoder(&["decoder_attention_heads", "num_heads"]),
            decoder_d_ff: of_decoder(&["decoder_ffn_dim", "d_ff"]),
            d_embed: find(&["d_embed"]),
            d_hidden: find(&["d_hidden"]),
            vocabulary: known.map(|known| known.n_vocab).or_else(|| find(&["vocab_size"])),
            // A model of states takes any.
            context: known
                .map(|known| known.context)
                .or_else(|| find(&CONTEXT))
                .filter(|context| *context < usize::MAX),
        }
    }
}
