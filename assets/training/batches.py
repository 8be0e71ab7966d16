"""Training examples from `build/train.npz`, as padded batches of sentences of like length.

A batch has about BATCH_TOKENS target tokens, padding counted, however many sentences that are. The order depends on the
seed alone, so every model sees the same examples in the same order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models import BOS, EOS, PAD

HERE = Path(__file__).parent
BUILD = HERE / "build"
STATE = HERE / "state"
ASSETS = HERE.parent / "models"
BATCH_TOKENS = 6000
POOL = 24_576  # sentences sorted by length together: little padding, order still mixed
STEP = 4  # batches are padded to multiples of it: every new shape costs the CPU's library a compilation
FUNCTION_WORDS = 60  # the most frequent source tokens, whose alignment is not taught
SHARES = [0.49, 0.13, 0.14, 0.14, 0.1]  # of everyday, joined, grammar, copies, own (corpus.KINDS)


@dataclass
class Batch:
    """Token ids padded with <pad>; `tgt_in` begins with <bos>, `tgt_out` ends with <eos>."""

    src: Tensor
    n_src: Tensor
    tgt_in: Tensor
    tgt_out: Tensor
    coref: Tensor  # (batch, 4): pronoun, antecedent, distractor, adjective in the source, or -1
    align: Tensor  # (pairs, 3): sentence of the batch, target position, source position; content words

    def to(self, device: str) -> "Batch":
        return self if device == "cpu" else Batch(*(getattr(self, f.name).to(device) for f in fields(self)))


class Corpus:
    """All training pairs in memory."""

    def __init__(self, path: Path = BUILD / "train.npz"):
        stored = np.load(path)
        self.columns = {name: stored[name] for name in stored.files}
        self.coref = self.columns["coref"].astype(np.int64)
        self.kind = self.columns["kind"]
        counts = np.bincount(self.columns["src"])
        self.is_content = np.ones(len(counts) + 1, dtype=bool)
        self.is_content[np.argsort(-counts)[:FUNCTION_WORDS]] = False

    def __len__(self) -> int:
        return len(self.coref)

    def lengths(self, name: str) -> np.ndarray:
        return np.diff(self.columns[f"{name}_off"].astype(np.int64))

    def padded(self, name: str, rows: np.ndarray, extra: int) -> tuple[np.ndarray, np.ndarray]:
        """The chosen rows of a ragged column (rows, longest), and their lengths; longest + extra is a multiple of STEP."""
        offsets = self.columns[f"{name}_off"]
        starts, lengths = offsets[rows], offsets[rows + 1] - offsets[rows]
        column = np.arange(rounded(int(lengths.max()) + extra) - extra)
        inside = column < lengths[:, None]
        flat = np.where(inside, starts[:, None] + column, 0)
        return np.where(inside, self.columns[name][flat], PAD).astype(np.int64), lengths

    def aligned(self, rows: np.ndarray) -> np.ndarray:
        """(pairs, 3): row of the batch, target position, source position."""
        offsets = self.columns["align_off"]
        starts, lengths = offsets[rows], offsets[rows + 1] - offsets[rows]
        sentence = np.repeat(np.arange(len(rows)), lengths)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        flat = np.repeat(starts, lengths) + within
        pairs = [sentence, self.columns["align_fr"][flat], self.columns["align_en"][flat]]
        return np.stack(pairs, 1).astype(np.int64)

    def batch(self, rows: np.ndarray) -> Batch:
        src, n_src = self.padded("src", rows, 0)
        tgt, n_tgt = self.padded("tgt", rows, 1)
        align = self.aligned(rows)
        align = align[self.is_content[src[align[:, 0], align[:, 2]]]]
        return Batch(
            torch.from_numpy(src),
            torch.from_numpy(n_src),
            *framed(torch.from_numpy(tgt), torch.from_numpy(n_tgt)),
            torch.from_numpy(self.coref[rows]),
            torch.from_numpy(align),
        )


def framed(ids: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
    """What a decoder reads (<bos> y1 .. yn) and what it should write (y1 .. yn <eos>)."""
    column = torch.full((len(ids), 1), PAD)
    read = torch.cat([torch.full_like(column, BOS), ids], 1)
    written = torch.cat([ids, column], 1)
    written[torch.arange(len(ids)), n] = EOS
    return read, written


def draws(members: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Rows of one kind in random order, each once before any comes again; `send(n)` asks for n of them."""
    queue = np.empty(0, dtype=np.int64)
    n = yield queue
    while True:
        while len(queue) < n:
            queue = np.concatenate([queue, rng.permutation(members)])
        n, queue = (yield queue[:n]), queue[n:]


def order(corpus: Corpus, seed: int) -> Iterator[np.ndarray]:
    """Rows of one batch after another, for ever; kinds are mixed by SHARES."""
    rng = np.random.default_rng(seed)
    length = np.maximum(corpus.lengths("src"), corpus.lengths("tgt") + 1)
    kinds = [draws(np.flatnonzero(corpus.kind == k), rng) for k in range(len(SHARES))]
    for kind in kinds:
        next(kind)
    while True:
        pool = np.concatenate([kind.send(round(share * POOL)) for kind, share in zip(kinds, SHARES)])
        pool = rng.permutation(pool)
        pool = pool[np.argsort(length[pool], kind="stable")]
        batches = cut(pool, length)
        for i in rng.permutation(len(batches)):
            yield batches[i]


def rounded(length: int) -> int:
    return -(-length // STEP) * STEP


def cut(rows: np.ndarray, length: np.ndarray) -> list[np.ndarray]:
    """The sorted rows in batches of at most BATCH_TOKENS padded tokens, of few different shapes."""
    batches, start = [], 0
    while start < len(rows):
        size = fitting(int(length[rows[start]]))
        while (smaller := fitting(int(length[rows[min(start + size, len(rows)) - 1]]))) < size:
            size = smaller
        batches.append(rows[start : start + size])
        start += size
    return batches


def fitting(length: int) -> int:
    """How many sentences of that length make a batch: a multiple of 8."""
    return max(8, BATCH_TOKENS // rounded(length) // 8 * 8)
