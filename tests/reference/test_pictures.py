"""What `mflux generate` writes as Pillow reads it, and JPEGs drawn anew at every run as diffusers reads them.

MFLUX_TEST_SEED repeats a run.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from pathlib import Path

import numpy as np
import pytest
from diffusers.utils import load_image
from PIL import ExifTags, Image

SEED = int(os.environ.get("MFLUX_TEST_SEED") or secrets.randbelow(1 << 30))
PROMPTS = ["red apple", "りんご 🍎\nsecond line", 'quotes " and \\ and {braces}', ""]


def generate(binary: Path, output: Path, *flags: str) -> Path:
    command = [binary, "generate", "--width", "64", "--height", "64", "--quiet", "--output", output]
    done = subprocess.run([*command, *flags], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


@pytest.mark.parametrize("prompt", PROMPTS)
def test_pillow_reads_the_metadata(mflux_binary: Path, tmp_path: Path, prompt: str) -> None:
    flags = ["--prompt", prompt, "--steps", "1", "--metadata", "--seed", str(2**64 - 1)]
    picture = generate(mflux_binary, tmp_path / "picture.png", *flags)
    image = Image.open(picture)
    image.load()
    stored = json.loads(image.text["mflux"])
    assert stored == json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))
    assert (stored["prompt"], stored["seed"], stored["model"]) == (prompt, 2**64 - 1, "emoji")
    assert (stored["width"], stored["height"]) == image.size == (64, 64)
    assert image.text["parameters"].startswith(f"{prompt}\nSteps: 1, Sampler: Euler")


def random_jpeg(rng: np.random.Generator, path: Path) -> None:
    """Smooth, rough and flat parts, any sampling, orientation and quality."""
    height, width = (int(side) for side in rng.integers(64, 200, 2))
    small = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    noise = Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    image.paste(noise, (5, 7))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = int(rng.integers(1, 9))
    mode = ["RGB", "L", "CMYK"][int(rng.choice(3, p=[0.8, 0.1, 0.1]))]
    options = {"subsampling": int(rng.integers(0, 3))} if mode == "RGB" else {}
    progressive = bool(rng.integers(0, 2))
    image.convert(mode).save(path, quality=int(rng.integers(5, 100)), progressive=progressive, exif=exif, **options)


def test_a_jpeg_is_the_picture_that_diffusers_reads(mflux_binary: Path, tmp_path: Path) -> None:
    """A JPEG to start from draws the same as a PNG of the pixels that diffusers reads from it."""
    print(f"MFLUX_TEST_SEED={SEED}")
    rng = np.random.default_rng(SEED)
    flags = ["--prompt", "x", "--seed", "1", "--steps", "2"]
    for index in range(6):
        jpeg, png = tmp_path / f"{index}.jpg", tmp_path / f"{index}.png"
        random_jpeg(rng, jpeg)
        load_image(str(jpeg)).save(png)
        starts = {"a": jpeg, "b": png}
        drawn = [
            generate(mflux_binary, tmp_path / f"{index}{name}.png", *flags, "--image", f"{start}:0.5")
            for name, start in starts.items()
        ]
        np.testing.assert_array_equal(*(np.asarray(Image.open(path)) for path in drawn))
