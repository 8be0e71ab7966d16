"""Reference values for the program's evidence, from PyTorch and captum on the stored weights.

Writes `tests/goldens/evidence.safetensors`; its metadata `cases` (JSON) holds sentences, ids and what is asked. Tensors:
- `learning/{model}/{sgd,adam}/losses`: the mean cross-entropy of the target before each of ten steps, and after the last;
  `.../{weight}`: SAMPLE numbers of the weight after ten steps (`torch.optim`, double precision), at flat index
  `i * STRIDE % size`. `learning/{model}/gradient/{weight}`: the same sample of the first gradient.
- `taught/{checkpoint}/{sgd,adam}/losses`: the same of tiny checkpoints of transformers, over SHORT steps; the loss is that
  of transformers' own `labels`.
- `attribution/{model}/{part}`: what each part adds to a difference of logits; `.../{part}/heads` (head, key). Computed
  forwards, every addend pushed through the later norms with their scale held fixed. TransformerLens computes the same
  for pre-norm models; it does not load these, so that the formula stands here, written from its definition.
- `saliency/{model}/{difference,output}/{gradient,integrated,ends}`: captum's InputXGradient and IntegratedGradients (50
  points) on the embedded words, added up over channels; the score and the baseline's. `.../left_out`: the score less that
  without each word.
- `patching/{model}/{site}`: by position (head), the share of the difference of two sentences that A's value carries
  into B's pass, from passes of PyTorch with that one value replaced.
- `heads/{model}/{attention}`: (head, score) of previous, self, first, duplicate, induction, pronoun, copying, NaN where a
  score does not apply; eigenvalues of the whole circuit by LAPACK.
- `copies/{checkpoint}/{attention}`: (head, score) of duplicate and induction of tiny checkpoints.

- `forms/{model}/{attention}/{norms,heads,layers,rollout}`: weights times the lengths of the values after W_O (head, query,
  key); means of weights; rollout to this layer (query, key).
- `flow/{model}/{sum}/{residual,heads,other}`: by row, the share of each part of a sum of the stream: its proximity
  max(0, |y| - |y - part|) in the L1 norm over that of all parts.
- `diff/{model}/{site}`: `|b - a| / |a|` of the second side's pass, in which the model writes its own output, by row as far
  as the outputs agree; `diff/{model}/whole/{site}` of all those rows. `diff/{model}/part/{part}`: what it adds to the
  difference of logits in both, the second reading the first's output. `diff/{model}/next`: the two words' probabilities.
- `forms/{checkpoint}/...`, `flow/{checkpoint}/...`: the same of tiny checkpoints, from hooks of transformers' own modules.

captum: `pip install captum` (0.9.0 was used); it is needed for this file alone, and not with `--only`, which makes some
kinds anew and keeps the rest.
"""

import argparse
import json
import math
import re
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

import tracing
from batches import ASSETS
from corpus import STARS
from evaluate import load
from goldens import OUT
from models import BOS, EOS, Model, future_mask, keep_weights, positions
from tracing import decoder_input, trace

SAMPLE, STRIDE, STEPS, SHORT = 32, 7919, 10, 4
RATES = {"sgd": 0.02, "adam": 0.001}
TAUGHT = "Le chat mange la pomme rouge."
READ_ON = ["The animal didn't cross the street because it was too", "The letter didn't cross the street because it was too"]
MODELS = ["elman", "gru", "rnn_attention", "transformer", "decoder_only"]

Tensors = dict[str, Tensor]


def sample(value: Tensor) -> Tensor:
    flat = value.detach().flatten()
    return flat[torch.arange(SAMPLE) * STRIDE % len(flat)].float()


def names(model: Model) -> dict[str, Tensor]:
    return {k.replace("ward_.", "ward."): p for k, p in model.named_parameters()}


def logits_of(model: Model, ids: list[int], tgt: list[int]) -> Tensor:
    """From the code that trained the model."""
    if not tgt:
        return model.logits(model.read(torch.tensor([[BOS, *ids]])))[0]
    memory = model.encode(torch.tensor([ids]), torch.tensor([len(ids)]))
    return model.logits(model.decode(memory, torch.tensor([tgt])))[0]


# --- Learning ---


