"""Whole klein pipelines of tiny random models: `mflux generate` against the real Flux2KleinPipeline, step by step.

Models and runs are drawn anew every time; MFLUX_TEST_SEED repeats one.
"""

from __future__ import annotations

import functools
import json
import os
import secrets
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import Flux2KleinPipeline, ZImageImg2ImgPipeline
from diffusers.image_processor import VaeImageProcessor
from PIL import Image
from safetensors.torch import save_file

from klein_tiny import Run, noise_for, random_model, random_picture, run_with_noise, write_model
from mflux_reference import Dump, load_dump
from mflux_reference.flux2_klein import Options
from provenance import relative_l2

FIRST_SEED = int(os.environ.get("MFLUX_TEST_SEED") or secrets.randbelow(1 << 30))
SEEDS = [FIRST_SEED, FIRST_SEED + 1]
PROMPT = "A red apple, 3 naïve 猫 & 🍏!"
FLOOR, MARGIN = 5e-6, 3
LOOP = ("timestep", "noise_pred", "latents")
TAPS = Options(taps=("vae.encode",))


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed{seed}")
def seed(request) -> int:
    print(f"MFLUX_TEST_SEED={request.param}")
    return request.param


@pytest.fixture(scope="module")
def distilled(seed, tmp_path_factory) -> Path:
    with torch.no_grad():
        return write_model(random_model(seed, is_distilled=True), tmp_path_factory.mktemp("distilled"))


@pytest.fixture(scope="module")
def base(seed, tmp_path_factory) -> Path:
    with torch.no_grad():
        return write_model(random_model(seed, is_distilled=False), tmp_path_factory.mktemp("base"))


