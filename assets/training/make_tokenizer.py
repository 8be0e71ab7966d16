"""Builds `state/tokenizer.json`: one byte-fallback BPE for both languages, learned from the training texts.

Case is kept, a word's first token carries the space before it, digits stand alone, and `n't`, `'s` and elided French
words (`l'`, `qu'`) are cut off before merging. Any text decodes back exactly. `<` and `>` stand alone, so that a typed
`<eos>` stays text.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

STATE = Path(__file__).resolve().parent / "state"
SPECIAL = ["<pad>", "<bos>", "<eos>", "<unk>"]
BYTES = [f"<0x{b:02X}>" for b in range(256)]
VOCAB = 4000
PATTERN = "|".join([
    r"'s(?!\p{L})",
    r"n't(?!\p{L})",
    r" ?(?i:aujourd'hui)(?!\p{L})",
    r" ?(?i:qu|jusqu|lorsqu|puisqu|[ldnsjmtc])'(?=\p{L})",
    r" ?\p{L}+?(?=n't(?!\p{L}))",
    r" ?[\p{L}\p{M}]+",
    r" ?\p{N}",
    r"[.,]",
    r"[<>]",
    r" ?[^\s\p{L}\p{M}\p{N}.,<>]+",
    r"\s+(?!\S)",
    r"\s+",
])  # fmt: skip


def assembled(vocab: list[str], merges: list[tuple[str, str]]) -> Tokenizer:
    """The tokenizer with ids in the order: special tokens, bytes, `vocab`."""
    ids = {token: i for i, token in enumerate([*SPECIAL, *BYTES, *vocab])}
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Prepend(" ")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PATTERN), behavior="isolated")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer


def learn(texts: list[str], vocab_size: int = VOCAB) -> Tokenizer:
    """BPE of `vocab_size` tokens in all."""
    learner = assembled([], [])
    trainer = trainers.BpeTrainer(vocab_size=vocab_size - len(SPECIAL) - len(BYTES), show_progress=False, min_frequency=2)
    learner.train_from_iterator(texts, trainer)
    model = json.loads(learner.to_str())["model"]
    merges = [tuple(m) for m in model["merges"]]
    return assembled(sorted(model["vocab"], key=model["vocab"].get), merges)


def check(tokenizer: Tokenizer, texts: list[str]) -> None:
    """Texts of the corpus and odd ones decode back, and nobody can type a special token."""
    rng = random.Random(5)
    pieces = ["a", "I", " ", "  ", "\n", "\t", "é", "e\u0301", "▁", "日本", "😀", "\u200d", "\x00", "\x1b", "<eos>", "<0x41>", "'", "’", "n't", "'s", ".", "...", "12", "The", " animal", "Aujourd'hui", "l'", "qu'"]
    letter = lambda: chr(rng.choice((rng.randrange(32, 0xD7FF), rng.randrange(0x10000, 0x10FFFF))))
    odd = ["".join(rng.choice(pieces) if rng.random() < 0.8 else letter() for _ in range(rng.randrange(1, 14))) for _ in range(20_000)]
    for text in [*texts, *odd]:
        ids = tokenizer.encode(text).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text, (text, tokenizer.encode(text).tokens)
        assert not set(ids) & {0, 1, 2, 3}, text


def load() -> Tokenizer:
    return Tokenizer.from_file(str(STATE / "tokenizer.json"))
