"""Times one comparison of 2 x 256 MB of float32 against what Python offers, in one run, as ratios.

bfloat16 and float16 pairs of as many elements stand beside it, with --small 10,000 small tensors in three kinds of
files, with --memory two dumps of --gigabytes each, as holes in sparse files with --sparse.

    ./dev bench                                                          # this and the others
    build/reference/bin/python benchmarks/compare/run.py                 # after it, this alone
    build/reference/bin/python benchmarks/compare/run.py --memory [--sparse --gigabytes 40]
    build/reference/bin/python benchmarks/compare/run.py --small

Needs numpy; torch joins the race if it is there, half-precision pairs if ml_dtypes is. --memory writes 2 x 4 GB, then
deletes them. One core each unless the row says otherwise. Ratios are medians of those of each round, in which all take
turns, so that a busy machine is busy for all; minima are printed beside them, and the load.
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

BUILD = Path(__file__).resolve().parents[2] / "build" / "release"
TOOL = BUILD / "benchmarks" / "compare" / "compare_bench"
BINARY = BUILD / "cli" / "mflux"


def tensors(count: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    ref = rng.standard_normal(count, dtype=np.float32)
    return ref, ref + np.float32(noise) * rng.standard_normal(count, dtype=np.float32)


def write_safetensors(path: Path, count: int, block: np.ndarray, *, sparse: bool) -> None:
    """`block` over and over, `count` floats in all; or a hole."""
    header = json.dumps({"x": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        if sparse:
            file.truncate(file.tell() + 4 * count)
        for _ in range(0 if sparse else count // block.size):
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


Times = dict[str, list[float]]


def half_pairs(folder: Path, ref: np.ndarray, port: np.ndarray) -> dict[str, tuple[Path, Path]]:
    """The same numbers rounded; the port is a thousandth larger, so that rounding makes many equal errors."""
    dtypes = {"float16": np.float16}
    with contextlib.suppress(ImportError):
        import ml_dtypes

        dtypes["bfloat16"] = ml_dtypes.bfloat16
    out = {}
    for name, dtype in dtypes.items():
        out[name] = folder / f"ref_{name}.npy", folder / f"port_{name}.npy"
        for path, array in zip(out[name], (ref, port * np.float32(1.001)), strict=True):
            np.save(path, array.astype(dtype))
    return out


def race(tool: Path, folder: Path, count: int, rounds: int, noise: float) -> Times:
    ref, port = tensors(count, noise)
    paths = folder / "ref.npy", folder / "port.npy"
    for path, array in zip(paths, (ref, port), strict=True):
        np.save(path, array)
    halves = half_pairs(folder, ref, port)
    check(ours(tool, "memory", *paths, 1, 1)["metrics"], numpy_set(ref, port))
    peers = {
        "np.allclose": lambda: np.allclose(port, ref, rtol=1e-5, atol=1e-5),
        "the same numbers in NumPy": lambda: numpy_set(ref, port),
    }
    peers |= torch_row(ref, port)
    times: Times = {}
    for _ in range(rounds):
        for key, values in ours(tool, "memory", *paths, 3, 1, 2)["seconds"].items():
            times.setdefault(key, []).append(statistics.median(values))
        for name, pair in halves.items():
            for key, values in ours(tool, "memory", *pair, 3, 1)["seconds"].items():
                if key != "read":
                    times.setdefault(f"{key} {name}", []).append(statistics.median(values))
        for key, work in peers.items():
            times.setdefault(key, []).append(seconds(work))
    return times


def print_table(times: Times) -> None:
    names = {
        "read": "plain read of both tensors",
        "measure_1": "measure, one thread",
        "measure_2": "measure, two threads",
        "measure_1 bfloat16": "as many pairs of bfloat16, one thread",
        "measure_1 float16": "as many pairs of float16, one thread",
    }

    def ratio(key: str, ours: str) -> float:
        return statistics.median(a / b for a, b in zip(times[key], times[ours], strict=True))

    print(f"  {'':38}{'ms':>9}{'least':>9}{'/ ours, 1 thread':>18}{'/ ours, 2 threads':>19}")
    for key, values in times.items():
        one, two = ratio(key, "measure_1"), ratio(key, "measure_2")
        median, least = 1e3 * statistics.median(values), 1e3 * min(values)
        print(f"  {names.get(key, key):38}{median:9.1f}{least:9.1f}{one:18.2f}{two:19.2f}")
    print(f"  load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def write_small(folder: Path, count: int) -> dict[str, Path]:
    """Folders with ref and port (and a ref32) of `count` tensors of 128 floats, in three kinds of files."""
    rng = np.random.default_rng(7)
    ref = {
        f"transformer.blocks.{i // 20}.m{i % 20}": rng.standard_normal((8, 16), dtype=np.float32) for i in range(count)
    }
    out = {kind: folder / kind for kind in ("npz", "safetensors", "npy")}
    for side in ("ref", "ref32", "mlx"):
        tensors = {name: value * np.float32(1 + (side == "mlx") * 1e-7) for name, value in ref.items()}
        for path in out.values():
            (path / side).mkdir(parents=True)
        np.savez(out["npz"] / side / "all.npz", **tensors)
        with (out["safetensors"] / side / "all.safetensors").open("wb") as file:
            header = {
                name: {"dtype": "F32", "shape": [8, 16], "data_offsets": [512 * i, 512 * (i + 1)]}
                for i, name in enumerate(tensors)
            }
            text = json.dumps(header).encode()
            text += b" " * (-len(text) % 8)
            file.write(struct.pack("<Q", len(text)) + text)
            for value in tensors.values():
                file.write(value.tobytes())
        for name, value in tensors.items():
            np.save(out["npy"] / side / f"{name}.npy", value)
    return out


def show_small(binary: Path, folder: Path, rounds: int, count: int = 10000) -> None:
    for kind, run in write_small(folder, count).items():
        for what, sides in {
            "": ["ref", "mlx"],
            ", with ref32": ["ref", "mlx", "--ref32", "ref32"],
        }.items():
            arguments = [str(run / part) if not part.startswith("-") else part for part in sides]
            command = [binary, "parity", "compare", *arguments, "--quiet"]
            times = [
                seconds(lambda c=command: subprocess.run(c, check=True, capture_output=True)) for _ in range(rounds)
            ]
            print(f"  {count} tensors of 128 floats, {kind}{what}: ", end="")
            print(f"{statistics.median(times):.2f} s, least {min(times):.2f} s")
    print(f"  load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def show_memory(tool: Path, folder: Path, gigabytes: float, *, sparse: bool) -> None:
    count = int(gigabytes * 1e9 / 4) >> 20 << 20
    ref, port = tensors(1 << 20, 1e-6)
    paths = folder / "ref.safetensors", folder / "port.safetensors"
    for path, block in zip(paths, (ref, port), strict=True):
        write_safetensors(path, count, block, sparse=sparse)
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
    parser.add_argument("--sparse", action="store_true", help="for --memory: holes, which take no disk")
    parser.add_argument("--small", action="store_true", help="time `mflux parity compare` on 10,000 small tensors")
    parser.add_argument("--binary", type=Path, default=BINARY, help="the mflux of --small")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="per file, for --memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if options.memory:
            show_memory(options.tool, Path(name), options.gigabytes, sparse=options.sparse)
            return
        if options.small:
            show_small(options.binary, Path(name), options.rounds)
            return
        for noise, what in KINDS.values():
            print(f"{options.count} pairs of float32, {what}:")
            print_table(race(options.tool, Path(name), options.count, options.rounds, noise))


if __name__ == "__main__":
    main()
