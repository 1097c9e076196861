"""`mflux parity compare` against NumPy on dumps written by NumPy, safetensors and torch, and on planted bugs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

import parity_runs
from parity_runs import Run, dump_pair, round_output, scale_output, set_flag

# One block stands for its equals; the activations between two layers are leaves too.
LEAVES = [
    path
    for path, module in parity_runs.model(0).named_modules()
    if path and not list(module.children()) and not path.startswith(("blocks.0", "blocks.2"))
]


class Result:
    def __init__(self, code: int, output: dict) -> None:
        self.code = code
        self.verdict = output["verdict"]
        self.first = output["first_divergence"]
        self.rows = {(row["name"], row["step"]): row for row in output["checkpoints"]}
        self.output = output


@pytest.fixture
def compare(mflux_binary):
    def run(*arguments: object) -> Result:
        command = [str(mflux_binary), "parity", "compare", *map(str, arguments), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode in (0, 1), done.stderr
        output = json.loads(done.stdout, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
        assert (done.returncode == 0) == (output["verdict"] == "PASS")
        return Result(done.returncode, output)

    return run


def random_pair(seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Shapes, dtypes and errors of many kinds."""
    rng = np.random.default_rng(seed)
    ref, port = {}, {}
    for i in range(24):
        shape = tuple(rng.integers(1, 9, size=rng.integers(0, 4)))
        dtype = rng.choice([np.float32, np.float64, np.float32])
        value = (rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4)).astype(dtype)
        error = 10.0 ** rng.uniform(-9, -2)
        moved = value * (1 + error * rng.standard_normal(shape)) + error * rng.standard_normal(shape) * 0.1
        ref[f"net.{i}"], port[f"net.{i}"] = np.asarray(value), np.asarray(moved.astype(dtype))
    ids = rng.integers(0, 50000, size=(2, 7))
    ref["ids"], port["ids"] = ids, ids.astype(np.int32) + (rng.random() < 0.5) * (rng.random((2, 7)) < 0.1)
    ref["flags"] = rng.random(9) < 0.5
    port["flags"] = ref["flags"].copy()
    return ref, port


def write(folder: Path, tensors: dict[str, np.ndarray], how: str) -> Path:
    folder.mkdir()
    if how == "npz":
        np.savez(folder / "all.npz", **tensors)
    elif how == "deflated":
        np.savez_compressed(folder / "all.npz", **tensors)
    elif how == "npy":
        for name, value in tensors.items():
            np.save(folder / f"{name}.npy", value)
    else:
        save_file({name: value.copy() for name, value in tensors.items()}, folder / "all.safetensors")
    return folder


@pytest.mark.parametrize("seed", range(6))
def test_numbers_and_verdicts_are_numpys(compare, tmp_path, seed):
    ref, port = random_pair(seed)
    kinds = ["npz", "npy", "safetensors", "deflated"]
    result = compare(
        write(tmp_path / "ref", ref, kinds[seed % 4]), write(tmp_path / "mlx", port, kinds[(seed + 1) % 4])
    )
    assert len(result.rows) == len(ref)
    for name, value in ref.items():
        row = result.rows[name, None]
        a, b = value.astype(np.float64), port[name].astype(np.float64)
        difference = np.abs(b - a)
        assert row["shape"] == list(value.shape)
        assert row["dtype"] == value.dtype.name
        assert row["max_abs"] == difference.max()
        assert row["mean_abs"] == pytest.approx(difference.mean(), rel=1e-12, abs=1e-300)
        norm = np.linalg.norm(a.ravel())
        assert row["rel_l2"] == pytest.approx(np.linalg.norm((b - a).ravel()) / norm if norm else 0, rel=1e-12)
        floor = 1e-3 * np.sqrt(np.mean(a * a))
        assert row["max_rel"] == pytest.approx((difference / np.maximum(np.abs(a), floor)).max(), rel=1e-12)
        if value.dtype.kind == "f":
            assert (row["atol"], row["rtol"]) == (1e-5, 1e-5)
            passes = np.allclose(b, a, rtol=1e-5, atol=1e-5)
        else:
            passes = np.array_equal(value, port[name])
        assert (row["verdict"] == "PASS") == bool(passes), name
    assert result.verdict == ("PASS" if all(row["verdict"] == "PASS" for row in result.rows.values()) else "FAIL")