def learning(name: str, ids: list[int], taught: list[int]) -> Tensors:
    """Ten steps towards the target: French for a translator, the sentence's own next words for the language model."""
    tgt, wanted = ([], ids) if name == "decoder_only" else ([BOS, *taught], [*taught, EOS])
    tensors = {}
    for rule, kind in (("sgd", torch.optim.SGD), ("adam", torch.optim.Adam)):
        model = load(name, ASSETS).double()
        optimizer = kind(model.parameters(), lr=RATES[rule])
        losses = []
        for step in range(STEPS + 1):
            loss = F.cross_entropy(logits_of(model, ids, tgt)[: len(wanted)], torch.tensor(wanted))
            losses.append(loss.item())
            if step == STEPS:
                break
            optimizer.zero_grad()
            loss.backward()
            if step == 0 and rule == "sgd":
                tensors |= {f"learning/{name}/gradient/{k}": sample(p.grad) for k, p in names(model).items()}
            optimizer.step()
        tensors[f"learning/{name}/{rule}/losses"] = torch.tensor(losses).float()
        tensors |= {f"learning/{name}/{rule}/{k}": sample(p) for k, p in names(model).items()}
    return tensors


# What these are taught shows what their classes do in their own way: BART's settings begin every output with a token,
# DeBERTa normalises its table of distances, Marian and Pegasus begin with padding, whose row no input moves.
TAUGHT_CHECKPOINTS = {
    "bart": ("of birds", "old", 0.005, 0.001),
    "deberta": ("of birds [MASK] could", "u", 0.005, 0.001),
    "marian": ("of birds a could", "birds of", 0.005, 0.002),
    "pegasus": ("of birds a could", "birds of", 0.005, 0.002),
}


def of_taught(name: str) -> tuple[Tensors, dict]:
    """The losses of transformers' own class, taught a target by its own labels."""
    from transformers import AutoModelForMaskedLM, AutoModelForSeq2SeqLM

    text, target, *rates = TAUGHT_CHECKPOINTS[name]
    folder = OUT / "checkpoints" / name
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = tokenizer.encode(text).ids
    if name == "deberta":
        kind = AutoModelForMaskedLM
        mask = tokenizer.token_to_id("[MASK]")
        labels = [tokenizer.token_to_id(target) if id == mask else -100 for id in ids]
    else:
        kind, labels = AutoModelForSeq2SeqLM, tokenizer.encode(target).ids
    tensors = {}
    for rule, optimizer, rate in (("sgd", torch.optim.SGD, rates[0]), ("adam", torch.optim.Adam, rates[1])):
        model = kind.from_pretrained(folder).double().eval()
        # Tables of sines are no weights.
        learned = [p for k, p in model.named_parameters() if name in ("bart", "deberta") or "embed_positions" not in k]
        steps, losses = optimizer(learned, lr=rate), []
        for step in range(SHORT + 1):
            loss = model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss
            losses.append(loss.item())
            steps.zero_grad()
            loss.backward()
            steps.step()
        tensors[f"taught/{name}/{rule}/losses"] = torch.tensor(losses)
    return tensors, {"text": text, "target": target, "rates": dict(zip(("sgd", "adam"), rates))}


# --- Attribution ---


class Stream:
    """A row of the residual stream as a sum of named addends."""

    def __init__(self) -> None:
        self.parts: Tensors = {}

    def add(self, name: str, value: Tensor) -> None:
        self.parts[name] = self.parts[name] + value if name in self.parts else value

    def norm(self, at: str, sites: Tensors, weights: Tensors, row: int) -> None:
        """The norm of the whole row, its scale held fixed, of every addend."""
        scale = torch.sqrt(sites[f"{at}.var"][row] + 1e-5)
        gain = weights[f"{at}.gain"]
        self.parts = {k: (p - p.mean()) / scale * gain for k, p in self.parts.items()}
        self.add(f"{at}.bias", weights[f"{at}.bias"])


def addend(stream: Stream, at: str, sites: Tensors, weights: Tensors, row: int) -> None:
    """Attention's output at a row, by head and key; or feed-forward's."""
    if f"{at}.context" not in sites:
        return stream.add(f"{at}.out", sites[f"{at}.out"][row])
    shares, v, w_o = sites[f"{at}.weights"], sites[f"{at}.v"], weights[f"{at}.W_O"]
    for h in range(len(v)):
        own = w_o[h * v.shape[2] : (h + 1) * v.shape[2]]
        for k in range(v.shape[1]):
            stream.add(f"{at}.out/{h}/{k}", shares[h, row, k] * (v[h, k] @ own))


