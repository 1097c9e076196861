"""Reads a dump back, and single tensors of whatever else holds some."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np

from mflux_reference.manifest import FILE

FRAMEWORKS = ("torch", "mlx", "numpy")
DTYPES = {
    "BOOL": np.bool_,
    "C64": np.complex64,
    "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    **{f"{kind.upper()}{bits}": f"<{kind}{bits // 8}" for kind in "iu" for bits in (8, 16, 32, 64)},
    **{f"F{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}


@dataclass(frozen=True)
class Dump:
    folder: Path
    manifest: dict[str, Any]

    @property
    def checkpoints(self) -> list[dict[str, Any]]:
        return self.manifest["checkpoints"]

    def names(self) -> list[str]:
        return [entry["name"] for entry in self.checkpoints]

    def tensor(self, name: str, framework: str = "torch") -> Any:
        """As a tensor of "torch", "mlx" or "numpy"; its dtype is kept."""
        for entry in self.checkpoints:
            if entry["name"] == name:
                return as_framework(read_safetensors(self.folder / entry["file"], entry["key"]), framework)
        raise KeyError(f"{self.folder}: no checkpoint named {name}")


def load_dump(folder: Path | str) -> Dump:
    folder = Path(folder)
    return Dump(folder, json.loads((folder / FILE).read_text(encoding="utf-8")))


def as_framework(array: np.ndarray, framework: str) -> Any:
    if framework == "torch":
        from mflux_reference.torch_backend import as_torch

        return as_torch(array)
    if framework == "mlx":
        import mlx.core as mx

        return mx.array(array)
    if framework != "numpy":
        raise ValueError(f"expected one of {', '.join(FRAMEWORKS)}, got {framework}")
    return array


def read_tensor(path: Path | str, name: str) -> np.ndarray:
    """One tensor of a dump's folder, or of .safetensors, .npz, .npy, .pt or .pth."""
    path = Path(path)
    if path.is_dir():
        return _of_folder(path, name)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file or folder")
    tensors = _Tensors(path)
    if name not in tensors.names():
        raise KeyError(f"{path}: no tensor named {name}")
    return tensors.read(name)


def list_tensors(path: Path | str) -> list[str]:
    """The names that read_tensor knows there."""
    path = Path(path)
    if not path.is_dir():
        return _Tensors(path).names()
    if (path / FILE).is_file():
        return load_dump(path).names()
    files = [file for file in sorted(path.iterdir()) if file.suffix in _Tensors.SUFFIXES]
    return [name for file in files for name in _Tensors(file).names()]


def read_safetensors(path: Path, key: str) -> np.ndarray:
    status = path.stat()
    header, first = _known_header(path, status.st_mtime_ns, status.st_size)
    entry = header[key]
    begin, end = entry["data_offsets"]
    with path.open("rb") as file:
        file.seek(first + begin)
        values = np.frombuffer(file.read(end - begin), dtype=DTYPES[entry["dtype"]])
    return values.reshape(entry["shape"]).copy()


@functools.lru_cache(maxsize=4)
def _known_header(path: Path, _changed: int, _size: int) -> tuple[dict[str, Any], int]:
    """And where the tensors begin. Read once for a whole dump, as long as the file stays as it is."""
    with path.open("rb") as file:
        return _header(file), file.tell()


def _header(file: BinaryIO) -> dict[str, Any]:
    """Leaves the file at its first tensor."""
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    header.pop("__metadata__", None)
    return header


def _of_folder(folder: Path, name: str) -> np.ndarray:
    if (folder / FILE).is_file():
        return load_dump(folder).tensor(name, "numpy")
    for path in sorted(folder.iterdir()):
        if path.suffix in _Tensors.SUFFIXES and name in (tensors := _Tensors(path)).names():
            return tensors.read(name)
    raise KeyError(f"{folder}: no tensor named {name}")


class _Tensors:
    """The tensors of one file, by name; that of .npy has the file's."""

    SUFFIXES = (".safetensors", ".npz", ".npy", ".pt", ".pth")

    def __init__(self, path: Path) -> None:
        if path.suffix not in self.SUFFIXES:
            raise ValueError(f"{path}: expected one of {', '.join(self.SUFFIXES)}")
        self._path = path

    def names(self) -> list[str]:
        if self._path.suffix == ".safetensors":
            with self._path.open("rb") as file:
                return list(_header(file))
        return list(self._loaded())

    def read(self, name: str) -> np.ndarray:
        if self._path.suffix == ".safetensors":
            return read_safetensors(self._path, name)
        return self._loaded()[name]

    def _loaded(self) -> dict[str, np.ndarray]:
        if self._path.suffix == ".npy":
            return {self._path.stem: np.load(self._path)}
        if self._path.suffix == ".npz":
            with np.load(self._path) as archive:
                return dict(archive)
        import torch

        from mflux_reference.torch_backend import TorchBackend

        values = torch.load(self._path, map_location="cpu", weights_only=True)
        return {name: TorchBackend().to_numpy(tensor, name) for name, tensor in values.items()}
