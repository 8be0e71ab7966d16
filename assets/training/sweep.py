"""Short trials of a few learning rates a model, on the first part of the training examples.

Writes `build/sweep.json`: {model: {rate: mean loss of the last quarter}}. The rates taken are written in
train.py by hand. Short trials favour high rates: a full run has time for lower ones.
"""

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import torch

from batches import BUILD, HERE, Corpus, order
from train import SEED, Run, rate_at

RATES = {
    "rnn_attention": [1e-3, 2e-3, 4e-3, 8e-3],
    "transformer": [1e-3, 2e-3, 4e-3],
    "gru": [1e-3, 2e-3, 4e-3, 8e-3],
    "elman": [5e-4, 1e-3, 2e-3, 4e-3],
}


def trial(name: str, rate: float, steps: int) -> float:
    """The mean loss of the trial's last quarter; nothing is saved."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    run, corpus, losses = Run(name, steps, "cpu", fresh=True), Corpus(), []
    run.model.train()
    for step, rows in zip(range(steps), order(corpus, SEED)):
        losses.append(run.learn(corpus.batch(rows), rate_at(step, steps, rate)))
        run.step += 1
    last = losses[3 * steps // 4 :]
    return sum(last) / len(last)


def in_a_process(name: str, rate: float, steps: int) -> float:
    command = [sys.executable, str(HERE / "sweep.py"), "--trial", name, str(rate), "--steps", str(steps)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    loss = float(out.strip().splitlines()[-1])
    print(f"{name} at {rate:g}: {loss:.4f}", flush=True)
    return loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trial", nargs=2, metavar=("MODEL", "RATE"))
    parser.add_argument("--steps", type=int, default=1200)
    arguments = parser.parse_args()
    if arguments.trial:
        return print(trial(arguments.trial[0], float(arguments.trial[1]), arguments.steps))
    trials = [(name, rate) for name, rates in RATES.items() for rate in rates]
    with ThreadPoolExecutor(2) as pool:
        losses = list(pool.map(lambda t: in_a_process(*t, arguments.steps), trials))
    table = {name: {} for name in RATES}
    for (name, rate), loss in zip(trials, losses):
        table[name][f"{rate:g}"] = loss
    (BUILD / "sweep.json").write_text(json.dumps({"steps": arguments.steps, "loss": table}, indent=1))


if __name__ == "__main__":
    main()
