"""The scheduler against diffusers' with random configs and sigmas, and the seeds' noise against NumPy's threefry.

Through the binary: `mflux port run flux2-klein scheduler` on dumps, and `mflux generate --capture`.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu
from safetensors.torch import load_file, save_file

from mflux_reference import load_dump
from provenance import REPOSITORY

SEED = int(os.environ.get("MFLUX_TEST_SEED") or secrets.randbelow(1 << 30))
MODEL = REPOSITORY / "models" / "emoji"


def run(binary: Path, *arguments: object) -> str:
    done = subprocess.run([str(binary), *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def random_config(dice: random.Random) -> dict:
    return {
        "shift": dice.choice((1.0, 3.0, dice.uniform(0.2, 6))),
        "use_dynamic_shifting": dice.random() < 0.7,
        "time_shift_type": dice.choice(("exponential", "linear")),
        "shift_terminal": dice.choice((None, None, dice.uniform(0.01, 0.3))),
        "invert_sigmas": dice.random() < 0.2,
        "num_train_timesteps": dice.choice((1000, 1000, 250)),
    }


@pytest.mark.parametrize("case", range(12))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_schedule_and_steps_are_diffusers(case, dtype, mflux_binary, tmp_path):
    """Sigmas and timesteps to the last bit, and every step as scheduler.step does it, in both types."""
    seed = SEED + case
    print(f"MFLUX_TEST_SEED={seed - case}, case {case}")
    dice, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    steps, tokens = dice.randint(2, 50), dice.choice((64, 256, 1024, 4096, 5000, 16384))
    given = np.linspace(1.0, 1 / steps, steps)
    if dice.random() < 0.5:
        given = np.array(sorted((dice.uniform(0.01, 1) for _ in range(steps)), reverse=True))
    scheduler = FlowMatchEulerDiscreteScheduler(**random_config(dice))
    scheduler.save_pretrained(tmp_path / "model" / "scheduler")
    scheduler.set_timesteps(sigmas=given, mu=compute_empirical_mu(tokens, steps))
    scheduler.set_begin_index(0)

    kind = getattr(torch, dtype)
    latents = torch.randn((1, 12, 8), generator=generator).to(kind)
    dump = {
        "scheduler.in.num_inference_steps": torch.tensor(steps),
        "scheduler.in.image_seq_len": torch.tensor(tokens),
        "scheduler.in.sigmas": torch.tensor(given),
        "latents_packed": latents,
    }
    expected = {"sigmas": scheduler.sigmas, "timesteps": scheduler.timesteps}
    for step, timestep in enumerate(scheduler.timesteps, start=1):
        prediction = torch.randn(latents.shape, generator=generator).to(kind)
        latents = scheduler.step(prediction, timestep, latents, return_dict=False)[0]
        dump[f"noise_pred@step={step}"] = prediction
        dump[f"latents@step={step}"] = expected[f"latents@step={step}"] = latents
    save_file(dump, tmp_path / "dump.safetensors")
    run(
        mflux_binary,
        *("port", "run", "flux2-klein", "scheduler", "--model", tmp_path / "model", "--dtype", dtype),
        *("--inputs", tmp_path / "dump.safetensors", "--output", tmp_path / "port.safetensors"),
    )
    made = load_file(tmp_path / "port.safetensors")
    assert made.keys() == expected.keys()
    for name, want in expected.items():
        assert made[name].dtype == want.dtype, name
        assert torch.equal(made[name], want), name


def threefry(seed: int, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Threefry2x32 with 20 rounds of Salmon et al., 2011."""
    keys = [np.uint32(seed >> 32), np.uint32(seed & 0xFFFFFFFF)]
    keys.append(keys[0] ^ keys[1] ^ np.uint32(0x1BD11BDA))
    with np.errstate(over="ignore"):
        first, second = first + keys[0], second + keys[1]
        for group in range(5):
            for by in ((13, 15, 26, 6), (17, 29, 16, 24))[group % 2]:
                first = first + second
                second = (second << np.uint32(by) | second >> np.uint32(32 - by)) ^ first
            first = first + keys[(group + 1) % 3]
            second = second + keys[(group + 2) % 3] + np.uint32(group + 1)
    return first, second


def documented_noise(seed: int, count: int) -> torch.Tensor:
    """mflux/pipelines/noise.h: bits, uniform in float32, the inverse of the error function."""
    half = count // 2
    counters = np.arange(count, dtype=np.uint32)
    bits = np.concatenate(threefry(seed, counters[:half], counters[half:]))
    below_one = np.float32(1 - 2**-24)
    uniform = np.minimum(bits.astype(np.float32) / np.float32(2**32), below_one)
    ranged = np.float32(2) * uniform - below_one
    return torch.erfinv(torch.from_numpy(ranged).double()) * 2**0.5


@pytest.mark.parametrize("seed", [0, 7, SEED, (SEED << 33) + 12345])
def test_noise_of_a_seed_is_as_documented(seed, mflux_binary, tmp_path):
    run(
        mflux_binary,
        *("generate", "--model", MODEL, "--prompt", "x", "--seed", seed, "--steps", 1, "--width", 48, "--height", 80),
        *("--capture", tmp_path / "dump", "--tap", "latents_initial", "--output", tmp_path / "image.png"),
    )
    drawn = load_dump(tmp_path / "dump").tensor("latents_initial")
    assert drawn.shape == (1, 128, 5, 3)
    expected = documented_noise(seed, drawn.numel()).view(drawn.shape)
    assert (drawn.double() - expected).abs().max() < 1e-5
    assert abs(drawn.std().item() - 1) < 0.06


def test_seed_is_in_the_manifest(mflux_binary, tmp_path):
    run(
        mflux_binary,
        *("generate", "--model", MODEL, "--prompt", "x", "--seed", SEED, "--steps", 1),
        *("--capture", tmp_path / "dump", "--tap", "sigmas", "--output", tmp_path / "image.png"),
    )
    assert json.loads((tmp_path / "dump" / "manifest.json").read_text())["seed"] == SEED
