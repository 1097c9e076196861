"""Random nests of tensors, as torch.save, safetensors and NumPy write them, are read value for value."""

from __future__ import annotations

import os
import subprocess
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from artifacts import torch_as_numpy
from test_artifacts import described, dump, tool  # noqa: F401
from torch_files import DTYPES

SEEDS = range(12)
ODD = ["é", "a b", "x/y", ".hidden", "0", "..", "名", "step=4", "a@step=2", "%s", "-"]


class Nest:
    """A random value for torch.save, and the tensors that it should read as."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.shared = torch.randn(400, generator=torch.Generator().manual_seed(seed))
        self.tensors: dict[str, torch.Tensor] = {}
        self.value = {f"top{i}": self.draw(f"top{i}", 0) for i in range(6)}

    def choose(self, *options: Any) -> Any:
        return options[int(self.rng.integers(0, len(options)))]

    def draw(self, name: str, depth: int) -> Any:
        kind = int(self.rng.integers(0, 10 if depth < 4 else 6))
        if kind < 5:
            return self.keep(name, self.choose(self.plain, self.view, self.of_shared, self.parameter)())
        if kind == 5:
            return self.scalar(name)
        count = int(self.rng.integers(0, 4))
        if kind < 8:
            # Not only numbers, which read as one tensor.
            return self.choose(list, tuple)([*(self.draw(f"{name}.{i}", depth + 1) for i in range(count)), None])
        keys = [self.choose(*ODD) + str(i) for i in range(count)]
        pairs = [(key, self.draw(f"{name}.{key}", depth + 1)) for key in keys]
        return self.choose(dict, OrderedDict)(pairs)

    def keep(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        self.tensors[name] = tensor.detach()
        return tensor

    def scalar(self, name: str) -> Any:
        value = self.choose(True, -(2**62), 3, 0.1, float("-inf"), 2**64 - 1, 1j, [1, 2], [0.5, 2], (True, False))
        dtype = {int: torch.int64, float: torch.float64, bool: torch.bool, complex: torch.complex128}
        if isinstance(value, (list, tuple)):
            self.keep(name, torch.tensor(value, dtype=dtype[type(value[0])]))
        else:
            self.keep(name, torch.tensor(value, dtype=torch.uint64 if value == 2**64 - 1 else dtype[type(value)]))
        return value

    def plain(self) -> torch.Tensor:
        name = self.choose(*DTYPES)
        dtype = getattr(torch, name)
        shape = [int(n) for n in self.rng.integers(0, 5, self.rng.integers(0, 4))]
        raw = self.rng.integers(0, 2 if name == "bool" else 256, int(np.prod(shape)) * dtype.itemsize, dtype=np.uint8)
        return torch.from_numpy(raw).view(dtype).reshape(shape) if raw.size else torch.zeros(shape, dtype=dtype)

    def view(self) -> torch.Tensor:
        tensor = self.plain()
        for _ in range(3):
            if tensor.ndim:
                tensor = self.changed(tensor, int(self.rng.integers(0, tensor.ndim)))
        return tensor

    def changed(self, tensor: torch.Tensor, axis: int) -> torch.Tensor:
        half = tensor.shape[axis] // 2
        return self.choose(
            lambda: tensor.transpose(0, axis),
            lambda: tensor.narrow(axis, half, tensor.shape[axis] - half),
            lambda: tensor.unsqueeze(axis).expand([*tensor.shape[:axis], 3, *tensor.shape[axis:]]),
            lambda: tensor[(slice(None),) * axis + (slice(None, None, 2),)],
        )()

    def of_shared(self) -> torch.Tensor:
        size = [int(n) for n in self.rng.integers(1, 5, 3)]
        stride = [int(n) for n in self.rng.integers(0, 20, 3)]
        return self.shared.as_strided(size, stride, int(self.rng.integers(0, 100)))

    def parameter(self) -> torch.Tensor:
        return torch.nn.Parameter(self.of_shared(), requires_grad=bool(self.rng.integers(0, 2)))


@pytest.mark.parametrize("seed", SEEDS)
def test_nests(tool: str, tmp_path: Path, seed: int) -> None:  # noqa: F811
    nest = Nest(seed)
    torch.save(nest.value, tmp_path / "x.pt", pickle_protocol=[2, 1, 3, 4, 5][seed % 5])
    seen = dump(tool, tmp_path / "x.pt")
    assert seen.ordered and list(seen.tensors) == list(nest.tensors) and len(nest.tensors) > 0
    for name, tensor in nest.tensors.items():
        assert seen.tensors[name] == described(torch_as_numpy(tensor.contiguous())), name


@pytest.mark.parametrize("seed", range(3))
def test_whole_models(tool: str, tmp_path: Path, seed: int) -> None:  # noqa: F811
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.LSTM(3, 4)).to(
        [torch.float32, torch.bfloat16, torch.float64][seed]
    )
    torch.save(model.state_dict(), tmp_path / "x.pth")
    seen = dump(tool, tmp_path / "x.pth").tensors
    assert seen == {name: described(torch_as_numpy(tensor)) for name, tensor in model.state_dict().items()}
    torch.save(model, tmp_path / "y.pt")
    done = subprocess.run([tool, "dump", tmp_path / "y.pt", tmp_path / "y.bin"], capture_output=True, text=True)
    assert done.returncode == 2 and "torch.nn.modules.container.Sequential" in done.stderr


@pytest.mark.parametrize("seed", range(4))
def test_every_format_compares_equal(mflux_binary: Path, tmp_path: Path, seed: int) -> None:
    """The same hand-made dict under odd names, as each library's own save writes it."""
    import safetensors.torch

    rng = np.random.default_rng(seed)
    tensors = {name: torch.from_numpy(rng.standard_normal(rng.integers(1, 5, rng.integers(0, 4)))) for name in ODD}
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    np.savez(tmp_path / "a.npz", **arrays)
    np.savez_compressed(tmp_path / "b.npz", **arrays)
    torch.save(tensors, tmp_path / "c.pt")
    safetensors.torch.save_file(tensors, tmp_path / "d.safetensors")
    (tmp_path / "folder").mkdir()
    torch.save(dict(list(tensors.items())[:5]), tmp_path / "folder" / "e.pt")
    np.savez(tmp_path / "folder" / "f.npz", **dict(list(arrays.items())[5:]))
    for port in ("b.npz", "c.pt", "d.safetensors", "folder"):
        command = [mflux_binary, "parity", "compare", tmp_path / "a.npz", tmp_path / port]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0 and f"{len(ODD)} of {len(ODD)}" in done.stdout, (port, done.stdout, done.stderr)
    changed = dict(tensors, **{ODD[seed]: tensors[ODD[seed]] + 1})
    torch.save(changed, tmp_path / "c.pt")
    command = [mflux_binary, "parity", "compare", tmp_path / "a.npz", tmp_path / "c.pt"]
    assert subprocess.run(command, capture_output=True, env=os.environ).returncode == 1
