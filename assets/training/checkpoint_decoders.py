"""The sites of decoder-only models of Hugging Face: one function, and what each family calls its parts.

A `Layer` names the modules of one layer. What a family has not is None, and makes no site.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from transformers.models.llama4.modeling_llama4 import apply_rotary_emb

import checkpoint_mixers as mixers

Sites = dict[str, Tensor]


@dataclass(frozen=True)
class Layer:
    """The parts of a layer, by the path of each module in it."""

    norm1: str | None = "input_layernorm"
    norm2: str | None = "post_attention_layernorm"
    post_norm1: str | None = None
    post_norm2: str | None = None
    attn: str = "self_attn"
    q: str = "self_attn.q_proj"
    k: str = "self_attn.k_proj"
    v: str = "self_attn.v_proj"
    qkv: str | None = None
    """One map for queries, keys and values, in place of three."""
    by_head: bool = False
    """Whether its rows stand head by head."""
    by_core: bool = False
    """Whether its rows stand in four parts, in each those of queries, values and keys."""
    out: str = "self_attn.o_proj"
    qk_norms: tuple[str, str] | None = None
    norms_last: bool = False
    """Whether those normalise what was rotated."""
    gate: str | None = "mlp.gate_proj"
    up: str = "mlp.up_proj"
    gate_up: str | None = None
    """One map for gate and up, in place of two."""
    down: str = "mlp.down_proj"
    act: str = "mlp.act_fn"
    is_parallel: bool = False
    scales: bool = True
    mixture: str | None = None
    """The module of a router and its experts, in place of one network, in the layers that have it."""
    router: str = "gate"
    shared: str | None = None
    """The expert of all tokens, in the layer."""
    shared_gate: str | None = None
    has_gate: bool = False
    """Whether the map to queries makes a gate too, head by head."""
    v_norm: str | None = None
    """Of values, without a gain."""
    by_affinity: bool = False
    """Whether experts are chosen as DeepSeek's, whose attention may be latent."""
    is_latent: bool = False
    """Whether keys and values are made from a few numbers a token."""


@dataclass(frozen=True)
class Family:
    layer: Layer = Layer()
    body: str = "model"
    embed: str = "embed_tokens"
    positions: str | None = None
    embed_norm: str | None = None
    layers: str = "layers"
    final_norm: str = "norm"
    unembed: str = "lm_head"
    eps: str | float = "rms_norm_eps"


LLAMA = Layer()
SANDWICH = replace(
    LLAMA, norm2="pre_feedforward_layernorm", post_norm1="post_attention_layernorm", post_norm2="post_feedforward_layernorm"
)
OLMO2 = replace(
    LLAMA, norm1=None, norm2=None, post_norm1="post_attention_layernorm", post_norm2="post_feedforward_layernorm",
    qk_norms=("self_attn.q_norm", "self_attn.k_norm"),
)  # fmt: skip
QWEN3 = replace(LLAMA, qk_norms=("self_attn.q_norm", "self_attn.k_norm"))
PHI3 = replace(LLAMA, qkv="self_attn.qkv_proj", gate_up="mlp.gate_up_proj", act="mlp.activation_fn")

