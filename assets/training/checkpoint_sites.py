"""Every value inside a Hugging Face model in one pass, under the program's names for them.

`Taps` listens: a forward hook on every module, and the eager attention functions of transformers wrapped, so
that queries, keys, mask and weights are caught where the library itself computes them. What the library has
no name for (scores before scaling, a norm's mean and variance) is computed from what was caught, by the plain
definition, and checked against the library's own next value. Functions named after an architecture put the
values under site names: (row, col), or (plane, row, col) for heads.
"""

import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from transformers.models.deberta_v2.modeling_deberta_v2 import build_relative_position

import checkpoint_decoders as decoders

Sites = dict[str, Tensor]
HIDDEN = -1e30
"""A mask's number below which a cell is hidden."""


def alone(batch: Tensor) -> Tensor:
    """The only text of a batch; some models have taken its axis away."""
    return batch if batch.ndim == 2 and len(batch) > 1 else batch[0]


def near(name: str, got: Tensor, want: Tensor) -> None:
    bound = 1e-5 * max(1.0, float(want.abs().max()))
    assert torch.allclose(got, want, rtol=1e-4, atol=bound), f"{name}: not what transformers computes"


class Taps:
    """What passed through a model's modules (by module) and its attentions (by module)."""

    def __init__(self, model: nn.Module, ids: dict[str, Tensor]):
        self.model = model
        self.ids = ids
        self.inputs: dict[nn.Module, Tensor] = {}
        self.outputs: dict[nn.Module, Tensor] = {}
        self.attentions: dict[nn.Module, dict] = {}
        self.whole: dict[nn.Module, object] = {}
        self.turned: dict[nn.Module, tuple[Tensor, Tensor]] = {}
        self.undo: list[Callable] = []

    def __enter__(self) -> "Taps":
        for module in self.model.modules():
            self.undo.append(module.register_forward_hook(self.heard, with_kwargs=True).remove)
        for name, library in list(sys.modules.items()):
            if name.startswith("transformers.models.") and "eager_attention_forward" in vars(library):
                self.wrap(library)
        for module in self.model.modules():
            if hasattr(module, "_attn"):
                self.wrap_attn(module)
            if type(module).__name__ == "FalconAttention":
                self.wrap_turns(module)
        return self

    def __exit__(self, *_) -> None:
        for undo in self.undo:
            undo()

    def heard(self, module: nn.Module, args: tuple, kwargs: dict, output) -> None:
        first = args[0] if args else kwargs.get("hidden_states", kwargs.get("input_ids"))
        self.inputs[module] = first
        self.whole[module] = output
        first = output[0] if isinstance(output, tuple) else output
        # Some models add to it in place.
        self.outputs[module] = first.clone() if isinstance(first, Tensor) else first

    def wrap(self, library) -> None:
        plain = library.eager_attention_forward

        def listening(module, query, key, value, attention_mask, *args, **kwargs):
            out, weights = plain(module, query, key, value, attention_mask, *args, **kwargs)
            scaling = kwargs.get("scaling", args[0] if args else None)
            self.attentions[module] = {
                "q": query[0], "k": key[0], "v": value[0], "weights": weights[0], "context": out[0].transpose(0, 1),
                "mask": None if attention_mask is None else attention_mask[0].expand_as(weights[0]),
                "bias": kwargs.get("position_bias"),
                "cap": kwargs.get("softcap"),
                "scaling": query.size(-1) ** -0.5 if scaling is None else scaling,
            }  # fmt: skip
            return out, weights

        library.eager_attention_forward = listening
        self.undo.append(lambda: setattr(library, "eager_attention_forward", plain))

    def wrap_attn(self, module: nn.Module) -> None:
        """GPT-J and GPT-Neo attend in a method."""
        plain = module._attn

        def listening(query, key, value, *args, **kwargs):
            self.turned[module] = (query, key)
            return plain(query, key, value, *args, **kwargs)

        module._attn = listening
        self.undo.append(lambda: delattr(module, "_attn"))

    def wrap_turns(self, module: nn.Module) -> None:
        """Falcon attends in place; its queries and keys are caught as they are turned, layer by layer."""
        library = sys.modules[type(module).__module__]
        of_layers = [m for m in self.model.modules() if type(m).__name__ == "FalconAttention"]
        if module is not of_layers[0]:
            return
        plain = library.apply_rotary_pos_emb

        def listening(*args, **kwargs):
            turned = plain(*args, **kwargs)
            layer = of_layers[len(self.turned)]
            self.turned[layer] = turned
            return turned

        library.apply_rotary_pos_emb = listening
        self.undo.append(lambda: setattr(library, "apply_rotary_pos_emb", plain))

    def into(self, module: nn.Module) -> Tensor:
        return alone(self.inputs[module])

    def out_of(self, module: nn.Module) -> Tensor:
        return alone(self.outputs[module])

    near = staticmethod(near)

    @staticmethod
    def normed(*args) -> Sites:
        return normed(*args)

    def norm(self, at: str, module: nn.Module, eps: float) -> Sites:
        """Layer norm, or root mean square norm where the module takes no mean away."""
        x, out = self.into(module), self.out_of(module)
        return normed(at, module, eps, x, out, x.square().mean(-1, keepdim=True))

    def head_norm(self, at: str, module: nn.Module, eps: float, x: Tensor) -> Sites:
        """A norm of queries or keys. x (head, row, d_head); the module may see heads in any order, or one row of all."""
        out = self.out_of(module)
        is_of_row = out.ndim == 2
        if is_of_row:
            out = out.unflatten(1, (len(x), -1)).transpose(0, 1)
        elif out.shape != x.shape or not torch.allclose(self.into(module), x):
            out = out.transpose(0, 1)
        square = x.square().mean((0, 2))[:, None] if is_of_row else x.square().mean(-1, keepdim=True)
        return normed(at, module, eps, x, out, square)

    def attention(
        self, at: str, module: nn.Module, before: dict[str, Tensor], out: nn.Module, scales=True, norms=None, slopes=None, v_norm=None,
    ) -> Sites:  # fmt: skip
        """`before`: queries, keys and values as the linear maps gave them, (row, col). Keys and values that
        are shared have fewer heads. `norms`: those of queries and keys, and their epsilon. `slopes`: those of ALiBi."""
        caught = self.attentions[module]
        q, k, v, weights = (caught[name] for name in ("q", "k", "v", "weights"))
        heads = {"q": q, "k": k, "v": v}
        gate = before.pop("gate", None)
        plain = {n: x.view(len(x), len(heads[n]), -1).transpose(0, 1) for n, x in before.items()}
        sites = {f"{at}.{n}": x for n, x in plain.items()}
        if norms is not None:
            *modules, eps = norms
            for n, norm in zip("qk", modules):
                if caught.get("norms last"):
                    sites[f"{at}.{n}_rot"] = plain[n] = self.into(norm)
                sites |= self.head_norm(f"{at}.{n}_norm", norm, eps, plain[n])
                plain[n] = sites[f"{at}.{n}_norm.out"]
        if (clip := caught.get("clip")) is not None:
            plain = {n: x.clamp(-clip, clip) for n, x in plain.items()}
            sites |= {f"{at}.{n}_clipped": x for n, x in plain.items()}
        if (factors := caught.get("factors")) is not None:
            sites[f"{at}.q_tempered"] = q
            heads["q"] = q / factors[:, None]
        if v_norm is not None:
            of_values = self.head_norm(f"{at}.v_norm", v_norm, norms[-1], plain["v"])
            near(at, of_values.pop(f"{at}.v_norm.out"), v)
            sites |= of_values
        turned = {f"{at}.{n}_rot": heads[n] for n in plain if n != "v" and not torch.allclose(plain[n], heads[n], 1e-4, 1e-5)}
        sites |= turned
        shared = len(q) // len(k)
        sites[f"{at}.scores"] = scores = q @ k.repeat_interleave(shared, 0).transpose(1, 2)
        if scales:
            sites[f"{at}.scaled"] = scores = scores * caught["scaling"]
        if caught.get("cap"):
            sites[f"{at}.capped"] = scores = caught["cap"] * torch.tanh(scores / caught["cap"])
        if slopes is not None:
            distances = torch.arange(scores.shape[2])[None] - torch.arange(scores.shape[1])[:, None]
            sites[f"{at}.bias"] = bias = slopes[:, None, None] * distances
            sites[f"{at}.biased"] = scores = scores + bias
        if caught.get("bias") is not None and caught["bias"].any():
            sites[f"{at}.bias"] = caught["bias"][0].expand_as(scores)
            sites[f"{at}.biased"] = scores = scores + caught["bias"][0]
        hidden = weights == 0 if caught["mask"] is None else caught["mask"] < HIDDEN
        if hidden.any():
            assert (weights[hidden] == 0).all(), f"{at}: a mask of another kind"
            assert caught["mask"] is None or (caught["mask"][~hidden] == 0).all(), f"{at}: a mask of another kind"
            sites[f"{at}.masked"] = scores = scores.masked_fill(hidden, -torch.inf)
        if (sinks := getattr(module, "sinks", None)) is None:
            near(at, torch.softmax(scores, -1), weights)
        else:
            with_sinks = torch.cat([scores, sinks[:, None, None].expand(-1, scores.shape[1], 1)], -1)
            near(at, torch.softmax(with_sinks, -1)[..., :-1], weights)
        if sinks is not None:
            sites[f"{at}.sink"] = torch.softmax(with_sinks, -1)[..., -1:]
        sites[f"{at}.weights"] = weights
        sites[f"{at}.context"] = context = caught.get("context", weights @ v.repeat_interleave(shared, 0))
        near(at, weights @ v.repeat_interleave(shared, 0), context)
        sites[f"{at}.concat"] = to_mix = context.transpose(0, 1).flatten(1)
        if gate is not None:
            sites |= {f"{at}.gate": gate, f"{at}.gate_act": torch.sigmoid(gate)}
            sites[f"{at}.gated"] = to_mix = to_mix * torch.sigmoid(gate)
        near(at, to_mix, self.into(out))
        sites[f"{at}.out"] = self.out_of(out)
        return sites


