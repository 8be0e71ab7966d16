//! GGUF tensor names translated to Hugging Face's, and back.

/// The name translation of some architectures; a stem is the name without `.weight` or `.bias`.
struct Scheme {
    architectures: &'static [&'static str],
    whole: &'static [(&'static str, &'static str)],
    /// What stands before the number of a layer.
    in_file: &'static str,
    /// The same in Hugging Face's names.
    block: &'static str,
    /// Parts that go before those below.
    own: &'static [(&'static str, &'static str)],
    parts: &'static [(&'static str, &'static str)],
}

const BLOCK: &str = "blk.";

/// The parts of a Llama's layer.
const LLAMA: &[(&str, &str)] = &[
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
    ("attn_sinks", "self_attn.sinks"),
    ("ffn_gate_inp", "mlp.gate"),
    ("ffn_gate_exps", "mlp.experts.gate_proj"),
    ("ffn_up_exps", "mlp.experts.up_proj"),
    ("ffn_gate_up_exps", "mlp.experts.gate_up_proj"),
    ("ffn_down_exps", "mlp.experts.down_proj"),
    ("ffn_gate_inp_shexp", "mlp.shared_expert_gate"),
    ("ffn_gate_shexp", "mlp.shared_expert.gate_proj"),
    ("ffn_up_shexp", "mlp.shared_expert.up_proj"),
    ("ffn_down_shexp", "mlp.shared_expert.down_proj"),
    ("exp_probs_b", "mlp.gate.e_score_correction"),
    ("attn_q_a", "self_attn.q_a_proj"),
    ("attn_q_a_norm", "self_attn.q_a_layernorm"),
    ("attn_q_b", "self_attn.q_b_proj"),
    ("attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa"),
    ("attn_kv_a_norm", "self_attn.kv_a_layernorm"),
    ("attn_kv_b", "self_attn.kv_b_proj"),
    ("attn_k_b", "self_attn.k_b_proj"),
    ("attn_v_b", "self_attn.v_b_proj"),
];

/// What stands around the layers of a Llama.
const LLAMA_WHOLE: &[(&str, &str)] = &[
    ("token_embd", "model.embed_tokens"),
    ("output_norm", "model.norm"),
    ("output", "lm_head"),
    // The maps after the pooling of EmbeddingGemma, and its last norm as Ollama calls them.
    ("dense_2", "2_Dense.linear"),
    ("dense_3", "3_Dense.linear"),
    ("dense.0", "2_Dense.linear"),
    ("dense.1", "3_Dense.linear"),
    ("norm", "model.norm"),
];

/// EmbeddingGemma.
pub const GEMMA_EMBEDDING: &str = "gemma-embedding";

/// A family whose layers have other names than a Llama's for some parts.
const fn like_llama(
    architectures: &'static [&'static str],
    own: &'static [(&'static str, &'static str)],
) -> Scheme {
    Scheme {
        architectures,
        whole: LLAMA_WHOLE,
        in_file: BLOCK,
        block: "model.layers.",
        own,
        parts: LLAMA,
    }
}

