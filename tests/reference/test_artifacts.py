"""Random arrays cross between NumPy, safetensors, torch and our readers and writers, bit for bit.

MFLUX_ARTIFACT_TOOL names the built tests/support/artifact_tool.
"""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

from artifacts import TORCH_NAMES, little, torch_as_numpy

NPY = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32"]
NPY += ["float64", "bfloat16", "float8_e5m2", "complex64", "complex128"]
TORCH = ["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
TORCH += ["float8_e4m3fn", "float8_e5m2", "complex64", "uint16", "uint32", "uint64"]
SEEDS = range(8)


@dataclass
class Dump:
    ordered: bool
    metadata: dict[str, str]
    tensors: dict[str, tuple[str, tuple[int, ...], bytes]]


@pytest.fixture(scope="session")
def tool() -> str:
    named = os.environ.get("MFLUX_ARTIFACT_TOOL")
    if not named:
        pytest.skip("MFLUX_ARTIFACT_TOOL does not name the built artifact_tool")
    return named


def dump(tool: str, file: Path) -> Dump:
    out = file.with_suffix(".bin")
    done = subprocess.run([tool, "dump", file, out], capture_output=True, text=True, check=True)
    facts, raw, tensors, at = json.loads(done.stdout), out.read_bytes(), {}, 0
    for entry in facts["tensors"]:
        content = raw[at : at + entry["size"]]
        tensors[entry["name"]] = (entry["dtype"], tuple(entry["shape"]), content)
        at += entry["size"]
    assert at == len(raw)
    return Dump(facts["ordered"], facts["metadata"], tensors)


def copy(tool: str, source: Path, target: Path, *options: str) -> Path:
    subprocess.run([tool, "copy", source, target, *options], check=True)
    return target


def numpy_dtype(name: str) -> np.dtype:
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def random_array(rng: np.random.Generator, name: str) -> np.ndarray:
    """Random bits of a random shape, as C, Fortran or strided memory of either byte order."""
    shape = tuple(int(n) for n in rng.integers(0, 6, rng.integers(0, 5)))
    dtype = numpy_dtype(name)
    count = int(np.prod(shape))
    raw = rng.integers(0, 256, count * dtype.itemsize, dtype=np.uint8)
    array = (raw % 2 == 1 if name == "bool" else raw.view(dtype)).reshape(shape)
    if rng.random() < 0.4:
        array = np.asfortranarray(array)
    if rng.random() < 0.3:
        array = array.transpose(rng.permutation(array.ndim))
    if rng.random() < 0.4 and dtype.itemsize > 1 and not name.startswith("float8"):
        array = array.astype(array.dtype.newbyteorder(">"))
    return array


def random_arrays(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"{name}/é{i}": random_array(rng, name) for name in NPY for i in range(2)}


def described(array: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    name = array.dtype.newbyteorder("=").name
    return TORCH_NAMES.get(name, name), array.shape, little(array).tobytes()


def from_numpy(loaded: np.ndarray, name: str) -> np.ndarray:
    """np.load gives raw bytes for ml_dtypes' types."""
    return loaded.view(numpy_dtype(name)) if loaded.dtype.kind == "V" else loaded


@pytest.mark.parametrize("seed", SEEDS)
def test_npy_from_numpy(tool: str, tmp_path: Path, seed: int) -> None:
    for array in random_arrays(seed).values():
        np.save(tmp_path / "x.npy", array)
        assert dump(tool, tmp_path / "x.npy").tensors == {"x": described(array)}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_from_numpy(tool: str, tmp_path: Path, seed: int, save) -> None:
    arrays = random_arrays(seed)
    save(tmp_path / "x.npz", **arrays)
    seen = dump(tool, tmp_path / "x.npz")
    assert seen.ordered and list(seen.tensors) == list(arrays)
    assert seen.tensors == {name: described(array) for name, array in arrays.items()}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("options", [[], ["deflate"]])
def test_npz_to_numpy(tool: str, tmp_path: Path, seed: int, options: list[str]) -> None:
    arrays = random_arrays(seed)
    np.savez(tmp_path / "x.npz", **arrays)
    target = copy(tool, tmp_path / "x.npz", tmp_path / "y.npz", *options)
    assert zipfile.ZipFile(target).testzip() is None
    with np.load(target) as loaded:
        assert list(loaded) == list(arrays)
        for name, array in arrays.items():
            assert described(from_numpy(loaded[name], name.split("/")[0])) == described(array)


@pytest.mark.parametrize("seed", SEEDS)
def test_npy_is_what_numpy_writes(tool: str, tmp_path: Path, seed: int) -> None:
    """But for float8_e5m2: np.load does not read the '<f1' that np.save writes."""
    for array in (a for name, a in random_arrays(seed).items() if not name.startswith("float8")):
        np.save(tmp_path / "x.npy", array)
        copy(tool, tmp_path / "x.npy", tmp_path / "y.npy")
        np.save(tmp_path / "z.npy", little(array).reshape(array.shape))
        assert (tmp_path / "y.npy").read_bytes() == (tmp_path / "z.npy").read_bytes()


def test_float8_e4m3_is_written_by_name(tool: str, tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).astype(ml_dtypes.float8_e4m3fn).reshape(2, 3)
    raw = torch.from_numpy(array.view(np.uint8)).view(torch.float8_e4m3fn)
    safetensors.torch.save_file({"x": raw}, tmp_path / "x.safetensors")
    loaded = np.load(copy(tool, tmp_path / "x.safetensors", tmp_path / "x.npy"))
    assert loaded.dtype == array.dtype and described(loaded) == described(array)


def random_tensors(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng(seed)
    out = {}
    for name in TORCH:
        shape = tuple(int(n) for n in rng.integers(0, 5, rng.integers(0, 4)))
        dtype = getattr(torch, name)
        size = int(np.prod(shape)) * dtype.itemsize
        raw = torch.randint(0, 2 if name == "bool" else 256, (size,), generator=generator, dtype=torch.uint8)
        out[f"x.{name}"] = raw.view(dtype).reshape(shape)
    return out


@pytest.mark.parametrize("seed", SEEDS)
def test_safetensors_from_torch(tool: str, tmp_path: Path, seed: int) -> None:
    tensors = random_tensors(seed)
    safetensors.torch.save_file(tensors, tmp_path / "x.safetensors", {"format": "pt"})
    seen = dump(tool, tmp_path / "x.safetensors")
    assert seen.metadata == {"format": "pt"} and not seen.ordered
    assert seen.tensors == {name: described(torch_as_numpy(tensor)) for name, tensor in tensors.items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_safetensors_to_torch(tool: str, tmp_path: Path, seed: int) -> None:
    """Through npz and back: the reference reads what it would have written itself."""
    tensors = random_tensors(seed)
    safetensors.torch.save_file(tensors, tmp_path / "x.safetensors")
    copy(tool, tmp_path / "x.safetensors", tmp_path / "x.npz")
    target = copy(tool, tmp_path / "x.npz", tmp_path / "y.safetensors")
    assert target.read_bytes() == (tmp_path / "x.safetensors").read_bytes()
    loaded = safetensors.torch.load_file(target)
    assert {name: described(torch_as_numpy(t)) for name, t in loaded.items()} == {
        name: described(torch_as_numpy(t)) for name, t in tensors.items()
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_refuses_what_the_reference_refuses(tool: str, tmp_path: Path, seed: int) -> None:
    """Damaged safetensors headers: whatever the reference refuses, we refuse."""
    rng = np.random.default_rng(seed)
    whole = bytearray(safetensors.numpy.save({"a": np.arange(6, dtype=np.int16), "b": np.ones((2, 2))}))
    size = 8 + int.from_bytes(whole[:8], "little")
    refused = 0
    for _ in range(40):
        broken = bytearray(whole)
        broken[int(rng.integers(0, size))] = int(rng.integers(0, 256))
        (tmp_path / "x.safetensors").write_bytes(broken)
        try:
            safetensors.numpy.load(bytes(broken))
        except Exception:
            refused += 1
            done = subprocess.run(
                [tool, "dump", tmp_path / "x.safetensors", tmp_path / "x.bin"], capture_output=True, text=True
            )
            assert done.returncode == 2 and done.stderr.count("\n") == 1, broken
    assert refused > 10