def takes_mean(module: nn.Module) -> bool:
    return "RMSNorm" not in type(module).__name__ and "T5LayerNorm" not in type(module).__name__


def normed(at: str, module: nn.Module, eps: float, x: Tensor, out: Tensor, square: Tensor) -> Sites:
    """The steps of a norm of `x`; `square`: the mean square of what is normalised together."""
    # Gemma's, until the fourth, and Qwen3-Next's and Qwen3.5's gains are added to 1. One for every head stands before the rows.
    kind = type(module).__name__
    from_one = kind.startswith(("Gemma", "NemotronLayerNorm1P", "Qwen3NextRMSNorm", "Qwen3_5RMSNorm", "Qwen3_5MoeRMSNorm")) and not kind.startswith("Gemma4")
    gain = module.weight + 1 if from_one else getattr(module, "weight", torch.ones(x.shape[-1]))
    if x.ndim == 3 and gain.numel() > x.shape[-1]:
        gain = gain.view(len(x), 1, -1)
    bias = getattr(module, "bias", None)
    if takes_mean(module):
        mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
        sites = {f"{at}.mean": mean, f"{at}.var": var}
        sites[f"{at}.normalized"] = normalized = (x - mean) / (var + eps).sqrt()
    else:
        sites = {f"{at}.mean_square": square}
        sites[f"{at}.normalized"] = normalized = x / (square + eps).sqrt()
    near(at, normalized * gain + (0 if bias is None else bias), out)
    return sites | {f"{at}.out": out}