/// The parts of layers with BLOOM's names, which Falcon took over.
const BLOOM: &[(&str, &str)] = &[
    ("attn_norm", "input_layernorm"),
    ("attn_norm_2", "ln_attn"),
    ("attn_qkv", "self_attention.query_key_value"),
    ("attn_output", "self_attention.dense"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_up", "mlp.dense_h_to_4h"),
    ("ffn_down", "mlp.dense_4h_to_h"),
];

const MAMBA2: Scheme = Scheme {
    architectures: &["mamba2"],
    whole: &[
        ("token_embd", "backbone.embeddings"),
        ("output_norm", "backbone.norm_f"),
        ("output", "lm_head"),
    ],
    in_file: BLOCK,
    block: "backbone.layers.",
    own: &[],
    parts: &[
        ("attn_norm", "norm"),
        ("ssm_in", "mixer.in_proj"),
        ("ssm_conv1d", "mixer.conv1d"),
        ("ssm_dt", "mixer.dt_proj"),
        ("ssm_a", "mixer.A_log"),
        ("ssm_d", "mixer.D"),
        ("ssm_norm", "mixer.norm"),
        ("ssm_out", "mixer.out_proj"),
    ],
};

const LFM2: Scheme = Scheme {
    architectures: &["lfm2"],
    whole: &[
        ("token_embd", "model.embed_tokens"),
        ("token_embd_norm", "model.embedding_norm"),
        ("output_norm", "model.embedding_norm"),
        ("output", "lm_head"),
    ],
    in_file: BLOCK,
    block: "model.layers.",
    own: &[
        ("attn_norm", "operator_norm"),
        ("attn_output", "self_attn.out_proj"),
        ("attn_q_norm", "self_attn.q_layernorm"),
        ("attn_k_norm", "self_attn.k_layernorm"),
        ("ffn_norm", "ffn_norm"),
        ("ffn_gate", "feed_forward.w1"),
        ("ffn_up", "feed_forward.w3"),
        ("ffn_down", "feed_forward.w2"),
        ("shortconv.conv", "conv.conv"),
        ("shortconv.in_proj", "conv.in_proj"),
        ("shortconv.out_proj", "conv.out_proj"),
    ],
    parts: LLAMA,
};

/// Qwen3.5's and Qwen3-Next's; older files of the latter have `ssm_in`.
const QWEN_HYBRID: Scheme = like_llama(
    &["qwen35", "qwen35moe", "qwen3next"],
    &[
        ("post_attention_norm", "post_attention_layernorm"),
        ("attn_qkv", "linear_attn.in_proj_qkv"),
        ("attn_gate", "linear_attn.in_proj_z"),
        ("ssm_beta", "linear_attn.in_proj_b"),
        ("ssm_alpha", "linear_attn.in_proj_a"),
        ("ssm_in", "linear_attn.in_proj_qkvz"),
        ("ssm_ba", "linear_attn.in_proj_ba"),
        ("ssm_conv1d", "linear_attn.conv1d"),
        ("ssm_dt", "linear_attn.dt_proj"),
        ("ssm_a", "linear_attn.A_log"),
        ("ssm_norm", "linear_attn.norm"),
        ("ssm_out", "linear_attn.out_proj"),
    ],
);

const GEMMA4: Scheme = Scheme {
    architectures: &["gemma4"],
    whole: &[
        ("token_embd", "model.embed_tokens"),
        ("output_norm", "model.norm"),
        ("output", "lm_head"),
        ("per_layer_token_embd", "model.embed_tokens_per_layer"),
        ("per_layer_model_proj", "model.per_layer_model_projection"),
        ("per_layer_proj_norm", "model.per_layer_projection_norm"),
    ],
    in_file: BLOCK,
    block: "model.layers.",
    own: &[
        ("post_attention_norm", "post_attention_layernorm"),
        ("ffn_norm", "pre_feedforward_layernorm"),
        ("post_ffw_norm", "post_feedforward_layernorm"),
        ("layer_output_scale", "layer_scalar"),
        ("inp_gate", "per_layer_input_gate"),
        ("proj", "per_layer_projection"),
        ("post_norm", "post_per_layer_input_norm"),
        ("pre_ffw_norm_2", "pre_feedforward_layernorm_2"),
        ("post_ffw_norm_1", "post_feedforward_layernorm_1"),
        ("post_ffw_norm_2", "post_feedforward_layernorm_2"),
    ],
    parts: LLAMA,
};

/// The names of attention and norm that both stacks of T5 have.
const T5: &[(&str, &str)] = &[
    ("attn_norm", "layer.0.layer_norm"),
    ("attn_q", "layer.0.SelfAttention.q"),
    ("attn_k", "layer.0.SelfAttention.k"),
    ("attn_v", "layer.0.SelfAttention.v"),
    ("attn_o", "layer.0.SelfAttention.o"),
    ("attn_rel_b", "layer.0.SelfAttention.relative_attention_bias"),
];

const T5_ENCODER: Scheme = Scheme {
    architectures: &["t5", "t5encoder"],
    whole: &[
        ("token_embd", "shared"),
        ("enc.output_norm", "encoder.final_layer_norm"),
        ("output", "lm_head"),
    ],
    in_file: "enc.blk.",
    block: "encoder.block.",
    own: &[
        ("ffn_norm", "layer.1.layer_norm"),
        ("ffn_gate", "layer.1.DenseReluDense.wi_0"),
        ("ffn_up", "layer.1.DenseReluDense.wi_1"),
        ("ffn_down", "layer.1.DenseReluDense.wo"),
    ],
    parts: T5,
};

const T5_DECODER: Scheme = Scheme {
    architectures: &["t5"],
    whole: &[("dec.output_norm", "decoder.final_layer_norm")],
    in_file: "dec.blk.",
    block: "decoder.block.",
    own: &[
        ("cross_attn_norm", "layer.1.layer_norm"),
        ("cross_attn_q", "layer.1.EncDecAttention.q"),
        ("cross_attn_k", "layer.1.EncDecAttention.k"),
        ("cross_attn_v", "layer.1.EncDecAttention.v"),
        ("cross_attn_o", "layer.1.EncDecAttention.o"),
        ("cross_attn_rel_b", "layer.1.EncDecAttention.relative_attention_bias"),
        ("ffn_norm", "layer.2.layer_norm"),
        ("ffn_gate", "layer.2.DenseReluDense.wi_0"),
        ("ffn_up", "layer.2.DenseReluDense.wi_1"),
        ("ffn_down", "layer.2.DenseReluDense.wo"),
    ],
    parts: T5,
};

static SCHEMES: [Scheme; 22] = [
    T5_ENCODER,
    T5_DECODER,
    GEMMA4,
    MAMBA2,
    LFM2,
    QWEN_HYBRID,
    Scheme {
        architectures: &["gptneox"],
        whole: &[
            ("token_embd", "gpt_neox.embed_in"),
            ("output_norm", "gpt_neox.final_layer_norm"),
            ("output", "embed_out"),
        ],
        in_file: BLOCK,
        block: "gpt_neox.layers.",
        own: &[("attn_qkv", "attention.query_key_value"), ("attn_output", "attention.dense")],
        parts: BLOOM,
    },
    Scheme {
        architectures: &["bloom", "falcon"],
        whole: &[
            ("token_embd", "transformer.word_embeddings"),
            ("token_embd_norm", "transformer.word_embeddings_layernorm"),
            ("output_norm", "transformer.ln_f"),
            ("output", "lm_head"),
        ],
        in_file: BLOCK,
        block: "transformer.h.",
        own: &[],
        parts: BLOOM,
    },
    Scheme {
        architectures: &["mpt"],
        whole: &[
            ("token_embd", "transformer.wte"),
            ("output_norm", "transformer.norm_f"),
            ("output", "lm_head"),
        ],
        in_file: BLOCK,
        block: "transformer.blocks.",
        own: &[],
        parts: &[
            ("attn_norm", "norm_1"),
            ("attn_qkv", "attn.Wqkv"),
            ("attn_output", "attn.out_proj"),
            ("ffn_norm", "norm_2"),
            ("ffn_up", "ffn.up_proj"),
            ("ffn_down", "ffn.down_proj"),
        ],
    },
    Scheme {
        architectures: &["phi2"],
        whole: &[
            ("token_embd", "model.embed_tokens"),
            ("output_norm", "model.final_layernorm"),
            ("output", "lm_head"),
        ],
        in_file: BLOCK,
        block: "model.layers.",
        own: &[("attn_output", "self_attn.dense"), ("ffn_up", "mlp.fc1"), ("ffn_down", "mlp.fc2")],
        parts: LLAMA,
    },
    like_llama(
        &[
            "llama",
            "qwen2",
            "qwen3",
            "qwen2vl",
            "qwen25vl",
            "qwen3vl",
            "mistral3",
            "smollm3",
            "granite",
            "gemma",
            "qwen2moe",
            "qwen3moe",
            "qwen3vlmoe",
            "olmoe",
            "granitemoe",
            "stablelm",
            "command-r",
            "cohere2",
            "deepseek2",
            "arcee",
            "ernie4_5",
            "hunyuan-dense",
            "hunyuan-moe",
            "minimax-m2",
            "nemotron",
            "olmo",
        ],
        &[],
    ),
    like_llama(&["starcoder2"], &[("ffn_up", "mlp.c_fc"), ("ffn_down", "mlp.c_proj")]),
    like_llama(
        &["glm4"],
        &[
            ("post_attention_norm", "post_self_attn_layernorm"),
            ("post_ffw_norm", "post_mlp_layernorm"),
            ("ffn_up", "mlp.gate_up_proj"),
        ],
    ),
    like_llama(
        &["gpt-oss", "seed_oss", "glm4moe"],
        &[("post_attention_norm", "post_attention_layernorm")],
    ),
    like_llama(&["gptoss"], &[("attn_out", "self_attn.o_proj")]),
    like_llama(
        &["olmo2", "olmo3", "exaone4"],
        &[
            ("post_attention_norm", "post_attention_layernorm"),
            ("post_ffw_norm", "post_feedforward_layernorm"),
        ],
    ),
    like_llama(
        &["gemma2", "gemma3", GEMMA_EMBEDDING],
        &[
            ("post_attention_norm", "post_attention_layernorm"),
            ("ffn_norm", "pre_feedforward_layernorm"),
            ("post_ffw_norm", "post_feedforward_layernorm"),
        ],
    ),
    like_llama(&["phi3"], &[("attn_qkv", "self_attn.qkv_proj"), ("ffn_up", "mlp.gate_up_proj")]),
    Scheme {
        architectures: &["gpt2"],
        whole: &[
            ("token_embd", "transformer.wte"),
            ("position_embd", "transformer.wpe"),
            ("output_norm", "transformer.ln_f"),
            ("output", "lm_head"),
        ],
        in_file: BLOCK,
        block: "transformer.h.",
        own: &[],
        parts: &[
            ("attn_norm", "ln_1"),
            ("attn_qkv", "attn.c_attn"),
            ("attn_output", "attn.c_proj"),
            ("ffn_norm", "ln_2"),
            ("ffn_up", "mlp.c_fc"),
            ("ffn_down", "mlp.c_proj"),
        ],
    },
    Scheme {
        architectures: &["gptj"],
        whole: &[
            ("token_embd", "transformer.wte"),
            ("output_norm", "transformer.ln_f"),
            ("output", "lm_head"),
        ],
        in_file: BLOCK,
        block: "transformer.h.",
        own: &[],
        parts: &[
            ("attn_norm", "ln_1"),
            ("attn_q", "attn.q_proj"),
            ("attn_k", "attn.k_proj"),
            ("attn_v", "attn.v_proj"),
            ("attn_output", "attn.out_proj"),
            ("ffn_up", "mlp.fc_in"),
            ("ffn_down", "mlp.fc_out"),
        ],
    },
    Scheme {
        architectures: &["bert"],
        whole: &[
            ("token_embd", "embeddings.word_embeddings"),
            ("token_types", "embeddings.token_type_embeddings"),
            ("position_embd", "embeddings.position_embeddings"),
            ("token_embd_norm", "embeddings.LayerNorm"),
        ],
        in_file: BLOCK,
        block: "encoder.layer.",
        own: &[],
        parts: &[
            ("attn_q", "attention.self.query"),
            ("attn_k", "attention.self.key"),
            ("attn_v", "attention.self.value"),
            ("attn_output", "attention.output.dense"),
            ("attn_output_norm", "attention.output.LayerNorm"),
            ("ffn_up", "intermediate.dense"),
            ("ffn_down", "output.dense"),
            ("layer_output_norm", "output.LayerNorm"),
        ],
    },
    Scheme {
        architectures: &["nomic-bert"],
        whole: &[
            ("token_embd", "embeddings.word_embeddings"),
            ("token_types", "embeddings.token_type_embeddings"),
            ("token_embd_norm", "emb_ln"),
        ],
        in_file: BLOCK,
        block: "encoder.layers.",
        own: &[],
        parts: &[
            ("attn_qkv", "attn.Wqkv"),
            ("attn_output", "attn.out_proj"),
            ("attn_output_norm", "norm1"),
            ("ffn_up", "mlp.fc11"),
            ("ffn_gate", "mlp.fc12"),
            ("ffn_down", "mlp.fc2"),
            ("layer_output_norm", "norm2"),
        ],
    },
];

/// Whether GGUF files of this architecture are read.
pub fn is_in_gguf(architecture: &str) -> bool {
    of(architecture).next().is_some()
}

/// Hugging Face's name of a tensor; the GGUF name if there is none.
pub fn translated(architecture: &str, name: &str) -> String {
    let found = of(architecture).find_map(|scheme| scheme.translation(name));
    found.unwrap_or_else(|| name.to_owned())
}

/// The GGUF name of a tensor, given Hugging Face's.
pub fn name_in_file(architecture: &str, name: &str) -> Option<String> {
    of(architecture).find_map(|scheme| scheme.name_in_file(name))
}

/// The schemes of an architecture: one for each stack of layers.
fn of(architecture: &str) -> impl Iterator<Item = &'static Scheme> {
    SCHEMES.iter().filter(move |scheme| scheme.architectures.contains(&architecture))
}

