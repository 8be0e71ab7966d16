"""Trains the six models: `python train.py fra.txt`, resumable at any moment.

Makes the corpus and the tokenizer if they are missing (corpus.py), then trains all models in two processes of one
thread, the longest first; on a CUDA device one after the other. A model's state is saved every SAVE_EVERY steps under
`build/runs/NAME.pt`, whole or not at all, and the next run goes on from there. Where there is none it goes on from
the weights in `state/NAME.safetensors`, at the step that file names, with a short warm-up of the optimizer. Fixed seeds;
the same examples in the same order for every model.

    train.py --only gru               one model in this process
    train.py --only gru --until 3000  stop (saved) at that step of the schedule
    train.py --only gru --fresh       forget what was saved

The rate is warmed up, stays, and falls to nothing over the last DECAY of the steps. What is stored is an average of the
weights over about the last 1,000 steps, as f16.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from batches import BUILD, HERE, STATE, Batch, Corpus, framed, order
from models import PAD, Model, Transformer, build, keep_weights, load_tensors, tensors

SEED = 20170612
STEPS = 24_000
WARM_UP = 600  # steps
DECAY = 0.3  # share of the steps
CLIP = 1.0
DROPOUT = 0.1
AVERAGE = 0.999
SAVE_EVERY = 250
ROWS = 128  # of the output layer at a time
RATES = {
    "elman": 2e-3,
    "gru": 3e-3,
    "rnn_attention": 2e-3,
    "transformer": 2e-3,
    "transformer_unguided": 2e-3,
    "decoder_only": 2e-3,
}
RECURRENT_SHARE = 0.05  # of the rate, for Elman's W_h: faster, and it loses its orthogonality and forgets
LONGEST_FIRST = ["transformer", "rnn_attention", "transformer_unguided", "gru", "elman", "decoder_only"]
BFLOAT16 = ("transformer", "transformer_unguided", "decoder_only")  # their products in bfloat16; weights stay f32

# What the guided transformer is taught beyond translating (after Strubell et al. 2018, LISA, and
# Garg et al. 2019): heads are counted from 0, layers are the last ones.
COREF_HEAD, COREF_WEIGHT = 2, 0.1  # encoder self-attention: from a pronoun to its noun
ALIGN_HEAD, ALIGN_WEIGHT = 0, 0.03  # decoder cross-attention: to the word being translated
ENTROPY_WEIGHT = 0.003  # all heads: rows that look at few words
SINK_WEIGHT, SINK_FROM = 0.2, 0.4  # all heads: no column holds more than that share of a sentence's rows
LEGIBLE_EVERY = 4  # steps: the last two are costly, and are taken that much stronger instead


def vocab_size() -> int:
    import make_tokenizer

    return make_tokenizer.load().get_vocab_size()


def rate_at(step: int, steps: int, peak: float, resumed: int = 0) -> float:
    """Linear warm-up, a plateau, linear decay. `resumed`: the step at which a new optimizer began."""
    warm = min(1.0, (step + 1) / WARM_UP, (step - resumed + 1) / (WARM_UP / 4) if resumed else 1.0)
    return peak * warm * min(1.0, (steps - step) / (DECAY * steps))


def predictions(model: Model, batch: Batch) -> tuple[Tensor, Tensor]:
    """Vectors and right tokens at the real target positions (the language model's are English)."""
    if hasattr(model, "read"):
        tgt_in, tgt_out = framed(batch.src.cpu(), batch.n_src.cpu())
        tgt_in, tgt_out = tgt_in.to(batch.src.device), tgt_out.to(batch.src.device)
        x = model.read(tgt_in)
    else:
        tgt_out = batch.tgt_out
        x = model.decode(model.encode(batch.src, batch.n_src), batch.tgt_in)
    real = tgt_out != PAD
    return x[real], tgt_out[real]


class OutputLoss(torch.autograd.Function):
    """Mean cross-entropy of `x @ table.T` (tied output layer), in blocks of rows that stay in the cache.

    Products are bfloat16, the softmax f32. The gradients are computed on the way forward, and the whole
    (positions, vocab) array is never made.
    """

    @staticmethod
    def forward(ctx, x: Tensor, table: Tensor, right: Tensor) -> Tensor:
        n, short_table = len(x), table.detach().bfloat16()
        short = F.pad(x.detach().bfloat16(), (0, 0, 0, -n % ROWS))  # blocks of one shape: see batches.STEP
        grad_x, grad_table, total = torch.empty_like(x), torch.zeros_like(table), 0.0
        for first in range(0, n, ROWS):
            some, answers = short[first : first + ROWS], right[first : first + ROWS]
            here, m = torch.arange(len(answers), device=x.device), len(answers)
            p = torch.softmax((some @ short_table.T).float(), 1)
            total -= p[here, answers].clamp_min(1e-30).log().sum()
            p[here, answers] -= 1  # d loss / d logits
            p[m:] = 0
            p = p.bfloat16()
            grad_x[first : first + m] = (p @ short_table)[:m]
            grad_table += p.T @ some
        ctx.save_for_backward(grad_x.div_(len(x)), grad_table.div_(len(x)))
        return total.detach() / len(x)

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
        return torch.zeros((), device=batch.src.device)
    pronoun, antecedent = batch.coref[rows, 0], batch.coref[rows, 1]
    weights = model.encoder[-1].self_attn.weights
    return surprise(weights[rows, COREF_HEAD, pronoun, antecedent]).mean()


def alignment_loss(model: Transformer, batch: Batch) -> Tensor:
    if len(batch.align) == 0:
        return torch.zeros((), device=batch.src.device)
    sentence, target, source = batch.align.unbind(1)
    weights = model.decoder[-1].cross_attn.weights
    return surprise(weights[sentence, ALIGN_HEAD, target, source]).mean()


def legibility_loss(model: Transformer, batch: Batch) -> Tensor:
    """Entropy of the attention rows of real words, and what a column holds beyond SINK_FROM; means over heads and layers."""
    real = {
        "encoder": (torch.arange(batch.src.shape[1], device=batch.src.device) < batch.n_src[:, None]).float(),
        "decoder": (batch.tgt_out != PAD).float(),
    }
    losses = []
    for name, attention in model.attentions():
        rows = real[name.split(".")[0]]  # (batch, query)
        count = rows.sum(1)
        entropy = (attention.weights * surprise(attention.weights)).sum(3).mean(1)
        share = torch.einsum("bhqk,bq->bhk", attention.weights, rows / count[:, None])
        sink = (share.amax(2) - SINK_FROM).clamp_min(0).mean(1)[count >= 6]
        losses.append(ENTROPY_WEIGHT * (entropy * rows).sum() / rows.sum() + SINK_WEIGHT * sink.sum() / len(count))
    return torch.stack(losses).mean()


def guidance(model: Transformer, batch: Batch, step: int) -> Tensor:
    loss = COREF_WEIGHT * coreference_loss(model, batch) + ALIGN_WEIGHT * alignment_loss(model, batch)
    if step % LEGIBLE_EVERY == 0:
        loss = loss + LEGIBLE_EVERY * legibility_loss(model, batch)
    return loss


def optimizer_of(model: Model) -> torch.optim.Optimizer:
    """Adam. An Elman cell's recurrent matrices (they alone are called W_h) learn more slowly than the rest."""
    slow = [p for name, p in model.named_parameters() if name.endswith("W_h")]
    rest = [p for name, p in model.named_parameters() if not name.endswith("W_h")]
    groups = [{"params": rest, "share": 1.0}, {"params": slow, "share": RECURRENT_SHARE}]
    return torch.optim.Adam([g for g in groups if g["params"]], betas=(0.9, 0.98), fused=True)


class Run:
    """A model in training: weights, optimizer, averaged weights, step and curve; saved and loaded as one."""

    def __init__(self, name: str, steps: int, device: str, fresh: bool):
        torch.manual_seed(SEED)
        self.name, self.steps, self.device = name, steps, device
        self.model = build(name, vocab_size(), DROPOUT).to(device)
        keep_weights(self.model, name == "transformer" or device == "cpu")
        self.optimizer = optimizer_of(self.model)
        self.step, self.resumed, self.examples, self.tokens, self.seconds, self.curve = 0, 0, 0, 0, 0.0, []
        self.average = [p.detach().clone() for p in self.model.parameters()]
        if not fresh:
            self.load()

    @property
    def path(self) -> Path:
        (BUILD / "runs").mkdir(parents=True, exist_ok=True)
        return BUILD / "runs" / f"{self.name}.pt"

    def load(self) -> None:
        stored = STATE / f"{self.name}.safetensors"
        if self.path.exists():
            saved = torch.load(self.path, map_location=self.device)
            self.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.average = saved["average"]
            for field in ("step", "resumed", "examples", "tokens", "seconds", "curve"):
                setattr(self, field, saved[field])
        elif stored.exists():
            load_tensors(self.model, load_file(stored))
            with safe_open(stored, "pt") as file:
                record = json.loads(file.metadata()["training"])
            self.step = self.resumed = record["step"]
            self.examples, self.tokens, self.seconds, self.curve = record["examples"], record["tokens"], record["seconds"], record["curve"]
            self.average = [p.detach().clone() for p in self.model.parameters()]

    def save(self) -> None:
        fields = ("step", "resumed", "examples", "tokens", "seconds", "curve", "average")
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        part = self.path.with_suffix(".part")
        torch.save(state | {f: getattr(self, f) for f in fields}, part)
        part.replace(self.path)
        self.export(BUILD / "runs" / f"{self.name}.safetensors")

    def export(self, path: Path) -> None:
        """The averaged weights as f16, with sizes and the training's state as metadata."""
        names = dict(zip((n for n, _ in self.model.named_parameters()), self.average))
        weights = {k.replace("ward_.", "ward."): w.half().contiguous().cpu() for k, w in names.items()}
        record = {"step": self.step, "steps": self.steps, "examples": self.examples, "tokens": self.tokens, "seconds": round(self.seconds), "curve": self.curve, "seed": SEED, "rate": RATES[self.name]}
        part = path.with_suffix(".part")
        save_file(weights, part, {k: str(v) for k, v in self.model.sizes.items()} | {"training": json.dumps(record)})
        part.replace(path)

    def learn(self, batch: Batch, rate: float) -> float:
        """One step; returns the loss of translating."""
        with torch.autocast(self.device, torch.bfloat16, enabled=self.name in BFLOAT16):
            x, right = predictions(self.model, batch)
        loss = own = OutputLoss.apply(x.float(), self.model.embed.weight, right)
        if self.name == "transformer":
            loss = loss + guidance(self.model, batch, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * rate
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        with torch.no_grad():
            share = 1 - min(AVERAGE, 1 - 10 / (self.step + 20))
            torch._foreach_lerp_(self.average, list(self.model.parameters()), share)
        return own.item()


def fit(name: str, until: int, steps: int, rate: float, device: str, fresh: bool) -> Run:
    run, corpus = Run(name, steps, device, fresh), Corpus()
    run.model.train()
    losses, began = [], time.time()
    for step, rows in enumerate(order(corpus, SEED)):
        if step < run.step:
            continue
        if step >= min(until, steps):
            break
        batch = corpus.batch(rows)
        run.examples, run.tokens = run.examples + len(rows), run.tokens + int((batch.tgt_out != PAD).sum())
        losses.append(run.learn(batch.to(device), rate_at(step, steps, rate, run.resumed)))
        run.step = step + 1
        if run.step % SAVE_EVERY == 0:
            now = time.time()
            run.seconds, began = run.seconds + now - began, now
            run.curve.append((run.step, round(sum(losses) / len(losses), 4)))
            print(f"{name} {run.step}/{steps} loss {run.curve[-1][1]:.4f} {run.seconds:.0f} s {run.examples:,} examples", flush=True)
            losses = []
            run.save()
    run.save()
    return run


def train_one(name: str, until: int, steps: int, rate: float, fresh: bool) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # sharp attention makes denormals, which are slow
    run = fit(name, until, steps, rate, device, fresh)
    run.export(STATE / f"{name}.safetensors")


def train_all(steps: int) -> None:
    """Two models at a time, the longest first; on a GPU one at a time."""
    one = lambda name: subprocess.run([sys.executable, str(HERE / "train.py"), "--only", name, "--steps", str(steps)], check=True)
    with ThreadPoolExecutor(1 if torch.cuda.is_available() else 2) as pool:
        list(pool.map(one, LONGEST_FIRST))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="?", type=Path, help="fra.txt, needed while there is no corpus")
    parser.add_argument("--only", choices=LONGEST_FIRST)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--until", type=int, default=math.inf)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--fresh", action="store_true")
    a = parser.parse_args()
    if not (BUILD / "train.npz").exists():
        subprocess.run([sys.executable, str(HERE / "corpus.py"), str(a.pairs)], check=True)
    if a.only:
        return train_one(a.only, a.until, a.steps, a.rate or RATES[a.only], a.fresh)
    train_all(a.steps)


if __name__ == "__main__":
    main()
