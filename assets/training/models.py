"""The six models, as equations on batches.

Every parameter has the name and the (in, out) shape it has in `assets/models/*.safetensors`: y = x W + b.
A sequence-to-sequence model offers `encode(src, n)` (n: real lengths) and `decode(memory, tgt)`; both
work on padded batches, and padding never changes a real position. `decode` returns vectors of width
d_model; `logits` compares them with the embedding table, which source, target and output share.

Recurrent layers run on PyTorch's own kernels (`torch.gru`, `torch.rnn_tanh`), fed with these weights. Attention is
fused unless `keep_weights(model)` asks for its weights. Dropout is zero unless `dropout` is given to `build`, and never
part of a file. Absent: beam search, caches.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PAD, BOS, EOS, UNK = range(4)
D_MODEL = 128
N_PROBES = 24


def weight(d_in: int, d_out: int) -> nn.Parameter:
    """A matrix with Glorot's initial spread."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(d_in, d_out)))


def recurrent_weight(d: int) -> nn.Parameter:
    """An orthogonal matrix: it neither shrinks nor swells the state, so gradients reach far back."""
    return nn.Parameter(nn.init.orthogonal_(torch.empty(d, d)))


def bias(d: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(d))


class Embedding(nn.Module):
    """The one table of a model. Spread 1/sqrt(d), so that rows have length 1 and logits start small."""

    def __init__(self, vocab_size: int, d_model: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocab_size, d_model) / math.sqrt(d_model))


class Linear(nn.Module):
    def __init__(self, d_in: int, d_out: int):
        super().__init__()
        self.W, self.b = weight(d_in, d_out), bias(d_out)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.W + self.b


class Dropout(nn.Module):
    """Dropout with masks cut at random places from one long one: drawing a mask each time is slow on a CPU."""

    MASKS: dict[tuple, Tensor] = {}

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        n, kind = x.numel(), (x.device, x.dtype, self.p)
        if kind not in self.MASKS or len(self.MASKS[kind]) < 2 * n:
            keep = torch.rand(max(4 * n, 1 << 22), device=x.device) >= self.p
            self.MASKS[kind] = keep.to(x.dtype) / (1 - self.p)
        mask = self.MASKS[kind]
        start = int(torch.randint(len(mask) - n, ()))
        return x * mask[start : start + n].view(x.shape)


class Model(nn.Module):
    """An embedding table, sizes for the file's metadata, and the shared output layer."""

    def __init__(self, vocab_size: int, d_model: int, **sizes: int):
        super().__init__()
        self.sizes = {"vocab_size": vocab_size, "d_model": d_model, **sizes}
        self.embed = Embedding(vocab_size, d_model)
        self.drop = nn.Identity()

    def lookup(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.embed.weight)

    def logits(self, x: Tensor) -> Tensor:
        return x @ self.embed.weight.T


# --- Recurrent networks ---


class ElmanCell(nn.Module):
    """h_t = tanh(x_t W_x + b + h_{t-1} W_h) (Elman 1990)."""

    def __init__(self, d_in: int, d: int):
        super().__init__()
        self.W_x, self.W_h, self.b = weight(d_in, d), recurrent_weight(d), bias(d)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """x (batch, time, in), h (batch, unit) -> hidden states (batch, time, unit)"""
        params = [self.W_x.T, self.W_h.T, self.b, torch.zeros_like(self.b)]
        return torch.rnn_tanh(x, h[None], params, True, 1, 0.0, self.training, False, True)[0]


