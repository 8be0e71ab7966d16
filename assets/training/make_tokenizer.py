"""Builds assets/models/tokenizer.json and words.json from sentences of the grammar.

Every word of the mini-world is one token, everything else is spelled in bytes; any text decodes back exactly. It is a BPE model
without merges: the library still pre-tokenizes and looks the words up (`ignore_merges`), and falls back to bytes.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from grammar import CONNECTORS, LAST_WORDS, Grammar, Pair, opens_with_vowel, surface
from lexicon import Lexicon, Verb

MODELS = Path(__file__).resolve().parent.parent / "models"
SPECIAL = ["<pad>", "<bos>", "<eos>", "<unk>"]
SAMPLES = 100_000
# `<` and `>` stand alone, so that a typed `<eos>` stays text; so do `.` and `,`.
PATTERN = "|".join([
    r"'s(?!\p{L})",
    r"n't(?!\p{L})",
    r" ?(?i:aujourd'hui)(?!\p{L})",
    r" ?(?i:qu|jusqu|[ldnsjmtc])'(?=\p{L})",
    r" ?\p{L}+?(?=n't(?!\p{L}))",
    r" ?[\p{L}\p{M}]+",
    r" ?\p{N}+",
    r"[.,]",
    r"[<>]",
    r" ?[^\s\p{L}\p{M}\p{N}.,<>]+",
    r"\s+(?!\S)",
    r"\s+",
])


def empty() -> Tokenizer:
    """The tokenizer with special tokens and bytes only."""
    return with_words([])


def with_words(words: list[str]) -> Tokenizer:
    bytes_ = [f"<0x{b:02X}>" for b in range(256)]
    vocab = {token: i for i, token in enumerate([*SPECIAL, *bytes_, *words])}
    tokenizer = Tokenizer(models.BPE(vocab, [], unk_token="<unk>", byte_fallback=True, ignore_merges=True))
    tokenizer.normalizer = normalizers.Prepend(" ")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PATTERN), behavior="isolated")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer


def samples(count: int, seed: int = 20261123) -> list[Pair]:
    grammar, rng = Grammar(), random.Random(seed)
    return [grammar.sample(rng, rng.randint(3, 40)) for _ in range(count)]


def lowered(tokens: list[str]) -> list[str]:
    """The sentence as a user might start it."""
    return tokens if tokens[0] == "I" else [tokens[0][0].lower() + tokens[0][1:], *tokens[1:]]


def count_words(pairs: list[Pair]) -> Counter[str]:
    """The words as the library itself cuts them, most of them also in the lower-case start of a sentence."""
    tokenizer, counts = empty(), Counter()
    for pair in pairs:
        for tokens in (pair.en, pair.fr, lowered(pair.en)[:3], lowered(pair.fr)[:3]):
            text = tokenizer.normalizer.normalize_str(surface(tokens))
            counts.update(piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text))
    return counts


def spaced(tokens: list[str]) -> list[str]:
    """The tokens as the vocabulary has them: with the space before them, if any."""
    out = []
    for i, token in enumerate(tokens):
        attached = token in ("n't", "'s", ".", ",") or i > 0 and tokens[i - 1].endswith("'")
        out.append(token if attached else " " + token)
    return out


def check(tokenizer: Tokenizer, pairs: list[Pair]) -> None:
    """Our tokens and the library's are the same, one to one, and the texts decode back."""
    for pair in pairs:
        for tokens in (pair.en, pair.fr):
            text = surface(tokens)
            encoded = tokenizer.encode(text)
            assert encoded.tokens == spaced(tokens), (encoded.tokens, tokens)
            assert tokenizer.decode(encoded.ids, skip_special_tokens=False) == text
    rng = random.Random(5)
    pieces = ["a", "I", " ", "  ", "\n", "\t", "é", "e\u0301", "▁", "日本", "😀", "\u200d", "\x00", "\x1b", "<eos>", "<0x41>", "'", "’", "n't", "'s", ".", "...", "12", "The", " animal", "Aujourd'hui", "l'", "qu'"]
    for _ in range(20_000):
        text = "".join(rng.choice(pieces) if rng.random() < 0.8 else chr(rng.choice((rng.randrange(32, 0xD7FF), rng.randrange(0x10000, 0x10FFFF)))) for _ in range(rng.randrange(1, 14)))
        ids = tokenizer.encode(text).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text, (text, tokenizer.encode(text).tokens)
        assert not set(ids) & {0, 1, 2, 3}, text


def forms(verb: Verb) -> list[str]:
    return [verb.base, verb.third, verb.past]


def write_words(pairs: list[Pair], path: Path) -> int:
    """The English words by kind, for suggestions."""
    lex = Lexicon()
    kinds: dict[str, list[str]] = {}
    for a in lex.adjectives:
        kinds.setdefault({"alive": "animate", "avoir": "animate", "thing": "inanimate"}.get(a.kind, a.kind), []).append(a.en)
    names = {n.en for n in lex.names}
    verbs = {v.base: v for v in (*lex.transitive, *lex.intransitive, *lex.giving, *lex.placed)}
    seen = {t if t in names or t == "I" else t.lower() for pair in pairs for t in pair.en} | {f for v in verbs.values() for f in forms(v)}
    seen |= {f for ns in lex.nouns.values() for n in ns for f in n.en}
    everything = sorted(w for w in seen if w.strip(".,"))
    words = {
        "en": {
            "nouns": {cls: [n.en[0] for n in nouns] for cls, nouns in lex.nouns.items()},
            "names": sorted(names),
            "verbs": {base: forms(v) for base, v in sorted(verbs.items())},
            "adjectives": kinds,
            "connectors": list(CONNECTORS),
            "time": [w for ws in LAST_WORDS.values() for w, _ in ws],
        },
        "all_en": everything,
    }
    path.write_text(json.dumps(words, ensure_ascii=False, separators=(",", ":")) + "\n")
    return len(everything)


def finite(verb: Verb) -> list[str]:
    return [*verb.present, *(verb.imparfait() if verb.state else ())]


def participles(verb: Verb) -> tuple[str, ...]:
    """Those the grammar can write: they agree only after être or with a direct object."""
    return () if verb.state else verb.participle[: 4 if verb.etre or verb.objects else 1]


def all_forms() -> list[str]:
    """Every inflected word with its space, and what can follow an elision also without."""
    lex = Lexicon()
    verbs = [*lex.transitive, *lex.intransitive, *lex.giving, *lex.placed]
    nouns = [n for ns in lex.nouns.values() for n in ns]
    english = [f for v in verbs for f in forms(v)] + [f for n in nouns for f in n.en] + [a.en for a in lex.adjectives]
    elided = [f for v in verbs for f in finite(v)] + [f for n in nouns for f in n.fr]
    french = elided + [f for v in verbs for f in participles(v)] + [f for a in lex.adjectives for f in a.fr]
    return [" " + w for w in english + french] + [w for w in elided if opens_with_vowel(w)]


def main() -> None:
    pairs = samples(SAMPLES)
    counts = count_words(pairs) + Counter(set(all_forms()))  # the rare forms too
    words = sorted(counts, key=lambda w: (-counts[w], w))
    tokenizer = with_words(words)
    check(tokenizer, pairs[:20_000])
    MODELS.mkdir(exist_ok=True)
    tokenizer.save(str(MODELS / "tokenizer.json"))
    total = write_words(pairs, MODELS / "words.json")
    print(f"vocabulary {tokenizer.get_vocab_size()}, words {len(words)}, English words {total}, rarest {counts[words[-1]]}")


if __name__ == "__main__":
    main()
