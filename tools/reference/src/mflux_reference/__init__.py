"""Dumps of PyTorch and MLX runs for mflux parity: named, ordered checkpoints and a manifest."""

from mflux_reference.crop import Crop
from mflux_reference.dump import Dump, load_dump
from mflux_reference.latents import draw_latents, load_latents
from mflux_reference.recorder import Capture, capture

__all__ = ["Capture", "Crop", "Dump", "capture", "draw_latents", "load_dump", "load_latents"]
