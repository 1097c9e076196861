"""Where the GPU's time goes in klein's parts: every kernel's time as CUPTI saw it, and the time in which none ran.

    python models.py MODEL && python kernel_times.py MODEL [--parts step decode text picture] [--json OUT]

klein_bench runs with kernel_trace.cpp inside, which needs a C++ compiler and CUDA's CUPTI; nothing else is changed, so
the clock falls under the power cap as it does without. Of each part's calls the one of median time is shown.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PARTS = ("step", "decode", "text", "picture")
# First match wins.
GROUPS = {
    "attention": r"sdpa|flash|fmha|cudnn.*attention",
    "convolutions": r"fprop|conv|implicit",
    "matrix products": r"gemm|nvjet|cutlass|cublas|splitK",
    "norms, modulation, residuals": r"add_layer_norm_modulate|add_rms_norm|rms_norm|layer_norm",
    "q/k norm and rotary embedding": r"turned_heads",
    "swiglu": r"join_swiglu",
    "group norm with SiLU": r"group_sums|group_factors|scale_shift_silu",
    "up-sampling": r"add_upsample",
    "copies": r"memcpy|memset|copy",
}
OTHER = "everything else"
SHORT_IDLE = 20_000  # nanoseconds


@dataclass(frozen=True)
class Kernel:
    start: int
    end: int
    name: str


def compiled(folder: Path) -> Path:
    library = folder / "kernel_trace.so"
    cuda = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda"))
    places = [cuda / "include", *cuda.glob("extras/CUPTI/include")]
    found = [
        file for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") for file in Path(path).glob("libcupti.so*")
    ]
    found += [*cuda.glob("extras/CUPTI/lib64/libcupti.so*"), *cuda.glob("lib64/libcupti.so*")]
    if not found:
        sys.exit(f"no libcupti.so in LD_LIBRARY_PATH or {cuda}: install CUDA's CUPTI")
    source = Path(__file__).with_name("kernel_trace.cpp")
    include = [f"-I{place}" for place in places]
    command = ["c++", "-std=c++20", "-O2", "-shared", "-fPIC", str(source), *include, "-o", str(library), str(found[0])]
    subprocess.run([*command, f"-Wl,-rpath,{found[0].parent}"], check=True)
    return library


def bench(model: Path, side: int, repeats: int, part: str, extra: dict[str, str]) -> dict:
    command = ["klein_bench", str(model), str(side), str(repeats), part]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **extra})
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    return json.loads(done.stdout)


def read_trace(file: Path) -> list[Kernel]:
    kernels = []
    for line in file.read_text().splitlines():
        start, end, name = line.split(" ", 2)
        kernels.append(Kernel(int(start), int(end), name))
    if not kernels:
        sys.exit("CUPTI saw no kernel: the driver may not let this user trace")
    return sorted(kernels, key=lambda kernel: kernel.start)


def group_of(name: str) -> str:
    return next((group for group, pattern in GROUPS.items() if re.search(pattern, name, re.IGNORECASE)), OTHER)


def idle_spans(kernels: list[Kernel], start: int, end: int) -> list[dict]:
    """When nothing ran, and between what."""
    spans, busy_until, before = [], start, "the call"
    for kernel in [*kernels, Kernel(end, end, "the end")]:
        if kernel.start > busy_until:
            spans.append({"ns": kernel.start - busy_until, "after": before, "before": kernel.name})
        if kernel.end > busy_until:
            busy_until, before = kernel.end, kernel.name
    return spans


def by_time(kernels: list[Kernel], name_of) -> list[dict]:
    sums: dict[str, list[int]] = {}
    for kernel in kernels:
        sums.setdefault(name_of(kernel.name), []).append(kernel.end - kernel.start)
    rows = [{"name": name, "count": len(taken), "ms": sum(taken) / 1e6} for name, taken in sums.items()]
    return sorted(rows, key=lambda row: -row["ms"])


def profile(model: Path, part: str, args: argparse.Namespace, library: Path) -> dict:
    trace = library.with_name(f"{part}.trace")
    plain = bench(model, args.side, args.repeats, part, {})
    extra = {"CUDA_INJECTION64_PATH": str(library), "KERNEL_TRACE": str(trace)}
    traced = bench(model, args.side, args.repeats, part, extra)
    ms = statistics.median_low(traced["ms"])
    start = traced["start_ns"][traced["ms"].index(ms)]
    end = start + round(ms * 1e6)
    kernels = [kernel for kernel in read_trace(trace) if kernel.start >= start and kernel.end <= end]
    spans = sorted(idle_spans(kernels, start, end), key=lambda span: -span["ns"])
    return {
        "part": part,
        "ms": ms,
        "untraced_ms": statistics.median(plain["ms"]),
        "kernels": len(kernels),
        "idle_ms": sum(span["ns"] for span in spans) / 1e6,
        "long_idle_ms": sum(span["ns"] for span in spans if span["ns"] > SHORT_IDLE) / 1e6,
        "groups": by_time(kernels, group_of),
        "names": by_time(kernels, lambda name: name),
        "longest_idle": spans[:12],
        "timeline": [
            [round((kernel.start - start) / 1e3, 1), round((kernel.end - kernel.start) / 1e3, 1), kernel.name]
            for kernel in kernels
        ],
    }


def show(found: dict) -> None:
    print(f"\n{found['part']}: {found['ms']:.1f} ms (untraced {found['untraced_ms']:.1f}), {found['kernels']} kernels")
    print("| what ran | kernels | ms | share |\n| --- | ---: | ---: | ---: |")
    idle = {"name": "nothing", "count": "", "ms": found["idle_ms"]}
    for row in [*found["groups"], idle]:
        print(f"| {row['name']} | {row['count']} | {row['ms']:.2f} | {100 * row['ms'] / found['ms']:.1f} % |")
    print(f"of which in spans over {SHORT_IDLE / 1000:.0f} µs: {found['long_idle_ms']:.2f} ms")
    for span in found["longest_idle"][:5]:
        print(f"  {span['ns'] / 1e6:.2f} ms between {span['after'][:60]} and {span['before'][:60]}")
    for row in found["names"][:12]:
        print(f"  {row['ms']:8.3f} ms {row['count']:5d} × {row['name'][:110]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--parts", nargs="+", default=list(PARTS))
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        library = compiled(Path(scratch))
        profiles = [profile(args.model, part, args, library) for part in args.parts]
    for found in profiles:
        show(found)
    if args.json:
        args.json.write_text(json.dumps(profiles, indent=1))


if __name__ == "__main__":
    main()
