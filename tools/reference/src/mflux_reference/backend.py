"""The seam between Capture and the framework whose modules it watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

Before = Callable[[tuple, dict], tuple[tuple, dict]]
After = Callable[[Any], Any]


class Backend(Protocol):
    """What Capture needs of torch or MLX; a Module and a Tensor are the framework's own."""

    def named_modules(self, module: Any) -> Iterator[tuple[str, Any]]:
        """Every module of the tree once, the root (its path is empty) first."""

    def wrap(self, module: Any, before: Before, after: After, *, first: bool) -> Callable[[], None]:
        """Lets `before` see and replace the arguments of every call, `after` its result; returns what undoes it.
        With `first` this `before` runs ahead of earlier ones."""

    def forward(self, module: Any) -> Callable:
        """What holds the signature of a call."""

    def weights(self, module: Any) -> list[Any]: ...

    def has_parameters(self, module: Any) -> bool: ...

    def device(self, tensor: Any) -> str: ...

    def to_numpy(self, tensor: Any, name: str) -> np.ndarray:
        """A contiguous copy of its own that keeps the dtype (bfloat16 as ml_dtypes has it); `name` is for errors."""

    def from_numpy(self, array: np.ndarray, like: Any) -> Any:
        """In the dtype and on the device of `like`."""

    def dtype_name(self, tensor: Any) -> str: ...

    def is_floating(self, tensor: Any) -> bool: ...

    def framework(self) -> str:
        """Its name and version, as manifest.json says them."""

    def environment(self) -> dict[str, Any]:
        """What the numbers may depend on; nothing that names the machine."""


def is_tensor(value: Any) -> bool:
    return _is_a(value, "torch", "Tensor") or _is_a(value, "mlx.core", "array")


def backend_of(value: Any) -> Backend:
    """That of a module or a tensor. Neither framework is imported here: a value of one has imported it."""
    if _is_a(value, "torch", "Tensor") or _is_a(value, "torch.nn", "Module"):
        from mflux_reference.torch_backend import TorchBackend

        return TorchBackend()
    if _is_a(value, "mlx.core", "array") or _is_a(value, "mlx.nn", "Module"):
        from mflux_reference.mlx_backend import MlxBackend

        return MlxBackend()
    if isinstance(value, np.ndarray | np.generic):
        from mflux_reference.numpy_backend import NumpyBackend

        return NumpyBackend()
    raise TypeError(f"expected a torch or MLX module or tensor, got {type(value).__module__}.{type(value).__name__}")


def _is_a(value: Any, module: str, name: str) -> bool:
    loaded = sys.modules.get(module)
    kind = getattr(loaded, name, None)
    return kind is not None and isinstance(value, kind)
