"""Dumps one run of diffusers' own Flux2KleinPipeline: python -m mflux_reference.flux2_klein --help"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import Flux2KleinPipeline
from PIL import Image
from torch import nn

from mflux_reference.crop import Crop
from mflux_reference.klein_taps import IMAGE_AXES, tap_pipeline, tap_vae_methods
from mflux_reference.latents import NAME as LATENTS
from mflux_reference.latents import draw_latents, load_latents
from mflux_reference.recorder import BUFFER_BYTES, Capture
from mflux_reference.torch_backend import dtype_name

COMPONENTS = ("text_encoder", "transformer", "vae")
CALL_FILE = "call.json"
# Qwen3 returns its layers' outputs a second and third time.
SKIP = ("text_encoder.out.*", "text_encoder.model.out.*")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "float64": torch.float64}


@dataclass(frozen=True)
class CallArguments:
    """How a model wants to be called; a model folder's call.json says it, these are the published klein's."""

    height: int = 1024
    width: int = 1024
    num_inference_steps: int = 4
    guidance_scale: float = 1.0
    max_sequence_length: int = 512
    text_encoder_out_layers: tuple[int, ...] = (9, 18, 27)


@dataclass(frozen=True)
class Options:
    """What to dump; `latents` is the noise to start from instead of the seed's, `arguments` go to the call too."""

    taps: tuple[str, ...] = ("*",)
    inputs: bool = False
    crop: Crop | None = None
    latents: torch.Tensor | None = None
    facts: Mapping[str, Any] | None = None
    buffer_bytes: int = BUFFER_BYTES
    arguments: Mapping[str, Any] = field(default_factory=dict)


def read_call(model: Path) -> CallArguments:
    path = model / CALL_FILE
    if not path.exists():
        return CallArguments()
    values = json.loads(path.read_text(encoding="utf-8"))
    unknown = sorted(values.keys() - asdict(CallArguments()).keys())
    if unknown:
        raise ValueError(f"{path}: unknown call arguments {', '.join(unknown)}")
    if "text_encoder_out_layers" in values:
        values["text_encoder_out_layers"] = tuple(values["text_encoder_out_layers"])
    return CallArguments(**values)


def load_pipeline(model: Path, dtype: torch.dtype, device: str = "cpu") -> Flux2KleinPipeline:
    """Every component in one dtype; by itself the text encoder takes the file's and the rest float32."""
    pipe = Flux2KleinPipeline.from_pretrained(model, dtype=dtype, local_files_only=True)
    for name in COMPONENTS:
        check_dtype(name, getattr(pipe, name), dtype)
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)


def check_dtype(name: str, module: nn.Module, dtype: torch.dtype) -> None:
    for key, tensor in module.state_dict().items():
        if tensor.is_floating_point() and tensor.dtype != dtype:
            raise TypeError(f"{name}.{key} is {dtype_name(tensor.dtype)}, expected {dtype_name(dtype)}")


def initial_latents(pipe: Flux2KleinPipeline, call: CallArguments, seed: int) -> torch.Tensor:
    """[1, C, H/16, W/16] (for a VAE that divides by 8), as the pipeline takes them."""
    multiple = 2 * pipe.vae_scale_factor
    shape = (1, pipe.transformer.config.in_channels, call.height // multiple, call.width // multiple)
    return draw_latents(shape, seed, pipe.transformer.dtype)


def dump(
    pipe: Flux2KleinPipeline, call: CallArguments, prompt: str, seed: int, folder: Path, options: Options
) -> Image.Image:
    """Runs the pipeline once; checkpoints, manifest.json and image.png are in `folder` afterwards."""
    latents = options.latents if options.latents is not None else initial_latents(pipe, call, seed)
    latents = latents.to(pipe.transformer.dtype)
    with Capture(
        folder,
        taps=options.taps,
        skip=(*SKIP, *not_needed(pipe.text_encoder, call.text_encoder_out_layers)),
        inputs=options.inputs,
        crop=options.crop,
        run=run_facts(pipe, call, prompt),
        seed=seed,
        facts=options.facts,
        buffer_bytes=options.buffer_bytes,
    ) as capture:
        for name in COMPONENTS:
            capture.add(name, getattr(pipe, name))
        tap_vae_methods(pipe.vae, capture)
        tap_pipeline(pipe, capture, inputs=options.inputs)
        capture.record(LATENTS, latents, axes=IMAGE_AXES)
        image = pipe(prompt=prompt, latents=latents, **asdict(call), **options.arguments).images[0]
        image.save(capture.folder / "image.png")
        capture.image(capture.folder / "image.png")
    return image


def not_needed(text_encoder: nn.Module, wanted: Sequence[int]) -> tuple[str, ...]:
    """Globs over what runs in the reference although no wanted hidden state depends on it: a port leaves it out."""
    base = "text_encoder.model" if hasattr(text_encoder, "lm_head") else "text_encoder"
    layers = text_encoder.config.num_hidden_layers
    modules = [f"{base}.layers.{i}" for i in range(max(wanted), layers)]
    if max(wanted) < layers:
        modules.append(f"{base}.norm")
    return ("text_encoder.lm_head", *modules, *(f"{module}.*" for module in modules))


def run_facts(pipe: Flux2KleinPipeline, call: CallArguments, prompt: str) -> dict[str, Any]:
    guided = call.guidance_scale > 1 and not pipe.config.is_distilled
    return {
        "prompt": prompt,
        "negative_prompt": "" if guided else None,
        "height": call.height,
        "width": call.width,
        "steps": call.num_inference_steps,
        "guidance": call.guidance_scale,
        "max_sequence_length": call.max_sequence_length,
        "text_encoder_out_layers": list(call.text_encoder_out_layers),
    }


def parse(arguments: Iterable[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mflux_reference.flux2_klein", description=__doc__.split(":")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder in diffusers' layout")
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="for example debug_artifacts/RUN/ref")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of every component")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--taps", nargs="+", default=["*"], metavar="GLOB", help="modules to dump, e.g. 'vae.decoder.*'"
    )
    parser.add_argument("--inputs", action="store_true", help="dump the modules' inputs too")
    parser.add_argument("--latents", type=Path, metavar="DUMP", help="start from the latents_initial of another dump")
    parser.add_argument("--height", type=int, help=f"default: the model's {CALL_FILE}, as for the next two")
    parser.add_argument("--width", type=int)
    parser.add_argument("--steps", type=int, dest="num_inference_steps")
    parser.add_argument("--guidance", type=float, dest="guidance_scale")
    return parser.parse_args(arguments)


def main(arguments: Iterable[str] | None = None) -> None:
    chosen = parse(arguments)
    overrides = ("height", "width", "num_inference_steps", "guidance_scale")
    given = {name: getattr(chosen, name) for name in overrides if getattr(chosen, name) is not None}
    call = replace(read_call(chosen.model), **given)
    options = Options(
        taps=tuple(chosen.taps),
        inputs=chosen.inputs,
        latents=load_latents(chosen.latents) if chosen.latents else None,
    )
    pipe = load_pipeline(chosen.model, DTYPES[chosen.dtype], chosen.device)
    dump(pipe, call, chosen.prompt, chosen.seed, chosen.out, options)
    print(f"{chosen.out}: checkpoints, manifest.json, image.png")


if __name__ == "__main__":
    main()