FAMILIES = {
    "llama": Family(), "mistral": Family(), "qwen2": Family(), "qwen3": Family(QWEN3), "qwen3_vl_text": Family(QWEN3), "qwen2_5_vl_text": Family(), "smollm3": Family(),
    "ministral3": Family(), "granite": Family(), "olmo2": Family(OLMO2), "olmo3": Family(OLMO2), "phi3": Family(PHI3),
    "gemma": Family(), "gemma2": Family(SANDWICH),
    "gemma3_text": Family(replace(SANDWICH, qk_norms=QWEN3.qk_norms)),
    "gemma4_text": Family(replace(SANDWICH, qk_norms=QWEN3.qk_norms, v_norm="self_attn.v_norm", scales=False)),
}  # fmt: skip
PLAIN = replace(LLAMA, gate=None)
BLOOM = replace(
    PLAIN, attn="self_attention", qkv="self_attention.query_key_value", by_head=True, out="self_attention.dense",
    up="mlp.dense_h_to_4h", down="mlp.dense_4h_to_h",
)  # fmt: skip
FALCON = replace(BLOOM, norm2=None, is_parallel=True)
PARALLEL = replace(LLAMA, norm2=None, is_parallel=True)
GPT = Family(body="transformer", embed="wte", layers="h", final_norm="ln_f", eps="layer_norm_epsilon")
GPTJ = replace(
    PLAIN, norm1="ln_1", norm2=None, is_parallel=True, attn="attn", q="attn.q_proj", k="attn.k_proj", v="attn.v_proj",
    out="attn.out_proj", up="mlp.fc_in", down="mlp.fc_out",
)  # fmt: skip
GPT_NEO = replace(
    PLAIN, norm1="ln_1", norm2="ln_2", attn="attn.attention", q="attn.attention.q_proj", k="attn.attention.k_proj",
    v="attn.attention.v_proj", out="attn.attention.out_proj", up="mlp.c_fc", down="mlp.c_proj", scales=False,
)  # fmt: skip
OPT = replace(
    PLAIN, norm1="self_attn_layer_norm", norm2="final_layer_norm", out="self_attn.out_proj", up="fc1", down="fc2"
)  # fmt: skip
MPT = replace(
    PLAIN, norm1="norm_1", norm2="norm_2", attn="attn", qkv="attn.Wqkv", out="attn.out_proj", up="ffn.up_proj", down="ffn.down_proj"
)  # fmt: skip
NEOX = replace(
    BLOOM, attn="attention", qkv="attention.query_key_value", out="attention.dense", is_parallel=True
)  # fmt: skip
PHI = replace(PLAIN, norm2=None, is_parallel=True, out="self_attn.dense", up="mlp.fc1", down="mlp.fc2")
FAMILIES |= {
    "gpt_neox": Family(NEOX, "gpt_neox", "embed_in", final_norm="final_layer_norm", eps="layer_norm_eps"),
    "gptj": replace(GPT, layer=GPTJ), "gpt_neo": replace(GPT, layer=GPT_NEO, positions="wpe"),
    "opt": Family(OPT, "model.decoder", positions="embed_positions", final_norm="final_layer_norm", eps=1e-5),
    "bloom": replace(GPT, layer=BLOOM, embed="word_embeddings", embed_norm="word_embeddings_layernorm"),
    "mpt": replace(GPT, layer=MPT, layers="blocks", final_norm="norm_f"),
    "falcon": replace(GPT, layer=FALCON, embed="word_embeddings"),
    "phi": Family(PHI, final_norm="final_layernorm", eps="layer_norm_eps"),
    "stablelm": Family(eps="layer_norm_eps"),
    "starcoder2": Family(replace(PLAIN, up="mlp.c_fc", down="mlp.c_proj"), eps="norm_epsilon"),
    "cohere": Family(PARALLEL, eps="layer_norm_eps"), "cohere2": Family(PARALLEL, eps="layer_norm_eps"),
}  # fmt: skip
MIXTURE = replace(LLAMA, mixture="mlp")
GRANITE_MOE = replace(MIXTURE, mixture="block_sparse_moe", router="router")
FAMILIES |= {
    "mixtral": Family(MIXTURE), "qwen3_moe": Family(replace(MIXTURE, qk_norms=QWEN3.qk_norms)),
    "qwen2_moe": Family(replace(MIXTURE, shared="mlp.shared_expert", shared_gate="mlp.shared_expert_gate")),
    "olmoe": Family(replace(MIXTURE, qk_norms=QWEN3.qk_norms)), "granitemoe": Family(GRANITE_MOE),
    "granitemoeshared": Family(replace(GRANITE_MOE, shared="shared_mlp")),
    "gpt_oss": Family(replace(MIXTURE, router="router")),
}  # fmt: skip
QWEN35 = replace(QWEN3, has_gate=True)
FAMILIES["qwen3_5_text"] = Family(QWEN35)
FAMILIES["qwen3_5_moe_text"] = Family(replace(QWEN35, mixture="mlp", shared="mlp.shared_expert", shared_gate="mlp.shared_expert_gate"))
FAMILIES["qwen3_next"] = FAMILIES["qwen3_5_moe_text"]
DEEPSEEK = Family(replace(MIXTURE, shared="mlp.shared_experts", by_affinity=True, is_latent=True))
FAMILIES |= {"deepseek_v2": DEEPSEEK, "deepseek_v3": DEEPSEEK}
UNGATED = replace(LLAMA, gate=None)
GLM = replace(LLAMA, gate_up="mlp.gate_up_proj", act="mlp.activation_fn")
HUNYUAN = replace(LLAMA, qk_norms=("self_attn.query_layernorm", "self_attn.key_layernorm"), norms_last=True)
FAMILIES |= {
    "nemotron": Family(UNGATED, eps="norm_eps"), "olmo": Family(eps=1e-5), "arcee": Family(UNGATED),
    "apertus": Family(replace(UNGATED, norm1="attention_layernorm", norm2="feedforward_layernorm", qk_norms=QWEN3.qk_norms)),
    "ernie4_5": Family(), "seed_oss": Family(), "helium": Family(), "exaone4": Family(OLMO2), "glm": Family(GLM),
    "glm4": Family(replace(GLM, post_norm1="post_self_attn_layernorm", post_norm2="post_mlp_layernorm")),
    "glm4_moe": Family(replace(MIXTURE, shared="mlp.shared_experts", by_affinity=True)),
    "minimax_m2": Family(replace(MIXTURE, by_affinity=True, qk_norms=QWEN3.qk_norms)),
    "hunyuan_v1_dense": Family(HUNYUAN), "hunyuan_v1_moe": Family(replace(HUNYUAN, mixture="mlp", shared="mlp.shared_mlp")),
    "codegen": replace(GPT, layer=replace(GPTJ, qkv="attn.qkv_proj", by_core=True)),
}  # fmt: skip
FAMILIES["qwen3_vl_moe_text"] = FAMILIES["qwen3_moe"]
FAMILIES["gemma4_unified_text"] = FAMILIES["gemma4_text"]
LLAMA4 = replace(
    MIXTURE, gate="feed_forward.gate_proj", up="feed_forward.up_proj", down="feed_forward.down_proj", act="feed_forward.activation_fn",
    mixture="feed_forward", router="router", shared="feed_forward.shared_expert",
)  # fmt: skip
FAMILIES["llama4_text"] = Family(LLAMA4)
COMPOSITE = {"mistral3": "mistral", "gemma3": "gemma3_text", "gemma4": "gemma4_text", "qwen3_5": "qwen3_5_text",
             "qwen3_vl": "qwen3_vl_text", "qwen2_5_vl": "qwen2_5_vl_text", "qwen3_vl_moe": "qwen3_vl_moe_text",
             "gemma4_unified": "gemma4_unified_text", "llama4": "llama4_text", "idefics3": "llama", "smolvlm": "llama",
             "paligemma": "gemma"}  # fmt: skip


