"""modulation.swapped, modulation.one, broadcast.axis, scale.constant, sign.flip, concat.order"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.models.normalization import AdaLayerNormContinuous
from torch import nn

from mflux_reference.planted import subjects_blocks as blocks
from mflux_reference.planted import subjects_encoders as encoders
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.rewrite import replace_method, rewrite
from mflux_reference.planted.subject import Subject, calling, randomize
from mflux_reference.planted.subjects import subject_with


@dataclass
class Modulated:
    """A module whose forward modulates: (old, new) lines for scale and shift exchanged, and for 1 + scale without 1."""

    kind: str
    swap: tuple[str, str]
    one: tuple[str, str]


CONTINUOUS = Modulated(
    "AdaLayerNormContinuous",
    ("scale, shift = torch.chunk", "shift, scale = torch.chunk"),
    ("(1 + scale)[:, None, :]", "(scale)[:, None, :]"),
)
FORMS = {
    "AdaLayerNormContinuous": CONTINUOUS,
    "AdaLayerNorm": Modulated(
        "AdaLayerNorm",
        ("scale, shift = temb.chunk(2, dim=0)", "shift, scale = temb.chunk(2, dim=0)"),
        ("(1 + scale)", "scale"),
    ),
    "AdaLayerNormZero": Modulated(
        "AdaLayerNormZero",
        ("shift_msa, scale_msa, gate_msa,", "scale_msa, shift_msa, gate_msa,"),
        ("(1 + scale_msa[:, None])", "scale_msa[:, None]"),
    ),
    "AdaLayerNormZeroSingle": Modulated(
        "AdaLayerNormZeroSingle",
        ("shift_msa, scale_msa, gate_msa =", "scale_msa, shift_msa, gate_msa ="),
        ("(1 + scale_msa[:, None])", "scale_msa[:, None]"),
    ),
    "Flux2TransformerBlock": Modulated(
        "Flux2TransformerBlock",
        ("(shift_msa, scale_msa, gate_msa)", "(scale_msa, shift_msa, gate_msa)"),
        ("(1 + scale_msa)", "scale_msa"),
    ),
    "Flux2SingleTransformerBlock": Modulated(
        "Flux2SingleTransformerBlock",
        ("mod_shift, mod_scale, mod_gate =", "mod_scale, mod_shift, mod_gate ="),
        ("(1 + mod_scale)", "mod_scale"),
    ),
    "FluxTransformerBlock": Modulated(
        "FluxTransformerBlock",
        ("* (1 + scale_mlp[:, None]) + shift_mlp[:, None]", "* (1 + shift_mlp[:, None]) + scale_mlp[:, None]"),
        ("(1 + scale_mlp[:, None])", "scale_mlp[:, None]"),
    ),
    "JointTransformerBlock": Modulated(
        "JointTransformerBlock",
        (
            "norm_hidden_states = norm_hidden_states * (1 + scale_mlp[:, None]) + shift_mlp[:, None]",
            "norm_hidden_states = norm_hidden_states * (1 + shift_mlp[:, None]) + scale_mlp[:, None]",
        ),
        (
            "norm_hidden_states = norm_hidden_states * (1 + scale_mlp[:, None])",
            "norm_hidden_states = norm_hidden_states * (scale_mlp[:, None])",
        ),
    ),
    "ZImageTransformerBlock": Modulated(
        "ZImageTransformerBlock",
        ("", ""),
        ("scale_msa, scale_mlp = 1.0 + scale_msa, 1.0 + scale_mlp\n", "pass\n"),
    ),
}
MAKERS = [
    blocks.ada_zero,
    blocks.ada_continuous,
    blocks.ada_norm,
    transformers.flux2,
    transformers.flux2,
    transformers.sd3,
    transformers.flux,
    transformers.zimage,
]


def modulated(draw: Draw, swap: bool) -> Bug:
    makers = [maker for maker in MAKERS if not (swap and maker is transformers.zimage)]
    subject = draw.pick(makers)(draw)
    found = [
        (path, FORMS[type(module).__name__])
        for path, module in subject.module.named_modules()
        if type(module).__name__ in FORMS
        and not (type(module).__name__ == "ZImageTransformerBlock" and not module.modulation)
    ]
    path, form = draw.pick(found)
    change = form.swap if swap else form.one

    def plant(port: nn.Module) -> None:
        rewrite(port.get_submodule(path), "forward", change)

    label = f"{subject.label} {form.kind}" if subject.label != form.kind else form.kind
    return Bug(subject, plant, label=label, needs=modulation_inputs(subject, path, form.kind))


def modulation_inputs(subject: Subject, path: str, kind: str) -> tuple[str, ...]:
    """Where the scale and the norm's output are dumped."""
    base = f"{subject.component}.{path}" if path else subject.component
    if kind.startswith("AdaLayer"):
        return (f"{base}.linear", f"{base}.norm")
    if kind == "Flux2TransformerBlock":
        return (f"{base}.norm1", f"{subject.component}.double_stream_modulation_img*")
    if kind == "Flux2SingleTransformerBlock":
        return (f"{base}.norm", f"{subject.component}.single_stream_modulation*")
    if kind == "ZImageTransformerBlock":
        return (f"{base}.attention_norm1", f"{base}.adaLN_modulation*")
    return (f"{base}.norm2", f"{base}.norm1.*")


