"""Writes the data set: `python corpus.py fra.txt` makes build/train.npz, test sets as .jsonl, state/tokenizer.json.

Five kinds of training pairs: `everyday` (Tatoeba, see everyday.py), `joined` (long ones made of the other sentences),
`grammar` (grammar.py), `copies` (names, numbers, unknown words) and `own` (own.tsv, written for this: what people type first, and
words that the everyday sentences lack). batches.SHARES says how often a kind is drawn. A word that is met once stays
English on the French side: what no model can know, it should copy.

Test and development sets are drawn first, by length; no English sentence of theirs, punctuation and case aside, is
trained on. Deterministic.

train.npz: src, tgt (int16 ids, flat) with src_off, tgt_off; align_fr, align_en (int16, flat) with align_off: token
positions that translate each other; coref (N, 4) int16: pronoun, antecedent, distractor, adjective as source positions, or
-1; kind (N) int8.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import everyday
import make_tokenizer
from aligner import WORD, Aligner, words
from batches import SHARES
from copies import FIRST_NAMES, PLACES, Copies, elided, unelided
from grammar import Grammar, Pair, surface
from joining import Joiner

SEED = 20261123
BUILD = Path(__file__).resolve().parent / "build"
OWN = Path(__file__).resolve().parent / "own.tsv"
KINDS = ["everyday", "joined", "grammar", "copies", "own"]
COUNTS = {"joined": 110_000, "grammar": 160_000, "copies": 100_000}
BUCKETS = [(1, 3), (4, 6), (7, 9), (10, 13), (14, 20), (21, 99)]  # words of the English sentence
PER_BUCKET = 100
LONGEST = 90  # tokens
GRAMMAR_BUCKETS = [(3, 5), (6, 10), (11, 15), (16, 20), (21, 25), (26, 30), (31, 35), (36, 40)]
STARS = [
    ("The animal didn't cross the street because it was too tired.", "L'animal n'a pas traversé la rue parce qu'il était trop fatigué."),
    ("The animal didn't cross the street because it was too wide.", "L'animal n'a pas traversé la rue parce qu'elle était trop large."),
]  # fmt: skip
KINDS_OF_MISTYPING = (("n't", "nt"), ("I'm", "Im"), ("it's", "its"), ("What's", "Whats"), ("that's", "thats"))


@dataclass
class Example:
    """A training pair. `spans`: where the words of both sides begin and end; `links`: (French, English) words."""

    english: str
    french: str
    kind: int
    spans: tuple[list[tuple[int, int]], list[tuple[int, int]]] | None = None
    links: list[tuple[int, int]] | None = None
    coref: tuple[int, int, int, int] | None = None


# ---- everyday ------------------------------------------------------------------------------------------------------------


def bucket_of(n_words: int) -> int:
    return next(i for i, (low, high) in enumerate(BUCKETS) if low <= n_words <= high)


def split(sentences: list[everyday.Sentence]) -> tuple[list, list, list]:
    """Test, development and training sentences. A bucket with few sentences gives a third to each held-out set."""
    groups: dict[str, list[everyday.Sentence]] = defaultdict(list)
    for sentence in sentences:
        groups[everyday.key(sentence.english)].append(sentence)
    by_bucket: list[list[str]] = [[] for _ in BUCKETS]
    for k, group in groups.items():
        by_bucket[bucket_of(group[0].n_words)].append(k)
    rng, test, dev = random.Random(SEED), [], []
    for keys in by_bucket:
        rng.shuffle(keys)
        size = min(PER_BUCKET, len(keys) // 3)
        test += [groups[k] for k in keys[:size]]
        dev += [groups[k] for k in keys[size : 2 * size]]
    taken = {everyday.key(g[0].english) for g in (*test, *dev)}
    train = [s for k, g in groups.items() if k not in taken for s in g if s.target]
    return test, dev, train


def lines_of(groups: list[list[everyday.Sentence]]) -> list[dict]:
    return [
        {"en": g[0].english, "fr": list(dict.fromkeys(t for s in g for t in s.french)), "bucket": bucket_of(g[0].n_words)}
        for g in groups
    ]


def rare_words(pairs: list[tuple[str, str]]) -> set[str]:
    """Lower-case English words that occur once in these sentences."""
    counts = Counter(w for english, _ in pairs for w in re.findall(r"[^\W\d_]+", english))
    lower = Counter()
    for word, n in counts.items():
        lower[word.lower()] += n
    return {w for w in counts if w.islower() and len(w) > 3 and lower[w] == 1}


def keep_in_english(examples: list[Example], rare: set[str]) -> list[str]:
    """Puts each rare word in the place of its French one, where that is a single word and rare too; returns the words that were put in."""
    french = Counter(w for x in examples for w in words(x.french))
    kept = []
    for example in examples:
        sides = [[text[a:b] for a, b in word_spans(text)] for text in (example.english, example.french)]
        partners: dict[int, list[int]] = defaultdict(list)
        for f, e in example.links:
            partners[e].append(f)
        for e, linked in partners.items():
            word = sides[0][e]
            if word not in rare or len(linked) != 1 or french[sides[1][linked[0]].lower()] > 2:
                continue
            text = elided(unelided(example.french, sides[1][linked[0]], word))
            if len(word_spans(text)) == len(sides[1]):
                example.french = text
                kept.append(word)
    return kept


# ---- other kinds ---------------------------------------------------------------------------------------------------------


def piece_spans(tokens: list[str]) -> list[tuple[int, int]]:
    """Where the grammar's tokens stand in their surface text."""
    text, spans, at = surface(tokens), [], 0
    for token in tokens:
        at = text.index(token, at)
        spans.append((at, at + len(token)))
        at += len(token)
    return spans


