"""Runs both sides of a bug and says what is the first tensor that it changes."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mflux_reference.dump import load_dump
from mflux_reference.planted.bug import Bug
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.noise import add_noise
from mflux_reference.planted.subject import Call, Subject
from mflux_reference.recorder import Capture


@dataclass
class Side:
    """Tensors in execution order, with the manifest's fields of each, and the weights."""

    tensors: dict[str, np.ndarray]
    entries: dict[str, dict[str, Any]]
    weights: dict[str, np.ndarray]
    manifest: dict[str, Any]


@dataclass
class Pair:
    ref: Side
    port: Side
    exact: Side  # the port without noise


class Runs:
    """The reference and the port without noise at once; the port with noise when it is asked for."""

    def __init__(self, bug: Bug, dtype: torch.dtype) -> None:
        self._bug = bug
        reference = copy.deepcopy(bug.subject.module).to(dtype)
        self._port = copy.deepcopy(reference)
        if bug.plant:
            bug.plant(self._port)
        self.ref = run_side(bug.subject, reference, bug.subject.call)
        self.exact = self._run_port(self._port)

    def pair(self, draw: Draw, noisy: bool) -> Pair:
        if not noisy:
            return Pair(self.ref, self.exact, self.exact)
        port = copy.deepcopy(self._port)
        add_noise(port, draw)
        return Pair(self.ref, self._run_port(port), self.exact)

    def _run_port(self, port: torch.nn.Module) -> Side:
        side = run_side(self._bug.subject, port, self._bug.port_call or self._bug.subject.call)
        if self._bug.edit_dump:
            self._bug.edit_dump(side.tensors)
        return side


def run_side(subject: Subject, module: torch.nn.Module, call: Call) -> Side:
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        with torch.no_grad(), Capture(folder, inputs=True, seed=0) as capture:
            if subject.tapped:
                capture.add(subject.component, module)
            call(module, capture)
        dump = load_dump(folder)
        tensors = {entry["name"]: dump.tensor(entry["name"], "numpy") for entry in dump.checkpoints}
        entries = {entry["name"]: entry for entry in dump.checkpoints}
    weights = {f"{subject.component}.{name}": _array(value) for name, value in module.state_dict().items()}
    return Side(tensors, entries, weights, dump.manifest)


def _array(value: torch.Tensor) -> np.ndarray:
    from mflux_reference.torch_backend import TorchBackend

    return TorchBackend().to_numpy(value, "weight")


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def relative_error(ref: np.ndarray, port: np.ndarray) -> float:
    if ref.shape != port.shape:
        return float("inf")
    a, b = ref.astype(np.float64), port.astype(np.float64)
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return float("inf")
    good = np.isfinite(a)
    scale = np.linalg.norm(a[good])
    error = np.linalg.norm((a - b)[good])
    return 0.0 if error == 0 else float(error / scale) if scale else float("inf")


def first_wrong(pair: Pair | Runs) -> str | None:
    """The name of the first tensor that the bug changes, in execution order."""
    for name, tensor in pair.ref.tensors.items():
        if name in pair.exact.tensors and not same(tensor, pair.exact.tensors[name]):
            return name
    return None
