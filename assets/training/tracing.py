"""Every intermediate value of one pass over one sentence, by the site names of the program.

Eager float32 PyTorch on one sentence, written straight from the equations; where PyTorch has the same
block (F.layer_norm, F.scaled_dot_product_attention, F.gelu, torch.gru, torch.rnn_tanh) its result is
used or checked against. `trace(name, model, src, tgt)` returns {site: tensor}; a tensor is (row, col) or
(plane, row, col). Gradients flow; the embedded source is a leaf that collects them.
"""

import math
from collections import defaultdict

import torch
from torch import Tensor
from torch.nn import functional as F

from models import BOS, EOS, Model, greedy, positions, tensors

Sites = dict[str, Tensor]


class Tape:
    """Sites by name. Rows that come one at a time are gathered by `row` and joined at the end."""

    def __init__(self, weights: Sites):
        self.weights = weights
        self.sites: Sites = {}
        self.rows: dict[str, list[Tensor]] = defaultdict(list)

    def put(self, site: str, value: Tensor) -> Tensor:
        self.sites[site] = value
        return value

    def row(self, site: str, value: Tensor) -> Tensor:
        self.rows[site].append(value)
        return value

    def joined(self, site: str) -> Tensor:
        """The rows so far, one below the other."""
        return torch.stack(self.rows[site])

    def finished(self) -> Sites:
        return {**self.sites, **{site: torch.stack(rows) for site, rows in self.rows.items()}}


def leaf(value: Tensor) -> Tensor:
    """A copy that collects a gradient, if gradients are wanted at all."""
    return value.detach().clone().requires_grad_(torch.is_grad_enabled())


def check(name: str, got: Tensor, want: Tensor) -> None:
    """Rounding grows with the largest term, so the bound does too."""
    bound = 1e-5 * max(1.0, float(want.detach().abs().max()))
    assert torch.allclose(got, want, rtol=1e-4, atol=bound), f"{name}: differs from PyTorch's own block"


# --- Recurrent networks. States and inputs are vectors (unit). ---


def elman_step(tape: Tape, at: str, weights_in: str, x: Tensor, h: Tensor) -> Tensor:
    w = lambda name: tape.weights[f"{weights_in}.{name}"]
    from_word = tape.row(f"{at}.input", x @ w("W_x") + w("b"))
    from_past = tape.row(f"{at}.recurrent", h @ w("W_h"))
    return tape.row(f"{at}.hidden", torch.tanh(tape.row(f"{at}.sum", from_word + from_past)))


def gru_step(tape: Tape, at: str, weights_in: str, x: Tensor, h: Tensor) -> Tensor:
    w = lambda name: tape.weights[f"{weights_in}.{name}"]
    r_sum = tape.row(f"{at}.reset_sum", x @ w("W_xr") + h @ w("W_hr") + w("b_r"))
    r = tape.row(f"{at}.reset", torch.sigmoid(r_sum))
    z_sum = tape.row(f"{at}.update_sum", x @ w("W_xz") + h @ w("W_hz") + w("b_z"))
    z = tape.row(f"{at}.update", torch.sigmoid(z_sum))
    from_word = tape.row(f"{at}.input", x @ w("W_xn") + w("b_xn"))
    from_past = tape.row(f"{at}.recurrent", h @ w("W_hn") + w("b_hn"))
    gated = tape.row(f"{at}.gated", r * from_past)
    candidate = tape.row(f"{at}.candidate", torch.tanh(tape.row(f"{at}.sum", from_word + gated)))
    return tape.row(f"{at}.hidden", (1 - z) * candidate + z * h)


STEPS = {"elman": elman_step, "gru": gru_step}


def predict(tape: Tape, readout: Tensor) -> None:
    logits = tape.row("logits", readout @ tape.weights["embed.weight"].T)
    tape.row("probs", torch.softmax(logits, 0))


def write(tape: Tape, tgt: list[int] | None, longest: int, step) -> list[int]:
    """Feeds `tgt`, or what the model itself writes; returns the decoder's output."""
    token, output = BOS, []
    for t in range(longest if tgt is None else len(tgt)):
        token = token if tgt is None else tgt[t]
        predict(tape, step(tape.row("tgt.embed", tape.weights["embed.weight"][token])))
        token = int(tape.rows["logits"][-1].argmax())
        output.append(token)
        if tgt is None and token == EOS:
            break
    return output


def rnn(name: str, model: Model, src: list[int], tgt: list[int] | None) -> Sites:
    tape, prefix = Tape(tensors_of(model)), {"elman": "rnn", "gru": "gru"}[name]
    step, w = STEPS[name], tape.weights
    embedded = tape.put("src.embed", leaf(w["embed.weight"][src]))
    h = torch.zeros(model.sizes["d_hidden"])
    for x in embedded:
        h = step(tape, f"{prefix}.encoder", "encoder", x, h)
    check(name, tape.joined(f"{prefix}.encoder.hidden"), model.encoder(embedded[None], torch.zeros(1, len(h)))[0])
    read_back(tape, h, len(src))

    def decode(x: Tensor) -> Tensor:
        nonlocal h
        h = step(tape, f"{prefix}.decoder", "decoder", x, h)
        return tape.row(f"{prefix}.readout", h @ w["readout.W"] + w["readout.b"])

    write(tape, tgt, longest(src), decode)
    return tape.finished()


