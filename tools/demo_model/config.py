"""The sizes of the demo model, and the arguments every side calls it with."""

import json
from pathlib import Path
from typing import Any

SEED = 0
IMAGE_SIZE = 128
HELD_OUT_EVERY = 20
"""Every 20th emoji, from the first on, is kept out of the autoencoder's training."""

VOCABULARY = 3000
MAX_TOKENS = 48
OUT_LAYERS = (2, 4, 6)
STEPS = 4

VAE: dict[str, Any] = {
    "block_out_channels": (32, 64, 112, 112),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 1,
    "latent_channels": 32,
    "norm_num_groups": 16,
    "sample_size": IMAGE_SIZE,
}

TEXT_ENCODER: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 160,
    "intermediate_size": 400,
    "num_hidden_layers": 7,
    "num_attention_heads": 3,
    "num_key_value_heads": 1,
    "head_dim": 64,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
    "tie_word_embeddings": True,
    "use_cache": False,
}

TRANSFORMER: dict[str, Any] = {
    "patch_size": 1,
    "in_channels": 4 * VAE["latent_channels"],
    "num_layers": 2,
    "num_single_layers": 6,
    "attention_head_dim": 64,
    "num_attention_heads": 4,
    "joint_attention_dim": len(OUT_LAYERS) * TEXT_ENCODER["hidden_size"],
    "timestep_guidance_channels": 256,
    "mlp_ratio": 3.0,
    "axes_dims_rope": (16, 16, 16, 16),
    "rope_theta": 2000,
    "guidance_embeds": False,
}

SCHEDULER: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "shift": 3.0,
    "use_dynamic_shifting": True,
    "base_shift": 0.5,
    "max_shift": 1.15,
    "base_image_seq_len": 256,
    "max_image_seq_len": 4096,
    "time_shift_type": "exponential",
}

CALL: dict[str, Any] = {
    "height": IMAGE_SIZE,
    "width": IMAGE_SIZE,
    "num_inference_steps": STEPS,
    "guidance_scale": 1.0,
    "max_sequence_length": MAX_TOKENS,
    "text_encoder_out_layers": list(OUT_LAYERS),
}


def prompts() -> list[str]:
    """The 64 prompts of the contact sheet, row by row; each one's place is its seed."""
    return Path(__file__).with_name("prompts.txt").read_text().splitlines()


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
