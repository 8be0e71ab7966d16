"""GGUF files of tiny checkpoints, as llama.cpp's converter writes them.

A checkpoint that stands in a folder is written in its own precision, so that the numbers are the same. Two more are
quantised: `quants_32` (formats with blocks of 32) and `quants_256` (blocks of 256); their references are computed
with what `gguf.quants.dequantize` makes of the file. The package cannot quantise to blocks of 256: their bytes are
random, with scales that give weights of a fair size.
"""

import json
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from torch import Tensor, nn

ARCHITECTURE = {
    "gpt2": "gpt2", "gptj": "gptj", "llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "smollm3": "smollm3",
    "ministral3": "mistral3", "granite": "granite", "olmo2": "olmo2", "olmo3": "olmo2", "phi3": "phi3", "gemma": "gemma",
    "gemma2": "gemma2", "gemma3_text": "gemma3", "mixtral": "llama", "qwen2_moe": "qwen2moe", "qwen3_moe": "qwen3moe",
    "olmoe": "olmoe", "granitemoe": "granitemoe", "granitemoeshared": "granitemoe", "gpt_oss": "gpt-oss",
    "starcoder2": "starcoder2", "stablelm": "stablelm", "cohere": "command-r", "cohere2": "cohere2",
    "deepseek_v2": "deepseek2", "deepseek_v3": "deepseek2", "gpt_neox": "gptneox", "bloom": "bloom", "mpt": "mpt",
    "falcon": "falcon", "phi": "phi2", "mamba2": "mamba2", "lfm2": "lfm2", "qwen3_5_text": "qwen35", "qwen3_5_moe_text": "qwen35moe",
    "qwen3_next": "qwen3next", "gemma4_text": "gemma4", "t5": "t5", "umt5": "t5", "nemotron": "nemotron", "olmo": "olmo", "arcee": "arcee",
    "ernie4_5": "ernie4_5", "seed_oss": "seed_oss", "exaone4": "exaone4", "glm4": "glm4", "glm4_moe": "glm4moe",
    "hunyuan_v1_dense": "hunyuan-dense", "hunyuan_v1_moe": "hunyuan-moe", "minimax_m2": "minimax-m2",
}  # fmt: skip
"""Those whose queries and keys have their rotated pairs side by side."""
TURNED = ["llama", "smollm3", "mistral3", "granite", "granitemoe", "arcee", "olmo"]
PRE = {"gpt2": "gpt-2", "llama3": "llama-bpe", "qwen2": "qwen2", "smollm2": "smollm"}
FILES = ["gpt2", "gptj", "llama2", "llama3", "llama_linear", "llama_yarn", "mistral", "qwen2", "qwen3", "smollm3", "ministral3",
         "granite", "olmo2", "olmo3", "phi3", "gemma", "gemma2_plain", "gemma3", "mixtral", "qwen2_moe", "qwen3_moe", "olmoe",
         "granitemoe", "granitemoe_shared", "gpt_oss_packed", "starcoder2", "stablelm", "cohere", "cohere2", "deepseek_v2", "deepseek_v3", "gpt_neox",
         "gpt_neox_in_turn", "bloom", "mpt", "falcon", "falcon_new", "phi", "mamba2", "mamba2_biased", "lfm2", "lfm2_biased", "qwen35", "qwen35_moe",
         "qwen3_next", "gemma4", "gemma4_shared", "gemma4_keys", "gemma4_moe",
         "gemma3_both_ways", "t5_encoder", "umt5", "nemotron", "olmo", "arcee", "ernie4_5", "exaone4", "glm4", "glm4_moe", "hunyuan", "hunyuan_moe",
         "minimax_m2"]  # fmt: skip