impl Scheme {
    /// Hugging Face's name of a part of a layer.
    fn part(&self, theirs: &str) -> Option<&'static str> {
        ours_of(self.own, theirs).or_else(|| ours_of(self.parts, theirs))
    }

    fn translation(&self, name: &str) -> Option<String> {
        let (stem, kind) = name.rsplit_once('.')?;
        if let Some(ours) = ours_of(self.whole, stem) {
            return Some(format!("{ours}.{kind}"));
        }
        let within = stem.strip_prefix(self.in_file)?;
        let Some((layer, part)) = within.split_once('.') else {
            // A name without an ending: `blk.0.ssm_a`; Ollama's `blk.0.ssm_dt` and `blk.0.attn_sinks` have one elsewhere.
            let ending = match kind {
                "ssm_dt" => ".bias",
                "attn_sinks" => ".weight",
                _ => "",
            };
            return Some(format!("{}{within}.{}{ending}", self.block, self.part(kind)?));
        };
        let ours = match part.split_once('.') {
            // Older files have the experts apart: `ffn_gate.3`.
            Some((part, expert)) if expert.bytes().all(|b| b.is_ascii_digit()) => {
                format!("mlp.experts.{expert}.{}", self.part(part)?.strip_prefix("mlp.")?)
            }
            _ => self.part(part)?.to_owned(),
        };
        Some(format!("{}{layer}.{ours}.{kind}", self.block))
    }

    fn name_in_file(&self, name: &str) -> Option<String> {
        let (stem, kind) = name.rsplit_once('.')?;
        if let Some(theirs) = theirs_of(self.whole, stem) {
            return Some(format!("{theirs}.{kind}"));
        }
        let (layer, part) = stem.strip_prefix(self.block)?.split_once('.')?;
        let find = |part| theirs_of(self.own, part).or_else(|| theirs_of(self.parts, part));
        let in_file = self.in_file;
        match find(part) {
            Some(theirs) => Some(format!("{in_file}{layer}.{theirs}.{kind}")),
            // A name without an ending: `backbone.layers.0.mixer.D`.
            None => Some(format!("{in_file}{layer}.{}", find(&format!("{part}.{kind}"))?)),
        }
    }
}

