"""From the shell's prompt to a PNG on the demo model, float32, CPU: `mflux generate` against a Python process that does
the same with diffusers' Flux2KleinPipeline. In turns, with equal threads; peak memory beside the weights' size.

./dev bench, or: build/reference/bin/python benchmarks/generate/run.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "emoji"
PROMPT, SEED, ROUNDS = "red apple", 7, 5
THREADS = len(os.sched_getaffinity(0))

# What a user of diffusers would write; the call's arguments are the demo model's (call.json).
PEER = """
import json, sys, torch
from diffusers import Flux2KleinPipeline
model, prompt, seed, output, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
pipe = Flux2KleinPipeline.from_pretrained(model, torch_dtype=torch.float32, local_files_only=True)
pipe.set_progress_bar_config(disable=True)
call = json.load(open(model + "/call.json"))
call["text_encoder_out_layers"] = tuple(call["text_encoder_out_layers"])
pipe(prompt=prompt, generator=torch.Generator().manual_seed(int(seed)), **call).images[0].save(output)
"""


@dataclass
class Measured:
    seconds: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)

    def run(self, command: list[str]) -> None:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(THREADS), "OMP_NUM_THREADS": str(THREADS)}
        start = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        message = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(message.decode())
        self.seconds.append(time.perf_counter() - start)
        self.peak_mb.append(usage.ru_maxrss / 1e3)

    def __str__(self) -> str:
        return f"{statistics.median(self.seconds):.2f} s, peak {statistics.median(self.peak_mb):.0f} MB"


def main() -> None:
    program = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build" / "release" / "cli" / "mflux")
    weights = sum(path.stat().st_size for path in MODEL.rglob("*.safetensors"))
    port, peer = Measured(), Measured()
    with tempfile.TemporaryDirectory() as folder:
        peer_command = [sys.executable, "-c", PEER, str(MODEL), PROMPT, str(SEED), f"{folder}/peer.png", str(THREADS)]
        for turn in range(ROUNDS + 1):
            output = f"{folder}/{turn}.png"
            flags = ["--model", str(MODEL), "--prompt", PROMPT, "--seed", str(SEED), "--output", output]
            port.run([program, "generate", *flags, "--device", "cpu", "--quiet"])
            peer.run(peer_command)
            if turn == 0:  # files come from the disk, Python compiles its sources
                port, peer = Measured(), Measured()
    ratio = statistics.median(a / b for a, b in zip(port.seconds, peer.seconds, strict=True))
    size = f"weights {weights / 1e6:.0f} MB"
    print(f"generate, demo model ({size}), start to PNG, float32, {THREADS} threads, median of {ROUNDS}")
    print(f"  mflux {port}; diffusers {peer}; ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
