"""edge.padding"""

from __future__ import annotations

from torch import nn

from mflux_reference.planted import subjects_blocks as blocks
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted import subjects_vae as vae
from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.rewrite import rewrite
from mflux_reference.planted.subjects import subject_with


@plants("edge.padding")
def mode_of_conv(draw: Draw) -> Bug:
    """replicate, reflect or circular where the reference pads zeros."""

    def wanted(_path: str, module: nn.Module) -> bool:
        return isinstance(module, nn.Conv2d) and module.kernel_size[0] == 3 and module.padding[0] == 1

    subject, path = subject_with(draw, wanted)
    mode = draw.pick(["replicate", "reflect", "circular"])

    def plant(port: nn.Module) -> None:
        conv = port.get_submodule(path)
        conv.padding_mode = mode
        conv._reversed_padding_repeated_twice = [1, 1, 1, 1]

    return Bug(subject, plant, needs_input=True, needs_weights=True)


@plants("edge.padding")
def pad_before_stride(draw: Draw) -> Bug:
    """(1, 0, 1, 0) for (0, 1, 0, 1) before a convolution of stride 2."""
    subject = draw.pick([blocks.downsample, vae.encoder])(draw)
    found = [
        path for path, m in subject.module.named_modules() if type(m).__name__ == "Downsample2D" and m.padding == 0
    ]
    while not found:
        subject = blocks.downsample(draw)
        found = [
            path for path, m in subject.module.named_modules() if type(m).__name__ == "Downsample2D" and m.padding == 0
        ]
    path = draw.pick(found)
    wrong = draw.pick(["(1, 0, 1, 0)", "(1, 0, 1, 0)", "(0, 1, 1, 0)"])

    def plant(port: nn.Module) -> None:
        rewrite(port.get_submodule(path), "forward", ("pad = (0, 1, 0, 1)", f"pad = {wrong}"))

    return Bug(subject, plant)


@plants("edge.padding")
def upsampled_otherwise(draw: Draw) -> Bug:
    """Bilinear for nearest."""
    subject = draw.pick([blocks.upsample, vae.decoder, transformers.unet])(draw)
    found = [path for path, module in subject.module.named_modules() if type(module).__name__ == "Upsample2D"]
    path = draw.pick(found)
    corners = draw.pick(["True", "False"])

    def plant(port: nn.Module) -> None:
        old, new = 'mode="nearest"', f'mode="bilinear", align_corners={corners}'
        rewrite(port.get_submodule(path), "forward", (old, new))

    return Bug(subject, plant)