def test_a_bfloat16_port_is_judged_as_bfloat16_and_one_rounded_module_is_not(compare, tmp_path):
    torch.manual_seed(0)
    ref = {f"transformer.blocks.{i}": torch.randn(4, 64) for i in range(6)}
    save_torch(ref, tmp_path / "ref.safetensors")
    save_torch({name: value.bfloat16() for name, value in ref.items()}, tmp_path / "bf16.safetensors")
    whole = compare(tmp_path / "ref.safetensors", tmp_path / "bf16.safetensors")
    assert whole.verdict == "PASS"
    assert {row["effective_dtype"] for row in whole.rows.values()} == {"bfloat16"}
    assert {row["atol"] for row in whole.rows.values()} == {1e-2}
    one = dict(ref)
    one["transformer.blocks.3"] = ref["transformer.blocks.3"].bfloat16().float()
    save_torch(one, tmp_path / "one.safetensors")
    result = compare(tmp_path / "ref.safetensors", tmp_path / "one.safetensors")
    assert result.first["name"] == "transformer.blocks.3"
    assert result.rows["transformer.blocks.3", None]["effective_dtype"] == "bfloat16"
    assert result.rows["transformer.blocks.3", None]["atol"] == 1e-5


def without_manifest(folder: Path) -> None:
    for side in ("ref", "mlx"):
        (folder / side / "manifest.json").unlink()


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_bug_in_a_leaf_is_found_there(compare, tmp_path, leaf):
    run = Run(steps=2)
    dump_pair(tmp_path, scale_output(leaf), run, seed=len(leaf))
    for ordered in (True, False):
        if not ordered:
            without_manifest(tmp_path)
        result = compare(tmp_path)
        assert (result.first["name"], result.first["step"]) == (f"transformer.{leaf}", 1)
        assert result.first["owner"] == f"transformer.{leaf}"
        if ordered:  # Wherever its output comes out right again, nothing but the leaf itself is blamed.
            blamed = {name for (name, _), row in result.rows.items() if row["verdict"] == "FAIL"}
            assert blamed == {f"transformer.{leaf}"}


@pytest.mark.parametrize("leaf", LEAVES)
def test_without_inputs_it_is_the_first_over_tolerance(compare, tmp_path, leaf):
    dump_pair(tmp_path, scale_output(leaf), Run(steps=1, inputs=False), seed=3)
    result = compare(tmp_path)
    assert (result.first["name"], result.first["step"]) == (f"transformer.{leaf}", 1)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(
    ("plant", "name", "owner"),
    [
        (set_flag("blocks.1", "swap_modulation", True), "blocks.1.attn.in", "blocks.1"),
        (set_flag("blocks.2", "drop_residual", True), "blocks.2.norm2.in", "blocks.2"),
        (set_flag("blocks.0.attn", "power", 0.5), "blocks.0.attn.to_out.in", "blocks.0.attn"),
    ],
)
def test_a_bug_between_modules_belongs_to_the_module_around(compare, tmp_path, plant, name, owner, ordered):
    dump_pair(tmp_path, plant, Run(steps=2), seed=1)
    if not ordered:
        without_manifest(tmp_path)
    result = compare(tmp_path)
    assert (result.first["name"], result.first["step"]) == (f"transformer.{name}", 1)
    assert result.first["owner"] == f"transformer.{owner}"
    assert result.first["between"].endswith(f" and transformer.{name.removesuffix('.in')}")


@pytest.mark.parametrize("inputs", [True, False])
def test_a_wrong_update_of_the_loop_is_no_modules_fault(compare, tmp_path, inputs):
    dump_pair(tmp_path, None, Run(steps=3, inputs=inputs, wrong_update=True), seed=2)
    result = compare(tmp_path)
    assert (result.first["name"], result.first["step"], result.first["owner"]) == ("latents", 1, "pipeline")


def test_a_module_that_rounds_is_found_though_it_moves_little(compare, tmp_path):
    dump_pair(tmp_path, round_output("blocks.1.ff.0"), Run(steps=1), seed=4)
    assert compare(tmp_path).first["name"] == "transformer.blocks.1.ff.0"


