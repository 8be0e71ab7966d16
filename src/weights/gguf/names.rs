//! GGUF tensor names translated to Hugging Face's, and back.

/// The name translation of some architectures; a stem is the name without `.weight` or `.bias`.
struct Scheme {
    architectures: &'static [&'static str],
    whole: &'static [(&'static str, &'static str)],
    /// Hugging Face's prefix in place of `blk.`
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
const LLAMA_WHOLE: &[(&str, &str)] =
    &[("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head")];

/// A family whose layers have other names than a Llama's for some parts.
const fn like_llama(
    architectures: &'static [&'static str],
    own: &'static [(&'static str, &'static str)],
) -> Scheme {
    Scheme { architectures, whole: LLAMA_WHOLE, block: "model.layers.", own, parts: LLAMA }
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

static SCHEMES: [Scheme; 17] = [
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
            "olmoe",
            "granitemoe",
            "stablelm",
            "command-r",
            "cohere2",
            "deepseek2",
        ],
        &[],
    ),
    like_llama(&["starcoder2"], &[("ffn_up", "mlp.c_fc"), ("ffn_down", "mlp.c_proj")]),
    like_llama(&["gpt-oss"], &[("post_attention_norm", "post_attention_layernorm")]),
    like_llama(
        &["olmo2"],
        &[
            ("post_attention_norm", "post_attention_layernorm"),
            ("post_ffw_norm", "post_feedforward_layernorm"),
        ],
    ),
    like_llama(
        &["gemma2", "gemma3"],
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
        architectures: &["bert"],
        whole: &[
            ("token_embd", "embeddings.word_embeddings"),
            ("token_types", "embeddings.token_type_embeddings"),
            ("position_embd", "embeddings.position_embeddings"),
            ("token_embd_norm", "embeddings.LayerNorm"),
        ],
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
    SCHEMES.iter().any(|scheme| scheme.architectures.contains(&architecture))
}

/// Hugging Face's name of a tensor; the GGUF name if there is none.
pub fn translated(architecture: &str, name: &str) -> String {
    translation(architecture, name).unwrap_or_else(|| name.to_owned())
}

fn translation(architecture: &str, name: &str) -> Option<String> {
    let scheme = SCHEMES.iter().find(|s| s.architectures.contains(&architecture))?;
    let (stem, kind) = name.rsplit_once('.')?;
    let find = |table: &[(&str, &'static str)], stem: &str| {
        table.iter().find(|(theirs, _)| *theirs == stem).map(|(_, ours)| *ours)
    };
    if let Some(ours) = find(scheme.whole, stem) {
        return Some(format!("{ours}.{kind}"));
    }
    let within = stem.strip_prefix(BLOCK)?;
    let find = |part| find(scheme.own, part).or_else(|| find(scheme.parts, part));
    let Some((layer, part)) = within.split_once('.') else {
        // A name without an ending: `blk.0.ssm_a`.
        return Some(format!("{}{within}.{}", scheme.block, find(kind)?));
    };
    let ours = match part.split_once('.') {
        // Older files have the experts apart: `ffn_gate.3`.
        Some((part, expert)) if expert.bytes().all(|b| b.is_ascii_digit()) => {
            format!("mlp.experts.{expert}.{}", find(part)?.strip_prefix("mlp.")?)
        }
        _ => find(part)?.to_owned(),
    };
    Some(format!("{}{layer}.{ours}.{kind}", scheme.block))
}

/// The GGUF name of a tensor, given Hugging Face's.
pub fn name_in_file(architecture: &str, name: &str) -> Option<String> {
    let scheme = SCHEMES.iter().find(|s| s.architectures.contains(&architecture))?;
    let (stem, kind) = name.rsplit_once('.')?;
    let find = |table: &[(&'static str, &str)], stem: &str| {
        table.iter().find(|(_, ours)| *ours == stem).map(|(theirs, _)| *theirs)
    };
    if let Some(theirs) = find(scheme.whole, stem) {
        return Some(format!("{theirs}.{kind}"));
    }
    let (layer, part) = stem.strip_prefix(scheme.block)?.split_once('.')?;
    let find = |part: &str| find(scheme.own, part).or_else(|| find(scheme.parts, part));
    match find(part) {
        Some(theirs) => Some(format!("{BLOCK}{layer}.{theirs}.{kind}")),
        // A name without an ending: `backbone.layers.0.mixer.D`.
        None => Some(format!("{BLOCK}{layer}.{}", find(&format!("{part}.{kind}"))?)),
    }
}

/// Whether the file has (out, in) where Hugging Face has (in, out): GPT-2's maps.
pub fn is_transposed(architecture: &str, name: &str) -> bool {
    const MAPS: [&str; 4] = ["attn_qkv", "attn_output", "ffn_up", "ffn_down"];
    let part = name.strip_prefix(BLOCK).and_then(|rest| rest.split_once('.'));
    let stem = part.and_then(|(_, part)| part.strip_suffix(".weight"));
    architecture == "gpt2" && stem.is_some_and(|stem| MAPS.contains(&stem))
}

/// The architectures whose queries and keys have rotated pairs side by side.
const INTERLEAVED: [&str; 5] = ["llama", "smollm3", "mistral3", "granite", "granitemoe"];

/// The number of heads whose rows are interleaved in this tensor, as they are for [`INTERLEAVED`]; None
/// if they are in order. `queries` and `keys` count heads.
pub fn interleaved_heads(architecture: &str, name: &str, queries: u64, keys: u64) -> Option<u64> {
    let part = name.strip_prefix(BLOCK)?.split_once('.')?.1.split('.').next()?;
    let heads = [("attn_q", queries), ("attn_k", keys)];
    let found = heads.iter().find(|(stem, _)| *stem == part && INTERLEAVED.contains(&architecture));
    found.map(|(_, heads)| *heads)
}
