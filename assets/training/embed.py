"""Makes what the program embeds, `assets/models`, from `state`: `python embed.py [--models a,b]`.

- `NAME.safetensors`: the weights in 8 bits (stored.py); Elman's and the GRU's with their read-back probes (probes.py), fitted to the
  rounded weights
- `tokenizer.json`: the same without white space; `../lessons/glosses-en.tsv`: `glosses.tsv` without its counts
- `words.txt`: the lower-case English words of the everyday and grammar sentences, one a line: what the models have seen
"""

import argparse
import json
from collections import Counter

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import make_tokenizer
from batches import ASSETS, STATE, Corpus
from corpus import KINDS
from evaluate import load
from models import NAMES
from probes import fit
from stored import in_eight_bits, load_weights
from train import SEED

WITH_PROBES = ("elman", "gru")


def embed(name: str, corpus: Corpus) -> None:
    source, target = STATE / f"{name}.safetensors", ASSETS / f"{name}.safetensors"
    with safe_open(source, "pt") as file:
        metadata = file.metadata()
    packed = in_eight_bits(load_weights(source))
    save_file(packed, target, metadata)
    if name in WITH_PROBES:
        save_file(packed | in_eight_bits(fit(load(name, ASSETS), corpus, SEED)), target, metadata)
    target.chmod(0o644)
    print(f"{target.name}: {target.stat().st_size:,} bytes")


def seen_words(corpus: Corpus) -> list[str]:
    """English words of the everyday and grammar sentences, and of our own, as the tokenizer parts them, most frequent first."""
    counts, tokenizer = Counter(), make_tokenizer.load()
    rows = np.flatnonzero(np.isin(corpus.kind, [KINDS.index(kind) for kind in ("everyday", "grammar", "own")]))
    off, ids = corpus.columns["src_off"], corpus.columns["src"]
    for text in tokenizer.decode_batch([ids[off[i] : off[i + 1]].tolist() for i in rows]):
        counts.update(word.strip().lower() for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(" " + text))
    return [word for word, _ in counts.most_common() if any(map(str.isalpha, word))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=",".join(NAMES))
    torch.set_num_threads(1)
    corpus = Corpus()
    for name in parser.parse_args().models.split(","):
        embed(name, corpus)
    words = seen_words(corpus)
    (ASSETS / "words.txt").write_text("\n".join(words) + "\n")
    tokenizer = json.loads((STATE / "tokenizer.json").read_text())
    (ASSETS / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")) + "\n")
    glosses = [line.rsplit("\t", 1)[0] for line in (STATE / "glosses.tsv").read_text().splitlines()]
    (ASSETS.parent / "lessons" / "glosses-en.tsv").write_text("\n".join(glosses) + "\n")
    print(f"{len(words):,} words; all: {sum(f.stat().st_size for f in ASSETS.iterdir()):,} bytes")


if __name__ == "__main__":
    main()