"""Written once more as before: each expert in a tensor of its own (2023), the inputs of a delta net in one tensor (2025)."""
OLDER = {"mixtral": "apart", "qwen3_next": "fused"}
"""Written once more with gates and ups of all experts in one tensor, as converters can since 2026."""
PAIRED = ["qwen2_moe", "qwen3_moe", "qwen35_moe", "deepseek_v3"]
"""Whose heads of values stand in another order."""
TILED = ["qwen35", "qwen35_moe"]
GPT2 = {
    "wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm", "ln_2": "ffn_norm",
    "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
}  # fmt: skip
LLAMA = {
    "embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
QWEN3 = {**LLAMA, "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"}
AFTER = {"post_attention_layernorm": "post_attention_norm", "post_feedforward_layernorm": "post_ffw_norm"}
MIXTURE = {
    **QWEN3, "mlp.gate": "ffn_gate_inp", "mlp.experts.gate_proj": "ffn_gate_exps", "mlp.experts.up_proj": "ffn_up_exps",
    "mlp.experts.down_proj": "ffn_down_exps", "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
    "mlp.shared_expert.gate_proj": "ffn_gate_shexp", "mlp.shared_expert.up_proj": "ffn_up_shexp",
    "mlp.shared_expert.down_proj": "ffn_down_shexp", "mlp.router": "ffn_gate_inp", "self_attn.sinks": "attn_sinks",
    "block_sparse_moe.gate": "ffn_gate_inp", "block_sparse_moe.router.layer": "ffn_gate_inp",
}  # fmt: skip
LATENT = {
    "self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm", "self_attn.q_b_proj": "attn_q_b",
    "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa", "self_attn.kv_a_layernorm": "attn_kv_a_norm",
    "self_attn.kv_b_proj": "attn_kv_b", "self_attn.k_b_proj": "attn_k_b", "self_attn.v_b_proj": "attn_v_b",
    "mlp.gate.e_score_correction": "exp_probs_b", "mlp.shared_experts.gate_proj": "ffn_gate_shexp",
    "mlp.shared_experts.up_proj": "ffn_up_shexp", "mlp.shared_experts.down_proj": "ffn_down_shexp",
}  # fmt: skip
BLOOM = {
    "word_embeddings": "token_embd", "word_embeddings_layernorm": "token_embd_norm", "ln_f": "output_norm", "lm_head": "output",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attention.query_key_value": "attn_qkv",
    "self_attention.dense": "attn_output", "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
}  # fmt: skip
OF_MIXTRAL = {"w1": "gate_proj", "w3": "up_proj", "w2": "down_proj"}
NAMES = {
    **dict.fromkeys(["qwen2moe", "qwen3moe", "olmoe", "granitemoe"], MIXTURE),
    "gpt-oss": {**MIXTURE, "post_attention_layernorm": "post_attention_norm"},
    "command-r": QWEN3, "starcoder2": {**LLAMA, "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"},
    "gpt2": GPT2, "qwen3": QWEN3, "olmo2": {**QWEN3, **AFTER}, "gemma2": {**QWEN3, **AFTER, "pre_feedforward_layernorm": "ffn_norm"},
    "gemma3": {**QWEN3, **AFTER, "pre_feedforward_layernorm": "ffn_norm"},
    "phi3": {**LLAMA, "self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"},
    "deepseek2": {**MIXTURE, **LATENT},
    "gptneox": {
        **LLAMA, "embed_in": "token_embd", "final_layer_norm": "output_norm", "embed_out": "output",
        "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
        "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
    },
    "bloom": BLOOM, "falcon": {**BLOOM, "ln_attn": "attn_norm_2", "ln_mlp": "attn_norm"},
    "mpt": {
        "wte": "token_embd", "norm_f": "output_norm", "norm_1": "attn_norm", "norm_2": "ffn_norm", "attn.Wqkv": "attn_qkv",
        "attn.out_proj": "attn_output", "ffn.up_proj": "ffn_up", "ffn.down_proj": "ffn_down",
    },
    "phi2": {**LLAMA, "final_layernorm": "output_norm", "self_attn.dense": "attn_output", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down"},
}  # fmt: skip
NAMES["gptj"] = {
    "wte": "token_embd", "ln_f": "output_norm", "lm_head": "output", "ln_1": "attn_norm", "attn.q_proj": "attn_q", "attn.k_proj": "attn_k",
    "attn.v_proj": "attn_v", "attn.out_proj": "attn_output", "mlp.fc_in": "ffn_up", "mlp.fc_out": "ffn_down",
}  # fmt: skip
NAMES["mamba2"] = {
    "backbone.embeddings": "token_embd", "backbone.norm_f": "output_norm", "lm_head": "output", "norm": "attn_norm",
    "mixer.in_proj": "ssm_in", "mixer.conv1d": "ssm_conv1d", "mixer.dt_proj": "ssm_dt", "mixer.norm": "ssm_norm", "mixer.out_proj": "ssm_out",
}  # fmt: skip
NAMES["lfm2"] = {
    "embed_tokens": "token_embd", "embedding_norm": "token_embd_norm", "lm_head": "output", "operator_norm": "attn_norm", "ffn_norm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.out_proj": "attn_output",
    "self_attn.q_layernorm": "attn_q_norm", "self_attn.k_layernorm": "attn_k_norm", "feed_forward.w1": "ffn_gate",
    "feed_forward.w3": "ffn_up", "feed_forward.w2": "ffn_down", "conv.conv": "shortconv.conv", "conv.in_proj": "shortconv.in_proj",
    "conv.out_proj": "shortconv.out_proj",
}  # fmt: skip
NAMES["qwen35"] = {
    **QWEN3, "post_attention_layernorm": "post_attention_norm", "linear_attn.in_proj_qkv": "attn_qkv", "linear_attn.in_proj_z": "attn_gate",
    "linear_attn.in_proj_b": "ssm_beta", "linear_attn.in_proj_a": "ssm_alpha", "linear_attn.conv1d": "ssm_conv1d",
    "linear_attn.dt_proj": "ssm_dt", "linear_attn.norm": "ssm_norm", "linear_attn.out_proj": "ssm_out",
}  # fmt: skip
NAMES["qwen35moe"] = {**MIXTURE, **NAMES["qwen35"]}
NAMES["qwen3next"] = {**NAMES["qwen35moe"], "linear_attn.in_proj_qkvz": "ssm_in", "linear_attn.in_proj_ba": "ssm_ba"}
NAMES["gemma4"] = {
    **NAMES["gemma3"], "embed_tokens_per_layer": "per_layer_token_embd", "per_layer_model_projection": "per_layer_model_proj",
    "per_layer_projection_norm": "per_layer_proj_norm", "layer_scalar": "layer_output_scale", "per_layer_input_gate": "inp_gate",
    "per_layer_projection": "proj", "post_per_layer_input_norm": "post_norm", "router.proj": "ffn_gate_inp",
    "experts.gate_up_proj": "ffn_gate_up_exps", "experts.down_proj": "ffn_down_exps", "pre_feedforward_layernorm_2": "pre_ffw_norm_2",
    "post_feedforward_layernorm_1": "post_ffw_norm_1", "post_feedforward_layernorm_2": "post_ffw_norm_2",
}  # fmt: skip
BY_AFFINITY = {**MIXTURE, **LATENT}
NAMES |= {
    "exaone4": NAMES["olmo2"], "seed_oss": {**LLAMA, "post_attention_layernorm": "post_attention_norm"},
    "glm4": {**NAMES["phi3"], "post_self_attn_layernorm": "post_attention_norm", "post_mlp_layernorm": "post_ffw_norm"},
    "glm4moe": {**BY_AFFINITY, "post_attention_layernorm": "post_attention_norm"},
    "hunyuan-dense": {**LLAMA, "self_attn.query_layernorm": "attn_q_norm", "self_attn.key_layernorm": "attn_k_norm"},
    "minimax-m2": {**BY_AFFINITY, "block_sparse_moe.e_score_correction": "exp_probs_b"},
}
NAMES["hunyuan-moe"] = {
    **MIXTURE, **NAMES["hunyuan-dense"], "mlp.gate.wg": "ffn_gate_inp", "mlp.shared_mlp.gate_proj": "ffn_gate_shexp",
    "mlp.shared_mlp.up_proj": "ffn_up_shexp", "mlp.shared_mlp.down_proj": "ffn_down_shexp",
}  # fmt: skip
"""Parts of a layer of T5; those of a decoder's attention to the source have a prefix."""
OF_T5 = {
    "SelfAttention.q": "attn_q", "SelfAttention.k": "attn_k", "SelfAttention.v": "attn_v", "SelfAttention.o": "attn_o",
    "SelfAttention.relative_attention_bias": "attn_rel_b", "EncDecAttention.q": "cross_attn_q", "EncDecAttention.k": "cross_attn_k",
    "EncDecAttention.v": "cross_attn_v", "EncDecAttention.o": "cross_attn_o", "DenseReluDense.wi": "ffn_up",
    "DenseReluDense.wi_0": "ffn_gate", "DenseReluDense.wi_1": "ffn_up", "DenseReluDense.wo": "ffn_down",
}  # fmt: skip
QUANTS = {
    # By the end of a tensor's name in GGUF; what is not named is F32.
    "quants_32": {"token_embd": "Q8_0", "attn_q": "Q4_0", "attn_k": "Q4_1", "attn_v": "Q5_0", "attn_output": "Q5_1",
                  "ffn_gate": "Q4_1", "ffn_up": "Q4_0", "ffn_down": "Q5_1", "output": "Q8_0"},
    "quants_256": {"token_embd": "Q6_K", "attn_q": "Q4_K", "attn_k": "Q5_K", "attn_v": "Q6_K", "attn_output": "Q8_0",
                   "ffn_gate": "Q5_K", "ffn_up": "Q4_K", "ffn_down": "F16"},
}  # fmt: skip


def architecture(config: dict) -> str:
    """GGUF's name of it; T5's encoder alone and Gemma 3 that looks both ways have their own."""
    name = ARCHITECTURE[config["model_type"]]
    if config.get("use_bidirectional_attention"):
        return "gemma-embedding"
    return f"{name}encoder" if config["architectures"][0] == "T5EncoderModel" else name


def names(config: dict) -> dict[str, str]:
    if config["model_type"] == "mixtral":
        return MIXTURE
    return NAMES.get(ARCHITECTURE[config["model_type"]], LLAMA)


def name_in_gguf(name: str, table: dict[str, str]) -> str:
    """`model.layers.0.mlp.up_proj.weight` -> `blk.0.ffn_up.weight`."""
    name = name.replace("backbone.layers", "layers")
    parts = [part for part in name.split(".") if part not in ("transformer", "model", "layers", "h", "gpt_neox", "blocks")]
    block = [parts.pop(0)] if parts[0].isdigit() else []
    base = table[".".join(parts[:-1])]
    return ".".join([*(["blk"] if block else []), *block, base, parts[-1]])


def name_of_t5(name: str) -> str:
    """`decoder.block.0.layer.1.EncDecAttention.q.weight` -> `dec.blk.0.cross_attn_q.weight`."""
    if name in ("shared.weight", "lm_head.weight"):
        return {"shared.weight": "token_embd.weight", "lm_head.weight": "output.weight"}[name]
    side, *parts = name.removesuffix(".weight").split(".")
    if parts == ["final_layer_norm"]:
        return f"{side[:3]}.output_norm.weight"
    _, block, _, layer, *part = parts
    norms = ["attn_norm", "ffn_norm"] if side == "encoder" else ["attn_norm", "cross_attn_norm", "ffn_norm"]
    base = norms[int(layer)] if part == ["layer_norm"] else OF_T5[".".join(part)]
    return f"{side[:3]}.blk.{block}.{base}.weight"


def interleaved(weight: Tensor, n_heads: int) -> Tensor:
    """The order of a head's rows in llama.cpp's llama: pairs that turn together stand side by side."""
    rest = weight.shape[1:]
    return weight.reshape(n_heads, 2, weight.shape[0] // n_heads // 2, *rest).transpose(1, 2).reshape(weight.shape)


def halves(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """The way back."""
    rest = weight.shape[1:]
    return weight.reshape(n_heads, weight.shape[0] // n_heads // 2, 2, *rest).swapaxes(1, 2).reshape(weight.shape)


def turned_heads(name: str, config: dict) -> int | None:
    """The heads of a tensor whose rows have another order in GGUF."""
    if ARCHITECTURE[config["model_type"]] not in TURNED:
        return None
    if ".q_proj." in name:
        return config["num_attention_heads"]
    return config["num_key_value_heads"] if ".k_proj." in name else None


def stacked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Experts in three tensors for each layer, (expert, out, in), under Qwen's names."""
    made, apart = {}, {}
    for name, weight in tensors.items():
        head, middle, rest = name.partition(".experts.")
        if middle and rest[0].isdigit():
            number, part, kind = rest.split(".")
            of_layer = head.replace("block_sparse_moe", "mlp")
            apart.setdefault(f"{of_layer}.experts.{OF_MIXTRAL.get(part, part)}.{kind}", {})[int(number)] = weight
        elif ".input_linear." in name:
            to = "mlp.experts" if "sparse" in name else "mlp.shared_expert"
            gate, up = weight.chunk(2, -2)
            base = name.split("block_sparse_moe")[0].split("shared_mlp")[0] + to
            made |= {f"{base}.gate_proj.weight": gate, f"{base}.up_proj.weight": up}
        elif ".output_linear." in name:
            name = name.replace("block_sparse_moe.output_linear", "mlp.experts.down_proj")
            made[name.replace("shared_mlp.output_linear", "mlp.shared_expert.down_proj")] = weight
        elif name.endswith("_scales"):
            continue
        elif middle:  # gpt-oss
            kind = "bias" if rest.endswith("bias") else "weight"
            if name.endswith("_blocks"):
                weight = as_ggml(weight, tensors[name.replace("_blocks", "_scales")])
            part = rest.removesuffix("_blocks").removesuffix("_bias")
            pairs = {"gate_proj": weight[:, ::2], "up_proj": weight[:, 1::2]} if part == "gate_up_proj" else {part: weight}
            made |= {f"{head}.experts.{part}.{kind}": each for part, each in pairs.items()}
        elif name.endswith("sinks"):
            made[f"{name}.weight"] = weight
        else:
            made[name] = weight
    return made | {name: torch.stack([of[i] for i in range(len(of))]) for name, of in apart.items()}


def as_ggml(blocks: Tensor, scales: Tensor) -> Tensor:
    """Blocks of pairs as blocks of halves with their scales before them, as bytes."""
    numbers = torch.stack([blocks & 15, blocks >> 4], -1).flatten(-2)
    halves = numbers[..., :16] | numbers[..., 16:] << 4
    return torch.cat([scales[..., None], halves], -1).flatten(-2)


def sorted_heads(tensors: dict[str, Tensor], config: dict) -> dict[str, Tensor]:
    """Rows that stand head by head, as all queries, all keys, all values."""
    made = dict(tensors)
    n_heads = config.get("num_attention_heads", config.get("n_head"))
    n_kv = config.get("num_kv_heads", 1) if config["model_type"] == "falcon" else n_heads
    for name, weight in tensors.items():
        if ".query_key_value." in name:
            groups = weight.unflatten(0, (n_kv, n_heads // n_kv + 2, -1))
            parts = groups[:, :-2], groups[:, -2], groups[:, -1]
            made[name] = torch.cat([part.reshape(-1, *weight.shape[1:]) for part in parts])
    return made


def experts_apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Mixtral's names of experts in older files."""
    made = {}
    for name, weight in tensors.items():
        head, middle, rest = name.partition(".block_sparse_moe.experts.")
        if not middle:
            made[name] = weight
            continue
        number, part, kind = rest.split(".")
        made[f"{head.replace('model.layers', 'blk')}.ffn_{OF_MIXTRAL[part].removesuffix('_proj')}.{number}.{kind}"] = weight
    return made


def of_latents(tensors: dict[str, Tensor], config: dict) -> dict[str, Tensor]:
    """DeepSeek-V3's maps to keys, turned over, and to values, head by head; V2's in one, as older files have them."""
    made = {}
    for name, weight in tensors.items():
        if name.endswith("kv_b_proj.weight") and config["model_type"] == "deepseek_v3":
            of_heads = weight.unflatten(0, (config["num_attention_heads"], -1))
            keys, values = of_heads.split([config["qk_nope_head_dim"], config["v_head_dim"]], 1)
            made[name.replace("kv_b", "k_b")], made[name.replace("kv_b", "v_b")] = keys.transpose(1, 2).contiguous(), values.contiguous()
        else:
            made[name.replace("e_score_correction_bias", "e_score_correction.bias")] = weight
    return made


def of_mixers(tensors: dict[str, Tensor], config: dict) -> dict[str, Tensor]:
    """Filters without their axis of one; of state spaces A itself and what heads have as columns, gains as groups."""
    made = {}
    for name, weight in tensors.items():
        base, _, end = name.rpartition(".")
        if config["model_type"] in ("mamba2", "lfm2") and weight.ndim == 3:
            made[name] = weight[:, 0].float()
        elif end in ("A_log", "D"):
            block = base.replace("backbone.layers", "blk").removesuffix(".mixer")
            made[f"{block}.ssm_{end[0].lower()}"] = (-torch.exp(weight.float()) if end == "A_log" else weight.float())[:, None]
        elif end == "dt_bias":
            made[f"{base}.dt_proj.bias"] = weight
        elif name.endswith("mixer.norm.weight"):
            made[name] = weight.float().view(config["n_groups"], -1)
        else:
            made[name] = weight
    return made


def of_delta_nets(tensors: dict[str, Tensor], config: dict, is_older: bool) -> dict[str, Tensor]:
    """What belongs to heads of values, each n-th of them beside each other for n heads of keys (Qwen3-Next: in order); A
    itself; filters flat."""
    if not config["model_type"].startswith(("qwen3_5", "qwen3_next")):
        return tensors
    n_key, n_heads = config["linear_num_key_heads"], config["linear_num_value_heads"]
    d_key, d_value = config["linear_key_head_dim"], config["linear_value_head_dim"]
    d_keys = n_key * d_key
    tiled = lambda w: w.unflatten(0, (n_key, n_heads // n_key, -1)).transpose(0, 1).reshape(w.shape)
    if config["model_type"] == "qwen3_next":
        tiled = lambda w: w
    made = {}
    for name, weight in tensors.items():
        base, _, end = name.rpartition(".linear_attn.")
        if not base:
            made[name] = weight
        elif end == "A_log":
            made[f"{base.replace('model.layers', 'blk')}.ssm_a"] = tiled(-torch.exp(weight.float()))
        elif end == "dt_bias":
            made[f"{base}.linear_attn.dt_proj.bias"] = tiled(weight)
        elif end.startswith("in_proj_qkvz") and not is_older:
            d_values = n_heads // n_key * d_value
            *qkv, gate = weight.unflatten(0, (n_key, -1)).split([d_key, d_key, d_values, d_values], 1)
            made[name.replace("qkvz", "qkv")] = torch.cat([part.flatten(0, 1) for part in qkv])
            made[name.replace("qkvz", "z")] = gate.flatten(0, 1)
        elif end.startswith(("in_proj_qkv", "conv1d")):
            weight = weight[:, 0].float() if weight.ndim == 3 else weight
            made[name] = torch.cat([weight[: 2 * d_keys], tiled(weight[2 * d_keys :])])
        elif end.startswith("out_proj"):
            made[name] = tiled(weight.T).T.contiguous()
        else:
            made[name] = weight if end.startswith("norm") else tiled(weight)
    return made


def of_gemma4(tensors: dict[str, Tensor], config: dict) -> dict[str, Tensor]:
    """Endings for what has none, and the divisors of the speeds of layers that see all: most of their channels stand still."""
    made = {}
    for name, weight in tensors.items():
        block = name.replace("model.layers", "blk")
        if name.endswith("router.scale"):
            made[block.replace("router.scale", "ffn_gate_inp.scale")] = weight.float()
        elif name.endswith("router.per_expert_scale"):
            made[block.replace("router.per_expert_scale", "ffn_down_exps.scale")] = weight.float()
        else:
            made[name if name.endswith(".weight") else f"{name}.weight"] = weight
    n, rope = config["global_head_dim"], config["rope_parameters"]["full_attention"]
    n_turned = int(n * rope["partial_rotary_factor"] / 2)
    return made | {"blk.rope_freqs.weight": torch.tensor([1.0] * n_turned + [1e30] * (n // 2 - n_turned))}


def as_gguf(tensors: dict[str, Tensor], config: dict, is_older: bool = False) -> dict[str, Tensor]:
    if "d_kv" in config:
        return {name_of_t5(name): weight.contiguous() for name, weight in tensors.items() if "embed_tokens" not in name}
    made = {}
    if config["model_type"] == "gemma4_text":
        tensors = of_gemma4(tensors, config)
    else:
        tensors = experts_apart(tensors) if is_older and config["model_type"] == "mixtral" else stacked(tensors)
    for name, weight in of_latents(sorted_heads(of_mixers(of_delta_nets(tensors, config, is_older), config), config), config).items():
        if name.startswith("blk."):
            made[name.removeprefix("blk.") if name.startswith("blk.rope") else name] = weight.contiguous()
            continue
        if name.endswith((".attn.bias", "masked_bias")):
            continue
        if config["model_type"] == "gpt2" and name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
            weight = weight.T
        if heads := turned_heads(name, config):
            weight = interleaved(weight, heads)
        adds_one = ARCHITECTURE[config["model_type"]].startswith(("gemma", "qwen35", "qwen3next", "nemotron")) and not name.endswith("linear_attn.norm.weight")
        adds_one &= config["model_type"] != "gemma4_text"
        if adds_one and name.endswith("norm.weight"):
            weight = weight.float() + 1
        made[name_in_gguf(name, names(config))] = weight.contiguous()
    return made


def settings(writer: gguf.GGUFWriter, config: dict) -> None:
    first = lambda *keys: next(config[key] for key in keys if config.get(key) is not None)
    if config["model_type"] == "mamba2":
        state_space(writer, config)
        return
    if "d_kv" in config:
        both_stacks(writer, config)
        return
    heads, d_model = first("n_head", "num_attention_heads", "n_heads"), first("n_embd", "hidden_size", "d_model")
    # Where the settings have none: what the converter takes.
    writer.add_context_length(first("n_positions", "max_position_embeddings") if "max_position_embeddings" in config or "n_positions" in config
                              else config.get("max_seq_len", 2048))
    writer.add_embedding_length(d_model)
    drafting = config.get("mtp_num_hidden_layers", config.get("num_nextn_predict_layers", 0) if config["model_type"] == "glm4_moe" else 0)
    writer.add_block_count(first("n_layer", "num_hidden_layers", "n_layers") + drafting)
    if drafting:
        writer.add_nextn_predict_layers(drafting)
    writer.add_feed_forward_length(config.get("n_inner") or adjusted_width(config) or config.get("intermediate_size") or config.get("ffn_hidden_size") or 4 * d_model)
    writer.add_head_count(heads)
    writer.add_vocab_size(config["vocab_size"])
    if config["model_type"] in ("gpt2", "gptj"):
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
        if config["model_type"] == "gptj":
            writer.add_rope_dimension_count(config["rotary_dim"])
        return
    if (n := config.get("num_experts", config.get("num_local_experts", config.get("n_routed_experts")))) is not None:
        writer.add_expert_count(n)
        chosen = config.get("num_experts_per_tok") or config.get("moe_topk") or config["top_k_experts"]
        writer.add_expert_used_count(chosen[0] if isinstance(chosen, list) else chosen)
        writer.add_expert_feed_forward_length(first("moe_intermediate_size", "intermediate_size"))
        if (shared := config.get("shared_expert_intermediate_size", config.get("shared_intermediate_size"))) is not None:
            writer.add_expert_shared_feed_forward_length(shared)
    if config["model_type"] in ("gpt_neox", "bloom", "mpt", "falcon", "phi"):
        older(writer, config, heads, d_model // heads)
        return
    is_latent = "kv_lora_rank" in config
    if config["model_type"] == "lfm2":
        listed = config.get("layer_types") or ["full_attention" if i in config["full_attn_idxs"] else "conv" for i in range(config["num_hidden_layers"])]
        writer.add_head_count_kv([config["num_key_value_heads"] if kind == "full_attention" else 0 for kind in listed])
        writer.add_shortconv_l_cache(config["conv_L_cache"])
        config = {**config, "rms_norm_eps": config["norm_eps"]}
    else:
        writer.add_head_count_kv(1 if config["model_type"] == "deepseek_v3" else config.get("num_key_value_heads", heads))
    of_norms = config.get("layer_norm_eps", config.get("norm_epsilon", config.get("norm_eps" if config["model_type"] == "nemotron" else None)))
    if (eps := 1e-5 if config["model_type"] == "olmo" else of_norms) is not None:
        writer.add_layer_norm_eps(eps)
    else:
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    rope = config.get("rope_parameters") or {}
    if config["model_type"] == "gemma4_text":
        by_kind(writer, config)
        styled(writer, config)
        return
    d_head = config.get("head_dim") or config.get("qk_rope_head_dim") or d_model // heads
    theta, alpha = config.get("rope_theta") or rope["rope_theta"], (config.get("rope_scaling") or {}).get("alpha")
    writer.add_rope_freq_base(theta * alpha ** (d_head / (d_head - 2)) if alpha else theta)
    writer.add_rope_dimension_count(config.get("rotary_dim") or int(d_head * config.get("partial_rotary_factor", 0.25 if config["model_type"] in ("stablelm", "qwen3_5_text", "qwen3_5_moe_text", "qwen3_next") else 1)))
    styled(writer, config)
    if config.get("head_dim"):
        writer.add_key_length(d_head)
        writer.add_value_length(d_head)
    if is_latent:
        latents(writer, config)
    elif config["model_type"] in ("glm4_moe", "minimax_m2"):
        routers(writer, config)
    if config["model_type"] == "hunyuan_v1_moe":
        writer.add_expert_shared_feed_forward_length(config["intermediate_size"])
    if config.get("clip_qkv"):
        writer.add_clamp_kqv(config["clip_qkv"])
    if config["model_type"] == "exaone4":
        writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in config["layer_types"]])
    if config["model_type"].startswith(("qwen3_5", "qwen3_next")):
        writer.add_ssm_conv_kernel(config["linear_conv_kernel_dim"])
        writer.add_ssm_state_size(config["linear_key_head_dim"])
        writer.add_ssm_group_count(config["linear_num_key_heads"])
        writer.add_ssm_time_step_rank(config["linear_num_value_heads"])
        writer.add_ssm_inner_size(config["linear_num_value_heads"] * config["linear_value_head_dim"])
    scaling = config.get("rope_scaling") or rope
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(scaling["factor"])
    elif kind == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(scaling["factor"])
        writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
        if (factor := scaling.get("attention_factor")) is not None:
            writer.add_rope_scaling_attn_factors(factor)
        if (mscale := scaling.get("mscale_all_dim")) is not None:
            writer.add_rope_scaling_yarn_log_mul(0.1 * mscale if is_latent else mscale)
    elif kind == "longrope":
        trained, longest = config["original_max_position_embeddings"], config["max_position_embeddings"]
        writer.add_rope_scaling_orig_ctx_len(trained)
        writer.add_rope_scaling_attn_factors((1 + np.log(longest / trained) / np.log(trained)) ** 0.5)
        for name in ("short", "long"):
            writer.add_tensor(f"rope_factors_{name}.weight", np.array(scaling[f"{name}_factor"], dtype=np.float32))
    elif kind == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(scaling, config["rope_theta"], d_head))


def adjusted_width(config: dict) -> int | None:
    """LFM2's width of feed-forward, which the converter computes."""
    if not config.get("block_auto_adjust_ff_dim"):
        return None
    n, of = int(config["block_ffn_dim_multiplier"] * int(2 * config["intermediate_size"] / 3)), config["block_multiple_of"]
    return of * ((n + of - 1) // of)


def state_space(writer: gguf.GGUFWriter, config: dict) -> None:
    """What the converter writes of a Mamba-2: no heads of attention, no feed-forward."""
    writer.add_context_length(2**20)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_ssm_conv_kernel(config["conv_kernel"])
    writer.add_ssm_inner_size(config["expand"] * config["hidden_size"])
    writer.add_ssm_state_size(config["state_size"])
    writer.add_ssm_time_step_rank(config["num_heads"])
    writer.add_ssm_group_count(config["n_groups"])
    writer.add_layer_norm_rms_eps(config["layer_norm_epsilon"])


def both_stacks(writer: gguf.GGUFWriter, config: dict) -> None:
    """What the converter writes of T5 and its relatives."""
    writer.add_context_length(512)
    writer.add_embedding_length(config["d_model"])
    writer.add_feed_forward_length(config["d_ff"])
    writer.add_block_count(config["num_layers"])
    writer.add_decoder_block_count(config["num_decoder_layers"])
    writer.add_head_count(config["num_heads"])
    writer.add_key_length(config["d_kv"])
    writer.add_value_length(config["d_kv"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    writer.add_layer_norm_rms_eps(config["layer_norm_epsilon"])
    writer.add_relative_attn_buckets_count(config["relative_attention_num_buckets"])
    writer.add_decoder_start_token_id(config["decoder_start_token_id"])


def older(writer: gguf.GGUFWriter, config: dict, heads: int, d_head: int) -> None:
    """Families with layer norms."""
    kind = config["model_type"]
    writer.add_layer_norm_eps(config.get("layer_norm_eps", config.get("layer_norm_epsilon", 1e-5)))
    if kind == "falcon":
        writer.add_tensor_data_layout("jploski")
        writer.add_head_count_kv(config.get("num_kv_heads", 1))
    elif kind == "mpt":
        writer.add_max_alibi_bias(config["attn_config"]["alibi_bias_max"])
    else:
        writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    if kind == "gpt_neox":
        writer.add_rope_dimension_count(int(config["rotary_pct"] * d_head))
        writer.add_parallel_residual(config["use_parallel_residual"])
        writer.add_rope_freq_base(config["rotary_emb_base"])
    if kind == "phi":
        writer.add_rope_dimension_count(int(config["partial_rotary_factor"] * d_head))
        writer.add_rope_freq_base(config["rope_theta"])


def latents(writer: gguf.GGUFWriter, config: dict) -> None:
    """Latent attention and its routers: V3 as files are written today, V2 as older ones were."""
    shared, value, rank = config["qk_rope_head_dim"], config["v_head_dim"], config["kv_lora_rank"]
    whole = config["qk_nope_head_dim"] + shared
    writer.add_leading_dense_block_count(config["first_k_dense_replace"])
    if config["q_lora_rank"] is not None:
        writer.add_q_lora_rank(config["q_lora_rank"])
    writer.add_kv_lora_rank(rank)
    writer.add_expert_shared_count(config["n_shared_experts"])
    writer.add_expert_weights_scale(config["routed_scaling_factor"])
    writer.add_expert_group_count(config["n_group"])
    writer.add_expert_group_used_count(config["topk_group"])
    if config["model_type"] == "deepseek_v2":
        writer.add_key_length(whole)
        writer.add_value_length(value)
        return
    writer.add_key_length(rank + shared)
    writer.add_value_length(rank)
    writer.add_key_length_mla(whole)
    writer.add_value_length_mla(value)
    writer.add_expert_weights_norm(config["norm_topk_prob"])
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)


def routers(writer: gguf.GGUFWriter, config: dict) -> None:
    """Routers as DeepSeek's, beside plain attention."""
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    if config["model_type"] == "glm4_moe":
        writer.add_leading_dense_block_count(config["first_k_dense_replace"])
        writer.add_expert_shared_count(config["n_shared_experts"])
        writer.add_expert_weights_scale(config["routed_scaling_factor"])
        writer.add_expert_weights_norm(config["norm_topk_prob"])


def by_kind(writer: gguf.GGUFWriter, config: dict) -> None:
    """Gemma 4's heads and widths, which depend on the layer."""
    n, shared = config["num_hidden_layers"], config.get("num_kv_shared_layers", 0)
    listed = config.get("layer_types") or ["full_attention" if l == n - 1 else "sliding_attention" for l in range(n)]
    windows = [kind == "sliding_attention" for kind in listed]
    writer.add_shared_kv_layers(shared)
    writer.add_embedding_length_per_layer_input(config["hidden_size_per_layer_input"])
    writer.add_sliding_window_pattern(windows)
    full, local = config["global_head_dim"], config["head_dim"]
    writer.add_key_length(full)
    writer.add_value_length(full)
    writer.add_key_length_swa(local)
    writer.add_value_length_swa(local)
    if config.get("use_double_wide_mlp"):
        width = config["intermediate_size"]
        replaced(writer, "feed_forward_length", writer.add_feed_forward_length, [width if l < n - shared else 2 * width for l in range(n)])
    if (of_full := config.get("num_global_key_value_heads")) is not None:
        counts = [config["num_key_value_heads"] if window else of_full for window in windows]
        replaced(writer, "attention.head_count_kv", writer.add_head_count_kv, counts)
    writer.add_rope_dimension_count(full)
    writer.add_rope_dimension_count_swa(local)
    rope = config["rope_parameters"]
    writer.add_rope_freq_base(rope["full_attention"]["rope_theta"])
    writer.add_rope_freq_base_swa(rope["sliding_attention"]["rope_theta"])


def replaced(writer: gguf.GGUFWriter, key: str, add, value) -> None:
    """In place of a number for all layers."""
    writer.kv_data[0].pop(f"gemma4.{key}")
    add(value)


def styled(writer: gguf.GGUFWriter, config: dict) -> None:
    """What a family has beside sizes."""
    for key, write in {
        "sliding_window": writer.add_sliding_window, "attn_logit_softcapping": writer.add_attn_logit_softcapping,
        "final_logit_softcapping": writer.add_final_logit_softcapping, "embedding_multiplier": writer.add_embedding_scale,
        "residual_multiplier": writer.add_residual_scale, "attention_multiplier": writer.add_attention_scale,
        "logits_scaling": writer.add_logit_scale, "logit_scale": writer.add_logit_scale,
    }.items():  # fmt: skip
        if config.get(key) is not None and config["model_type"] not in ("qwen2", "mistral"):
            write(config[key])
    if (beta := (config.get("rope_parameters") or {}).get("llama_4_scaling_beta")) is not None:
        writer.add_attn_temperature_scale(beta)
    if (theta := config.get("rope_local_base_freq")) is not None:
        writer.add_rope_freq_base_swa(theta)


def llama3_factors(scaling: dict, theta: float, d_head: int) -> np.ndarray:
    """What llama.cpp divides every speed by; the converter computes it."""
    speeds = theta ** -(np.arange(0, d_head, 2, dtype=np.float32) / d_head)
    low, high, trained = (scaling[k] for k in ("low_freq_factor", "high_freq_factor", "original_max_position_embeddings"))
    factors = []
    for wave in 2 * np.pi / speeds:
        if wave < trained / high:
            factors.append(1.0)
        elif wave > trained / low:
            factors.append(scaling["factor"])
        else:
            smooth = (trained / wave - low) / (high - low)
            factors.append(1 / ((1 - smooth) / scaling["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def vocabulary(writer: gguf.GGUFWriter, made: dict, kind: str, config: dict) -> None:
    model, added = made["model"], {token["id"]: token for token in made["added_tokens"]}
    pieces = model["vocab"]
    numbered = pieces.items() if isinstance(pieces, dict) else ((token, i) for i, (token, _) in enumerate(pieces))
    by_id = {i: token for token, i in numbered} | {i: t["content"] for i, t in added.items()}
    tokens = [by_id[i] for i in range(len(by_id))]
    types = [gguf.TokenType.CONTROL if i in added else gguf.TokenType.NORMAL for i in range(len(tokens))]
    if kind in PRE:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(PRE[kind])
        writer.add_token_merges([" ".join(pair) for pair in model["merges"]])
        writer.add_add_bos_token(kind == "llama3")
    elif kind == "t5":
        writer.add_tokenizer_model("t5")
        writer.add_tokenizer_pre("default")
        writer.add_token_scores([score for _, score in model["vocab"]] + [0.0] * (len(tokens) - len(model["vocab"])))
        writer.add_unk_token_id(model["unk_id"])
        writer.add_add_bos_token(False)
        writer.add_add_eos_token(True)
        writer.add_add_space_prefix(True)
    else:
        is_gemma4 = config["model_type"] == "gemma4_text"
        writer.add_tokenizer_model("gemma4" if is_gemma4 else "llama")
        writer.add_tokenizer_pre("default")
        if is_gemma4:
            writer.add_token_merges([" ".join(pair) for pair in model["merges"]])
        types[0] = gguf.TokenType.UNKNOWN
        types[3:259] = [gguf.TokenType.BYTE] * 256
        writer.add_token_scores([0.0] * 259 + [-float(i) for i in range(len(tokens) - 259)])
        writer.add_unk_token_id(0)
        writer.add_add_bos_token(True)
        writer.add_add_eos_token(False)
        writer.add_add_space_prefix(True)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    ends = config.get("eos_token_id", 0)
    writer.add_bos_token_id(config.get("bos_token_id", 0))
    writer.add_eos_token_id(ends[0] if isinstance(ends, list) else ends)


def random_blocks(kind: Type, shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Blocks of 256 as bytes: all random but the scales."""
    n_bytes = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = random.integers(0, 256, (shape[0], shape[1] // 256, n_bytes), dtype=np.uint8)
    half = lambda x: np.frombuffer(np.float16(x).tobytes(), dtype=np.uint8)
    if kind == Type.Q6_K:
        blocks[..., 208:210] = half(9e-5)
    else:
        step, middle = (2.5e-4, 7.5) if kind == Type.Q4_K else (1.2e-4, 15.5)
        blocks[..., 0:2], blocks[..., 2:4] = half(step), half(step * middle)
    return blocks.reshape(shape[0], -1)


def add(writer: gguf.GGUFWriter, name: str, weight: Tensor, quant: str | None, random: np.random.Generator) -> None:
    """The tensor as it stands, or quantised. Norms and biases are f32, as the converter has them."""
    is_vector = weight.ndim == 1 or name.endswith("exps.bias")
    if weight.dtype == torch.uint8:
        writer.add_tensor(name, weight.contiguous().numpy(), raw_dtype=Type.MXFP4)
        return
    if quant is None or is_vector:
        if weight.dtype == torch.bfloat16 and not is_vector:
            bits = weight.view(torch.uint16).numpy()
            writer.add_tensor(name, bits.view(np.uint8), raw_shape=(*bits.shape[:-1], bits.shape[-1] * 2), raw_dtype=Type.BF16)
        else:
            writer.add_tensor(name, (weight.float() if is_vector or weight.dtype == torch.bfloat16 else weight).numpy())
        return
    kind = Type[quant]
    if quant.endswith("_K"):
        data = random_blocks(kind, tuple(weight.shape), random)
    else:
        data = gguf.quants.quantize(weight.float().numpy(), kind)
    writer.add_tensor(name, data, raw_dtype=kind)


def in_pairs(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Gates and ups of experts in one tensor (expert, gates then ups, in), if there are any."""
    made = {}
    for name, weight in tensors.items():
        if "ffn_gate_exps" in name:
            made[name.replace("gate", "gate_up")] = torch.cat([weight, tensors[name.replace("gate", "up")]], 1)
        elif "ffn_up_exps" not in name:
            made[name] = weight
    return made


def write(
    path: Path, kind: str, config: dict, tensors: dict[str, Tensor], tokenizer: dict, is_older: bool = False, is_paired: bool = False
) -> None:
    writer = gguf.GGUFWriter(path, architecture(config))
    writer.add_name(path.stem)
    if config.get("use_bidirectional_attention"):
        writer.add_pooling_type(gguf.PoolingType.MEAN)
    settings(writer, config)
    vocabulary(writer, tokenizer, kind, config)
    quants, random = QUANTS.get(path.stem, {}), np.random.default_rng(256)
    tensors = as_gguf(tensors, config, is_older)
    for name, weight in (in_pairs(tensors) if is_paired else tensors).items():
        add(writer, name, weight, quants.get(name.split(".")[-2]), random)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def decoded(path: Path, model: nn.Module, config: dict) -> dict[str, Tensor]:
    """The file's weights in f32, under transformers' names."""
    stored = {t.name: t for t in gguf.GGUFReader(path).tensors}
    found = {}
    for name in model.state_dict():
        their = name_in_gguf(name, names(config))
        tensor = stored.get(their) or stored["token_embd.weight"]
        weight = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        weight = weight.reshape(tuple(reversed(tensor.shape.tolist())))
        if heads := turned_heads(name, config):
            weight = halves(weight, heads)
        found[name] = torch.from_numpy(np.array(weight, dtype=np.float32, order="C"))
    return found
