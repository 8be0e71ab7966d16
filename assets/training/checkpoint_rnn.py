"""Recurrent language models as people train them with PyTorch, and every value inside.

A state dict in safetensors with `embedding.weight`, PyTorch's own names behind `rnn.`, `decoder.weight` (absent
where tied) and `decoder.bias`, and a config.json: `{"model_type": "rnn" | "gru" | "lstm", "vocab_size",
"d_embed", "d_hidden", "n_layers", "tied", "nonlinearity"}` (the last for `rnn` alone: tanh or relu).
"""

from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from checkpoint_sites import Sites, near, predictions

KINDS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class RecurrentLM(nn.Module):
    base_model_prefix = ""

    def __init__(self, config: dict):
        super().__init__()
        self.config = SimpleNamespace(is_encoder_decoder=False, **config)
        more = {"nonlinearity": config["nonlinearity"]} if config["model_type"] == "rnn" else {}
        self.embedding = nn.Embedding(config["vocab_size"], config["d_embed"])
        self.rnn = KINDS[config["model_type"]](
            config["d_embed"], config["d_hidden"], config["n_layers"], batch_first=True, **more
        )
        self.decoder = nn.Linear(config["d_hidden"], config["vocab_size"])
        self.all_tied_weights_keys = {"decoder.weight": "embedding.weight"} if config["tied"] else {}
        if config["tied"]:
            self.decoder.weight = self.embedding.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.decoder(self.rnn(self.embedding(ids))[0])


def opened(folder: Path, config: dict) -> RecurrentLM:
    model = RecurrentLM(config)
    stored = {key: w.float() for key, w in load_file(folder / "model.safetensors").items()}
    missing, unexpected = model.load_state_dict(stored, strict=False)
    assert not unexpected and set(missing) <= set(model.all_tied_weights_keys), (missing, unexpected)
    return model.eval()


def row(at: str, kind: str, x: Tensor, state: list[Tensor], weights: list[Tensor], bend) -> tuple[Sites, list[Tensor]]:
    """One step of one layer, as PyTorch's documentation writes it."""
    w_x, w_h, b_x, b_h = weights
    from_x, from_h = x @ w_x.T + b_x, state[0] @ w_h.T + b_h
    if kind == "rnn":
        made = {"input": from_x, "recurrent": from_h, "sum": from_x + from_h, "hidden": bend(from_x + from_h)}
        state = [made["hidden"]]
    elif kind == "gru":
        (xr, xz, xn), (hr, hz, hn) = from_x.chunk(3), from_h.chunk(3)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        n = torch.tanh(xn + r * hn)
        state = [(1 - z) * n + z * state[0]]
        made = {"reset_sum": xr + hr, "reset": r, "update_sum": xz + hz, "update": z, "input": xn, "recurrent": hn,
                "gated": r * hn, "sum": xn + r * hn, "candidate": n, "hidden": state[0]}  # fmt: skip
    else:
        sums = dict(zip(("input_gate", "forget_gate", "cell_gate", "output_gate"), (from_x + from_h).chunk(4)))
        made = {f"{name}_sum": value for name, value in sums.items()}
        gates = {name: (torch.tanh if name == "cell_gate" else torch.sigmoid)(v) for name, v in sums.items()}
        kept, written = gates["forget_gate"] * state[1], gates["input_gate"] * gates["cell_gate"]
        state = [gates["output_gate"] * torch.tanh(kept + written), kept + written]
        made |= gates
        made |= {"kept": kept, "written": written, "cell": state[1], "cell_tanh": state[1].tanh(), "hidden": state[0]}
    return {f"{at}.{name}": value for name, value in made.items()}, state


@torch.no_grad()
def sites_of(model: RecurrentLM, ids: list[int]) -> Sites:
    config = model.config
    x = model.embedding.weight[ids]
    sites = {"tokens.embed": x}
    for l in range(config.n_layers):
        weights = [getattr(model.rnn, f"{name}_l{l}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        bend = torch.relu if getattr(config, "nonlinearity", "tanh") == "relu" else torch.tanh
        state, rows = [torch.zeros(config.d_hidden)] * 2, []
        for word in x:
            made, state = row(f"rnn.{l}", config.model_type, word, state, weights, bend)
            rows.append(made)
        sites |= {name: torch.stack([made[name] for made in rows]) for name in rows[0]}
        x = sites[f"rnn.{l}.hidden"]
    near("rnn.output", x, model.rnn(model.embedding(torch.tensor([ids])))[0][0])
    return sites | {"rnn.output": x} | predictions(model(torch.tensor([ids]))[0])
