"""Measures models and prints the tables: `python evaluate.py [--weights DIR] [--models a,b] [--set test|dev] [--json FILE]`.

Greedy decoding with the stored weights (of `state`, f16; with `--weights ../models` those of the program, 8 bits) on sentences nobody trained on (corpus.py wrote them):
- everyday and joined sentences by length: BLEU and chrF (sacrebleu, all references), exact (the words of one of the French
  sentences, case and the punctuation around words aside), outputs with a word that is in no word list and was not copied
- grammar: exact by length, coreference (right pronoun, and an adjective that agrees), the star pair
- copying: words that arrive letter by letter, whole sentences right
- the language model's perplexity a token on everyday English, beside a Kneser-Ney 5-gram
- attention: what each head of the Transformer rests on (heads.py)
"""

import argparse
import json
import math
import re
import unicodedata
from pathlib import Path

import numpy as np
import sacrebleu
import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn import functional as F

import heads
import make_tokenizer
from batches import BUILD, SHARES, STATE, Corpus, framed
from corpus import BUCKETS, GRAMMAR_BUCKETS, KINDS, STARS
from models import EOS, NAMES, PAD, TRANSLATORS, Model, build, greedy, keep_weights, load_tensors
from ngram import KneserNey
from stored import load_weights

LENGTHS = [(1, 3), (4, 6), (7, 9), (10, 13), (14, 20), (21, 24), (25, 29), (30, 99)]  # words, of the program's table
JOINED_BUCKETS = ["14-19", "20-24", "25-29", "30-39"]
OPENINGS = ["I think", "The weather", "When I was", "She didn't", "My father", "Do you", "If you", "There is", "Tom and Mary", "It's too"]


def load(name: str, folder: Path = STATE) -> Model:
    """A stored model, its rounded weights as f32."""
    path = folder / f"{name}.safetensors"
    kept = ("vocab_size", "d_model", "n_layers", "n_heads", "d_ff", "d_hidden", "d_attn")
    with safe_open(path, "pt") as file:
        sizes = {k: int(v) for k, v in file.metadata().items() if k in kept}
    model = build(name, **sizes)
    load_tensors(model, load_weights(path))
    keep_weights(model, False)
    return model.eval()


def training_of(name: str, folder: Path) -> dict:
    with safe_open(folder / f"{name}.safetensors", "pt") as file:
        return json.loads(file.metadata().get("training", "{}"))


def read(name: str) -> list[dict]:
    return [json.loads(line) for line in (BUILD / f"{name}.jsonl").read_text().splitlines()]


