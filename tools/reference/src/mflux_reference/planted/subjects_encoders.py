"""Tiny text and image encoders of transformers."""

from __future__ import annotations

import torch
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    Qwen3Config,
    Qwen3Model,
    SiglipVisionConfig,
    SiglipVisionModel,
    T5Config,
    T5EncoderModel,
    ViTConfig,
    ViTModel,
)

from mflux_reference.planted.draw import Draw
from mflux_reference.planted.subject import Subject, calling, randomize


def padding_mask(draw: Draw, batch: int, tokens: int) -> torch.Tensor:
    """Sequences of different lengths, padded on the right."""
    lengths = [draw.integer(tokens // 2, tokens - 1) for _ in range(batch)]
    return torch.stack([(torch.arange(tokens) < length).long() for length in lengths])


def qwen3(draw: Draw, *, padded: bool | None = None, groups: int | None = None, kv: int | None = None) -> Subject:
    kv = kv or draw.integer(1, 3)
    heads = kv * (groups or draw.integer(2, 3))
    model = Qwen3Model(
        Qwen3Config(
            vocab_size=61,
            hidden_size=draw.pick([20, 24, 28, 32]),
            intermediate_size=draw.pick([28, 36, 44]),
            num_hidden_layers=draw.integer(1, 3),
            num_attention_heads=heads,
            num_key_value_heads=kv,
            head_dim=draw.pick([8, 10, 12, 16]),
            max_position_embeddings=64,
            attention_bias=draw.chance(0.4),
            rope_parameters={"rope_type": "default", "rope_theta": draw.pick([100.0, 1e4, 1e6])},
            use_cache=False,
            attn_implementation="eager",
        )
    )
    batch, tokens = draw.integer(1, 2), draw.integer(8, 20)
    padded = draw.chance(0.5) if padded is None else padded
    mask = padding_mask(draw, batch, tokens) if padded else None
    return Subject(
        "text_encoder",
        randomize(model, draw),
        calling(input_ids=draw.ids(61, batch, tokens), attention_mask=mask, use_cache=False),
    )


def clip(draw: Draw) -> Subject:
    heads = draw.integer(2, 4)
    config = CLIPTextConfig(
        vocab_size=53,
        hidden_size=heads * draw.pick([8, 10]),
        intermediate_size=draw.pick([32, 40]),
        num_hidden_layers=draw.integer(1, 3),
        num_attention_heads=heads,
        max_position_embeddings=24,
        hidden_act=draw.pick(["quick_gelu", "gelu"]),
        eos_token_id=52,
    )
    config._attn_implementation = "eager"
    batch, tokens = draw.integer(1, 2), draw.integer(8, 20)
    ids = draw.ids(52, batch, tokens)
    ids[:, -1] = 52
    return Subject("text_encoder", randomize(CLIPTextModel(config), draw), calling(input_ids=ids))


def t5(draw: Draw, *, padded: bool | None = None) -> Subject:
    heads = draw.integer(2, 4)
    config = T5Config(
        vocab_size=57,
        d_model=draw.pick([20, 24, 32]),
        d_kv=draw.pick([6, 8]),
        d_ff=draw.pick([28, 40]),
        num_layers=draw.integer(1, 3),
        num_heads=heads,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=16,
        feed_forward_proj=draw.pick(["gated-gelu", "relu"]),
        use_cache=False,
    )
    config._attn_implementation = "eager"
    batch, tokens = draw.integer(1, 2), draw.integer(8, 20)
    padded = draw.chance(0.5) if padded is None else padded
    mask = padding_mask(draw, batch, tokens) if padded else None
    model = randomize(T5EncoderModel(config), draw)
    for block in model.encoder.block:  # scores without 1/√d must stay moderate
        block.layer[0].SelfAttention.q.weight.mul_(config.d_kv**-0.5)
    return Subject("text_encoder", model, calling(input_ids=draw.ids(57, batch, tokens), attention_mask=mask))


def siglip(draw: Draw) -> Subject:
    heads = draw.integer(2, 4)
    config = SiglipVisionConfig(
        hidden_size=heads * draw.pick([6, 8]),
        intermediate_size=draw.pick([28, 40]),
        num_hidden_layers=draw.integer(1, 2),
        num_attention_heads=heads,
        image_size=16,
        patch_size=4,
        vision_use_head=draw.chance(0.5),
    )
    config._attn_implementation = "eager"
    return Subject(
        "image_encoder", randomize(SiglipVisionModel(config), draw), calling(draw.normal(draw.integer(1, 2), 3, 16, 16))
    )


def vit(draw: Draw) -> Subject:
    heads = draw.integer(2, 4)
    config = ViTConfig(
        hidden_size=heads * draw.pick([6, 8]),
        intermediate_size=draw.pick([28, 40]),
        num_hidden_layers=draw.integer(1, 2),
        num_attention_heads=heads,
        image_size=16,
        patch_size=4,
    )
    config._attn_implementation = "eager"
    return Subject(
        "image_encoder", randomize(ViTModel(config), draw), calling(draw.normal(draw.integer(1, 2), 3, 16, 16))
    )
