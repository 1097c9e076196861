"""Dumps of PyTorch and MLX runs for mflux parity: named, ordered checkpoints and a manifest."""

from mflux_reference.comparing import compare
from mflux_reference.crop import Crop
from mflux_reference.dump import Dump, load_dump
from mflux_reference.latents import draw_latents, load_latents
from mflux_reference.recorder import Capture, capture
from mflux_reference.result import Comparison

__all__ = [
    "Capture",
    "Comparison",
    "Crop",
    "Dump",
    "assert_parity",
    "capture",
    "compare",
    "draw_latents",
    "load_dump",
    "load_latents",
]


def __getattr__(name: str):  # pytest need not be installed
    if name == "assert_parity":
        from mflux_reference.pytest_plugin import assert_parity

        return assert_parity
    raise AttributeError(name)
