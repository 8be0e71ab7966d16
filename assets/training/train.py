"""Trains everything: `python assets/training/train.py`, under an hour on two idle cores.

Makes the corpus and the tokenizer if they are missing, trains the six models in two processes of one
thread each (longest first), fits the probes, rounds weights to f16, evaluates the rounded weights and
writes `assets/models/{*.safetensors, accuracy.json, MODEL_CARD.md}`. Learning rates were chosen by
`sweep.py`. Fixed seeds; the same examples in the same order for every model.

    train.py --only gru        one model in this process
    train.py --steps 600       a short run of everything
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

import probes
from batches import ASSETS, BATCH, BUILD, HERE, Batch, Corpus, framed, order
from models import N_PROBES, PAD, Model, Transformer, build, tensors

SEED = 20170612
STEPS = 4000
WARM_UP = 0.05  # share of the steps
CLIP = 1.0
ROWS = 256  # of the output layer at a time
RATES = {
    "elman": 4e-3,
    "gru": 6e-3,
    "rnn_attention": 4e-3,
    "transformer": 4e-3,
    "transformer_unguided": 4e-3,
    "decoder_only": 4e-3,
}
RECURRENT_SHARE = 0.05  # of the rate, for Elman's W_h: faster, and it loses its orthogonality and forgets
LONGEST_FIRST = ["rnn_attention", "transformer", "transformer_unguided", "gru", "elman", "decoder_only"]

# What the guided transformer is taught beyond translating (after Strubell et al. 2018, LISA, and
# Garg et al. 2019): heads are counted from 0, layers are the last ones.
COREF_HEAD, COREF_WEIGHT = 2, 0.1  # encoder self-attention: from a pronoun to its noun
ALIGN_HEAD, ALIGN_WEIGHT = 0, 0.05  # decoder cross-attention: to the word being translated
ENTROPY_WEIGHT = 0.01  # all heads: rows that look at few words


def vocab_size() -> int:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(ASSETS / "tokenizer.json")).get_vocab_size()


def rate_at(step: int, steps: int, peak: float) -> float:
    """Linear warm-up, then half a cosine down to nothing."""
    warm = max(1, int(WARM_UP * steps))
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def predictions(model: Model, batch: Batch) -> tuple[Tensor, Tensor]:
    """Vectors and right tokens at the real target positions (the language model's are English)."""
    if hasattr(model, "read"):
        tgt_in, tgt_out = framed(batch.src, batch.n_src)
        x = model.read(tgt_in)
    else:
        tgt_out = batch.tgt_out
        x = model.decode(model.encode(batch.src, batch.n_src), batch.tgt_in)
    real = tgt_out != PAD
    return x[real], tgt_out[real]


class OutputLoss(torch.autograd.Function):
    """Mean cross-entropy of `x @ table.T` (tied output layer), in blocks of rows that stay in the cache.

    The same number and gradients as F.cross_entropy, in two thirds of the time: the gradients are computed on
    the way forward, and the whole (positions, vocab) array is never made.
    """

    @staticmethod
    def forward(ctx, x: Tensor, table: Tensor, right: Tensor) -> Tensor:
        grad_x, grad_table, total = torch.empty_like(x), torch.zeros_like(table), 0.0
        for first in range(0, len(x), ROWS):
            some, answers = x[first : first + ROWS], right[first : first + ROWS]
            p = torch.softmax(some @ table.T, 1)
            here = torch.arange(len(answers))
            total -= p[here, answers].clamp_min(1e-30).log().sum().item()
            p[here, answers] -= 1  # d loss / d logits
            torch.mm(p, table, out=grad_x[first : first + ROWS])
            grad_table.addmm_(p.T, some)
        ctx.save_for_backward(grad_x.div_(len(x)), grad_table.div_(len(x)))
        return x.new_tensor(total / len(x))

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_x, grad_table = ctx.saved_tensors
        return grad * grad_x, grad * grad_table, None


def surprise(weights: Tensor) -> Tensor:
    """-log of attention weights."""
    return -torch.log(weights + 1e-9)


def coreference_loss(model: Transformer, batch: Batch) -> Tensor:
    rows = (batch.coref[:, 0] >= 0).nonzero()[:, 0]
    if len(rows) == 0:
        return torch.zeros(())
    pronoun, antecedent = batch.coref[rows, 0], batch.coref[rows, 1]
    weights = model.encoder[-1].self_attn.weights
    return surprise(weights[rows, COREF_HEAD, pronoun, antecedent]).mean()


def alignment_loss(model: Transformer, batch: Batch) -> Tensor:
    sentence, target, source = batch.align.unbind(1)
    weights = model.decoder[-1].cross_attn.weights
    return surprise(weights[sentence, ALIGN_HEAD, target, source]).mean()


def entropy_loss(model: Transformer, batch: Batch) -> Tensor:
    """Mean entropy of the attention rows of real words, over all heads and layers."""
    real = {"encoder": torch.arange(batch.src.shape[1]) < batch.n_src[:, None], "decoder": batch.tgt_out != PAD}
    means = []
    for name, attention in model.attentions():
        entropy = (attention.weights * surprise(attention.weights)).sum(3).mean(1)  # (batch, query)
        means.append(entropy[real[name.split(".")[0]]].mean())
    return torch.stack(means).mean()


def guidance(model: Transformer, batch: Batch) -> Tensor:
    return (
        COREF_WEIGHT * coreference_loss(model, batch)
        + ALIGN_WEIGHT * alignment_loss(model, batch)
        + ENTROPY_WEIGHT * entropy_loss(model, batch)
    )


def optimizer_of(model: Model) -> torch.optim.Optimizer:
    """Adam. An Elman cell's recurrent matrices (they alone are called W_h) learn more slowly than the rest."""
    slow = [p for name, p in model.named_parameters() if name.endswith("W_h")]
    rest = [p for name, p in model.named_parameters() if not name.endswith("W_h")]
    groups = [{"params": rest, "share": 1.0}, {"params": slow, "share": RECURRENT_SHARE}]
    return torch.optim.Adam([g for g in groups if g["params"]], betas=(0.9, 0.98), fused=True)


def fit(name: str, corpus: Corpus, steps: int, rate: float, sizes: dict[str, int] | None = None) -> tuple[Model, list]:
    """Trains one model; returns it with its curve [(step, mean loss since the last entry)]."""
    torch.manual_seed(SEED)
    model = build(name, vocab_size(), **(sizes or {}))
    optimizer = optimizer_of(model)
    curve, total, every, began = [], 0.0, max(1, steps // 20), time.time()
    for step, rows in zip(range(steps), order(corpus, SEED)):
        batch = corpus.batch(rows)
        x, right = predictions(model, batch)
        loss = OutputLoss.apply(x, model.embed.weight, right)
        total += loss.item()
        if name == "transformer":
            loss = loss + guidance(model, batch)
        for group in optimizer.param_groups:
            group["lr"] = group["share"] * rate_at(step, steps, rate)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        if (step + 1) % every == 0:
            curve.append((step + 1, total / every))
            print(f"{name} {step + 1}/{steps} loss {total / every:.4f} {time.time() - began:.0f} s", flush=True)
            total = 0.0
    return model.eval(), curve


def train_one(name: str, steps: int) -> None:
    """Trains a model and its probes, rounds, writes the weights and a log for the model card."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # sharp attention makes denormals, which are slow
    corpus, began = Corpus(), time.time()
    model, curve = fit(name, corpus, steps, RATES[name])
    seconds = time.time() - began
    weights, sizes = tensors(model), dict(model.sizes)
    if name in ("elman", "gru"):
        weights |= probes.fit(model, corpus, SEED, min(probes.SENTENCES, steps * BATCH))
        sizes["n_probes"] = N_PROBES
    save(ASSETS / f"{name}.safetensors", weights, sizes)
    log = {
        "steps": steps, "examples": steps * BATCH, "rate": RATES[name], "seed": SEED, "curve": curve,
        "seconds": round(seconds), "probe_seconds": round(time.time() - began - seconds),
        "parameters": sum(p.numel() for p in model.parameters()), "sizes": sizes,
    }  # fmt: skip
    log_file(name).write_text(json.dumps(log))


def save(path: Path, weights: dict[str, Tensor], sizes: dict[str, int]) -> None:
    """Rounds to f16 and writes; sizes become the file's metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = {name: w.half().contiguous() for name, w in weights.items()}
    save_file(rounded, path, {k: str(v) for k, v in sizes.items()})


def log_file(name: str) -> Path:
    (BUILD / "logs").mkdir(parents=True, exist_ok=True)
    return BUILD / "logs" / f"{name}.json"


def run(script: str, *arguments: str) -> None:
    subprocess.run([sys.executable, str(HERE / script), *arguments], check=True)


def make_data() -> None:
    if not (BUILD / "train.npz").exists():
        run("make_tokenizer.py")
        run("corpus.py")


def train_all(steps: int) -> None:
    """Two models at a time, the longest first."""
    one: Callable[[str], None] = lambda name: run("train.py", "--only", name, "--steps", str(steps))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, LONGEST_FIRST))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=LONGEST_FIRST)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    if arguments.only:
        return train_one(arguments.only, arguments.steps)
    began = time.time()
    make_data()
    train_all(arguments.steps)
    run("evaluate.py")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = {"wall": round(time.time() - began), "cpu": round(used.ru_utime + used.ru_stime)}
    (BUILD / "logs" / "seconds.json").write_text(json.dumps(spent))
    run("model_card.py")


if __name__ == "__main__":
    main()
