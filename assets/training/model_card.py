"""Writes the model card from what was measured: `python model_card.py measured.json OUT.md`; no figure is typed by hand.

Reads the JSON of `evaluate.py --json`, the metadata of the stored weights and the corpus's summary.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from safetensors import safe_open

from batches import ASSETS, BUILD, STATE
from models import NAMES, TRANSLATORS
from stored import SCALE
from train import (
    ALIGN_HEAD, ALIGN_WEIGHT, CLIP, COREF_HEAD, COREF_WEIGHT, DECAY, DROPOUT, ENTROPY_WEIGHT, RATES, RECURRENT_SHARE, SEED, SINK_FROM, SINK_WEIGHT, WARM_UP,
)  # fmt: skip

TITLES = {
    "elman": "Elman RNN encoder-decoder, fixed vector",
    "gru": "GRU encoder-decoder, fixed vector",
    "rnn_attention": "GRU encoder-decoder with additive attention (Bahdanau et al. 2015)",
    "transformer": "Transformer encoder-decoder (Vaswani et al. 2017), two heads guided",
    "transformer_unguided": "its twin: same size and seed, nothing guided",
    "decoder_only": "decoder-only Transformer language model of the English side",
}


STORED = {
    False: "Weights are f16.",
    True: "Matrices are stored in 8 bits with a scale a row, vectors in f16.",
}


def table(header: list[str], rows: list[list]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def metadata(name: str, folder: Path) -> tuple[dict[str, str], dict, int]:
    """Sizes, the training's record, and the number of weights."""
    with safe_open(folder / f"{name}.safetensors", "np") as file:
        sizes = dict(file.metadata())
        own = [k for k in file.keys() if not k.endswith(SCALE) and not k.startswith("readback")]
        weights = sum(int(np.prod(file.get_slice(k).get_shape())) for k in own)
    return sizes, json.loads(sizes.pop("training", "{}")), weights


def models(folder: Path, names: list[str]) -> str:
    rows = []
    for name in names:
        sizes, run, weights = metadata(name, folder)
        shape = ", ".join(f"{k} {v}" for k, v in sorted(sizes.items()) if k not in ("vocab_size", "format"))
        rows.append([f"`{name}`", TITLES[name], shape, f"{weights:,}", f"{run['step']:,} of {run['steps']:,}", f"{run['examples']:,}", f"{RATES[name]:g}",
                     f"{run['tokens'] / max(1, run['seconds']):,.0f}", f"{run['seconds'] / 60:.0f}"])  # fmt: skip
    return table(["File", "Model", "Sizes", "Weights", "Steps", "Examples", "Learning rate", "Target tokens a second", "Minutes"], rows)


def by_length(measured: dict, part: str, what: str, names: list[str]) -> str:
    labels = list(measured[names[0]][part])
    rows = [[b, measured[names[0]][part][b]["n"], *(f"{measured[n][part][b][what]:.1f}" for n in names)] for b in labels]
    return table(["Words", "Sentences", *(f"`{n}`" for n in names)], rows)


def other_figures(measured: dict, names: list[str]) -> str:
    rows = [
        [f"`{n}`", f"{m['strange words']:.1f}", f"{m['coreference']['pronoun']:.1f}", f"{m['coreference']['and adjective']:.1f}", f"{m['copying']['arrived']:.1f}", f"{m['copying']['whole']:.1f}"]
        for n, m in ((n, measured[n]) for n in names)
    ]
    return table(["Model", "Outputs with an unknown word", "Right pronoun", "and adjective", "Copied words that arrive", "Copy sentences right"], rows)


def heads(measured: dict) -> str:
    roles = ["sink", "previous", "next", "same", "to its noun", "verb to subject", "pronoun to noun"]
    rows = [[f"`{r['head']}`", *(f"{100 * r[k]:.0f}" if k in r else "" for k in roles)] for r in measured["heads"]]
    return table(["Head", *roles], rows)