def grammar_example(pair: Pair) -> Example:
    spans = piece_spans(pair.en), piece_spans(pair.fr)
    return Example(surface(pair.en), surface(pair.fr), 2, spans, pair.align, pair.coref)


def fresh(make, taken: set[str]):
    """A pair whose English is not in `taken`, which then holds it."""
    while True:
        pair = make()
        k = everyday.key(surface(pair.en))
        if k not in taken:
            taken.add(k)
            return pair


def grammar_line(pair: Pair, bucket: int) -> dict:
    return {"en": surface(pair.en), "fr": [surface(pair.fr)], "bucket": bucket, "coref": pair.coref, "pieces": (pair.en, pair.fr), "align": pair.align,
            "coref_fr": [pair.fr[i] for i in pair.coref_fr] if pair.coref_fr else None}  # fmt: skip


def grammar_held_out(taken: set[str], per_bucket: int = 100) -> list[dict]:
    grammar, rng, lines = Grammar(), random.Random(SEED), []
    for b, (low, high) in enumerate(GRAMMAR_BUCKETS):
        for i in range(per_bucket):
            lines.append(grammar_line(fresh(lambda: grammar.sample(rng, low + i % (high - low + 1)), taken), b))
    return lines


def coref_held_out(taken: set[str], each: int = 50) -> list[dict]:
    """`each` of: antecedent first or second, il, elle, ils, elles; the two genders always differ."""
    grammar, rng, lines = Grammar(), random.Random(SEED + 1), []
    wanted = Counter({(first, p): each for first in (True, False) for p in ("il", "elle", "ils", "elles")})
    while wanted:
        pair = grammar.sample(rng, rng.randint(11, 32), coref=True)
        if pair.coref is None or not pair.contrast:
            continue
        kind, k = (pair.coref[1] < pair.coref[2], pair.fr[pair.coref_fr[0]]), everyday.key(surface(pair.en))
        if kind in wanted and k not in taken:
            taken.add(k)
            wanted[kind] -= 1
            wanted += Counter()
            lines.append(grammar_line(pair, 0))
    return lines


def grammar_train(taken: set[str]) -> list[Example]:
    grammar, rng = Grammar(), random.Random(SEED + 2)
    lengths = range(3, 37)
    weights = [0.4 if n < 6 else 1.5 if n <= 20 else 0.8 for n in lengths]
    examples = []
    while len(examples) < COUNTS["grammar"]:
        pair = grammar.sample(rng, rng.choices(lengths, weights)[0])
        if everyday.key(surface(pair.en)) not in taken:
            examples.append(grammar_example(pair))
    return examples


def joined_lines(test: list[dict], names: set[str]) -> list[dict]:
    """Long test sentences made of unseen ones, by length: 60 for each of 14-19, 20-24, 25-29, 30-39 words."""
    pairs = [(line["en"], line["fr"][0]) for line in test if len(line["en"].split()) <= 13]
    joiner, rng, lines = Joiner(pairs, names), random.Random(SEED + 3), []
    for bucket, (low, high) in enumerate([(14, 19), (20, 24), (25, 29), (30, 39)]):
        found = 0
        while found < 60:
            english, french = joiner.sample(rng, rng.randint(low, high))
            if low <= len(english.split()) <= high:
                lines.append({"en": english, "fr": [french], "bucket": bucket})
                found += 1
    return lines


def copy_lines(pairs: list[tuple[str, str]], taken: set[str], count: int = 300) -> list[dict]:
    copies, lines = Copies(pairs, random.Random(SEED + 4)), []
    while len(lines) < count:
        english, french, copied = copies.sample_with_word()
        if everyday.key(english) not in taken:
            taken.add(everyday.key(english))
            lines.append({"en": english, "fr": [french], "copied": copied, "bucket": 0})
    return lines


# ---- as tokens -----------------------------------------------------------------------------------------------------------


