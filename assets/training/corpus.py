"""Writes the data set (default folder: assets/training/build): train.npz, heldout.jsonl, coref_heldout.jsonl.

Deterministic. The held-out sentences come first; what equals one of them (case and final period aside) stays out of training,
and so do the two star sentences. Run make_tokenizer.py before.

train.npz: src, tgt (int16 ids, flat) with src_off, tgt_off; align_fr, align_en (int16, flat) with align_off; coref (N, 4) int16:
pronoun, antecedent, distractor, adjective as source positions, or -1.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from grammar import Grammar, Pair, surface
from make_tokenizer import MODELS, lowered, spaced

SEED = 20261123
TRAIN = 600_000
PARTS = 24
BUCKETS = [(3, 5), (6, 10), (11, 15), (16, 20), (21, 25), (26, 30), (31, 35), (36, 40)]
PER_BUCKET = 300
COREF_HELD_OUT = 400
WEIGHTS = {n: 0.35 if n == 3 else 0.6 if n == 4 else 0.8 if n == 5 else 1.5 if n <= 24 else 1.0 for n in range(3, 41)}
STARS = [
    ("The animal didn't cross the street because it was too tired.", "L'animal n'a pas traversé la rue parce qu'il était trop fatigué."),
    ("The animal didn't cross the street because it was too wide.", "L'animal n'a pas traversé la rue parce qu'elle était trop large."),
]


def key(text: str) -> str:
    return text.lower().rstrip(".").strip().replace(" not ", "n't ")


def load_ids() -> dict[str, int]:
    return Tokenizer.from_file(str(MODELS / "tokenizer.json")).get_vocab()


def encode(vocab: dict[str, int], tokens: list[str]) -> list[int]:
    return [vocab[t] for t in spaced(tokens)]


# ---- held out ------------------------------------------------------------------------------------------------------------


def line(pair: Pair, vocab: dict[str, int], bucket: str) -> dict:
    return {
        "en": surface(pair.en), "fr": surface(pair.fr), "en_ids": encode(vocab, pair.en), "fr_ids": encode(vocab, pair.fr),
        "align": pair.align, "coref": pair.coref, "coref_fr": pair.coref_fr, "length": len(pair.en), "bucket": bucket,
    }


def held_out(vocab: dict[str, int], taken: set[str]) -> list[dict]:
    """300 sentences a bucket, every length of it as often."""
    grammar, rng, lines = Grammar(), random.Random(SEED), []
    for low, high in BUCKETS:
        for i in range(PER_BUCKET):
            pair = fresh(lambda: grammar.sample(rng, low + i % (high - low + 1)), taken)
            lines.append(line(pair, vocab, f"{1 if low == 3 else low}-{high}"))
    return lines


def fresh(make, taken: set[str]) -> Pair:
    while True:
        pair = make()
        k = key(surface(pair.en))
        if k not in taken:
            taken.add(k)
            return pair


def french_pronoun(pair: Pair) -> str:
    return pair.fr[pair.coref_fr[0]]


def coref_held_out(vocab: dict[str, int], taken: set[str]) -> list[dict]:
    """50 of each: antecedent first or second, singular or plural, masculine or feminine; the two genders always differ."""
    grammar, rng, lines = Grammar(), random.Random(SEED + 1), []
    wanted = Counter({(first, pron): COREF_HELD_OUT // 8 for first in (True, False) for pron in ("il", "elle", "ils", "elles")})
    while wanted:
        pair = grammar.sample(rng, rng.randint(11, 32), coref=True)
        if pair.coref is None or not pair.contrast:
            continue
        kind, k = (pair.coref[1] < pair.coref[2], french_pronoun(pair)), key(surface(pair.en))
        if kind not in wanted or k in taken:
            continue
        taken.add(k)
        wanted[kind] -= 1
        wanted += Counter()
        low = (len(pair.en) - 1) // 5 * 5 + 1
        lines.append(line(pair, vocab, f"{low}-{low + 4}"))
    return lines


def write_lines(path: Path, lines: list[dict]) -> None:
    path.write_text("".join(json.dumps(l, ensure_ascii=False) + "\n" for l in lines))


# ---- training ------------------------------------------------------------------------------------------------------------


def varied(pair: Pair, rng: random.Random) -> tuple[list[str], list[str]]:
    """7 % without the final period, 7 % with a small first letter."""
    en, fr = pair.en, pair.fr
    if rng.random() < 0.07:
        en, fr = en[:-1], fr[:-1]
    if rng.random() < 0.07 and pair.en[0] not in NAMES:
        en, fr = lowered(en), fr if pair.fr[0] in NAMES else lowered(fr)
    return en, fr


NAMES = {w for n in Grammar().lexicon.names for w in (n.en, n.fr)}


def part(job: tuple[int, int, set[str], dict[str, int]]) -> tuple[list[np.ndarray], dict[str, str]]:
    """One share of the training pairs, as flat arrays, and its sentences for the test that the mapping is a function."""
    number, count, taken, vocab = job
    grammar, rng = Grammar(), random.Random(SEED * 100 + number)
    lengths = rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)
    src, tgt, fr_i, en_i, corefs, sizes, texts = [], [], [], [], [], [], {}
    for length in lengths:
        pair = grammar.sample(rng, length)
        while (k := key(surface(pair.en))) in taken:
            pair = grammar.sample(rng, length)
        en, fr = varied(pair, rng)
        align = [(f, e) for f, e in pair.align if f < len(fr) and e < len(en)]
        src += encode(vocab, en)
        tgt += encode(vocab, fr)
        fr_i += [f for f, _ in align]
        en_i += [e for _, e in align]
        corefs.append(pair.coref or (-1,) * 4)
        sizes.append((len(en), len(fr), len(align)))
        french = surface(pair.fr)
        assert texts.setdefault(k, french) == french, (surface(pair.en), french, texts[k])
    arrays = [np.array(a, dtype=np.int16) for a in (src, tgt, fr_i, en_i)]
    return [*arrays, np.array(corefs, dtype=np.int16), np.array(sizes, dtype=np.int64)], {k: v for k, v in texts.items() if len(v) < 70}


def offsets(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def train(taken: set[str], vocab: dict[str, int]) -> dict[str, np.ndarray]:
    jobs = [(i, TRAIN // PARTS, taken, vocab) for i in range(PARTS)]
    with Pool(2) as pool:
        parts = pool.map(part, jobs, chunksize=1)
    known: dict[str, str] = {}
    for _, texts in parts:
        for k, french in texts.items():
            assert known.setdefault(k, french) == french, (k, french, known[k])
    src, tgt, align_fr, align_en, coref, sizes = (np.concatenate(a) for a in zip(*(p[0] for p in parts)))
    return {
        "src": src, "src_off": offsets(sizes[:, 0]), "tgt": tgt, "tgt_off": offsets(sizes[:, 1]),
        "align_fr": align_fr, "align_en": align_en, "align_off": offsets(sizes[:, 2]), "coref": coref,
    }


def check(data: dict[str, np.ndarray], taken: set[str]) -> None:
    """No training sentence is held out (read back from the ids with the library)."""
    tokenizer = Tokenizer.from_file(str(MODELS / "tokenizer.json"))
    off, src = data["src_off"], data["src"].tolist()
    for i in range(len(off) - 1):
        ids = src[off[i]:off[i + 1]]
        assert i % 10 or key(tokenizer.decode(ids, skip_special_tokens=False)) not in taken


def main() -> None:
    build = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "build"
    build.mkdir(exist_ok=True)
    vocab = load_ids()
    taken = {key(en) for en, _ in STARS}
    write_lines(build / "heldout.jsonl", held_out(vocab, taken))
    write_lines(build / "coref_heldout.jsonl", coref_held_out(vocab, taken))
    data = train(taken, vocab)
    check(data, taken)
    np.savez(build / "train.npz", **data)
    lengths = Counter(np.diff(data["src_off"]).tolist())
    print("pairs", len(data["coref"]), "coreference", round(float((data["coref"][:, 0] >= 0).mean()), 3), "ids", len(vocab))
    print("lengths", " ".join(f"{n}:{lengths[n]}" for n in sorted(lengths)))


if __name__ == "__main__":
    main()
