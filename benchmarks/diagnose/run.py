"""Times `mflux parity diagnose` on a dump of 200 checkpoints of 1 MB, in one run beside NumPy's loading and
np.allclose of the same files, as ratios.

    ./dev bench                                                   # this and the others
    build/reference/bin/python benchmarks/diagnose/run.py         # after it, this alone

Forty blocks of a transformer with five checkpoints each, [1, 256, 1024] float32, with float noise all along. Block 20
goes wrong in one of several ways, and everything after it with it; "unknown" has a bug that is no cause of the
catalogue, so that everything is tried, also two causes at a time. The promise: under 5 s each, on two cores.
"""

# ruff: noqa: E402 - NumPy reads the thread counts when it is imported.
from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "2"

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

BINARY = Path(__file__).resolve().parents[2] / "build" / "release" / "cli" / "mflux"
BLOCKS, BAD, SHAPE = 40, 20, (1, 256, 1024)
PARTS = ("norm1.in", "norm1", "attn.to_q", "attn.to_k", "attn")
BUGS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "layout.heads": lambda x, _: x.reshape(1, 256, 16, 64).swapaxes(2, 3).reshape(SHAPE),
    "scale.constant": lambda x, _: x / 8,
    "bias.missing": lambda x, rng: x - rng.standard_normal(1024),
    "unknown": lambda x, rng: x + 0.3 * rng.standard_normal(SHAPE) * np.sin(3 * x),
}


def write_run(folder: Path, bug: str) -> None:
    """Both sides as one safetensors file each and a manifest that orders it."""
    rng = np.random.default_rng(7)
    ref: dict[str, np.ndarray] = {}
    port: dict[str, np.ndarray] = {}
    for block in range(BLOCKS):
        for part in PARTS:
            name = f"transformer.blocks.{block}.{part}"
            tensor = rng.standard_normal(SHAPE)
            if block < BAD or (block == BAD and part != "attn"):
                other = tensor
            elif block == BAD:
                other = BUGS[bug](tensor, rng)
            else:
                other = tensor + 0.2 * rng.standard_normal(SHAPE)
            ref[name] = tensor.astype(np.float32)
            port[name] = (other * (1 + 2e-7 * rng.standard_normal(SHAPE))).astype(np.float32)
    for side, tensors in (("ref", ref), ("mlx", port)):
        (folder / side).mkdir(parents=True)
        save_file(tensors, folder / side / "checkpoints.safetensors")
        entries = [{"name": name, "file": "checkpoints.safetensors", "key": name} for name in tensors]
        (folder / side / "manifest.json").write_text(json.dumps({"schema": 1, "checkpoints": entries}))


def in_numpy(folder: Path) -> None:
    ref, port = (load_file(folder / side / "checkpoints.safetensors") for side in ("ref", "mlx"))
    for name, tensor in ref.items():
        np.allclose(port[name], tensor, 1e-5, 1e-5)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--binary", type=Path, default=BINARY)
    arguments = parser.parse_args()
    print(f"{'bug':<16}{'diagnose':>10}{'compare':>10}{'allclose':>10}{'ratio':>8}  said")
    for bug in BUGS:
        with tempfile.TemporaryDirectory() as scratch:
            run = Path(scratch) / "run"
            write_run(run, bug)
            said = ""

            def ours(verb: str, run: Path = run) -> str:
                command = [arguments.binary, "parity", verb, run, "--json"]
                return subprocess.run(command, check=False, capture_output=True, text=True).stdout

            times: dict[str, list[float]] = {"diagnose": [], "compare": [], "numpy": []}
            for _ in range(arguments.rounds):
                start = time.perf_counter()
                answer = ours("diagnose")
                times["diagnose"].append(time.perf_counter() - start)
                said = ", ".join(cause["id"] for cause in json.loads(answer)["causes"]) or "nothing"
                times["compare"].append(seconds(lambda: ours("compare")))
                times["numpy"].append(seconds(lambda run=run: in_numpy(run)))
            middle = {name: statistics.median(values) for name, values in times.items()}
            ratio = statistics.median(n / d for n, d in zip(times["numpy"], times["diagnose"], strict=True))
            print(
                f"{bug:<16}{middle['diagnose']:>9.2f}s{middle['compare']:>9.2f}s{middle['numpy']:>9.2f}s{ratio:>8.2f}"
                f"  {said}"
            )


if __name__ == "__main__":
    main()
