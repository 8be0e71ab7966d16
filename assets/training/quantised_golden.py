"""Tiny folders in the quantised forms that Hugging Face's libraries write, and what transformers computes with their weights.

Writes `tests/goldens/quantised/`: a folder NAME a form (config.json, tokenizer.json, model.safetensors), and
`NAME.golden.safetensors`, laid out as those of `checkpoints.py`. The packed tensors are made here, in the layout of each
library; the reference is a model with the numbers that the library's own formula gives for them, in f32.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

import checkpoint_tokenizers as tiny
import checkpoints

OUT = Path(__file__).parent.parent.parent / "tests" / "goldens" / "quantised"
SIZES = {"hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 64}

Form = tuple[dict[str, Tensor], Tensor]
"""The tensors of a weight, by what follows the name of its module; and its numbers."""


def words(q: Tensor, bits: int) -> Tensor:
    """Integers (line, number) as words of 32 bits, a stream along the line, the lowest bits first."""
    stream = (q.long().unsqueeze(-1) >> torch.arange(bits)) & 1  # (line, number, bit)
    stream = stream.flatten(1)
    stream = torch.nn.functional.pad(stream, (0, -stream.shape[1] % 32)).unflatten(1, (-1, 32))
    whole = (stream << torch.arange(32)).sum(-1)
    return (whole - (whole >> 31 << 32)).to(torch.int32)


def fp8_block(w: Tensor) -> Form:
    rows, cols = 24, 20  # that do not divide the sizes
    scales = torch.zeros(-(-w.shape[0] // rows), -(-w.shape[1] // cols))
    spread = torch.zeros_like(w)
    for i in range(scales.shape[0]):
        for j in range(scales.shape[1]):
            part = w[i * rows : (i + 1) * rows, j * cols : (j + 1) * cols]
            scales[i, j] = part.abs().max() / 448
            spread[i * rows : (i + 1) * rows, j * cols : (j + 1) * cols] = scales[i, j]
    q = (w / spread).to(torch.float8_e4m3fn)
    return {"weight": q, "weight_scale_inv": scales}, q.float() * spread


def fp8_line(w: Tensor) -> Form:
    scales = (w.abs().amax(1, keepdim=True) / 448).to(torch.bfloat16)
    q = (w / scales.float()).to(torch.float8_e4m3fn)
    return {"weight": q, "weight_scale": scales, "input_scale": torch.ones(1)}, q.float() * scales.float()


def int8(w: Tensor) -> Form:
    scales = w.abs().amax(1, keepdim=True) / 127
    q = (w / scales).round().to(torch.int8)
    return {"weight": q, "weight_scale": scales}, q.float() * scales


def bnb_int8(w: Tensor) -> Form:
    scales = w.abs().amax(1)
    q = (w / scales[:, None] * 127).round().to(torch.int8)
    return {"weight": q, "SCB": scales, "weight_format": torch.tensor(0, dtype=torch.uint8)}, q.float() * (scales[:, None] / 127)


NF4 = torch.tensor([-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                    -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
                    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                    0.7229568362236023, 1.0])  # fmt: skip


def nf4(w: Tensor, is_nested: bool = True) -> Form:
    block, nested = 32, 16
    blocks = w.flatten().unflatten(0, (-1, block))
    absmax = blocks.abs().amax(1)
    state = {"quant_type": "nf4", "blocksize": block, "dtype": "float32", "shape": list(w.shape)}
    parts = {}
    if is_nested:
        offset, table = absmax.mean(), torch.sort(torch.randn(256).clamp(-1, 1)).values
        centred = (absmax - offset).split(nested)
        scales = torch.stack([group.abs().max() for group in centred])
        q = torch.cat([(group[:, None] / scale - table).abs().argmin(1) for group, scale in zip(centred, scales)])
        absmax = table[q] * scales.repeat_interleave(nested)[: len(q)] + offset
        parts = {"absmax": q.to(torch.uint8), "nested_absmax": scales, "nested_quant_map": table}
        state |= {"nested_blocksize": nested, "nested_dtype": "float32", "nested_offset": float(offset)}
    else:
        parts = {"absmax": absmax}
    q = (blocks[..., None] / absmax[:, None, None] - NF4).abs().argmin(-1)
    numbers = (NF4[q] * absmax[:, None]).flatten().view_as(w)
    q = q.flatten()
    said = torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8)
    parts |= {"quant_map": NF4, "quant_state.bitsandbytes__nf4": said}
    named = {f"weight.{name}": part for name, part in parts.items()}
    return {"weight": (q[::2] << 4 | q[1::2]).to(torch.uint8)[:, None], **named}, numbers


def groups_of(w: Tensor, index: Tensor, bits: int) -> tuple[Tensor, Tensor, Tensor]:
    """Integers (out, in), zero points (group, out), scales (group, out), inputs in groups by this index."""
    n, most = int(index.max()) + 1, 2**bits - 1
    low = torch.stack([w[:, index == g].amin(1) for g in range(n)]).clamp(max=0)
    high = torch.stack([w[:, index == g].amax(1) for g in range(n)]).clamp(min=0)
    scales = ((high - low) / most).half().float()
    zeros = (-low / scales).round().clamp(1, most)
    q = ((w / scales[index].T).round() + zeros[index].T).clamp(0, most)
    return q, zeros, scales


def gptq(bits: int, by_activation: bool, is_later: bool = False) -> Callable[[Tensor], Form]:
    def form(w: Tensor) -> Form:
        index = torch.arange(w.shape[1]) // 16
        if by_activation:
            index = index[torch.randperm(len(index))]
        q, zeros, scales = groups_of(w, index, bits)
        parts = {"qweight": words(q, bits).T.contiguous(), "qzeros": words(zeros - (0 if is_later else 1), bits),
                 "scales": scales.half(), "g_idx": index.to(torch.int32)}  # fmt: skip
        return parts, (q - zeros[index].T) * scales[index].T

    return form


AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]


def awq(w: Tensor) -> Form:
    index = torch.arange(w.shape[1]) // 16
    q, zeros, scales = groups_of(w, index, 4)
    ordered = lambda q: words(q.unflatten(1, (-1, 8))[..., AWQ_ORDER].flatten(1), 4)
    parts = {"qweight": ordered(q.T), "qzeros": ordered(zeros), "scales": scales.half()}
    return parts, (q - zeros[index].T) * scales[index].T


def ct_pack(is_symmetric: bool) -> Callable[[Tensor], Form]:
    def form(w: Tensor) -> Form:
        index = torch.arange(w.shape[1]) // 16
        q, zeros, scales = groups_of(w, index, 4)
        if is_symmetric:
            zeros = torch.full_like(zeros, 8)
        parts = {"weight_packed": words(q, 4), "weight_scale": scales.T.contiguous(), "weight_shape": torch.tensor(w.shape)}
        if not is_symmetric:
            parts["weight_zero_point"] = words(zeros, 4).T.contiguous()
        return parts, (q - zeros[index].T) * scales[index].T

    return form


E2M1 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def ct_nvfp4(w: Tensor) -> Form:
    blocks = w.unflatten(1, (-1, 16))
    whole = torch.tensor([448 * 6 / w.abs().max()])
    scales = (blocks.abs().amax(-1) / 6 * whole).to(torch.float8_e4m3fn)
    spread = (scales.float() / whole)[..., None]
    q = (blocks[..., None] / spread[..., None] - E2M1).abs().argmin(-1)
    numbers = (E2M1[q] * spread).flatten(1)
    q = q.flatten(1)
    return {"weight_packed": (q[:, ::2] | q[:, 1::2] << 4).to(torch.uint8), "weight_scale": scales, "weight_global_scale": whole}, numbers


def mlx(bits: int) -> Callable[[Tensor], Form]:
    def form(w: Tensor) -> Form:
        groups = w.unflatten(1, (-1, 32))
        low, high = groups.amin(-1), groups.amax(-1)
        scales, biases = ((high - low) / (2**bits - 1)).half(), low.half()
        q = ((groups - biases.float()[..., None]) / scales.float()[..., None]).round().clamp(0, 2**bits - 1)
        numbers = q * scales.float()[..., None] + biases.float()[..., None]
        packed = words(q.flatten(1), bits).view(torch.uint32)
        return {"weight": packed, "scales": scales, "biases": biases}, numbers.flatten(1)

    return form


def compressed(kind: str, bits: int, group: str) -> dict:
    weights = {"num_bits": bits, "type": "float" if "float" in kind or "nvfp4" in kind else "int", "strategy": group, "symmetric": True}
    return {"quant_method": "compressed-tensors", "format": kind, "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
            "ignore": ["lm_head"]}  # fmt: skip


FORMS: dict[str, tuple[Callable[[Tensor], Form], dict, bool]] = {
    "fp8_block": (fp8_block, {"quant_method": "fp8", "weight_block_size": [24, 20], "activation_scheme": "dynamic"}, False),
    "fp8_line": (fp8_line, compressed("float-quantized", 8, "channel"), False),
    "int8": (int8, compressed("int-quantized", 8, "channel"), False),
    "bnb_nf4": (nf4, {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, False),
    "bnb_nf4_plain": (lambda w: nf4(w, False), {"quant_method": "bitsandbytes", "load_in_4bit": True}, False),
    "bnb_int8": (bnb_int8, {"quant_method": "bitsandbytes", "load_in_8bit": True}, False),
    "gptq": (gptq(4, True), {"quant_method": "gptq", "bits": 4, "group_size": 16, "desc_act": True, "sym": False}, False),
    "gptq_8": (gptq(8, False, True), {"quant_method": "gptq", "bits": 8, "group_size": 16, "checkpoint_format": "gptq_v2"}, False),
    "awq": (awq, {"quant_method": "awq", "bits": 4, "group_size": 16, "version": "gemm", "zero_point": True}, False),
    "ct_pack": (ct_pack(True), compressed("pack-quantized", 4, "group"), False),
    "ct_pack_zeros": (ct_pack(False), compressed("pack-quantized", 4, "group"), False),
    "ct_nvfp4": (ct_nvfp4, compressed("nvfp4-pack-quantized", 4, "tensor_group"), False),
    "mlx_4": (mlx(4), {"group_size": 32, "bits": 4, "mode": "affine"}, True),
    "mlx_3": (mlx(3), {"group_size": 32, "bits": 3}, True),
}  # fmt: skip


def begun(name: str, kind: str) -> tuple[Path, Tokenizer]:
    """An empty folder with a tokenizer."""
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer = tiny.ALL[kind]()
    tiny.save(tokenizer, folder)
    return folder, tokenizer


def finish(name: str, tensors: dict[str, Tensor], model: torch.nn.Module, tokenizer: Tokenizer) -> None:
    """Writes the folder's tensors, and what `model`, which has their numbers, computes."""
    save_file(tensors, OUT / name / "model.safetensors", {"format": "pt"})
    sentences = checkpoints.sentences_for(tokenizer, masks_too=False, has_pairs=False)
    sites = {key: checkpoints.sites_in(model, sentence) for key, sentence in sentences.items()}
    checkpoints.write_golden(OUT / f"{name}.golden.safetensors", sentences, sites, {"files": [name]})
    print(f"{name}: {len(tensors)} tensors")


