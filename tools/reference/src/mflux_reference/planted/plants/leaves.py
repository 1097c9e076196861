"""Bugs of single layers: bias.missing, weights.*, dtype.*, and clean pairs."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.rewrite import replace_method
from mflux_reference.planted.subject import Subject
from mflux_reference.planted.subjects import any_subject, subject_with

Wanted = Callable[[str, nn.Module], bool]


def edit(subject: Subject, path: str, change: Callable[[nn.Module], None], **facts: object) -> Bug:
    return Bug(subject, lambda port: change(port.get_submodule(path)), **facts)  # type: ignore[arg-type]


def has_bias(kinds: tuple[type, ...]) -> Wanted:
    return lambda _path, module: isinstance(module, kinds) and module.bias is not None


def drop_bias(module: nn.Module) -> None:
    module.bias = None


@plants("bias.missing")
def bias_of_linear(draw: Draw) -> Bug:
    return edit(*subject_with(draw, has_bias((nn.Linear,))), drop_bias)


@plants("bias.missing")
def bias_of_conv(draw: Draw) -> Bug:
    return edit(*subject_with(draw, has_bias((nn.Conv2d,))), drop_bias)


@plants("bias.missing")
def bias_of_norm(draw: Draw) -> Bug:
    return edit(*subject_with(draw, has_bias((nn.LayerNorm, nn.GroupNorm))), drop_bias)


def is_square(_path: str, module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and module.in_features == module.out_features


def transpose_weight(module: nn.Module) -> None:
    module.weight.data = module.weight.data.T.contiguous()


@plants("weights.transposed")
def square_linear(draw: Draw) -> Bug:
    return edit(*subject_with(draw, is_square), transpose_weight, needs_weights=True)


@plants("weights.transposed")
def conv_kernel(draw: Draw) -> Bug:
    """Height and width of the kernel, or channels in and out, exchanged."""

    def wanted(_path: str, module: nn.Module) -> bool:
        return isinstance(module, nn.Conv2d) and module.kernel_size[0] > 1

    subject, path = subject_with(draw, wanted)
    module = subject.module.get_submodule(path)
    swap = (0, 1) if module.in_channels == module.out_channels and draw.chance(0.4) else (2, 3)

    def change(conv: nn.Module) -> None:
        conv.weight.data = conv.weight.data.transpose(*swap).contiguous()

    return edit(subject, path, change, needs_weights=True)


@plants("weights.missing")
def weight_of_layer(draw: Draw) -> Bug:
    """load_weights(strict=False): the layer keeps what it was made with."""
    subject, path = subject_with(draw, lambda _path, module: isinstance(module, (nn.Linear, nn.Conv2d)))
    fresh = draw.normal(*subject.module.get_submodule(path).weight.shape) * 0.2

    def change(module: nn.Module) -> None:
        module.weight.data = fresh.to(module.weight.dtype)

    return edit(subject, path, change, needs_weights=True)


@plants("weights.missing")
def weight_of_norm(draw: Draw) -> Bug:
    """The norm's scale stays at ones."""

    def wanted(_path: str, module: nn.Module) -> bool:
        return "Norm" in type(module).__name__ and isinstance(getattr(module, "weight", None), nn.Parameter)

    subject, path = subject_with(draw, wanted)

    def change(module: nn.Module) -> None:
        module.weight.data.fill_(1)

    return edit(subject, path, change, needs_weights=True)


@plants("weights.missing")
def zero_weight(draw: Draw) -> Bug:
    subject, path = subject_with(draw, lambda _path, module: isinstance(module, nn.Linear))
    return edit(subject, path, lambda module: module.weight.data.zero_(), needs_weights=True)


def big_enough(draw: Draw, subject: Subject) -> list[str]:
    """Modules with one float output of 64 values or more."""
    sizes: dict[str, int] = {}

    def note(path: str) -> Callable:
        def hook(_module: nn.Module, _args: tuple, out: object) -> None:
            if isinstance(out, torch.Tensor) and out.is_floating_point():
                sizes[path] = out.numel()

        return hook

    undo = [module.register_forward_hook(note(path)) for path, module in subject.module.named_modules()]
    with torch.no_grad():
        subject.call(subject.module, None)  # type: ignore[arg-type]
    for handle in undo:
        handle.remove()
    return [path for path, size in sizes.items() if size >= 96]


@plants("dtype.output", float32_only=True)
def rounded_output(draw: Draw) -> Bug:
    """return x.astype(mx.bfloat16): widened again by what comes after."""
    subject = any_subject(draw)
    path = draw.pick(big_enough(draw, subject))
    kind = draw.pick([torch.bfloat16, torch.bfloat16, torch.float16])

    def change(module: nn.Module) -> None:
        right = type(module).forward

        def forward(self: nn.Module, *args: object, **kwargs: object) -> torch.Tensor:
            out = right(self, *args, **kwargs)
            return out.to(kind).to(out.dtype)

        replace_method(module, "forward", forward)

    return edit(subject, path, change, invisible=True)


