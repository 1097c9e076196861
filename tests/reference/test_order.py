"""The execution order that names alone give, against the order in which the real modules ran."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mflux_reference.planted.draw import Draw
from mflux_reference.planted.subject import Subject
from mflux_reference.planted.subjects import MAKERS
from mflux_reference.recorder import Capture


@pytest.fixture(scope="module")
def seed() -> int:
    """New every time; MFLUX_PLANTED_SEED draws the same again."""
    seed = int(os.environ.get("MFLUX_PLANTED_SEED", random.randrange(10**6)))
    print(f"MFLUX_PLANTED_SEED={seed}")
    return seed


def ran(subject: Subject, folder: Path) -> list[str]:
    """Names of the outputs, as they were made."""
    with Capture(folder) as capture, torch.no_grad():
        capture.add(subject.component, subject.module)
        subject.call(subject.module, capture)
    names = [entry["name"] for entry in json.loads((folder / "manifest.json").read_text())["checkpoints"]]
    return [name for name in names if not re.search(r"\.(in|out)(\.|$)", name)]


def inferred(names: list[str], folder: Path, binary: Path) -> list[str]:
    """The order of a file that says nothing about it."""
    folder.mkdir()
    save_file({name: torch.randn(7) for name in sorted(names)}, folder / "dump.safetensors")
    command = [str(binary), "parity", "compare", str(folder), str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [row["name"] for row in json.loads(done.stdout)["checkpoints"]]


def share_of_pairs_in_order(got: list[str], want: list[str]) -> tuple[float, list[tuple[str, str]]]:
    place = {name: i for i, name in enumerate(got)}
    assert set(place) == set(want)
    pairs = [(a, b) for i, a in enumerate(want) for b in want[i + 1 :]]
    wrong = [(a, b) for a, b in pairs if place[a] > place[b]]
    return 1 - len(wrong) / max(len(pairs), 1), wrong


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_names_tell_the_order(maker: Callable[[Draw], Subject], mflux_binary: Path, tmp_path: Path, seed: int) -> None:
    want = ran(maker(Draw(seed)), tmp_path / "run")
    got = inferred(want, tmp_path / "bare", mflux_binary)
    share, wrong = share_of_pairs_in_order(got, want)
    assert share >= 0.95, (share, wrong[:10])
