"""Reference values for the evidence about checkpoints, from TransformerLens on tiny checkpoints of the tests.

Writes `tests/goldens/transformer_lens.safetensors`; its metadata `cases` (JSON) holds for each checkpoint the ids of both
sides and the pair of words. Tensors, in double precision and stored as f32:
- `{checkpoint}/patching/{resid_pre,resid_mid,attn_out,mlp_out}` (layer, position) and `.../z` (layer, head): with A's value
  put into B's pass, how far the difference of the two words' logits after the last word moves from B's (0) to A's (1);
  by `transformer_lens.patching`. Blocks that add attention and feed-forward side by side have no `resid_mid`.
- `{checkpoint}/attribution/parts` (in the order of computation) and `.../heads` (layer, head): what each adds to that
  difference in A, by `ActivationCache.logit_attrs`, norms folded into the weights, biases of values left where they are.

    pip install transformer-lens==4.3.0    beside requirements.txt; needed for this file alone
    python assets/training/lens_golden.py
"""

import json
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformer_lens import patching
from transformer_lens.model_bridge import TransformerBridge
from transformers import AutoModelForCausalLM

GOLDENS = Path(__file__).resolve().parents[2] / "tests" / "goldens"
SIDES = [5, 9, 3, 7, 20, 11, 14], [5, 9, 8, 7, 20, 26, 14]
PAIR = 3, 4
MAPS = {"resid_pre": "resid_pre", "resid_mid": "resid_mid", "attn_out": "attn_out", "mlp_out": "mlp_out", "z": "attn_head_out_all_pos"}
CHECKPOINTS = {"gpt2": list(MAPS), "llama3": list(MAPS), "gpt_neox": [m for m in MAPS if m != "resid_mid"]}


def opened(name: str) -> TransformerBridge:
    folder = str(GOLDENS / "checkpoints" / name)
    weights = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float64)
    return TransformerBridge.boot_transformers(folder, hf_model=weights, dtype=torch.float64)


def difference(logits: Tensor) -> Tensor:
    return logits[0, -1, PAIR[0]] - logits[0, -1, PAIR[1]]


def patched(name: str, maps: list[str]) -> dict[str, Tensor]:
    model = opened(name)
    a, b = (torch.tensor([side]) for side in SIDES)
    logits, cache = model.run_with_cache(a)
    high, low = difference(logits), difference(model(b, return_type="logits"))
    share = lambda logits: (difference(logits) - low) / (high - low)
    run = lambda m: getattr(patching, f"get_act_patch_{MAPS[m]}")(model, b, cache, share)
    return {f"{name}/patching/{m}": run(m) for m in maps}


def attributed(name: str) -> dict[str, Tensor]:
    model = opened(name)
    model.enable_compatibility_mode(disable_warnings=True, fold_value_biases=False)
    logits, cache = model.run_with_cache(torch.tensor([SIDES[0]]))
    asked = {"tokens": PAIR[0], "incorrect_tokens": PAIR[1], "pos_slice": -1, "batch_slice": 0}
    parts = cache.logit_attrs(cache.decompose_resid(layer=-1, pos_slice=-1), **asked)
    heads = cache.logit_attrs(cache.stack_head_results(layer=-1, pos_slice=-1), **asked)
    print(name, "parts", parts.sum().item(), "of", difference(logits).item())
    return {f"{name}/attribution/parts": parts, f"{name}/attribution/heads": heads.view(model.cfg.n_layers, -1)}


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    tensors = {}
    for name, maps in CHECKPOINTS.items():
        tensors |= patched(name, maps) | attributed(name)
    cases = {name: {"sides": SIDES, "pair": PAIR} for name in CHECKPOINTS}
    tensors = {key: value.detach().float().contiguous() for key, value in tensors.items()}
    save_file(tensors, GOLDENS / "transformer_lens.safetensors", {"cases": json.dumps(cases)})


if __name__ == "__main__":
    main()
