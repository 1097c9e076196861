"""Times one comparison of 2 x 256 MB of float32 against what Python offers, in one run, as ratios.

    ./dev bench                                                          # this and the others
    build/reference/bin/python benchmarks/compare/run.py                 # after it, this alone
    build/reference/bin/python benchmarks/compare/run.py --memory

Needs numpy; torch joins the race if it is there. --memory writes 2 x 4 GB, then deletes them. One core each unless the
row says otherwise; medians of --rounds rounds that take turns, so that a busy machine is busy for all.
"""

# ruff: noqa: E402 - NumPy reads the thread counts when it is imported.
from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import contextlib
import json
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy_set import numpy_set

KINDS = {"noise": (1e-6, "noise within the tolerance"), "wrong": (1e-2, "differences far outside")}

TOOL = Path(__file__).resolve().parents[2] / "build" / "release" / "benchmarks" / "compare" / "compare_bench"


def tensors(count: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    ref = rng.standard_normal(count, dtype=np.float32)
    return ref, ref + np.float32(noise) * rng.standard_normal(count, dtype=np.float32)


def write_safetensors(path: Path, count: int, block: np.ndarray) -> None:
    """`block` over and over, `count` floats in all."""
    header = json.dumps({"x": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for _ in range(count // block.size):
            file.write(block)


def ours(tool: Path, *arguments: Any) -> dict[str, Any]:
    done = subprocess.run([tool, *map(str, arguments)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def check(got: dict[str, Any], want: dict[str, Any]) -> None:
    """The two sets must agree, or the race means nothing."""
    for key, value in want.items():
        if key == "worst":
            assert got[key][0] == value, key
        elif key == "ulp_histogram":
            assert got[key] == value, (key, got[key], value)
        elif key == "error_percentiles":
            np.testing.assert_allclose(got[key], value, rtol=0.13, err_msg=key)
        else:
            np.testing.assert_allclose(got[key], value, rtol=1e-9, atol=1e-12, err_msg=key)


def torch_row(ref: np.ndarray, port: np.ndarray) -> dict[str, Callable[[], Any]]:
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    first, second = torch.from_numpy(ref), torch.from_numpy(port)
    return {"torch.testing.assert_close": lambda: swallow(torch.testing.assert_close, first, second)}


def swallow(function: Callable[..., Any], *arguments: Any) -> None:
    with contextlib.suppress(AssertionError):
        function(*arguments)


def race(tool: Path, folder: Path, count: int, rounds: int, noise: float) -> dict[str, float]:
    ref, port = tensors(count, noise)
    paths = folder / "ref.npy", folder / "port.npy"
    for path, array in zip(paths, (ref, port), strict=True):
        np.save(path, array)
    check(ours(tool, "memory", *paths, 1, 1)["metrics"], numpy_set(ref, port))
    peers = {
        "np.allclose": lambda: np.allclose(port, ref, rtol=1e-5, atol=1e-5),
        "the same numbers in NumPy": lambda: numpy_set(ref, port),
    }
    peers |= torch_row(ref, port)
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for key, values in ours(tool, "memory", *paths, 3, 1, 2)["seconds"].items():
            times.setdefault(key, []).extend(values)
        for key, work in peers.items():
            times.setdefault(key, []).append(seconds(work))
    return {key: statistics.median(values) for key, values in times.items()}


def print_table(times: dict[str, float]) -> None:
    names = {
        "read": "plain read of both tensors",
        "measure_1": "measure, one thread",
        "measure_2": "measure, two threads",
    }
    print(f"  {'':34}{'ms':>9}{'/ ours, 1 thread':>18}{'/ ours, 2 threads':>19}")
    for key, value in times.items():
        one, two = value / times["measure_1"], value / times["measure_2"]
        print(f"  {names.get(key, key):34}{1e3 * value:9.1f}{one:18.2f}{two:19.2f}")


def show_memory(tool: Path, folder: Path, gigabytes: float) -> None:
    count = int(gigabytes * 1e9 / 4) >> 20 << 20
    ref, port = tensors(1 << 20, 1e-6)
    paths = folder / "ref.safetensors", folder / "port.safetensors"
    for path, block in zip(paths, (ref, port), strict=True):
        write_safetensors(path, count, block)
    for threads in (1, 2):
        result = ours(tool, "mapped", *paths, threads)
        size, memory = result["bytes"] / 1e9, result["maxrss_bytes"] / 1e6
        print(f"  {size:.2f} GB in two safetensors files, {threads} thread(s): ", end="")
        print(f"{result['seconds']:.2f} s, ru_maxrss {memory:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", type=Path, default=TOOL, help="the compare_bench to measure")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=64 << 20, help="floats per tensor")
    parser.add_argument("--memory", action="store_true", help="measure memory on large files instead")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="per file, for --memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if options.memory:
            show_memory(options.tool, Path(name), options.gigabytes)
            return
        for noise, what in KINDS.values():
            print(f"{options.count} pairs of float32, {what}:")
            print_table(race(options.tool, Path(name), options.count, options.rounds, noise))


if __name__ == "__main__":
    main()
