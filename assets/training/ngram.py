"""An interpolated Kneser-Ney n-gram model over token ids (Chen and Goodman 1999), the language model's yardstick."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

from models import BOS, EOS

ORDER = 5
DISCOUNT = 0.75


class KneserNey:
    """Counts of the highest order, and of distinct left neighbours below it."""

    def __init__(self, sentences: list[list[int]], vocab_size: int):
        self.vocab_size = vocab_size
        highest: Counter[tuple[int, ...]] = Counter()
        for ids in sentences:
            row = [BOS] * (ORDER - 1) + ids + [EOS]
            for i in range(ORDER - 1, len(row)):
                highest[tuple(row[i - ORDER + 1 : i + 1])] += 1
        counts: dict[int, Counter[tuple[int, ...]]] = {ORDER: highest}
        for n in range(ORDER - 1, 0, -1):
            counts[n] = Counter(gram[1:] for gram in counts[n + 1])
        self.counts = counts
        self.total: dict[tuple[int, ...], int] = defaultdict(int)
        self.kinds: dict[tuple[int, ...], int] = defaultdict(int)
        for n, some in counts.items():
            for gram, c in some.items():
                self.total[(n, *gram[:-1])] += c
                self.kinds[(n, *gram[:-1])] += 1

    def p(self, context: tuple[int, ...], token: int) -> float:
        n = len(context) + 1
        lower = self.p(context[1:], token) if context else 1 / self.vocab_size
        total = self.total.get((n, *context), 0)
        if not total:
            return lower
        count = self.counts[n].get((*context, token), 0)
        return (max(count - DISCOUNT, 0) + DISCOUNT * self.kinds[(n, *context)] * lower) / total

    def perplexity(self, sentences: list[list[int]]) -> float:
        """A token, <eos> counted."""
        logs = count = 0
        for ids in sentences:
            row = [BOS] * (ORDER - 1) + ids + [EOS]
            for i in range(ORDER - 1, len(row)):
                logs += math.log(self.p(tuple(row[i - ORDER + 1 : i]), row[i]))
                count += 1
        return math.exp(-logs / count)
