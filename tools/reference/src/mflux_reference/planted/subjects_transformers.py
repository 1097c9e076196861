"""Tiny diffusion transformers and UNets, random in every size."""

from __future__ import annotations

import torch
from diffusers import (
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    UNet2DConditionModel,
    ZImageTransformer2DModel,
)

from mflux_reference.planted.draw import Draw
from mflux_reference.planted.subject import Subject, calling, randomize


def flux2(draw: Draw, batch: int | None = None) -> Subject:
    axes = draw.pick([(4, 4, 4, 4), (2, 6, 4, 4), (4, 8, 4, 4), (2, 4, 6)])
    heads, text = draw.integer(2, 4), draw.integer(3, 9)
    channels, joint = draw.pick([6, 8, 12]), draw.pick([12, 16, 20])
    model = Flux2Transformer2DModel(
        in_channels=channels,
        num_layers=draw.integer(1, 2),
        num_single_layers=draw.integer(1, 2),
        attention_head_dim=sum(axes),
        num_attention_heads=heads,
        joint_attention_dim=joint,
        timestep_guidance_channels=draw.pick([16, 32]),
        axes_dims_rope=axes,
        rope_theta=draw.pick([100, 2000, 10000]),
        mlp_ratio=draw.pick([2.0, 2.5, 3.0]),
        guidance_embeds=draw.chance(0.5),
    )
    height, width = draw.integer(2, 5), draw.integer(2, 6)
    batch = batch or draw.integer(1, 2)
    image = torch.zeros((batch, channels, height, width))
    words = draw.normal(batch, text, joint)
    columns = len(axes)
    return Subject(
        "transformer",
        randomize(model, draw),
        calling(
            hidden_states=draw.normal(batch, height * width, channels),
            encoder_hidden_states=words,
            timestep=torch.full((batch,), round(draw.uniform(0.1, 1), 3)),
            img_ids=Flux2KleinPipeline._prepare_latent_ids(image)[..., :columns],
            txt_ids=text_ids(Flux2KleinPipeline._prepare_text_ids(words), columns),
            guidance=torch.full((batch,), draw.uniform(1, 5)),
            return_dict=False,
            keep=("timestep", "guidance") if draw.chance(0.3) else (),
        ),
    )


def text_ids(ids: torch.Tensor, columns: int) -> torch.Tensor:
    """The count in the last column, however many there are."""
    return torch.cat([ids[..., :0], ids[..., -columns:]], dim=-1)


def flux(draw: Draw) -> Subject:
    axes = draw.pick([(4, 6, 6), (4, 4, 4), (2, 6, 4), (4, 8, 8)])
    channels, joint, pooled = draw.pick([4, 8]), draw.pick([12, 16]), draw.pick([10, 14])
    model = FluxTransformer2DModel(
        in_channels=channels,
        num_layers=draw.integer(1, 2),
        num_single_layers=draw.integer(1, 2),
        attention_head_dim=sum(axes),
        num_attention_heads=draw.integer(2, 3),
        joint_attention_dim=joint,
        pooled_projection_dim=pooled,
        guidance_embeds=draw.chance(0.5),
        axes_dims_rope=axes,
    )
    height, width, text = draw.integer(2, 5), draw.integer(2, 5), draw.integer(3, 8)
    batch = draw.integer(1, 2)
    rows = torch.arange(height).repeat_interleave(width)
    columns = torch.arange(width).repeat(height)
    return Subject(
        "transformer",
        randomize(model, draw),
        calling(
            hidden_states=draw.normal(batch, height * width, channels),
            encoder_hidden_states=draw.normal(batch, text, joint),
            pooled_projections=draw.normal(batch, pooled),
            timestep=torch.full((batch,), round(draw.uniform(0.1, 1), 3)),
            img_ids=torch.stack([torch.zeros_like(rows), rows, columns], -1).float(),
            txt_ids=torch.zeros(text, 3),
            guidance=torch.full((batch,), draw.uniform(1, 5)) if model.config.guidance_embeds else None,
            return_dict=False,
        ),
    )


def sd3(draw: Draw) -> Subject:
    heads, size = draw.integer(2, 4), draw.pick([8, 12])
    joint, channels = draw.pick([12, 20]), draw.pick([4, 6])
    width = draw.pick([8, 12]) * heads
    model = SD3Transformer2DModel(
        sample_size=size,
        patch_size=2,
        in_channels=channels,
        out_channels=channels,
        num_layers=draw.integer(1, 2),
        attention_head_dim=width // heads,
        num_attention_heads=heads,
        joint_attention_dim=joint,
        caption_projection_dim=width,
        pooled_projection_dim=14,
        pos_embed_max_size=size // 2 + draw.integer(0, 3),
        dual_attention_layers=(0,) if draw.chance(0.3) else (),
        qk_norm=draw.pick([None, "rms_norm"]),
    )
    batch = draw.integer(1, 2)
    return Subject(
        "transformer",
        randomize(model, draw),
        calling(
            hidden_states=draw.normal(batch, channels, size, draw.pick([size, size - 2])),
            encoder_hidden_states=draw.normal(batch, draw.integer(3, 8), joint),
            pooled_projections=draw.normal(batch, 14),
            timestep=torch.full((batch,), float(draw.integer(10, 990))),
            return_dict=False,
        ),
    )


def zimage(draw: Draw) -> Subject:
    axes = draw.pick([[4, 6, 6], [4, 4, 4], [2, 4, 6], [4, 4, 8]])
    heads, channels, text = draw.integer(2, 3), draw.pick([4, 6]), draw.pick([10, 14])
    model = ZImageTransformer2DModel(
        in_channels=channels,
        dim=sum(axes) * heads,
        n_layers=draw.integer(1, 2),
        n_refiner_layers=1,
        n_heads=heads,
        n_kv_heads=heads,
        cap_feat_dim=text,
        axes_dims=axes,
        axes_lens=[128, 16, 16],
    )
    batch = draw.integer(1, 2)
    height, width = 2 * draw.integer(2, 4), 2 * draw.integer(2, 4)
    lengths = [draw.integer(4, 12) for _ in range(batch)]
    return Subject(
        "transformer",
        randomize(model, draw),
        calling(
            [draw.normal(channels, 1, height, width) for _ in range(batch)],
            torch.full((batch,), round(draw.uniform(0.1, 1), 3)),
            [draw.normal(length, text) for length in lengths],
            return_dict=False,
        ),
    )


def unet(draw: Draw) -> Subject:
    groups = draw.pick([2, 4])
    first = groups * draw.pick([2, 3, 4])
    cross = draw.pick([12, 16])
    model = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(first, 2 * first),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=groups,
        attention_head_dim=2,
        cross_attention_dim=cross,
        use_linear_projection=draw.chance(0.5),
    )
    batch = draw.integer(1, 2)
    return Subject(
        "unet",
        randomize(model, draw),
        calling(
            sample=draw.normal(batch, 4, 8, draw.pick([8, 12])),
            timestep=torch.tensor(draw.integer(1, 990)),
            encoder_hidden_states=draw.normal(batch, draw.integer(4, 9), cross),
            return_dict=False,
        ),
    )
