"""mlx.nn modules. They have no hooks: a watched module gets a subclass of its class until the capture ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten

from mflux_reference.backend import After, Before


class MlxBackend:
    def named_modules(self, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
        """In the order of definition, as torch has it; also below tuples and names with a leading underscore, which
        mlx.nn's own walk leaves out. Modules that only hold others cannot be called and are passed over."""
        yield from ((path, child) for path, child in _modules("", module, set()) if callable(child))

    def wrap(self, module: nn.Module, before: Before, after: After, *, first: bool) -> Callable[[], None]:
        """The module stays the same object and an instance of its class; the last to wrap sees a call first."""
        kind = type(module)

        class Watched(kind):
            def __call__(self, *args: Any, **kwargs: Any) -> Any:
                args, kwargs = before(args, kwargs)
                return after(kind.__call__(self, *args, **kwargs))

        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(Watched, name, getattr(kind, name))
        object.__setattr__(module, "__class__", Watched)
        return lambda: object.__setattr__(module, "__class__", kind)

    def forward(self, module: nn.Module) -> Callable:
        return module.__call__

    def weights(self, module: nn.Module) -> list[mx.array]:
        return [weight for _, weight in tree_flatten(module.parameters())]

    def has_parameters(self, module: nn.Module) -> bool:
        return bool(self.weights(module))

    def device(self, tensor: mx.array) -> str:
        return mx.default_device().type.name

    def to_numpy(self, tensor: mx.array, name: str) -> np.ndarray:
        try:
            mx.eval(tensor)
        except ValueError as error:
            raise RuntimeError(
                f"{name} has no value yet: it is inside a function that mx.compile, mx.grad or mx.vmap traces. "
                "Call mx.disable_compile() before the capture and mx.enable_compile() after it"
            ) from error
        if tensor.dtype == mx.bfloat16:
            return np.array(mx.contiguous(tensor).view(mx.uint16)).view(ml_dtypes.bfloat16)
        return np.array(tensor, order="C")

    def from_numpy(self, array: np.ndarray, like: mx.array) -> mx.array:
        return mx.array(array).astype(like.dtype)

    def dtype_name(self, tensor: mx.array) -> str:
        return str(tensor.dtype).removeprefix("mlx.core.")

    def is_floating(self, tensor: mx.array) -> bool:
        return mx.issubdtype(tensor.dtype, mx.floating)

    def framework(self) -> str:
        return f"mlx {mx.__version__}"

    def environment(self) -> dict[str, Any]:
        tf32 = os.environ.get("MLX_ENABLE_TF32", "1") != "0" and mx.default_device().type.name == "gpu"
        return {"tf32": tf32}


def _modules(path: str, value: Any, seen: set[int]) -> Iterator[tuple[str, nn.Module]]:
    if isinstance(value, nn.Module):
        if id(value) in seen:
            return
        seen.add(id(value))
        yield path, value
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list | tuple):
        children = enumerate(value)
    else:
        return
    for key, child in children:
        yield from _modules(f"{path}.{key}" if path else str(key), child, seen)
