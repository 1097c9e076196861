"""The C++ autoencoder against fresh random models of the real class, module by module, through the binary.

The configurations are drawn anew at every run; the seed is in each test's name and in its output. MFLUX_TEST_SEED
repeats one.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderKLFlux2
from diffusers.image_processor import VaeImageProcessor
from PIL import Image
from safetensors.torch import save_file

from mflux_reference import load_dump
from mflux_reference.manifest import write_manifest
from provenance import relative_l2
from vae_tiny import Case, down, random_vae, write_case

FIRST_SEED = int(os.environ.get("MFLUX_TEST_SEED") or secrets.randbelow(1 << 30))
SEEDS = [FIRST_SEED + i for i in range(4)]


def random_case(seed: int) -> Case:
    """Depth, channel counts, sizes, batch and every switch at random.

    Tensors of a few numbers are avoided: there both sides' rounding errors are single draws, and no bound on their
    ratio holds.
    """
    dice = random.Random(seed)
    levels, groups = dice.randint(1, 4), dice.choice((1, 2, 3, 4))

    def channels() -> tuple[int, ...]:
        return tuple(groups * dice.randint(-(-6 // groups), 6) for _ in range(levels))

    side, step = 2 ** (levels - 1), 2**levels
    return Case(
        name=f"random_{seed}",
        seed=seed,
        config={
            **down(levels),
            "in_channels": dice.choice((1, 3, 4)),
            "out_channels": dice.choice((1, 2, 3)),
            "block_out_channels": channels(),
            "decoder_block_out_channels": dice.choice((None, channels())),
            "layers_per_block": dice.randint(1, 3),
            "latent_channels": dice.randint(3, 8),
            "norm_num_groups": groups,
            "use_quant_conv": dice.random() < 0.5,
            "use_post_quant_conv": dice.random() < 0.5,
            "mid_block_add_attention": dice.random() < 0.7,
            "batch_norm_eps": 10 ** dice.uniform(-4, -0.5),
        },
        image=(dice.randint(1, 2), step * dice.randint(2, 4) + dice.randrange(side), step * dice.randint(2, 4)),
        latent=(dice.randint(1, 2), dice.randint(3, 7), dice.randint(3, 7)),
        scale=dice.choice((1.0, 1.0, 1e-2)),
        crop_bytes=1 << 30,
    )


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed{seed}")
def case(request, tmp_path_factory) -> tuple[Case, Path]:
    case = random_case(request.param)
    print(f"MFLUX_TEST_SEED={request.param}: {case}")
    folder = tmp_path_factory.mktemp(case.name)
    with torch.no_grad():
        write_case(case, folder)
    return case, folder


def port_run(binary: Path, *arguments: object, model: str = "flux2-klein") -> dict:
    command = [str(binary), "port", "run", model, *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_parity(port: Path, reference: Path, names: list[str] | None = None) -> None:
    ours, theirs = load_dump(port), load_dump(reference)
    if names is None:
        names = theirs.names()
        assert ours.names() == names
    noise = {entry["name"]: entry["float64_rel_l2"] for entry in theirs.checkpoints}
    for name in names:
        assert ours.tensor(name).shape == theirs.tensor(name).shape, name
        assert relative_l2(ours.tensor(name), theirs.tensor(name)) <= max(2e-6, 3 * noise[name]), name


@pytest.mark.parametrize("component", ["decode", "encode"])
def test_every_checkpoint_is_the_reference_s(case, component, mflux_binary, tmp_path):
    _, folder = case
    port_run(mflux_binary, f"vae.{component}", "--model", folder, "--inputs", folder / component, "--capture", tmp_path)
    assert_parity(tmp_path, folder / component)


def test_every_called_module_of_named_modules_is_tapped(case, mflux_binary, tmp_path):
    _, folder = case
    vae = AutoencoderKLFlux2.from_pretrained(folder)
    names: set[str] = set()
    for component in ("decode", "encode"):
        capture = tmp_path / component
        port_run(
            mflux_binary, f"vae.{component}", "--model", folder, "--inputs", folder / component, "--capture", capture
        )
        names |= {name for name in load_dump(capture).names() if not name.endswith(".in") and ".call2" not in name}
    # ModuleLists are never called, and the batch norm's statistics are read, not run.
    called = {
        f"vae.{name}" for name, module in vae.named_modules() if name and not isinstance(module, torch.nn.ModuleList)
    }
    assert names == called - {"vae.bn"} | {"vae.encode", "vae.decode"}


def test_tokens_become_latents_as_in_the_pipeline(case, mflux_binary, tmp_path):
    _, folder = case
    dump = load_dump(folder / "latents")
    _, _, height, width = dump.tensor("vae.encode.in").shape
    dump.manifest["run"].update({"height": height, "width": width})
    write_manifest(dump.folder, dump.manifest)
    port_run(mflux_binary, "latents.decode", "--model", folder, "--inputs", folder / "latents", "--capture", tmp_path)
    names = ["latents_unpacked", "latents_scaled", "latents_unpatchified"]
    assert_parity(tmp_path, folder / "latents", names)
    order = [name for name in load_dump(tmp_path).names() if not name.startswith("vae.")]
    assert order == [*names, "decoded", "image"]


def test_a_tap_captures_no_more_than_it_names(case, mflux_binary, tmp_path):
    _, folder = case
    port_run(
        mflux_binary,
        *("vae.decode", "--model", folder, "--inputs", folder / "decode", "--capture", tmp_path),
        *("--tap", "vae.decoder.mid_block*", "--tap", "vae.decode"),
    )
    every = load_dump(folder / "decode").names()
    expected = [n for n in every if n.startswith("vae.decoder.mid_block") or n in ("vae.decode", "vae.decode.in")]
    assert load_dump(tmp_path).names() == expected


@dataclass(frozen=True)
class RgbModel:
    """A random model of RGB images, and the port that runs it."""

    port: str
    vae_class: type
    folder: Path


@pytest.fixture(
    scope="module", params=[("flux2-klein", AutoencoderKLFlux2), ("z-image", AutoencoderKL)], ids=lambda pair: pair[0]
)
def rgb_model(request, tmp_path_factory) -> RgbModel:
    port, vae_class = request.param
    config = {**down(3), "block_out_channels": (8, 8, 16), "norm_num_groups": 4, "latent_channels": 4}
    folder = tmp_path_factory.mktemp("rgb")
    with torch.no_grad():
        case = Case("rgb", FIRST_SEED, config, (1, 0, 0), (1, 0, 0), vae_class=vae_class)
        random_vae(case).save_pretrained(folder)
    return RgbModel(port, vae_class, folder)


def test_picture_is_diffusers_to_one_level(rgb_model, mflux_binary, tmp_path):
    vae = rgb_model.vae_class.from_pretrained(rgb_model.folder)
    latents = torch.randn(1, 4, 6, 9) * 0.5
    save_file({"vae.decode.in": latents}, tmp_path / "z.safetensors")
    picture = tmp_path / "picture.png"
    port_run(
        mflux_binary,
        *("vae.decode", "--model", rgb_model.folder, "--inputs", tmp_path / "z.safetensors", "--image", picture),
        model=rgb_model.port,
    )
    expected = VaeImageProcessor().postprocess(vae.decode(latents).sample, output_type="pil")[0]
    difference = np.asarray(Image.open(picture)).astype(int) - np.asarray(expected)
    assert np.abs(difference).max() <= 1
    assert np.count_nonzero(difference) <= difference.size // 500


def test_round_trip_is_diffusers(rgb_model, mflux_binary, tmp_path):
    vae = rgb_model.vae_class.from_pretrained(rgb_model.folder)
    pixels = np.random.default_rng(FIRST_SEED).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    result = port_run(
        mflux_binary,
        *("vae.roundtrip", "--model", rgb_model.folder),
        *("--image", tmp_path / "in.png", "--output", tmp_path / "out.png"),
        model=rgb_model.port,
    )
    processor = VaeImageProcessor(vae_scale_factor=4)
    mean = vae.encode(processor.preprocess(Image.fromarray(pixels))).latent_dist.mode()
    expected = np.asarray(processor.postprocess(vae.decode(mean).sample, output_type="pil")[0])
    made = np.asarray(Image.open(tmp_path / "out.png"))
    assert np.abs(made.astype(int) - expected).max() <= 1
    psnr = 10 * np.log10(255**2 / np.mean((made.astype(float) - pixels) ** 2))
    assert result["psnr"] == pytest.approx(psnr, abs=1e-9)


def test_pixels_too_few_or_odd_for_the_pipeline_are_refused(rgb_model, mflux_binary, tmp_path):
    Image.fromarray(np.zeros((23, 36, 3), np.uint8)).save(tmp_path / "in.png")
    command = [mflux_binary, "port", "run", rgb_model.port, "vae.roundtrip", "--model", rgb_model.folder]
    done = subprocess.run([*command, "--image", tmp_path / "in.png"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "expected multiples of 4" in done.stderr
