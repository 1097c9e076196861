"""Check the exported folder with diffusers' own pipeline; exits 1 and says what is wrong.

    python check.py --model models/emoji [--data data]

With the training data it also measures the held-out reconstruction and how many emoji are drawn from their names.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import Flux2KleinPipeline
from PIL import Image

import sheet
import vae as autoencoder
from config import CALL, MAX_TOKENS, OUT_LAYERS, prompts, read_json
from tokenizer import PAD

MAX_BYTES = 32_000_000
MIN_PSNR, MIN_SHEET_PSNR, MIN_DRAWN = 28.0, 40.0, 0.95
CHECKED_PROMPTS = (0, 23, 42, 63)
NAMES_EVERY, BATCH = 10, 62
NOT_BFLOAT16 = {"bn.num_batches_tracked": "I64"}


def tensor_types(file: Path) -> dict[str, str]:
    """Tensor names and dtypes from a safetensors header."""
    with file.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    return {name: entry["dtype"] for name, entry in header.items() if name != "__metadata__"}


def check_files(model: Path) -> list[str]:
    """Size, dtypes, call.json, and a text encoder deeper than the hidden states in use."""
    problems = []
    size = sum(file.stat().st_size for file in model.rglob("*") if file.is_file())
    print(f"{size} bytes")
    if size > MAX_BYTES:
        problems.append(f"{model} holds {size} bytes, at most {MAX_BYTES} are allowed")
    for file in sorted(model.rglob("*.safetensors")):
        for name, dtype in tensor_types(file).items():
            if dtype != NOT_BFLOAT16.get(name, "BF16"):
                problems.append(f"{file}: {name} is {dtype}")
    if read_json(model / "call.json") != CALL:
        problems.append("call.json differs from config.py")
    if read_json(model / "text_encoder/config.json")["num_hidden_layers"] <= max(OUT_LAYERS):
        problems.append("the text encoder has no layer past the last hidden state in use")
    return problems


def psnr(a: Image.Image, b: Image.Image) -> float:
    error = np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-4)))


def check_prompts(pipeline: Flux2KleinPipeline, model: Path) -> list[str]:
    """Four prompts are drawn again and held against their tiles of the contact sheet."""
    texts = {i: prompts()[i] for i in CHECKED_PROMPTS}
    shipped = Image.open(model / "contact_sheet.png").convert("RGB")
    problems = []
    for (i, text), image in zip(texts.items(), sheet.draw(pipeline, texts, CALL), strict=True):
        left, top = i % sheet.COLUMNS * sheet.TILE, i // sheet.COLUMNS * sheet.TILE
        tile = shipped.crop((left, top, left + sheet.TILE, top + sheet.TILE))
        likeness = psnr(sheet.contact_sheet([image]).crop((0, 0, sheet.TILE, sheet.TILE)), tile)
        print(f"'{text}': {likeness:.1f} dB against the contact sheet")
        if likeness < MIN_SHEET_PSNR:
            problems.append(f"'{text}' is no longer what the contact sheet shows ({likeness:.1f} dB)")
    return problems


def check_reconstruction(pipeline: Flux2KleinPipeline, pictures: torch.Tensor) -> list[str]:
    """Mean PSNR over the emoji that the autoencoder never trained on."""
    unseen = pictures[autoencoder.held_out(len(pictures), pictures.device)]
    values = autoencoder.psnr(pipeline.vae, unseen, autoencoder.encode_all(pipeline.vae, unseen))
    print(f"reconstruction of {len(unseen)} held-out emoji: {values.mean():.2f} dB, worst {values.min():.2f} dB")
    return [] if values.mean() >= MIN_PSNR else [f"held-out reconstruction is {values.mean():.2f} dB"]


def check_names(pipeline: Flux2KleinPipeline, pictures: torch.Tensor, names: list[str]) -> list[str]:
    """Every NAMES_EVERY-th emoji, drawn from its name, must be nearer to its own picture than to any other."""
    flat = pictures.flatten(1).float()
    chosen, misses = list(range(0, len(names), NAMES_EVERY)), []
    for start in range(0, len(chosen), BATCH):
        part = chosen[start : start + BATCH]
        for i, image in zip(part, sheet.draw(pipeline, {i: names[i] for i in part}, CALL), strict=True):
            drawn = torch.from_numpy(np.array(image)).flatten().float()
            nearest = int(torch.cdist(drawn[None], flat).argmin())
            if not torch.equal(flat[nearest], flat[i]):
                misses.append(f"{names[i]} (nearest {names[nearest]})")
    share = 1 - len(misses) / len(chosen)
    print(f"drawn from their names: {len(chosen) - len(misses)} of {len(chosen)}; not {misses}")
    return [] if share >= MIN_DRAWN else [f"only {share:.1%} of the emoji are drawn from their names"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/emoji"))
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    problems = check_files(args.model)
    pipeline = sheet.load(args.model)
    if pipeline.tokenizer(["x"], padding="max_length", max_length=MAX_TOKENS)["input_ids"][0][
        -1
    ] != pipeline.tokenizer.convert_tokens_to_ids(PAD):
        problems.append("the tokenizer does not pad on the right with <|endoftext|>")
    problems += check_prompts(pipeline, args.model)
    if args.data:
        pictures = torch.from_numpy(np.load(args.data / "emoji.npz")["img"])
        names = [entry["name"] for entry in read_json(args.data / "emoji.json")]
        problems += check_reconstruction(pipeline, pictures) + check_names(pipeline, pictures, names)
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
