"""Random choices of one case: everything about it follows from its seed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch

T = TypeVar("T")


class Draw:
    def __init__(self, *key: object) -> None:
        self.key = key
        words = [zlib.crc32(str(part).encode()) for part in key]
        self._rng = np.random.default_rng(words)
        self.generator = torch.Generator().manual_seed(int(self._rng.integers(2**31)))

    def integer(self, low: int, high: int) -> int:
        """Both ends included."""
        return int(self._rng.integers(low, high + 1))

    def uniform(self, low: float, high: float) -> float:
        return float(self._rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._rng.integers(len(options)))]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        return [options[index] for index in self._rng.permutation(len(options))]

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.generator)

    def ids(self, high: int, *shape: int) -> torch.Tensor:
        return torch.randint(0, high, shape, generator=self.generator)