def varied(english: str, french: str, rng: random.Random, names: set[str]) -> tuple[str, str]:
    """As people type: 8 % without the final period, 5 % with a small first letter, 2 % without apostrophes."""
    x = rng.random()
    if x < 0.08 and english[-1] == "." and french[-1] == ".":
        return english[:-1], french[:-1]
    if x < 0.13 and english.split()[0].rstrip(",.") not in names and not english.startswith("I"):
        return english[0].lower() + english[1:], french[0].lower() + french[1:]
    if x < 0.15:
        for typed, mistyped in KINDS_OF_MISTYPING:
            english = re.sub(rf"{typed}\b", mistyped, english)
    return english, french


def word_spans(text: str) -> list[tuple[int, int]]:
    return [m.span() for m in WORD.finditer(text)]


def token_words(encoding, spans: list[tuple[int, int]], text: str) -> list[int]:
    """For each token the number of the word it belongs to, or -1."""
    owner = np.full(len(text) + 1, -1)
    for k, (start, end) in enumerate(spans):
        owner[start:end] = k
    found = []
    for start, end in encoding.offsets:
        while start < end and text[start] == " ":
            start += 1
        found.append(int(owner[start]) if start < end else -1)
    return found


def token_links(example: Example, en, fr) -> tuple[list[tuple[int, int]], list[int]]:
    """Links between tokens, and the coreference's positions as tokens."""
    spans = example.spans or (word_spans(example.english), word_spans(example.french))
    tokens_of = [defaultdict(list), defaultdict(list)]
    for side, (encoding, text) in enumerate(((en, example.english), (fr, example.french))):
        for t, w in enumerate(token_words(encoding, spans[side], text)):
            tokens_of[side][w].append(t)
    links = []
    for f, e in example.links or []:
        english, french = tokens_of[0][e], tokens_of[1][f]
        links += [(t, english[min(i, len(english) - 1)]) for i, t in enumerate(french) if english]
    coref = [tokens_of[0][w][0] if tokens_of[0][w] else -1 for w in example.coref] if example.coref else [-1] * 4
    return links, coref if min(coref) >= 0 else [-1] * 4


def arrays(examples: list[Example], tokenizer: Tokenizer) -> dict[str, np.ndarray]:
    columns: dict[str, list] = defaultdict(list)
    for start in range(0, len(examples), 20_000):
        some = examples[start : start + 20_000]
        ens = tokenizer.encode_batch([x.english for x in some])
        frs = tokenizer.encode_batch([x.french for x in some])
        for example, en, fr in zip(some, ens, frs):
            if max(len(en.ids), len(fr.ids)) > LONGEST:
                continue
            links, coref = token_links(example, en, fr)
            columns["src"] += en.ids
            columns["tgt"] += fr.ids
            columns["align_fr"] += [f for f, _ in links]
            columns["align_en"] += [e for _, e in links]
            columns["coref"].append(coref)
            columns["kind"].append(example.kind)
            columns["sizes"].append((len(en.ids), len(fr.ids), len(links)))
    sizes = np.array(columns.pop("sizes"), dtype=np.int64)
    stored = {name: np.array(values, dtype=np.int8 if name == "kind" else np.int16) for name, values in columns.items()}
    for i, name in enumerate(("src_off", "tgt_off", "align_off")):
        stored[name] = np.concatenate([[0], np.cumsum(sizes[:, i])]).astype(np.int64)
    return stored


def write_lines(name: str, lines: list[dict]) -> None:
    (BUILD / f"{name}.jsonl").write_text("".join(json.dumps(l, ensure_ascii=False) + "\n" for l in lines))


# ---- all together --------------------------------------------------------------------------------------------------------


def link(examples: list[Example]) -> Aligner:
    """An aligner trained on the everyday sentences, our own, and some of the grammar's; sets the `links` of the first two."""
    chosen = [x for x in examples if x.kind in (0, 4)]
    pairs = [(words(x.english), words(x.french)) for x in chosen]
    known = [(words(x.english), words(x.french)) for x in examples if x.kind == 2][:8000]
    aligner = Aligner([*pairs, *known])
    set_links(aligner, chosen)
    return aligner


def set_links(aligner: Aligner, examples: list[Example]) -> None:
    for example, links in zip(examples, aligner.links([(words(x.english), words(x.french)) for x in examples])):
        example.links = links


