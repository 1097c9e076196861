"""Tensors of a dump put in the place of checkpoints, so that a run goes on as if it had computed them."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mflux_reference.backend import backend_of, is_tensor
from mflux_reference.dump import read_tensor
from mflux_reference.numpy_backend import is_floating_dtype

Source = Any  # a folder or file, "FILE#NAME", or a tensor


class Injector:
    """`sources` by checkpoint: a dump's folder or a file that holds the tensor under the checkpoint's name, FILE#NAME
    for another name, or a tensor of any framework. It takes the dtype that the run has there."""

    def __init__(self, sources: Mapping[str, Source] | None) -> None:
        self._arrays = {name: _read(name, source) for name, source in (sources or {}).items()}
        self._seen: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._arrays)

    def see(self, name: str, tensor: Any) -> Any:
        """What the run goes on with."""
        if not self._arrays:
            return tensor
        self._seen.add(name)
        array = self._arrays.get(name)
        if array is None:
            return tensor
        backend = backend_of(tensor)
        if list(array.shape) != list(tensor.shape):
            raise ValueError(f"cannot inject {name}: it is {list(array.shape)}, the run has {list(tensor.shape)} there")
        if is_floating_dtype(array.dtype) != backend.is_floating(tensor):
            raise ValueError(
                f"cannot inject {name}: it is {array.dtype}, the run has {backend.dtype_name(tensor)} there"
            )
        if is_floating_dtype(array.dtype) and not np.isfinite(array.astype(np.float64)).all():
            warnings.warn(f"what is injected for {name} holds NaN or infinity", stacklevel=2)
        return backend.from_numpy(array, tensor)

    def finish(self) -> None:
        """Raises when the run did not come by a checkpoint that was to be injected."""
        for name in self._arrays.keys() - self._seen:
            near = difflib.get_close_matches(name, self._seen, n=1)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise ValueError(f"nothing was injected for {name}: the run has no such checkpoint{hint}")


def _read(name: str, source: Source) -> np.ndarray:
    if isinstance(source, np.ndarray) or is_tensor(source):
        return backend_of(source).to_numpy(source, name)
    path, mark, other = str(source).rpartition("#")
    if mark and not Path(source).exists():
        return read_tensor(path, other)
    return read_tensor(source, name)
