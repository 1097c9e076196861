"""One evaluation of the FLUX.2 transformer in float32: the port against diffusers on the same CPU, in turns.

./dev bench, or, built with -DMFLUX_BUILD_BENCHMARKS=ON: build/reference/bin/python benchmarks/transformer/run.py
The demo model at its own size (64 + 48 tokens), and a klein of width 1024 with random weights (1,024 + 128 tokens).
Equal threads. Memory is the port's whole process at its peak, beside the size of the weights.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import Flux2KleinPipeline, Flux2Transformer2DModel

ROOT = Path(__file__).resolve().parents[2]
REPEATS, ROUNDS = 2, 3
THREADS = len(os.sched_getaffinity(0))
WIDTH_1024 = {
    "num_layers": 2,
    "num_single_layers": 4,
    "num_attention_heads": 8,
    "joint_attention_dim": 1024,
    "guidance_embeds": False,
}


@dataclass(frozen=True)
class Size:
    name: str
    config: dict[str, Any] | None  # None: the demo model
    side: int
    text: int


SIZES = (Size("demo model", None, 8, 48), Size("width 1024", WIDTH_1024, 32, 128))


@contextmanager
def model_folder(size: Size) -> Iterator[Path]:
    if size.config is None:
        yield ROOT / "models" / "emoji" / "transformer"
        return
    with tempfile.TemporaryDirectory() as folder:
        Flux2Transformer2DModel(**size.config).save_pretrained(folder)
        yield Path(folder)


def diffusers_seconds(model: Flux2Transformer2DModel, size: Size) -> list[float]:
    text = torch.randn(1, size.text, model.config.joint_attention_dim)
    inputs = {
        "hidden_states": torch.randn(1, size.side**2, model.config.in_channels),
        "encoder_hidden_states": text,
        "timestep": torch.tensor([0.75]),
        "img_ids": Flux2KleinPipeline._prepare_latent_ids(torch.empty(1, 1, size.side, size.side)),
        "txt_ids": Flux2KleinPipeline._prepare_text_ids(text),
    }
    seconds = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        model(**inputs)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def port_run(program: Path, folder: Path, size: Size) -> dict[str, Any]:
    command = [str(part) for part in (program, folder, size.side, size.text, REPEATS)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(THREADS)}
    return json.loads(subprocess.run(command, capture_output=True, check=True, env=environment).stdout)


def measure(program: Path, size: Size) -> str:
    port, peer, peak = [], [], 0
    with model_folder(size) as folder:
        model = Flux2Transformer2DModel.from_pretrained(folder, dtype=torch.float32)
        weights = 4 * sum(parameter.numel() for parameter in model.parameters())
        for _ in range(ROUNDS):
            peer += diffusers_seconds(model, size)
            run = port_run(program, folder, size)
            port += run["seconds"]
            peak = max(peak, run["peak_bytes"])
    ours, theirs = statistics.median(port), statistics.median(peer)
    return (
        f"  {size.name}: mflux {ours * 1e3:.0f} ms, diffusers {theirs * 1e3:.0f} ms, ratio {ours / theirs:.2f}; "
        f"peak memory {peak / 1e6:.0f} MB, weights {weights / 1e6:.0f} MB"
    )


def main() -> None:
    default = ROOT / "build" / "release" / "benchmarks" / "transformer" / "transformer_bench"
    program = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    torch.set_num_threads(THREADS)
    torch.set_grad_enabled(False)
    print(f"FLUX.2 transformer, one evaluation, float32, {THREADS} threads, median of {ROUNDS * REPEATS}")
    for size in SIZES:
        print(measure(program, size), flush=True)


if __name__ == "__main__":
    main()
