"""The C++ transformer against fresh random models of the real class, module by module, through the binary.

The configurations are drawn anew at every run; the seed is in each test's name and in its output. MFLUX_TEST_SEED
repeats one.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import Flux2Transformer2DModel
from torch import nn

from flux2_transformer_tiny import Case, dump_run, inputs_of, random_transformer, write_case
from mflux_reference import load_dump
from provenance import relative_l2

FIRST_SEED = int(os.environ.get("MFLUX_TEST_SEED") or secrets.randbelow(1 << 30))
SEEDS = [FIRST_SEED + i for i in range(int(os.environ.get("MFLUX_TEST_CASES") or 4))]
LEAST_BOUND = 5e-6  # rel_l2 in float32, where the reference's own error is smaller
BFLOAT16_FLOOR = 2e-3  # half a last place of bfloat16: what one rounding costs


def random_config(dice: random.Random) -> dict:
    axes = tuple(2 * dice.randint(1, 4) for _ in range(dice.randint(1, 4)))
    return {
        "patch_size": dice.choice((1, 1, 2)),
        "in_channels": dice.randint(4, 12),
        "out_channels": dice.choice((None, dice.randint(3, 9))),
        "num_layers": dice.randint(0, 2),
        "num_single_layers": dice.randint(0, 3),
        "attention_head_dim": sum(axes),
        "num_attention_heads": dice.randint(1, 3),
        "joint_attention_dim": dice.randint(6, 24),
        "timestep_guidance_channels": dice.choice((16, 33, 256)),
        "mlp_ratio": dice.choice((3.0, 2.5, 1.7, 4.0)),
        "axes_dims_rope": axes,
        "rope_theta": dice.choice((2000, 10000, 50)),
        "eps": 10 ** dice.uniform(-6, -3),
        "guidance_embeds": dice.random() < 0.5,
    }


def random_case(seed: int) -> Case:
    """Depth, widths, token counts, batch and every switch at random.

    Tensors of a few numbers are avoided: there both sides' rounding errors are single draws, and no bound on their
    ratio holds.
    """
    dice = random.Random(seed)

    def grid() -> tuple[int, int]:
        return dice.randint(2, 6), dice.randint(2, 6)

    return Case(
        name=f"random_{seed}",
        seed=seed,
        config=random_config(dice),
        image=grid(),
        text=dice.randint(3, 19),
        batch=dice.randint(1, 2),
        references=tuple(grid() for _ in range(dice.choice((0, 0, 1, 2)))),
        guidance=dice.choice((None, dice.uniform(1, 8))),
        timestep=dice.choice((1.0, dice.uniform(0.01, 1))),
        query_scale=dice.choice((1.0, 1e-2, 1e-3)),
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


def port_run(binary: Path, model: Path, inputs: Path, capture: Path, *more: str) -> dict:
    command = [binary, "port", "run", "flux2-klein", "transformer", "--model", model, "--inputs", inputs]
    command += ["--capture", capture, "--tap", "transformer*", "--json", *more]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_checkpoint_is_the_reference_s(case, mflux_binary, tmp_path, keep_measured):
    _, folder = case
    port_run(mflux_binary, folder, folder / "dump", tmp_path)
    ours, theirs = load_dump(tmp_path), load_dump(folder / "dump")
    assert ours.names() == theirs.names()
    noise = {entry["name"]: entry["float64_rel_l2"] for entry in theirs.checkpoints}
    for name in theirs.names():
        assert ours.tensor(name).shape == theirs.tensor(name).shape, name
        assert ours.tensor(name).dtype == theirs.tensor(name).dtype, name
    errors = {name: relative_l2(ours.tensor(name), theirs.tensor(name)) for name in theirs.names()}
    bounds = {name: max(LEAST_BOUND, 3 * noise[name]) for name in errors}
    keep_measured(errors, bounds)
    for name, error in errors.items():
        assert error <= bounds[name], name


def test_every_called_module_of_named_modules_is_tapped(case, mflux_binary, tmp_path):
    case, folder = case
    port_run(mflux_binary, folder, folder / "dump", tmp_path)
    seen = {name.partition(".out.")[0] for name in load_dump(tmp_path).names() if ".in" not in name}
    model = Flux2Transformer2DModel.from_pretrained(folder)
    # ModuleLists are never called, nor is the guidance's embedder without guidance.
    called = {
        f"transformer.{name}".rstrip(".")
        for name, module in model.named_modules()
        if not isinstance(module, nn.ModuleList) and (case.guidance is not None or "guidance_embedder" not in name)
    }
    assert {name for name in seen if ".call" not in name} == called


def test_bfloat16_is_as_near_to_float32_as_torch_s(case, mflux_binary, tmp_path):
    """The truth is torch's float32 on weights and inputs that were rounded to bfloat16.

    Time step and guidance are such that · 1000 is exact: that rounding, the same on all sides, would hide the others.
    """
    case, _ = case
    dice = random.Random(case.seed)
    guidance = None if case.guidance is None else dice.choice((1.0, 2.0, 4.0))
    case = replace(case, timestep=dice.choice((1.0, 0.5, 0.25, 0.125)), guidance=guidance)
    model = random_transformer(case).to(torch.bfloat16)
    model.save_pretrained(tmp_path / "model")
    dump_run(case, model, tmp_path / "torch", 1 << 30, {})
    inputs = inputs_of(case, torch.bfloat16)
    wide = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
    truth = nn.Module.to(model, torch.float32)(**wide, return_dict=False)[0]

    port_run(mflux_binary, tmp_path / "model", tmp_path / "torch", tmp_path / "port", "--dtype", "bfloat16")
    theirs, ours = load_dump(tmp_path / "torch"), load_dump(tmp_path / "port")
    assert ours.names() == theirs.names()
    for name in theirs.names():
        assert ours.tensor(name).dtype == theirs.tensor(name).dtype, name
    own = relative_l2(theirs.tensor("transformer"), truth)
    error = relative_l2(ours.tensor("transformer"), truth)
    print(f"bfloat16: rel_l2 {error:.2e}, torch's {own:.2e}, ratio {error / own:.2f}")
    assert error <= max(BFLOAT16_FLOOR, 1.5 * own)
