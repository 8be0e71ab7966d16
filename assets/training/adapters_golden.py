"""Tiny adapters in PEFT's form, and what their checkpoints compute with them.

Writes `tests/goldens/adapters/`: a folder NAME an adapter (adapter_config.json, adapter_model.safetensors; random), and
`NAME.golden.safetensors`, laid out as those of `checkpoints.py`, with `files`: the checkpoints that it is for. The
reference is the model with `W + s B A` in place of W (`s = alpha / r`, rslora `alpha / sqrt(r)`), computed by transformers.
"""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

import checkpoints

OUT = Path(__file__).parent.parent.parent / "tests" / "goldens" / "adapters"


@dataclass
class Recipe:
    base: str
    files: list[str]
    ranks: dict[str, int]
    """The ends of the names of the modules that are changed, with their ranks."""
    alpha: float
    alphas: dict[str, float] = field(default_factory=dict)
    rslora: bool = False
    whole: list[str] = field(default_factory=list)
    """Tensors that the adapter replaces."""


RECIPES = {
    "llama3": Recipe("llama3", ["llama3", "llama3.gguf"], {"q_proj": 3, "k_proj": 3, "v_proj": 2, "down_proj": 5}, 7.0,
                     alphas={"0.self_attn.v_proj": 4.0}),
    "gpt2": Recipe("gpt2", ["gpt2", "gpt2.gguf"], {"c_attn": 4, "c_proj": 4}, 3.0, rslora=True),
    "phi3": Recipe("phi3", ["phi3"], {"qkv_proj": 2, "gate_up_proj": 3, "embed_tokens": 2}, 2.0,
                   whole=["lm_head.weight", "model.norm.weight", "model.layers.1.input_layernorm.weight"]),
    "gpt_neox": Recipe("gpt_neox", ["gpt_neox"], {"query_key_value": 2, "dense": 2}, 5.0,
                       whole=["gpt_neox.layers.0.attention.dense.bias", "gpt_neox.layers.1.attention.query_key_value.bias"]),
}  # fmt: skip


def matching(name: str, ends: dict) -> str | None:
    return next((end for end in ends if name == end or name.endswith(f".{end}")), None)


def adapt(model: nn.Module, recipe: Recipe) -> tuple[dict[str, Tensor], dict[str, int], dict[str, float]]:
    """Changes the model in place; the adapter's tensors, ranks and alphas."""
    tensors, ranks, alphas = {}, {}, {}
    for name, module in list(model.named_modules()):
        end = matching(name, recipe.ranks)
        if end is None:
            continue
        rank = recipe.ranks[end]
        is_table, is_conv1d = isinstance(module, nn.Embedding), isinstance(module, Conv1D)
        n_in, n_out = module.weight.shape if is_table or is_conv1d else module.weight.shape[::-1]
        a, b = torch.randn(rank, n_in) / n_in**0.5, 0.4 * torch.randn(n_out, rank)
        of_alpha = matching(name, recipe.alphas)
        alpha = recipe.alphas[of_alpha] if of_alpha else recipe.alpha
        factor = alpha / (rank**0.5 if recipe.rslora else rank)
        change = factor * (b @ a)
        module.weight.data += change.T if is_table or is_conv1d else change
        names = ("lora_embedding_A", "lora_embedding_B") if is_table else ("lora_A.weight", "lora_B.weight")
        tensors[f"base_model.model.{name}.{names[0]}"] = a
        tensors[f"base_model.model.{name}.{names[1]}"] = b.contiguous()
        ranks[name] = rank
        if of_alpha:
            alphas[of_alpha] = alpha
    for name in recipe.whole:
        weight = model.get_parameter(name)
        weight.data = weight.data + 0.3 * torch.randn_like(weight)
        wrapped = name.replace(".bias", ".base_layer.bias")  # as PEFT saves the biases of maps that it changes
        tensors[f"base_model.model.{wrapped}"] = weight.data.clone()
    return tensors, ranks, alphas


def write(name: str, recipe: Recipe) -> None:
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = checkpoints.opened(checkpoints.OUT / recipe.base)
    torch.manual_seed(sum(map(ord, name)))
    with torch.no_grad():
        tensors, ranks, alphas = adapt(model, recipe)
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": f"tiny/{recipe.base}",
        "bias": "all" if any(name.endswith("bias") for name in recipe.whole) else "none",
        "fan_in_fan_out": recipe.base == "gpt2", "inference_mode": True, "init_lora_weights": True, "lora_alpha": recipe.alpha,
        "lora_bias": False, "lora_dropout": 0.05, "modules_to_save": None, "r": max(ranks.values()),
        "rank_pattern": ranks, "alpha_pattern": alphas, "target_modules": sorted(recipe.ranks), "use_dora": False,
        "use_rslora": recipe.rslora, "layer_replication": None, "target_parameters": None, "trainable_token_indices": None,
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n")
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    tokenizer = Tokenizer.from_file(str(checkpoints.OUT / recipe.base / "tokenizer.json"))
    sentences = checkpoints.sentences_for(tokenizer, masks_too=False)
    sites = {key: checkpoints.sites_in(model, sentence) for key, sentence in sentences.items()}
    checkpoints.write_golden(OUT / f"{name}.golden.safetensors", sentences, sites, {"files": recipe.files})
    print(f"{name}: {len(tensors)} tensors, {len(sites['long'])} sites")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, recipe in RECIPES.items():
        write(name, recipe)
