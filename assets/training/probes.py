"""Linear probes: which word stood k before the last, read from the last hidden state alone?

Probe k maps the frozen encoder's last state h to h W_k + b_k and compares it with the frozen embedding
table. It is fitted on training sentences of all lengths and changes nothing in the model.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from batches import Corpus, order
from models import N_PROBES, PAD, Model

SENTENCES = 60_000
BATCH = 128
PASSES = 2
RATE = 4e-3


def fit(model: Model, corpus: Corpus, seed: int, sentences: int = SENTENCES) -> dict[str, Tensor]:
    """-> readback.W (probe, unit, channel) and readback.b (probe, channel)"""
    torch.manual_seed(seed)
    h, words = states_and_words(model, corpus, seed, sentences)
    d_model = model.sizes["d_model"]
    W = torch.randn(N_PROBES, h.shape[1], d_model).div_(math.sqrt(h.shape[1])).requires_grad_()
    b = torch.zeros(N_PROBES, d_model, requires_grad=True)
    optimizer = torch.optim.Adam([W, b], lr=RATE, fused=True)
    batches = torch.cat([torch.randperm(len(h)) for _ in range(PASSES)]).split(BATCH)
    for step, rows in enumerate(batches):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / len(batches))
        loss = loss_of(model, h[rows], words[rows], W, b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {"readback.W": W.detach(), "readback.b": b.detach()}


def loss_of(model: Model, h: Tensor, words: Tensor, W: Tensor, b: Tensor) -> Tensor:
    real = words != PAD
    proj = torch.einsum("bu,kuc->bkc", h, W) + b  # (batch, probe, channel)
    return F.cross_entropy(proj[real] @ model.embed.weight.detach().T, words[real])


@torch.no_grad()
def states_and_words(model: Model, corpus: Corpus, seed: int, sentences: int) -> tuple[Tensor, Tensor]:
    """Last hidden states (sentence, unit), and the words from the last one back (sentence, probe)."""
    states, words = [], []
    for rows in order(corpus, seed + 1):
        if sum(map(len, states)) >= sentences:
            break
        batch = corpus.batch(rows)
        states.append(model.encode(batch.src, batch.n_src))
        words.append(from_the_end(batch.src, batch.n_src))
    return torch.cat(states), torch.cat(words)


def from_the_end(src: Tensor, n: Tensor) -> Tensor:
    """Column k holds the word k before the last, <pad> before the first. (sentence, probe)"""
    position = n[:, None] - 1 - torch.arange(N_PROBES)
    word = src.gather(1, position.clamp(0, src.shape[1] - 1))
    return torch.where(position >= 0, word, torch.full_like(word, PAD))


@torch.no_grad()
def guesses(model: Model, weights: dict[str, Tensor], src: Tensor, n: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Whether each probe's first guess is right, and whether there is a word. (sentence, probe)"""
    h, words = model.encode(src, n), from_the_end(src, n)
    proj = torch.einsum("bu,kuc->bkc", h, weights["readback.W"].float()) + weights["readback.b"].float()
    guess = model.logits(proj).argmax(2)
    return (guess == words).numpy(), (words != PAD).numpy()
