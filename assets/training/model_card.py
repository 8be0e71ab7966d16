"""Writes `assets/models/MODEL_CARD.md` from what was measured; no number in it is typed by hand.

Reads `accuracy.json`, the logs of train.py, `build/sweep.json`, the corpus and the stored weights.
"""

import json

import numpy as np

import probes
from batches import ASSETS, BATCH, BUILD, Corpus
from evaluate import STAR, read
from models import NAMES, TRANSLATORS
from train import (
    ALIGN_HEAD, ALIGN_WEIGHT, CLIP, COREF_HEAD, COREF_WEIGHT, ENTROPY_WEIGHT, RECURRENT_SHARE, SEED, WARM_UP, log_file,
)  # fmt: skip

TITLES = {
    "elman": "Elman RNN encoder-decoder, fixed vector",
    "gru": "GRU encoder-decoder, fixed vector",
    "rnn_attention": "GRU encoder-decoder with additive attention (Bahdanau et al. 2015)",
    "transformer": "Transformer encoder-decoder (Vaswani et al. 2017), two heads guided",
    "transformer_unguided": "its twin: same data, order, size and seed, nothing guided",
    "decoder_only": "decoder-only Transformer language model of the English side",
}


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def logs() -> dict[str, dict]:
    return {name: json.loads(log_file(name).read_text()) for name in NAMES}


def models(log: dict[str, dict]) -> str:
    rows = [
        [f"`{n}`", TITLES[n], f"{log[n]['parameters']:,}", f"{log[n]['rate']:g}", f"{log[n]['seconds'] / 60:.1f} min"]
        for n in NAMES
    ]
    sizes = "\n".join(
        f"- `{n}`: " + ", ".join(f"{k} {v}" for k, v in log[n]["sizes"].items() if k != "vocab_size") for n in NAMES
    )
    return table(["File", "Model", "Weights", "Learning rate", "Wall time"], rows) + "\n\n" + sizes


def data(corpus: Corpus, held_out: list[dict], coref: list[dict], log: dict[str, dict]) -> str:
    lengths = np.bincount(np.minimum(corpus.lengths("src"), 40), minlength=41)
    shares = [f"{lengths[low:high + 1].sum() / len(corpus):.1%}" for low, high in ((3, 10), (11, 20), (21, 30), (31, 40))]
    guided = (corpus.coref[:, 0] >= 0).mean()
    any_log = log["transformer"]
    return f"""English-French pairs from a grammar of our own (`assets/training/grammar.py`): unlimited, exact, made for this
program; no outside text. {len(corpus):,} training pairs of 3 to 40 English tokens ({shares[0]} have 3-10, {shares[1]} 11-20,
{shares[2]} 21-30, {shares[3]} 31-40), {guided:.1%} with a pronoun whose noun the grammar knows. Held out: {len(held_out):,} pairs for the
table by length and {len(coref):,} coreference sentences, none of which occurs in training. One tokenizer and one vocabulary of
{any_log['sizes']['vocab_size']:,} tokens (words of the world, 256 bytes, 4 specials); each model has one embedding table for source, target and output.

Every model saw the same {any_log['examples']:,} examples in the same order: {any_log['steps']:,} steps of {BATCH} pairs of like length. Adam (0.9, 0.98),
warm-up over {WARM_UP:.0%} of the steps, then half a cosine to 0; gradients clipped at norm {CLIP:g}; no dropout; seed {SEED}."""


def accuracy(measured: dict) -> str:
    header = ["English tokens", "Sentences", *(f"`{n}`" for n in TRANSLATORS)]
    rows = [
        [f"{low}-{high}", count, *(percent(measured["exact_match"][n][i]) for n in TRANSLATORS)]
        for i, ((low, high), count) in enumerate(zip(measured["buckets"], measured["counts"]))
    ]
    return table(header, rows)


def coreference(measured: dict) -> str:
    rows = [
        [f"`{n}`", percent(c["pronoun"]), percent(c["pronoun_and_adjective"]), percent(c["exact_match"])]
        for n, c in measured["coreference"].items()
    ]
    return table(["Model", "Right pronoun", "and the adjective agrees", "Whole sentence right"], rows)


def attention(measured: dict) -> str:
    what = {"antecedent": "pronoun to its noun", "alignment": "output word to the word it translates"}
    rows = [
        [f"`{name}`", what[kind], m["head"], percent(m["right"]), f"{m['mean_weight']:.2f}"]
        for name, kinds in measured["attention"].items()
        for kind, m in kinds.items()
    ]
    return table(["Model", "Look", "Head", "Largest on the right word", "Mean weight there"], rows)


def star_pair(measured: dict) -> str:
    lines = [f"1. {STAR[0]}", f"2. {STAR[1]}", ""]
    lines += [f"- `{name}`: *{said[0]}* / *{said[1]}*" for name, said in measured["star_pair"].items()]
    return "\n".join(lines)


