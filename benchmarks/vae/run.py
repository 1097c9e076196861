"""Decoding one 256 × 256 picture in float32: the port against diffusers on the same CPU, in turns, with equal threads.

./dev bench, or: build/reference/bin/python benchmarks/vae/run.py (build with -DMFLUX_BUILD_BENCHMARKS=ON before).
Two autoencoders with random weights: the demo model's size and one of half the published widths.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKLFlux2

ROOT = Path(__file__).resolve().parents[2]
SIDE, REPEATS, ROUNDS = 256, 2, 3
THREADS = len(os.sched_getaffinity(0))
CONFIGS = {
    "demo model": {"block_out_channels": (32, 64, 112, 112), "norm_num_groups": 16, "layers_per_block": 1},
    "half width": {"block_out_channels": (64, 128, 256, 256), "norm_num_groups": 32, "layers_per_block": 2},
}


def diffusers_seconds(vae: AutoencoderKLFlux2) -> list[float]:
    side = SIDE // 2 ** (len(vae.config.block_out_channels) - 1)
    latents = torch.randn(1, vae.config.latent_channels, side, side)
    vae.decode(latents)
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        vae.decode(latents)
        seconds.append(time.perf_counter() - start)
    return seconds


def port_seconds(program: Path, folder: str) -> list[float]:
    command = [program, folder, str(SIDE), str(REPEATS)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(THREADS)}
    return json.loads(subprocess.run(command, capture_output=True, check=True, env=environment).stdout)


def main() -> None:
    program = (
        Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "release" / "benchmarks" / "vae" / "vae_bench"
    )
    torch.set_num_threads(THREADS)
    torch.set_grad_enabled(False)
    print(f"VAE decode at {SIDE} × {SIDE}, float32, {THREADS} threads, median of {ROUNDS * REPEATS}")
    for name, config in CONFIGS.items():
        vae = AutoencoderKLFlux2(**config).eval()
        port, peer = [], []
        with tempfile.TemporaryDirectory() as folder:
            vae.save_pretrained(folder)
            for _ in range(ROUNDS):
                peer += diffusers_seconds(vae)
                port += port_seconds(program, folder)
        ours, theirs = statistics.median(port), statistics.median(peer)
        print(f"  {name}: mflux {ours * 1e3:.0f} ms, diffusers {theirs * 1e3:.0f} ms, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
