"""Golden blocks for the reader of quantised weights: packed bytes, and what the `gguf` package makes of them.

    python assets/training/quants.py tests/goldens/quants

Writes one safetensors file a format with `packed` (blocks, bytes) and `numbers` (blocks, numbers):
blocks of random bytes with usable scales, and edges: all zeros, all ones, the largest and the
smallest scales, subnormal and negative ones.
"""

import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type
from gguf.quants import dequantize
from safetensors.numpy import save_file

# Where the f16 scales stand in a block.
SCALES = {
    Type.Q8_0: [0],
    Type.Q4_0: [0],
    Type.Q4_1: [0, 2],
    Type.Q5_0: [0],
    Type.Q5_1: [0, 2],
    Type.Q4_K: [0, 2],
    Type.Q5_K: [0, 2],
    Type.Q6_K: [208],
    Type.MXFP4: [],
}
EDGES = [0.0, -0.0, 6e-8, -6e-8, 6.1e-5, 1.0, -1.0, 65504.0, -65504.0]
N_RANDOM = 24


def blocks(kind: Type, random: np.random.Generator) -> np.ndarray:
    size = GGML_QUANT_SIZES[kind][1]
    packed = [np.zeros(size, np.uint8), np.full(size, 0xFF, np.uint8)]
    packed += list(random.integers(0, 256, (len(EDGES) + N_RANDOM, size), np.uint8))
    for i, block in enumerate(packed[1:]):
        for at in SCALES[kind]:
            scale = EDGES[i - 1] if 1 <= i <= len(EDGES) else random.normal(0.0, 0.05)
            block[at : at + 2] = np.frombuffer(np.float16(scale).tobytes(), np.uint8)
    if kind == Type.MXFP4:  # every byte of the scale, whatever it is
        packed += [np.concatenate([[e], block[1:]]).astype(np.uint8) for e, block in zip((0, 1, 2, 127, 254, 255), packed[2:])]
    return np.stack(packed)


def main(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    for kind in SCALES:
        packed = blocks(kind, random)
        numbers = np.ascontiguousarray(dequantize(packed, kind))
        save_file({"packed": packed, "numbers": numbers}, folder / f"{kind.name}.safetensors")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
