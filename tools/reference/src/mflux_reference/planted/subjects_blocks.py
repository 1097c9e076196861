"""Single modules of diffusers, as a porter tests them one by one."""

from __future__ import annotations

import torch
from diffusers.models.attention import BasicTransformerBlock, FeedForward
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from diffusers.models.embeddings import CombinedTimestepTextProjEmbeddings, PatchEmbed, TimestepEmbedding
from diffusers.models.normalization import (
    AdaLayerNorm,
    AdaLayerNormContinuous,
    AdaLayerNormZero,
    AdaLayerNormZeroSingle,
    RMSNorm,
)
from diffusers.models.resnet import Downsample2D, ResnetBlock2D, Upsample2D
from torch import nn

from mflux_reference.planted.draw import Draw
from mflux_reference.planted.subject import Subject, calling, randomize


def tokens(draw: Draw, width: int) -> torch.Tensor:
    return draw.normal(draw.integer(1, 3), draw.integer(6, 24), width)


def image(draw: Draw, channels: int) -> torch.Tensor:
    return draw.normal(draw.integer(1, 2), channels, draw.integer(6, 12), draw.integer(6, 12))


def feed_forward(draw: Draw, kind: str | None = None) -> Subject:
    width = draw.pick([12, 16, 24])
    kind = kind or draw.pick(["gelu", "gelu-approximate", "geglu", "geglu-approximate", "swiglu", "linear-silu"])
    model = FeedForward(width, mult=draw.pick([2, 3, 4]), activation_fn=kind, bias=draw.chance(0.7))
    return Subject("ff", randomize(model, draw), calling(tokens(draw, width)))


def attention(draw: Draw) -> Subject:
    heads = draw.integer(2, 5)
    dim_head = draw.pick([6, 8, 10])
    width = heads * dim_head
    cross = draw.pick([None, 14])
    model = Attention(
        width, cross_attention_dim=cross, heads=heads, dim_head=dim_head, bias=draw.chance(0.5),
        qk_norm=draw.pick([None, "rms_norm", "layer_norm"]), processor=AttnProcessor2_0(),
    )  # fmt: skip
    x = tokens(draw, width)
    context = None if cross is None else draw.normal(x.shape[0], draw.integer(5, 12), cross)
    return Subject("attn", randomize(model, draw), calling(x, encoder_hidden_states=context))


def basic_block(draw: Draw) -> Subject:
    heads = draw.integer(2, 4)
    width = heads * draw.pick([6, 8])
    cross = draw.pick([None, 10])
    model = BasicTransformerBlock(
        width, heads, width // heads, cross_attention_dim=cross, activation_fn=draw.pick(["gelu", "geglu", "swiglu"])
    )
    x = tokens(draw, width)
    context = None if cross is None else draw.normal(x.shape[0], draw.integer(4, 9), cross)
    return Subject("block", randomize(model, draw), calling(x, encoder_hidden_states=context))


def ada_zero(draw: Draw) -> Subject:
    width = draw.pick([12, 16, 20])
    x = tokens(draw, width)
    model = draw.pick([AdaLayerNormZero, AdaLayerNormZeroSingle])(width)
    return Subject("norm1", randomize(model, draw), calling(x, emb=draw.normal(x.shape[0], width)))


def ada_continuous(draw: Draw) -> Subject:
    width, condition = draw.pick([12, 16, 20]), draw.pick([10, 14])
    model = AdaLayerNormContinuous(
        width, condition, elementwise_affine=draw.chance(0.4), eps=1e-6, norm_type=draw.pick(["layer_norm", "rms_norm"])
    )
    x = tokens(draw, width)
    return Subject("norm_out", randomize(model, draw), calling(x, draw.normal(x.shape[0], condition)))


def ada_norm(draw: Draw) -> Subject:
    width = draw.pick([12, 16, 20])
    model = AdaLayerNorm(width, num_embeddings=1000)
    return Subject(
        "norm", randomize(model, draw), calling(draw.normal(1, draw.integer(6, 20), width), timestep=timestep(draw))
    )


def timestep(draw: Draw) -> torch.Tensor:
    return torch.tensor(draw.integer(1, 990))


class Norms(nn.Module):
    """norm → linear → norm, a row of them."""

    def __init__(self, norms: list[nn.Module], width: int) -> None:
        super().__init__()
        self.proj_in = nn.Linear(width, width)
        self.norms = nn.ModuleList(norms)
        self.proj_out = nn.Linear(width, width)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        hidden_states = self.proj_in(hidden_states)
        for norm in self.norms:
            hidden_states = norm(hidden_states)
        return self.proj_out(hidden_states)


def norms(draw: Draw) -> Subject:
    width = draw.pick([12, 16, 24, 32])
    made = [
        draw.pick([RMSNorm(width, eps=draw.pick([1e-6, 1e-5])), nn.LayerNorm(width, eps=draw.pick([1e-6, 1e-5]))])
        for _ in range(draw.integer(1, 2))
    ]
    model = randomize(Norms(made, width), draw)
    model.proj_in.weight.mul_(draw.pick([1, 1, 0.1, 0.02]))
    return Subject("model", model, calling(tokens(draw, width)))


def resnet(draw: Draw) -> Subject:
    groups = draw.pick([2, 3, 4])
    channels, out = groups * draw.integer(2, 4), groups * draw.integer(2, 4)
    temb = draw.pick([None, 12])
    model = ResnetBlock2D(
        in_channels=channels, out_channels=out, temb_channels=temb, groups=groups, eps=1e-6,
        output_scale_factor=draw.pick([1.0, 1.0, 2.0**0.5]),
    )  # fmt: skip
    x = image(draw, channels)
    return Subject(
        "resnet", randomize(model, draw), calling(x, None if temb is None else draw.normal(x.shape[0], temb))
    )


def upsample(draw: Draw) -> Subject:
    channels = draw.integer(3, 10)
    return Subject("upsample", randomize(Upsample2D(channels, use_conv=True), draw), calling(image(draw, channels)))


def downsample(draw: Draw) -> Subject:
    channels = draw.integer(3, 10)
    model = Downsample2D(channels, use_conv=True, padding=draw.pick([0, 1]))
    return Subject("downsample", randomize(model, draw), calling(image(draw, channels)))


def patch_embed(draw: Draw) -> Subject:
    patch = 2
    height, width, channels = patch * draw.integer(3, 5), patch * draw.integer(3, 6), draw.integer(3, 6)
    dim = draw.pick([12, 16, 20])
    side = max(height, width)
    model = PatchEmbed(side, side, patch, channels, dim, pos_embed_max_size=side // patch + 1)
    return Subject(
        "pos_embed", randomize(model, draw), calling(draw.normal(draw.integer(1, 2), channels, height, width))
    )


def time_text(draw: Draw) -> Subject:
    batch = draw.integer(1, 3)
    model = CombinedTimestepTextProjEmbeddings(draw.pick([16, 24]), 10)
    times = torch.tensor([float(draw.integer(1, 990)) + draw.pick([0, 0.37]) for _ in range(batch)])
    return Subject(
        "time_text_embed", randomize(model, draw), calling(times, draw.normal(batch, 10), keep=("timestep",))
    )


def time_embedding(draw: Draw) -> Subject:
    channels, width = draw.pick([16, 32]), draw.pick([24, 32])
    model = TimestepEmbedding(channels, width)
    return Subject("time_embedding", randomize(model, draw), calling(draw.normal(draw.integer(4, 12), channels)))
