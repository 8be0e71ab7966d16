//! GGUF metadata translated to the settings of Hugging Face's config.json.

mod gemma4;

use serde_json::{Map, Value as Json, json};

use super::{
    metadata::{Meta, Metadata},
    names::GEMMA_EMBEDDING,
};

/// GGUF's key after the architecture's name, and Hugging Face's.
type Row = (&'static str, &'static str);

static COMMON: &[Row] = &[
    ("block_count", "num_hidden_layers"),
    ("embedding_length", "hidden_size"),
    ("feed_forward_length", "intermediate_size"),
    ("context_length", "max_position_embeddings"),
    ("attention.head_count", "num_attention_heads"),
    ("attention.head_count_kv", "num_key_value_heads"),
    ("attention.key_length", "head_dim"),
    ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
    ("attention.layer_norm_epsilon", "layer_norm_eps"),
    ("attention.sliding_window", "sliding_window"),
    ("rope.freq_base", "rope_theta"),
    ("rope.freq_base_swa", "rope_local_base_freq"),
    // As Ollama's own files call these two, and the third.
    ("rope.global.freq_base", "rope_theta"),
    ("rope.local.freq_base", "rope_local_base_freq"),
    ("rope.scaling_beta", "llama_4_scaling_beta"),
    ("rope.dimension_count", "rotary_dim"),
    ("attention.scale", "attention_multiplier"),
    ("attention.temperature_scale", "llama_4_scaling_beta"),
    ("rope.scaling.original_context_length", "original_max_position_embeddings"),
    ("attn_logit_softcapping", "attn_logit_softcapping"),
    ("final_logit_softcapping", "final_logit_softcapping"),
    ("embedding_scale", "embedding_multiplier"),
    ("residual_scale", "residual_multiplier"),
    ("logit_scale", "logit_scale"),
    ("expert_count", "num_local_experts"),
    ("expert_used_count", "num_experts_per_tok"),
    ("expert_feed_forward_length", "moe_intermediate_size"),
    ("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
    ("expert_weights_norm", "norm_topk_prob"),
    ("expert_shared_count", "n_shared_experts"),
    ("expert_weights_scale", "routed_scaling_factor"),
    ("expert_gating_func", "expert_gating_func"),
    ("expert_group_count", "n_group"),
    ("expert_group_used_count", "topk_group"),
    ("leading_dense_block_count", "first_k_dense_replace"),
    ("attention.q_lora_rank", "q_lora_rank"),
    ("attention.kv_lora_rank", "kv_lora_rank"),
    ("attention.key_length_mla", "qk_head_dim"),
    ("attention.value_length", "v_head_dim"),
    ("attention.value_length_mla", "v_head_dim"),
    ("use_parallel_residual", "use_parallel_residual"),
    ("attention.max_alibi_bias", "alibi_bias_max"),
    ("attention.clamp_kqv", "clip_qkv"),
    ("pooling_type", "pooling_type"),
    ("ssm.conv_kernel", "conv_kernel"),
    ("ssm.inner_size", "ssm_inner_size"),
    ("ssm.state_size", "state_size"),
    ("ssm.time_step_rank", "num_heads"),
    ("ssm.group_count", "n_groups"),
    ("shortconv.l_cache", "conv_L_cache"),
    ("attention.shared_kv_layers", "num_kv_shared_layers"),
    ("embedding_length_per_layer_input", "hidden_size_per_layer_input"),
];

static GPT2: &[Row] = &[
    ("block_count", "n_layer"),
    ("embedding_length", "n_embd"),
    ("feed_forward_length", "n_inner"),
    ("context_length", "n_positions"),
    ("attention.head_count", "n_head"),
    ("attention.layer_norm_epsilon", "layer_norm_epsilon"),
    ("rope.dimension_count", "rotary_dim"),
];

static T5: &[Row] = &[
    ("block_count", "num_layers"),
    ("decoder_block_count", "num_decoder_layers"),
    ("embedding_length", "d_model"),
    ("feed_forward_length", "d_ff"),
    ("attention.head_count", "num_heads"),
    ("attention.key_length", "d_kv"),
    ("attention.layer_norm_epsilon", "layer_norm_epsilon"),
    ("attention.layer_norm_rms_epsilon", "layer_norm_epsilon"),
    ("attention.relative_buckets_count", "relative_attention_num_buckets"),
    ("decoder_start_token_id", "decoder_start_token_id"),
];

static TOKENS: &[Row] = &[
    ("bos_token_id", "bos_token_id"),
    ("eos_token_id", "eos_token_id"),
    ("padding_token_id", "pad_token_id"),
];

static SCALING: &[Row] = &[
    ("factor", "factor"),
    ("original_context_length", "original_max_position_embeddings"),
    ("attn_factor", "attention_factor"),
    ("yarn_log_multiplier", "mscale_all_dim"),
    ("yarn_beta_fast", "beta_fast"),
    ("yarn_beta_slow", "beta_slow"),
    // As Ollama's own files call the last three.
    ("mscale_all_dim", "mscale_all_dim"),
    ("beta_fast", "beta_fast"),
    ("beta_slow", "beta_slow"),
];

/// Settings that all models of an architecture share and that the metadata omits.
fn fixed(architecture: &str) -> Json {
    match architecture {
        "llama" => json!({"architectures": ["LlamaForCausalLM"], "hidden_act": "silu"}),
        "qwen2" => json!({"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu"}),
        "gpt2" => {
            json!({"architectures": ["GPT2LMHeadModel"], "activation_function": "gelu_new"})
        }
        "bert" => json!({"architectures": ["BertModel"], "hidden_act": "gelu"}),
        "nomic-bert" => json!({"architectures": ["NomicBertModel"], "hidden_act": "silu"}),
        "t5" => json!({"architectures": ["T5ForConditionalGeneration"]}),
        "t5encoder" => json!({"architectures": ["T5EncoderModel"]}),
        _ => json!({}),
    }
}

/// The settings that follow from the tensors.
#[expect(clippy::struct_excessive_bools, reason = "each says whether a tensor is there")]
pub struct TensorSettings {
    /// Rows of the embedding table.
    pub n_tokens: Option<usize>,
    pub n_token_types: Option<usize>,
    /// Rows of the first layer's gate, and of that of its experts.
    pub d_ff: Option<usize>,
    pub d_expert: Option<usize>,
    /// The divisors of the rotation speeds, one a pair of channels.
    pub factors: Option<Vec<f32>>,
    /// The same for short and for long texts.
    pub long_factors: Option<LongFactors>,
    pub has_output: bool,
    /// Whether T5's feed-forward networks have gates.
    pub is_t5_gated: bool,
    pub has_query_bias: bool,
    pub has_ffn_bias: bool,
}

/// The divisors of the rotation speeds for texts that a model was trained on, and for longer ones.
pub struct LongFactors {
    pub short: Vec<f32>,
    pub long: Vec<f32>,
}

/// The equivalent config.json.
pub fn settings(
    metadata: &Metadata,
    architecture: &str,
    tensors: &TensorSettings,
) -> Map<String, Json> {
    let Json::Object(mut all) = fixed(architecture) else { return Map::new() };
    let mut put = |rows: &[Row], prefix: &str| {
        for (theirs, ours) in rows {
            if let Some(value) = metadata.get(&format!("{prefix}.{theirs}")).and_then(plain) {
                all.insert((*ours).to_owned(), value);
            }
        }
    };
    let rows = match architecture {
        "gpt2" | "gptj" => GPT2,
        "t5" | "t5encoder" => T5,
        _ => COMMON,
    };
    put(rows, architecture);
    put(TOKENS, "tokenizer.ggml");
    // Layers that draft further tokens stand behind the model's own and are counted with them.
    if let Some(n_drafting) = metadata.whole(&format!("{architecture}.nextn_predict_layers"))
        && let Some(n_layers) = all.get("num_hidden_layers").and_then(Json::as_u64)
    {
        all.insert("num_hidden_layers".into(), n_layers.saturating_sub(n_drafting).into());
        all.insert("num_nextn_predict_layers".into(), n_drafting.into());
    }
    of_one(metadata, architecture, &mut all);
    looks_both_ways(metadata, architecture, &mut all);
    all.extend(labels(metadata, architecture).map(|labels| ("id2label".to_owned(), labels)));
    // Phi-4 has none, which its files say so.
    all.retain(|key, value| key != "sliding_window" || value.as_u64() != Some(0));
    if let Some(width) = tensors.d_expert.filter(|_| !all.contains_key("moe_intermediate_size")) {
        all.insert("moe_intermediate_size".into(), width.into());
    }
    // Some of Ollama's files have a width that is not that of their tensors.
    if let Some(width) = tensors.d_ff.filter(|_| architecture == "lfm2") {
        all.insert("intermediate_size".into(), width.into());
    }
    let n_experts = all.get("num_local_experts").and_then(Json::as_u64).unwrap_or(0);
    all.insert("model_type".into(), model_type(architecture, n_experts).into());
    all.insert("tie_word_embeddings".into(), (!tensors.has_output).into());
    all.insert("attention_bias".into(), tensors.has_query_bias.into());
    all.insert("mlp_bias".into(), tensors.has_ffn_bias.into());
    if rows == T5 {
        let feed = if tensors.is_t5_gated { "gated-gelu" } else { "relu" };
        all.insert("feed_forward_proj".into(), feed.into());
    }
    let counted = [("vocab_size", tensors.n_tokens), ("type_vocab_size", tensors.n_token_types)];
    for (key, n) in counted.iter().filter_map(|(key, n)| Some((key, (*n)?))) {
        all.insert((*key).to_owned(), n.into());
    }
    let factors = tensors.factors.as_ref().map(|f| json!({"rope_type": "factors", "factors": f}));
    let long = tensors.long_factors.as_ref().map(|factors| long(metadata, architecture, factors));
    if let Some(scaling) = factors.or(long).or_else(|| scaling(metadata, architecture)) {
        all.insert("rope_scaling".into(), scaling);
    }
    if architecture == "gemma3" && metadata.get("gemma3.rope.freq_base").is_none() {
        as_ollama_reads_gemma3(&mut all);
    }
    all
}

/// What the files of one architecture have by themselves.
fn of_one(metadata: &Metadata, architecture: &str, all: &mut Map<String, Json>) {
    match architecture {
        gemma4::ARCHITECTURE => gemma4::settings(metadata, all),
        "exaone4" => {
            let types = windows(metadata, architecture).map(|windows| layer_types(&windows));
            all.extend(types.map(|types| ("layer_types".to_owned(), types)));
        }
        // The rows of queries and keys stand in another order there.
        "glm4" if metadata.get("glm4.rope.dimension_sections").is_some() => {
            all.insert("mrope_section".into(), true.into());
        }
        _ => {}
    }
}

/// Whether each layer sees a window, where a list says so.
fn windows(metadata: &Metadata, architecture: &str) -> Option<Vec<bool>> {
    let listed = metadata.list(&format!("{architecture}.attention.sliding_window_pattern"))?;
    listed.items().map(|item| item.bool()).collect()
}

/// The same as Hugging Face has it.
fn layer_types(windows: &[bool]) -> Json {
    let kind = |has_window: &bool| if *has_window { "sliding_attention" } else { "full_attention" };
    windows.iter().map(kind).collect()
}

/// The names of the scores that a reranker gives.
fn labels(metadata: &Metadata, architecture: &str) -> Option<Json> {
    let labels = metadata.list(&format!("{architecture}.classifier.output_labels"))?;
    let named = labels.items().enumerate();
    let named = named.filter_map(|(i, label)| Some((i.to_string(), label.text()?.into())));
    Some(Json::Object(named.collect()))
}

/// Sentence encoders made from decoders see the words after each too.
fn looks_both_ways(metadata: &Metadata, architecture: &str, all: &mut Map<String, Json>) {
    let is_causal = metadata.get(&format!("{architecture}.attention.causal"));
    let is_causal = is_causal.and_then(|value| value.bool()).unwrap_or(true);
    if !is_causal || architecture == GEMMA_EMBEDDING {
        all.insert("use_bidirectional_attention".into(), true.into());
    }
}

/// What Ollama's own files of Gemma 3 leave out or have too much, by its own reader: from 4 B on rotation is scaled by 8, in
/// 1 B logits have no cap.
fn as_ollama_reads_gemma3(all: &mut Map<String, Json>) {
    const CONTEXT_OF_4B: u64 = 131_072;
    let context = all.get("max_position_embeddings").and_then(Json::as_u64).unwrap_or(0);
    if context >= CONTEXT_OF_4B && !all.contains_key("rope_scaling") {
        all.insert("rope_scaling".into(), json!({"rope_type": "linear", "factor": 8.0}));
    }
    all.remove("final_logit_softcapping");
}

/// Mixtures of experts with names of their own.
const MIXTURES: [&str; 13] = [
    "qwen2moe",
    "qwen3moe",
    "qwen3vlmoe",
    "qwen35moe",
    "qwen3next",
    "olmoe",
    "granitemoe",
    "gpt-oss",
    "deepseek2",
    "gemma4",
    "glm4moe",
    "hunyuan-moe",
    "minimax-m2",
];

/// What is added to the name of an architecture that mixtures of experts share with their dense relatives.
pub const WITH_EXPERTS: &str = " with experts";

/// The model type; mixtures of experts that share the name of their dense relatives are another architecture.
pub fn model_type(architecture: &str, n_experts: u64) -> String {
    let architecture = match architecture {
        // As Ollama's own files call them.
        "gptoss" => "gpt-oss",
        "olmo3" => "olmo2",
        GEMMA_EMBEDDING => "gemma3",
        name => name,
    };
    if n_experts > 0 && !MIXTURES.contains(&architecture) {
        format!("{architecture}{WITH_EXPERTS}")
    } else {
        architecture.to_owned()
    }
}

/// LongRoPE's settings.
fn long(metadata: &Metadata, architecture: &str, factors: &LongFactors) -> Json {
    let factor = metadata.get(&format!("{architecture}.rope.scaling.attn_factor"));
    json!({
        "rope_type": "longrope",
        "short_factor": factors.short,
        "long_factor": factors.long,
        "attention_factor": factor.and_then(plain),
    })
}

/// RoPE scaling settings, from the newer or the older keys.
fn scaling(metadata: &Metadata, architecture: &str) -> Option<Json> {
    if let Some(factor) = metadata.get(&format!("{architecture}.rope.scale_linear")) {
        return Some(json!({"rope_type": "linear", "factor": factor.float()?}));
    }
    let is_scaled = || {
        let factor = metadata.get(&format!("{architecture}.rope.scaling.factor"));
        factor.and_then(|factor| factor.float()).is_some_and(|factor| factor > 1.0)
    };
    // Readers of files without a type take it for this one; those of gpt-oss for that.
    let usual = if architecture == "gptoss" { "yarn" } else { "linear" };
    let kind = metadata.text(&format!("{architecture}.rope.scaling.type"));
    let kind = kind.or_else(|| is_scaled().then(|| usual.to_owned()))?;
    if kind == "none" {
        return None;
    }
    let found = SCALING.iter().filter_map(|(theirs, ours)| {
        let key = format!("{architecture}.rope.scaling.{theirs}");
        Some(((*ours).to_owned(), plain(metadata.get(&key)?)?))
    });
    let mut found: Map<String, Json> = found.collect();
    found.insert("rope_type".into(), kind.into());
    // The other factor of the two is 1 wherever this one is given; DeepSeek's is the same as this one, which its files
    // have as a tenth of what it is.
    if let Some(factor) = found.get("mscale_all_dim").and_then(Json::as_f64) {
        let is_latent = architecture == "deepseek2";
        let (one, all) = if is_latent { (10.0 * factor, 10.0 * factor) } else { (1.0, factor) };
        found.insert("mscale".into(), json!(one));
        found.insert("mscale_all_dim".into(), json!(all));
    }
    // Its files do not say that the bounds of its scaling are not rounded.
    if architecture.starts_with("gpt") {
        found.insert("truncate".into(), json!(false));
    }
    Some(Json::Object(found))
}

/// A value as JSON; a list whose items are all equal, but those of layers that have none, becomes that number.
fn plain(value: Meta) -> Option<Json> {
    Some(match value {
        Meta::Whole(_) => json!(value.whole()?),
        Meta::Float(x) => json!(x),
        Meta::Bool(b) => json!(b),
        Meta::Text(_) => json!(value.text()?),
        Meta::List(list) => {
            let mut counts = list.items().map(|item| item.whole()).collect::<Option<Vec<u64>>>()?;
            let first = counts.first().copied()?;
            if counts.iter().any(|count| *count > 0) {
                counts.retain(|count| *count > 0);
            }
            let first = counts.first().copied().unwrap_or(first);
            let is_same = counts.iter().all(|count| *count == first);
            if is_same { json!(first) } else { json!("a different number in every layer") }
        }
    })
}
