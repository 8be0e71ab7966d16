"""What the guided Transformer is taught beyond translating (after Strubell et al. 2018, LISA, and Garg et al. 2019).

It goes on from its twin: the heads that come nearest to the two roles are put at their places (`take_places`), and then
two losses are added to that of translating, with a third for rows that a person can read. Heads are counted from 0,
layers are the last ones.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from batches import Batch, Corpus, order
from models import PAD, Attention, Transformer

COREF_HEAD, COREF_WEIGHT = 2, 0.1  # encoder self-attention: from a pronoun to its noun
ALIGN_HEAD, ALIGN_WEIGHT = 0, 0.03  # decoder cross-attention: to the word being translated
ENTROPY_WEIGHT = 0.003  # all heads: rows that look at few words
SINK_WEIGHT, SINK_FROM = 0.2, 0.4  # all heads: no column holds more than that share of a sentence's rows
LEGIBLE_EVERY = 4  # steps: the last two are costly, and are taken that much stronger instead
PLACING_BATCHES, PLACING_SEED = 12, 5


def surprise(weights: Tensor) -> Tensor:
    """-log of attention weights."""
    return -torch.log(weights + 1e-9)


def coreference_weights(model: Transformer, batch: Batch) -> Tensor:
    """Each head's weight from a pronoun to its noun: (sentence with a pronoun, head)"""
    rows = (batch.coref[:, 0] >= 0).nonzero()[:, 0]
    pronoun, antecedent = batch.coref[rows, 0], batch.coref[rows, 1]
    return model.encoder[-1].self_attn.weights[rows, :, pronoun, antecedent]


def alignment_weights(model: Transformer, batch: Batch) -> Tensor:
    """Each head's weight from a French token to the English one it translates: (pair of tokens, head)"""
    sentence, target, source = batch.align.unbind(1)
    return model.decoder[-1].cross_attn.weights[sentence, :, target, source]


def mean_surprise(weights: Tensor, head: int) -> Tensor:
    return surprise(weights[:, head]).mean() if len(weights) else weights.new_zeros(())


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
    """What is added to the loss of translating, after a pass over the batch."""
    coreference = mean_surprise(coreference_weights(model, batch), COREF_HEAD)
    loss = COREF_WEIGHT * coreference + ALIGN_WEIGHT * mean_surprise(alignment_weights(model, batch), ALIGN_HEAD)
    if step % LEGIBLE_EVERY == 0:
        loss = loss + LEGIBLE_EVERY * legibility_loss(model, batch)
    return loss


def take_places(model: Transformer, corpus: Corpus) -> None:
    """Puts the heads that do most of each role already at the places COREF_HEAD and ALIGN_HEAD; the model stays the same."""
    roles = {"coreference": [], "alignment": []}
    model.eval()
    with torch.no_grad():
        for rows in itertools.islice(order(corpus, PLACING_SEED), PLACING_BATCHES):
            batch = corpus.batch(rows).to(model.embed.weight.device)
            model.decode(model.encode(batch.src, batch.n_src), batch.tgt_in)
            roles["coreference"].append(coreference_weights(model, batch))
            roles["alignment"].append(alignment_weights(model, batch))
    best = {role: int(torch.cat(weights).mean(0).argmax()) for role, weights in roles.items()}
    exchange(model.encoder[-1].self_attn, COREF_HEAD, best["coreference"])
    exchange(model.decoder[-1].cross_attn, ALIGN_HEAD, best["alignment"])
    model.train()


@torch.no_grad()
def exchange(attention: Attention, i: int, j: int) -> None:
    """Two heads change places; what the attention computes stays the same."""
    d_k = attention.W_Q.shape[1] // attention.n_heads
    column = torch.arange(attention.W_Q.shape[1]).view(-1, d_k)
    column[[i, j]] = column[[j, i]]
    for projection in (attention.W_Q, attention.W_K, attention.W_V):
        projection.copy_(projection[:, column.flatten()])
    attention.W_O.copy_(attention.W_O[column.flatten()])
