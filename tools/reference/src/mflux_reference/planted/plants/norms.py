"""norm.eps, norm.mean, norm.groups"""

from __future__ import annotations

import torch
from diffusers.models.normalization import FP32LayerNorm, RMSNorm
from torch import nn
from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm
from transformers.models.t5.modeling_t5 import T5LayerNorm

from mflux_reference.planted import subjects_blocks as blocks
from mflux_reference.planted import subjects_encoders as encoders
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted import subjects_vae as vae
from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.rewrite import replace_method
from mflux_reference.planted.subject import Subject

EPS = {RMSNorm: "eps", Qwen3RMSNorm: "variance_epsilon", T5LayerNorm: "variance_epsilon"}
WITH_EPS = (*EPS, nn.LayerNorm, FP32LayerNorm, nn.GroupNorm, nn.RMSNorm)
WITHOUT_MEAN = (RMSNorm, Qwen3RMSNorm, T5LayerNorm, nn.RMSNorm)


def norms_of(subject: Subject, kinds: tuple[type, ...]) -> list[str]:
    return [path for path, module in subject.module.named_modules() if isinstance(module, kinds)]


def drawn_norm(draw: Draw, makers: list, kinds: tuple[type, ...]) -> tuple[Subject, str]:
    for maker in draw.shuffled(makers):
        subject = maker(draw)
        if paths := norms_of(subject, kinds):
            return subject, draw.pick(paths)
    raise ValueError("no such norm")


ANY = [
    blocks.norms,
    blocks.basic_block,
    blocks.resnet,
    encoders.qwen3,
    encoders.clip,
    encoders.t5,
    encoders.siglip,
    transformers.flux2,
    transformers.sd3,
    transformers.zimage,
    vae.decoder,
    vae.encoder,
]


def wrong_eps(draw: Draw, subject: Subject, path: str) -> Bug:
    module = subject.module.get_submodule(path)
    attribute = EPS.get(type(module), "eps")
    right = getattr(module, attribute) or 1e-6
    wrong = draw.pick([value for value in (1e-8, 1e-6, 1e-5, 1e-3, 1e-2, 0.05) if value != right])
    return Bug(subject, lambda port: setattr(port.get_submodule(path), attribute, wrong), needs_input=True)


@plants("norm.eps")
def eps_of_any_norm(draw: Draw) -> Bug:
    return wrong_eps(draw, *drawn_norm(draw, ANY, WITH_EPS))


@plants("norm.eps")
def eps_with_small_inputs(draw: Draw) -> Bug:
    """1e-5 for 1e-6 shows where activations are small."""
    subject = blocks.norms(draw)
    subject.module.proj_in.weight.mul_(10 ** draw.uniform(-2.5, -1))
    subject.module.proj_in.bias.mul_(10 ** draw.uniform(-2.5, -1))
    return wrong_eps(draw, subject, draw.pick(norms_of(subject, WITH_EPS)))


@plants("norm.eps")
def eps_of_queries(draw: Draw) -> Bug:
    """The norm of small queries or keys, over head_dim."""
    subject = draw.pick([encoders.qwen3, transformers.flux2, transformers.zimage])(draw)
    endings = ("q_norm", "k_norm", "norm_q", "norm_k", "norm_added_q", "norm_added_k")
    paths = [path for path, _ in subject.module.named_modules() if path.endswith(endings)]
    for name, weight in subject.module.named_parameters():
        if any(part in name for part in ("q_proj", "k_proj", "to_q.", "to_k.", "to_qkv")):
            weight.mul_(0.05)
    return wrong_eps(draw, subject, draw.pick(paths))


def without_mean(module: nn.Module, x: torch.Tensor, *_: object) -> torch.Tensor:
    """RMSNorm in the place of LayerNorm."""
    wide = x.float()
    out = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + module.eps)
    if module.weight is not None:
        out = out * module.weight.float()
    if module.bias is not None:
        out = out + module.bias.float()
    return out.to(x.dtype)


def with_mean(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """LayerNorm in the place of RMSNorm."""
    wide = x.float()
    eps = getattr(module, "variance_epsilon", None) or getattr(module, "eps", None) or 1e-6
    wide = wide - wide.mean(-1, keepdim=True)
    out = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    out = out * module.weight.float() if module.weight is not None else out
    return out.to(x.dtype)


@plants("norm.mean")
def rms_for_layer_norm(draw: Draw) -> Bug:
    makers = [blocks.norms, blocks.basic_block, encoders.clip, encoders.siglip, encoders.vit, transformers.flux2]
    subject, path = drawn_norm(draw, [*makers, transformers.sd3], (nn.LayerNorm,))
    return Bug(
        subject, lambda port: replace_method(port.get_submodule(path), "forward", without_mean), needs_input=True
    )


@plants("norm.mean")
def layer_for_rms_norm(draw: Draw) -> Bug:
    makers = [blocks.norms, encoders.qwen3, encoders.t5, transformers.zimage, transformers.flux2]
    subject, path = drawn_norm(draw, makers, WITHOUT_MEAN)
    return Bug(subject, lambda port: replace_method(port.get_submodule(path), "forward", with_mean), needs_input=True)


def interleaved_groups(module: nn.GroupNorm, x: torch.Tensor) -> torch.Tensor:
    """Channel c in group c % G, as MLX's GroupNorm without pytorch_compatible."""
    batch, channels = x.shape[:2]
    grouped = x.float().reshape(batch, channels // module.num_groups, module.num_groups, -1)
    mean = grouped.mean((1, 3), keepdim=True)
    variance = grouped.var((1, 3), keepdim=True, unbiased=False)
    normal = ((grouped - mean) * torch.rsqrt(variance + module.eps)).reshape(x.shape)
    shape = (1, channels, *(1,) * (x.ndim - 2))
    return (normal * module.weight.float().view(shape) + module.bias.float().view(shape)).to(x.dtype)


WITH_GROUPS = [blocks.resnet, vae.decoder, vae.encoder, transformers.unet]


@plants("norm.groups")
def groups_interleaved(draw: Draw) -> Bug:
    subject, path = drawn_norm(draw, WITH_GROUPS, (nn.GroupNorm,))
    return Bug(
        subject, lambda port: replace_method(port.get_submodule(path), "forward", interleaved_groups), needs_input=True
    )


@plants("norm.groups")
def other_group_count(draw: Draw) -> Bug:
    subject, path = drawn_norm(draw, WITH_GROUPS, (nn.GroupNorm,))
    module = subject.module.get_submodule(path)
    counts = [n for n in range(1, module.num_channels) if module.num_channels % n == 0 and n != module.num_groups]
    wrong = draw.pick(counts)
    return Bug(subject, lambda port: setattr(port.get_submodule(path), "num_groups", wrong), needs_input=True)
