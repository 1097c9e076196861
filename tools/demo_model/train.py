"""Train the demo model: first the autoencoder, then transformer and text encoder, each for a time budget.

    python train.py --data data --out state --vae-seconds 240 --flow-seconds 300

Writes state/{vae,transformer,text_encoder}.safetensors (bfloat16) and state/train.json. With --resume STATE the models
found there go on from it; a part whose budget is 0 stays as it is. The autoencoder's encoder defines the latents,
so training it again means training the flow again.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import Qwen3Config, Qwen3ForCausalLM

import flow
import vae as autoencoder
from config import MAX_TOKENS, SEED, TEXT_ENCODER, TRANSFORMER, VAE, read_json, write_json

TIED = "lm_head.weight"


def build() -> dict[str, nn.Module]:
    return {
        "vae": AutoencoderKLFlux2(**VAE),
        "transformer": Flux2Transformer2DModel(**TRANSFORMER),
        "text_encoder": Qwen3ForCausalLM(Qwen3Config(**TEXT_ENCODER)),
    }


def cast(state: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    return {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}


def save(models: dict[str, nn.Module], folder: Path, facts: dict) -> None:
    """Every parameter and statistic in bfloat16; the tied output layer is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in models.items():
        state = {k: v.cpu().contiguous() for k, v in model.state_dict().items() if k != TIED}
        save_file(cast(state, torch.bfloat16), folder / f"{name}.safetensors")
    write_json(folder / "train.json", facts)


def load(models: dict[str, nn.Module], folder: Path) -> None:
    """Fill those models that the folder has weights for."""
    for name, model in models.items():
        file = folder / f"{name}.safetensors"
        if not file.exists():
            continue
        missing, unexpected = model.load_state_dict(cast(load_file(file), torch.float32), strict=False)
        if unexpected or set(missing) - {TIED}:
            raise SystemExit(f"{file}: missing {missing}, unexpected {unexpected}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("state"))
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--vae-seconds", type=float, default=240)
    parser.add_argument("--flow-seconds", type=float, default=300)
    parser.add_argument("--flow-rate", type=float, default=flow.PEAK_RATE, help="the flow's peak learning rate")
    parser.add_argument("--device", default="cuda")
    return parser.parse_args()


def main() -> None:
    args, start = arguments(), time.time()
    torch.manual_seed(SEED)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    device, compiled = torch.device(args.device), args.device == "cuda"
    models = {name: model.to(device) for name, model in build().items()}
    facts = {"seed": SEED, "runs": []}
    if args.resume:
        load(models, args.resume)
        facts = read_json(args.resume / "train.json")
    pictures = torch.from_numpy(np.load(args.data / "emoji.npz")["img"]).to(device)
    text = np.load(args.data / "captions.npz")
    captions = flow.Captions(torch.from_numpy(text["ids"]).to(device).long(), torch.from_numpy(text["mask"]).to(device))

    run = {"torch": torch.__version__, "device": torch.cuda.get_device_name() if compiled else "cpu"}
    vae = models["vae"].eval()
    if args.vae_seconds:
        run["vae_steps"] = autoencoder.train(vae, pictures, args.vae_seconds, compiled)
        autoencoder.set_latent_statistics(vae, autoencoder.encode_all(vae, pictures))
    latents = autoencoder.encode_all(vae, pictures)
    values, out = autoencoder.psnr(vae, pictures, latents), autoencoder.held_out(len(pictures), device)
    run["psnr"] = {"train": values[~out].mean().item(), "held_out": values[out].mean().item()}
    run["psnr"]["worst"] = values.min().item()
    print(run, f"{time.time() - start:.0f} s", flush=True)

    model = flow.Denoiser(models["text_encoder"], models["transformer"], latents.shape[-1] // 2, MAX_TOKENS).to(device)
    clean = autoencoder.tokens(vae, latents)
    run["flow_steps"] = flow.train(model, clean, captions, args.flow_seconds, compiled, args.flow_rate)
    facts["runs"].append(run)
    save(models, args.out, facts)
    print(run, f"{time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
