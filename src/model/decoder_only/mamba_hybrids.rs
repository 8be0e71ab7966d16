//! Hybrids of Mamba-2 and attention: Bamba (Chu et al. 2024), Granite 4 (IBM 2025), whose dense networks and experts are those
//! of Granite, and Nemotron-H (NVIDIA 2025), whose layers are a state space, attention, a network or experts, each alone.

use anyhow::Result;
use serde_json::Value as Json;

use super::{
    DecoderPlan, MixerPlan,
    family::{BiasStyle, Family, FamilySettings, KEYS, Keys, LLAMA, PositionStyle, Refused, Style},
    hybrid::{attending, kind, numbered},
    llama::multiply,
    mamba::{ANY_STEP, SpaceKeys, state_space},
    mixtures::{
        CHOSEN, GRANITE_NETWORK, OF_GRANITE, WIDTH, activation, experts, mix, normalized, shared,
    },
    names::{
        EXPERTS, ExpertMaps, ExpertNames, FeedNames, LLAMA as LLAMA_NAMES, Names, QkvNames,
        STATE_SPACE, StateSpaceNames,
    },
    rope::RopeStyle,
};
use crate::{
    engine::tape::ExpertWeights,
    model::layer::{
        experts::{ExpertGate, ExpertsPlan, Scoring, SharedPlan},
        feed_forward::FeedKind,
    },
};

const N_HEADS: &str = "mamba_n_heads";
const N_GROUPS: &str = "mamba_n_groups";
const D_STATE: &str = "mamba_d_state";
const N_TAPS: &str = "mamba_d_conv";
const EXPAND: &str = "mamba_expand";
/// The width of the experts of all tokens.
const SHARED_WIDTH: &str = "shared_intermediate_size";
const N_EXPERTS: &str = "num_local_experts";

/// IBM's.
const IBM_KEYS: SpaceKeys = SpaceKeys {
    n_heads: N_HEADS,
    d_head: "mamba_d_head",
    n_groups: N_GROUPS,
    d_state: D_STATE,
    n_taps: N_TAPS,
    expand: Some(EXPAND),
    has_bias: "mamba_proj_bias",
    has_filter_bias: "mamba_conv_bias",
    activation: "hidden_act",
};

const IBM_NAMES: Names = Names {
    state_space: StateSpaceNames {
        inputs: "mamba.in_proj",
        filter: "mamba.conv1d",
        dt_bias: "mamba.dt_bias",
        rate: "mamba.A_log",
        skip: "mamba.D",
        norm: "mamba.norm",
        out: "mamba.out_proj",
    },
    ..LLAMA_NAMES
};

const NVIDIA_KEYS: SpaceKeys = SpaceKeys {
    n_heads: "mamba_num_heads",
    d_head: "mamba_head_dim",
    n_groups: "n_groups",
    d_state: "ssm_state_size",
    n_taps: "conv_kernel",
    expand: None,
    has_bias: "use_bias",
    has_filter_bias: "use_conv_bias",
    activation: "mamba_hidden_act",
};