def attribution(name: str, sites: Tensors, weights: Tensors, row: int, pair: list[int], n_layers: int) -> Tensors:
    stream, at = Stream(), "tokens" if name == "decoder_only" else "tgt"
    stream.add(f"{at}.embed", sites[f"{at}.scaled"][row])
    stream.add(f"{at}.pos", sites[f"{at}.pos"][row])
    for l in range(n_layers):
        if name == "decoder_only":
            addend(stream, f"blocks.{l}.attn", sites, weights, row)
            addend(stream, f"blocks.{l}.ffn", sites, weights, row)
        else:
            for i, sub in enumerate(("self_attn", "cross_attn", "ffn")):
                addend(stream, f"decoder.{l}.{sub}", sites, weights, row)
                stream.norm(f"decoder.{l}.norm{i + 1}", sites, weights, row)
    if name == "decoder_only":
        stream.norm("final_norm", sites, weights, row)
    way = weights["embed.weight"][pair[0]] - weights["embed.weight"][pair[1]]
    amounts = {key: p @ way for key, p in stream.parts.items()}
    total = sites["logits"][row, pair[0]] - sites["logits"][row, pair[1]]
    rest = abs(float(sum(amounts.values()) - total))
    assert rest < 1e-7, f"{name}: the parts do not add up, {rest} of {total} is left"
    tensors = {}
    for part in sorted({key.split("/")[0] for key in amounts}):
        inside = {key: a for key, a in amounts.items() if key.split("/")[0] == part}
        tensors[f"attribution/{name}/{part}"] = torch.stack(list(inside.values())).sum()[None]
        if len(inside) > 1:
            n_heads = 1 + max(int(key.split("/")[1]) for key in inside)
            tensors[f"attribution/{name}/{part}/heads"] = torch.stack(list(inside.values())).view(n_heads, -1)
    return tensors


# --- Saliency ---


def from_embedded(name: str, model: Model, n: int, tgt: list[int]):
    """The logits (batch, row, vocab) of embedded words (batch, position, channel), from the model's own layers."""
    d = model.sizes["d_model"]
    pos = positions(n, d)

    def run(embedded: Tensor) -> Tensor:
        x = embedded * math.sqrt(d) + pos
        if name == "decoder_only":
            for block in model.blocks:
                x = block(x, future_mask(n))
            return model.logits(model.final_norm(x))
        hidden = torch.zeros(len(x), 1, 1, n)
        for layer in model.encoder:
            x = layer(x, hidden)
        return model.logits(model.decode((x, hidden), torch.tensor([tgt] * len(x))))

    return run


def saliency(name: str, model: Model, ids: list[int], tgt: list[int], output: list[int], row: int, pair: list[int]) -> Tensors:
    from captum.attr import InputXGradient, IntegratedGradients  # the rest goes without

    read = [BOS, *ids] if name == "decoder_only" else ids
    run = from_embedded(name, model, len(read), tgt)
    first = len(read) - 1 if name == "decoder_only" else 0
    chosen = torch.tensor([output])

    def difference(embedded: Tensor) -> Tensor:
        logits = run(embedded)[:, row]
        return logits[:, pair[0]] - logits[:, pair[1]]

    def likelihood(embedded: Tensor) -> Tensor:
        logs = torch.log_softmax(run(embedded)[:, first:], 2)
        return logs.gather(2, chosen.expand(len(embedded), -1)[..., None])[..., 0].sum(1)

    embedded = model.lookup(torch.tensor([read])).detach().requires_grad_()
    tensors = {}
    for key, score in (("difference", difference), ("output", likelihood)):
        at = f"saliency/{name}/{key}"
        tensors[f"{at}/gradient"] = InputXGradient(score).attribute(embedded)[0].sum(1)
        tensors[f"{at}/integrated"] = IntegratedGradients(score).attribute(embedded, n_steps=50)[0].sum(1)
        ends = torch.stack([score(embedded)[0], score(torch.zeros_like(embedded))[0]])
        tensors[f"{at}/ends"] = ends
        tensors[f"{at}/left_out"] = left_out(name, model, ids, tgt, key, ends[0], row, pair, output)
    return tensors