@plants("modulation.swapped")
def scale_for_shift(draw: Draw) -> Bug:
    return modulated(draw, True)


@plants("modulation.swapped")
def scale_for_shift_at_the_end(draw: Draw) -> Bug:
    """The last norm of a transformer: published checkpoints differ in its order."""
    subject = draw.pick([transformers.flux2, transformers.flux, transformers.sd3])(draw)

    def plant(port: nn.Module) -> None:
        rewrite(port.norm_out, "forward", CONTINUOUS.swap)

    needs = modulation_inputs(subject, "norm_out", "AdaLayerNormContinuous")
    return Bug(subject, plant, label=f"{subject.label} norm_out", needs=needs)


@plants("modulation.one")
def one_missing(draw: Draw) -> Bug:
    return modulated(draw, False)


@plants("modulation.one")
def one_too_many(draw: Draw) -> Bug:
    """2 + scale: the checkpoint's scale already holds the one."""
    subject = draw.pick([blocks.ada_continuous, transformers.flux2, transformers.sd3])(draw)
    found = [path for path, module in subject.module.named_modules() if isinstance(module, AdaLayerNormContinuous)]
    path = draw.pick(found)

    def plant(port: nn.Module) -> None:
        rewrite(port.get_submodule(path), "forward", ("(1 + scale)", "(2 + scale)"))

    needs = modulation_inputs(subject, path, "AdaLayerNormContinuous")
    return Bug(subject, plant, label=f"{subject.label} extra one", needs=needs)


