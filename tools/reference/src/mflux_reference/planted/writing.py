"""The formats that a pair is written in: as Capture writes it, or as a script's own savez."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mflux_reference.manifest import write_manifest
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.sides import Pair, Side

FORMATS = ("capture", "capture", "safetensors", "npz")


def write_pair(pair: Pair, kept: list[str], kind: str, weights: bool, folder: Path, draw: Draw) -> None:
    wide = draw.chance(0.5)  # bfloat16 saved as float32, as NumPy wants it
    for name, side in (("ref", pair.ref), ("mlx", pair.port)):
        present = [key for key in kept if key in side.tensors]
        WRITERS[kind](folder / name, side, present, side.weights if weights else {}, wide)


def _capture(folder: Path, side: Side, kept: list[str], weights: dict[str, np.ndarray], _wide: bool) -> None:
    folder.mkdir(parents=True)
    file = "checkpoints-00001.safetensors"
    save_safetensors(folder / file, {name: side.tensors[name] for name in kept})
    # The shape anew: a planted bug may have changed the tensor.
    entries = [{**side.entries[name], "shape": list(side.tensors[name].shape), "file": file} for name in kept]
    manifest: dict[str, Any] = {**side.manifest, "checkpoints": entries}
    write_manifest(folder, manifest)
    if weights:
        save_safetensors(folder / "weights.safetensors", _prefixed(weights))


def _safetensors(folder: Path, side: Side, kept: list[str], weights: dict[str, np.ndarray], _wide: bool) -> None:
    folder.mkdir(parents=True)
    save_safetensors(folder / "tensors.safetensors", {name: side.tensors[name] for name in kept} | _prefixed(weights))


def _npz(folder: Path, side: Side, kept: list[str], weights: dict[str, np.ndarray], wide: bool) -> None:
    folder.mkdir(parents=True)
    tensors = {name: side.tensors[name] for name in kept} | _prefixed(weights)
    if wide:
        tensors = {name: _widened(tensor) for name, tensor in tensors.items()}
    np.savez(folder / "tensors.npz", **tensors)


def _prefixed(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"weights/{name}": weight for name, weight in weights.items()}


def _widened(tensor: np.ndarray) -> np.ndarray:
    return tensor.astype(np.float32) if tensor.dtype.name == "bfloat16" else tensor


def save_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(tensor).reshape(tensor.shape) for name, tensor in tensors.items()}, path)


WRITERS = {"capture": _capture, "safetensors": _safetensors, "npz": _npz}
