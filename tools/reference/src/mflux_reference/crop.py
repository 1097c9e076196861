"""Centre crops that keep fixtures small."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mflux_reference.names import matches

Slice = list[list[int]]


@dataclass(frozen=True)
class Crop:
    """Tensors of more than `above` bytes are stored as a centre crop of at most `to` bytes, save those in `keep`."""

    above: int
    to: int
    keep: tuple[str, ...] = ()

    def slice_of(self, name: str, tensor: Any) -> Slice | None:
        size = tensor.itemsize
        if math.prod(tensor.shape) * size <= self.above or matches(name, self.keep):
            return None
        return centre_slice(list(tensor.shape), max(1, self.to // size))


def centre_slice(shape: list[int], elements: int) -> Slice:
    """Halves the longest axis, the last of equals, until at most `elements` are left."""
    sizes = list(shape)
    while math.prod(sizes) > elements:
        axis = max(range(len(sizes)), key=lambda i: (sizes[i], i))
        sizes[axis] = (sizes[axis] + 1) // 2
    return [[(full - size) // 2, (full - size) // 2 + size] for full, size in zip(shape, sizes, strict=True)]


def apply_slice(tensor: Any, ranges: Slice) -> Any:
    """Of a torch, MLX or NumPy tensor."""
    return tensor[tuple(slice(begin, end) for begin, end in ranges)]