def predictions(logits: Tensor) -> Sites:
    return {"logits": logits, "probs": torch.softmax(logits, 1)}


# --- Decoder-only ---


def gpt2(taps: Taps) -> Sites:
    model, eps = taps.model.transformer, taps.model.config.layer_norm_epsilon
    sites = {"tokens.embed": taps.out_of(model.wte), "tokens.pos": taps.out_of(model.wpe)}
    sites["tokens.input"] = sum(sites.values())
    for l, block in enumerate(model.h):
        at = f"blocks.{l}"
        sites[f"{at}.resid_pre"] = taps.into(block)
        sites |= taps.norm(f"{at}.norm1", block.ln_1, eps)
        q, k, v = taps.out_of(block.attn.c_attn).chunk(3, 1)
        sites |= taps.attention(f"{at}.attn", block.attn, {"q": q, "k": k, "v": v}, block.attn.c_proj)
        sites[f"{at}.resid_mid"] = taps.into(block.ln_2)
        sites |= taps.norm(f"{at}.norm2", block.ln_2, eps)
        sites[f"{at}.ffn.sum"] = taps.out_of(block.mlp.c_fc)
        sites[f"{at}.ffn.hidden"] = taps.into(block.mlp.c_proj)
        sites[f"{at}.ffn.out"] = taps.out_of(block.mlp.c_proj)
        sites[f"{at}.resid_post"] = taps.out_of(block)
    sites |= taps.norm("final_norm", model.ln_f, eps)
    return sites | predictions(taps.out_of(taps.model.lm_head))


# --- Encoder-only ---


def bert_embeddings(taps: Taps, embeddings: nn.Module, eps: float) -> Sites:
    sites = {
        "tokens.embed": taps.out_of(embeddings.word_embeddings),
    }
    if hasattr(embeddings, "token_type_embeddings"):
        sites["tokens.type"] = taps.out_of(embeddings.token_type_embeddings)
    if hasattr(embeddings, "position_embeddings"):
        sites["tokens.pos"] = taps.out_of(embeddings.position_embeddings).expand_as(sites["tokens.embed"])
    sites["tokens.input"] = taps.into(embeddings.LayerNorm)
    return sites | taps.norm("tokens.norm", embeddings.LayerNorm, eps)


def post_norm(taps: Taps, at: str, of: dict[str, nn.Module], eps: float, attention: Sites | None = None) -> Sites:
    """A layer whose norms stand after its sub-layers. `attention`: its sites, where they are not as usual."""
    if attention is None:
        before = {name: taps.out_of(of[name]) for name in "qkv"}
        attention = taps.attention(f"{at}.self_attn", of["attention"], before, of["o"])
    sites = dict(attention)
    sites[f"{at}.residual1"] = taps.into(of["norm1"])
    sites |= taps.norm(f"{at}.norm1", of["norm1"], eps)
    if "gate" in of:
        sites[f"{at}.ffn.gate"], sites[f"{at}.ffn.up"] = taps.out_of(of["gate"]), taps.out_of(of["up"])
        sites[f"{at}.ffn.act"] = of["act"](taps.out_of(of["gate"]))
    else:
        sites[f"{at}.ffn.sum"] = taps.out_of(of["up"])
    sites[f"{at}.ffn.hidden"], sites[f"{at}.ffn.out"] = taps.into(of["down"]), taps.out_of(of["down"])
    sites[f"{at}.residual2"] = taps.into(of["norm2"])
    return sites | taps.norm(f"{at}.norm2", of["norm2"], eps)


