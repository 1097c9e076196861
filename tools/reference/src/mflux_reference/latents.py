"""The initial noise: drawn once, saved, injected again. No other framework draws the same numbers from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from mflux_reference.dump import load_dump

NAME = "latents_initial"


def draw_latents(shape: Sequence[int], seed: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Standard normal noise, drawn in float32 on the CPU and then cast, so that every dtype starts alike."""
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32).to(dtype)


def load_latents(folder: Path | str) -> torch.Tensor:
    """The `latents_initial` of an earlier dump."""
    return load_dump(folder).tensor(NAME)
