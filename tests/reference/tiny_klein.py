"""A FLUX.2-klein pipeline of a few thousand random weights, in diffusers' folder layout."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKLFlux2, FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline, Flux2Transformer2DModel
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3ForCausalLM
from transformers.convert_slow_tokenizer import bytes_to_unicode

TEMPLATE = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
LAYERS = (1, 3)
HIDDEN = 16


def tokenizer() -> Qwen2Tokenizer:
    vocabulary = {symbol: index for index, symbol in enumerate(bytes_to_unicode().values())}
    vocabulary.update({token: 256 + index for index, token in enumerate(SPECIALS)})
    made = Qwen2Tokenizer(vocab=vocabulary, merges=[], additional_special_tokens=list(SPECIALS[1:]))
    made.chat_template = TEMPLATE + "<|im_start|>assistant\n"
    return made


def text_encoder() -> Qwen3ForCausalLM:
    config = Qwen3Config(
        vocab_size=260,
        hidden_size=HIDDEN,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=64,
    )
    return Qwen3ForCausalLM(config)


def write_tiny_klein(folder: Path, *, is_distilled: bool = True, dtype: torch.dtype = torch.bfloat16) -> Path:
    torch.manual_seed(3)
    vae = AutoencoderKLFlux2(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(4, 8),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=2,
        sample_size=16,
    )
    vae.bn.running_mean.normal_()
    vae.bn.running_var.uniform_(0.5, 2)
    transformer = Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=HIDDEN * len(LAYERS),
        axes_dims_rope=(2, 2, 2, 2),
        guidance_embeds=False,
    )
    scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    encoder = text_encoder().to(dtype)
    pipe = Flux2KleinPipeline(scheduler, vae, encoder, tokenizer(), transformer, is_distilled=is_distilled)
    pipe.to(dtype).save_pretrained(folder)
    call = {
        "height": 16,
        "width": 24,
        "num_inference_steps": 3,
        "guidance_scale": 1.0,
        "max_sequence_length": 24,
        "text_encoder_out_layers": list(LAYERS),
    }
    (folder / "call.json").write_text(json.dumps(call))
    return folder