@plants("broadcast.axis")
def bias_over_tokens(draw: Draw) -> Bug:
    """Linear's bias as b[:, None], where tokens and channels are as many."""
    width = draw.pick([8, 12, 16, 20])
    layer = draw.pick([1, 2])
    model = nn.Sequential(*(nn.Linear(width, width) for _ in range(3)))
    subject = Subject("mlp", randomize(model, draw), calling(draw.normal(draw.integer(1, 3), width, width)))

    def forward(self: nn.Linear, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight.T + self.bias[:, None]

    return Bug(
        subject, lambda port: replace_method(port[layer], "forward", forward), label="Linear", needs_weights=True
    )


@plants("broadcast.axis")
def modulation_over_tokens(draw: Draw) -> Bug:
    """scale[:, :, None] for scale[:, None, :] in AdaLayerNormContinuous."""
    width = draw.pick([12, 16, 20])
    model = AdaLayerNormContinuous(width, 10, elementwise_affine=False, eps=1e-6)
    batch = draw.integer(1, 2)
    subject = Subject(
        "norm_out", randomize(model, draw), calling(draw.normal(batch, width, width), draw.normal(batch, 10))
    )
    part = draw.pick(["scale", "shift", "both"])
    scale, shift = ("(1 + scale)[:, None, :]", "(1 + scale)[:, :, None]"), ("shift[:, None, :]", "shift[:, :, None]")
    changes = {"scale": [scale], "shift": [shift], "both": [scale, shift]}[part]

    def plant(port: nn.Module) -> None:
        rewrite(port, "forward", *changes)

    return Bug(subject, plant, needs=("norm_out.norm", "norm_out.linear"))


@plants("broadcast.axis")
def time_over_rows(draw: Draw) -> Bug:
    """ResnetBlock2D's time embedding added along rows or columns, as many as channels."""
    groups = draw.pick([2, 3, 4])
    channels = groups * draw.integer(2, 3)
    subject = blocks.resnet(draw)
    module = type(subject.module)(
        in_channels=channels, out_channels=channels, temb_channels=12, groups=groups, eps=1e-6
    )
    x = draw.normal(1, channels, channels, channels)
    subject = Subject("resnet", randomize(module, draw), calling(x, draw.normal(1, 12)))
    wrong = draw.pick(["[:, None, :, None]", "[:, None, None, :]"])

    def plant(port: nn.Module) -> None:
        rewrite(port, "forward", ("[:, :, None, None]", wrong))

    return Bug(subject, plant, needs=("resnet.conv1", "resnet.time_emb_proj"))


@plants("broadcast.axis")
def positions_over_channels(draw: Draw) -> Bug:
    """A learned embedding added with its axes exchanged, tokens and channels as many."""
    width = draw.pick([4, 16, 36])
    side = int(width**0.5)
    from diffusers.models.embeddings import PatchEmbed

    model = PatchEmbed(2 * side, 2 * side, 2, 3, width)
    subject = Subject(
        "pos_embed", randomize(model, draw), calling(draw.normal(draw.integer(1, 2), 3, 2 * side, 2 * side))
    )

    def plant(port: nn.Module) -> None:
        rewrite(port, "forward", ("(latent + pos_embed)", "(latent + pos_embed.transpose(1, 2))"))

    return Bug(subject, plant, needs=("pos_embed.proj",), needs_weights=True)


def scaled(module: nn.Module, factor: float) -> None:
    right = type(module).forward

    def forward(self: nn.Module, *args: object, **kwargs: object) -> object:
        out = right(self, *args, **kwargs)
        return (out[0] * factor, *out[1:]) if isinstance(out, tuple) else out * factor

    replace_method(module, "forward", forward)


def is_scaled(path: str, module: nn.Module) -> bool:
    return isinstance(module, (nn.Linear, nn.Conv2d, nn.Embedding)) and path != ""


@plants("scale.constant")
def factor_of_layer(draw: Draw) -> Bug:
    """A layer's output times a constant of the trade: √d, 1/√d, 2, 0.5, 1/8, a VAE's factor."""
    subject, path = subject_with(draw, is_scaled)
    width = subject.module.get_submodule(path).weight.shape[0]
    factor = draw.pick([width**0.5, width**-0.5, 2.0, 0.5, 0.125, 0.18215, 0.3611, 2**0.5, 1 / 0.18215])
    return Bug(subject, lambda port: scaled(port.get_submodule(path), factor))


@plants("scale.constant")
def embeddings_times_root(draw: Draw) -> Bug:
    """Token embeddings times √width, as Gemma's and T5's decoder's."""
    subject = draw.pick([encoders.qwen3, encoders.t5, encoders.clip])(draw)
    path = next(path for path, module in subject.module.named_modules() if isinstance(module, nn.Embedding))
    width = subject.module.get_submodule(path).weight.shape[1]
    return Bug(subject, lambda port: scaled(port.get_submodule(path), width**0.5))


@plants("scale.constant")
def residual_not_rescaled(draw: Draw) -> Bug:
    """ResnetBlock2D's output_scale_factor √2 or 2 forgotten."""
    subject = blocks.resnet(draw)
    factor = draw.pick([2.0, 2.0**0.5])
    subject.module.output_scale_factor = factor
    return Bug(subject, lambda port: setattr(port, "output_scale_factor", 1.0))


@plants("sign.flip")
def sign_of_layer(draw: Draw) -> Bug:
    subject, path = subject_with(draw, is_scaled)
    return Bug(subject, lambda port: scaled(port.get_submodule(path), -1.0))


@plants("sign.flip")
def sign_of_model(draw: Draw) -> Bug:
    """The prediction leaves with the other sign."""
    subject = draw.pick([transformers.flux2, transformers.sd3, transformers.unet, transformers.flux])(draw)
    return Bug(subject, lambda port: scaled(port, -1.0), label=f"{subject.label} output")


@plants("concat.order")
def streams_joined(draw: Draw) -> Bug:
    """Image before text where the two streams become one."""
    subject = transformers.flux2(draw)
    old = "hidden_states = torch.cat([encoder_hidden_states, hidden_states], dim=1)"

    def plant(port: nn.Module) -> None:
        rewrite(port, "forward", (old, "hidden_states = torch.cat([hidden_states, encoder_hidden_states], dim=1)"))

    return Bug(subject, plant)


@plants("concat.order")
def streams_joined_in_block(draw: Draw) -> Bug:
    subject = transformers.flux(draw)
    old = "hidden_states = torch.cat([encoder_hidden_states, hidden_states], dim=1)"
    path = draw.pick(
        [
            path
            for path, _ in subject.module.named_modules()
            if path.startswith("single_transformer_blocks.") and path.count(".") == 1
        ]
    )

    def plant(port: nn.Module) -> None:
        rewrite(
            port.get_submodule(path),
            "forward",
            (old, "hidden_states = torch.cat([hidden_states, encoder_hidden_states], dim=1)"),
        )

    return Bug(subject, plant, label="FluxSingleTransformerBlock")


@plants("concat.order")
def skip_connection(draw: Draw) -> Bug:
    """A UNet's skip before what came from below, along the channels."""
    subject = transformers.unet(draw)
    paths = [path for path, _ in subject.module.named_modules() if path in ("up_blocks.0", "up_blocks.1")]
    path = draw.pick(paths)

    def plant(port: nn.Module) -> None:
        old = "torch.cat([hidden_states, res_hidden_states], dim=1)"
        rewrite(port.get_submodule(path), "forward", (old, "torch.cat([res_hidden_states, hidden_states], dim=1)"))

    return Bug(subject, plant, label="UNet skip")


@plants("concat.order")
def sine_and_cosine(draw: Draw) -> Bug:
    """flip_sin_to_cos the other way."""
    subject = draw.pick([blocks.time_text, transformers.sd3, transformers.flux, transformers.unet])(draw)
    path = next(path for path, module in subject.module.named_modules() if type(module).__name__ == "Timesteps")

    def plant(port: nn.Module) -> None:
        module = port.get_submodule(path)
        module.flip_sin_to_cos = not module.flip_sin_to_cos

    return Bug(subject, plant, label="Timesteps")


@plants("concat.order")
def caption_first(draw: Draw) -> Bug:
    """Z-Image's unified sequence: caption before image."""
    subject = transformers.zimage(draw)

    def plant(port: nn.Module) -> None:
        rewrite(
            port,
            "_build_unified_sequence",
            ("torch.cat([x[i][:x_len], cap[i][:cap_len]])", "torch.cat([cap[i][:cap_len], x[i][:x_len]])"),
        )

    return Bug(subject, plant)