def read_back(tape: Tape, h: Tensor, n: int) -> None:
    """Row t is the probe for the word n - 1 - t before the last; a longer sentence's first words have none."""
    if "readback.U" not in tape.weights:
        return
    reach = len(tape.weights["readback.b"])
    distance = torch.arange(min(n, reach) - 1, -1, -1)
    W = (tape.weights["readback.U"] @ tape.weights["readback.V"])[distance]
    b = tape.weights["readback.b"][distance]
    all_rows = lambda x: F.pad(x, (0, 0, n - len(x), 0), value=math.nan)
    proj = torch.einsum("u,kuc->kc", h, W) + b
    logits = proj @ tape.weights["embed.weight"].T
    tape.put("readback.proj", all_rows(proj))
    tape.put("readback.logits", all_rows(logits))
    tape.put("readback.probs", all_rows(torch.softmax(logits, 1)))


def rnn_attention(name: str, model: Model, src: list[int], tgt: list[int] | None) -> Sites:
    tape = Tape(tensors_of(model))
    w, half = tape.weights, model.sizes["d_hidden"] // 2
    embedded = tape.put("src.embed", leaf(w["embed.weight"][src]))
    read_one_way(tape, "encoder.forward", embedded, half)
    read_one_way(tape, "encoder.backward", embedded.flip(0), half)
    for site in [s for s in tape.rows if s.startswith("encoder.backward")]:
        tape.rows[site].reverse()  # rows are source positions
    both = [tape.joined(f"encoder.{way}.hidden") for way in ("forward", "backward")]
    annotations = tape.put("encoder.annotations", torch.cat(both, 1))
    check(name, annotations, model.encode(torch.tensor([src]), torch.tensor([len(src)]))[0][0])
    keys = tape.put("attn.keys", annotations @ w["attn.U_a"])
    init_sum = tape.put("decoder.init_sum", (both[1][0] @ w["init.W"] + w["init.b"])[None])
    s = tape.put("decoder.init", torch.tanh(init_sum))[0]

    def decode(y: Tensor) -> Tensor:
        nonlocal s
        context = look(tape, s, keys, annotations)
        s = gru_step(tape, "decoder", "decoder", tape.row("decoder.input_cat", torch.cat([y, context])), s)
        seen = tape.row("decoder.readout_cat", torch.cat([s, context]))
        return tape.row("decoder.readout", torch.tanh(tape.row("decoder.readout_sum", seen @ w["readout.W"] + w["readout.b"])))

    write(tape, tgt, longest(src), decode)
    return tape.finished()


def read_one_way(tape: Tape, at: str, words: Tensor, d: int) -> None:
    h = torch.zeros(d)
    for x in words:
        h = gru_step(tape, at, at, x, h)


def look(tape: Tape, s: Tensor, keys: Tensor, annotations: Tensor) -> Tensor:
    """Additive attention of one decoder step. -> context (unit)"""
    query = tape.row("attn.query", s @ tape.weights["attn.W_a"])
    bent = tape.row("attn.tanh", torch.tanh(tape.row("attn.sum", query + keys)))
    energies = tape.row("attn.energies", bent @ tape.weights["attn.v"][0])
    shares = tape.row("attn.weights", torch.softmax(energies, 0))
    return tape.row("attn.context", shares @ annotations)


# --- Transformers. x is (position, channel). ---


def norm(tape: Tape, at: str, x: Tensor) -> Tensor:
    mean = tape.put(f"{at}.mean", x.mean(1, keepdim=True))
    var = tape.put(f"{at}.var", x.var(1, unbiased=False, keepdim=True))
    normalized = tape.put(f"{at}.normalized", (x - mean) / torch.sqrt(var + 1e-5))
    gain, bias = tape.weights[f"{at}.gain"], tape.weights[f"{at}.bias"]
    out = F.layer_norm(x, x.shape[1:], gain, bias, eps=1e-5)
    check(at, normalized * gain + bias, out)
    return tape.put(f"{at}.out", out)


def attend(tape: Tape, at: str, x: Tensor, memory: Tensor, n_heads: int, causal: bool = False) -> Tensor:
    split = lambda x: x.unflatten(1, (n_heads, -1)).transpose(0, 1)  # (head, position, d_k)
    w = lambda name: tape.weights[f"{at}.{name}"]
    q = tape.put(f"{at}.q", split(x @ w("W_Q")))
    k = tape.put(f"{at}.k", split(memory @ w("W_K")))
    v = tape.put(f"{at}.v", split(memory @ w("W_V")))
    scores = tape.put(f"{at}.scores", q @ k.transpose(1, 2))
    scaled = tape.put(f"{at}.scaled", scores / math.sqrt(q.shape[2]))
    if causal:
        future = torch.full(scaled.shape[1:], -math.inf).triu(1)
        scaled = tape.put(f"{at}.masked", scaled + future)
    shares = tape.put(f"{at}.weights", torch.softmax(scaled, 2))
    context = tape.put(f"{at}.context", shares @ v)
    check(at, context, F.scaled_dot_product_attention(q, k, v, is_causal=causal))
    concat = tape.put(f"{at}.concat", context.transpose(0, 1).flatten(1))
    return tape.put(f"{at}.out", concat @ w("W_O"))