def curves(folder: Path, names: list[str]) -> str:
    runs = {n: dict(map(tuple, metadata(n, folder)[1]["curve"])) for n in names}
    steps = sorted({s for run in runs.values() for s in run})
    kept = steps[:: max(1, len(steps) // 12)]
    return table(["Step", *(f"`{n}`" for n in names)], [[f"{s:,}", *(f"{runs[n][s]:.3f}" if s in runs[n] else "" for n in names)] for s in kept])


def language_model(measured: dict) -> str:
    if "decoder_only" not in measured:
        return ""
    m = measured["decoder_only"]
    said = "\n".join(f"- {text}" for text in m["continuations"])
    return f"""## Language model

Perplexity a token on the everyday test sentences: {m["perplexity"]:.2f}; an interpolated Kneser-Ney 5-gram of the same data has {m["kneser-ney"]:.2f}.

{said}
"""


def card(measured: dict, folder: Path) -> str:
    names = [n for n in NAMES if (folder / f"{n}.safetensors").exists()]
    speak = [n for n in TRANSLATORS if n in measured]
    data = json.loads((BUILD / "summary.json").read_text())
    kinds = table(["Kind", "Pairs", "Share of the examples", "Mean tokens (English, French)"],
                  [[f"`{k}`", f"{data['counts'][k]:,}", f"{data['shares'][k]:.0%}", "{} / {}".format(*data["tokens"][k])] for k in data["counts"]])  # fmt: skip
    stars = "\n".join(f"- `{n}`: *{'* / *'.join(measured[n]['star pair'])}*" for n in speak)
    return f"""# Model card: the built-in models

English-French models small enough to be looked into. {STORED[folder == ASSETS]} Every figure was measured with the stored weights, greedily, on sentences
whose English (punctuation and case aside) was not trained on.

## Models

{models(folder, names)}

Adam (0.9, 0.98); warm-up over {WARM_UP} steps, a plateau, linear decay over the last {DECAY:.0%} of the steps; gradients clipped at norm {CLIP:g};
dropout {DROPOUT:g}; Elman's recurrent matrices at {RECURRENT_SHARE:g} of the rate; seed {SEED}; weights averaged over about 1,000 steps. All
models take as many steps and see the same examples in the same order. Up to step 18,000 the data lacked `own` (shares 55, 15, 17 and 13 %), words met once
were translated, and the rate fell to nothing; from there on the data are as below, and the rate begins again and falls to nothing at the last step. But the
twin saw the data as below from step 14,000 on, and its steps 3,250 to 8,250 saw a variant in which words met once or twice stood in English in the French too. One vocabulary of {data["vocab"]:,} BPE tokens; each model has one embedding table for source, target and output.

## Data

{kinds}

- `everyday`: sentences of the Tatoeba project (tatoeba.org) as prepared by manythings.org/anki, licence CC BY 2.0 FR
  (https://creativecommons.org/licenses/by/2.0/fr/). Left out: what does not suit a classroom (vulgar, sexual, violent; word lists in everyday.py), untranslated
  or odd text, lengths that do not fit, and the 4 % whose French is least literal (IBM model 1). One French a sentence: `vous` for you, passé composé, the most
  literal one. The sentences themselves are not part of this project.
- `own`: written for this project (own.tsv): what people type first, and 4,000 words that the everyday sentences hardly have.
- `grammar`: our own (grammar.py, lexicon.py). `joined`: long sentences made of the others. `copies`: names, numbers, made-up words and words met once.
- {data["alignment"]["kept in English"]:,} words that are met once stand in English on the French side too, so that the model learns to copy a word that it does not know.
- Alignments (for the guided head and the glosses): an HMM in both directions, where the two agree; on the grammar's known alignments precision
  {data["alignment"]["precision"]:.1%}, recall {data["alignment"]["recall"]:.1%}.

The models inherit what volunteers wrote: `Tom` and `Mary` everywhere, adults of the 2010s talking, masculine by default, made-up nouns masculine always.

## Everyday sentences

chrF by length:

{by_length(measured, "everyday", "chrf", speak)}

BLEU:

{by_length(measured, "everyday", "bleu", speak)}

Exact (one of the French sentences, case and the punctuation around words aside), per cent:

{by_length(measured, "everyday", "exact", speak)}

## Joined sentences, chrF

{by_length(measured, "joined", "chrf", speak)}

## Grammar, exact, per cent

{by_length(measured, "grammar", "exact", speak)}

## Pronouns, copies, unknown words, per cent

{other_figures(measured, speak)}

{stars}

{language_model(measured)}
## What was guided, and how

`transformer` was taught more than to translate (after Strubell et al. 2018, LISA, and Garg et al. 2019); heads and layers are counted from 0:
{COREF_WEIGHT} * -log of the weight from a pronoun to its noun, head {COREF_HEAD} of the last encoder layer; {ALIGN_WEIGHT} * -log of the weight on the word
being translated, head {ALIGN_HEAD} of the last cross-attention, for all but the commonest words (0.05 until step 18,000); {ENTROPY_WEIGHT} * mean entropy of all rows (0.005 until then); {SINK_WEIGHT} * what one
column holds of a sentence's rows beyond {SINK_FROM:.0%}, all heads. `transformer_unguided` had none of this.

Per cent of rows whose largest weight is there (`sink`: on the sentence's commonest column):

{heads(measured)}

## Loss

Mean training loss (nats a token) over the 250 steps before:

{curves(folder, names)}

## Licence

The program and the weights: MIT. The everyday sentences the models learned from: CC BY 2.0 FR, tatoeba.org and manythings.org/anki.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measured", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", type=Path, default=STATE)
    a = parser.parse_args()
    a.out.write_text(card(json.loads(a.measured.read_text()), a.weights.resolve()))


if __name__ == "__main__":
    main()