@torch.no_grad()
def left_out(name: str, model: Model, ids: list[int], tgt: list[int], key: str, score: Tensor, row: int, pair: list[int], output: list[int]) -> Tensor:
    by = 1 if name == "decoder_only" else 0
    effects = []
    for i in range(len(ids)):
        logits = logits_of(model, ids[:i] + ids[i + 1 :], tgt)
        if key == "difference":
            without = logits[row - by, pair[0]] - logits[row - by, pair[1]]
        else:
            logs = torch.log_softmax(logits[len(logits) - len(output) :], 1)
            without = logs.gather(1, torch.tensor(output)[:, None]).sum()
        effects.append(score - without)
    return torch.stack(effects)


# --- Patching ---


class Patched(tracing.Tape):
    """A tape on which one value of one site is that of another pass."""

    site, index, given = "", (), None

    def put(self, site: str, value: Tensor) -> Tensor:
        if site == Patched.site:
            value = value.clone()
            value[Patched.index] = Patched.given[Patched.index]
        return super().put(site, value)


@torch.no_grad()
def patching(name: str, model: Model, sides: list[list[int]], tgt: list[int], row: int, pair: list[int]) -> Tensors:
    a, b = (trace(name, model, ids, tgt) for ids in sides)
    score = lambda sites: sites["logits"][row, pair[0]] - sites["logits"][row, pair[1]]
    low, high = score(b), score(a)
    plain, plain_check = tracing.Tape, tracing.check
    tracing.Tape, tracing.check = Patched, lambda *_: None  # a patched context is not that of PyTorch's own block
    tensors = {}
    for site, value in b.items():
        part, end = site.rsplit(".", 1) if "." in site else ("", site)
        is_head = end == "context"
        is_row = end == "out" and not part.startswith("final") and (name == "transformer" or "norm" not in part)
        is_row |= site in ("src.input", "tgt.input", "tokens.input") or end in ("resid_mid", "resid_post")
        if not (is_head or is_row):
            continue
        n = len(value) if is_head or not site.startswith(("tgt", "decoder")) else row + 1
        cells = []
        for i in range(n):
            Patched.site, Patched.index, Patched.given = site, (i,), a[site]
            cells.append((score(trace(name, model, sides[1], tgt)) - low) / (high - low))
        tensors[f"patching/{name}/{site}"] = torch.stack(cells)
    tracing.Tape, tracing.check = plain, plain_check
    return tensors


# --- Heads ---

PRONOUNS = ["it", "they", "he", "she", "il", "elle", "ils", "elles"]
BEFORE_NOUNS = "the a an this that my your his her its our their le la les l' un une des ce cette son sa ses".split()
AFTER_NOUNS = """
because but and or so who which when while if as than of in on at to for from by with is was are were has have had do
does did can could will would not never always isn't wasn't aren't weren't don't doesn't didn't can't couldn't won't
wouldn't parce car et ou mais qui que quand de du à au aux dans sur est sont était étaient ont ne n' pas se s'
""".split()
NO_OWNERS = "it he she that there here what who where how let".split()
CONTRACTED = re.compile("n?'(d|ll|m|re|s|t|ve)")


def words_of(entries: list[str]) -> list[tuple[range, str]]:
    """The tokens of each word and the word in lower case: letters that meet without a space, and what is contracted."""
    words: list[list[int]] = []
    for i, entry in enumerate(entries):
        meets = i > 0 and entries[i - 1][-1:].isalnum()
        if meets and (entry[:1].isalnum() or CONTRACTED.fullmatch(entry)):
            words[-1].append(i)
        else:
            words.append([i])
    return [(range(w[0], w[-1] + 1), "".join(entries[i] for i in w).strip().lower()) for w in words]


def nouns_before(words: list[tuple[range, str]], shares: list[float]) -> list[range]:
    """Of up to three words after an article, a possessive or an owner, that with the largest share, with all its tokens."""
    owns = lambda word: word.endswith("'s") and word[:-2] not in ["", *NO_OWNERS]
    nouns = []
    for i, (_, word) in enumerate(words):
        if not (word in BEFORE_NOUNS or owns(word)):
            continue
        phrase = []
        for tokens, word in words[i + 1 : i + 4]:
            if not word[:1].isalnum() or word in [*PRONOUNS, *BEFORE_NOUNS, *AFTER_NOUNS]:
                break
            phrase.append(tokens)
            if owns(word):
                break
        if phrase:
            nouns.append(max(phrase, key=lambda tokens: sum(shares[t] for t in tokens)))
    return nouns