/// Hugging Face's name in a row of a table.
fn ours_of(table: &[(&str, &'static str)], theirs: &str) -> Option<&'static str> {
    table.iter().find(|row| row.0 == theirs).map(|row| row.1)
}

/// GGUF's name in a row of a table.
fn theirs_of(table: &[(&'static str, &str)], ours: &str) -> Option<&'static str> {
    table.iter().find(|row| row.1 == ours).map(|row| row.0)
}

/// Whether the file has (out, in) where Hugging Face has (in, out): GPT-2's maps.
pub fn is_transposed(architecture: &str, name: &str) -> bool {
    const MAPS: [&str; 4] = ["attn_qkv", "attn_output", "ffn_up", "ffn_down"];
    let part = name.strip_prefix(BLOCK).and_then(|rest| rest.split_once('.'));
    let stem = part.and_then(|(_, part)| part.strip_suffix(".weight"));
    architecture == "gpt2" && stem.is_some_and(|stem| MAPS.contains(&stem))
}

/// The architectures whose queries and keys have rotated pairs side by side.
const INTERLEAVED: [&str; 7] =
    ["llama", "smollm3", "mistral3", "granite", "granitemoe", "arcee", "olmo"];

/// The number of heads whose rows are interleaved in this tensor, as they are for [`INTERLEAVED`]; None
/// if they are in order. `queries` and `keys` count heads.
pub fn interleaved_heads(architecture: &str, name: &str, queries: u64, keys: u64) -> Option<u64> {
    let part = name.strip_prefix(BLOCK)?.split_once('.')?.1.split('.').next()?;
    let heads = [("attn_q", queries), ("attn_k", keys)];
    let found = heads.iter().find(|(stem, _)| *stem == part && INTERLEAVED.contains(&architecture));
    found.map(|(_, heads)| *heads)
}