def stacked(form: Callable[[Tensor], Form], w: Tensor) -> Form:
    """The same of a stack of matrices (expert, out, in)."""
    parts, numbers = form(w.flatten(0, 1))
    return {part: value.unflatten(0, w.shape[:2]) for part, value in parts.items()}, numbers.view_as(w)


def write_mlx_experts(name: str = "mlx_experts") -> None:
    """A mixture of experts as MLX stores it: a stack a map, under names of its own."""
    folder, tokenizer = begun(name, "qwen2")
    config = checkpoints.llama(**{**checkpoints.OF_QWEN3_MOE, **SIZES, "moe_intermediate_size": 32}, vocab_size=tokenizer.get_vocab_size())
    how = {"group_size": 32, "bits": 4, "mode": "affine"}
    (folder / "config.json").write_text(json.dumps({**config, "quantization": how}, indent=1) + "\n")
    settings = {k: v for k, v in config.items() if k not in ("model_type", "architectures")}
    model = transformers.Qwen3MoeForCausalLM(transformers.Qwen3MoeConfig(**settings, attn_implementation="eager")).eval()
    checkpoints.scramble(model, seed=sum(map(ord, name)))
    tensors, pack = {}, mlx(4)
    with torch.no_grad():
        for key, weight in model.state_dict().items():
            if weight.ndim == 1:
                tensors[key] = weight.half()
                weight.copy_(tensors[key].float())
                continue
            stem = key.removesuffix(".weight")
            maps = {stem: weight}
            if key.endswith("experts.gate_up_proj"):
                gate, up = weight.chunk(2, 1)
                maps = {key.replace("experts.gate_up_proj", f"switch_mlp.{of}_proj"): part for of, part in (("gate", gate), ("up", up))}
            elif key.endswith("experts.down_proj"):
                maps = {key.replace("experts.", "switch_mlp."): weight}
            for theirs, part in maps.items():
                packed, numbers = stacked(pack, part.clone()) if part.ndim == 3 else pack(part.clone())
                part.copy_(numbers)
                tensors |= {f"{theirs}.{kind}": value.clone().contiguous() for kind, value in packed.items()}
    finish(name, tensors, model, tokenizer)


def write(name: str) -> None:
    form, how, has_tables = FORMS[name]
    folder, tokenizer = begun(name, "llama3")
    config = checkpoints.llama(**SIZES, vocab_size=tokenizer.get_vocab_size())
    key = "quantization" if has_tables else "quantization_config"
    (folder / "config.json").write_text(json.dumps({**config, key: how}, indent=1) + "\n")
    settings = {k: v for k, v in config.items() if k not in ("model_type", "architectures")}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**settings, attn_implementation="eager")).eval()
    checkpoints.scramble(model, seed=sum(map(ord, name)))
    tensors = {}
    with torch.no_grad():
        for key, weight in model.state_dict().items():
            is_packed = key.endswith("_proj.weight") or (has_tables and weight.ndim == 2)
            if not is_packed:
                tensors[key] = weight.half().contiguous()
                weight.copy_(tensors[key].float())
                continue
            parts, numbers = form(weight.clone())
            weight.copy_(numbers)
            stem = key.removesuffix(".weight")
            tensors |= {f"{stem}.{part}": value.clone().contiguous() for part, value in parts.items()}
    finish(name, tensors, model, tokenizer)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in FORMS:
        write(name)
    write_mlx_experts()
