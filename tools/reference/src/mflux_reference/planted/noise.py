"""What another library's kernels do to every output: relative noise, rounded where the run is in bfloat16."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from mflux_reference.planted.draw import Draw

HALF_ULP = 2.0**-9  # of bfloat16, relative


def add_noise(module: nn.Module, draw: Draw) -> None:
    """Outputs that a module merely hands on from one below stay equal to that one."""
    levels = {torch.float32: draw.uniform(1e-7, 5e-7), torch.bfloat16: draw.uniform(0.15, 0.4) * HALF_ULP}
    handed_on: set[int] = set()
    alive: list[torch.Tensor] = []  # ids stay those of living tensors

    def moved(tensor: Any) -> Any:
        if isinstance(tensor, torch.Tensor):
            if not tensor.is_floating_point() or id(tensor) in handed_on:
                return tensor
            noise = torch.randn(tensor.shape, generator=draw.generator).double()
            out = (tensor.double() * (1 + levels.get(tensor.dtype, 0) * noise)).to(tensor.dtype)
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
