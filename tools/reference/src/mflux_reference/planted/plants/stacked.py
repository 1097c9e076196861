"""Two bugs at once: at one checkpoint, and at two places."""

from __future__ import annotations

import torch.nn.functional as F
from torch import nn

from mflux_reference.planted import subjects_blocks as blocks
from mflux_reference.planted import subjects_encoders as encoders
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.plants.activations import KINDS, Wrong, set_module, wrong_curve
from mflux_reference.planted.plants.modulation import scaled
from mflux_reference.planted.rewrite import replace_method


@plants("stacked")
def bias_and_sign(draw: Draw) -> Bug:
    """One layer without its bias and negated, or scaled."""
    subject = blocks.feed_forward(draw)
    kind = draw.pick(["sign.flip", "scale.constant"])
    factor = -1.0 if kind == "sign.flip" else draw.pick([0.5, 2.0])
    path = next(
        path for path, m in subject.module.named_modules() if isinstance(m, nn.Linear) and path.startswith("net.2")
    )
    layer = subject.module.get_submodule(path)
    if layer.bias is None:
        layer.bias = nn.Parameter(draw.normal(layer.out_features), requires_grad=False)

    def plant(port: nn.Module) -> None:
        module = port.get_submodule(path)
        module.bias = None
        scaled(module, factor)

    return Bug(subject, plant, ids=("bias.missing", kind), label="stacked Linear")


@plants("stacked")
def two_layers(draw: Draw) -> Bug:
    """A bias early, an activation late, each seen at its own checkpoint when inputs are dumped."""
    subject = draw.pick([encoders.clip, encoders.siglip, encoders.vit])(draw)
    linears = [path for path, m in subject.module.named_modules() if isinstance(m, nn.Linear) and m.bias is not None]
    early = linears[0]
    late = [path for path, m in subject.module.named_modules() if type(m) in KINDS][-1]
    curve = Wrong(wrong_curve(draw, KINDS[type(subject.module.get_submodule(late))]))

    def plant(port: nn.Module) -> None:
        port.get_submodule(early).bias = None
        set_module(port, late, curve)

    return Bug(
        subject, plant, ids=("bias.missing", "activation.variant"), label="stacked encoder", needs_input=True,
        needs=(f"{subject.component}.{late}.in",),
    )  # fmt: skip


@plants("stacked")
def permuted_and_scaled(draw: Draw) -> Bug:
    """The image's rows and columns exchanged, and halved."""
    subject = transformers.unet(draw)
    factor = draw.pick([0.5, 2.0, 0.18215])

    def forward(self: nn.Module, x):
        return F.conv2d(x, self.weight, self.bias, padding=self.padding).transpose(2, 3) * factor

    return Bug(
        subject,
        lambda port: replace_method(port.conv_out, "forward", forward),
        ids=("layout.permute", "scale.constant"),
        label="stacked UNet",
    )
