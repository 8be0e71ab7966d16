//! The names of a family's tensors in Hugging Face's files, and how the tensors are laid out.

mod list;

use super::plan::DecoderPlan;
use crate::weights::{BODIES, Checkpoint, ExpectedWeight, TensorNames};
pub use list::CORES;
use list::NameList;

/// How the names of tensors end that hold blocks of numbers of four bits.
const BLOCKS: &str = "_blocks";

/// The names of the tensors, without `.weight` and `.bias`; alternatives are separated by `|`. What a plan has not is never looked up.
#[derive(Clone, Copy)]
pub struct Names {
    /// What may stand before every name of the body.
    pub body: &'static [&'static str],
    pub embed: &'static str,
    pub positions: &'static str,
    pub embed_norm: &'static str,
    pub final_norm: &'static str,
    /// With what may stand before it.
    pub unembed: &'static str,
    /// Before the number of a layer.
    pub layers: &'static str,
    /// Before attention, before feed-forward.
    pub norms: [&'static str; 2],
    /// After attention, after feed-forward.
    pub post_norms: [&'static str; 2],
    pub qkv: QkvNames,
    pub out: &'static str,
    /// Of queries, of keys.
    pub qk_norms: [&'static str; 2],
    pub sinks: &'static str,
    pub feed: FeedNames,
    /// How strongly xIELU bends above 0, and below; without an ending.
    pub xielu: [&'static str; 2],
    pub experts: ExpertNames,
    /// In place of attention.
    pub convolution: ConvolutionNames,
    pub state_space: StateSpaceNames,
    pub delta: DeltaNames,
    pub per_layer: PerLayerNames,
    /// What the stream is multiplied by; without an ending.
    pub scalar: &'static str,
}

/// Where queries, keys and values are projected.
#[derive(Clone, Copy)]
pub enum QkvNames {
    Apart([&'static str; 3]),
    /// The same, where the tensor of queries has for each head its queries' rows and then those of its gates.
    WithGate([&'static str; 3]),
    /// One tensor: all rows of queries, then of keys, then of values.
    Rows(&'static str),
    /// One tensor: for each head of keys its queries' rows, its own, its values'. In GGUF they are sorted, as
    /// [`Self::Rows`].
    ByHead(&'static str),
    /// GPT-2's `Conv1D`: all columns of queries, then of keys, then of values.
    Columns(&'static str),
    /// One tensor, cut for four cores: of each its part of the rows of queries, then of values, then of keys (CodeGen).
    ByCore(&'static str),
    /// By way of a few numbers a token.
    Latent(LatentNames),
}

/// The maps of latent attention.
#[derive(Clone, Copy)]
pub struct LatentNames {
    /// From the stream to queries.
    pub q: &'static str,
    /// To what queries are made from, its norm, and to queries.
    pub q_parts: [&'static str; 3],
    /// One tensor: the rows of what keys and values are made from, then of the channels that heads share.
    pub down: &'static str,
    pub norm: &'static str,
    pub up: LatentUp,
}

/// The maps to keys and values.
#[derive(Clone, Copy)]
pub enum LatentUp {
    /// One tensor: for each head the rows of its keys, then of its values.
    ByHead(&'static str),
    /// Keys (head, in, out), values (head, out, in): newer GGUF files.
    Stacked([&'static str; 2]),
}

/// The maps of feed-forward.
#[derive(Clone, Copy)]
pub enum FeedNames {
    /// Up, down.
    Plain(&'static str, &'static str),
    /// The same as `Conv1D`.
    Conv1d(&'static str, &'static str),
    /// Gate, up, down.
    Gated(&'static str, &'static str, &'static str),
    /// One tensor with the rows of the gate, then of up; down.
    FusedGate(&'static str, &'static str),
}

/// The maps of a short convolution.
#[derive(Clone, Copy)]
pub struct ConvolutionNames {
    /// One tensor: the rows of B, of C, of x.
    pub inputs: &'static str,
    pub filter: &'static str,
    pub out: &'static str,
}

/// The weights of a state space.
#[derive(Clone, Copy)]
pub struct StateSpaceNames {
    /// One tensor: the rows of z, of x, B and C, of dt.
    pub inputs: &'static str,
    pub filter: &'static str,
    /// With its ending.
    pub dt_bias: &'static str,
    /// How fast heads forget, and their share of the input itself; without an ending.
    pub rate: &'static str,
    pub skip: &'static str,
    pub norm: &'static str,
    pub out: &'static str,
}

/// The weights of a gated delta net.
#[derive(Clone, Copy)]
pub struct DeltaNames {
    /// To queries, keys and values (their rows one after another); to the gate.
    pub inputs: DeltaMaps,
    /// To beta, to dt.
    pub steps: DeltaMaps,
    pub filter: &'static str,
    /// With its ending.
    pub dt_bias: &'static str,
    /// How fast heads forget, without an ending.
    pub rate: &'static str,
    pub norm: &'static str,
    pub out: &'static str,
}

/// Two maps of a gated delta net.
#[derive(Clone, Copy)]
pub enum DeltaMaps {
    /// Each in a tensor of its own.
    Apart([&'static str; 2]),
    /// One tensor: for each head of keys its rows of the first map, then of the second.
    ByKeyHead(&'static str),
}

/// The weights of per-layer embeddings.
#[derive(Clone, Copy)]
pub struct PerLayerNames {
    /// Of all layers: the table, the map from embeddings, the norm.
    pub table: &'static str,
    pub map: &'static str,
    pub norm: &'static str,
    /// In each layer.
    pub gate: &'static str,
    pub out: &'static str,
    pub post_norm: &'static str,
}

/// The maps of a mixture of experts.
#[derive(Clone, Copy)]
pub struct ExpertNames {
    pub router: &'static str,
    pub maps: ExpertMaps,
    /// The expert that all tokens go through.
    pub shared: FeedNames,
    pub shared_gate: &'static str,
    /// What only the choice sees: its tensor, without an ending.
    pub choice_bias: &'static str,
    pub beside: BesideNames,
}

/// The weights of experts that stand beside the shared one.
#[derive(Clone, Copy)]
pub struct BesideNames {
    /// With their endings: the gain before the router, and what each expert's share is multiplied by.
    pub router_gain: &'static str,
    pub scales: &'static str,
    /// Before the experts, after them, after the shared one.
    pub norm: &'static str,
    pub post_norm: &'static str,
    pub shared_post_norm: &'static str,
}

/// How the experts' gates, ups and downs are stored.
#[derive(Clone, Copy)]
pub enum ExpertMaps {
    /// Each in a tensor of its own; `*` is the number of the expert: gate, up, down.
    Apart([&'static str; 3]),
    /// All gates in one tensor (expert, out, in), all ups, all downs: GGUF, MLX.
    Stacked([&'static str; 3]),
    /// All gates and ups in one tensor (expert, gate and then up, in), all downs in another: Granite.
    StackedPairs(&'static str, &'static str),
    /// The same, in tensors whose names have no ending: Qwen3.5-MoE.
    BarePairs(&'static str, &'static str),
    /// The same, each map (expert, in, out): Llama 4, Qwen3-VL-MoE as it is hosted.
    BareColumns(&'static str, &'static str),
    /// As [`Self::StackedPairs`], gates and ups in turn, in tensors whose names have no ending: gpt-oss.
    Alternating(&'static str, &'static str, StackForm),
}

/// The form of stacked weights.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum StackForm {
    /// (expert, in, out)
    Plain,
    /// Blocks of numbers of four bits (expert, out, block, byte), and their scales in a tensor beside.
    Mxfp4,
}

/// Whether a file is expected to have a bias.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum HasBias {
    Yes,
    No,
    /// GGUF files do not say.
    IfThere,
}

/// Which biases a file is expected to have.
#[derive(Clone, Copy)]
pub struct Biases {
    pub qkv: HasBias,
    pub out: HasBias,
    pub feed: HasBias,
}

/// Llama's, which most families have.
pub const LLAMA: Names = Names {
    body: &BODIES,
    embed: "embed_tokens",
    positions: "embed_positions",
    embed_norm: "embed_layernorm",
    final_norm: "norm",
    unembed: "lm_head|language_model.lm_head",
    layers: "layers.",
    norms: ["input_layernorm", "post_attention_layernorm"],
    post_norms: ["post_attention_layernorm", "post_feedforward_layernorm"],
    qkv: QkvNames::Apart(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
    out: "self_attn.o_proj",
    qk_norms: ["self_attn.q_norm", "self_attn.k_norm"],
    sinks: "self_attn.sinks",
    feed: FeedNames::Gated("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
    xielu: ["mlp.act_fn.alpha_p", "mlp.act_fn.alpha_n"],
    experts: EXPERTS,
    convolution: CONVOLUTION,
    state_space: STATE_SPACE,
    delta: DELTA,
    per_layer: PER_LAYER,
    scalar: "layer_scalar",
};

/// Gemma 4's.
const PER_LAYER: PerLayerNames = PerLayerNames {
    table: "embed_tokens_per_layer",
    map: "per_layer_model_projection",
    norm: "per_layer_projection_norm",
    gate: "per_layer_input_gate",
    out: "per_layer_projection",
    post_norm: "post_per_layer_input_norm",
};

/// LFM2's.
const CONVOLUTION: ConvolutionNames =
    ConvolutionNames { inputs: "conv.in_proj", filter: "conv.conv", out: "conv.out_proj" };

/// Mamba-2's.
pub const STATE_SPACE: StateSpaceNames = StateSpaceNames {
    inputs: "mixer.in_proj",
    filter: "mixer.conv1d",
    dt_bias: "mixer.dt_bias|mixer.dt_proj.bias",
    rate: "mixer.A_log",
    skip: "mixer.D",
    norm: "mixer.norm",
    out: "mixer.out_proj",
};

/// Qwen3.5's.
const DELTA: DeltaNames = DeltaNames {
    inputs: DeltaMaps::Apart(DELTA_INPUTS),
    steps: DeltaMaps::Apart(["linear_attn.in_proj_b", "linear_attn.in_proj_a"]),
    filter: "linear_attn.conv1d",
    dt_bias: "linear_attn.dt_bias|linear_attn.dt_proj.bias",
    rate: "linear_attn.A_log",
    norm: "linear_attn.norm",
    out: "linear_attn.out_proj",
};

/// The maps to queries, keys and values, and to the gate, where they are apart: Qwen3.5, and newer GGUF files of Qwen3-Next.
const DELTA_INPUTS: [&str; 2] = ["linear_attn.in_proj_qkv", "linear_attn.in_proj_z"];

/// Qwen3-Next's.
pub const DELTA_BY_KEY_HEAD: DeltaNames = DeltaNames {
    inputs: DeltaMaps::ByKeyHead("linear_attn.in_proj_qkvz"),
    steps: DeltaMaps::ByKeyHead("linear_attn.in_proj_ba"),
    ..DELTA
};

/// Qwen's.
pub const EXPERTS: ExpertNames = ExpertNames {
    router: "mlp.gate",
    maps: ExpertMaps::Apart([
        "mlp.experts.*.gate_proj",
        "mlp.experts.*.up_proj",
        "mlp.experts.*.down_proj",
    ]),
    shared: FeedNames::Gated(
        "mlp.shared_expert.gate_proj",
        "mlp.shared_expert.up_proj",
        "mlp.shared_expert.down_proj",
    ),
    shared_gate: "mlp.shared_expert_gate",
    choice_bias: "mlp.gate.e_score_correction_bias",
    beside: BesideNames {
        router_gain: "router.scale",
        scales: "router.per_expert_scale",
        norm: "pre_feedforward_layernorm_2",
        post_norm: "post_feedforward_layernorm_2",
        shared_post_norm: "post_feedforward_layernorm_1",
    },
};

/// Gates and ups, and downs, of all experts, as transformers computes with them and some checkpoints are hosted.
const PAIRS: [&str; 2] = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"];

/// DeepSeek's.
pub const LATENT: LatentNames = LatentNames {
    q: "self_attn.q_proj",
    q_parts: ["self_attn.q_a_proj", "self_attn.q_a_layernorm", "self_attn.q_b_proj"],
    down: "self_attn.kv_a_proj_with_mqa",
    norm: "self_attn.kv_a_layernorm",
    up: LatentUp::ByHead("self_attn.kv_b_proj"),
};

/// What a GGUF file's names of experts are translated to.
const EXPERTS_IN_GGUF: ExpertNames = ExpertNames {
    maps: ExpertMaps::Stacked([
        "mlp.experts.gate_proj",
        "mlp.experts.up_proj",
        "mlp.experts.down_proj",
    ]),
    choice_bias: "mlp.gate.e_score_correction.bias",
    beside: BesideNames {
        router_gain: "mlp.gate.scale",
        scales: "mlp.experts.down_proj.scale",
        ..EXPERTS.beside
    },
    ..EXPERTS
};

/// The names of experts that MLX has stacked: gate, up, down.
const EXPERTS_IN_MLX: [[&str; 3]; 2] = [
    ["mlp.switch_mlp.gate_proj", "mlp.switch_mlp.up_proj", "mlp.switch_mlp.down_proj"],
    [
        "block_sparse_moe.switch_mlp.gate_proj",
        "block_sparse_moe.switch_mlp.up_proj",
        "block_sparse_moe.switch_mlp.down_proj",
    ],
];

/// What a GGUF file's names of maps from latents are translated to.
const LATENT_UP_IN_GGUF: [&str; 2] = ["self_attn.k_b_proj", "self_attn.v_b_proj"];

/// Whether the first gates and ups, and downs, of all experts, which have these names, are each (expert, in, out): only
/// so have both the width of the stream where the other has the number of units.
fn stacks_columns(checkpoint: &Checkpoint, [both, down]: [&str; 2]) -> bool {
    let shape = |end: &str| {
        let tensor = checkpoint.tensors().iter().find(|tensor| tensor.name.ends_with(end))?;
        <[usize; 3]>::try_from(&*tensor.shape).ok()
    };
    let shapes = shape(both).zip(shape(down));
    shapes.is_some_and(|([_, first, _], [_, units, last])| first == last && first != units)
}

impl Names {
    /// The names that the map to the logits may have.
    pub fn outputs(&self) -> TensorNames {
        TensorNames::listed(self.unembed).each(|name| format!("{name}.weight"))
    }

    /// A name of a layer's table in the file, with each of its alternatives.
    fn in_layer(&self, l: usize, name: &str) -> TensorNames {
        TensorNames::listed(name).each(|name| format!("{}{l}.{name}", self.layers))
    }

    /// The names in a checkpoint, whose experts may be packed or, in older GGUF files, apart, and whose keys and values may be made by two tensors.
    #[must_use]
    pub fn in_form_of(mut self, checkpoint: &Checkpoint) -> Self {
        if let QkvNames::Latent(names) = &mut self.qkv {
            let apart = format!("{}.weight", LATENT_UP_IN_GGUF[0]);
            if checkpoint.tensors().iter().any(|tensor| tensor.name.ends_with(&apart)) {
                names.up = LatentUp::Stacked(LATENT_UP_IN_GGUF);
            }
        }
        let has = |end: &str| checkpoint.tensors().iter().any(|tensor| tensor.name.ends_with(end));
        // Llama's class for answers calls its body as GPT-2's do.
        if checkpoint.tensor("transformer.embed_tokens.weight").is_some() {
            self.body = &["transformer."];
        }
        if checkpoint.is_gguf() {
            if has(&format!("{}.weight", DELTA_INPUTS[0])) {
                self.delta.inputs = DeltaMaps::Apart(DELTA_INPUTS);
            }
            let is_apart = |name: &str| name.contains(".mlp.experts.0.");
            let are_apart = checkpoint.tensors().iter().any(|tensor| is_apart(&tensor.name));
            let maps = if are_apart { EXPERTS.maps } else { EXPERTS_IN_GGUF.maps };
            let (family, has_pairs) = (self.experts, has(&format!("{}.weight", PAIRS[0])));
            self.experts = ExpertNames { maps, ..EXPERTS_IN_GGUF };
            if has_pairs {
                self.experts.maps = ExpertMaps::StackedPairs(PAIRS[0], PAIRS[1]);
            }
            // Gemma 4's shared expert has the names of a plain feed-forward.
            if !has(".mlp.shared_expert.gate_proj.weight") {
                self.experts.shared = family.shared;
            }
        } else if let ExpertMaps::Apart(_) = self.experts.maps
            && has(PAIRS[0])
        {
            self.experts.maps = if stacks_columns(checkpoint, PAIRS) {
                ExpertMaps::BareColumns(PAIRS[0], PAIRS[1])
            } else {
                ExpertMaps::BarePairs(PAIRS[0], PAIRS[1])
            };
        } else if let ExpertMaps::Apart(_) = self.experts.maps
            && let Some(maps) =
                EXPERTS_IN_MLX.iter().find(|maps| has(&format!("{}.weight", maps[0])))
        {
            self.experts.maps = ExpertMaps::Stacked(*maps);
        } else if let ExpertMaps::Alternating(both, _, form) = &mut self.experts.maps {
            let packed = format!("{both}{BLOCKS}");
            if checkpoint.tensors().iter().any(|tensor| tensor.name.ends_with(&packed)) {
                *form = StackForm::Mxfp4;
            }
        }
        self
    }

    /// Where a file has each weight of a plan.
    pub fn expected(
        &self,
        plan: &DecoderPlan,
        biases: Biases,
        is_gguf: bool,
    ) -> Vec<ExpectedWeight> {
        let mut list = NameList { names: self, plan, biases, is_gguf, wanted: vec![] };
        list.ends();
        for (l, layer) in plan.layers.iter().enumerate() {
            list.layer(l, layer);
        }
        list.wanted
    }
}
