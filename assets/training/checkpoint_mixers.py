"""The sites of what stands in place of attention in models of Hugging Face: state spaces, gated delta nets and short convolutions.

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


def delta_inputs(taps, module: nn.Module) -> list[Tensor]:
    """Queries, keys and values; the gate; how much to correct; how much to forget: each (position, width)."""
    if not hasattr(module, "in_proj_qkvz"):
        maps = module.in_proj_qkv, module.in_proj_z, module.in_proj_b, module.in_proj_a
        return [taps.out_of(linear) for linear in maps]
    both = taps.out_of(module.in_proj_qkvz)[None], taps.out_of(module.in_proj_ba)[None]
    q, k, v, gate, beta, dt = (part[0].flatten(1) for part in module.fix_query_key_value_ordering(*both))
    return [torch.cat([q, k, v], 1), gate, beta, dt]


def delta_net(taps, at: str, module: nn.Module) -> Sites:
    """Qwen3.5's and Qwen3-Next's."""
    n_heads, n_key, d_key = module.num_v_heads, module.num_k_heads, module.head_k_dim
    conv_in, gate, beta_in, dt_in = delta_inputs(taps, module)
    sites = {f"{at}.gate": by_head(gate, n_heads), f"{at}.conv_in": conv_in}
    sites[f"{at}.conv"] = conv = filtered(conv_in, module.conv1d)
    sites[f"{at}.conv_act"] = act = nn.functional.silu(conv)
    q, k, v = act.split([module.key_dim, module.key_dim, module.value_dim], 1)
    q, k, v = by_head(q, n_key), by_head(k, n_key), by_head(v, n_heads)
    sites |= {f"{at}.q": q, f"{at}.k": k, f"{at}.v": v}
    of_heads = lambda planes: planes.repeat_interleave(n_heads // n_key, 0)
    for name, x, scale in (("q", q, d_key**-0.5), ("k", k, 1.0)):
        sites[f"{at}.{name}_norm.mean_square"] = square = x.square().mean(2, keepdim=True)
        sites[f"{at}.{name}_norm.normalized"] = x / (square + 1e-6 / d_key).sqrt()
        sites[f"{at}.{name}_unit"] = scale * x / (x.square().sum(2, keepdim=True) + 1e-6).sqrt()
    q, k = of_heads(sites[f"{at}.q_unit"]), of_heads(sites[f"{at}.k_unit"])
    sites |= {f"{at}.beta_in": beta_in, f"{at}.dt_in": dt_in}
    sites[f"{at}.beta"] = beta = torch.sigmoid(beta_in)
    sites[f"{at}.dt"] = dt = nn.functional.softplus(dt_in + module.dt_bias)
    sites[f"{at}.decay"] = decay = torch.exp(-torch.exp(module.A_log) * dt)
    state, kept = torch.zeros(n_heads, module.head_v_dim, d_key), {"recalled": [], "correction": [], "state": [], "read": []}
    for t in range(len(dt)):
        state = decay[t][:, None, None] * state
        recalled = (state * k[:, t, None]).sum(2)
        correction = beta[t][:, None] * (v[:, t] - recalled)
        state = state + correction[:, :, None] * k[:, t, None]
        for name, value in (("recalled", recalled), ("correction", correction), ("state", state.flatten(1)), ("read", (state * q[:, t, None]).sum(2))):
            kept[name].append(value)
    sites |= {f"{at}.{name}": torch.stack(rows, 1) for name, rows in kept.items()}
    sites[f"{at}.y"] = y = sites[f"{at}.read"]
    sites[f"{at}.norm.mean_square"] = square = y.square().mean(2, keepdim=True)
    sites[f"{at}.norm.normalized"] = normalized = y / (square + module.layer_norm_epsilon).sqrt()
    sites[f"{at}.norm.out"] = normed = normalized * module.norm.weight
    sites[f"{at}.gate_act"] = gate = nn.functional.silu(sites[f"{at}.gate"])
    sites[f"{at}.gated"] = gated = normed * gate
    sites[f"{at}.concat"] = concat = gated.transpose(0, 1).flatten(1)
    taps.near(at, concat, taps.into(module.out_proj))
    return sites | {f"{at}.out": taps.out_of(module.out_proj)}


def tiled(sites: Sites, config) -> Sites:
    """The same sites where every n-th head of values stands beside each other, for n heads of keys: GGUF files."""
    n_key, n_heads, d_value = config.linear_num_key_heads, config.linear_num_value_heads, config.linear_value_head_dim
    order = torch.arange(n_heads).view(n_key, -1).T.flatten()
    columns = (order[:, None] * d_value + torch.arange(d_value)).flatten()
    d_keys = 2 * n_key * config.linear_key_head_dim
    of_all = torch.cat([torch.arange(d_keys), d_keys + columns])

    def arranged(path: str, value: Tensor) -> Tensor:
        _, _, name = path.partition(".delta.")
        if not name or name == "out":
            return value
        if name.startswith("conv"):
            return value[:, of_all]
        if value.ndim == 2:
            return value[:, columns if name == "concat" else order]
        return value[order] if len(value) == n_heads else value

    return {path: arranged(path, value) for path, value in sites.items()}
