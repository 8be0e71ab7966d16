"""Golden blocks for the reader of quantised weights: packed bytes, and what the `gguf` package makes of them.

    python assets/training/quants.py tests/goldens/quants assets/grids

Writes one safetensors file a format with `packed` (blocks, bytes) and `numbers` (blocks, numbers):
blocks of random bytes with usable scales, and edges: all zeros, all ones, the largest and the
smallest scales, subnormal and negative ones. Writes the tables of the formats that have one, too.
"""

import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type
from gguf import quants
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
    Type.Q2_K: [80, 82],
    Type.Q3_K: [108],
    Type.IQ4_NL: [0],
    Type.IQ4_XS: [0],
    Type.IQ3_XXS: [0],
    Type.IQ3_S: [0],
    Type.IQ2_XXS: [0],
    Type.IQ2_XS: [0],
    Type.IQ2_S: [0],
    Type.IQ1_S: [0],
    Type.IQ1_M: [],
    Type.TQ1_0: [52],
    Type.TQ2_0: [64],
    Type.NVFP4: [],
}
# Fewer blocks of the later ones.
FEWER = 12
EDGES = [0.0, -0.0, 6e-8, -6e-8, 6.1e-5, 1.0, -1.0, 65504.0, -65504.0]
N_RANDOM = 24


def blocks(kind: Type, random: np.random.Generator) -> np.ndarray:
    size = GGML_QUANT_SIZES[kind][1]
    packed = [np.zeros(size, np.uint8), np.full(size, 0xFF, np.uint8)]
    n_random = N_RANDOM if kind in list(SCALES)[:9] else FEWER
    packed += list(random.integers(0, 256, (len(EDGES) + n_random, size), np.uint8))
    for i, block in enumerate(packed[1:]):
        for at in SCALES[kind]:
            scale = EDGES[i - 1] if 1 <= i <= len(EDGES) else random.normal(0.0, 0.05)
            block[at : at + 2] = np.frombuffer(np.float16(scale).tobytes(), np.uint8)
    if kind == Type.MXFP4:  # every byte of the scale, whatever it is
        packed += [np.concatenate([[e], block[1:]]).astype(np.uint8) for e, block in zip((0, 1, 2, 127, 254, 255), packed[2:])]
    if kind == Type.NVFP4:  # every scale
        every = np.arange(256, dtype=np.uint8).reshape(-1, 4)
        packed += [np.concatenate([four, packed[2 + i % 8][4:]]) for i, four in enumerate(every)]
    if kind == Type.IQ1_M:  # quarters of d that are a usable number
        for block in packed[2:]:
            d = int(np.float16(random.normal(0.0, 0.05)).view(np.uint16))
            for i in range(4):
                block[49 + 2 * i] = block[49 + 2 * i] & 0x0F | (d >> 4 * i & 0xF) << 4
    return np.stack(packed)


def write_grids(folder: pathlib.Path) -> None:
    """The tables of points, a byte a number."""
    folder.mkdir(parents=True, exist_ok=True)
    for of in (quants.IQ2_XXS, quants.IQ2_XS, quants.IQ2_S, quants.IQ3_XXS, quants.IQ3_S, quants.IQ1_S):
        of.init_grid()
        (folder / f"{of.__name__.lower()}.bin").write_bytes(of.grid.astype(np.int8).tobytes())


def main(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    for kind in SCALES:
        packed = blocks(kind, random)
        numbers = np.ascontiguousarray(dequantize(packed, kind))
        save_file({"packed": packed, "numbers": numbers}, folder / f"{kind.name}.safetensors")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
    write_grids(pathlib.Path(sys.argv[2]))
