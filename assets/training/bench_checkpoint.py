"""Checkpoints in the program and in transformers, one after the other on the same machine.

    python bench_checkpoint.py FOLDER [--shapes gpt2,smollm2] [--lengths 16,128,512,1024] [--paths PATH,...]

Makes checkpoints of well-known shapes with random weights in FOLDER where they are not there yet (F32; about
0.5 GB each), and prints a row a length: milliseconds of a pass, the peak of memory in MB, milliseconds until one
block's inside is computed again, and tokens written a second. transformers runs eagerly, puts out attentions and
hidden states, and has two threads; every figure is that of a process of its own. A GGUF file is timed in the
program alone.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

SHAPES = {
    "gpt2": ("GPT2Config", {}),
    "smollm2": (
        "LlamaConfig",
        {
            "vocab_size": 49152,
            "hidden_size": 576,
            "intermediate_size": 1536,
            "num_hidden_layers": 30,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "max_position_embeddings": 8192,
            "rope_theta": 100000.0,
            "tie_word_embeddings": True,
            "rms_norm_eps": 1e-5,
        },
    ),
}
THREADS, WRITTEN = 2, 32
ROOT = Path(__file__).parents[2]


def made(folder: Path, shape: str) -> Path:
    """The checkpoint of that shape, without a tokenizer: the benchmark reads ids."""
    path = folder / shape
    if not (path / "model.safetensors").is_file():
        import torch
        import transformers

        torch.manual_seed(0)
        kind, settings = SHAPES[shape]
        config = getattr(transformers, kind)(**settings)
        transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(path)
    return path


def fastest(runs: int, run) -> float:
    def once() -> float:
        began = time.perf_counter()
        run()
        return 1000 * (time.perf_counter() - began)

    return min(once() for _ in range(runs))


def reference(path: Path, n: int, runs: int) -> dict:
    """What transformers takes, in this process."""
    import torch
    import transformers

    torch.set_num_threads(THREADS)
    model = transformers.AutoModel if is_encoder(path) else transformers.AutoModelForCausalLM
    model = model.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.tensor([[(i * 7919 + 11) % model.config.vocab_size for i in range(n)]])
    all_of_it = {"output_attentions": True, "output_hidden_states": True}
    with torch.inference_mode():
        model(ids, **all_of_it)
        took = {"pass_ms": fastest(runs, lambda: model(ids, **all_of_it))}
        took["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if is_encoder(path):
            return took
        began = time.perf_counter()
        out = model(ids, use_cache=True)
        took["prompt_ms"] = 1000 * (time.perf_counter() - began)
        began = time.perf_counter()
        written = min(WRITTEN, model.config.max_position_embeddings - n)
        for _ in range(written):
            next_id = out.logits[:, -1:].argmax(-1)
            out = model(next_id, past_key_values=out.past_key_values, use_cache=True)
        took["tokens_per_s"] = written / (time.perf_counter() - began)
    return took


def is_encoder(path: Path) -> bool:
    return json.loads((path / "config.json").read_text())["model_type"] in {"bert", "roberta", "distilbert"}


def last_line(command: list) -> dict:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def row(path: Path, n: int, runs: int) -> str:
    ours = last_line(["cargo", "bench", "-q", "--bench", "checkpoint", "--", path, n, runs])
    theirs = {}
    if path.is_dir():
        theirs = last_line([sys.executable, __file__, "--reference", path, "--lengths", n, "--runs", runs])
    cells = [path.name, str(n)]
    for key, form in (("pass_ms", ".1f"), ("peak_mb", "d"), ("prompt_ms", ".1f"), ("tokens_per_s", ".1f")):
        cells += [format(took[key], form) if took.get(key) else "-" for took in (ours, theirs)]
    cells += [f"{ours['inside_ms']:.1f}", f"{ours['opened_ms']:.1f}", f"{ours['first_ms']:.1f}"]
    if theirs:
        cells.append(f"{theirs['pass_ms'] / ours['pass_ms']:.2f}")
    return " | ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("/tmp"))
    parser.add_argument("--shapes", default="gpt2,smollm2")
    parser.add_argument("--lengths", default="16,128,512,1024")
    parser.add_argument("--paths", default="", help="further checkpoints")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--reference", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    lengths = [int(n) for n in args.lengths.split(",")]
    if args.reference:
        print(json.dumps(reference(args.reference, lengths[0], args.runs)))
        return
    paths = [made(args.folder, shape) for shape in args.shapes.split(",") if shape]
    paths += [Path(path) for path in args.paths.split(",") if path]
    pairs = "pass ms, peak MB, prompt ms, tokens/s: the program, transformers"
    print(f"# path | tokens | {pairs} | inside ms | opened ms | first pass ms | times faster")
    for path in paths:
        for n in lengths:
            print(row(path, n, args.runs), flush=True)


if __name__ == "__main__":
    main()