LFM2 = replace(
    LLAMA, norm1="operator_norm", norm2="ffn_norm", out="self_attn.out_proj", qk_norms=("self_attn.q_layernorm", "self_attn.k_layernorm"),
    gate="feed_forward.w1", up="feed_forward.w3", down="feed_forward.w2", act=None,
)  # fmt: skip
MAMBA2 = replace(LLAMA, norm1="norm", norm2=None)
FAMILIES |= {
    "lfm2": Family(LFM2, final_norm="embedding_norm", eps="norm_eps"),
    "lfm2_moe": Family(replace(LFM2, mixture="feed_forward", by_affinity=True), final_norm="embedding_norm", eps="norm_eps"),
    "mamba2": Family(MAMBA2, "backbone", "embeddings", final_norm="norm_f", eps="layer_norm_epsilon"),
}  # fmt: skip
BAMBA = replace(
    LLAMA, norm2="pre_ff_layernorm", gate="feed_forward.gate_proj", up="feed_forward.up_proj", down="feed_forward.down_proj",
    act="feed_forward.act_fn",
)  # fmt: skip
GRANITE4 = replace(
    GRANITE_MOE, shared="shared_mlp", gate_up="shared_mlp.input_linear", down="shared_mlp.output_linear", act="shared_mlp.activation"
)  # fmt: skip
NEMOTRON_H = replace(
    PLAIN, norm1="norm", norm2=None, attn="mixer", q="mixer.q_proj", k="mixer.k_proj", v="mixer.v_proj", out="mixer.o_proj",
    up="mixer.up_proj", down="mixer.down_proj", mixture="mixer", shared="mixer.shared_experts", by_affinity=True,
)  # fmt: skip
FAMILIES |= {
    "bamba": Family(BAMBA, final_norm="final_layernorm"), "granitemoehybrid": Family(GRANITE4),
    "nemotron_h": Family(NEMOTRON_H, "model", "embeddings", final_norm="norm_f", eps="layer_norm_epsilon"),
}  # fmt: skip


def styled(layer: Layer, config) -> Layer:
    """The parts of a layer where settings change them."""
    if getattr(config, "use_parallel_residual", None) is False and config.model_type == "gpt_neox":
        return replace(layer, is_parallel=False)
    if getattr(config, "use_parallel_residual", False) and config.model_type == "stablelm":
        return replace(layer, norm2=None, is_parallel=True)
    if getattr(config, "use_qk_norm", False) and config.model_type not in ("minimax_m2", "llama4_text"):
        return replace(layer, qk_norms=QWEN3.qk_norms)
    if getattr(config, "new_decoder_architecture", False):
        return replace(layer, norm1="ln_attn", norm2="ln_mlp")
    return layer


def slopes_of(config) -> Tensor | None:
    """ALiBi's, head by head."""
    if config.model_type not in ("bloom", "mpt"):
        return None
    n = config.num_attention_heads
    power = 2 ** (n.bit_length() - 1)
    of_power = lambda count: [2 ** (-8 * h / count) for h in range(1, count + 1)]
    return torch.tensor([*of_power(power), *of_power(2 * power)[::2][: n - power]])


def key_heads(config) -> int:
    n = config.num_attention_heads
    if config.model_type == "falcon":
        return config.num_kv_heads if config.new_decoder_architecture else 1 if config.multi_query else n
    return getattr(config, "num_key_value_heads", None) or n


