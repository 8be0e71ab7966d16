"""Linear probes: which word stood k before the last, read from the last hidden state alone?

Probe k maps the frozen encoder's last state h to h U_k V_k + b_k and compares it with the frozen embedding
table. It is fitted on training sentences of all lengths and changes nothing in the model. U_k V_k has rank RANK, which halves
the size of the files and costs little.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from batches import Corpus, order
from models import N_PROBES, PAD, Model

SENTENCES = 60_000
RANK = 32
BATCH = 128
PASSES = 2
RATE = 4e-3


def fit(model: Model, corpus: Corpus, seed: int, sentences: int = SENTENCES) -> dict[str, Tensor]:
    """-> readback.U (probe, unit, rank), readback.V (probe, rank, channel) and readback.b (probe, channel)"""
    torch.manual_seed(seed)
    h, words = states_and_words(model, corpus, seed, sentences)
    d_model, n_units = model.sizes["d_model"], h.shape[1]
    U = torch.randn(N_PROBES, n_units, RANK).div_(math.sqrt(n_units)).requires_grad_()
    V = torch.randn(N_PROBES, RANK, d_model).div_(math.sqrt(RANK)).requires_grad_()
    b = torch.zeros(N_PROBES, d_model, requires_grad=True)
    optimizer = torch.optim.Adam([U, V, b], lr=RATE)
    batches = torch.cat([torch.randperm(len(h)) for _ in range(PASSES)]).split(BATCH)
    for step, rows in enumerate(batches):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / len(batches))
        loss = loss_of(model, h[rows], words[rows], U, V, b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {"readback.U": U.detach(), "readback.V": V.detach(), "readback.b": b.detach()}


def projected(h: Tensor, U: Tensor, V: Tensor, b: Tensor) -> Tensor:
    """h (sentence, unit) -> (sentence, probe, channel)"""
    return torch.einsum("bkr,krc->bkc", torch.einsum("bu,kur->bkr", h, U), V) + b


def loss_of(model: Model, h: Tensor, words: Tensor, U: Tensor, V: Tensor, b: Tensor) -> Tensor:
    real = words != PAD
    return F.cross_entropy(projected(h, U, V, b)[real] @ model.embed.weight.detach().T, words[real])


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
    proj = projected(h, *(weights[f"readback.{part}"].float() for part in "UVb"))
    guess = model.logits(proj).argmax(2)
    return (guess == words).numpy(), (words != PAD).numpy()