def copying(embed: Tensor, w_v: Tensor, w_o: Tensor) -> Tensor:
    """Of the circuit as wide as the model, whose eigenvalues other than 0 are those of E W_V W_O U."""
    values = torch.linalg.eigvals(w_v @ w_o @ embed.T @ embed)
    return values.real.sum() / values.abs().sum()


@torch.no_grad()
def heads(name: str, model: Model, weights: Tensors, ids: list[int], tgt: list[int], entry) -> Tensors:
    """(head, score) by attention: previous, self, first, duplicate, induction, pronoun, copying; NaN where none applies."""
    sites = trace(name, model, ids, tgt)
    twice = trace(name, model, ids * 2, [*tgt[:1], *tgt[1:] * 2])
    tensors = {}
    for site, shares in sites.items():
        if not site.endswith("attn.weights"):
            continue
        at = site.removesuffix(".weights")
        rows = tgt if at.startswith("decoder") else [BOS, *ids] if name == "decoder_only" else ids
        n = len(ids) if not at.startswith("decoder") else len(tgt) - 1
        scores = torch.full((len(shares), 7), torch.nan)
        scores[:, 2] = shares[:, :, 0].mean(1)
        if "cross" not in at:
            scores[:, 0] = shares.diagonal(-1, 1, 2).mean(1)
            scores[:, 1] = shares.diagonal(0, 1, 2).mean(1)
            copy = range(twice[site].shape[1] - n, twice[site].shape[1])
            scores[:, 3] = torch.stack([twice[site][:, i, i - n] for i in copy]).mean(0)
            scores[:, 4] = torch.stack([twice[site][:, i, i - n + 1] for i in copy]).mean(0)
            words = words_of([entry(i) for i in rows])
            found = []
            for i, (tokens, word) in enumerate(words):
                row = tokens[-1]
                nouns = [nouns_before(words[:i], of_head[row].tolist()) for of_head in shares]
                if word in PRONOUNS and nouns[0]:
                    found.append([sum(float(h[row, t]) for noun in of for t in noun) for h, of in zip(shares, nouns)])
            if found:
                scores[:, 5] = torch.tensor(found).mean(0)
        w_v, w_o = weights[f"{at}.W_V"], weights[f"{at}.W_O"]
        d = w_v.shape[1] // len(shares)
        for h in range(len(shares)):
            own = slice(h * d, (h + 1) * d)
            scores[h, 6] = copying(weights["embed.weight"], w_v[:, own], w_o[own])
        tensors[f"heads/{name}/{at}"] = scores
    return tensors


# --- Words read twice ---

COPIED = {"llama3": "blocks.{}.attn", "bert": "encoder.{}.self_attn", "bart": "encoder.{}.self_attn"}
READ_TWICE = "of birds a could"


@torch.no_grad()
def of_copies(name: str) -> Tensors:
    """(head, score) of duplicate and induction: the words are read twice, what the tokenizer puts around them once."""
    import transformers

    folder = OUT / "checkpoints" / name
    kind = {"llama3": "AutoModelForCausalLM", "bert": "AutoModelForMaskedLM", "bart": "AutoModelForSeq2SeqLM"}[name]
    model = getattr(transformers, kind).from_pretrained(folder, attn_implementation="eager").double().eval()
    encoding = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(READ_TWICE)
    first, n = encoding.special_tokens_mask.index(0), encoding.special_tokens_mask.count(0)
    ids = encoding.ids[: first + n] + encoding.ids[first:]
    reads = model.get_encoder() if model.config.is_encoder_decoder else model
    tensors = {}
    for l, shares in enumerate(reads(torch.tensor([ids]), output_attentions=True).attentions):
        copy = range(first + n, first + 2 * n)
        scores = [torch.stack([shares[0, :, i, i - n + shift] for i in copy]).mean(0) for shift in (0, 1)]
        tensors[f"copies/{name}/{COPIED[name].format(l)}"] = torch.stack(scores, 1)
    return tensors