class GruCell(nn.Module):
    """Gated recurrent unit in PyTorch's form (Cho et al. 2014)."""

    def __init__(self, d_in: int, d: int):
        super().__init__()
        for gate in "rzn":
            self.register_parameter(f"W_x{gate}", weight(d_in, d))
            self.register_parameter(f"W_h{gate}", recurrent_weight(d))
        self.b_r, self.b_z, self.b_xn, self.b_hn = (bias(d) for _ in range(4))

    def joined(self) -> list[Tensor]:
        """The gates side by side: W_x (in, 3d), W_h (d, 3d), b_x (3d), b_h (3d)."""
        none = torch.zeros_like(self.b_r)
        return [
            torch.cat([self.W_xr, self.W_xz, self.W_xn], 1),
            torch.cat([self.W_hr, self.W_hz, self.W_hn], 1),
            torch.cat([self.b_r, self.b_z, self.b_xn]),
            torch.cat([none, none, self.b_hn]),
        ]

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """x (batch, time, in), h (batch, unit) -> hidden states (batch, time, unit)"""
        w_x, w_h, b_x, b_h = self.joined()
        params = [w_x.T, w_h.T, b_x, b_h]
        return torch.gru(x, h[None], params, True, 1, 0.0, self.training, False, True)[0]


class Rnn(Model):
    """Encoder-decoder through one fixed vector (Sutskever et al. 2014)."""

    def __init__(self, cell: type[nn.Module], vocab_size: int, d_model: int = D_MODEL, d_hidden: int = 256):
        super().__init__(vocab_size, d_model, d_hidden=d_hidden)
        self.encoder, self.decoder = cell(d_model, d_hidden), cell(d_model, d_hidden)
        self.readout = Linear(d_hidden, d_model)

    def encode(self, src: Tensor, n: Tensor) -> Tensor:
        """-> the hidden state after each sentence's last word (batch, unit)"""
        start = torch.zeros(len(src), self.sizes["d_hidden"], device=src.device)
        hidden = self.encoder(self.drop(self.lookup(src)), start)
        return hidden[torch.arange(len(src), device=src.device), n - 1]

    def decode(self, memory: Tensor, tgt: Tensor) -> Tensor:
        return self.readout(self.drop(self.decoder(self.drop(self.lookup(tgt)), memory)))


class Additive(nn.Module):
    """The alignment model's weights: energy = v . tanh(s W_a + h U_a)."""

    def __init__(self, d_state: int, d_attn: int):
        super().__init__()
        self.W_a, self.U_a = weight(d_state, d_attn), weight(d_state, d_attn)
        self.v = weight(1, d_attn)