def test_an_error_below_tolerance_is_traced_to_where_it_came_in(compare, tmp_path):
    dump_pair(tmp_path, scale_output("blocks.0.norm1", 1.0005), Run(steps=1), seed=4)
    loose = tmp_path / "parity.toml"
    loose.write_text(
        '[[tolerance]]\nmatch = "*"\natol = 1e-5\nrtol = 1e-5\n'
        '[[tolerance]]\nmatch = "transformer.blocks.0.*"\natol = 1e-1\nrtol = 1e-1\n'
    )
    result = compare(tmp_path)
    assert result.verdict == "FAIL"
    assert result.rows["transformer.blocks.0.norm1", 1]["verdict"] == "PASS"
    assert result.first["name"] == "transformer.blocks.0.norm1"


@pytest.mark.parametrize("seed", range(8))
def test_a_port_without_a_bug_passes(compare, tmp_path, seed):
    dump_pair(tmp_path, None, Run(steps=2, inputs=seed % 2 == 0), seed=seed)
    result = compare(tmp_path)
    assert (result.verdict, result.first) == ("PASS", None)


def test_noise_above_a_tight_tolerance_is_said_to_be_no_jump(compare, tmp_path):
    dump_pair(tmp_path, None, Run(steps=1), seed=6)
    (tmp_path / "parity.toml").write_text('[[tolerance]]\nmatch = "*"\natol = 1e-8\nrtol = 1e-8\n')
    result = compare(tmp_path)
    assert result.verdict == "FAIL"
    assert "no gain stands out" in result.first["why"]


def test_noise_that_fails_first_is_not_blamed_for_a_bug_after_it(compare, tmp_path):
    dump_pair(tmp_path, scale_output("blocks.2.attn.to_v"), Run(steps=1), seed=6)
    (tmp_path / "parity.toml").write_text('[[tolerance]]\nmatch = "*"\natol = 1e-8\nrtol = 1e-8\n')
    result = compare(tmp_path)
    assert result.rows["transformer.x_embedder", 1]["verdict"] == "FAIL"
    assert result.first["name"] == "transformer.blocks.2.attn.to_v"


def test_nan_and_infinity_stay_valid_json(compare, tmp_path):
    ref = np.array([1, np.nan, np.inf, 4], np.float32)
    np.savez(tmp_path / "ref.npz", same=ref, other=np.ones(4, np.float32))
    np.savez(tmp_path / "mlx.npz", same=ref, other=np.array([1, np.nan, np.inf, 1], np.float32))
    result = compare(tmp_path / "ref.npz", tmp_path / "mlx.npz")
    assert result.rows["same", None]["verdict"] == "PASS"
    row = result.rows["other", None]
    assert (row["verdict"], row["max_abs"]) == ("NONFINITE", None)
    assert result.first["name"] == "other"


def test_spellings_of_a_step_are_one(compare, tmp_path):
    value = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    np.savez(tmp_path / "ref.npz", **{f"noise_pred@step={k}": value * k for k in range(1, 12)})
    spellings = ["noise_pred_step_{:02d}", "step{}.noise_pred", "noise_pred/step-{}", "noise_pred@step={:03d}"]
    for spelling in spellings:
        np.savez(tmp_path / "mlx.npz", **{spelling.format(k): value * k for k in range(1, 12)})
        result = compare(tmp_path / "ref.npz", tmp_path / "mlx.npz")
        assert result.verdict == "PASS", spelling
        assert len(result.rows) == 11


def test_a_crop_is_laid_over_the_whole_tensor(compare, tmp_path, repository):
    ref, port = tmp_path / "ref", tmp_path / "mlx"
    value = np.random.default_rng(1).standard_normal((2, 6, 8)).astype(np.float32)
    write(port, {"decoded": value}, "npz")
    write(ref, {"decoded": value[:, 1:5, 2:6]}, "npy")
    entry = {"name": "decoded", "file": "decoded.npy", "slice": [[0, 2], [1, 5], [2, 6]], "shape": [2, 6, 8]}
    (ref / "manifest.json").write_text(json.dumps({"schema": 1, "checkpoints": [entry]}))
    assert compare(ref, port).verdict == "PASS"
    value[0, 2, 3] += 1
    shutil.rmtree(port)
    write(port, {"decoded": value}, "npz")
    assert compare(ref, port).verdict == "FAIL"