def catch_attention(taps, attn: nn.Module, before: dict[str, Tensor], sizes: tuple[int, int]) -> None:
    """Where the library has no function of attention to listen to: from its parts, and the weights that it returns."""
    if attn in taps.attentions:
        caught = taps.attentions[attn]
        if caught["scaling"] == 1.0 and hasattr(attn, "scaling"):  # OPT scales its queries
            caught["q"], caught["scaling"] = caught["q"] / attn.scaling, attn.scaling
        return
    weights = taps.whole[attn][1][0]
    cut = lambda x, n: x.view(len(x), n, -1).transpose(0, 1)
    heads = {"q": cut(before["q"], sizes[0]), "k": cut(before["k"], sizes[1]), "v": cut(before["v"], sizes[1])}
    if attn in taps.turned:
        q, k = taps.turned[attn]
        heads["q"], heads["k"] = q[0], k[0][:: len(k[0]) // sizes[1]]
    scaling = 1 / attn.scale_attn if hasattr(attn, "scale_attn") else heads["q"].shape[-1] ** -0.5
    taps.attentions[attn] = {**heads, "weights": weights, "mask": None, "scaling": float(scaling)}


def queries_keys_values(taps, block: nn.Module, layer: Layer, sizes: tuple[int, int]) -> dict[str, Tensor]:
    """As the linear maps give them, (row, col)."""
    if layer.v_norm is not None:  # keys may be another layer's, values what the map to keys makes
        maps = {n: getattr(block.get_submodule(layer.attn), f"{n}_proj", None) for n in "qkv"}
        made = {n: taps.out_of(module) for n, module in maps.items() if module is not None}
        return {**made, "v": made.get("v", made["k"])} if "k" in made else made
    if layer.qkv is None:
        return {n: taps.out_of(block.get_submodule(getattr(layer, n))) for n in "qkv"}
    out, (n_heads, n_kv) = taps.out_of(block.get_submodule(layer.qkv)), sizes
    if layer.by_core:
        return dict(zip("qvk", (part.flatten(1) for part in out.unflatten(1, (4, 3, -1)).unbind(2))))
    d_head = out.shape[1] // (n_heads + 2 * n_kv)
    if not layer.by_head:
        return dict(zip("qkv", out.split([n_heads * d_head, n_kv * d_head, n_kv * d_head], 1)))
    groups = out.view(len(out), n_kv, n_heads // n_kv + 2, d_head)
    return {"q": groups[:, :, :-2].flatten(1), "k": groups[:, :, -2].flatten(1), "v": groups[:, :, -1].flatten(1)}


def from_latents(taps, at: str, attn: nn.Module, config) -> tuple[Sites, dict[str, Tensor]]:
    """What latent attention makes, and queries, keys and values as (row, col)."""
    caught, own, shared = taps.attentions[attn], config.qk_nope_head_dim, config.qk_rope_head_dim
    sites = {}
    if attn.q_proj is None:
        sites[f"{at}.q_latent"] = taps.out_of(attn.q_a_proj)
        sites |= taps.norm(f"{at}.q_latent_norm", attn.q_a_layernorm, attn.q_a_layernorm.variance_epsilon)
    sites[f"{at}.latent"], k_shared = taps.out_of(attn.kv_a_proj_with_mqa).split([config.kv_lora_rank, shared], 1)
    norm = taps.norm(f"{at}.latent_norm", attn.kv_a_layernorm, attn.kv_a_layernorm.variance_epsilon)
    of_heads = taps.outputs[attn.kv_b_proj].flatten(0, -2).unflatten(1, (attn.num_heads, -1)).transpose(0, 1)
    k_own, v = of_heads.split([own, config.v_head_dim], 2)
    k = torch.cat([k_own, k_shared.expand(len(k_own), -1, -1)], 2)
    sites |= norm | {f"{at}.k_shared": k_shared, f"{at}.k_own": k_own}
    if getattr(config, "rope_interleave", False):  # the library has sorted the pairs into halves
        for name in "qk":
            left, right = caught[name][..., own:].chunk(2, -1)
            turned = torch.stack([left, right], -1).flatten(-2)
            caught[name] = torch.cat([caught[name][..., :own], turned], -1)
    q = taps.out_of(attn.q_b_proj if attn.q_proj is None else attn.q_proj)
    rows = lambda x: x.transpose(0, 1).flatten(1)
    return sites, {"q": q, "k": rows(k), "v": rows(v)}


def chosen_by_affinity(at: str, mixture: nn.Module, router: nn.Module, config, logits: Tensor) -> tuple[Sites, Tensor]:
    """The scores of DeepSeek's experts and of others like them, and what they are chosen by."""
    is_bias = lambda name: name.endswith(("e_score_correction_bias", "expert_bias"))
    bias = next((b for n, b in mixture.named_buffers() if is_bias(n)), None)
    is_v3 = bias is not None
    scores = logits.sigmoid() if is_v3 else logits.softmax(1)
    sites, choice = {f"{at}.ffn.router.{'affinities' if is_v3 else 'probabilities'}": scores}, scores
    if is_v3:
        sites[f"{at}.ffn.router.biased"] = choice = scores + bias
    is_grouped = (is_v3 and hasattr(config, "n_group")) or getattr(config, "topk_method", None) == "group_limited_greedy"
    if is_grouped and config.topk_group < config.n_group:
        of_groups = choice.unflatten(1, (config.n_group, -1))
        best = of_groups.topk(2 if is_v3 else 1, 2).values.sum(2).topk(config.topk_group, 1).indices
        hidden = torch.ones(len(logits), config.n_group, dtype=torch.bool).scatter(1, best, False)
        sites[f"{at}.ffn.router.grouped"] = choice = of_groups.masked_fill(hidden[..., None], -torch.inf).flatten(1)
    return sites, choice


def routed(taps, at: str, block: nn.Module, layer: Layer, config) -> Sites:
    """A router and the experts that it chooses: what each chosen one computes, by choice."""
    mixture = block.get_submodule(layer.mixture)
    router, experts = mixture.get_submodule(layer.router), mixture.experts
    logits, weights, chosen = taps.whole[router]
    sites = {f"{at}.ffn.router.logits": logits}
    if layer.by_affinity:
        scored, choice = chosen_by_affinity(at, mixture, router, config, logits)
        sites |= scored
        order = weights.argsort(1, descending=True)
        weights, chosen = weights.gather(1, order), chosen.gather(1, order)
    else:
        choice = torch.softmax(logits, 1)
        sites |= {} if softmax_of_chosen(config) else {f"{at}.ffn.router.probabilities": choice}
    taps.near(at, logits, taps.into(router) @ getattr(router, "wg", router).weight.T + (getattr(router, "bias", None) if getattr(router, "bias", None) is not None else 0))
    taps.near(at, choice.topk(chosen.shape[1], 1).indices.sort(1).values.float(), chosen.sort(1).values.float())
    sites[f"{at}.ffn.router.weights"] = torch.zeros_like(logits).scatter(1, chosen, weights)
    x = taps.into(router)
    of_choice = lambda w: w[chosen.T]  # (choice, token, ...)
    if hasattr(experts, "limit"):
        gate_up = torch.einsum("ti,ctio->cto", x, of_choice(experts.gate_up_proj)) + of_choice(experts.gate_up_proj_bias)
        gate, up = gate_up[..., ::2], gate_up[..., 1::2]
        sites |= {f"{at}.ffn.experts.gate": gate, f"{at}.ffn.experts.up": up}
        gate, up = gate.clamp(max=experts.limit), up.clamp(-experts.limit, experts.limit)
        act = gate * torch.sigmoid(experts.alpha * gate)
        sites |= {f"{at}.ffn.experts.gate_clamped": gate, f"{at}.ffn.experts.up_clamped": up}
        hidden = act * (up + 1)
        out = torch.einsum("cti,ctio->cto", hidden, of_choice(experts.down_proj)) + of_choice(experts.down_proj_bias)
    elif hasattr(experts, "up_proj"):  # without gates
        act = None
        sites[f"{at}.ffn.experts.up"] = up = torch.einsum("ti,ctoi->cto", x, of_choice(experts.up_proj))
        hidden = experts.act_fn(up)
        out = torch.einsum("cti,ctoi->cto", hidden, of_choice(experts.down_proj))
    else:
        gate, up = torch.einsum("ti,ctoi->cto", x, of_choice(experts.gate_up_proj)).chunk(2, 2)
        act = experts.act_fn(gate) if hasattr(experts, "act_fn") else nn.functional.silu(gate)
        sites |= {f"{at}.ffn.experts.gate": gate, f"{at}.ffn.experts.up": up}
        hidden = act * up
        out = torch.einsum("cti,ctoi->cto", hidden, of_choice(experts.down_proj))
    sites |= {f"{at}.ffn.experts.hidden": hidden, f"{at}.ffn.experts.out": out}
    sites |= {} if act is None else {f"{at}.ffn.experts.act": act}
    mixed = (weights.T[..., None] * out).sum(0)
    taps.near(at, mixed, taps.outputs[experts])
    if layer.shared is None:
        return sites | {f"{at}.ffn.out": mixed}
    sites |= shared_expert(taps, at, block.get_submodule(layer.shared))
    taken = sites[f"{at}.ffn.shared.out"]
    if layer.shared_gate is not None:
        sites[f"{at}.ffn.shared.gate_logit"] = logit = taps.out_of(block.get_submodule(layer.shared_gate))
        sites[f"{at}.ffn.shared.share"] = torch.sigmoid(logit)
        sites[f"{at}.ffn.shared.taken"] = taken = torch.sigmoid(logit) * taken
    return sites | {f"{at}.ffn.mixed": mixed, f"{at}.ffn.out": mixed + taken}


def shared_expert(taps, at: str, module: nn.Module) -> Sites:
    parts = {"gate": "gate_proj", "up": "up_proj", "down": "down_proj", "act": "act_fn"}
    if hasattr(module, "input_linear"):
        parts = {"gate_up": "input_linear", "down": "output_linear", "act": "activation"}
    if not hasattr(module, "gate_proj") and not hasattr(module, "input_linear"):
        parts["gate"] = None
    if hasattr(module, "activation_fn"):
        parts["act"] = "activation_fn"
    shared = feed_forward(taps, f"{at}.ffn.shared", module, replace(Layer(), **parts))
    return {name.replace(".shared.ffn.", ".shared."): value for name, value in shared.items()}


def routed_inputs(taps, at: str, block: nn.Module, layer: Layer) -> Sites:
    """Llama 4's: an expert's weight multiplies what it reads."""
    mixture = block.get_submodule(layer.mixture)
    router, experts, x = mixture.router, mixture.experts, taps.into(mixture.router)
    scores, logits = taps.whole[router]
    affinities = logits.sigmoid()
    chosen = affinities.topk(router.top_k, 1).indices
    shares = affinities.gather(1, chosen)
    weights = torch.zeros_like(logits).scatter(1, chosen, shares)
    taps.near(at, weights, scores)
    weighted = shares.T[..., None] * x
    gate, up = torch.einsum("cti,ctio->cto", weighted, experts.gate_up_proj[chosen.T]).chunk(2, 2)
    act = experts.act_fn(gate)
    out = torch.einsum("cti,ctio->cto", act * up, experts.down_proj[chosen.T])
    at_experts = {"weighted": weighted, "gate": gate, "up": up, "act": act, "hidden": act * up, "out": out}
    sites = {f"{at}.ffn.experts.{name}": value for name, value in at_experts.items()}
    sites |= {f"{at}.ffn.router.logits": logits, f"{at}.ffn.router.affinities": affinities, f"{at}.ffn.router.weights": weights}
    sites |= shared_expert(taps, at, block.get_submodule(layer.shared))
    sites[f"{at}.ffn.mixed"] = mixed = out.sum(0)
    sites[f"{at}.ffn.out"] = mixed + sites[f"{at}.ffn.shared.out"]
    taps.near(at, sites[f"{at}.ffn.out"], taps.out_of(mixture))
    return sites


def routed_beside(taps, at: str, block: nn.Module, layer: Layer, config, eps: float) -> Sites:
    """Gemma 4's: a network for all tokens, and experts beside it whose router reads the stream itself."""
    router, experts = block.router, block.experts
    stream, at = taps.into(block.pre_feedforward_layernorm), f"{at}.ffn"
    shared = feed_forward(taps, f"{at}.shared", block, layer)
    sites = {name.replace(".shared.ffn.", ".shared."): value for name, value in shared.items()}
    square = stream.square().mean(-1, keepdim=True)
    sites[f"{at}.router.norm.mean_square"] = square
    sites[f"{at}.router.norm.normalized"] = normalized = stream / (square + eps).sqrt()
    sites[f"{at}.router.norm.out"] = out = normalized * router.scale
    sites[f"{at}.router.input"] = given = out * config.hidden_size**-0.5
    taps.near(at, given, taps.into(router.proj))
    sites[f"{at}.router.logits"] = logits = taps.out_of(router.proj)
    probabilities, weights, chosen = taps.whole[router]
    taps.near(at, torch.softmax(logits, 1), probabilities)
    sites[f"{at}.router.probabilities"] = probabilities
    shares = probabilities.gather(1, chosen)
    sites[f"{at}.router.shares"] = torch.zeros_like(logits).scatter(1, chosen, shares / shares.sum(1, keepdim=True))
    sites[f"{at}.router.weights"] = torch.zeros_like(logits).scatter(1, chosen, weights)
    sites |= taps.norm(f"{at}.experts.norm", block.pre_feedforward_layernorm_2, eps)
    x = sites[f"{at}.experts.norm.out"]
    gate, up = torch.einsum("ti,ctoi->cto", x, experts.gate_up_proj[chosen.T]).chunk(2, 2)
    act = experts.act_fn(gate)
    out = torch.einsum("cti,ctoi->cto", act * up, experts.down_proj[chosen.T])
    for name, value in (("gate", gate), ("up", up), ("act", act), ("hidden", act * up), ("out", out)):
        sites[f"{at}.experts.{name}"] = value
    sites[f"{at}.mixed"] = mixed = (weights.T[..., None] * out).sum(0)
    taps.near(at, mixed, taps.outputs[experts])
    sites |= taps.norm(f"{at}.experts.post_norm", block.post_feedforward_layernorm_2, eps)
    sites |= taps.norm(f"{at}.shared.post_norm", block.post_feedforward_layernorm_1, eps)
    both = sites[f"{at}.experts.post_norm.out"] + sites[f"{at}.shared.post_norm.out"]
    taps.near(at, both, taps.into(block.post_feedforward_layernorm))
    return sites | {f"{at}.out": both}


def softmax_of_chosen(config) -> bool:
    return config.model_type.startswith(("granitemoe", "gpt_oss"))


def feed_forward(taps, at: str, block: nn.Module, layer: Layer) -> Sites:
    down = block.get_submodule(layer.down)
    rest = {f"{at}.ffn.hidden": taps.into(down), f"{at}.ffn.out": taps.out_of(down)}
    if layer.gate is None:
        return {f"{at}.ffn.sum": taps.out_of(block.get_submodule(layer.up))} | rest
    if layer.gate_up is not None:
        gate, up = taps.out_of(block.get_submodule(layer.gate_up)).chunk(2, 1)
    else:
        gate, up = (taps.out_of(block.get_submodule(name)) for name in (layer.gate, layer.up))
    act = nn.functional.silu(gate) if layer.act is None else block.get_submodule(layer.act)(gate)
    return {f"{at}.ffn.gate": gate, f"{at}.ffn.act": act, f"{at}.ffn.up": up} | rest


MIXERS = {"conv": "conv", "linear_attn": "delta", "mamba": "ssm"}
"""What stands in place of attention: its module, and what it is called here."""


def has(block: nn.Module, name: str) -> bool:
    return getattr(block, name, None) is not None


def alone(taps, at: str, block: nn.Module, layer: Layer, config, eps: float) -> Sites:
    """A layer with one half: a state space, attention, a network or experts."""
    kind = getattr(block, "block_type", "linear_attention")
    feeds = kind in ("mlp", "moe")
    sites = {f"{at}.resid_pre": taps.into(block)} | taps.norm(f"{at}.norm{2 if feeds else 1}", block.norm, eps)
    if kind == "linear_attention":
        sites |= mixers.state_space(taps, f"{at}.ssm", block.mixer)
        name = "ssm"
    elif kind == "full_attention":
        sites |= mixed(taps, at, block, layer, config, eps, None)
        name = "attn"
    else:
        sites |= routed(taps, at, block, layer, config) if kind == "moe" else feed_forward(taps, at, block, layer)
        name = "ffn"
    taps.near(at, taps.into(block) + sites[f"{at}.{name}.out"], taps.out_of(block))
    return sites | {f"{at}.resid_post": taps.out_of(block)}


def decoder_layer(taps, at: str, block: nn.Module, layer: Layer, config, eps: float, slopes: Tensor | None) -> Sites:
    layer = styled(layer, config)
    part = lambda name: None if name is None else block.get_submodule(name)
    if hasattr(block, "mixer"):
        return alone(taps, at, block, layer, config, eps)
    norms = {name: part(getattr(layer, name)) for name in ("norm1", "norm2", "post_norm1", "post_norm2")}
    sites = {f"{at}.resid_pre": taps.into(block)}
    for name, norm in norms.items():
        if norm is not None:
            sites |= taps.norm(f"{at}.{name}", norm, eps)
    sites |= mixed(taps, at, block, layer, config, eps, slopes)
    name = next((name for part, name in MIXERS.items() if has(block, part)), "attn")
    is_mixture = layer.mixture is not None and has(block, layer.mixture) and hasattr(block.get_submodule(layer.mixture), "experts")
    if hasattr(block, "router"):  # experts beside the network
        sites |= routed_beside(taps, at, block, layer, config, eps)
    elif is_mixture and config.model_type == "llama4_text":
        sites |= routed_inputs(taps, at, block, layer)
    else:
        sites |= routed(taps, at, block, layer, config) if is_mixture else feed_forward(taps, at, block, layer)
    addends = [sites[f"{at}.post_norm{i}.out" if norms[f"post_norm{i}"] else f"{at}.{half}.out"] for i, half in ((1, name), (2, "ffn"))]
    if (factor := getattr(config, "residual_multiplier", 1.0)) != 1.0:
        addends = [factor * out for out in addends]
        sites |= {f"{at}.{name}.addend": addends[0], f"{at}.ffn.addend": addends[1]}
    sites[f"{at}.resid_post"] = taps.out_of(block)
    if layer.v_norm is not None:
        return sites | left(taps, at, block, config, eps, addends)
    if layer.is_parallel:
        taps.near(at, taps.into(block) + addends[0] + addends[1], taps.out_of(block))
        return sites
    sites[f"{at}.resid_mid"] = taps.into(block) + addends[0]
    if norms["norm2"] is not None:
        taps.near(at, sites[f"{at}.resid_mid"], taps.into(norms["norm2"]))
    taps.near(at, sites[f"{at}.resid_mid"] + addends[1], taps.out_of(block))
    return sites


def left(taps, at: str, block: nn.Module, config, eps: float, addends: list[Tensor]) -> Sites:
    """Gemma 4's: feed-forward added, then what comes of the layer's own embedding, then all times a number."""
    sites = {f"{at}.resid_mid": taps.into(block) + addends[0]}
    taps.near(at, sites[f"{at}.resid_mid"], taps.into(block.pre_feedforward_layernorm))
    sites[f"{at}.resid_ffn"] = x = sites[f"{at}.resid_mid"] + addends[1]
    if getattr(config, "hidden_size_per_layer_input", 0):
        taps.near(at, x, taps.into(block.per_layer_input_gate))
        sites |= layer_embedding(taps, f"{at}.ple", block, config, eps)
        sites[f"{at}.resid_ple"] = x = x + sites[f"{at}.ple.post_norm.out"]
    taps.near(at, block.layer_scalar * x, taps.out_of(block))
    return sites


def layer_embedding(taps, at: str, block: nn.Module, config, eps: float) -> Sites:
    """What a layer has of its own of every token, and what it makes of it."""
    body, l, width = taps.body, block.layer_idx, config.hidden_size_per_layer_input
    own = slice(l * width, (l + 1) * width)
    token = taps.out_of(body.embed_tokens_per_layer)[:, own]
    said = taps.out_of(body.per_layer_model_projection)[:, own] * config.hidden_size**-0.5
    out = taps.outputs[body.per_layer_projection_norm][0][:, l]
    sites = {f"{at}.token": token, f"{at}.projected": said}
    sites |= taps.normed(f"{at}.norm", body.per_layer_projection_norm, eps, said, out, said.square().mean(-1, keepdim=True))
    sites[f"{at}.sum"] = out + token
    sites[f"{at}.input"] = given = sites[f"{at}.sum"] * 2**-0.5
    sites[f"{at}.gate"] = gate = taps.out_of(block.per_layer_input_gate)
    sites[f"{at}.act"] = act = block.act_fn(gate)
    sites[f"{at}.gated"] = act * given
    taps.near(at, act * given, taps.into(block.per_layer_projection))
    sites[f"{at}.out"] = taps.out_of(block.per_layer_projection)
    return sites | taps.norm(f"{at}.post_norm", block.post_per_layer_input_norm, eps)


def mixed(taps, at: str, block: nn.Module, layer: Layer, config, eps: float, slopes: Tensor | None) -> Sites:
    """What carries something from one word to another."""
    if hasattr(block, "conv"):
        return mixers.short_convolution(taps, f"{at}.conv", block.conv)
    if has(block, "mamba"):
        return mixers.state_space(taps, f"{at}.ssm", block.mamba)
    if hasattr(block, "linear_attn"):
        return mixers.delta_net(taps, f"{at}.delta", block.linear_attn)
    part = lambda name: None if name is None else block.get_submodule(name)
    sites = {}
    if layer.v_norm is None:
        sizes = (config.num_attention_heads, key_heads(config))
    else:  # layers differ
        caught = taps.attentions[part(layer.attn)]
        sizes = (len(caught["q"]), len(caught["k"]))
    if layer.is_latent:
        made, before = from_latents(taps, f"{at}.attn", part(layer.attn), config)
        sites |= made
    else:
        before = queries_keys_values(taps, block, layer, sizes)
    if layer.has_gate:
        of_heads = before["q"].unflatten(1, (sizes[0], 2, -1))
        before["q"], before["gate"] = of_heads[:, :, 0].flatten(1), of_heads[:, :, 1].flatten(1)
    is_there = lambda name: name == layer.qk_norms[0] or "k" in before
    qk_norms = None if layer.qk_norms is None else (*(part(name) for name in layer.qk_norms if is_there(name)), eps)
    attn = part(layer.attn)
    clip = getattr(config, "clip_qkv", None) or getattr(getattr(config, "attn_config", None), "clip_qkv", None)
    bounded = lambda x: x if clip is None else x.clamp(-clip, clip)
    catch_attention(taps, attn, {name: bounded(x) for name, x in before.items()}, sizes)
    caught = taps.attentions[attn]
    rope = getattr(config, "rope_parameters", None) or {}
    if (beta := rope.get("llama_4_scaling_beta")) is not None:
        positions = torch.arange(caught["q"].shape[1])
        caught["factors"] = 1 + beta * torch.log(1 + torch.floor(positions / rope["original_max_position_embeddings"]))
    if getattr(attn, "attn_temperature_tuning", False) and not attn.use_rope:
        positions = torch.arange(caught["q"].shape[1])
        caught["factors"] = 1 + attn.attn_scale * torch.log1p(torch.floor((positions + 1) / attn.floor_scale))
    caught["clip"] = clip
    caught["norms last"] = layer.norms_last
    v_norm = part(layer.v_norm) if layer.v_norm is not None and "v" in before else None
    if config.model_type == "llama4_text" and attn.use_rope:
        made = taps.attention(f"{at}.attn", attn, before, part(layer.out), layer.scales)
        return made | turned_and_normed(taps, f"{at}.attn", attn, before, eps)
    return sites | taps.attention(f"{at}.attn", attn, before, part(layer.out), layer.scales, qk_norms, slopes, v_norm)


def turned_and_normed(taps, at: str, attn: nn.Module, before: dict[str, Tensor], eps: float) -> Sites:
    """Llama 4's queries and keys: rotated, and then normalised without a gain where it does so."""
    caught, sites = taps.attentions[attn], {}
    q, k = (before[name].unflatten(1, (len(caught[name]), -1))[None] for name in "qk")
    for name, x in zip("qk", apply_rotary_emb(q, k, taps.whole[taps.body.rotary_emb])):
        sites[f"{at}.{name}_rot"] = x = x[0].transpose(0, 1)
        if hasattr(attn, "qk_norm"):
            sites[f"{at}.{name}_norm.mean_square"] = square = x.square().mean(-1, keepdim=True)
            sites[f"{at}.{name}_norm.normalized"] = x = x / (square + eps).sqrt()
        taps.near(at, x, caught[name])
    return sites


def entrance(taps, family: Family, body: nn.Module, config, eps: float) -> Sites:
    """From tokens to what the first layer reads."""
    embed = body.get_submodule(family.embed)
    ids = taps.ids["input_ids"]
    sites = {"tokens.embed": embed.weight[ids]}
    first = body.get_submodule(family.layers)[0]
    x = sites["tokens.embed"]
    out = taps.out_of(embed) * getattr(config, "embedding_multiplier", 1.0)
    if not torch.equal(out, x):
        sites["tokens.scaled"] = x = out
    if family.positions is not None:
        sites["tokens.pos"] = pos = taps.out_of(body.get_submodule(family.positions))
        x = x + pos
    if family.embed_norm is not None:
        sites |= taps.norm("tokens.norm", body.get_submodule(family.embed_norm), eps)
        x = sites["tokens.norm.out"]
    sites["tokens.input"] = x
    taps.near("tokens.input", x, taps.into(first))
    if getattr(config, "hidden_size_per_layer_input", 0):
        rows = body.embed_tokens_per_layer.weight[ids]
        projected = taps.out_of(body.per_layer_model_projection)
        sites |= {"tokens.ple.rows": rows, "tokens.ple.scaled": taps.out_of(body.embed_tokens_per_layer)}
        sites |= {"tokens.ple.projected": projected, "tokens.ple.projected_scaled": projected * config.hidden_size**-0.5}
    return sites


def output(taps, family: Family) -> Sites:
    raw, logits = taps.out_of(taps.model.get_submodule(family.unembed)), taps.whole[taps.model].logits[0]
    sites = {} if torch.equal(raw, logits) else {"raw_logits": raw}
    return sites | {"logits": logits, "probs": torch.softmax(logits, 1)}


def decoder(taps) -> Sites:
    config, kind = taps.model.config, taps.model.config.model_type
    body = taps.model.get_submodule(FAMILIES[COMPOSITE.get(kind, kind)].body)
    if kind in COMPOSITE:
        config, body = config.text_config, getattr(body, "language_model", None) or body.text_model
    family = FAMILIES[config.model_type]
    taps.body = body
    eps = family.eps if isinstance(family.eps, float) else getattr(config, family.eps)
    sites = entrance(taps, family, body, config, eps)
    for l, block in enumerate(body.get_submodule(family.layers)):
        sites |= decoder_layer(taps, f"blocks.{l}", block, family.layer, config, eps, slopes_of(config))
    sites |= taps.norm("final_norm", body.get_submodule(family.final_norm), eps)
    return sites | output(taps, family)


ARCHITECTURES = dict.fromkeys([*FAMILIES, *COMPOSITE], decoder)
