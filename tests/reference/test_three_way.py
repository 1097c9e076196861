"""The gate against ref32, on torch modules: bfloat16 beside float32, and float32 beside float64."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import parity_runs
from parity_runs import Run, dump_three, scale_output, set_flag

LEAVES = [
    path
    for path, module in parity_runs.model(0).named_modules()
    if path and not list(module.children()) and not path.startswith(("blocks.0", "blocks.2"))
]


@pytest.fixture
def compare(mflux_binary):
    def run(*arguments: object) -> dict:
        command = [str(mflux_binary), "parity", "compare", *map(str, arguments), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    return run


def rel_l2(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.double() - b.double()).norm() / b.double().norm())


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    out: dict[str, torch.Tensor] = {}
    for file in folder.glob("*.safetensors"):
        out |= load_file(file)
    return out


@pytest.mark.parametrize("seed", range(6))
def test_the_numbers_are_torchs_and_another_order_of_sums_passes(compare, tmp_path, seed):
    dump_three(tmp_path, None, Run(steps=1, half_inputs=True), seed)
    result = compare(tmp_path)
    assert result["verdict"] == "PASS"
    ref, port, exact = (tensors(tmp_path / side) for side in ("ref", "mlx", "ref32"))
    assert len(result["checkpoints"]) == len(ref)
    by_ratio = 0
    for row in result["checkpoints"]:
        name = row["name"] if row["step"] is None else f"{row['name']}@step={row['step']}"
        if torch.equal(ref[name].float(), exact[name]):
            assert (row["ref32_error"], row["ratio"]) == (0, None)
            assert row["atol"] == 1e-2
            continue
        by_ratio += 1
        own, error = rel_l2(ref[name], exact[name]), rel_l2(port[name], exact[name])
        assert row["ref32_error"] == pytest.approx(own, rel=1e-9)
        assert row["port32_error"] == pytest.approx(error, rel=1e-9)
        assert row["ratio"] == pytest.approx(error / max(own, 1e-6), rel=1e-9)
        assert row["rule"].startswith(f"ratio {row['ratio']:.2g} of 2 against ref32")
        assert row["atol"] is None
    assert by_ratio > 80


@pytest.mark.parametrize("leaf", LEAVES)
def test_two_per_cent_in_one_leaf_are_found_there(compare, tmp_path, leaf):
    dump_three(tmp_path, scale_output(leaf, 1.02), Run(steps=1, half_inputs=True), seed=len(leaf))
    result = compare(tmp_path)
    assert result["verdict"] == "FAIL"
    assert result["first_divergence"]["name"] == f"transformer.{leaf}"
    assert result["first_divergence"]["owner"] == f"transformer.{leaf}"


@pytest.mark.parametrize("seed", range(4))
def test_six_per_mille_fail_though_within_the_tolerance(compare, tmp_path, seed):
    dump_three(tmp_path, scale_output("blocks.0.norm1", 1.006), Run(steps=1, half_inputs=True), seed)
    assert compare(tmp_path)["first_divergence"]["name"] == "transformer.blocks.0.norm1"
    (tmp_path / "ref32").rename(tmp_path / "elsewhere")
    rows = {row["name"]: row for row in compare(tmp_path)["checkpoints"]}
    assert rows["transformer.blocks.0.norm1"]["verdict"] == "PASS"
    result = compare(tmp_path / "ref", tmp_path / "mlx", "--ref32", tmp_path / "elsewhere")
    assert result["first_divergence"]["name"] == "transformer.blocks.0.norm1"


@pytest.mark.parametrize(
    ("plant", "name", "owner"),
    [
        (set_flag("blocks.1", "swap_modulation", True), "blocks.1.attn.in", "blocks.1"),
        (set_flag("blocks.2", "drop_residual", True), "blocks.2.norm2.in", "blocks.2"),
        (set_flag("blocks.0.attn", "power", 0.5), "blocks.0.attn.to_out.in", "blocks.0.attn"),
    ],
)
def test_a_bug_between_modules_belongs_to_the_module_around(compare, tmp_path, plant, name, owner):
    dump_three(tmp_path, plant, Run(steps=2, half_inputs=True), seed=1)
    first = compare(tmp_path)["first_divergence"]
    assert (first["name"], first["owner"]) == (f"transformer.{name}", f"transformer.{owner}")


def test_float32_against_float64_needs_no_tolerance(compare, tmp_path):
    """A float32 model that fails 1e-5 elementwise is within twice the reference's own error."""
    torch.manual_seed(3)
    weights = [torch.randn(256, 256) for _ in range(8)]
    x = torch.randn(64, 256)

    def run(dtype: torch.dtype, *, reverse: bool = False) -> dict[str, np.ndarray]:
        out, y = {}, x.to(dtype)
        for i, weight in enumerate(weights):
            w = weight.to(dtype)
            y = (y.flip(-1) @ w.flip(0) if reverse else y @ w) / 16 * 40**0.5
            out[f"transformer.layers.{i}"] = y.numpy()
        return out

    np.savez(tmp_path / "ref.npz", **run(torch.float32))
    np.savez(tmp_path / "mlx.npz", **run(torch.float32, reverse=True))
    np.savez(tmp_path / "ref64.npz", **run(torch.float64))
    ref, port = tmp_path / "ref.npz", tmp_path / "mlx.npz"
    assert compare(ref, port)["verdict"] == "FAIL"
    assert compare(ref, port, "--ref32", tmp_path / "ref64.npz")["verdict"] == "PASS"
    strict = compare(ref, port, "--ref32", tmp_path / "ref64.npz", "--max-ratio", "0.01")
    assert strict["verdict"] == "FAIL"