def feed_forward(tape: Tape, at: str, x: Tensor, activation) -> Tensor:
    w = lambda name: tape.weights[f"{at}.{name}"]
    hidden = tape.put(f"{at}.hidden", activation(tape.put(f"{at}.sum", x @ w("W_1") + w("b_1"))))
    return tape.put(f"{at}.out", hidden @ w("W_2") + w("b_2"))


def embed(tape: Tape, at: str, ids: list[int], collects: bool) -> Tensor:
    rows = tape.weights["embed.weight"][ids]
    embedded = tape.put(f"{at}.embed", leaf(rows) if collects else rows)
    scaled = tape.put(f"{at}.scaled", embedded * math.sqrt(embedded.shape[1]))
    return tape.put(f"{at}.input", scaled + tape.put(f"{at}.pos", positions(len(ids), embedded.shape[1])))


def output(tape: Tape, x: Tensor) -> Sites:
    logits = tape.put("logits", x @ tape.weights["embed.weight"].T)
    tape.put("probs", torch.softmax(logits, 1))
    return tape.finished()


def transformer(name: str, model: Model, src: list[int], tgt: list[int] | None) -> Sites:
    tgt = decoder_input(model, src) if tgt is None else tgt
    tape, n_heads = Tape(tensors_of(model)), model.sizes["n_heads"]
    x = embed(tape, "src", src, collects=True)
    for l in range(model.sizes["n_layers"]):
        at = f"encoder.{l}"
        x = norm(tape, f"{at}.norm1", tape.put(f"{at}.residual1", x + attend(tape, f"{at}.self_attn", x, x, n_heads)))
        x = norm(tape, f"{at}.norm2", tape.put(f"{at}.residual2", x + feed_forward(tape, f"{at}.ffn", x, F.relu)))
    y = embed(tape, "tgt", tgt, collects=False)
    for l in range(model.sizes["n_layers"]):
        at = f"decoder.{l}"
        y = norm(tape, f"{at}.norm1", tape.put(f"{at}.residual1", y + attend(tape, f"{at}.self_attn", y, y, n_heads, True)))
        y = norm(tape, f"{at}.norm2", tape.put(f"{at}.residual2", y + attend(tape, f"{at}.cross_attn", y, x, n_heads)))
        y = norm(tape, f"{at}.norm3", tape.put(f"{at}.residual3", y + feed_forward(tape, f"{at}.ffn", y, F.relu)))
    return output(tape, y)


def decoder_only(name: str, model: Model, src: list[int], tgt: list[int] | None) -> Sites:
    """Reads <bos> and the sentence. `tgt` has no meaning here."""
    tape, n_heads = Tape(tensors_of(model)), model.sizes["n_heads"]
    x = embed(tape, "tokens", [BOS, *src], collects=True)
    gelu = lambda x: F.gelu(x, approximate="tanh")
    for l in range(model.sizes["n_layers"]):
        at = f"blocks.{l}"
        tape.put(f"{at}.resid_pre", x)
        normed = norm(tape, f"{at}.norm1", x)
        x = tape.put(f"{at}.resid_mid", x + attend(tape, f"{at}.attn", normed, normed, n_heads, True))
        fed = feed_forward(tape, f"{at}.ffn", norm(tape, f"{at}.norm2", x), gelu)
        x = tape.put(f"{at}.resid_post", x + fed)
    return output(tape, norm(tape, "final_norm", x))


# --- By name ---

TRACERS = {
    "elman": rnn,
    "gru": rnn,
    "rnn_attention": rnn_attention,
    "transformer": transformer,
    "transformer_unguided": transformer,
    "decoder_only": decoder_only,
}


def longest(src: list[int]) -> int:
    return max(20, 2 * len(src) + 8)


def tensors_of(model: Model) -> Sites:
    """The model's weights under the file's names, and its probes' (attached as `probes`)."""
    named = dict(zip(tensors(model), model.parameters(), strict=True))
    return {**named, **getattr(model, "probes", {})}


def decoder_input(model: Model, src: list[int]) -> list[int]:
    """<bos> and the greedy output without its last token."""
    return [BOS, *greedy(model, torch.tensor([src]), torch.tensor([len(src)]))[0][:-1]]


def trace(name: str, model: Model, src: list[int], tgt: list[int] | None = None) -> Sites:
    """Every site of the model on the sentence; `tgt` is the decoder's input, its own output if None."""
    return TRACERS[name](name, model, src, tgt)
