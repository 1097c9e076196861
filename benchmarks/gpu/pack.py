"""Packs what a run on an NVIDIA machine without a network needs, into a folder that travels with the checkout.

    python benchmarks/gpu/pack.py OUT --build build-gpu [--arch 90] [--python 312]

OUT gets MLX's CUDA library with the GPU code of one architecture alone (22 MB; 145 unpacked with all), the binaries of
a build tree with the Debian libraries that they load, the scripts beside this one, mflux_reference and wheels of the
peers. `. OUT/env.sh` there unpacks and finds all. The build is one against the CPU's MLX without OpenBLAS
(-DMFLUX_OPENBLAS=OFF): the loader puts the CUDA library in its place.
"""

import argparse
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARIES = ["cli/mflux", "benchmarks/gpu/klein_bench", "tests/fused/test_fused"]
PEERS = ["diffusers==0.42.1", "mflux==0.24.0", "piexif==1.1.3", "platformdirs==4.14.7", "toml==0.10.2"]
LIBRARIES = ["libfmt", "libtoml", "libjpeg", "libpng", "libz", "libhwy"]
MLX = (ROOT / "cmake/mlx-cuda.txt").read_text().split("==")[1].strip()
FATBIN_MAGIC = struct.pack("<I", 0xBA55ED50)
PTX = 1


def blank_other_architectures(library: Path, arch: int) -> None:
    """Zeroes every fatbin entry that is PTX or not for `arch`; headers stay, for the loader walks the list."""
    data, at, kept = bytearray(library.read_bytes()), 0, 0
    while (at := data.find(FATBIN_MAGIC, at)) >= 0:
        _, _, header_size, total = struct.unpack_from("<IHHQ", data, at)
        if header_size != 16:
            at += 4
            continue
        entry, end = at + header_size, at + header_size + total
        while entry < end:
            kind, _, entry_header, size = struct.unpack_from("<HHIQ", data, entry)
            (entry_arch,) = struct.unpack_from("<I", data, entry + 28)
            if kind != PTX and entry_arch == arch:
                kept += 1
            else:
                data[entry + entry_header : entry + entry_header + size] = bytes(size)
            entry += entry_header + size
        at = end
    if not kept:
        sys.exit(f"no GPU code for sm_{arch} in {library}")
    library.write_bytes(data)


def download(requirement: str, python: str, into: Path) -> Path:
    target = ["--python-version", python, "--implementation", "cp", "--platform", "manylinux_2_35_x86_64"]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", *target]
    subprocess.run([*command, "--platform", "any", "-d", str(into), requirement], check=True)
    return next(into.glob(f"{requirement.split('==')[0].replace('-', '_')}-*.whl"))


def pack_mlx(out: Path, arch: int, python: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        site = Path(scratch) / "site"
        for requirement in (f"mlx-cuda-13=={MLX}", f"mlx=={MLX}"):
            with zipfile.ZipFile(download(requirement, python, Path(scratch))) as wheel:
                wheel.extractall(site)
        blank_other_architectures(site / "mlx/lib/libmlx.so", arch)
        subprocess.run(f"tar -cf - -C {site} . | xz -T2 -6 > {out / 'mlx_cuda.tar.xz'}", shell=True, check=True)


def pack_binaries(out: Path, build: Path) -> None:
    """The binaries, stripped, and of the libraries that they load those that not every system has."""
    (out / "bin").mkdir(exist_ok=True)
    (out / "lib").mkdir(exist_ok=True)
    for name in BINARIES:
        binary = build / name
        shutil.copy(binary, out / "bin")
        subprocess.run(["strip", str(out / "bin" / binary.name)], check=True)
        loaded = subprocess.run(["ldd", str(binary)], check=True, capture_output=True, text=True).stdout
        for library in re.findall(rf"=> (\S+/(?:{'|'.join(LIBRARIES)})\S*)", loaded):
            shutil.copy(library, out / "lib")


def pack_scripts(out: Path) -> None:
    here = Path(__file__).parent
    for script in (*here.glob("*.py"), here / "kernel_trace.cpp", here / "env.sh"):
        shutil.copy(script, out)
    for part in ("tokenizer", "scheduler"):
        shutil.copytree(ROOT / "models/emoji" / part, out / "demo" / part, dirs_exist_ok=True)
    shutil.copy(ROOT / "models/emoji/model_index.json", out / "demo")
    package = ROOT / "tools/reference/src/mflux_reference"
    shutil.copytree(package, out / "python/mflux_reference", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.pyc"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--build", type=Path, default=ROOT / "build-gpu")
    parser.add_argument("--arch", type=int, default=90, help="compute capability that is kept (90: H100, H200)")
    parser.add_argument("--python", default="312", help="Python there")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if not (args.out / "mlx_cuda.tar.xz").is_file():
        pack_mlx(args.out, args.arch, args.python)
    (args.out / "wheels").mkdir(exist_ok=True)
    for peer in PEERS:
        download(peer, args.python, args.out / "wheels")
    pack_binaries(args.out, args.build)
    pack_scripts(args.out)
    size = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    print(f"{size / 2**20:.1f} MiB in {args.out}")


if __name__ == "__main__":
    main()