def bert_layer(layer: nn.Module) -> dict[str, nn.Module]:
    attention = layer.attention.self
    return {
        "attention": attention, "q": attention.query, "k": attention.key, "v": attention.value,
        "o": layer.attention.output.dense, "norm1": layer.attention.output.LayerNorm,
        "up": layer.intermediate.dense, "down": layer.output.dense, "norm2": layer.output.LayerNorm,
    }  # fmt: skip


def distilbert_layer(layer: nn.Module) -> dict[str, nn.Module]:
    attention = layer.attention
    return {
        "attention": attention, "q": attention.q_lin, "k": attention.k_lin, "v": attention.v_lin,
        "o": attention.out_lin, "norm1": layer.sa_layer_norm,
        "up": layer.ffn.lin1, "down": layer.ffn.lin2, "norm2": layer.output_layer_norm,
    }  # fmt: skip


def masked_words(taps: Taps, dense: nn.Module, norm: nn.Module, decoder: nn.Module, eps: float) -> Sites:
    sites = {"mlm.sum": taps.out_of(dense), "mlm.hidden": taps.into(norm)}
    return sites | taps.norm("mlm.norm", norm, eps) | predictions(taps.out_of(decoder))


def pooled(last: Tensor) -> Sites:
    """As sentence-transformers makes a vector: the mean of all tokens, then length 1."""
    mean = last.mean(0, keepdim=True)
    return {"pooled": mean, "sentence": nn.functional.normalize(mean, dim=1)}


def classes(taps: Taps, last: Tensor, dense: nn.Module | None, out: nn.Module, of_text: bool) -> Sites:
    """A head that sorts the text, by its first token, or every token."""
    rows = lambda value: value.reshape(1, -1) if of_text else value.reshape(len(last), -1)
    sites = {"classes.first": last[:1]} if of_text else {}
    if dense is not None:
        sites |= {"classes.sum": rows(taps.out_of(dense)), "classes.hidden": rows(taps.into(out))}
    sites["classes.logits"] = logits = rows(taps.out_of(out))
    config = taps.model.config
    if config.problem_type == "multi_label_classification" or config.architectures[0].endswith("ForPreTraining"):
        return sites | {"classes.probs": logits.sigmoid()}
    return sites if logits.shape[1] == 1 else sites | {"classes.probs": logits.softmax(1)}


def answer(taps: Taps, last: Tensor, logits: Tensor) -> Sites:
    """A head that finds an answer: two scores a token, and their softmax over the tokens."""
    sites = {"classes.logits": logits}
    for name, scores in zip(("start", "end"), logits.T):
        sites |= {f"answer.{name}": scores[None], f"answer.{name}_probs": scores.softmax(0)[None]}
    return sites


def class_head(taps: Taps, body: nn.Module, last: Tensor) -> Sites | None:
    """The sites of a model with such a head; None of another."""
    model = taps.model
    if hasattr(model, "discriminator_predictions"):
        head = model.discriminator_predictions
        return classes(taps, last, head.dense, head.dense_prediction, of_text=False)
    if hasattr(model, "qa_outputs"):
        return answer(taps, last, taps.out_of(model.qa_outputs))
    if not hasattr(model, "classifier"):
        return None
    head, of_text = model.classifier, "Sequence" in type(model).__name__
    if hasattr(head, "out_proj"):
        return classes(taps, last, head.dense, head.out_proj, of_text)
    pooler = getattr(body, "pooler", getattr(model, "pooler", None))
    dense = getattr(model, "pre_classifier", None) or getattr(pooler, "dense", pooler)
    return classes(taps, last, dense if of_text else None, head, of_text)


def electra(taps: Taps) -> Sites:
    model, eps = taps.model, taps.model.config.layer_norm_eps
    body = getattr(model, "electra", model)
    sites = bert_embeddings(taps, body.embeddings, eps)
    if hasattr(body, "embeddings_project"):
        sites["tokens.projected"] = taps.out_of(body.embeddings_project)
    for l, layer in enumerate(body.encoder.layer):
        sites |= post_norm(taps, f"encoder.{l}", bert_layer(layer), eps)
    if hasattr(model, "generator_predictions"):
        head = model.generator_predictions
        # The library's own norm of the head has another epsilon than the layers'.
        return sites | masked_words(taps, head.dense, head.LayerNorm, model.generator_lm_head, head.LayerNorm.eps)
    last = sites[f"encoder.{l}.norm2.out"]
    return sites | (class_head(taps, body, last) or pooled(last))