def generate(binary: Path, model: Path, out: Path, *arguments: object, prompt: str = PROMPT) -> Dump:
    out.mkdir()
    command = [binary, "generate", "--model", model, "--prompt", prompt, "--output", out / "image.png"]
    done = subprocess.run(
        [str(word) for word in (*command, "--capture", out / "dump", *arguments)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return load_dump(out / "dump")


def arguments_of(run: Run, noise: Path) -> list[object]:
    """The same call in the port's flags."""
    words: list[object] = ["--steps", run.steps, "--latents", f"{noise}#latents_initial"]
    if run.width is not None:
        words += ["--width", run.width]
    if run.height is not None:
        words += ["--height", run.height]
    if run.guidance > 1:
        words += ["--guidance", run.guidance]
    if run.negative_prompt is not None:
        words += ["--negative-prompt", run.negative_prompt]
    if run.sigmas is not None:
        words += ["--sigmas", ",".join(map(repr, run.sigmas))]
    for path in run.references:
        words += ["--reference", path]
    return words


def assert_parity(port: Dump, reference: Dump, *, skip: tuple[str, ...] = ()) -> None:
    ours = set(port.names())
    for entry in reference.checkpoints:
        name, noise = entry["name"], entry["float64_rel_l2"]
        if name in skip:
            continue
        assert name in ours, name
        got, want = port.tensor(name), reference.tensor(name)
        assert got.shape == want.shape, name
        if not want.is_floating_point():
            assert torch.equal(got, want), name
        else:
            assert relative_l2(got, want) <= max(FLOOR, MARGIN * noise), name


def assert_same_picture(ours: Path, theirs: Path) -> None:
    """At most one level, in few places."""
    difference = np.abs(np.asarray(Image.open(ours)).astype(int) - np.asarray(Image.open(theirs)))
    assert difference.max() <= 1
    assert np.count_nonzero(difference) <= max(3, difference.size // 100)


def compare(binary: Path, model: Path, run: Run, folder: Path) -> tuple[Dump, Dump]:
    noise = folder / "noise.safetensors"
    save_file({"latents_initial": run.latents}, noise)
    reference = run_with_noise(model, run, folder / "ref", TAPS)
    port = generate(binary, model, folder / "port", *arguments_of(run, noise), prompt=run.prompt)
    assert_parity(port, reference)
    assert_same_picture(folder / "port" / "image.png", folder / "ref" / "image.png")
    return port, reference


def text_to_image(model: Path, seed: int, **changes: object) -> Run:
    made = {"prompt": PROMPT, "width": 96, "height": 64, "steps": 3, "latents": noise_for(model, 96, 64, seed)}
    return Run(**{**made, **changes})


def test_text_to_image(distilled, seed, mflux_binary, tmp_path):
    port, reference = compare(mflux_binary, distilled, text_to_image(distilled, seed, steps=4), tmp_path)
    expected = [f"{name}@step={step}" for step in (1, 2, 3, 4) for name in LOOP]
    assert [name for name in reference.names() if "@" in name] == expected
    known = set(reference.names())
    assert [name for name in port.names() if name in known] == reference.names()


def test_sigmas_of_one_s_own(distilled, seed, mflux_binary, tmp_path):
    run = text_to_image(distilled, seed, sigmas=[1.0, 0.83, 0.41, 0.2], steps=4)
    _, reference = compare(mflux_binary, distilled, run, tmp_path)
    assert reference.tensor("sigmas").shape == (5,)


def test_edit_with_one_reference_takes_its_size(distilled, seed, mflux_binary, tmp_path):
    picture = random_picture(tmp_path / "one.png", 101, 77, seed)
    unit = 2 ** len(json.loads((distilled / "vae" / "config.json").read_text())["block_out_channels"])
    width, height = 101 // unit * unit, 77 // unit * unit
    run = Run(PROMPT, None, None, 2, references=(picture,), latents=noise_for(distilled, width, height, seed))
    _, reference = compare(mflux_binary, distilled, run, tmp_path)
    assert reference.tensor("image").shape == (1, 3, height, width)
    assert reference.tensor("image_latents").shape[1] == height * width // unit**2


def test_edit_with_two_references_of_different_sizes(distilled, seed, mflux_binary, tmp_path):
    pictures = (
        random_picture(tmp_path / "one.png", 70, 120, seed),
        random_picture(tmp_path / "two.png", 99, 64, seed + 1),
    )
    port, reference = compare(mflux_binary, distilled, text_to_image(distilled, seed, references=pictures), tmp_path)
    assert {"vae.encode", "vae.encode.call2"} <= set(reference.names())
    order = port.tensor("transformer.in.img_ids@step=1")[0, :, 0]
    assert sorted(set(order.tolist())) == [0, 10, 20]


def test_guidance_with_the_empty_prompt(base, seed, mflux_binary, tmp_path):
    _, reference = compare(mflux_binary, base, text_to_image(base, seed, guidance=2.5), tmp_path)
    assert "noise_pred_uncond@step=3" in reference.names()


def test_guidance_with_a_negative_prompt(base, seed, mflux_binary, tmp_path):
    run = text_to_image(base, seed, guidance=4.0, negative_prompt="blurry, grey")
    _, reference = compare(mflux_binary, base, run, tmp_path)
    pair = [reference.tensor(name) for name in ("prompt_embeds", "negative_prompt_embeds")]
    assert relative_l2(*pair) > 0.1


def test_guided_edit(base, seed, mflux_binary, tmp_path):
    picture = random_picture(tmp_path / "one.png", 66, 83, seed)
    run = text_to_image(base, seed, guidance=3.0, references=(picture,), steps=2)
    compare(mflux_binary, base, run, tmp_path)


def test_a_prompt_too_long_loses_the_template_s_tail(distilled, seed, mflux_binary, tmp_path):
    run = text_to_image(distilled, seed, prompt="apple pear " * 40, steps=2)
    _, reference = compare(mflux_binary, distilled, run, tmp_path)
    assert reference.tensor("attention_mask").min() == 1


@pytest.mark.parametrize("strength", [0.3, 0.6, 1.0])
def test_image_to_image_is_composed_of_diffusers_functions(distilled, seed, strength, mflux_binary, tmp_path):
    """start step and mixture of ZImageImg2ImgPipeline, picture encoded and loop run by Flux2KleinPipeline."""
    picture = random_picture(tmp_path / "start.png", 90, 70, seed)
    run = text_to_image(distilled, seed, steps=4)
    save_file({"latents_initial": run.latents}, tmp_path / "noise.safetensors")
    prepare = functools.partial(start_from, picture=picture, run=run, strength=strength)
    reference = run_with_noise(distilled, run, tmp_path / "ref", Options(taps=()), prepare)
    port = generate(
        mflux_binary,
        distilled,
        tmp_path / "port",
        *arguments_of(run, tmp_path / "noise.safetensors"),
        *("--image", f"{picture}:{strength}"),
    )
    assert_parity(port, reference)
    assert_same_picture(tmp_path / "port" / "image.png", tmp_path / "ref" / "image.png")
    assert torch.equal(port.tensor("latents_initial"), run.latents)
    done = sum(name.startswith("latents@") for name in reference.names())
    assert done == {0.3: 2, 0.6: 3, 1.0: 4}[strength]


def start_from(pipe: Flux2KleinPipeline, *, picture: Path, run: Run, strength: float) -> None:
    """Has the pipeline begin at `strength` from the picture mixed with the noise that it is given."""
    scheduler, pack = pipe.scheduler, pipe._pack_latents
    set_timesteps, prepare_latents = scheduler.set_timesteps, pipe.prepare_latents
    processor = VaeImageProcessor(vae_scale_factor=2 * pipe.vae_scale_factor)
    pixels = processor.preprocess(Image.open(picture), height=run.height, width=run.width)
    mode = pipe._encode_vae_image(pixels.to(pipe.vae.dtype), generator=None)

    @functools.wraps(set_timesteps)
    def shortened(*args, **kwargs):
        set_timesteps(*args, **kwargs)
        steps = SimpleNamespace(scheduler=scheduler)
        timesteps, _ = ZImageImg2ImgPipeline.get_timesteps(steps, run.steps, strength, None)
        first = len(scheduler.timesteps) - len(timesteps)
        scheduler.timesteps, scheduler.sigmas = timesteps, scheduler.sigmas[first:]

    @functools.wraps(prepare_latents)
    def mixed(*args, **kwargs):
        noise, ids = prepare_latents(*args, **kwargs)
        tokens = noise.shape[1]
        sigmas = np.linspace(1.0, 1 / run.steps, run.steps)
        shortened(sigmas=sigmas, mu=klein_mu(tokens, run.steps))
        scheduler.set_begin_index(0)
        return scheduler.scale_noise(pack(mode), scheduler.timesteps[:1], noise), ids

    scheduler.set_timesteps = shortened
    pipe.prepare_latents = mixed


def klein_mu(tokens: int, steps: int) -> float:
    from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu

    return compute_empirical_mu(tokens, steps)
