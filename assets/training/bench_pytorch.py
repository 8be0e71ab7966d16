"""How long PyTorch needs for a full pass: encoder, greedy decoding, every intermediate value.

Writes `tests/goldens/pytorch_times.json`: {threads: {model: {source tokens: median milliseconds}}}. The RNNs
record while they decode; the Transformer decodes on its plain path, then records one pass. PyTorch runs
without gradients, after warm-up. The checks of tracing.py are switched off.
"""

import json
import statistics
import time

import torch

import tracing
from goldens import OUT, held_out, with_probes
from models import NAMES

LENGTHS = (10, 20, 40)
RUNS = 31


def milliseconds(name: str, model, ids: list[int]) -> float:
    times = []
    for _ in range(RUNS + 3):
        began = time.perf_counter()
        tracing.trace(name, model, ids)
        times.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(times[3:]), 3)


@torch.inference_mode()
def main() -> None:
    tracing.check = lambda *_: None
    pairs = held_out()
    chosen = {n: min((p["en_ids"] for p in pairs if len(p["en_ids"]) >= n), key=len) for n in LENGTHS}
    models = {name: with_probes(name) for name in NAMES}
    table = {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        table[str(threads)] = {
            name: {str(n): milliseconds(name, model, ids) for n, ids in chosen.items()} for name, model in models.items()
        }
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "pytorch_times.json").write_text(json.dumps(table, indent=1) + "\n")
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
