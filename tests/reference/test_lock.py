"""The pytest stub that `mflux parity lock` writes, run by pytest as it was written, and its crops."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mflux_reference.crop import centre_slice


@pytest.fixture
def run(tmp_path: Path, repository: Path) -> Path:
    """A run that passes: the reference of the committed pair on both sides."""
    folder = tmp_path / "debug_artifacts" / "clean-run"
    shutil.copytree(repository / "tests/fixtures/parity/clean", folder)
    return folder


def lock(binary: Path, run: Path, *flags: str) -> Path:
    done = subprocess.run([binary, "parity", "lock", run, *flags], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return run.parents[1] / "tests/fixtures" / run.name


def pytest_of(fixture: Path, binary: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", fixture]
    env = {**os.environ, "MFLUX_BINARY": str(binary), **environment}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)


def test_the_pytest_stub_passes_and_fails_as_written(mflux_binary: Path, run: Path, tmp_path: Path) -> None:
    fixture = lock(mflux_binary, run)
    assert pytest_of(fixture, mflux_binary).returncode == 0
    broken = tmp_path / "broken"
    shutil.copytree(run / "mlx", broken)
    for file in broken.glob("*.safetensors"):
        tensors = load_file(file)
        save_file({name: value * np.asarray(1.01, value.dtype) for name, value in tensors.items()}, file)
    failed = pytest_of(fixture, mflux_binary, CLEAN_RUN_DUMP=str(broken))
    assert failed.returncode == 1
    assert "First divergence" in failed.stdout
    missing = pytest_of(fixture, mflux_binary, CLEAN_RUN_DUMP=str(tmp_path / "none"))
    assert missing.returncode == 1
    assert "does not exist" in missing.stdout


@pytest.mark.parametrize("seed", range(5))
def test_crops_are_the_centres_that_the_reference_tools_cut(mflux_binary: Path, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    run = tmp_path / "debug_artifacts" / "drawn"
    shape = tuple(int(n) for n in rng.integers(1, 40, size=rng.integers(1, 5)))
    tensors = {f"vae.decode.conv{i}": rng.standard_normal((*shape, 7 + i)).astype("f4") for i in range(3)}
    for side in ("ref", "mlx"):
        (run / side).mkdir(parents=True)
        np.savez(run / side / "all.npz", **tensors)
    fixture = lock(mflux_binary, run, "--max-total", str(random.Random(seed).randint(4000, 40000)))
    for entry in json.loads((fixture / "manifest.json").read_text())["checkpoints"]:
        stored = load_file(fixture / entry["file"])[entry["key"]]
        whole = tensors[entry["name"]]
        assert entry["shape"] == list(whole.shape)
        if "slice" not in entry:
            np.testing.assert_array_equal(stored, whole)
            continue
        assert entry["slice"] == centre_slice(list(whole.shape), stored.size)
        np.testing.assert_array_equal(stored, whole[tuple(slice(*ends) for ends in entry["slice"])])
