"""What another library's kernels do to every output: relative noise, rounded where the run is in bfloat16."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from mflux_reference.planted.draw import Draw

HALF_ULP = 2.0**-9  # of bfloat16, relative


def add_noise(module: nn.Module, draw: Draw, level: float) -> None:
    """Outputs that a module merely hands on from one below stay equal to that one."""
    handed_on: set[int] = set()
    alive: list[torch.Tensor] = []  # ids stay those of living tensors

    def moved(tensor: Any) -> Any:
        if isinstance(tensor, torch.Tensor):
            if not tensor.is_floating_point() or id(tensor) in handed_on:
                return tensor
            noise = torch.randn(tensor.shape, generator=draw.generator)
            out = (tensor.double() * (1 + level * noise.double())).to(tensor.dtype)
            handed_on.add(id(out))
            alive.append(out)
            return out
        if isinstance(tensor, tuple) and not hasattr(tensor, "_fields"):
            return tuple(moved(item) for item in tensor)
        if isinstance(tensor, list):
            return [moved(item) for item in tensor]
        if isinstance(tensor, dict):  # diffusers' and transformers' outputs
            for key in list(tensor):
                tensor[key] = moved(tensor[key])
        return tensor

    def hook(_module: nn.Module, args: tuple, result: Any) -> Any:
        if any(result is arg for arg in args):  # Identity, Dropout in evaluation
            return None
        return moved(result)

    for child in module.modules():
        child.register_forward_hook(hook)


def level_of(draw: Draw, dtype: torch.dtype) -> float:
    if dtype == torch.bfloat16:
        return draw.uniform(0.2, 0.5) * HALF_ULP
    return draw.uniform(1e-7, 5e-7)
