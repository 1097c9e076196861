"""The scripts of benchmarks/gpu on a small model, on the CPU: what needs a GPU is the sizes, not the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "benchmarks/gpu"
PARTS = ("transformer", "vae.decode")


def script(name: str, *arguments: object, binary: Path | None = None) -> str:
    command = [sys.executable, SCRIPTS / name, *arguments]
    environment = {**os.environ, "MFLUX_BINARY": str(binary)}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("klein")
    script("models.py", folder, "--small")
    return folder


def test_parity_holds_and_says_so(model: Path, mflux_binary: Path, tmp_path: Path) -> None:
    out = tmp_path / "parity.json"
    flags = ("--side", 64, "--json", out, "--parts", *PARTS)
    table = script("parity.py", model, tmp_path / "work", *flags, binary=mflux_binary)
    results = json.loads(out.read_text())
    assert set(results) == set(PARTS)
    for part in PARTS:
        assert f"| {part} | composed |" in table
        assert len([row for row in results[part] if row["path"] == "composed"]) > 10
    assert "worst ratio" in table


def test_a_port_that_is_farther_off_fails(model: Path, mflux_binary: Path, tmp_path: Path) -> None:
    """Ours with one weight changed after torch ran."""
    spoiled = tmp_path / "mflux"
    changed = tmp_path / "changed"
    spoiled.write_text(
        f"""#!{sys.executable}
import os, shutil, sys
import torch
from safetensors.torch import load_file, save_file
words = sys.argv[1:]
if words[0] == "port":
    if not os.path.exists("{changed}"):
        shutil.copytree("{model}", "{changed}")
        file = "{changed}/vae/diffusion_pytorch_model.safetensors"
        tensors = load_file(file)
        tensors["decoder.conv_out.weight"] *= 1.1
        save_file(tensors, file)
    words = [word.replace("{model}", "{changed}") for word in words]
os.execv("{mflux_binary}", ["mflux", *words])
"""
    )
    spoiled.chmod(0o755)
    command = [sys.executable, SCRIPTS / "parity.py", model, tmp_path / "work", "--side", "64", "--parts", "vae.decode"]
    environment = {**os.environ, "MFLUX_BINARY": str(spoiled)}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 1, done.stderr[-2000:]
    assert "vae.decode" in done.stdout and "at most 1.2 is asked for" in done.stdout
    assert float(done.stdout.split("worst ratio ")[-1].split(",")[0]) > 2


def test_diffusers_is_timed(model: Path) -> None:
    flags = ("--side", 64, "--repeats", 1, "--one", "diffusers")
    for part in ("step", "decode"):
        taken = json.loads(script("speed.py", model, *flags, part).splitlines()[-1])
        assert taken["first_s"] > 0 and len(taken["ms"]) == 1


def test_first_pictures_are_timed(model: Path, mflux_binary: Path, tmp_path: Path) -> None:
    out = tmp_path / "first.json"
    peers = ("--peers", "ours", "ours, text encoder freed")
    flags = ("--side", 64, "--rounds", 1, "--json", out, *peers)
    table = script("first_picture.py", model, tmp_path / "work", *flags, binary=mflux_binary)
    taken = json.loads(out.read_text())
    for peer in peers[1:]:
        runs = [run for runs in taken[peer].values() for run in runs]
        assert len(runs) == 3
        assert all(run["seconds"] > 0 and run["peak_array_bytes"] > 1_000_000 for run in runs)
    assert table.count(" GB |") == 2