pub static FAMILIES: &[Family] = &[
    Family {
        types: &["bamba"],
        title: "Bamba",
        keys: Keys { default_eps: 1e-5, ..KEYS },
        defaults: &[
            ("max_position_embeddings", 262_144),
            ("num_key_value_heads", 8),
            (N_HEADS, 128),
            (N_GROUPS, 1),
            (D_STATE, 256),
            (N_TAPS, 4),
            (EXPAND, 2),
        ],
        names: Names {
            final_norm: "final_layernorm",
            norms: ["input_layernorm", "pre_ff_layernorm"],
            feed: FeedNames::Gated(
                "feed_forward.gate_proj",
                "feed_forward.up_proj",
                "feed_forward.down_proj",
            ),
            ..IBM_NAMES
        },
        style: Style {
            positions: PositionStyle::Rotary(RopeStyle {
                part: Some(("partial_rotary_factor", 0.5)),
                ..RopeStyle::WHOLE
            }),
            ..LLAMA.style
        },
        refused: &[ANY_STEP],
        adjust: |settings, plan| {
            let n_layers = plan.layers.len();
            let attends = numbered(&settings.config, "attn_layer_indices", n_layers)?;
            keep_states(settings, plan, &attends.unwrap_or_else(|| vec![false; n_layers]))
        },
        ..LLAMA
    },
    Family {
        types: &["granitemoehybrid"],
        title: "Granite 4",
        keys: Keys { d_ff: &[SHARED_WIDTH], ..KEYS },
        defaults: &[
            ("max_position_embeddings", 2048),
            (SHARED_WIDTH, 1024),
            (N_EXPERTS, 8),
            (CHOSEN, 2),
            (N_HEADS, 128),
            (N_GROUPS, 1),
            (D_STATE, 256),
            (N_TAPS, 4),
            (EXPAND, 2),
        ],
        names: Names { feed: GRANITE_NETWORK, experts: OF_GRANITE, ..IBM_NAMES },
        style: Style { biases: BiasStyle::ATTENTION, ..LLAMA.style },
        refused: &[ANY_STEP],
        adjust: |settings, plan| {
            multiply(settings, plan)?;
            let (config, n_layers) = (&settings.config, plan.layers.len());
            if config.string_or("position_embedding_type", "nope")? != "rope" {
                plan.layers.iter_mut().for_each(|layer| layer.attention.rope = None);
            }
            let unlisted = || Ok(vec![false; n_layers]);
            let attends = attending(settings, n_layers, "linear_attention", unlisted)?;
            keep_states(settings, plan, &attends)?;
            if config.count(N_EXPERTS)? == 0 {
                return Ok(());
            }
            let experts = experts(settings, plan, ExpertWeights::SoftmaxOfChosen)?;
            let shared = shared(settings, plan, false)?;
            mix(settings, plan, ExpertsPlan { shared, ..experts }, "intermediate_size", |_| true)
        },
        ..LLAMA
    },
    NEMOTRON_H,
];

const NEMOTRON_H: Family = Family {
    types: &["nemotron_h"],
    title: "Nemotron-H",
    keys: Keys {
        eps: &["layer_norm_epsilon"],
        default_eps: 1e-5,
        activation: &["mlp_hidden_act"],
        default_activation: "relu2",
        layer_lists: &["layers_block_type", "layer_types", "hybrid_override_pattern"],
        ..KEYS
    },
    defaults: &[
        ("max_position_embeddings", 4096),
        ("num_key_value_heads", 8),
        ("head_dim", 128),
        ("intermediate_size", 21_504),
        ("mamba_num_heads", 128),
        ("mamba_head_dim", 64),
        ("ssm_state_size", 128),
        ("n_groups", 8),
        ("conv_kernel", 4),
        ("n_routed_experts", 8),
        ("n_shared_experts", 1),
        (CHOSEN, 2),
        (WIDTH, 7688),
        (NVIDIA_SHARED_WIDTH, 7688),
    ],
    names: Names {
        body: &["backbone.", "model.", "", "model.backbone."],
        embed: "embeddings",
        final_norm: "norm_f",
        norms: ["norm", "norm"],
        qkv: QkvNames::Apart(["mixer.q_proj", "mixer.k_proj", "mixer.v_proj"]),
        out: "mixer.o_proj",
        feed: FeedNames::Plain("mixer.up_proj", "mixer.down_proj"),
        experts: ExpertNames {
            router: "mixer.gate",
            maps: ExpertMaps::Apart(["", "mixer.experts.*.up_proj", "mixer.experts.*.down_proj"]),
            shared: FeedNames::Plain(
                "mixer.shared_experts.up_proj",
                "mixer.shared_experts.down_proj",
            ),
            choice_bias: "mixer.gate.e_score_correction_bias",
            ..EXPERTS
        },
        state_space: STATE_SPACE,
        ..LLAMA_NAMES
    },
    style: Style { positions: PositionStyle::Adjusted, is_gated: false, ..LLAMA.style },
    refused: &[
        ANY_STEP,
        Refused {
            key: "moe_latent_size",
            can_run: |config| !config.has("moe_latent_size"),
            wanted: "null: experts as wide as the stream",
        },
        Refused {
            key: "n_group",
            can_run: |config| config.usize_or("n_group", 1).is_ok_and(|n| n == 1),
            wanted: "1: experts in one group",
        },
        Refused {
            key: "n_shared_experts",
            can_run: |config| config.usize_or("n_shared_experts", 1).is_ok_and(|n| n == 1),
            wanted: "1",
        },
    ],
    adjust: |settings, plan| {
        let kinds = kinds(settings, plan.layers.len())?;
        let space = state_space(settings, plan, &NVIDIA_KEYS)?;
        let experts = if kinds.contains(&Kind::Experts) {
            Some(nemotron_experts(settings, plan)?)
        } else {
            None
        };
        for (layer, kind) in plan.layers.iter_mut().zip(&kinds) {
            match kind {
                Kind::StateSpace => {
                    layer.mixer = MixerPlan::StateSpace(space);
                    layer.feed = None;
                }
                Kind::Attention => layer.feed = None,
                Kind::Network | Kind::Experts => layer.mixer = MixerPlan::None,
            }
        }
        match experts {
            Some(experts) => mix(settings, plan, experts, WIDTH, |l| kinds[l] == Kind::Experts),
            None => Ok(()),
        }
    },
    ..LLAMA
};