def albert(taps: Taps) -> Sites:
    """One layer again and again: it is run once more for every number, to listen to each run."""
    model, eps = taps.model, taps.model.config.layer_norm_eps
    body = getattr(model, "albert", model)
    sites = bert_embeddings(taps, body.embeddings, eps)
    sites["tokens.projected"] = x = taps.out_of(body.encoder.embedding_hidden_mapping_in)
    layer = body.encoder.albert_layer_groups[0].albert_layers[0]
    of = {"attention": layer.attention, "q": layer.attention.query, "k": layer.attention.key, "v": layer.attention.value,
          "o": layer.attention.dense, "norm1": layer.attention.LayerNorm, "up": layer.ffn, "down": layer.ffn_output,
          "norm2": layer.full_layer_layer_norm}  # fmt: skip
    for l in range(model.config.num_hidden_layers):
        with Taps(layer, {}) as own:
            layer(x[None])
            sites |= post_norm(own, f"encoder.{l}", of, eps)
        x = sites[f"encoder.{l}.norm2.out"]
    if hasattr(model, "predictions"):
        head = model.predictions
        near("albert", x, taps.into(head.dense))
        return sites | masked_words(taps, head.dense, head.LayerNorm, head.decoder, head.LayerNorm.eps)
    return sites | (class_head(taps, body, x) or pooled(x))


def modernbert(taps: Taps) -> Sites:
    model, eps = taps.model, taps.model.config.norm_eps
    body = getattr(model, "model", model)
    sites = {"tokens.embed": taps.out_of(body.embeddings.tok_embeddings)}
    sites |= taps.norm("tokens.norm", body.embeddings.norm, eps)
    sites["tokens.input"] = sites["tokens.norm.out"]
    for l, layer in enumerate(body.layers):
        at = f"encoder.{l}"
        if not isinstance(layer.attn_norm, nn.Identity):
            sites |= taps.norm(f"{at}.norm1", layer.attn_norm, eps)
        before = dict(zip("qkv", taps.out_of(layer.attn.Wqkv).chunk(3, 1)))
        sites |= taps.attention(f"{at}.self_attn", layer.attn, before, layer.attn.Wo)
        sites[f"{at}.residual1"] = taps.into(layer.mlp_norm)
        sites |= taps.norm(f"{at}.norm2", layer.mlp_norm, eps)
        sites[f"{at}.ffn.gate"], sites[f"{at}.ffn.up"] = taps.out_of(layer.mlp.Wi).chunk(2, 1)
        sites[f"{at}.ffn.act"] = layer.mlp.act(sites[f"{at}.ffn.gate"])
        sites[f"{at}.ffn.hidden"], sites[f"{at}.ffn.out"] = taps.into(layer.mlp.Wo), taps.out_of(layer.mlp.Wo)
        sites[f"{at}.residual2"] = taps.out_of(layer)
    sites |= taps.norm("encoder_norm", body.final_norm, eps)
    if hasattr(model, "classifier"):
        return sites | modern_head(taps, sites["encoder_norm.out"], eps)
    if not hasattr(model, "decoder"):
        return sites | pooled(sites["encoder_norm.out"])
    return sites | masked_words(taps, model.head.dense, model.head.norm, model.decoder, eps)


def modern_head(taps: Taps, last: Tensor, eps: float) -> Sites:
    """Its heads for classes and answers go by way of its head for masked words."""
    head, name, config = taps.model.head, type(taps.model).__name__, taps.model.config
    rows = lambda value: value.reshape(-1, value.shape[-1])
    of_text = "Sequence" in name
    sites = {f"classes.{'mean' if config.classifier_pooling == 'mean' else 'first'}": rows(taps.into(head))} if of_text else {}
    sites |= {"classes.sum": rows(taps.out_of(head.dense)), "classes.hidden": rows(taps.into(head.norm))}
    x, out = rows(taps.into(head.norm)), rows(taps.out_of(head.norm))
    sites |= normed("classes.norm", head.norm, eps, x, out, x.square().mean(-1, keepdim=True))
    logits = rows(taps.out_of(taps.model.classifier))
    if "Question" in name:
        return sites | answer(taps, last, logits)
    return sites | {"classes.logits": logits, "classes.probs": logits.softmax(1)}


def disentangled(taps: Taps, at: str, attn: nn.Module, out: nn.Module, rows: Tensor, index: Tensor) -> Sites:
    """DeBERTa's attention. rows (distance, d_model): vectors of distances; index (query, key): which of them it is."""
    heads = lambda x: x.unflatten(1, (attn.num_attention_heads, -1)).transpose(0, 1)
    of = lambda x, module: heads(nn.functional.linear(x, module.weight, module.bias))
    q, k, v = (of(taps.into(attn), module) for module in (attn.query_proj, attn.key_proj, attn.value_proj))
    kd, qd = (of(rows, module) for module in (attn.key_proj, attn.query_proj))
    return scored_apart(taps, at, attn, out, {"q": q, "k": k, "v": v, "k_distance": kd, "q_distance": qd}, index)


