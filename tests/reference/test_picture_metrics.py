"""Random pictures: `mflux parity image` against scikit-image and flip-evaluator, drawn anew at every run.

MFLUX_TEST_SEED repeats a run. Skipped where those packages are not installed.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skimage")
pytest.importorskip("flip_evaluator")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "reference" / "fixtures"))
from picture_metrics import metrics, random_pair

SEED = int(os.environ.get("MFLUX_TEST_SEED") or secrets.randbelow(1 << 30))
BOUNDS = {"psnr": 1e-9, "ssim": 1e-9, "flip": 1e-4, "max_levels": 0.0, "mean_levels": 1e-9}


def test_the_numbers_are_those_of_the_references(mflux_binary: Path, tmp_path: Path) -> None:
    print(f"MFLUX_TEST_SEED={SEED}")
    rng = np.random.default_rng(SEED)
    for _ in range(12):
        height, width = (int(side) for side in rng.integers(1, 90, 2))
        ref, port = random_pair(rng, height, width)
        Image.fromarray(ref).save(tmp_path / "ref.png")
        Image.fromarray(port).save(tmp_path / "port.png")
        command = [mflux_binary, "parity", "image", tmp_path / "ref.png", tmp_path / "port.png", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        got, want = json.loads(done.stdout)["picture"], metrics(ref, port)
        for name, bound in BOUNDS.items():
            assert got[name] == pytest.approx(want[name], abs=bound), (name, height, width)
