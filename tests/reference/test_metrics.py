"""measure() and summarize() against NumPy, on random tensors of many kinds."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from numpy_metrics import metrics, summary

TOLERANCES = [(1e-5, 1e-5), (1e-2, 1e-2), (1e-3, 0.0), (0.0, 1e-1)]
EXACT = (
    "count",
    "ref_nonfinite",
    "port_nonfinite",
    "nonfinite_mismatch",
    "unequal",
    "mask_like",
    "outside",
    "ulp_histogram",
    "ref_effective",
    "port_effective",
)
CLOSE = (
    "max_abs",
    "mean_abs",
    "rms",
    "max_rel",
    "rel_floor",
    "rel_l2",
    "peak_rel",
    "error_balance",
    "ref_rms",
    "ref_max",
    "passing_tolerance",
)
BIN_WIDTH = 0.125  # of the histogram that percentiles are read from
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def run(tool: Path, folder: Path, pairs: dict[str, tuple[np.ndarray, np.ndarray]], threads: int = 2) -> dict[str, Any]:
    np.savez(folder / "ref.npz", **{name: ref for name, (ref, _) in pairs.items()})
    np.savez(folder / "port.npz", **{name: port for name, (_, port) in pairs.items()})
    tolerances = [str(x) for pair in TOLERANCES for x in pair]
    command = [str(tool), str(threads), str(folder / "ref.npz"), str(folder / "port.npz"), *tolerances]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.fixture(scope="session")
def tool() -> Path:
    named = os.environ.get("MFLUX_METRICS_TOOL")
    if not named:
        pytest.skip("MFLUX_METRICS_TOOL does not name the built metrics_tool")
    return Path(named)


def check(ours: dict[str, Any], want: dict[str, Any], case: str) -> None:
    for key in EXACT:
        assert ours[key] == want[key], (case, key)
    for key in CLOSE:
        assert float(ours[key]) == pytest.approx(want[key], rel=1e-11, abs=0), (case, key)
    scale = max(want["ref_rms"], abs(want["port_mean"]))
    for key, unit in (("cosine", 1), ("centred_cosine", 1), ("ref_mean", scale), ("port_mean", scale)):
        assert float(ours[key]) == pytest.approx(want[key], rel=1e-9, abs=1e-13 * unit), (case, key)
    for key, unit in (("slope", 1), ("intercept", scale)):
        assert float(ours[key]) == pytest.approx(want[key], rel=1e-7, abs=1e-10 * unit), (case, key)
    assert ours["worst"][0] == want["worst"][0], case
    assert [float(x) for x in ours["worst"][1:]] == pytest.approx(want["worst"][1:], rel=1e-15, nan_ok=True), case
    for got, (low, high) in zip(ours["error_percentiles"], want["error_percentiles"], strict=True):
        assert low * (1 - BIN_WIDTH) <= got <= high * (1 + BIN_WIDTH), (case, "error_percentiles")


def check_all(tool: Path, folder: Path, pairs: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    ours = run(tool, folder, pairs)
    assert set(ours) == set(pairs)
    for name, (ref, port) in pairs.items():
        check(ours[name]["metrics"], metrics(ref, port, TOLERANCES), name)
        for side, array, hash_name in (("ref", ref, "ref_hash"), ("port", port, "port_hash")):
            got, want = ours[name][side], summary(array)
            assert got.pop("hash") == ours[name]["metrics"][hash_name], (name, side)
            for key, value in want.items():
                assert got[key] == (
                    pytest.approx(value, rel=1e-12, abs=1e-13 * want["rms"]) if isinstance(value, float) else value
                ), (name, side, key)


def noisy(rng: np.random.Generator, shape: tuple[int, ...], noise: float = 1e-4) -> tuple[np.ndarray, np.ndarray]:
    ref = rng.standard_normal(shape)
    return ref, ref + noise * rng.standard_normal(shape)


SIZES = [(0,), (), (1,), (7,), (63,), (64, 3), (4095,), (4096,), (4097,), (3, 5, 700)]


@pytest.mark.parametrize(
    "dtypes",
    [
        ("f4", "f4"),
        (BFLOAT16, BFLOAT16),
        ("f2", "f2"),
        ("f8", "f8"),
        ("f4", BFLOAT16),
        ("f2", "f4"),
        (BFLOAT16, "f2"),
        ("f4", "f8"),
        ("c8", "c8"),
        ("c8", "c16"),
    ],
)
def test_floats_of_all_sizes(tool: Path, tmp_path: Path, dtypes: tuple[Any, Any]) -> None:
    rng = np.random.default_rng(1)
    pairs = {}
    for i, shape in enumerate(SIZES):
        ref, port = noisy(rng, shape)
        if np.dtype(dtypes[0]).kind == "c":
            ref, port = ref + 1j * port, port + 1j * ref
        pairs[f"size{i}"] = (np.asarray(ref).astype(dtypes[0]), np.asarray(port).astype(dtypes[1]))
    check_all(tool, tmp_path, pairs)


@pytest.mark.parametrize("noise", [0.0, 1e-7, 1e-3, 1.0, 1e4])
def test_levels_of_noise(tool: Path, tmp_path: Path, noise: float) -> None:
    rng = np.random.default_rng(2)
    pairs = {}
    for offset in (0.0, 3.0, 1e4, -1e7):
        ref, port = noisy(rng, (9000,), noise)
        pairs[f"offset{offset}"] = ((ref + offset).astype("f4"), (port + offset).astype("f4"))
        pairs[f"double{offset}"] = (ref + offset, port + offset)
    check_all(tool, tmp_path, pairs)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", BFLOAT16])
def test_nonfinite(tool: Path, tmp_path: Path, dtype: Any) -> None:
    rng = np.random.default_rng(3)
    special = [math.nan, math.inf, -math.inf]
    pairs = {}
    for name, share in (("few", 0.001), ("many", 0.4), ("all", 1.0)):
        for both in (True, False):
            ref, port = noisy(rng, (10000,))
            where = rng.random(10000) < share
            ref[where] = rng.choice(special, where.sum())
            port[where] = ref[where] if both else rng.choice(special, where.sum())
            pairs[f"{name}.{both}"] = (ref.astype(dtype), port.astype(dtype))
    check_all(tool, tmp_path, pairs)


def test_effective_dtypes(tool: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    ref, port = noisy(rng, (5000,), 1e-2)
    small = 1e-6 * ref
    rounded = {"bfloat16": BFLOAT16, "float16": np.dtype("f2"), "float32": np.dtype("f4")}
    pairs = {}
    for name, dtype in rounded.items():
        for stored in ("f4", "f8"):
            pairs[f"{name}.{stored}"] = (ref.astype(stored), port.astype(dtype).astype(stored))
            pairs[f"{name}.{stored}.small"] = (
                small.astype(dtype).astype(stored),
                (1.01 * small).astype(dtype).astype(stored),
            )
            pairs[f"{name}.{stored}.few"] = (
                port[:63].astype(dtype).astype(stored),
                port[:63].astype(dtype).astype(stored),
            )
            pairs[f"{name}.{stored}.plain"] = (np.round(ref).astype(stored), np.round(port).astype(stored))
            late = port.astype(dtype).astype(stored)
            late[-1] = np.pi
            pairs[f"{name}.{stored}.late"] = (late, late)
    check_all(tool, tmp_path, pairs)


def test_scales_and_constants(tool: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    pairs = {}
    for scale in (1e-300, 1e-200, 1e-42, 1e-30, 1e30, 1e200, 1e300):
        ref, port = noisy(rng, (6000,), 1e-3)
        pairs[f"double{scale}"] = (scale * ref, scale * port)
        if 1e-43 < scale < 1e35:
            pairs[f"single{scale}"] = ((scale * ref).astype("f4"), (scale * port).astype("f4"))
    ref, port = (x.astype("f4") for x in noisy(rng, (6000,)))
    zero, seven = np.zeros(6000, "f4"), np.full(6000, 7.1, "f4")
    constants = {
        "zero": zero,
        "seven": seven,
        "minus": -zero,
        "ref": ref,
        "five_percent": np.float32(1.05) * ref,
        "reversed": -ref,
    }
    for a, first in constants.items():
        for b, second in constants.items():
            pairs[f"{a}.{b}"] = (first, second)
    check_all(tool, tmp_path, pairs)


@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
def test_integers(tool: Path, tmp_path: Path, dtype: str) -> None:
    rng = np.random.default_rng(6)
    values = (
        rng.integers(0, 2, 5000).astype(dtype)
        if dtype == "?"
        else rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, 5000, dtype=dtype, endpoint=True)
    )
    other = values.copy()
    other[17] ^= values.dtype.type(1)
    wide = {
        "same": (values, values),
        "one": (values, other),
        "far": (values, values[::-1]),
        "wider": (values, values.astype("u8" if dtype == "u8" else "i8")),
    }
    if dtype in ("u8", "i8"):
        wide["mixed"] = (values, values.astype("u8" if dtype == "i8" else "i8"))
        wide["float"] = (values, values.astype("f8"))
    check_all(tool, tmp_path, wide)


def test_layouts(tool: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    ref, port = (x.astype("f4") for x in noisy(rng, (17, 30, 19)))
    pairs = {
        "fortran": (np.asfortranarray(ref), port),
        "both": (np.asfortranarray(ref), np.asfortranarray(port)),
        "big": (ref.astype(">f4"), port),
        "big8": (ref.astype(">f8"), np.asfortranarray(port.astype(">f2"))),
    }
    check_all(tool, tmp_path, pairs)


def test_masks(tool: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    keep = rng.random((40, 200)) < 0.5
    lowest = {
        "inf": -math.inf,
        "f4": float(np.finfo("f4").min),
        "f2": -65504.0,
        "bf16": float(ml_dtypes.finfo(BFLOAT16).min),
        "other": -1e9,
    }
    pairs = {}
    for a, first in lowest.items():
        for b, second in lowest.items():
            pairs[f"{a}.{b}"] = (np.where(keep, 0, first).astype("f4"), np.where(keep, 0, second).astype("f4"))
    moved = np.where(np.roll(keep, 1), 0, -math.inf).astype("f4")
    pairs["moved"] = (pairs["inf.f4"][1], moved)
    spoiled = pairs["inf.inf"][0].copy()
    spoiled[-1, -1] = 1
    pairs["spoiled"] = (pairs["f4.f4"][0], spoiled)
    check_all(tool, tmp_path, pairs)


def test_outliers_do_not_cancel(tool: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    pairs = {}
    for place in (0, 5, 4096, 9999):
        ref, port = (x.astype("f4") for x in noisy(rng, (10000,)))
        ref[place] = port[place] = 1e6
        pairs[f"outlier{place}"] = (ref, port)
        pairs[f"step{place}"] = (np.where(np.arange(10000) < place, ref + 1e5, ref).astype("f4"), port)
    check_all(tool, tmp_path, pairs)


def test_threads_change_nothing(tool: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    ref, port = noisy(rng, (3, 400_001))
    pairs = {
        "single": (ref.astype("f4"), port.astype("f4")),
        "half": (ref.astype("f2"), port.astype("f2")),
        "double": (ref, port),
    }
    results = [run(tool, tmp_path, pairs, threads) for threads in (1, 2, 3, 4, 5, 0)]
    assert all(result == results[0] for result in results)
