//! LFM2 (Liquid AI 2025): a hybrid, whose layers have a short convolution, but some of them attention; with a mixture of
//! experts in most layers of the largest.

use anyhow::Result;

use super::{
    DecoderPlan, MixerPlan,
    family::{BiasStyle, Family, FamilySettings, KEYS, Keys, LLAMA, PositionStyle, Style},
    hybrid::{attending, numbered},
    mixtures::{CHOSEN, WIDTH, experts, mix, normalized},
    names::{EXPERTS, ExpertMaps, ExpertNames, FeedNames, LLAMA as LLAMA_NAMES, Names, QkvNames},
    rope::RopeStyle,
};
use crate::{
    model::layer::{
        convolution::ConvolutionPlan,
        experts::{ExpertsPlan, Scoring},
        norm::QkNorm,
    },
    weights::Config,
};

const ATTENDING: &str = "full_attn_idxs";

pub static FAMILIES: &[Family] = &[
    LFM2,
    Family {
        types: &["lfm2_moe"],
        title: "LFM2-MoE",
        keys: Keys { d_ff: &["intermediate_size"], ..LFM2.keys },
        defaults: &[
            ("max_position_embeddings", 128_000),
            ("num_key_value_heads", 8),
            ("num_attention_heads", 32),
            ("hidden_size", 2048),
            ("intermediate_size", 7168),
            ("num_hidden_layers", 32),
            ("vocab_size", 65_536),
            ("num_experts", 32),
            (CHOSEN, 4),
            (WIDTH, 1792),
        ],
        names: Names {
            experts: ExpertNames {
                router: "feed_forward.gate",
                maps: ExpertMaps::Apart([
                    "feed_forward.experts.*.w1",
                    "feed_forward.experts.*.w3",
                    "feed_forward.experts.*.w2",
                ]),
                choice_bias: "feed_forward.expert_bias",
                ..EXPERTS
            },
            ..LFM2.names
        },
        adjust: |settings, plan| {
            convolve(settings, plan)?;
            let config = &settings.config;
            let experts = ExpertsPlan {
                scoring: Scoring::Sigmoid,
                has_choice_bias: config.bool_or("use_expert_bias", true)?,
                factor: config.float_or("routed_scaling_factor", 1.0)?,
                ..experts(settings, plan, normalized(settings, true)?)?
            };
            let n_dense = config.count_or("num_dense_layers", 2)?;
            mix(settings, plan, experts, WIDTH, |l| l >= n_dense)
        },
        ..LFM2
    },
];

const LFM2: Family = Family {
    types: &["lfm2"],
    title: "LFM2",
    keys: Keys {
        d_ff: &["block_ff_dim", "intermediate_size"],
        eps: &["norm_eps", "block_norm_eps", "rms_norm_eps"],
        default_eps: 1e-5,
        ..KEYS
    },
    defaults: &[
        ("max_position_embeddings", 128_000),
        ("num_key_value_heads", 8),
        ("num_attention_heads", 32),
        ("hidden_size", 2560),
        ("intermediate_size", 12_288),
        ("num_hidden_layers", 32),
        ("vocab_size", 65_536),
    ],
    names: Names {
        final_norm: "embedding_norm",
        norms: ["operator_norm", "ffn_norm"],
        qkv: QkvNames::Apart(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
        out: "self_attn.out_proj",
        qk_norms: ["self_attn.q_layernorm", "self_attn.k_layernorm"],
        feed: FeedNames::Gated("feed_forward.w1", "feed_forward.w3", "feed_forward.w2"),
        ..LLAMA_NAMES
    },
    style: Style {
        qk_norm: Some(QkNorm::PerHead),
        biases: BiasStyle::NONE,
        positions: PositionStyle::Rotary(RopeStyle { theta: 1_000_000.0, ..RopeStyle::WHOLE }),
        is_tied: true,
        ..LLAMA.style
    },
    adjust: |settings, plan| {
        convolve(settings, plan)?;
        if !settings.are_gguf() {
            let d_ff = adjusted_width(&settings.config, plan)?;
            for feed in plan.layers.iter_mut().filter_map(|layer| layer.feed.as_mut()) {
                feed.d_ff = d_ff;
            }
        }
        Ok(())
    },
    ..LLAMA
};

/// Gives a short convolution to the layers that do not attend: where no list of kinds says, those whose numbers are not
/// listed, else none.
fn convolve(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let config = &settings.config;
    let convolution = ConvolutionPlan {
        n_taps: config.usize_or("conv_L_cache", 3)?,
        has_bias: config.bool_or("conv_bias", false)?,
    };
    let n_layers = plan.layers.len();
    let unlisted =
        || Ok(numbered(config, ATTENDING, n_layers)?.unwrap_or_else(|| vec![true; n_layers]));
    let attends = attending(settings, n_layers, "conv", unlisted)?;
    for (layer, _) in plan.layers.iter_mut().zip(attends).filter(|(_, attends)| !attends) {
        layer.mixer = MixerPlan::Convolution(convolution);
    }
    Ok(())
}

/// The width of feed-forward: two thirds of the one that is given, times a factor, rounded up; unless the settings say
/// that it is as given.
fn adjusted_width(config: &Config, plan: &DecoderPlan) -> Result<usize> {
    let given = plan.layers.first().and_then(|layer| layer.feed).map_or(0, |feed| feed.d_ff);
    if !config.bool_or("block_auto_adjust_ff_dim", true)? {
        return Ok(given);
    }
    let width = 2 * given / 3;
    if config.is_null("block_ffn_dim_multiplier") {
        return Ok(width);
    }
    let factor = config.float_or("block_ffn_dim_multiplier", 1.0)?;
    let width = (f64::from(factor) * width as f64) as usize;
    config.must("block_ffn_dim_multiplier", width > 0, "a number above 0")?;
    Ok(width.next_multiple_of(config.usize_or("block_multiple_of", 256)?))
}