# --- Forms of attention, flow ---


def forms_of(maps: dict[str, tuple[Tensor, Tensor, Tensor]], stacks: list[list[str]]) -> Tensors:
    """Of weights (head, query, key), values (head, key, channel) and W_O (head, channel, out) by attention. A stack is
    the attentions of one kind, layer by layer; the words of its rows are those of its keys unless it is called cross."""
    tensors = {}
    for stack in stacks:
        shares = [maps[at][0] for at in stack]
        product = torch.eye(shares[0].shape[2])
        for at in stack:
            a, v, w_o = maps[at]
            given = torch.einsum("hkc,hco->hko", v, w_o)
            tensors[f"{at}/norms"] = a * given.norm(dim=2)[:, None, :]
            tensors[f"{at}/heads"] = a.mean(0)
            tensors[f"{at}/layers"] = torch.cat(shares).mean(0)
            if "cross" not in at:
                mixed = 0.5 * a.mean(0) + 0.5 * torch.eye(a.shape[2])
                product = (mixed / mixed.sum(1, keepdim=True)) @ product
                tensors[f"{at}/rollout"] = product
    return tensors


def shares_of(y: Tensor, residual: Tensor, heads: Tensor | None, others: list[Tensor]) -> dict[str, Tensor]:
    """The shares of a sum's parts. y, residual, others (row, channel); heads (head, row, key, channel)."""
    length = y.abs().sum(1)
    near = lambda part: (length - (y - part).abs().sum(-1)).clamp(min=0)
    parts = {"residual": near(residual)} | {f"other{i}": near(other) for i, other in enumerate(others)}
    total = sum(parts.values())
    if heads is not None:
        of_heads = (length[None, :, None] - (y[None, :, None] - heads).abs().sum(3)).clamp(min=0)
        total = total + of_heads.sum((0, 2))
        parts["heads"] = of_heads
    return {name: part / (total[None, :, None] if name == "heads" else total) for name, part in parts.items()}


def built_in_maps(sites: Tensors, weights: Tensors) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    found = [site.removesuffix(".weights") for site in sites if site.endswith("attn.weights")]
    split = lambda at: weights[f"{at}.W_O"].unflatten(0, (len(sites[f"{at}.v"]), -1))
    return {at: (sites[f"{at}.weights"], sites[f"{at}.v"], split(at)) for at in found}


def forms(name: str, sites: Tensors, weights: Tensors, n_layers: int) -> Tensors:
    kinds = ["blocks.{}.attn"] if name == "decoder_only" else ["encoder.{}.self_attn", "decoder.{}.self_attn", "decoder.{}.cross_attn"]
    stacks = [[kind.format(l) for l in range(n_layers)] for kind in kinds]
    return {f"forms/{name}/{k}": v for k, v in forms_of(built_in_maps(sites, weights), stacks).items()}


def flow(name: str, sites: Tensors, weights: Tensors, n_layers: int) -> Tensors:
    maps, tensors = built_in_maps(sites, weights), {}

    def heads(at: str) -> Tensor:
        a, v, w_o = maps[at]
        return a[..., None] * torch.einsum("hkc,hco->hko", v, w_o)[:, None]

    def put(path: str, before: Tensor, sub: str) -> Tensor:
        is_attention = sub in maps
        parts = shares_of(sites[path], before, heads(sub) if is_attention else None, [] if is_attention else [sites[f"{sub}.out"]])
        tensors.update({f"flow/{name}/{path}/{k}": v for k, v in parts.items()})
        return sites[path]

    x = sites["tokens.input" if name == "decoder_only" else "tgt.input"]
    for l in range(n_layers):
        if name == "decoder_only":
            x = put(f"blocks.{l}.resid_mid", x, f"blocks.{l}.attn")
            x = put(f"blocks.{l}.resid_post", x, f"blocks.{l}.ffn")
            continue
        for i, sub in enumerate(("self_attn", "cross_attn", "ffn")):
            put(f"decoder.{l}.residual{i + 1}", x, f"decoder.{l}.{sub}")
            x = sites[f"decoder.{l}.norm{i + 1}.out"]
    return tensors


CHECKPOINTS = {"gpt2": "The cat sat on the mat.", "llama3": "The cat sat on the mat."}


