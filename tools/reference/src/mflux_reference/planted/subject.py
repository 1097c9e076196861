"""What a bug is planted into: a module tree with random weights, and how it is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mflux_reference.planted.draw import Draw
from mflux_reference.recorder import Capture

Call = Callable[[nn.Module, Capture], Any]


@dataclass
class Subject:
    """`call` runs the module, casting its own float inputs to the module's dtype."""

    component: str
    module: nn.Module
    call: Call
    name: str = ""
    tapped: bool = True  # False: only what `call` records itself, as in a script's own savez

    @property
    def label(self) -> str:
        return self.name or type(self.module).__name__


def randomize(module: nn.Module, draw: Draw) -> nn.Module:
    """Every weight drawn so that signals keep their size; norms near 1, biases clearly not 0."""
    for name, weight in module.named_parameters():
        noise = torch.randn(weight.shape, generator=draw.generator)
        if weight.ndim >= 2:
            fan_in = weight[0].numel()
            embedding = "embed" in name and isinstance(module.get_submodule(name.rpartition(".")[0]), nn.Embedding)
            weight.data.copy_(noise if embedding else noise / fan_in**0.5)
        elif name.endswith("weight"):
            weight.data.copy_(1 + 0.3 * noise)
        else:
            weight.data.copy_(0.3 * noise)
    for name, buffer in module.named_buffers():
        if name.endswith("running_var"):
            buffer.data.copy_(0.5 + torch.rand(buffer.shape, generator=draw.generator))
        elif name.endswith("running_mean"):
            buffer.data.copy_(0.3 * torch.randn(buffer.shape, generator=draw.generator))
    return module.eval().requires_grad_(False)


def dtype_of(module: nn.Module) -> torch.dtype:
    return next((weight.dtype for weight in module.parameters()), torch.float32)


def cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, (list, tuple)):
        return type(value)(cast(item, dtype) for item in value)
    return value


def calling(*args: Any, keep: tuple[str, ...] = (), **kwargs: Any) -> Call:
    """Calls a module with these tensors in its dtype, those of `keep` as they are."""

    def call(module: nn.Module, _capture: Capture) -> Any:
        dtype = dtype_of(module)
        return module(
            *(cast(value, dtype) for value in args),
            **{name: value if name in keep else cast(value, dtype) for name, value in kwargs.items()},
        )

    return call
