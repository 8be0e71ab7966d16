"""A tiny GGUF file of a Llama as converters write it, and what must be read from it.

    python assets/training/gguf_golden.py tests/goldens/quants

Writes `llama.gguf` (one layer, several formats, queries and keys with the lines of a head
interleaved) and `llama.reference.safetensors`: the same weights decoded, under Hugging Face's names
and in its order.
"""

import pathlib
import sys

import numpy as np
from gguf import GGUFWriter, GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize
from safetensors.numpy import save_file

D_MODEL, HEADS, KV_HEADS, D_FF, VOCAB = 32, 4, 2, 256, 11
D_HEAD = D_MODEL // HEADS

# GGUF's name, Hugging Face's, shape (rows first), format, heads where lines are interleaved.
TENSORS = [
    ("token_embd", "model.embed_tokens", (VOCAB, D_MODEL), Type.Q8_0, None),
    ("blk.0.attn_norm", "model.layers.0.input_layernorm", (D_MODEL,), Type.F32, None),
    ("blk.0.attn_q", "model.layers.0.self_attn.q_proj", (D_MODEL, D_MODEL), Type.Q5_1, HEADS),
    ("blk.0.attn_k", "model.layers.0.self_attn.k_proj", (KV_HEADS * D_HEAD, D_MODEL), Type.F32, KV_HEADS),
    ("blk.0.attn_v", "model.layers.0.self_attn.v_proj", (KV_HEADS * D_HEAD, D_MODEL), Type.F16, None),
    ("blk.0.attn_output", "model.layers.0.self_attn.o_proj", (D_MODEL, D_MODEL), Type.Q4_0, None),
    ("blk.0.ffn_norm", "model.layers.0.post_attention_layernorm", (D_MODEL,), Type.F32, None),
    ("blk.0.ffn_gate", "model.layers.0.mlp.gate_proj", (D_FF, D_MODEL), Type.Q4_1, None),
    ("blk.0.ffn_up", "model.layers.0.mlp.up_proj", (D_FF, D_MODEL), Type.BF16, None),
    ("blk.0.ffn_down", "model.layers.0.mlp.down_proj", (D_MODEL, D_FF), Type.Q5_0, None),
    ("output_norm", "model.norm", (D_MODEL,), Type.F32, None),
]


def interleaved(weights: np.ndarray, heads: int) -> np.ndarray:
    """As llama.cpp's converter does it: rows (head, half, i) become (head, i, half)."""
    rows, cols = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def in_order(weights: np.ndarray, heads: int) -> np.ndarray:
    rows, cols = weights.shape
    return weights.reshape(heads, rows // heads // 2, 2, cols).swapaxes(1, 2).reshape(rows, cols)


def describe(writer: GGUFWriter) -> None:
    writer.add_block_count(1)
    writer.add_embedding_length(D_MODEL)
    writer.add_feed_forward_length(D_FF)
    writer.add_context_length(64)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(D_HEAD)
    writer.add_rope_freq_base(10000.0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"t{i}" for i in range(VOCAB)])
    writer.add_token_scores([-float(i) for i in range(VOCAB)])
    writer.add_token_types([1] * VOCAB)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)


def main(folder: pathlib.Path) -> None:
    random = np.random.default_rng(2)
    writer = GGUFWriter(str(folder / "llama.gguf"), "llama")
    describe(writer)
    reference = {}
    for theirs, ours, shape, kind, heads in TENSORS:
        weights = random.normal(0.0, 0.5, shape).astype(np.float32)
        if heads:
            weights = interleaved(weights, heads)
        packed = quantize(weights, kind)
        writer.add_tensor(f"{theirs}.weight", packed, raw_dtype=kind)
        decoded = dequantize(packed, kind).reshape(shape)
        decoded = in_order(decoded, heads) if heads else decoded
        reference[f"{ours}.weight"] = np.ascontiguousarray(decoded)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(reference, folder / "llama.reference.safetensors")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