def pad(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    n = torch.tensor([len(r) for r in rows])
    ids = torch.full((len(rows), int(n.max())), PAD)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    return ids, n


class Translator:
    """A model with the tokenizer: texts in, texts out."""

    def __init__(self, model: Model):
        self.model, self.tokenizer = model, make_tokenizer.load()

    def __call__(self, texts: list[str], size: int = 100) -> list[str]:
        ids = [e.ids for e in self.tokenizer.encode_batch(texts)]
        by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        out = [""] * len(ids)
        for start in range(0, len(ids), size):
            some = by_length[start : start + size]
            for i, row in zip(some, greedy(self.model, *pad([ids[i] for i in some]))):
                out[i] = self.tokenizer.decode([t for t in row if t > 3])
        return out


# ---- scores --------------------------------------------------------------------------------------------------------------


def references(lines: list[dict]) -> list[list[str | None]]:
    """sacrebleu's form: the k-th references of all sentences."""
    most = max(len(line["fr"]) for line in lines)
    return [[line["fr"][k] if k < len(line["fr"]) else None for line in lines] for k in range(most)]


def exact_words(text: str) -> list[str]:
    """The words that decide whether a translation is exact; the same rule as `analysis::measure::accuracy::exact_words`.

    Lower case, cut at spaces, without what is neither letter nor digit at their edges: `2,5` is not `25`, nor `l'a` `la`. Of a text
    without words, the text itself.
    """
    text = re.sub("[\u2018\u2019\u02bc]", "'", unicodedata.normalize("NFC", text)).lower().strip()
    words = [re.sub(r"^[\W_]+|[\W_]+$", "", word) for word in text.split()]
    return [word for word in words if word] or [text]


def is_exact(output: str, line: dict) -> bool:
    return exact_words(output) in [exact_words(french) for french in line["fr"]]


def scores(lines: list[dict], outputs: list[str]) -> dict[str, float]:
    refs = references(lines)
    return {
        "n": len(lines),
        "bleu": sacrebleu.corpus_bleu(outputs, refs).score,
        "chrf": sacrebleu.corpus_chrf(outputs, refs).score,
        "exact": 100 * float(np.mean([is_exact(o, l) for o, l in zip(outputs, lines)])),
    }


def by_bucket(lines: list[dict], outputs: list[str], labels: list[str]) -> dict[str, dict]:
    found = {"all": scores(lines, outputs)}
    for b, label in enumerate(labels):
        chosen = [i for i, line in enumerate(lines) if line["bucket"] == b]
        if chosen:
            found[label] = scores([lines[i] for i in chosen], [outputs[i] for i in chosen])
    return found


def by_length(lines: list[dict], outputs: list[str]) -> list[dict]:
    """Scores of everyday and joined sentences together, by LENGTHS."""
    n_words = [len(line["en"].split()) for line in lines]
    chosen = [[i for i, n in enumerate(n_words) if low <= n <= high] for low, high in LENGTHS]
    return [scores([lines[i] for i in some], [outputs[i] for i in some]) for some in chosen]


def table(measured: dict) -> dict:
    """What the program shows: see `analysis::measure::accuracy`."""
    models = {name: m["lengths"] for name, m in measured.items() if "lengths" in m}
    counts = next(iter(models.values()))
    return {
        "buckets": LENGTHS,
        "counts": [bucket["n"] for bucket in counts],
        "exact": {name: [round(b["exact"] / 100, 4) for b in buckets] for name, buckets in models.items()},
        "chrf": {name: [round(b["chrf"], 2) for b in buckets] for name, buckets in models.items()},
    }


def known_words() -> set[str]:
    """Every word of the training data's everyday and grammar sentences, and of our own, both languages."""
    corpus, tokenizer = Corpus(), make_tokenizer.load()
    chosen = np.flatnonzero(np.isin(corpus.kind, [KINDS.index(kind) for kind in ("everyday", "grammar", "own")]))
    words: set[str] = set()
    for side in ("src", "tgt"):
        off, ids = corpus.columns[f"{side}_off"], corpus.columns[side]
        for text in tokenizer.decode_batch([ids[off[i] : off[i + 1]].tolist() for i in chosen]):
            words |= set(word_list(text))
    return words


def word_list(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower())


def strange(lines: list[dict], outputs: list[str], known: set[str]) -> float:
    """Per cent of outputs with a word that is neither known nor in the source."""
    odd = [any(w not in known and w not in word_list(line["en"]) for w in word_list(o)) for line, o in zip(lines, outputs)]
    return 100 * float(np.mean(odd))


def coreference(lines: list[dict], outputs: list[str]) -> dict[str, float]:
    """Per cent with the right French pronoun, and with the agreeing adjective after it."""
    pronoun, both = [], []
    for line, output in zip(lines, outputs):
        words, (wanted, adjective) = word_list(output), line["coref_fr"]
        pronoun.append(wanted in words)
        both.append(wanted in words and adjective in words[words.index(wanted) + 1 :])
    return {"pronoun": 100 * float(np.mean(pronoun)), "and adjective": 100 * float(np.mean(both))}


def copying(lines: list[dict], outputs: list[str]) -> dict[str, float]:
    """Per cent of words that arrive, of sentences wholly right, and of sentences right but for the copied word."""
    arrived = [word in output for line, output in zip(lines, outputs) for word in line["copied"]]
    whole = [is_exact(o, l) for o, l in zip(outputs, lines)]
    return {"arrived": 100 * float(np.mean(arrived)), "whole": 100 * float(np.mean(whole)), "chrf": scores(lines, outputs)["chrf"]}


def measure_translator(name: str, folder: Path, sets: dict[str, list[dict]], known: set[str]) -> dict:
    translate = Translator(load(name, folder))
    outputs = {k: translate([line["en"] for line in lines]) for k, lines in sets.items()}
    everyday = [f"{low}-{high}" if high < 99 else f"{low}+" for low, high in BUCKETS]
    return {
        "training": {k: v for k, v in training_of(name, folder).items() if k != "curve"},
        "everyday": by_bucket(sets["everyday"], outputs["everyday"], everyday),
        "joined": by_bucket(sets["joined"], outputs["joined"], JOINED_BUCKETS),
        "grammar": by_bucket(sets["grammar"], outputs["grammar"], [f"{a}-{b}" for a, b in GRAMMAR_BUCKETS]),
        "lengths": by_length(sets["everyday"] + sets["joined"], outputs["everyday"] + outputs["joined"]),
        "strange words": strange(sets["everyday"], outputs["everyday"], known),
        "coreference": coreference(sets["coref"], outputs["coref"]),
        "copying": copying(sets["copies"], outputs["copies"]),
        "star pair": translate([en for en, _ in STARS]),
        "samples": list(zip([line["en"] for line in sets["everyday"]][5::40], outputs["everyday"][5::40])),
    }


# ---- the language model --------------------------------------------------------------------------------------------------


@torch.no_grad()
def perplexity(model: Model, sentences: list[list[int]]) -> float:
    total, count = 0.0, 0
    for start in range(0, len(sentences), 100):
        tgt_in, tgt_out = framed(*pad(sentences[start : start + 100]))
        real = tgt_out != PAD
        total += F.cross_entropy(model.logits(model.read(tgt_in)[real]), tgt_out[real], reduction="sum").item()
        count += int(real.sum())
    return math.exp(total / count)


@torch.no_grad()
def continued(model: Model, text: str, longest: int = 20) -> str:
    tokenizer = make_tokenizer.load()
    ids = [1, *tokenizer.encode(text).ids]
    while len(ids) < longest and ids[-1] != EOS:
        ids.append(int(model.logits(model.read(torch.tensor([ids]))[0, -1]).argmax()))
    return tokenizer.decode([t for t in ids if t > 3])


def mixture(corpus: Corpus, most: int = 160_000) -> list[list[int]]:
    """English sentences in the models' proportions, every everyday one once."""
    rng, off, ids = np.random.default_rng(1), corpus.columns["src_off"], corpus.columns["src"]
    everyday = np.flatnonzero(corpus.kind == 0)
    rows = [everyday]
    for k in range(1, len(KINDS)):
        members = np.flatnonzero(corpus.kind == k)
        size = min(len(members), round(SHARES[k] / SHARES[0] * len(everyday)))
        rows.append(rng.choice(members, size, replace=False))
    return [ids[off[i] : off[i + 1]].tolist() for i in np.concatenate(rows)[:most]]


def measure_language_model(folder: Path, lines: list[dict]) -> dict:
    model, tokenizer = load("decoder_only", folder), make_tokenizer.load()
    sentences = [tokenizer.encode(line["en"]).ids for line in lines]
    ngram = KneserNey(mixture(Corpus()), tokenizer.get_vocab_size())
    return {
        "training": {k: v for k, v in training_of("decoder_only", folder).items() if k != "curve"},
        "perplexity": perplexity(model, sentences),
        "kneser-ney": ngram.perplexity(sentences),
        "continuations": [continued(model, text) for text in OPENINGS],
    }


# ---- printing ------------------------------------------------------------------------------------------------------------


def show(name: str, measured: dict) -> None:
    print(f"\n## {name}  {measured['training']}")
    for part in ("everyday", "joined", "grammar"):
        print(f"{part:9} " + "  ".join(f"{b}: BLEU {s['bleu']:.1f} chrF {s['chrf']:.1f} exact {s['exact']:.0f}" for b, s in measured[part].items()))
    for part in ("strange words", "coreference", "copying", "star pair"):
        print(f"{part}: {measured[part]}")
    for english, french in measured["samples"]:
        print(f"  {english} -> {french}")


def show_heads(rows: list[dict]) -> None:
    print("\n## heads of the transformer (per cent of rows)")
    for row in rows:
        print(f"{row['head']:28} " + "  ".join(f"{k} {100 * v:.0f}" for k, v in row.items() if k != "head"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=STATE)
    parser.add_argument("--models", default=",".join(NAMES))
    parser.add_argument("--set", default="test", choices=("test", "dev"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--table", type=Path, help="the program's table, ../models/accuracy.json")
    a = parser.parse_args()
    torch.set_num_threads(1)
    stored = [n for n in a.models.split(",") if (a.weights / f"{n}.safetensors").exists()]
    sets = {"everyday": read(a.set), "joined": read("joined_test"), "grammar": read("grammar_test"), "coref": read("coref_test"), "copies": read("copies_test")}
    known, result = known_words(), {}
    for name in (n for n in stored if n in TRANSLATORS):
        result[name] = measure_translator(name, a.weights, sets, known)
        show(name, result[name])
    if "transformer" in stored:
        lines = sets["everyday"] + sets["coref"][:200] + sets["grammar"][:400]
        result["heads"] = heads.table(load("transformer", a.weights), make_tokenizer.load(), lines)
        show_heads(result["heads"])
    if "decoder_only" in stored:
        result["decoder_only"] = measure_language_model(a.weights, sets["everyday"])
        print("\n## decoder_only", json.dumps(result["decoder_only"], indent=1))
    if a.table:
        a.table.write_text(json.dumps(table(result), indent=1) + "\n")
    if a.json:
        a.json.write_text(json.dumps(result, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
