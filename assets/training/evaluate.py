"""Measures the stored (rounded) weights on held-out sentences and writes `assets/models/accuracy.json`.

- exact match of greedy translations by source length, for every translator
- coreference: right French pronoun, and an adjective that agrees with it, on unseen sentences
- attention: does the taught head at the pronoun look at the right noun, and one cross-attention head at
  the word being translated? For the unguided twin the best of all heads is taken, chosen on these
  very sentences, which favours it.
- probes: share of words read back, by distance from the end and by sentence length
- the language model's perplexity a token on held-out English
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

import probes
from batches import ASSETS, BUILD, Batch, content_pairs, content_words, framed
from models import EOS, NAMES, PAD, TRANSLATORS, Model, Transformer, build, greedy, load_tensors
from train import ALIGN_HEAD, COREF_HEAD

BUCKETS = [(3, 5), *((low, low + 4) for low in range(6, 40, 5))]
STAR = [
    "The animal didn't cross the street because it was too tired.",
    "The animal didn't cross the street because it was too wide.",
]


def load(name: str) -> Model:
    """A stored model, its rounded weights cast to f32."""
    path = ASSETS / f"{name}.safetensors"
    with safe_open(path, "pt") as file:
        sizes = {k: int(v) for k, v in file.metadata().items()}
    kept = ("vocab_size", "n_layers", "n_heads", "d_ff", "d_hidden", "d_attn")
    model = build(name, **{k: v for k, v in sizes.items() if k in kept})
    load_tensors(model, load_file(path))
    return model.eval()


def read(name: str) -> list[dict]:
    lines = (BUILD / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def pad(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    n = torch.tensor([len(r) for r in rows])
    ids = torch.full((len(rows), int(n.max())), PAD)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    return ids, n


def batches(pairs: list[dict], size: int = 200) -> list[list[dict]]:
    """Sentences of like length together."""
    pairs = sorted(pairs, key=lambda p: len(p["en_ids"]))
    return [pairs[i : i + size] for i in range(0, len(pairs), size)]


def collate(pairs: list[dict]) -> Batch:
    src, n_src = pad([p["en_ids"] for p in pairs])
    tgt_in, tgt_out = framed(*pad([p["fr_ids"] for p in pairs]))
    coref = torch.tensor([p["coref"] or [-1] * 4 for p in pairs])
    align = [[i, fr, en] for i, p in enumerate(pairs) for fr, en in p["align"]]
    content = content_pairs(torch.tensor(align), src, content_words())
    return Batch(src, n_src, tgt_in, tgt_out, coref, content)


def bucket_of(pair: dict) -> int:
    return next(i for i, (low, high) in enumerate(BUCKETS) if low <= len(pair["en_ids"]) <= high)


def translations(model: Model, pairs: list[dict]) -> list[tuple[dict, list[int]]]:
    """Each pair with the model's greedy output, <eos> left out."""
    out = []
    for some in batches(pairs):
        for pair, ids in zip(some, greedy(model, *pad([p["en_ids"] for p in some]))):
            out.append((pair, ids[:-1] if ids[-1] == EOS else ids))
    return out


def exact_match(model: Model, pairs: list[dict]) -> list[float]:
    hits: list[list[bool]] = [[] for _ in BUCKETS]
    for pair, ids in translations(model, pairs):
        hits[bucket_of(pair)].append(ids == pair["fr_ids"])
    return [round(float(np.mean(h)), 4) if h else 0.0 for h in hits]


# --- Coreference ---


def agrees(pair: dict, ids: list[int]) -> tuple[bool, bool]:
    """Is the right pronoun written? And after it the right form of the adjective?"""
    pronoun, adjective = (pair["fr_ids"][i] for i in pair["coref_fr"])
    after = ids[ids.index(pronoun) + 1 :] if pronoun in ids else []
    return pronoun in ids, adjective in after


def coreference(model: Model, pairs: list[dict]) -> dict[str, float]:
    results = [(*agrees(p, ids), ids == p["fr_ids"]) for p, ids in translations(model, pairs)]
    pronoun, both, exact = (round(float(np.mean(column)), 4) for column in zip(*results))
    return {"pronoun": pronoun, "pronoun_and_adjective": both, "exact_match": exact}


# --- Attention ---


@torch.no_grad()
def run(model: Transformer, batch: Batch) -> None:
    """Reads and writes the right pair, so that every attention holds its weights."""
    model.decode(model.encode(batch.src, batch.n_src), batch.tgt_in)


def heads(model: Transformer, kind: str) -> dict[str, tuple[str, int]]:
    """`encoder.0.self_attn head 1` -> (module, head)"""
    names = [name for name, _ in model.attentions() if kind in name]
    return {f"{name} head {h}": (name, h) for name in names for h in range(model.sizes["n_heads"])}


