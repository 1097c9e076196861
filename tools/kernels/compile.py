"""Compiles the CUDA kernels in mflux/nn/fused/cuda to the PTX beside them, which is what the product ships.

    python tools/kernels/compile.py [--check]

PTX of compute capability 8.0 runs on that and on every later one: the driver turns it into machine code when a kernel
is first used and keeps it. Needs no GPU and no toolkit, but NVIDIA's run-time compiler: pip install nvidia-cuda-nvrtc
(the version is in requirements.txt beside this; another one writes other PTX). --check changes nothing and fails when
what is there is not what the sources compile to.
"""

import argparse
import ctypes
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "mflux/nn/fused/cuda"
OPTIONS = ["--gpu-architecture=compute_80", "--std=c++17"]


class Compiler:
    def __init__(self) -> None:
        package = distribution("nvidia-cuda-nvrtc")
        parts = {name: self.find(package, name) for name in ("libnvrtc-builtins.so", "libnvrtc.so")}
        ctypes.CDLL(parts["libnvrtc-builtins.so"])  # which the other asks the loader for by name
        self.library = ctypes.CDLL(parts["libnvrtc.so"])

    @staticmethod
    def find(package: Distribution, name: str) -> str:
        found = [path for path in package.files or [] if path.name.startswith(name)]
        if not found:
            sys.exit(f"no {name} in the package nvidia-cuda-nvrtc")
        return str(package.locate_file(found[0]))

    def must(self, function: str, *arguments: object) -> None:
        code = getattr(self.library, function)(*arguments)
        if code != 0:
            self.library.nvrtcGetErrorString.restype = ctypes.c_char_p
            raise RuntimeError(f"{function}: {self.library.nvrtcGetErrorString(code).decode()}")

    def text(self, program: ctypes.c_void_p, what: str) -> str:
        size = ctypes.c_size_t()
        self.must(f"nvrtcGet{what}Size", program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        self.must(f"nvrtcGet{what}", program, buffer)
        return buffer.value.decode()

    def compile(self, name: str, source: str) -> str:
        """The PTX. Raises RuntimeError with the compiler's messages."""
        program = ctypes.c_void_p()
        self.must("nvrtcCreateProgram", ctypes.byref(program), source.encode(), name.encode(), 0, None, None)
        try:
            options = [option.encode() for option in OPTIONS]
            array = (ctypes.c_char_p * len(options))(*options)
            try:
                self.must("nvrtcCompileProgram", program, len(options), array)
            except RuntimeError:
                raise RuntimeError(self.text(program, "ProgramLog")) from None
            return self.text(program, "PTX")
        finally:
            self.must("nvrtcDestroyProgram", ctypes.byref(program))


def plain(ptx: str) -> str:
    """Without comments, which say how it was made, and empty lines."""
    lines = (line.split("//")[0].rstrip() for line in ptx.splitlines())
    return "\n".join(line for line in lines if line) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    compiler = Compiler()
    common = (FOLDER / "common.cuh").read_text()
    stale = []
    for source in sorted(FOLDER.glob("*.cu")):
        ptx = plain(compiler.compile(source.name, f'{common}\n#line 1 "{source.name}"\n{source.read_text()}'))
        target = source.with_suffix(".ptx")
        if not target.is_file() or target.read_text() != ptx:
            stale.append(target.name)
            if not check:
                target.write_text(ptx)
    if check and stale:
        print(f"not what the sources compile to: {', '.join(stale)}; run tools/kernels/compile.py", file=sys.stderr)
        return 1
    print(f"{'compiled' if stale else 'up to date'}: {', '.join(stale) or 'all kernels'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
