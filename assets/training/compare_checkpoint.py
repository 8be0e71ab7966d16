"""A checkpoint in the program and in transformers: the worst difference at every site.

    python compare_checkpoint.py PATH "A text" [--lookback target/release/lookback] [--worst 20]

PATH is a Hugging Face folder or a GGUF file (which transformers decodes to f32). Both read the tokens that the program
made; where PATH has a tokenizer.json, they are compared with that too. A difference is given relative to the largest
number of its site. Ends with 1 where one is above 1e-4.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors import safe_open
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from checkpoint_sites import is_encoder, sites_of
from checkpoints import kind_of

RELATIVE, LEAST_SCALE = 1e-4, 1e-2


def traced(lookback: Path, path: Path, text: str) -> tuple[dict, dict[str, Tensor]]:
    """What the program says of its pass, and the values of all sites."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "trace.safetensors"
        subprocess.run([lookback, "trace", "--model", path, "--out", out, text], check=True)
        with safe_open(out, "pt") as file:
            said = json.loads(file.metadata()["lookback"])
            return said, {name: file.get_tensor(name) for name in file.keys()}


def opened(path: Path) -> nn.Module:
    how = {"dtype": torch.float32, "attn_implementation": "eager"}
    if path.is_file():
        return AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, **how)
    return kind_of(json.loads((path / "config.json").read_text())).from_pretrained(path, **how)


def difference(got: Tensor, want: Tensor) -> float:
    if got.numel() != want.numel():
        return float("inf")
    got, finite = got.reshape(want.shape), want.isfinite()
    if not torch.equal(got.isfinite(), finite):
        return float("inf")
    scale = max(LEAST_SCALE, float(want[finite].abs().max()))
    return float((got - want)[finite].abs().max()) / scale


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("text")
    parser.add_argument("--lookback", type=Path, default=Path("target/release/lookback"))
    parser.add_argument("--worst", type=int, default=20, help="how many sites are printed")
    args = parser.parse_args()
    transformers.logging.disable_progress_bar()
    said, got = traced(args.lookback, args.path, args.text)
    tokens = {stream: [token["id"] for token in said["tokens"][stream]] for stream in ("source", "target")}
    if (file := args.path / "tokenizer.json").is_file():
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        same = tokenizer.encode(args.text).ids == tokens["source"]
        print(f"tokens: {'those of tokenizer.json' if same else 'NOT those of tokenizer.json'}")
    model = opened(args.path)
    target = {"decoder_input_ids": tokens["target"]} if model.config.is_encoder_decoder and not is_encoder(model) else {}
    want = sites_of(model, input_ids=tokens["source"], **target)
    found = sorted(((difference(got[s], v), s) for s, v in want.items() if s in got), reverse=True)
    for off, site in found[: args.worst]:
        print(f"{off:.2e}  {site}")
    missing = sorted(set(want) - set(got))
    print(f"{len(found)} sites compared, the worst {found[0][0]:.2e}; {len(missing)} not in the program's trace")
    for site in missing[: args.worst]:
        print(f"missing  {site}")
    return int(found[0][0] > RELATIVE or bool(missing))


if __name__ == "__main__":
    sys.exit(main())