@plants("dtype.compute", float32_only=True)
def layer_in_half(draw: Draw) -> Bug:
    """One layer's weights and input in bfloat16; its output widened again."""
    kinds = (nn.Linear, nn.Conv2d)
    subject, path = subject_with(draw, lambda _path, module: isinstance(module, kinds))
    kind = draw.pick([torch.bfloat16, torch.bfloat16, torch.float16])

    def change(module: nn.Module) -> None:
        for weight in module.parameters(recurse=False):
            weight.data = weight.data.to(kind).to(weight.dtype)
        right = type(module).forward

        def forward(self: nn.Module, x: torch.Tensor) -> torch.Tensor:
            return right(self, x.to(kind).to(x.dtype))

        replace_method(module, "forward", forward)

    return edit(subject, path, change, invisible=True, needs_input=True, needs_weights=True)


@plants("dtype.compute", float32_only=True)
def norm_in_half(draw: Draw) -> Bug:
    """The norm's statistics in bfloat16."""

    def wanted(_path: str, module: nn.Module) -> bool:
        return isinstance(module, nn.LayerNorm) or type(module).__name__ in ("RMSNorm", "Qwen3RMSNorm", "T5LayerNorm")

    subject, path = subject_with(draw, wanted)

    def change(module: nn.Module) -> None:
        eps = getattr(module, "variance_epsilon", None) or module.eps
        mean = isinstance(module, nn.LayerNorm)

        def forward(self: nn.Module, x: torch.Tensor, *_: object) -> torch.Tensor:
            half = x.bfloat16()
            half = half - half.mean(-1, keepdim=True) if mean else half
            out = half * torch.rsqrt(half.pow(2).mean(-1, keepdim=True) + eps)
            out = out.to(x.dtype)
            out = out * self.weight if self.weight is not None else out
            return out + self.bias if getattr(self, "bias", None) is not None else out

        replace_method(module, "forward", forward)

    return edit(subject, path, change, invisible=True, needs_input=True)


def to_tf32(x: torch.Tensor) -> torch.Tensor:
    """10 bits of significand, to nearest."""
    bits = x.contiguous().view(torch.int32).to(torch.int64)
    rounded = (bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFF
    return rounded.to(torch.int32).view(torch.float32)


@plants("dtype.tf32", float32_only=True)
def linear_in_tf32(draw: Draw) -> Bug:
    """One layer's operands rounded to TF32, products summed in float32."""
    subject, path = subject_with(draw, lambda _path, module: isinstance(module, nn.Linear) and module.in_features > 7)

    def forward(self: nn.Linear, x: torch.Tensor) -> torch.Tensor:
        return F.linear(to_tf32(x.float()), to_tf32(self.weight.float()), self.bias)

    return edit(
        subject, path, lambda module: replace_method(module, "forward", forward),
        invisible=True, needs_input=True, needs_weights=True,
    )  # fmt: skip


@plants("dtype.tf32", float32_only=True)
def all_in_tf32(draw: Draw) -> Bug:
    """Every matmul of the run."""
    subject = any_subject(draw)

    def forward(self: nn.Linear, x: torch.Tensor) -> torch.Tensor:
        return F.linear(to_tf32(x.float()), to_tf32(self.weight.float()), self.bias)

    def plant(port: nn.Module) -> None:
        for module in port.modules():
            if isinstance(module, nn.Linear):
                replace_method(module, "forward", forward)

    return Bug(subject, plant, invisible=True, needs_input=True, needs_weights=True)


@plants(None)
def clean(draw: Draw) -> Bug:
    """No bug: noise alone, or nothing at all."""
    return Bug(any_subject(draw), clean=True)


@plants(None)
def other_kernels(draw: Draw) -> Bug:
    """Every Linear sums the halves of its inputs apart."""

    def forward(self: nn.Linear, x: torch.Tensor) -> torch.Tensor:
        half = (self.in_features + 1) // 2
        weight = self.weight.float()
        left, right = x.float().split([half, self.in_features - half], dim=-1)
        out = F.linear(left, weight[:, :half]) + F.linear(right, weight[:, half:])
        return (out if self.bias is None else out + self.bias.float()).to(x.dtype)

    def plant(port: nn.Module) -> None:
        for module in port.modules():
            if isinstance(module, nn.Linear) and module.in_features > 1:
                replace_method(module, "forward", forward)

    return Bug(any_subject(draw), plant, clean=True)
