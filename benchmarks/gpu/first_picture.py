"""Seconds from the start of a process to its picture on disk: ours and diffusers', weights on disk.

    python first_picture.py MODEL WORK [--side 1024] [--rounds 2] [--json OUT]

Each round starts a process of each. "first": kernels were never compiled here (an empty cache), the files are read from
the disk. "cold": the kernels are there, the files are not in memory. "warm": both are. Needs mflux, as $MFLUX_BINARY or
on the PATH.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

MFLUX = os.environ.get("MFLUX_BINARY", "mflux")
STATES = ("first", "cold", "warm")
FREED = "ours, text encoder freed"
PEERS = ("ours", FREED, "diffusers")
DIFFUSERS = """
import sys, torch
from diffusers import Flux2KleinPipeline
device = "cuda" if torch.cuda.is_available() else "cpu"
pipe = Flux2KleinPipeline.from_pretrained(sys.argv[1], torch_dtype=torch.bfloat16).to(device)
call = dict(height=int(sys.argv[3]), width=int(sys.argv[3]), num_inference_steps=4, guidance_scale=1.0)
pipe(prompt="a hot air balloon", text_encoder_out_layers=(9, 18, 27), **call).images[0].save(sys.argv[2])
"""


def forget(folder: Path) -> None:
    """Takes a folder's files out of the page cache."""
    for file in folder.rglob("*.safetensors"):
        handle = os.open(file, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def command_of(peer: str, args: argparse.Namespace, picture: Path) -> list[str]:
    if peer == "diffusers":
        return [sys.executable, "-c", DIFFUSERS, str(args.model), str(picture), str(args.side)]
    size = ["--width", str(args.side), "--height", str(args.side), "--steps", "4", "--dtype", "bfloat16"]
    drawn = [MFLUX, "generate", "--model", str(args.model), "--prompt", "a hot air balloon", *size, "--json"]
    freed = ["--free-text-encoder"] if peer == FREED else []
    return [*drawn, "--max-sequence-length", "512", "--output", str(picture), *freed]


def draw(peer: str, state: str, args: argparse.Namespace) -> dict:
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    picture, kernels = args.work / "picture.png", args.work.with_suffix(".kernels")
    if state == "first":
        shutil.rmtree(kernels, ignore_errors=True)
    if state != "warm":
        forget(args.model)
    command = command_of(peer, args, picture)
    start = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "MLX_PTX_CACHE_DIR": str(kernels)}
    )
    seconds = time.perf_counter() - start
    if done.returncode != 0 or not picture.exists():
        sys.exit(f"{peer}: {done.stderr.strip()[-500:]}")
    about = json.loads(done.stdout) if peer != "diffusers" else {}
    return {"seconds": seconds, "peak_array_bytes": about.get("peak_array_bytes"), "outputs": about.get("outputs")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    taken = {peer: {state: [] for state in STATES} for peer in args.peers}
    for _ in range(args.rounds):
        for peer in args.peers:
            for state in STATES:
                taken[peer][state].append(draw(peer, state, args))
    if args.json:
        args.json.write_text(json.dumps(taken, indent=1))
    print(f"| | {' | '.join(STATES)} | peak of arrays |\n| {'--- | ' * (len(STATES) + 2)}")
    for peer, by_state in taken.items():
        medians = [statistics.median(run["seconds"] for run in runs) for runs in by_state.values()]
        peak = max((run["peak_array_bytes"] or 0 for runs in by_state.values() for run in runs), default=0)
        cells = [f"{seconds:.1f} s" for seconds in medians] + [f"{peak / 1e9:.1f} GB" if peak else ""]
        print(f"| {' | '.join([peer, *cells])} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
