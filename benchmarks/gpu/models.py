"""Writes FLUX.2-klein-4B at full size with random weights, in the published layout, for parity and speed.

    python models.py OUT [--tokenizer DIR]

Real configs of the real classes, bfloat16. Matrices have deviation 1/sqrt(inputs), so that activations keep their size
from layer to layer; what modulates is smaller. Made on the GPU where there is one, the same for the same --seed and
device.
"""

import argparse
import json
import math
import shutil
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

TRANSFORMER = {
    "patch_size": 1,
    "in_channels": 128,
    "out_channels": None,
    "num_layers": 5,
    "num_single_layers": 20,
    "attention_head_dim": 128,
    "num_attention_heads": 24,
    "joint_attention_dim": 7680,
    "timestep_guidance_channels": 256,
    "mlp_ratio": 3.0,
    "axes_dims_rope": [32, 32, 32, 32],
    "rope_theta": 2000,
    "eps": 1e-6,
    "guidance_embeds": False,
}
TEXT_ENCODER = {
    "vocab_size": 151936,
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 40960,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "torch_dtype": "bfloat16",
}
SMALL_TRANSFORMER = {
    "num_layers": 1,
    "num_single_layers": 2,
    "num_attention_heads": 2,
    "joint_attention_dim": 3 * 256,
}
SMALL_TEXT_ENCODER = {
    "vocab_size": 3000,
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 28,
}


def draw(name: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    def normal(mean: float, deviation: float) -> torch.Tensor:
        values = torch.empty(shape, dtype=torch.float32, device=DEVICE).normal_(mean, deviation, generator=generator)
        return values.to(torch.bfloat16).cpu()

    if name.endswith("running_var"):
        return normal(0, 0.3).abs() + 0.5
    if len(shape) <= 1:
        is_scale = "norm" in name and name.endswith("weight")
        return normal(1.0 if is_scale else 0.0, 0.1)
    inputs = math.prod(shape[1:])
    scale = 0.3 if "modulation" in name or "norm_out" in name else 1.0
    return normal(0, 1.0 if "embed_tokens" in name else scale / math.sqrt(inputs))


def write(model: torch.nn.Module, file: Path, seed: int, keep=lambda name: True) -> None:
    generator = torch.Generator(DEVICE).manual_seed(seed)
    tensors = {}
    for name, tensor in model.state_dict().items():
        if tensor.dtype == torch.int64:
            tensors[name] = torch.zeros(tensor.shape, dtype=torch.int64)
        elif keep(name):
            tensors[name] = draw(name, tensor.shape, generator)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, metadata={"format": "pt"})


def write_config(folder: Path, config: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1))


def main() -> None:
    from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel
    from transformers import Qwen3Config, Qwen3ForCausalLM

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    demo = ROOT / "models/emoji"
    parser.add_argument("--demo", type=Path, default=demo, help="where tokenizer and scheduler come from")
    parser.add_argument("--small", action="store_true", help="the same with small parts, to try the scripts")
    args = parser.parse_args()
    start = time.time()
    transformer = TRANSFORMER | (SMALL_TRANSFORMER if args.small else {})
    text_encoder = TEXT_ENCODER | (SMALL_TEXT_ENCODER if args.small else {})
    for part in ("tokenizer", "scheduler"):
        shutil.copytree(args.demo / part, args.out / part, dirs_exist_ok=True)
    shutil.copy(args.demo / "model_index.json", args.out)

    with torch.device("meta"):
        qwen3 = Qwen3ForCausalLM(Qwen3Config(**text_encoder))
        parts = Flux2Transformer2DModel.from_config(transformer), AutoencoderKLFlux2(), qwen3
    write_config(args.out / "transformer", {"_class_name": "Flux2Transformer2DModel"} | transformer)
    write_config(args.out / "vae", {"_class_name": "AutoencoderKLFlux2"} | dict(parts[1].config))
    about = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}
    write_config(args.out / "text_encoder", about | text_encoder)
    write(parts[0], args.out / "transformer/diffusion_pytorch_model.safetensors", args.seed)
    write(parts[1], args.out / "vae/diffusion_pytorch_model.safetensors", args.seed + 1)
    write(parts[2], args.out / "text_encoder/model.safetensors", args.seed + 2, lambda name: name != "lm_head.weight")
    print(f"wrote {args.out} in {time.time() - start:.1f} s")


if __name__ == "__main__":
    main()
