//! GPT-NeoX and Pythia (Black et al. 2022), GPT-J (Wang and Komatsuzaki 2021), GPT-Neo (Black et al. 2021); and CodeGen
//! (Nijkamp et al. 2022), which is a GPT-J with its maps in one tensor.

use anyhow::Result;
use serde_json::Value as Json;

use super::{
    LayerOrder,
    family::{Bias, BiasStyle, Family, KEYS, Keys, LLAMA, PositionStyle, Style},
    gpt2::{GPT2_KEYS, GPT2_NAMES, GPT2_STYLE},
    names::{CORES, FeedNames, LLAMA as LLAMA_NAMES, Names, QkvNames},
    rope::RopeStyle,
};
use crate::{
    engine::tape::RotaryPairs,
    model::layer::attention::{Mask, ScoreScaling},
    weights::Config,
};

pub static FAMILIES: &[Family] = &[
    Family {
        types: &["gpt_neox", "gptneox"],
        title: "GPT-NeoX",
        keys: Keys {
            eps: &["layer_norm_eps"],
            default_eps: 1e-5,
            default_activation: "gelu",
            ..KEYS
        },
        names: Names {
            body: &["gpt_neox.", ""],
            embed: "embed_in",
            final_norm: "final_layer_norm",
            unembed: "embed_out|lm_head",
            qkv: QkvNames::ByHead("attention.query_key_value"),
            out: "attention.dense",
            feed: FeedNames::Plain("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
            ..LLAMA_NAMES
        },
        style: Style {
            order: LayerOrder::ParallelTwoNorms,
            positions: PositionStyle::Rotary(RopeStyle {
                theta_keys: &["rotary_emb_base", "rope_theta"],
                part: Some(("rotary_pct", 0.25)),
                ..RopeStyle::WHOLE
            }),
            biases: BiasStyle {
                qkv: Bias::Setting("attention_bias", true),
                out: Bias::Setting("attention_bias", true),
                feed: Bias::Always,
            },
            is_tied: false,
            ..GPT2_STYLE
        },
        keeps_padding: false,
        // Only a GGUF file has `rope_theta` alone: of config.json transformers takes it within `rope_parameters` only.
        defaults: &[("max_position_embeddings", 2048), ("rotary_emb_base", 10_000)],
        adjust: |settings, plan| {
            let is_parallel = settings.config.bool_or("use_parallel_residual", true)?;
            if !is_parallel {
                plan.layers.iter_mut().for_each(|layer| layer.order = LayerOrder::PreNorm);
            }
            Ok(())
        },
        ..LLAMA
    },
    GPTJ,
    Family {
        types: &["codegen"],
        title: "CodeGen",
        names: Names { qkv: QkvNames::ByCore("attn.qkv_proj"), ..GPTJ.names },
        adjust: |settings, plan| {
            let are_cut = plan.heads.n_heads.is_multiple_of(CORES);
            let wanted = format!("a multiple of {CORES}: the rows of each part are whole heads");
            settings.config.must("n_head", are_cut, &wanted)?;
            plan.logits.has_bias = true;
            Ok(())
        },
        ..GPTJ
    },
    Family {
        types: &["gpt_neo"],
        title: "GPT-Neo",
        keys: Keys {
            d_model: &["hidden_size"],
            n_layers: &["num_layers", "num_hidden_layers"],
            n_heads: &["num_heads", "num_attention_heads"],
            d_ff: &["intermediate_size"],
            context: &["max_position_embeddings"],
            ..GPT2_KEYS
        },
        names: Names {
            qkv: QkvNames::Apart([
                "attn.attention.q_proj",
                "attn.attention.k_proj",
                "attn.attention.v_proj",
            ]),
            out: "attn.attention.out_proj",
            feed: FeedNames::Plain("mlp.c_fc", "mlp.c_proj"),
            ..GPT2_NAMES
        },
        style: Style {
            biases: BiasStyle { qkv: Bias::Never, ..BiasStyle::ALL },
            windows: neo_windows,
            ..GPT2_STYLE
        },
        keeps_padding: false,
        // Its scores are not scaled.
        adjust: |_, plan| {
            for layer in &mut plan.layers {
                layer.attention.scaling = ScoreScaling::None;
            }
            Ok(())
        },
        ..LLAMA
    },
];

const GPTJ: Family = Family {
    types: &["gptj"],
    title: "GPT-J",
    keys: GPT2_KEYS,
    names: Names {
        qkv: QkvNames::Apart(["attn.q_proj", "attn.k_proj", "attn.v_proj"]),
        out: "attn.out_proj",
        feed: FeedNames::Plain("mlp.fc_in", "mlp.fc_out"),
        ..GPT2_NAMES
    },
    style: Style {
        order: LayerOrder::ParallelOneNorm,
        positions: PositionStyle::Rotary(RopeStyle {
            pairs: RotaryPairs::Neighbours,
            ..RopeStyle::WHOLE
        }),
        biases: BiasStyle { feed: Bias::Always, ..BiasStyle::NONE },
        is_tied: false,
        ..GPT2_STYLE
    },
    keeps_padding: false,
    defaults: &[("rotary_dim", 64), ("n_positions", 2048)],
    adjust: |_, plan| {
        plan.logits.has_bias = true;
        Ok(())
    },
    ..LLAMA
};

/// GPT-Neo lists its layers, `global` or `local`, or says how often which kinds follow one another.
fn neo_windows(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    let window = Mask::Window(config.usize_or("window_size", 256)?);
    let key = config.key(&["attention_layers", "attention_types"]);
    let kinds = match config.get(key) {
        None => (0..n_layers).map(|l| Some(l % 2 == 1)).collect(),
        Some(Json::Array(listed)) if key == "attention_layers" => {
            listed.iter().map(is_local).collect()
        }
        Some(listed) => repeated(listed, n_layers),
    };
    let kinds: Option<Vec<bool>> = kinds.into_iter().collect();
    let kinds = kinds.filter(|kinds| kinds.len() == n_layers).unwrap_or_default();
    config.must(key, kinds.len() == n_layers, "global or local for every layer")?;
    let mask = |is_local| if is_local { window } else { Mask::Causal };
    Ok(kinds.into_iter().map(mask).collect())
}

fn is_local(kind: &Json) -> Option<bool> {
    match kind.as_str()? {
        "global" => Some(false),
        "local" => Some(true),
        _ => None,
    }
}

/// `[[["global", "local"], 12]]` as one kind a layer, not more than there are layers.
fn repeated(listed: &Json, n_layers: usize) -> Vec<Option<bool>> {
    let pairs = listed.as_array().into_iter().flatten();
    let run = |pair: &Json| -> Vec<Option<bool>> {
        let kinds = pair.get(0).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let times = pair.get(1).and_then(Json::as_u64).unwrap_or(0) as usize;
        let kinds = kinds.iter().map(is_local);
        kinds
            .cycle()
            .take(times.saturating_mul(pair.get(0).map_or(0, length)).min(n_layers + 1))
            .collect()
    };
    pairs.flat_map(run).collect()
}

fn length(list: &Json) -> usize {
    list.as_array().map_or(0, Vec::len)
}