class RnnAttention(Model):
    """Bidirectional GRU encoder, additive attention, GRU decoder (Bahdanau et al. 2015)."""

    def __init__(self, vocab_size: int, d_model: int = D_MODEL, d_hidden: int = 256, d_attn: int = 128):
        super().__init__(vocab_size, d_model, d_hidden=d_hidden, d_attn=d_attn)
        half = d_hidden // 2
        self.encoder = nn.ModuleDict({d: GruCell(d_model, half) for d in ("forward_", "backward_")})
        self.init = Linear(half, d_hidden)
        self.attn = Additive(d_hidden, d_attn)
        self.decoder = GruCell(d_model + d_hidden, d_hidden)
        self.readout = Linear(2 * d_hidden, d_model)

    def encode(self, src: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
        """-> annotations (batch, source, unit) and -inf where there is no word (batch, source)"""
        x = self.drop(self.lookup(src))
        start = x.new_zeros(len(src), self.sizes["d_hidden"] // 2)
        column = torch.arange(src.shape[1], device=src.device)
        # Reverses each sentence within its own length; padding stays behind it.
        mirror = torch.where(column < n[:, None], n[:, None] - 1 - column, column)[..., None]
        ahead = self.encoder["forward_"](x, start)
        back = self.encoder["backward_"](x.gather(1, mirror.expand_as(x)), start)
        back = back.gather(1, mirror.expand_as(back))
        nothing = torch.zeros(src.shape, device=src.device).masked_fill(column >= n[:, None], -math.inf)
        return torch.cat([ahead, back], 2), nothing

    def decode(self, memory: tuple[Tensor, Tensor], tgt: Tensor) -> Tensor:
        annotations, nothing = memory
        half = self.sizes["d_hidden"] // 2
        s = torch.tanh(self.init(annotations[:, 0, half:]))
        keys = annotations @ self.attn.U_a
        w_x, w_h, b_x, b_h = self.decoder.joined()
        d_model = self.sizes["d_model"]
        from_words = self.drop(self.lookup(tgt)) @ w_x[:d_model] + b_x  # (batch, target, 3 unit)
        w_c = w_x[d_model:]
        seen = []
        for word in from_words.unbind(1):
            energies = torch.tanh((s @ self.attn.W_a)[:, None] + keys) @ self.attn.v[0]
            weights = torch.softmax(energies + nothing, 1)
            context = torch.bmm(weights[:, None], annotations)[:, 0]
            s = gru_step(torch.addmm(word, context, w_c), torch.addmm(b_h, s, w_h), s)
            seen.append(torch.cat([s, context], 1))
        return torch.tanh(self.readout(self.drop(torch.stack(seen, 1))))


def gru_step(from_input: Tensor, from_state: Tensor, s: Tensor) -> Tensor:
    """One GRU step from its gates' sums (batch, 3 unit)."""
    d = s.shape[1]
    gates = torch.sigmoid(from_input[:, : 2 * d] + from_state[:, : 2 * d])
    r, z = gates[:, :d], gates[:, d:]
    candidate = torch.tanh(torch.addcmul(from_input[:, 2 * d :], r, from_state[:, 2 * d :]))
    return torch.lerp(candidate, s, z)


# --- Transformers ---


@lru_cache(maxsize=256)
def positions(n: int, d: int) -> Tensor:
    """Sines and cosines of the position (n, d) (Vaswani et al. 2017, section 3.5)."""
    pos = torch.arange(n, dtype=torch.float64)[:, None]
    angle = pos / 10000.0 ** (torch.arange(0, d, 2, dtype=torch.float64) / d)
    return torch.stack([angle.sin(), angle.cos()], 2).reshape(n, d).float()


class LayerNorm(nn.Module):
    def __init__(self, d: int):
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.ones(d)), bias(d)

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.gain, self.bias, eps=1e-5)


