"""Time and memory of a piped walk over a long text, for a tiny checkpoint of every family.

Copies the folders of `tests/goldens/checkpoints` (one of each `model_type`), with room for TOKENS tokens: the setting of
the longest text is raised, and a table of learned positions is repeated. Then runs `lookback --model COPY TEXT` with its
output thrown away, and prints a table of seconds and of the largest resident memory.

    python assets/training/bench_load.py target/release/lookback [FAMILY ...]
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

CHECKPOINTS = Path(__file__).parent.parent.parent / "tests" / "goldens" / "checkpoints"
TOKENS = 4096
WORDS = "the old river sleeps under a wooden bridge and nobody knows where its boats are "
LENGTHS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
POSITIONS = ("wpe.weight", "position_embeddings.weight", "embed_positions.weight")


def copied(folder: Path, out: Path) -> Path:
    """A copy that reads TOKENS tokens."""
    copy = out / folder.name
    shutil.copytree(folder, copy)
    config = json.loads((copy / "config.json").read_text())
    texts = [config, *(part for part in config.values() if isinstance(part, dict))]
    for settings in texts:
        settings.update({key: TOKENS for key in LENGTHS if key in settings})
    (copy / "config.json").write_text(json.dumps(config))
    for path in copy.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        # Some families keep a few rows before the first position.
        tensors = {
            name: t.repeat(TOKENS // len(t) + 2, 1)[: TOKENS + spare(config, name)].contiguous()
            if name.endswith(POSITIONS) else t
            for name, t in tensors.items()
        }  # fmt: skip
        save_file(tensors, path, {"format": "pt"})
    return copy


def spare(config: dict, name: str) -> int:
    """The rows of a table of positions that stand for none; a RoBERTa's setting counts them."""
    return 2 if config["model_type"] in ("bart", "mbart", "opt") and "embed_positions" in name else 0


def families() -> dict[str, Path]:
    """One folder of each `model_type`."""
    found = {}
    for config in sorted(CHECKPOINTS.glob("*/config.json")):
        found.setdefault(json.loads(config.read_text())["model_type"], config.parent)
    return found


def walked(program: Path, model: Path, text: str) -> tuple[float, float, str]:
    """Seconds, GB, and the last line of the message if the walk was refused."""
    command = [program, "--no-config", "--model", model, "-"]
    begun = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    child.stdin.write(text.encode())
    child.stdin.close()
    message = child.stderr.read().decode().strip()
    _, status, used = os.wait4(child.pid, 0)
    return time.monotonic() - begun, used.ru_maxrss / 2**20, message.splitlines()[-1] if status else ""


def fitted(program: Path, model: Path) -> str:
    """As many of WORDS as make about TOKENS tokens: one text too long is refused with the number of its own."""
    words = WORDS.split()
    text = lambda n: " ".join(words[i % len(words)] for i in range(n))
    command = [program, "trace", "--no-config", "--model", model, "-"]
    refusal = subprocess.run(command, input=text(TOKENS + 1).encode(), capture_output=True, text=False).stderr.decode()
    found = re.search(r"has (\d+) tokens", refusal)
    return text(TOKENS if found is None else (TOKENS - 8) * (TOKENS + 1) // int(found[1]))


def processor() -> str:
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(os.sched_getaffinity(0))} cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("families", nargs="*")
    asked = parser.parse_args()
    print(f"{TOKENS} tokens, {processor()}\n\n| family | seconds | GB |\n| --- | --- | --- |")
    for family, folder in families().items():
        if asked.families and family not in asked.families:
            continue
        with tempfile.TemporaryDirectory() as out:
            copy = copied(folder, Path(out))
            seconds, memory, refused = walked(asked.program, copy, fitted(asked.program, copy))
            print(f"| {family} | {seconds:.1f} | {memory:.2f} | {refused}", flush=True)


if __name__ == "__main__":
    main()
