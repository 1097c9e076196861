"""The corpus of damaged files: python3 corpus.py FOLDER writes it and prints how many cases there are of each kind."""

import collections
import sys
from collections.abc import Iterator
from pathlib import Path

import npy_cases
import picture_cases
import safetensors_cases
import text_cases
import torch_cases
import zip_cases
from case import Case

# What `parity compare FILE GOOD` compares with, by kind.
GOOD = {
    "npy": ("good.npy", npy_cases.good()),
    "npz": ("good.npz", zip_cases.good()),
    "safetensors": ("good.safetensors", safetensors_cases.good()),
    "shards": ("good.safetensors", safetensors_cases.good()),
    "torch": ("good.pt", torch_cases.good()),
    "png": ("x.png", picture_cases.good()),
    "jpeg": ("x.jpg", picture_cases.jpeg()),
    "manifest": ("x.npy", text_cases.TENSOR),
    "parity_toml": ("x.npy", text_cases.TENSOR),
    "map_toml": ("x.npy", text_cases.TENSOR),
}


def cases() -> Iterator[Case]:
    for module in (npy_cases, zip_cases, safetensors_cases, torch_cases, picture_cases, text_cases):
        yield from module.cases()


def write(case: Case, folder: Path) -> None:
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, target in case.links.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)


def main() -> None:
    root = Path(sys.argv[1])
    counts: collections.Counter[str] = collections.Counter()
    for case in cases():
        write(case, root / f"{sum(counts.values()):04}")
        counts[case.kind] += 1
    for kind, count in counts.items():
        print(f"{kind:12} {count}")
    print(f"{'all':12} {sum(counts.values())}")


if __name__ == "__main__":
    main()
