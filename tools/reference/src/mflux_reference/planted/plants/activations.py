"""activation.variant"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from diffusers.models import activations
from torch import nn
from transformers import activations as hf

from mflux_reference.planted import subjects_blocks as blocks
from mflux_reference.planted import subjects_encoders as encoders
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.rewrite import rewrite
from mflux_reference.planted.subject import Subject
from mflux_reference.planted.subjects import subject_with

Curve = Callable[[torch.Tensor], torch.Tensor]


def quick_gelu(x: torch.Tensor) -> torch.Tensor:
    return x * torch.sigmoid(1.702 * x)


def gelu_tanh(x: torch.Tensor) -> torch.Tensor:
    return F.gelu(x, approximate="tanh")


CURVES: dict[str, Curve] = {
    "gelu": F.gelu,
    "gelu_tanh": gelu_tanh,
    "quick_gelu": quick_gelu,
    "silu": F.silu,
    "hardswish": F.hardswish,
    "relu": F.relu,
}
# What is mistaken for what, by the name of the right one.
OTHERS = {
    "gelu": ["gelu_tanh", "quick_gelu", "silu"],
    "gelu_tanh": ["gelu", "quick_gelu", "silu"],
    "quick_gelu": ["gelu", "gelu_tanh", "silu"],
    "silu": ["gelu", "gelu_tanh", "hardswish", "quick_gelu"],
    "relu": ["gelu", "silu"],
}
KINDS = {
    nn.SiLU: "silu",
    hf.SiLUActivation: "silu",
    hf.GELUActivation: "gelu",
    hf.GELUTanh: "gelu_tanh",
    hf.NewGELUActivation: "gelu_tanh",
    hf.QuickGELUActivation: "quick_gelu",
    nn.ReLU: "relu",
}


class Wrong(nn.Module):
    def __init__(self, curve: Curve) -> None:
        super().__init__()
        self.curve = curve

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.curve(x)


def wrong_curve(draw: Draw, kind: str) -> Curve:
    return CURVES[draw.pick(OTHERS[kind])]


def set_module(root: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    holder = root.get_submodule(parent)
    if isinstance(holder, (nn.Sequential, nn.ModuleList)):
        holder[int(name)] = module
    else:
        setattr(holder, name, module)


def replace_activation(draw: Draw, subject: Subject, path: str) -> Bug:
    right = subject.module.get_submodule(path)
    wrong = Wrong(wrong_curve(draw, KINDS[type(right)]))
    wrong.__class__ = type(type(right).__name__, (Wrong,), {})
    return Bug(subject, lambda port: set_module(port, path, wrong), needs_input=True)


@plants("activation.variant")
def activation_module(draw: Draw) -> Bug:
    """An activation that is a module of its own, anywhere."""
    subject, path = subject_with(draw, lambda path, module: type(module) in KINDS)
    return replace_activation(draw, subject, path)


@plants("activation.variant")
def activation_of_encoder(draw: Draw) -> Bug:
    subject = draw.pick([encoders.qwen3, encoders.clip, encoders.t5, encoders.siglip, encoders.vit])(draw)
    paths = [path for path, module in subject.module.named_modules() if type(module) in KINDS]
    return replace_activation(draw, subject, draw.pick(paths))


@plants("activation.variant")
def activation_in_feed_forward(draw: Draw) -> Bug:
    """GELU, GEGLU, SwiGLU of diffusers: projection and activation in one module."""
    kind = draw.pick(["gelu", "gelu-approximate", "geglu", "geglu-approximate", "swiglu"])
    subject = blocks.feed_forward(draw, kind)
    right = {"gelu": "gelu", "gelu-approximate": "gelu_tanh", "geglu": "gelu", "geglu-approximate": "quick_gelu"}
    curve = wrong_curve(draw, right.get(kind, "silu"))

    def plant(port: nn.Module) -> None:
        wreck_projection(port.net[0], curve)

    return Bug(subject, plant, label=f"FeedForward({kind})", needs=("*.proj",))


def wreck_projection(module: nn.Module, curve: Curve) -> None:
    if isinstance(module, activations.ApproximateGELU):
        rewrite(module, "forward", ("x * torch.sigmoid(1.702 * x)", "wrong(x)"), wrong=curve)
    elif isinstance(module, activations.SwiGLU):
        rewrite(module, "forward", ("self.activation(gate)", "wrong(gate)"), wrong=curve)
    else:
        rewrite(module, "forward", ("self.gelu(", "wrong("), wrong=curve)


@plants("activation.variant")
def activation_in_transformer_block(draw: Draw) -> Bug:
    """The feed-forward of SD3, FLUX.1 and a UNet's block."""
    subject = draw.pick([transformers.sd3, transformers.flux, transformers.unet, blocks.basic_block])(draw)
    kinds = (activations.GELU, activations.GEGLU, activations.SwiGLU)
    found = [(path, module) for path, module in subject.module.named_modules() if isinstance(module, kinds)]
    path, module = draw.pick(found)
    tanh = isinstance(module, activations.GELU) and module.approximate == "tanh"
    curve = wrong_curve(draw, "silu" if isinstance(module, activations.SwiGLU) else "gelu_tanh" if tanh else "gelu")
    return Bug(
        subject,
        lambda port: wreck_projection(port.get_submodule(path), curve),
        needs=(f"{subject.component}.{path}.proj",),
    )


@plants("activation.variant")
def activation_inside_forward(draw: Draw) -> Bug:
    """Z-Image's gated feed-forward: silu is a function, not a module."""
    subject = transformers.zimage(draw)
    paths = [path for path, module in subject.module.named_modules() if path.endswith("feed_forward")]
    path = draw.pick(paths)
    curve = wrong_curve(draw, "silu")

    def plant(port: nn.Module) -> None:
        rewrite(port.get_submodule(path), "_forward_silu_gating", ("F.silu(", "wrong("), wrong=curve)

    base = f"{subject.component}.{path}"
    return Bug(subject, plant, needs=(f"{base}.w1", f"{base}.w3"))


@plants("activation.variant")
def activation_after_norm(draw: Draw) -> Bug:
    """ResnetBlock2D calls its one activation three times; it is wrong in all."""
    subject = blocks.resnet(draw)
    return replace_activation(draw, subject, "nonlinearity")