const NVIDIA_SHARED_WIDTH: &str = "moe_shared_expert_intermediate_size";

/// What a layer of Nemotron-H is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    StateSpace,
    Attention,
    Network,
    Experts,
}

/// The kinds of layers by their names, and by the letters of the first files.
const KINDS: [(&str, char, Kind); 4] = [
    ("linear_attention", 'M', Kind::StateSpace),
    ("full_attention", '*', Kind::Attention),
    ("mlp", '-', Kind::Network),
    ("moe", 'E', Kind::Experts),
];

/// The kind of each layer.
fn kinds(settings: &FamilySettings, n_layers: usize) -> Result<Vec<Kind>> {
    let config = &settings.config;
    let key = config.key(NEMOTRON_H.keys.layer_lists);
    let of = |is_it: &dyn Fn(&str, char) -> bool| {
        let found = KINDS.iter().find(|(name, letter, _)| is_it(name, *letter));
        found.map(|(.., kind)| *kind)
    };
    let kinds: Option<Vec<Kind>> = match config.get(key) {
        Some(Json::Array(listed)) => {
            listed.iter().map(|listed| of(&|name, _| kind(listed) == Some(name))).collect()
        }
        Some(Json::String(letters)) => {
            letters.chars().map(|one| of(&|_, letter| letter == one)).collect()
        }
        _ => None,
    };
    let kinds = kinds.filter(|kinds| kinds.len() == n_layers).unwrap_or_default();
    let wanted = "linear_attention, full_attention, mlp or moe for every layer, or M, *, - or E";
    config.must(key, kinds.len() == n_layers, wanted)?;
    Ok(kinds)
}

/// Experts without gates, chosen as DeepSeek-V3's.
fn nemotron_experts(settings: &FamilySettings, plan: &DecoderPlan) -> Result<ExpertsPlan> {
    let (config, act) = (&settings.config, activation(plan));
    let shared = SharedPlan {
        d_ff: config.usize(NVIDIA_SHARED_WIDTH)?,
        kind: FeedKind::Plain(act),
        has_gate: false,
    };
    Ok(ExpertsPlan {
        gate: ExpertGate::None(act),
        scoring: Scoring::Sigmoid,
        has_choice_bias: true,
        factor: config.float_or("routed_scaling_factor", 1.0)?,
        shared: Some(shared),
        ..experts(settings, plan, normalized(settings, true)?)?
    })
}

/// Puts a state space in place of the attention of the layers that do not attend.
fn keep_states(settings: &FamilySettings, plan: &mut DecoderPlan, attends: &[bool]) -> Result<()> {
    let space = state_space(settings, plan, &IBM_KEYS)?;
    for (layer, _) in plan.layers.iter_mut().zip(attends).filter(|(_, attends)| !**attends) {
        layer.mixer = MixerPlan::StateSpace(space);
    }
    Ok(())
}
