"""The initial noise: drawn once, saved, injected again. No other framework draws the same numbers from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mflux_reference.dump import load_dump

if TYPE_CHECKING:
    import torch

NAME = "latents_initial"


def draw_latents(shape: Sequence[int], seed: int, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Standard normal noise, drawn in float32 on the CPU and then cast, so that every dtype starts alike."""
    import torch

    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32).to(dtype or torch.float32)


def load_latents(folder: Path | str, framework: str = "torch") -> Any:
    """The `latents_initial` of an earlier dump, as a tensor of "torch", "mlx" or "numpy"."""
    return load_dump(folder).tensor(NAME, framework)
