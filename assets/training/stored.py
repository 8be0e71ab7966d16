"""Weights as the program embeds them: matrices in 8 bits.

A matrix `NAME` of I8 has its rows' scales in `NAME.scale` (F16): number = integer * scale of its row. Vectors are F16.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

SCALE = ".scale"


def in_eight_bits(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    packed = {}
    for name, weight in weights.items():
        if weight.dim() < 2:
            packed[name] = weight.half().contiguous()
            continue
        scale = (weight.float().abs().amax(-1) / 127).clamp_min(1e-6).half()
        numbers = (weight.float() / scale.float()[..., None]).round().clamp(-127, 127)
        packed[name], packed[name + SCALE] = numbers.to(torch.int8).contiguous(), scale.contiguous()
    return packed


def load_weights(path: Path) -> dict[str, Tensor]:
    """All weights of a file as f32, whatever they are stored in."""
    stored = load_file(path)
    scaled = lambda name, w: w.float() * stored[name + SCALE].float()[..., None] if name + SCALE in stored else w.float()
    return {name: scaled(name, w) for name, w in stored.items() if not name.endswith(SCALE)}
