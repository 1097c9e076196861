"""NumPy arrays among what is recorded; NumPy has no modules."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np


class NumpyBackend:
    def to_numpy(self, tensor: np.ndarray, name: str) -> np.ndarray:
        if tensor.dtype.hasobject:
            raise TypeError(f"{name}: an array of Python objects is no tensor")
        return np.array(tensor, order="C")

    def from_numpy(self, array: np.ndarray, like: np.ndarray) -> np.ndarray:
        return array.astype(like.dtype)

    def dtype_name(self, tensor: np.ndarray) -> str:
        return tensor.dtype.name

    def is_floating(self, tensor: np.ndarray) -> bool:
        return is_floating_dtype(tensor.dtype)

    def device(self, tensor: np.ndarray) -> str:
        return "cpu"

    def framework(self) -> str:
        return f"numpy {np.__version__}"

    def environment(self) -> dict[str, Any]:
        return {}


def is_floating_dtype(dtype: np.dtype) -> bool:
    """ml_dtypes' own types are of no kind that np.issubdtype knows."""
    return np.issubdtype(dtype, np.floating) or (dtype.kind == "V" and hasattr(ml_dtypes, dtype.name))