@torch.no_grad()
def of_checkpoint(name: str, text: str) -> tuple[Tensors, list[int]]:
    from transformers import AutoModelForCausalLM

    folder = OUT / "checkpoints" / name
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").double().eval()
    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids
    kept: Tensors = {}
    keep = lambda key: lambda _module, _inputs, out: kept.__setitem__(key, (out[0] if isinstance(out, tuple) else out)[0])
    before = lambda key: lambda _module, inputs: kept.__setitem__(key, inputs[0][0])
    layers = model.transformer.h if name == "gpt2" else model.model.layers
    for l, layer in enumerate(layers):
        attention = layer.attn if name == "gpt2" else layer.self_attn
        layer.register_forward_pre_hook(before(f"{l}.pre"))
        layer.register_forward_hook(keep(f"{l}.post"))
        attention.register_forward_hook(keep(f"{l}.attn"))
        layer.mlp.register_forward_hook(keep(f"{l}.ffn"))
        (attention.c_attn if name == "gpt2" else attention.v_proj).register_forward_hook(keep(f"{l}.v"))
    shares = model(torch.tensor([ids]), output_attentions=True).attentions
    maps, tensors = {}, {}
    for l, layer in enumerate(layers):
        n_heads = shares[l].shape[1]
        if name == "gpt2":
            v, w_o, bias = kept[f"{l}.v"].chunk(3, 1)[2], layer.attn.c_proj.weight, layer.attn.c_proj.bias
        else:
            v, w_o, bias = kept[f"{l}.v"], layer.self_attn.o_proj.weight.T, torch.zeros(w_o_out(layer))
        w_o = w_o.unflatten(0, (n_heads, -1))
        v = v.unflatten(1, (-1, w_o.shape[1])).transpose(0, 1)
        v = v.repeat_interleave(n_heads // len(v), 0)
        a = shares[l][0]
        maps[f"blocks.{l}.attn"] = (a, v, w_o)
        heads = a[..., None] * torch.einsum("hkc,hco->hko", v, w_o)[:, None]
        pre, mid, post = kept[f"{l}.pre"], kept[f"{l}.pre"] + kept[f"{l}.attn"], kept[f"{l}.post"]
        others = [bias.expand_as(mid)]
        for path, parts in (
            (f"blocks.{l}.resid_mid", shares_of(mid, pre, heads, others)),
            (f"blocks.{l}.resid_post", shares_of(post, mid, None, [kept[f"{l}.ffn"]])),
        ):
            tensors |= {f"flow/{name}/{path}/{k}": t for k, t in parts.items()}
    stacks = [list(maps)]
    return tensors | {f"forms/{name}/{k}": t for k, t in forms_of(maps, stacks).items()}, ids


def w_o_out(layer) -> int:
    return layer.self_attn.o_proj.weight.shape[0]


# --- Two passes ---


def is_of_target(site: str) -> bool:
    return site.startswith(("tgt", "decoder", "logits", "probs"))


def diff(name: str, sites: list[Tensors], n_same: int) -> Tensors:
    """By site and row, how far the second is from the first; target rows as far as both have written the same."""
    a, b = sites
    tensors = {}
    for site in a:
        x, y = (value.detach() if value.dim() == 3 else value.detach()[None] for value in (a[site], b[site]))
        if name == "transformer" and is_of_target(site):
            x, y = x[:, :n_same], y[:, :n_same]
            if site.endswith(("scores", "scaled", "masked", "weights")) and "self_attn" in site:
                x, y = x[..., :n_same], y[..., :n_same]
        is_there = torch.isfinite(x) & torch.isfinite(y)
        x, y = torch.where(is_there, x, 0), torch.where(is_there, y, 0)
        far, length = ((y - x) ** 2).sum((0, 2)), (x**2).sum((0, 2))
        if (length < 1e-6).any():
            continue  # next to nothing is divided by nothing: means of rows that a norm has centred
        tensors[f"diff/{name}/{site}"] = (far / length).sqrt()
        tensors[f"diff/{name}/whole/{site}"] = (far.sum() / length.sum()).sqrt()[None]
    return tensors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", default=[], help="make these kinds alone, and keep the rest: taught, heads, copies, forms, flow, diff")
    args = parser.parse_args()
    out = args.out
    makes = lambda kind: not args.only or kind in args.only
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    tokenizer = Tokenizer.from_file(str(ASSETS / "tokenizer.json"))
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    tensors: Tensors = {}
    cases: dict = {"sentence": STARS[0][0], "against": STARS[0][0].replace("tired", "wide"), "taught": TAUGHT, "read_on": READ_ON, "rates": RATES}
    star = [encode(STARS[0][0]), encode(STARS[0][0].replace("tired", "wide"))]
    taught = encode(TAUGHT)
    if args.only:
        kept = out / "evidence.safetensors"
        tensors = {k: v for k, v in load_file(kept).items() if k.split("/")[0] not in args.only}
        with safe_open(kept, "pt") as file:
            cases = json.loads(file.metadata()["cases"]) | cases
    for name in MODELS if makes("learning") else []:
        tensors |= learning(name, star[0], taught)
    for name in TAUGHT_CHECKPOINTS if makes("taught") else []:
        found, case = of_taught(name)
        tensors |= found
        cases[f"taught/{name}"] = case
    for name in ("transformer", "decoder_only"):
        model = load(name, ASSETS).double()
        keep_weights(model, True)
        weights = tracing.tensors_of(model)
        if name == "transformer":
            sides = star
            outputs = [[*decoder_input(model, ids)[1:], EOS] for ids in sides]
            row = next(i for i, (x, y) in enumerate(zip(*outputs)) if x != y)
            pair, output = [outputs[0][row], outputs[1][row]], outputs[0]
            tgt = [BOS, *outputs[0][:-1]]
        else:
            sides = [encode(text) for text in READ_ON]
            assert len(sides[0]) == len(sides[1])
            row, tgt = len(sides[0]), []
            logits = logits_of(model, sides[0], [])[row]
            pair, output = logits.topk(2).indices.tolist(), [int(logits.argmax())]
        sites = trace(name, model, sides[0], tgt)
        weights = {k: w.detach() for k, w in weights.items()}
        cases[name] = {"sides": sides, "row": row, "pair": pair, "output": output}
        detached = {k: v.detach() for k, v in sites.items()}
        n_layers = model.sizes["n_layers"]
        if makes("heads"):
            tensors |= heads(name, model, weights, sides[0], tgt, tokenizer.id_to_token)
        if makes("forms"):
            tensors |= forms(name, detached, weights, n_layers)
        if makes("flow"):
            tensors |= flow(name, detached, weights, n_layers)
        if makes("attribution"):
            tensors |= attribution(name, detached, weights, row, pair, n_layers)
        if makes("saliency"):
            tensors |= saliency(name, model, sides[0], tgt, output, row, pair)
        if makes("patching"):
            tensors |= patching(name, model, sides, tgt, row, pair)
        if makes("diff"):
            own = [BOS, *outputs[1][:-1]] if name == "transformer" else []
            second = {k: v.detach() for k, v in trace(name, model, sides[1], own).items()}
            n_same = next((i for i, (x, y) in enumerate(zip(tgt, own)) if x != y), len(own))
            tensors |= diff(name, [detached, second], n_same)
            read = {k: v.detach() for k, v in trace(name, model, sides[1], tgt).items()}
            both = [attribution(name, s, weights, row, pair, n_layers) for s in (detached, read)]
            parts = [k for k in both[0] if not k.endswith("/heads")]
            tensors |= {f"diff/{name}/part/{k.split('/')[2]}": torch.cat([of[k] for of in both]) for k in parts}
            probs = [torch.softmax(s["logits"][row], 0)[pair] for s in (detached, read)]
            tensors[f"diff/{name}/next"] = torch.stack(probs)
    for name in COPIED if makes("copies") else []:
        tensors |= of_copies(name)
    for name, text in CHECKPOINTS.items():
        if makes("forms") or makes("flow"):
            found, ids = of_checkpoint(name, text)
            tensors |= {k: v for k, v in found.items() if makes(k.split("/")[0])}
            cases[name] = {"ids": ids, "text": text}
    save_file({k: v.detach().float().contiguous() for k, v in tensors.items()}, out / "evidence.safetensors", {"cases": json.dumps(cases)})
    print(f"evidence.safetensors: {len(tensors)} tensors, {sum(v.numel() for v in tensors.values())} numbers")


if __name__ == "__main__":
    main()