def looks(model: Transformer, pairs: list[dict], kind: str) -> dict[str, tuple[float, float]]:
    """By head: how often the weight is largest on the right word, and its mean there."""
    found: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for some in batches(pairs):
        batch = collate(some)
        run(model, batch)
        row, query, key = wanted(batch, kind)
        modules = dict(model.attentions())
        for label, (name, head) in heads(model, kind).items():
            weights = modules[name].weights[row, head, query]  # (pair, key)
            right = weights.argmax(1) == key
            found.setdefault(label, []).append((right.float(), weights[torch.arange(len(key)), key]))
    return {label: tuple(float(torch.cat(c).mean()) for c in zip(*parts)) for label, parts in found.items()}


def wanted(batch: Batch, kind: str) -> tuple[Tensor, Tensor, Tensor]:
    """Sentence, query and right key of every look that is measured."""
    if kind == "cross_attn":
        return tuple(batch.align.unbind(1))
    return torch.arange(len(batch.coref)), batch.coref[:, 0], batch.coref[:, 1]


def attention(name: str, held_out: list[dict], coref: list[dict]) -> dict[str, dict]:
    """The taught heads of the guided model, the best heads of its twin; and all heads for the card."""
    model = load(name)
    layer = model.sizes["n_layers"] - 1
    taught = {
        "encoder": f"encoder.{layer}.self_attn head {COREF_HEAD}",
        "decoder": f"decoder.{layer}.cross_attn head {ALIGN_HEAD}",
    }
    result = {}
    for what, kind, pairs in (("antecedent", "encoder", coref), ("alignment", "cross_attn", held_out)):
        table = looks(model, pairs, kind)
        best = max(table, key=lambda head: table[head])
        head = taught["encoder" if kind == "encoder" else "decoder"] if name == "transformer" else best
        right, mean = table[head]
        result[what] = {"head": head, "right": round(right, 4), "mean_weight": round(mean, 4)}
    return result


# --- Probes and the language model ---


def readback(name: str, pairs: list[dict]) -> dict[str, list[float]]:
    """Share of words that the probes name, by distance from the last word and by sentence length."""
    model, weights = load(name), load_file(ASSETS / f"{name}.safetensors")
    right, real = zip(*(probes.guesses(model, weights, *pad([p["en_ids"]])) for p in pairs))
    right, real = np.concatenate(right), np.concatenate(real)
    bucket = np.array([bucket_of(p) for p in pairs])
    by_length = [share(right[bucket == b], real[bucket == b]) for b in range(len(BUCKETS))]
    by_distance = [share(right[:, k], real[:, k]) for k in range(right.shape[1])]
    return {"by_length": by_length, "by_distance": by_distance}


def share(right: np.ndarray, real: np.ndarray) -> float:
    return round(float(right[real].mean()), 4) if real.any() else 0.0


@torch.no_grad()
def perplexity(pairs: list[dict]) -> float:
    model, total, count = load("decoder_only"), 0.0, 0
    for some in batches(pairs):
        tgt_in, tgt_out = framed(*pad([p["en_ids"] for p in some]))
        real = tgt_out != PAD
        logits = model.logits(model.read(tgt_in)[real])
        total += F.cross_entropy(logits, tgt_out[real], reduction="sum").item()
        count += int(real.sum())
    return round(math.exp(total / count), 3)


def star_pair(models: dict[str, Model]) -> dict[str, list[str]]:
    """The two famous sentences in each model's French."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(ASSETS / "tokenizer.json"))
    sources = [tokenizer.encode(text, add_special_tokens=False).ids for text in STAR]
    said = {}
    for name, model in models.items():
        outputs = [greedy(model, *pad([ids]))[0] for ids in sources]
        said[name] = [tokenizer.decode([t for t in ids if t > 3]) for ids in outputs]
    return said


def measure(held_out: list[dict], coref: list[dict]) -> dict:
    models = {name: load(name) for name in TRANSLATORS if stored(name)}
    return {
        "buckets": BUCKETS,
        "counts": np.bincount([bucket_of(p) for p in held_out], minlength=len(BUCKETS)).tolist(),
        "exact_match": {name: exact_match(m, held_out) for name, m in models.items()},
        "coreference": {name: coreference(m, coref) for name, m in models.items()},
        "attention": {n: attention(n, held_out, coref) for n in models if n.startswith("transformer")},
        "readback": {n: readback(n, held_out) for n in ("elman", "gru") if n in models},
        "perplexity": {"decoder_only": perplexity(held_out)} if stored("decoder_only") else {},
        "star_pair": star_pair(models),
    }


def stored(name: str) -> bool:
    return name in NAMES and (ASSETS / f"{name}.safetensors").exists()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ASSETS / "accuracy.json")
    torch.set_num_threads(2)
    table = measure(read("heldout"), read("coref_heldout"))
    text = json.dumps(table, ensure_ascii=False, indent=1)
    parser.parse_args().out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