def scored_apart(taps: Taps, at: str, attn: nn.Module, out: nn.Module, made: Sites, index: Tensor) -> Sites:
    q, k, v, kd, qd = made.values()
    n = len(index)
    c2p = (q @ kd.transpose(1, 2)).gather(2, index.expand(len(q), n, n))
    p2c = (k @ qd.transpose(1, 2)).gather(2, index.T.expand(len(q), n, n)).transpose(1, 2)
    scores = q @ k.transpose(1, 2)
    scaled = (scores + c2p + p2c) / (3 * q.shape[-1]) ** 0.5
    weights = scaled.softmax(-1)
    near(at, weights, taps.whole[attn][1][0])
    context = weights @ v
    near(at, context.transpose(0, 1).flatten(1), taps.into(out))
    named = {**made, "scores": scores, "c2p": c2p, "p2c": p2c, "summed": scores + c2p + p2c, "scaled": scaled, "weights": weights, "context": context,
             "concat": taps.into(out), "out": taps.out_of(out)}  # fmt: skip
    return {f"{at}.{name}": value for name, value in named.items()}


def first_disentangled(taps: Taps, at: str, attn: nn.Module, out: nn.Module, rows: Tensor, index: Tensor) -> Sites:
    """That of DeBERTa of 2020: one map for all, its rows head by head, and maps of its own for distances."""
    heads = lambda x: x.unflatten(1, (attn.num_attention_heads, -1)).transpose(0, 1)
    q, k, v = heads(taps.out_of(attn.in_proj)).chunk(3, 2)
    q, v = q + heads(attn.q_bias[None]), v + heads(attn.v_bias[None])
    kd = heads(rows @ attn.pos_proj.weight.T)
    qd = heads(rows @ attn.pos_q_proj.weight.T + attn.pos_q_proj.bias)
    return scored_apart(taps, at, attn, out, {"q": q, "k": k, "v": v, "k_distance": kd, "q_distance": qd}, index)


def deberta(taps: Taps) -> Sites:
    model, config = taps.model, taps.model.config
    body, eps = getattr(model, "deberta", model), config.layer_norm_eps
    sites = {"tokens.embed": taps.out_of(body.embeddings.word_embeddings)}
    sites["tokens.input"] = taps.into(body.embeddings.LayerNorm)
    sites |= taps.norm("tokens.norm", body.embeddings.LayerNorm, eps)
    encoder, x = body.encoder, sites["tokens.embed"]
    is_first = config.model_type == "deberta"
    each = torch.arange(len(x))
    position = each[:, None] - each if is_first else build_relative_position(x, x, encoder.position_buckets, encoder.max_relative_positions)[0]
    span = len(encoder.rel_embeddings.weight) // 2
    used, index = (position + span).clamp(0, 2 * span - 1).unique(return_inverse=True)
    sites["tokens.distances"] = rows = encoder.get_rel_embedding()[used]
    if not is_first:
        sites["tokens.distance_norm.rows"] = table = encoder.rel_embeddings.weight[used]
        sites |= normed("tokens.distance_norm", encoder.LayerNorm, eps, table, rows, table.square().mean(-1, keepdim=True))
    for l, layer in enumerate(encoder.layer):
        attn, out = layer.attention.self, layer.attention.output.dense
        attend = first_disentangled if is_first else disentangled
        attention = attend(taps, f"encoder.{l}.self_attn", attn, out, rows, index)
        of = {"norm1": layer.attention.output.LayerNorm, "up": layer.intermediate.dense, "down": layer.output.dense,
              "norm2": layer.output.LayerNorm}  # fmt: skip
        sites |= post_norm(taps, f"encoder.{l}", of, eps, attention)
    last = sites[f"encoder.{l}.norm2.out"]
    if hasattr(model, "lm_predictions"):
        head = model.lm_predictions.lm_head
        words = {"mlm.sum": taps.out_of(head.dense), "mlm.hidden": taps.into(head.LayerNorm)}
        return sites | words | taps.norm("mlm.norm", head.LayerNorm, eps) | predictions(taps.whole[model].logits[0])
    if hasattr(model, "cls"):
        head = model.cls.predictions
        return sites | masked_words(taps, head.transform.dense, head.transform.LayerNorm, head.decoder, eps)
    return sites | (class_head(taps, body, last) or pooled(last))


def mpnet(taps: Taps) -> Sites:
    model, eps = taps.model, taps.model.config.layer_norm_eps
    body = getattr(model, "mpnet", model)
    sites = bert_embeddings(taps, body.embeddings, eps)
    bias = body.encoder.compute_position_bias(sites["tokens.embed"][None])
    for l, layer in enumerate(body.encoder.layer):
        attn = layer.attention.attn
        heads = lambda module: taps.out_of(module).unflatten(1, (attn.num_attention_heads, -1)).transpose(0, 1)
        q, k, v = (heads(module) for module in (attn.q, attn.k, attn.v))
        scaling = attn.attention_head_size**-0.5
        weights = (q @ k.transpose(1, 2) * scaling + bias[0]).softmax(-1)
        taps.attentions[attn] = {"q": q, "k": k, "v": v, "weights": weights, "scaling": scaling, "mask": None, "bias": bias}
        of = {"attention": attn, "q": attn.q, "k": attn.k, "v": attn.v, "o": attn.o, "norm1": layer.attention.LayerNorm,
              "up": layer.intermediate.dense, "down": layer.output.dense, "norm2": layer.output.LayerNorm}  # fmt: skip
        sites |= post_norm(taps, f"encoder.{l}", of, eps)
    last = sites[f"encoder.{l}.norm2.out"]
    if hasattr(model, "lm_head"):
        head = model.lm_head
        return sites | masked_words(taps, head.dense, head.layer_norm, head.decoder, head.layer_norm.eps)
    return sites | (class_head(taps, body, last) or pooled(last))


