"""The sites of what stands in place of attention in models of Hugging Face: state spaces and short convolutions.

Transformers computes a state space in chunks and keeps no state but the last; here it is computed word by word, as the
papers write it, and what comes out is compared with what the library's own modules saw.
"""

import torch
from torch import Tensor, nn

Sites = dict[str, Tensor]


def filtered(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """Each channel over a row and those before it. (position, channel) -> (position, channel)"""
    n_taps = conv.weight.shape[2]
    padded = torch.cat([torch.zeros(n_taps - 1, x.shape[1]), x])
    rows = torch.stack([(padded[i : i + n_taps].T * conv.weight[:, 0]).sum(1) for i in range(len(x))])
    return rows if conv.bias is None else rows + conv.bias


def short_convolution(taps, at: str, module: nn.Module) -> Sites:
    """LFM2's."""
    in_gate, out_gate, x = taps.out_of(module.in_proj).chunk(3, 1)
    sites = {f"{at}.in_gate": in_gate, f"{at}.out_gate": out_gate, f"{at}.x": x}
    sites[f"{at}.gated"] = gated = in_gate * x
    sites[f"{at}.mixed"] = mixed = filtered(gated, module.conv)
    sites[f"{at}.hidden"] = hidden = out_gate * mixed
    taps.near(at, hidden, taps.into(module.out_proj))
    return sites | {f"{at}.out": taps.out_of(module.out_proj)}


def by_head(x: Tensor, n: int) -> Tensor:
    """(position, n * width) -> (n, position, width)"""
    return x.unflatten(1, (n, -1)).transpose(0, 1)


def state_space(taps, at: str, module: nn.Module) -> Sites:
    """Mamba-2's."""
    n_heads, n_groups, d_state = module.num_heads, module.n_groups, module.ssm_state_size
    d_inner = module.intermediate_size
    gate, conv_in, dt_in = taps.out_of(module.in_proj).split([d_inner, module.conv_dim, n_heads], 1)
    sites = {f"{at}.gate": by_head(gate, n_heads), f"{at}.conv_in": conv_in, f"{at}.dt_in": dt_in}
    sites[f"{at}.conv"] = conv = filtered(conv_in, module.conv1d)
    sites[f"{at}.conv_act"] = act = nn.functional.silu(conv)
    x, b, c = act.split([d_inner, n_groups * d_state, n_groups * d_state], 1)
    x, b, c = by_head(x, n_heads), by_head(b, n_groups), by_head(c, n_groups)
    sites |= {f"{at}.x": x, f"{at}.B": b, f"{at}.C": c}
    sites[f"{at}.dt"] = dt = nn.functional.softplus(dt_in + module.dt_bias)
    sites[f"{at}.decay"] = decay = torch.exp(-torch.exp(module.A_log) * dt)
    of_heads = lambda groups: groups.repeat_interleave(n_heads // n_groups, 0)
    state, states = torch.zeros(n_heads, module.head_dim, d_state), []
    for t in range(len(dt)):
        written = dt[t][:, None, None] * x[:, t, :, None] * of_heads(b)[:, t, None, :]
        states.append(state := decay[t][:, None, None] * state + written)
    states = torch.stack(states, 1)  # (head, position, channel, number of the state)
    sites[f"{at}.state"] = states.flatten(2)
    sites[f"{at}.read"] = read = (states * of_heads(c)[:, :, None, :]).sum(3)
    sites[f"{at}.y"] = y = read + module.D[:, None, None] * x
    sites[f"{at}.gate_act"] = gate_act = nn.functional.silu(by_head(gate, n_heads))
    sites[f"{at}.gated"] = gated = y * gate_act
    rows = lambda planes: planes.transpose(0, 1).flatten(1)
    taps.near(at, rows(y), taps.into(module.norm))
    sites[f"{at}.grouped"] = grouped = by_head(rows(gated), n_groups)
    sites[f"{at}.norm.mean_square"] = square = grouped.square().mean(2, keepdim=True)
    sites[f"{at}.norm.normalized"] = normalized = grouped / (square + module.norm.variance_epsilon).sqrt()
    sites[f"{at}.norm.out"] = out = normalized * by_head(module.norm.weight[None], n_groups)
    sites[f"{at}.concat"] = rows(out)
    taps.near(at, rows(out), taps.out_of(module.norm))
    taps.near(at, rows(out), taps.into(module.out_proj))
    return sites | {f"{at}.out": taps.out_of(module.out_proj)}