def alignment_quality(aligner: Aligner, lines: list[dict]) -> dict[str, float]:
    """Precision and recall of content-word links on the grammar's known alignments."""
    pairs = [tuple([w.lower() for w in side] for side in line["pieces"]) for line in lines]
    right = found = wanted = 0
    for links, line in zip(aligner.links(pairs), lines):
        truth = {tuple(link) for link in line["align"]}
        right += len(truth & set(links))
        found += len(links)
        wanted += len(truth)
    return {"precision": right / found, "recall": right / wanted}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path, help="fra.txt (tab-separated pairs; .gz is read too)")
    BUILD.mkdir(exist_ok=True)
    test, dev, train = split(everyday.load(parser.parse_args().pairs))
    test_lines, dev_lines = lines_of(test), lines_of(dev)
    taken = {everyday.key(line["en"]) for line in (*test_lines, *dev_lines)} | {everyday.key(en) for en, _ in STARS}
    names = {*FIRST_NAMES, *PLACES, *(n.en for n in Grammar().lexicon.names)}
    write_lines("test", test_lines)
    write_lines("dev", dev_lines)
    write_lines("joined_test", joined_lines(test_lines, names))
    grammar_lines = grammar_held_out(taken)
    write_lines("grammar_test", grammar_lines)
    write_lines("coref_test", coref_held_out(taken))
    pairs = [(s.english, s.target) for s in train]
    grammatical = grammar_train(taken)
    both = pairs + [(x.english, x.french) for x in grammatical[: len(pairs) // 3]]
    write_lines("copies_test", copy_lines(both, taken))
    own = own_pairs(taken)
    natural = [Example(e, f, 0) for e, f in pairs] + [Example(e, f, 4) for e, f in own]
    aligner = link(natural + grammatical)
    quality = alignment_quality(aligner, grammar_lines)
    everyday_examples = natural[: len(pairs)]
    kept = keep_in_english(everyday_examples, rare_words(pairs + own))
    both = [(x.english, x.french) for x in natural] + both[len(pairs) :]
    copies = copied(both, taken, kept)
    set_links(aligner, copies)
    finish(natural + grammatical + copies + joined(both, names, taken), names, quality | {"kept in English": len(kept)})


def own_pairs(taken: set[str]) -> list[tuple[str, str]]:
    """The sentences of own.tsv that no set holds out."""
    lines = [line.split("\t") for line in OWN.read_text().splitlines()]
    return [(everyday.plain(e), everyday.normalized_french(f)) for e, f in lines if everyday.key(e) not in taken]


def copied(pairs: list[tuple[str, str]], taken: set[str], rare: list[str]) -> list[Example]:
    copies = Copies(pairs, random.Random(SEED + 5), sorted(set(rare)))
    made = (copies.sample() for _ in range(COUNTS["copies"]))
    return [Example(e, f, 3) for e, f in made if everyday.key(e) not in taken]


def joined(pairs: list[tuple[str, str]], names: set[str], taken: set[str]) -> list[Example]:
    joiner, rng = Joiner(pairs, names), random.Random(SEED + 6)
    made = (joiner.sample(rng, rng.choice((8, 10, 12, 15, 18, 20, 23, 26, 30, 35, 42))) for _ in range(COUNTS["joined"]))
    return [Example(e, f, 1) for e, f in made if everyday.key(e) not in taken]


def tokenizer_of(examples: list[Example], rng: random.Random) -> Tokenizer:
    """The stored tokenizer, which belongs to the stored weights; or a new one if there is none."""
    path = make_tokenizer.STATE / "tokenizer.json"
    if not path.exists():
        everyday_texts = [t for x in examples if x.kind == 0 for t in (x.english, x.french)]
        others = [t for x in examples if x.kind == 2 for t in (x.english, x.french)]
        tokenizer = make_tokenizer.learn(everyday_texts * 2 + rng.sample(others, len(everyday_texts) // 2))
        path.parent.mkdir(exist_ok=True)
        tokenizer.save(str(path))
    return make_tokenizer.load()


def finish(examples: list[Example], names: set[str], quality: dict[str, float]) -> None:
    """Varies, encodes and writes; learns the tokenizer if none is stored."""
    texts = [t for x in examples if x.kind in (0, 2, 3, 4) for t in (x.english, x.french)]
    rng = random.Random(SEED + 7)
    tokenizer = tokenizer_of(examples, rng)
    make_tokenizer.check(tokenizer, rng.sample(texts, 30_000))
    for example in examples:
        if example.kind in (0, 1, 4):
            example.english, example.french = varied(example.english, example.french, rng, names)
    data = arrays(examples, tokenizer)
    np.savez(BUILD / "train.npz", **data)
    counts = np.bincount(data["kind"], minlength=len(KINDS)).tolist()
    lengths = np.diff(data["src_off"]), np.diff(data["tgt_off"])
    means = {k: [round(float(n[data["kind"] == i].mean()), 1) for n in lengths] for i, k in enumerate(KINDS)}
    summary = {"counts": dict(zip(KINDS, counts)), "shares": dict(zip(KINDS, SHARES)), "tokens": means, "alignment": quality, "vocab": tokenizer.get_vocab_size()}
    (BUILD / "summary.json").write_text(json.dumps(summary))
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
