"""Tiny autoencoders, decoding or encoding."""

from __future__ import annotations

from typing import Any

from diffusers import AutoencoderKL, AutoencoderKLFlux2
from torch import nn

from mflux_reference.planted.draw import Draw
from mflux_reference.planted.subject import Subject, dtype_of, randomize
from mflux_reference.recorder import Capture


def vae(draw: Draw, way: str | None = None) -> Subject:
    cls = draw.pick([AutoencoderKL, AutoencoderKLFlux2])
    groups = draw.pick([2, 3, 4])
    widths = tuple(groups * draw.integer(2, 4) for _ in range(draw.integer(2, 3)))
    count = len(widths)
    config: dict[str, Any] = {
        "down_block_types": ("DownEncoderBlock2D",) * count,
        "up_block_types": ("UpDecoderBlock2D",) * count,
        "block_out_channels": widths,
        "layers_per_block": 1,
        "latent_channels": draw.pick([4, 5]),
        "norm_num_groups": groups,
        "sample_size": 16,
    }
    model = randomize(cls(**config), draw)
    way = way or draw.pick(["decode", "encode"])
    batch = draw.integer(1, 2)
    if way == "decode":
        x = draw.normal(batch, config["latent_channels"], draw.integer(3, 5), draw.integer(3, 6))
    else:
        x = draw.normal(batch, 3, 4 * draw.integer(3, 5), 4 * draw.integer(2, 5))

    def call(module: nn.Module, _capture: Capture) -> Any:
        # The submodules are called as `decode` and `encode` do.
        sample = x.to(dtype_of(module))
        if way == "decode":
            return module.decoder(module.post_quant_conv(sample) if module.post_quant_conv is not None else sample)
        moments = module.encoder(sample)
        return module.quant_conv(moments) if module.quant_conv is not None else moments

    return Subject("vae", model, call)


def decoder(draw: Draw) -> Subject:
    return vae(draw, "decode")


def encoder(draw: Draw) -> Subject:
    return vae(draw, "encode")
