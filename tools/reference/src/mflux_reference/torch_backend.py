"""torch modules: their own hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch import nn

from mflux_reference.backend import After, Before

# What NumPy has no type for, and the integers of the same width to go through.
THROUGH = {"bfloat16": torch.int16, "float8_e4m3fn": torch.uint8, "float8_e5m2": torch.uint8}


class TorchBackend:
    def named_modules(self, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
        yield from module.named_modules()

    def wrap(self, module: nn.Module, before: Before, after: After, *, first: bool) -> Callable[[], None]:
        entered = module.register_forward_pre_hook(
            lambda _module, args, kwargs: before(args, kwargs), prepend=first, with_kwargs=True
        )
        left = module.register_forward_hook(lambda _module, _args, result: after(result))

        def undo() -> None:
            entered.remove()
            left.remove()

        return undo

    def forward(self, module: nn.Module) -> Callable:
        return module.forward

    def weights(self, module: nn.Module) -> list[torch.Tensor]:
        return list(module.state_dict().values())

    def has_parameters(self, module: nn.Module) -> bool:
        return next(module.parameters(), None) is not None

    def device(self, tensor: torch.Tensor) -> str:
        return str(tensor.device)

    def to_numpy(self, tensor: torch.Tensor, name: str) -> np.ndarray:
        stored = tensor.detach().to("cpu", copy=True).contiguous().resolve_conj().resolve_neg()
        kind = self.dtype_name(tensor)
        if kind not in THROUGH:
            return stored.numpy()
        return stored.view(THROUGH[kind]).numpy().view(getattr(ml_dtypes, kind))

    def from_numpy(self, array: np.ndarray, like: torch.Tensor) -> torch.Tensor:
        return as_torch(array).to(like.device, like.dtype)

    def dtype_name(self, tensor: torch.Tensor) -> str:
        return dtype_name(tensor.dtype)

    def is_floating(self, tensor: torch.Tensor) -> bool:
        return tensor.is_floating_point()

    def framework(self) -> str:
        return f"torch {torch.__version__.split('+')[0]}"

    def environment(self) -> dict[str, Any]:
        return {
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
            "mkldnn": torch.backends.mkldnn.enabled,
            "tf32": torch.backends.cuda.matmul.allow_tf32,
        }


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def as_torch(array: np.ndarray) -> torch.Tensor:
    """A tensor of the same dtype, in memory of its own."""
    kind = array.dtype.name
    if kind not in THROUGH:
        return torch.from_numpy(np.array(array, order="C"))
    integers = np.array(array, order="C").view(f"u{array.dtype.itemsize}")
    return torch.from_numpy(integers).view(getattr(torch, kind))
