"""Training examples from `build/train.npz`, as padded batches of sentences of like length.

The order depends on the seed alone, so every model sees the same examples in the same order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from lexicon import Lexicon
from models import BOS, EOS, PAD

HERE = Path(__file__).parent
BUILD = HERE / "build"
ASSETS = HERE.parent / "models"
BATCH = 128
POOL = 64 * BATCH  # sorted by length within a pool: little padding, order still mixed


@dataclass
class Batch:
    """Token ids padded with <pad>; `tgt_in` begins with <bos>, `tgt_out` ends with <eos>."""

    src: Tensor
    n_src: Tensor
    tgt_in: Tensor
    tgt_out: Tensor
    coref: Tensor  # (batch, 4): pronoun, antecedent, distractor, adjective in the source, or -1
    align: Tensor  # (pairs, 3): sentence of the batch, target position, source position; content words


@cache
def content_words() -> np.ndarray:
    """By token id: is it an English noun, name, verb or adjective? (vocab)"""
    lexicon = Lexicon()
    forms = {form for nouns in lexicon.nouns.values() for noun in nouns for form in noun.en}
    forms |= {name.en for name in lexicon.names} | {adjective.en for adjective in lexicon.adjectives}
    for verb in (*lexicon.intransitive, *lexicon.transitive, *lexicon.giving, *lexicon.placed):
        forms |= {verb.base, verb.third, verb.past}
    vocab = Tokenizer.from_file(str(ASSETS / "tokenizer.json")).get_vocab()
    is_content = np.zeros(len(vocab), dtype=bool)
    ids = [vocab.get(f" {cased}") for form in forms for cased in (form, form.capitalize())]
    is_content[[i for i in ids if i is not None]] = True
    return is_content


class Corpus:
    """All training pairs in memory."""

    def __init__(self, path: Path = BUILD / "train.npz"):
        stored = np.load(path)
        self.columns = {name: stored[name] for name in stored.files}
        self.coref = self.columns["coref"].astype(np.int64)
        self.is_content = content_words()

    def __len__(self) -> int:
        return len(self.coref)

    def lengths(self, name: str) -> np.ndarray:
        return np.diff(self.columns[f"{name}_off"].astype(np.int64))

    def padded(self, name: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The chosen rows of a ragged column (rows, longest), and their lengths."""
        offsets = self.columns[f"{name}_off"].astype(np.int64)
        starts, lengths = offsets[rows], offsets[rows + 1] - offsets[rows]
        column = np.arange(max(1, lengths.max()))
        inside = column < lengths[:, None]
        flat = np.where(inside, starts[:, None] + column, 0)
        return np.where(inside, self.columns[name][flat], PAD).astype(np.int64), lengths

    def aligned(self, rows: np.ndarray) -> np.ndarray:
        """(pairs, 3): row of the batch, target position, source position."""
        offsets = self.columns["align_off"].astype(np.int64)
        starts, lengths = offsets[rows], offsets[rows + 1] - offsets[rows]
        sentence = np.repeat(np.arange(len(rows)), lengths)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        flat = np.repeat(starts, lengths) + within
        pairs = [sentence, self.columns["align_fr"][flat], self.columns["align_en"][flat]]
        return np.stack(pairs, 1).astype(np.int64)

    def batch(self, rows: np.ndarray) -> Batch:
        src, n_src = self.padded("src", rows)
        tgt, n_tgt = self.padded("tgt", rows)
        return Batch(
            torch.from_numpy(src),
            torch.from_numpy(n_src),
            *framed(torch.from_numpy(tgt), torch.from_numpy(n_tgt)),
            torch.from_numpy(self.coref[rows]),
            content_pairs(torch.from_numpy(self.aligned(rows)), torch.from_numpy(src), self.is_content),
        )


def content_pairs(align: Tensor, src: Tensor, is_content: np.ndarray) -> Tensor:
    """The aligned pairs (pairs, 3) whose source word is a content word."""
    return align[torch.from_numpy(is_content)[src[align[:, 0], align[:, 2]]]]


def framed(ids: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
    """What a decoder reads (<bos> y1 .. yn) and what it should write (y1 .. yn <eos>)."""
    column = torch.full((len(ids), 1), PAD)
    read = torch.cat([torch.full_like(column, BOS), ids], 1)
    written = torch.cat([ids, column], 1)
    written[torch.arange(len(ids)), n] = EOS
    return read, written


def order(corpus: Corpus, seed: int) -> Iterator[np.ndarray]:
    """Rows of one batch after another, for ever; each epoch holds every example once."""
    rng = np.random.default_rng(seed)
    length = corpus.lengths("src") + corpus.lengths("tgt")
    while True:
        batches = []
        shuffled = rng.permutation(len(corpus))
        for start in range(0, len(corpus) - BATCH + 1, POOL):
            pool = shuffled[start : start + POOL]
            pool = pool[np.argsort(length[pool], kind="stable")]
            batches += [pool[i : i + BATCH] for i in range(0, len(pool) - BATCH + 1, BATCH)]
        for i in rng.permutation(len(batches)):
            yield batches[i]
