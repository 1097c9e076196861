"""Z-Image's transformer against fresh random models of the real class, module by module, through the binary.

The configurations are drawn anew at every run; the seed is in each test's name and in its output. MFLUX_TEST_SEED
repeats one.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import ZImageTransformer2DModel
from torch import nn

from mflux_reference import load_dump
from provenance import relative_l2
from test_flux2_transformer import BFLOAT16_FLOOR, LEAST_BOUND, SEEDS
from z_image_transformer_tiny import Case, dump_run, inputs_of, patches_of, random_transformer, write_case


def random_config(dice: random.Random) -> dict:
    heads, axes = dice.randint(1, 3), [2 * dice.randint(1, 4) for _ in range(3)]
    return {
        "all_patch_size": [dice.choice((2, 2, 1, 3))],
        "all_f_patch_size": [dice.choice((1, 1, 2))],
        "in_channels": dice.randint(2, 6),
        "dim": heads * sum(axes),
        "n_layers": dice.randint(1, 3),
        "n_refiner_layers": dice.randint(0, 2),
        "n_heads": heads,
        "n_kv_heads": heads,
        "norm_eps": 10 ** dice.uniform(-6, -3),
        "qk_norm": dice.random() < 0.8,
        "cap_feat_dim": dice.randint(6, 24),
        "rope_theta": dice.choice((256.0, 10000.0, 50.0)),
        "t_scale": dice.choice((1000.0, 100.0)),
        "axes_dims": axes,
        "axes_lens": [256, 64, 64],
    }


def random_case(seed: int) -> Case:
    """Depth, widths, sizes, batch and every switch at random; captions around multiples of 32."""
    dice = random.Random(seed)
    config = random_config(dice)
    patch, f_patch = config["all_patch_size"][0], config["all_f_patch_size"][0]

    def image() -> tuple[int, int, int]:
        return f_patch * dice.randint(1, 2), patch * dice.randint(2, 7), patch * dice.randint(2, 7)

    batch, first = dice.randint(1, 3), image()
    same = dice.random() < 0.5
    return Case(
        name=f"random_{seed}",
        seed=seed,
        config=config,
        images=tuple(first if same else image() for _ in range(batch)),
        captions=tuple(dice.choice((1, 31, 32, 33, 64, dice.randint(2, 70))) for _ in range(batch)),
        t=dice.choice((0.0, 1.0, dice.uniform(0, 1))),
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


def port_run(binary: Path, model: Path, inputs: Path, capture: Path, *more: str) -> None:
    command = [binary, "port", "run", "z-image", "transformer", "--model", model, "--inputs", inputs]
    command += ["--capture", capture, "--tap", "transformer*", *more]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


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
    _, folder = case
    port_run(mflux_binary, folder, folder / "dump", tmp_path)
    seen = {name.partition(".out.")[0] for name in load_dump(tmp_path).names() if ".in" not in name}
    model = ZImageTransformer2DModel.from_pretrained(folder)
    lists = (nn.ModuleList, nn.ModuleDict)  # never called
    called = {
        f"transformer.{name}".rstrip(".") for name, module in model.named_modules() if not isinstance(module, lists)
    }
    assert seen == called


def test_bfloat16_is_as_near_to_float32_as_torch_s(case, mflux_binary, tmp_path):
    """The truth is torch's float32 on weights and inputs that were rounded to bfloat16."""
    case, _ = case
    case = replace(case, t=random.Random(case.seed).choice((1.0, 0.5, 0.25)))  # · t_scale is exact
    with torch.no_grad():
        model = nn.Module.to(random_transformer(case), torch.bfloat16)
        model.save_pretrained(tmp_path / "model")
        dump_run(case, model, tmp_path / "torch", 1 << 30, {})
        inputs = inputs_of(case, torch.bfloat16)
        wide = {
            name: [x.float() for x in value] if isinstance(value, list) else value for name, value in inputs.items()
        }
        truth = nn.Module.to(model, torch.float32)(**wide, **patches_of(case), return_dict=False)[0]

    port_run(mflux_binary, tmp_path / "model", tmp_path / "torch", tmp_path / "port", "--dtype", "bfloat16")
    theirs, ours = load_dump(tmp_path / "torch"), load_dump(tmp_path / "port")
    assert ours.names() == theirs.names()
    for name in theirs.names():
        assert ours.tensor(name).dtype == theirs.tensor(name).dtype, name
    outputs = [name for name in theirs.names() if name == "transformer" or name.startswith("transformer.out.")]
    assert len(outputs) == len(truth)
    for name, exact in zip(outputs, truth, strict=True):
        own, error = (relative_l2(dump.tensor(name), exact) for dump in (theirs, ours))
        print(f"bfloat16, {name}: rel_l2 {error:.2e}, torch's {own:.2e}, ratio {error / own:.2f}")
        assert error <= max(BFLOAT16_FLOOR, 1.5 * own)
