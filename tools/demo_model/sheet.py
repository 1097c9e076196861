"""Draw the contact sheet: prompts.txt through diffusers' own pipeline, float32 on the CPU, line number as seed.

python sheet.py --model models/emoji --out models/emoji/contact_sheet.png
"""

import argparse
from pathlib import Path

import torch
from diffusers import Flux2KleinPipeline
from PIL import Image

from config import prompts, read_json

COLUMNS, TILE = 8, 96


def load(folder: Path) -> Flux2KleinPipeline:
    """The pipeline with every component in float32 (the values stay the bfloat16 ones of the files)."""
    pipeline = Flux2KleinPipeline.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    for name in ("text_encoder", "transformer", "vae"):
        dtypes = {p.dtype for p in getattr(pipeline, name).parameters()}
        if dtypes != {torch.float32}:
            raise SystemExit(f"{name} was loaded as {dtypes}, expected float32")
    return pipeline


def draw(pipeline: Flux2KleinPipeline, texts: dict[int, str], call: dict) -> list[Image.Image]:
    """One picture for each seed and its prompt."""
    generators = [torch.Generator().manual_seed(seed) for seed in texts]
    return pipeline(prompt=list(texts.values()), generator=generators, **call).images


def contact_sheet(images: list[Image.Image]) -> Image.Image:
    rows = -(-len(images) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE, rows * TILE), "white")
    for i, image in enumerate(images):
        small = image.resize((TILE, TILE), Image.Resampling.LANCZOS)
        sheet.paste(small, (i % COLUMNS * TILE, i // COLUMNS * TILE))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/emoji"))
    parser.add_argument("--out", type=Path, default=Path("models/emoji/contact_sheet.png"))
    args = parser.parse_args()
    images = draw(load(args.model), dict(enumerate(prompts())), read_json(args.model / "call.json"))
    contact_sheet(images).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