def nomic(taps: Taps) -> Sites:
    model, eps = taps.model, taps.model.config.layer_norm_eps
    body = getattr(model, "nomic_bert", model)
    sites = bert_embeddings(taps, body.embeddings, eps)
    for l, layer in enumerate(body.layers):
        attn, mlp = layer.self_attn, layer.mlp
        of = {"attention": attn, "q": attn.q_proj, "k": attn.k_proj, "v": attn.v_proj, "o": attn.o_proj,
              "norm1": layer.post_attention_layernorm, "gate": mlp.gate_proj, "up": mlp.up_proj, "act": mlp.act_fn,
              "down": mlp.down_proj, "norm2": layer.post_mlp_layernorm}  # fmt: skip
        sites |= post_norm(taps, f"encoder.{l}", of, eps)
    if hasattr(model, "cls"):
        head = model.cls.predictions
        norm = head.transform.layer_norm
        return sites | masked_words(taps, head.transform.dense, norm, head.decoder, norm.eps)
    last = sites[f"encoder.{l}.norm2.out"]
    return sites | (class_head(taps, body, last) or pooled(last))


def bert(taps: Taps) -> Sites:
    model, eps = taps.model, taps.model.config.layer_norm_eps
    body = getattr(model, model.base_model_prefix, model)
    sites = bert_embeddings(taps, body.embeddings, eps)
    for l, layer in enumerate(body.encoder.layer):
        sites |= post_norm(taps, f"encoder.{l}", bert_layer(layer), eps)
    if hasattr(model, "cls"):
        head = model.cls.predictions
        return sites | masked_words(taps, head.transform.dense, head.transform.LayerNorm, head.decoder, eps)
    if hasattr(model, "lm_head"):
        head = model.lm_head
        return sites | masked_words(taps, head.dense, head.layer_norm, head.decoder, eps)
    last = sites[f"encoder.{l}.norm2.out"]
    return sites | (class_head(taps, body, last) or pooled(last))


def distilbert(taps: Taps) -> Sites:
    model, eps = taps.model, 1e-12
    body = getattr(model, "distilbert", model)
    sites = bert_embeddings(taps, body.embeddings, eps)
    for l, layer in enumerate(body.transformer.layer):
        sites |= post_norm(taps, f"encoder.{l}", distilbert_layer(layer), eps)
    if not hasattr(model, "vocab_transform"):
        last = sites[f"encoder.{l}.norm2.out"]
        return sites | (class_head(taps, body, last) or pooled(last))
    return sites | masked_words(taps, model.vocab_transform, model.vocab_layer_norm, model.vocab_projector, eps)


# --- Encoder and decoder ---


def entrance(taps: Taps, stream: str, stack: nn.Module, ids: Tensor, d_model: int) -> Sites:
    """From tokens to what the first layer reads: BART and its relatives."""
    x = stack.embed_tokens.weight[ids]
    sites = {f"{stream}.embed": x}
    if taps.model.config.scale_embedding:
        sites[f"{stream}.scaled"] = x = x * d_model**0.5
    pos = taps.outputs[stack.embed_positions]
    sites[f"{stream}.pos"] = pos = pos[0] if pos.ndim == 3 else pos
    sites[f"{stream}.input"] = x + pos
    if (norm := getattr(stack, "layernorm_embedding", None)) is not None:
        near(f"{stream}.input", x + pos, taps.into(norm))
        return sites | taps.norm(f"{stream}.norm", norm, norm.eps)
    near(f"{stream}.input", x + pos, taps.into(stack.layers[0]))
    return sites


def bart_layer(taps: Taps, at: str, layer: nn.Module, is_pre: bool) -> Sites:
    """Sub-layers in their order, each with its norm before or behind it."""
    names = [("self_attn", "self_attn", "self_attn_layer_norm")]
    if hasattr(layer, "encoder_attn"):
        names.append(("cross_attn", "encoder_attn", "encoder_attn_layer_norm"))
    norms = [*(getattr(layer, name) for _, _, name in names), layer.final_layer_norm]
    sites = {}
    for ours, theirs, _ in names:
        attn = getattr(layer, theirs)
        before = {"q": taps.out_of(attn.q_proj), "k": taps.out_of(attn.k_proj), "v": taps.out_of(attn.v_proj)}
        sites |= taps.attention(f"{at}.{ours}", attn, before, attn.out_proj)
    sites[f"{at}.ffn.sum"] = taps.out_of(layer.fc1)
    sites[f"{at}.ffn.hidden"], sites[f"{at}.ffn.out"] = taps.into(layer.fc2), taps.out_of(layer.fc2)
    for i, norm in enumerate(norms):
        sites |= taps.norm(f"{at}.norm{i + 1}", norm, norm.eps)
        if not is_pre:
            after = taps.into(norm)
        else:
            after = taps.into(norms[i + 1]) if i + 1 < len(norms) else taps.out_of(layer)
        sites[f"{at}.residual{i + 1}"] = after
    return sites


