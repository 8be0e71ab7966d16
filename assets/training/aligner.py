"""Word alignment of sentence pairs: IBM model 1 and an HMM, both trained by EM (Brown et al. 1993, Vogel et al. 1996).

`words(text)` cuts a text as the tokenizer's first step does. `Literalness` scores how word by word a translation is.
`Aligner(pairs).links(pairs)` returns for each pair the links (French word, English word) that both directions agree on.
All arrays are flat, a cell for each (source word, target word) of a pair, so that one step of EM is a few numpy calls.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict

import numpy as np

WORD = re.compile(r"n't\b|'s\b|\w+?(?=n't\b)|\b(?:qu|jusqu|lorsqu|puisqu|[ldnsjmtc])'(?=\w)|aujourd'hui|[^\W\d_]+|\d|[^\w\s]", re.I)
NULL = "<null>"
WIDTH = 1 << 24  # more than there are words
SMOOTH = 1e-7
P_NULL = 0.15
LONGEST_JUMP = 8

Pairs = list[tuple[list[str], list[str]]]


def words(text: str) -> list[str]:
    """The words of a text, lower case: didn't -> did n't, l'animal -> l' animal."""
    return [w.lower() for w in WORD.findall(text)]


class Table:
    """p(target word | source word) for the pairs that occur together, as a sorted array of codes.

    Both languages share one numbering of words; 0 is NULL, the origin of words that have none.
    """

    def __init__(self, pairs: Pairs):
        self.ids = {NULL: 0}
        for source, target in pairs:
            for word in (*source, *target):
                self.ids.setdefault(word, len(self.ids))
        self.codes = np.empty(0, dtype=np.int64)
        self.p = np.empty(0)

    def of(self, sentence: list[str]) -> np.ndarray:
        """Word ids; a new word gets one too."""
        return np.array([self.ids.setdefault(w, len(self.ids)) for w in sentence], dtype=np.int64)

    def cells(self, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
        """Code of each cell (target-major within a pair, NULL first) and the number of its target row."""
        codes, rows, row = [], [], 0
        for source, target in pairs:
            s, t = np.concatenate([[0], self.of(source)]), self.of(target)
            codes.append((s[None, :] * WIDTH + t[:, None]).ravel())
            rows.append(np.repeat(np.arange(row, row + len(t)), len(s)))
            row += len(t)
        return np.concatenate(codes), np.concatenate(rows)

    def fit(self, pairs: Pairs, rounds: int = 5) -> None:
        """Model 1: every source word is as likely to be the origin."""
        codes, rows = self.cells(pairs)
        self.codes, where = np.unique(codes, return_inverse=True)
        self.p = np.ones(len(self.codes))
        for _ in range(rounds):
            share = self.p[where]
            share = share / np.bincount(rows, share)[rows]
            self.update(np.bincount(where, share, len(self.codes)))

    def update(self, counts: np.ndarray) -> None:
        total = np.bincount(self.codes // WIDTH, counts)
        self.p = counts / (total[self.codes // WIDTH] + 1e-6) + 1e-12

    def look_up(self, codes: np.ndarray) -> np.ndarray:
        """p of each cell, SMOOTH for words that never met; a word that stands on both sides and met nothing is a copy."""
        at = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        met = self.codes[at] == codes
        copied = codes // WIDTH == codes % WIDTH
        return np.where(met, self.p[at], np.where(copied, 0.3, 0.0)) + SMOOTH


class Literalness:
    """Mean log-probability a word that model 1 gives a pair, the mean of both directions."""

    def __init__(self, pairs: Pairs):
        self.tables = Table(pairs), Table(pairs)
        self.tables[0].fit(pairs)
        self.tables[1].fit([(t, s) for s, t in pairs])
        self.known = [dict(zip(t.codes.tolist(), t.p.tolist())) for t in self.tables]

    def score(self, english: list[str], french: list[str]) -> float:
        return 0.5 * (self.one_way(0, english, french) + self.one_way(1, french, english))

    def one_way(self, which: int, source: list[str], target: list[str]) -> float:
        table, known = self.tables[which], self.known[which]
        s = [0, *table.of(source).tolist()]
        total = sum(math.log(sum(known.get(i * WIDTH + t, 0.0) for i in s) / len(s) + 1e-5) for t in table.of(target).tolist())
        return total / max(1, len(target))


class Hmm:
    """p(target | source) where the origin of one target word depends on the origin of the last (by the jump's width)."""

    def __init__(self, pairs: Pairs, rounds: int = 3):
        self.table = Table(pairs)
        self.table.fit(pairs)
        self.jumps = np.exp(-np.abs(np.arange(-LONGEST_JUMP, LONGEST_JUMP + 1) - 1) / 2.0)
        for _ in range(rounds):
            self.improve(pairs)

    def improve(self, pairs: Pairs) -> None:
        """One round of EM over words and jumps."""
        counts, jumps = np.zeros(len(self.table.codes)), np.full(len(self.jumps), 1e-3)
        for group in by_shape(pairs):
            codes, null_codes = self.codes_of([pairs[k] for k in group])
            origin, null, jump = self.posteriors(codes, null_codes)
            for cells, mass in ((codes, origin), (null_codes, null)):
                at = np.searchsorted(self.table.codes, cells.ravel())
                counts += np.bincount(at, mass.ravel(), len(counts))
            jumps += jump
        self.table.update(counts)
        self.jumps = jumps / jumps.sum()

    def codes_of(self, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
        """Codes (pair, target, source) and those of NULL (pair, target), for pairs of one shape."""
        s, t = (np.stack([self.table.of(pair[k]) for pair in pairs]) for k in (0, 1))
        return s[:, None, :] * WIDTH + t[:, :, None], t

    def posteriors(self, codes: np.ndarray, null_codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """p(origin) (pair, target, source), p(no origin) (pair, target), expected counts of jumps."""
        n, n_target, n_source = codes.shape
        word = (1 - P_NULL) * self.table.look_up(codes)
        emission = word + P_NULL * self.table.look_up(null_codes)[:, :, None]
        width = np.clip(np.arange(n_source)[None, :] - np.arange(n_source)[:, None], -LONGEST_JUMP, LONGEST_JUMP) + LONGEST_JUMP
        move = self.jumps[width]
        move = move / move.sum(1, keepdims=True)  # (from, to)
        ahead, back = np.empty_like(emission), np.ones_like(emission)
        for j in range(n_target):
            a = emission[:, j] * (ahead[:, j - 1] @ move if j else np.full((n, n_source), 1 / n_source))
            ahead[:, j] = a / a.sum(1, keepdims=True)
        jump = np.zeros(len(self.jumps))
        for j in range(n_target - 2, -1, -1):
            later = emission[:, j + 1] * back[:, j + 1]
            both = ahead[:, j, :, None] * move * later[:, None, :]
            both /= both.sum((1, 2), keepdims=True)
            jump += np.bincount(width.ravel(), both.sum(0).ravel(), len(jump))
            b = later @ move.T
            back[:, j] = b / b.sum(1, keepdims=True)
        state = ahead * back
        state /= state.sum(2, keepdims=True)
        real = word / emission
        return state * real, (state * (1 - real)).sum(2), jump


def by_shape(pairs: Pairs, most: int = 20_000) -> list[list[int]]:
    """Numbers of the pairs with equal lengths, in groups of at most `most` cells a target word."""
    shapes: dict[tuple[int, int], list[int]] = defaultdict(list)
    for k, (source, target) in enumerate(pairs):
        if source and target:
            shapes[len(source), len(target)].append(k)
    groups = []
    for (n, m), members in shapes.items():
        size = max(1, most // (n * n))
        groups += [members[i : i + size] for i in range(0, len(members), size)]
    return groups


class Aligner:
    """HMMs of both directions, trained on (English, French) pairs of words."""

    def __init__(self, pairs: Pairs):
        self.forward, self.backward = Hmm(pairs), Hmm([(t, s) for s, t in pairs])

    def links(self, pairs: Pairs, least: float = 0.25) -> list[list[tuple[int, int]]]:
        """For each pair the (French, English) positions whose probabilities in both directions have a product above `least`."""
        found: list[list[tuple[int, int]]] = [[] for _ in pairs]
        for group in by_shape(pairs):
            some = [pairs[k] for k in group]
            one = self.forward.posteriors(*self.forward.codes_of(some))[0]
            other = self.backward.posteriors(*self.backward.codes_of([(t, s) for s, t in some]))[0]
            for k, french, english in np.argwhere(one * other.transpose(0, 2, 1) > least).tolist():
                found[group[k]].append((french, english))
        return found
