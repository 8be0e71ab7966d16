"""Reference values for the program's tests, from PyTorch and the stored weights.

Writes `tests/goldens/`:
- `{model}.safetensors`: f32 values of every site for three sentences; tensors are named
  `{sentence}/{site}`, (row, col) or (plane, row, col). Sentence `short` is complete. In the others a site of
  more than SMALL values is a sample: cell i of the tensor is the site's value at flat (row-major) index
  `i * STRIDE % size`, and `{sentence}/{site}#sums` holds the sum and the sum of absolute values of all
  finite cells. The metadata holds `shapes` (JSON: full shape of every site), `sentences`
  (JSON: text, ids, and this model's decoder input and output), `stride`.
- `gradients.safetensors`: `{sentence}/{model}/src.embed` (`tokens.embed`) and, for the default sentence, one
  weight a model: gradient of the summed log-probability of the greedy tokens; for decoder_only of the likeliest
  token after the last. `{sentence}/{elman,gru}/forgetting` (source): Frobenius norm of
  the Jacobian of the last encoder state with respect to each embedded word.
- `greedy.jsonl`: 25 held-out sentences of the grammar a bucket with every translator's greedy output. Sentences where the
  first two candidates of some step are nearer than MARGIN are passed over: there, rounding decides.
- `claims.jsonl`: 300 sentences that no model was trained on, for the lesson's claims. Those of kind `test` and `joined` are from the Tatoeba
  project (tatoeba.org, by way of manythings.org/anki), licence CC BY 2.0 FR (https://creativecommons.org/licenses/by/2.0/fr/).
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from batches import ASSETS, HERE
from corpus import GRAMMAR_BUCKETS, STARS, piece_spans, token_words
from evaluate import load, read
from models import BOS, NAMES, TRANSLATORS, Model, keep_weights
from stored import load_weights
from tracing import check, decoder_input, trace

OUT = HERE.parent.parent / "tests" / "goldens"
SMALL, SAMPLE, STRIDE = 200, 128, 7919
MARGIN = 1e-3
A_BUCKET = 25
WEIGHTS = {
    "elman": "encoder.W_h",
    "gru": "encoder.W_hn",
    "rnn_attention": "attn.U_a",
    "transformer": "encoder.0.self_attn.W_Q",
    "transformer_unguided": "encoder.0.self_attn.W_Q",
    "decoder_only": "blocks.0.attn.W_Q",
}

Sentences = dict[str, dict]


def with_probes(name: str) -> Model:
    model = load(name, ASSETS)
    keep_weights(model, True)
    weights = load_weights(ASSETS / f"{name}.safetensors")
    model.probes = {k: w for k, w in weights.items() if k.startswith("readback")}
    return model


def held_out() -> list[dict]:
    """The grammar's test sentences with the ids of the models' tokenizer."""
    tokenizer = Tokenizer.from_file(str(ASSETS / "tokenizer.json"))
    return [line | {"en_ids": tokenizer.encode(line["en"], add_special_tokens=False).ids} for line in read("grammar_test")]


def sentences(pairs: list[dict]) -> Sentences:
    """The default sentence, one of 5 tokens (or as near as there is), one of 20 with a relative clause."""
    tokenizer = Tokenizer.from_file(str(ASSETS / "tokenizer.json"))
    of = lambda n, *words: min(
        (p for p in pairs if len(p["en_ids"]) >= n and (not words or set(words) & set(p["en"].split()))),
        key=lambda p: len(p["en_ids"]),
    )
    short, long = of(5), of(20, "that", "who", "which")
    return {
        "default": {"text": STARS[0][0], "ids": tokenizer.encode(STARS[0][0], add_special_tokens=False).ids},
        "short": {"text": short["en"], "ids": short["en_ids"]},
        "long": {"text": long["en"], "ids": long["en_ids"]},
    }


def stored(sentence: str, sites: dict[str, Tensor]) -> dict[str, Tensor]:
    """Whole sites, or samples with sums."""
    tensors = {}
    for site, value in sites.items():
        key, value = f"{sentence}/{site}", value.detach().contiguous()
        if sentence == "short" or value.numel() <= SMALL:
            tensors[key] = value.clone()
            continue
        flat = value.flatten()
        finite = flat[flat.isfinite()].double()
        tensors[key] = flat[torch.arange(SAMPLE) * STRIDE % len(flat)].clone()
        tensors[f"{key}#sums"] = torch.stack([finite.sum(), finite.abs().sum()]).float()
    return tensors


@torch.no_grad()
def site_values(name: str, chosen: Sentences, out: Path) -> None:
    model, tensors, shapes, said = with_probes(name), {}, {}, {}
    for key, sentence in chosen.items():
        tgt = decoder_input(model, sentence["ids"]) if name in TRANSLATORS else []
        sites = trace(name, model, sentence["ids"], tgt)
        check(name, sites["logits"], fast_logits(model, sentence["ids"], tgt))
        tensors |= stored(key, sites)
        shapes |= {f"{key}/{site}": list(v.shape) for site, v in sites.items()}
        output = sites["logits"].argmax(1).tolist()
        said[key] = {**sentence, "decoder_input": tgt, "output": output if tgt else output[-1:]}
    metadata = {"shapes": json.dumps(shapes), "sentences": json.dumps(said), "stride": str(STRIDE)}
    save_file(tensors, out / f"{name}.safetensors", metadata)


def fast_logits(model: Model, ids: list[int], tgt: list[int]) -> Tensor:
    """The same logits from the code that trained the model."""
    if not tgt:
        return model.logits(model.read(torch.tensor([[BOS, *ids]])))[0]
    memory = model.encode(torch.tensor([ids]), torch.tensor([len(ids)]))
    return model.logits(model.decode(memory, torch.tensor([tgt])))[0]


# --- Gradients ---


def gradients_of(name: str, sentence: dict, with_weight: bool) -> dict[str, Tensor]:
    model = with_probes(name).double()  # a confident model's 1 - p is lost in f32
    model.probes = {key: w.double() for key, w in getattr(model, "probes", {}).items()}
    ids = sentence["ids"]
    sites = trace(name, model, ids, decoder_input(model, ids) if name in TRANSLATORS else [])
    logits = sites["logits"] if name in TRANSLATORS else sites["logits"][-1:]
    best = torch.log_softmax(logits, 1).gather(1, logits.argmax(1, keepdim=True)).sum()
    embed = "src.embed" if name in TRANSLATORS else "tokens.embed"
    wanted = {embed: sites[embed]}
    if with_weight:
        wanted[WEIGHTS[name]] = dict(model.named_parameters())[WEIGHTS[name]]
    found = torch.autograd.grad(best, list(wanted.values()), retain_graph=True)
    result = dict(zip(wanted, found))
    if name in ("elman", "gru"):
        hidden = sites["rnn.encoder.hidden" if name == "elman" else "gru.encoder.hidden"][-1]
        rows = [torch.autograd.grad(unit, sites[embed], retain_graph=True)[0] for unit in hidden]
        result["forgetting"] = torch.stack(rows).square().sum((0, 2)).sqrt()
    return {key: value.float().contiguous() for key, value in result.items()}


def gradients(names: list[str], chosen: Sentences, out: Path) -> None:
    tensors = {}
    for name in names:
        for key, sentence in chosen.items():
            found = gradients_of(name, sentence, with_weight=key == "default")
            tensors |= {f"{key}/{name}/{what}": value for what, value in found.items()}
    save_file(tensors, out / "gradients.safetensors", {"sentences": json.dumps(chosen)})


# --- Greedy outputs ---


@torch.no_grad()
def said(name: str, model: Model, ids: list[int]) -> tuple[list[int], float]:
    """The greedy output, and the smallest lead of the first candidate over the second."""
    logits = fast_logits(model, ids, decoder_input(model, ids))
    first, second = logits.topk(2, 1).values.unbind(1)
    return logits.argmax(1).tolist(), float((first - second).min())


def greedy_outputs(pairs: list[dict], out: Path) -> None:
    models = {name: load(name, ASSETS) for name in TRANSLATORS}
    left, lines, passed = [A_BUCKET] * len(GRAMMAR_BUCKETS), [], 0
    for pair in pairs:
        if not left[pair["bucket"]]:
            continue
        results = {name: said(name, model, pair["en_ids"]) for name, model in models.items()}
        if min(lead for _, lead in results.values()) < MARGIN:
            passed += 1
            continue
        left[pair["bucket"]] -= 1
        outputs = {name: ids for name, (ids, _) in results.items()}
        lines.append(json.dumps({"en": pair["en"], "ids": pair["en_ids"], **outputs}, ensure_ascii=False))
    (out / "greedy.jsonl").write_text("\n".join(lines) + "\n")
    print(f"greedy.jsonl: {len(lines)} sentences, {passed} passed over for a lead under {MARGIN}")


# --- Sentences for the lesson's claims ---


def claims(out: Path) -> None:
    """`claims.jsonl`: 300 sentences that no model was trained on, with the tokens of pronoun, noun and distractor where there are any."""
    tokenizer = Tokenizer.from_file(str(ASSETS / "tokenizer.json"))
    lines = []
    for name, a_bucket in (("test", 26), ("joined_test", 25)):
        buckets = defaultdict(list)
        for line in read(name):
            buckets[line["bucket"]].append(line)
        chosen = [line for bucket in buckets.values() for line in bucket[:a_bucket]]
        lines += [{"kind": name.removesuffix("_test"), "en": line["en"], "fr": line["fr"]} for line in chosen]
    pairs = sorted(read("coref_test"), key=lambda line: len(line["pieces"][0]))
    for line in pairs[: 300 - len(lines)]:
        words = token_words(tokenizer.encode(line["en"]), piece_spans(line["pieces"][0]), line["en"])
        pronoun, noun, distractor, _ = (words.index(word) for word in line["coref"])
        lines.append({"kind": "coreference", "en": line["en"], "fr": line["fr"], "pronoun": pronoun, "noun": noun, "distractor": distractor, "il": line["coref_fr"][0]})
    (out / "claims.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    print(f"claims.jsonl: {len(lines)} sentences")


def readme(chosen: Sentences, out: Path) -> None:
    rows = [f"- `{key}`: {s['text']} `{s['ids']}`" for key, s in chosen.items()]
    text = "# Reference values\n\nMade by `assets/training/goldens.py` and `bench_pytorch.py`; never edited.\n\n"
    out.joinpath("README.md").write_text(text + f"{__doc__.split(chr(10), 2)[2].strip()}\n\nSMALL {SMALL}, SAMPLE {SAMPLE}, STRIDE {STRIDE}, MARGIN {MARGIN}.\n\n" + "\n".join(rows) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    pairs = held_out()
    chosen = sentences(pairs)
    for name in NAMES:
        site_values(name, chosen, out)
    torch.set_default_dtype(torch.float64)
    gradients(NAMES, chosen, out)
    torch.set_default_dtype(torch.float32)
    greedy_outputs(pairs, out)
    claims(out)
    readme(chosen, out)


if __name__ == "__main__":
    main()