class Attention(nn.Module):
    """Multi-head scaled dot-product attention without biases. With `keep` its last weights are in `weights`."""

    def __init__(self, d: int, n_heads: int):
        super().__init__()
        self.n_heads, self.keep = n_heads, True
        self.W_Q, self.W_K, self.W_V, self.W_O = (weight(d, d) for _ in range(4))

    def projected(self, x: Tensor, memory: Tensor) -> tuple[Tensor, ...]:
        """Queries of x, keys and values of memory, in as few products as possible."""
        if memory is x:
            return (x @ torch.cat([self.W_Q, self.W_K, self.W_V], 1)).chunk(3, 2)
        return x @ self.W_Q, *(memory @ torch.cat([self.W_K, self.W_V], 1)).chunk(2, 2)

    def split(self, x: Tensor) -> Tensor:
        """(batch, position, d) -> (batch, head, position, d_k)"""
        return x.unflatten(2, (self.n_heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, memory: Tensor, hidden: Tensor) -> Tensor:
        """`hidden`: -inf where a query must not look, broadcast over (batch, head, query, key)"""
        q, k, v = (self.split(t) for t in self.projected(x, memory))
        if not self.keep:
            out = F.scaled_dot_product_attention(q, k, v, hidden.to(q.dtype))
            return out.transpose(1, 2).flatten(2) @ self.W_O
        scaled = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
        self.weights = torch.softmax(scaled + hidden, 3)
        return (self.weights @ v).transpose(1, 2).flatten(2) @ self.W_O


class FeedForward(nn.Module):
    def __init__(self, d: int, d_ff: int, gelu: bool = False):
        super().__init__()
        self.W_1, self.b_1 = weight(d, d_ff), bias(d_ff)
        self.W_2, self.b_2 = weight(d_ff, d), bias(d)
        self.gelu = gelu

    def forward(self, x: Tensor) -> Tensor:
        x = x @ self.W_1 + self.b_1
        x = F.gelu(x, approximate="tanh") if self.gelu else F.relu(x)
        return x @ self.W_2 + self.b_2


class EncoderLayer(nn.Module):
    def __init__(self, d: int, d_ff: int, n_heads: int):
        super().__init__()
        self.self_attn, self.norm1 = Attention(d, n_heads), LayerNorm(d)
        self.drop = nn.Identity()
        self.ffn, self.norm2 = FeedForward(d, d_ff), LayerNorm(d)

    def forward(self, x: Tensor, hidden: Tensor) -> Tensor:
        x = self.norm1(x + self.drop(self.self_attn(x, x, hidden)))
        return self.norm2(x + self.drop(self.ffn(x)))


class DecoderLayer(nn.Module):
    def __init__(self, d: int, d_ff: int, n_heads: int):
        super().__init__()
        self.self_attn, self.norm1 = Attention(d, n_heads), LayerNorm(d)
        self.drop = nn.Identity()
        self.cross_attn, self.norm2 = Attention(d, n_heads), LayerNorm(d)
        self.ffn, self.norm3 = FeedForward(d, d_ff), LayerNorm(d)

    def forward(self, y: Tensor, memory: Tensor, future: Tensor, hidden: Tensor) -> Tensor:
        y = self.norm1(y + self.drop(self.self_attn(y, y, future)))
        y = self.norm2(y + self.drop(self.cross_attn(y, memory, hidden)))
        return self.norm3(y + self.drop(self.ffn(y)))


def future_mask(n: int) -> Tensor:
    """-inf above the diagonal (n, n): a query sees no later key."""
    return torch.full((n, n), -math.inf).triu(1)


class Transformer(Model):
    """Encoder-decoder, post-norm, sinusoidal positions, ReLU (Vaswani et al. 2017)."""

    def __init__(self, vocab_size: int, d_model: int = D_MODEL, n_layers: int = 2, n_heads: int = 4, d_ff: int = 512):
        super().__init__(vocab_size, d_model, n_layers=n_layers, n_heads=n_heads, d_ff=d_ff)
        sizes = (d_model, d_ff, n_heads)
        self.encoder = nn.ModuleList(EncoderLayer(*sizes) for _ in range(n_layers))
        self.decoder = nn.ModuleList(DecoderLayer(*sizes) for _ in range(n_layers))

    def input(self, ids: Tensor) -> Tensor:
        d = self.sizes["d_model"]
        return self.drop(self.lookup(ids) * math.sqrt(d) + positions(ids.shape[1], d).to(ids.device))

    def encode(self, src: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
        padding = torch.arange(src.shape[1], device=src.device) >= n[:, None]
        hidden = torch.zeros(src.shape, device=src.device).masked_fill(padding, -math.inf)[:, None, None]
        x = self.input(src)
        for layer in self.encoder:
            x = layer(x, hidden)
        return x, hidden

    def decode(self, memory: tuple[Tensor, Tensor], tgt: Tensor) -> Tensor:
        y, future = self.input(tgt), future_mask(tgt.shape[1]).to(tgt.device)
        for layer in self.decoder:
            y = layer(y, memory[0], future, memory[1])
        return y

    def attentions(self) -> list[tuple[str, Attention]]:
        """Every attention of the model with its name."""
        return [(name, m) for name, m in self.named_modules() if isinstance(m, Attention)]


class Block(nn.Module):
    def __init__(self, d: int, d_ff: int, n_heads: int):
        super().__init__()
        self.norm1, self.attn = LayerNorm(d), Attention(d, n_heads)
        self.drop = nn.Identity()
        self.norm2, self.ffn = LayerNorm(d), FeedForward(d, d_ff, gelu=True)

    def forward(self, x: Tensor, future: Tensor) -> Tensor:
        normed = self.norm1(x)
        x = x + self.drop(self.attn(normed, normed, future))
        return x + self.drop(self.ffn(self.norm2(x)))


class DecoderOnly(Model):
    """Causal language model in GPT-2's arrangement (Radford et al. 2019), sinusoidal positions."""

    def __init__(self, vocab_size: int, d_model: int = D_MODEL, n_layers: int = 2, n_heads: int = 4, d_ff: int = 512):
        super().__init__(vocab_size, d_model, n_layers=n_layers, n_heads=n_heads, d_ff=d_ff)
        self.blocks = nn.ModuleList(Block(d_model, d_ff, n_heads) for _ in range(n_layers))
        self.final_norm = LayerNorm(d_model)

    def read(self, ids: Tensor) -> Tensor:
        d = self.sizes["d_model"]
        x = self.drop(self.lookup(ids) * math.sqrt(d) + positions(ids.shape[1], d).to(ids.device))
        future = future_mask(ids.shape[1]).to(ids.device)
        for block in self.blocks:
            x = block(x, future)
        return self.final_norm(x)


# --- By name ---

TRANSLATORS = ["elman", "gru", "rnn_attention", "transformer", "transformer_unguided"]
NAMES = [*TRANSLATORS, "decoder_only"]


def build(name: str, vocab_size: int, dropout: float = 0.0, **sizes: int) -> Model:
    """A new model with random weights. `sizes` are the metadata's, e.g. d_ff; `dropout` is for training."""
    model = new(name, vocab_size, **sizes)
    for module in model.modules():
        if dropout and hasattr(module, "drop"):
            module.drop = Dropout(dropout)
    return model


def keep_weights(model: Model, keep: bool) -> None:
    """Whether attentions compute step by step and keep their weights, or run fused."""
    for module in model.modules():
        if isinstance(module, Attention):
            module.keep = keep


def new(name: str, vocab_size: int, **sizes: int) -> Model:
    match name:
        case "elman":
            return Rnn(ElmanCell, vocab_size, **sizes)
        case "gru":
            return Rnn(GruCell, vocab_size, **sizes)
        case "rnn_attention":
            return RnnAttention(vocab_size, **sizes)
        case "transformer" | "transformer_unguided":
            return Transformer(vocab_size, **sizes)
        case "decoder_only":
            return DecoderOnly(vocab_size, **sizes)
    raise ValueError(f"no model `{name}`; there are {', '.join(NAMES)}")


def tensors(model: Model) -> dict[str, Tensor]:
    """Weights under the names of the file. `forward` is taken in a Module, hence the underscore."""
    return {k.replace("ward_.", "ward."): v.detach() for k, v in model.state_dict().items()}


def load_tensors(model: Model, weights: dict[str, Tensor]) -> None:
    """The inverse of `tensors`; tensors that are not the model's (the probes') are left out."""
    names = {k.replace("ward_.", "ward."): k for k in model.state_dict()}
    model.load_state_dict({names[k]: w.float() for k, w in weights.items() if k in names})


@torch.no_grad()
def greedy(model: Model, src: Tensor, n: Tensor) -> list[list[int]]:
    """The likeliest token, one by one, until <eos> or max(20, 2 n + 8) tokens. <eos> is included."""
    memory, longest = model.encode(src, n), torch.clamp(2 * n + 8, min=20)
    tgt = torch.full((len(src), 1), BOS, device=src.device)
    open_ = torch.ones(len(src), dtype=torch.bool, device=src.device)
    while open_.any():
        token = model.logits(model.decode(memory, tgt)[:, -1]).argmax(1)
        tgt = torch.cat([tgt, token[:, None]], 1)
        open_ &= (token != EOS) & (tgt.shape[1] - 1 < longest)
    return [cut(row, limit) for row, limit in zip(tgt[:, 1:].tolist(), longest.tolist())]


def cut(row: list[int], limit: int) -> list[int]:
    """A row of a finished batch up to and including its <eos>, or its limit."""
    end = row.index(EOS) + 1 if EOS in row else len(row)
    return row[: min(end, limit)]