def readback(measured: dict) -> str:
    names = list(measured["readback"])
    at = [0, 1, 2, 4, 6, 9, 14, 19, 29, 39]
    distance = table(
        ["Words before the last", *map(str, at)],
        [[f"`{n}`", *(percent(measured["readback"][n]["by_distance"][k]) for k in at)] for n in names],
    )
    length = table(
        ["Sentence of", *(f"{low}-{high}" for low, high in measured["buckets"])],
        [[f"`{n}`", *map(percent, measured["readback"][n]["by_length"])] for n in names],
    )
    return f"{distance}\n\n{length}"


def sweep() -> str:
    path = BUILD / "sweep.json"
    if not path.exists():
        return "Not recorded."
    tried = json.loads(path.read_text())
    rows = [[f"`{n}`", ", ".join(f"{rate}: {loss:.4f}" for rate, loss in losses.items())] for n, losses in tried["loss"].items()]
    intro = (
        f"Trials of {tried['steps']} steps with their own warm-up and decay; mean training loss of the last quarter (nats a token) "
        f"by learning rate. So short a run favours high rates; what was taken is in the first table. {tried.get('note', '')}\n\n"
    )
    return intro + table(["Model", "Learning rate: loss"], rows)


def curves(log: dict[str, dict]) -> str:
    steps = [step for step, _ in log["transformer"]["curve"]]
    kept = [0, 1, 2, 3, 5, 7, 9, 11, 13, 15, 17, 19]
    rows = [[f"{steps[i]:,}", *(f"{log[n]['curve'][i][1]:.4f}" for n in NAMES)] for i in kept if i < len(steps)]
    return table(["Step", *(f"`{n}`" for n in NAMES)], rows)


def time_spent() -> str:
    path = BUILD / "logs" / "seconds.json"
    if not path.exists():
        return ""
    spent = {k: v / 60 for k, v in json.loads(path.read_text()).items()}
    return f" The run took {spent['wall']:.0f} minutes on a machine shared with other work, and {spent['cpu']:.0f} minutes of processor time."


def card() -> str:
    measured = json.loads((ASSETS / "accuracy.json").read_text())
    log, corpus = logs(), Corpus()
    return f"""# Model card: the built-in models

Small models that translate a mini-world from English to French, trained to be looked into, not to be used.
Made by one command, `python assets/training/train.py`, on two CPU cores (two processes of one thread).{time_spent()}
Weights are rounded to f16; every figure below was measured with the rounded weights.

## Models

{models(log)}

`readback.*` in `elman` and `gru` are linear probes, fitted after training on {probes.SENTENCES:,} training sentences with the model frozen.

## Data

{data(corpus, read("heldout"), read("coref_heldout"), log)}

## Exact match by length

Greedy decoding, held-out pairs, the whole French sentence equal to the grammar's.

{accuracy(measured)}

Language model: perplexity {measured["perplexity"]["decoder_only"]} a token on the held-out English.

## Coreference

On the unseen coreference sentences ("... because it was too tired"):

{coreference(measured)}

The star pair:

{star_pair(measured)}

## What was guided, and how

`transformer` was taught more than to translate. Three terms were added to its loss (after Strubell et al. 2018, LISA, and Garg et al.
2019); heads and layers are counted from 0:

- {COREF_WEIGHT} * -log of the weight from a pronoun to its noun, in head {COREF_HEAD} of the last encoder layer's self-attention;
- {ALIGN_WEIGHT} * -log of the weight on the word being translated, in head {ALIGN_HEAD} of the last decoder layer's cross-attention, for
  content words, by the grammar's alignment;
- {ENTROPY_WEIGHT} * the mean entropy of all attention rows, all heads and layers.

All other heads were taught nothing but a leaning to few words. `transformer_unguided` had none of this. For the twin the best of all its
heads is shown, chosen on the very sentences it is measured on. Where it does nearly as well, the task alone taught it: what guidance
then settles is which head looks, and how sharply. Two models that translate alike need not look alike; attention weights are not by
themselves an explanation.

{attention(measured)}

## What the last hidden state still holds

Share of source words that the linear probes name (first guess), by distance from the last word and by sentence length:

{readback(measured)}

## Learning rates tried

{sweep()}

`transformer_unguided` and `decoder_only` take the Transformer's rate. Elman's recurrent matrices learn at {RECURRENT_SHARE:g} of its rate.

## Loss

Mean training loss (nats a token) since the row before; guidance is not counted in.

{curves(log)}

## Limits

The models know the grammar's words and constructions and nothing else; a word outside is spelled in bytes that they never saw in
training. Sentences of more than 40 tokens are longer than any they saw. One seed each: no spread is given.

## Licence

MIT, as the program. The data was generated by the program's own grammar.
"""


def main() -> None:
    (ASSETS / "MODEL_CARD.md").write_text(card())


if __name__ == "__main__":
    main()