def bart(taps: Taps) -> Sites:
    model, config, sites = taps.model.model, taps.model.config, {}
    for side, stream, stack, ids in (
        ("encoder", "src", model.encoder, taps.ids["input_ids"]),
        ("decoder", "tgt", model.decoder, taps.ids["decoder_input_ids"]),
    ):
        sites |= entrance(taps, stream, stack, ids, config.d_model)
        last = getattr(stack, "layer_norm", None)
        for l, layer in enumerate(stack.layers):
            sites |= bart_layer(taps, f"{side}.{l}", layer, is_pre=last is not None)
        if last is not None:
            sites |= taps.norm(f"{side}_norm", last, last.eps)
    logits = taps.out_of(taps.model.lm_head) + getattr(taps.model, "final_logits_bias", 0)
    return sites | predictions(logits)


def t5_layer(taps: Taps, at: str, block: nn.Module, eps: float) -> Sites:
    sites, parts = {}, list(block.layer)
    for i, part in enumerate(parts):
        sites |= taps.norm(f"{at}.norm{i + 1}", part.layer_norm, eps)
        after = taps.into(parts[i + 1].layer_norm) if i + 1 < len(parts) else taps.out_of(block)
        sites[f"{at}.residual{i + 1}"] = after
    for name, part in zip(("self_attn", "cross_attn"), parts[:-1]):
        attn = part.SelfAttention if name == "self_attn" else part.EncDecAttention
        before = {"q": taps.out_of(attn.q), "k": taps.out_of(attn.k), "v": taps.out_of(attn.v)}
        sites |= taps.attention(f"{at}.{name}", attn, before, attn.o, scales=False)
    ffn = parts[-1].DenseReluDense
    if hasattr(ffn, "wi_0"):
        sites[f"{at}.ffn.gate"], sites[f"{at}.ffn.up"] = taps.out_of(ffn.wi_0), taps.out_of(ffn.wi_1)
        sites[f"{at}.ffn.act"] = ffn.act(taps.out_of(ffn.wi_0))
    else:
        sites[f"{at}.ffn.sum"] = taps.out_of(ffn.wi)
    sites[f"{at}.ffn.hidden"], sites[f"{at}.ffn.out"] = taps.into(ffn.wo), taps.out_of(ffn.wo)
    return sites


def t5(taps: Taps) -> Sites:
    model, eps, sites = taps.model, taps.model.config.layer_norm_epsilon, {}
    stacks = [("encoder", "src", model.encoder, taps.ids["input_ids"])]
    if not is_encoder(model):
        stacks.append(("decoder", "tgt", model.decoder, taps.ids["decoder_input_ids"]))
    for side, stream, stack, ids in stacks:
        sites[f"{stream}.embed"] = sites[f"{stream}.input"] = stack.embed_tokens.weight[ids]
        for l, block in enumerate(stack.block):
            sites |= t5_layer(taps, f"{side}.{l}", block, eps)
        sites |= taps.norm(f"{side}_norm", stack.final_layer_norm, eps)
    if is_encoder(model):
        return sites | pooled(sites["encoder_norm.out"])
    if getattr(model.config, "scale_decoder_outputs", model.config.model_type == "umt5"):
        sites["decoder_norm.scaled"] = taps.into(model.lm_head)
    return sites | predictions(taps.out_of(model.lm_head))


ARCHITECTURES = {
    "gpt2": gpt2, **decoders.ARCHITECTURES,
    "bert": bert, "roberta": bert, "xlm-roberta": bert, "camembert": bert, "distilbert": distilbert,
    "electra": electra, "albert": albert, "mpnet": mpnet, "modernbert": modernbert, "deberta-v2": deberta, "deberta": deberta,
    "nomic_bert": nomic,
    "bart": bart, "marian": bart, "mbart": bart, "pegasus": bart, "m2m_100": bart,
    "t5": t5, "mt5": t5, "umt5": t5,
}  # fmt: skip


def is_encoder(model: nn.Module) -> bool:
    kind = model.config.model_type
    return "bert" in kind or kind in ("electra", "mpnet") or type(model).__name__.endswith("EncoderModel")


@torch.no_grad()
def sites_of(model: nn.Module, **inputs: list[int]) -> Sites:
    """All sites of one pass over one sentence."""
    ids = {name: torch.tensor([one]) for name, one in inputs.items()}
    with Taps(model.eval(), {name: one[0] for name, one in ids.items()}) as taps:
        weights = {"output_attentions": True} if model.config.model_type.startswith("deberta") else {}
        model(**ids, **weights, **({} if is_encoder(model) else {"use_cache": False}))
        sites = ARCHITECTURES[model.config.model_type](taps)
    return {name: value.detach().float().contiguous() for name, value in sites.items()}
