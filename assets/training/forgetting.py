"""How much of each word reaches the last hidden state, over many sentences: the curve beside a sentence's own.

Writes `forgetting` into `assets/models/typical.json`: for the Elman RNN and the GRU, the Frobenius norm of the Jacobian of
the last hidden state with respect to each word's embedding, divided by its mean over the sentence, at 0, 1, 2, ... words
before the last; the mean over one in EVERY of the held-out sentences of `tests/goldens/claims.jsonl`, the same as
`tests/it/claims.rs` takes for the other curves.

    python forgetting.py
"""

import json

import torch
from tokenizers import Tokenizer

from batches import ASSETS
from evaluate import load
from goldens import OUT
from models import Model

EVERY, FEWEST = 3, 15
TABLE = ASSETS / "typical.json"


def norms(model: Model, ids: list[int]) -> torch.Tensor:
    """-> (words,)"""
    n = torch.tensor([len(ids)])
    embedded = model.lookup(torch.tensor([ids])).detach().requires_grad_()
    model.lookup = lambda _: embedded
    state = model.encode(torch.tensor([ids]), n)[0]
    del model.lookup
    rows = [torch.autograd.grad(unit, embedded, retain_graph=True)[0][0] for unit in state]
    return torch.stack(rows).square().sum((0, 2)).sqrt()


def curve(model: Model, sentences: list[list[int]]) -> list[float]:
    points: list[list[float]] = []
    for ids in sentences:
        found = norms(model, ids)
        for distance, norm in enumerate((found / found.mean()).flip(0).tolist()):
            if distance == len(points):
                points.append([])
            points[distance].append(norm)
    enough = [len(norms) >= FEWEST for norms in points]
    kept = points[: enough.index(False)] if False in enough else points
    return [round(sum(norms) / len(norms), 3) for norms in kept]


def main() -> None:
    tokenizer = Tokenizer.from_file(str(ASSETS / "tokenizer.json"))
    lines = (OUT / "claims.jsonl").read_text().splitlines()[::EVERY]
    sentences = [tokenizer.encode(json.loads(line)["en"], add_special_tokens=False).ids for line in lines]
    table = json.loads(TABLE.read_text())
    assert table["n_sentences"] == len(sentences)
    table["forgetting"] = {name: curve(load(name, ASSETS), sentences) for name in ("elman", "gru")}
    TABLE.write_text(json.dumps(table, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
