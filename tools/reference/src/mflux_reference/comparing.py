"""`mflux parity compare` for Python: folders, files or tensors in, a Comparison out."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mflux_reference.binary import find_binary
from mflux_reference.recorder import Capture
from mflux_reference.result import Comparison

Source = Path | str | Mapping[str, Any]


def compare(
    ref: Source,
    mlx: Source | None = None,
    *,
    tolerances: Path | str | Mapping[str, tuple[float, float]] | None = None,
    allow_missing: str | Iterable[str] = (),
    map: Path | str | Mapping[str, str] | None = None,
    ref32: Source | None = None,
    max_ratio: float | None = None,
    binary: Path | str | None = None,
) -> Comparison:
    """Lays the port's checkpoints beside the reference's.

    `ref`, `mlx` and `ref32` are dumps (a folder or a file; `ref` alone may be a run's folder with ref/ and mlx/) or
    tensors of torch, MLX or NumPy by name, in the order in which they were computed. `tolerances` is a parity.toml or
    {glob: (atol, rtol)}, the last match wins; `map` is a map.toml or {the port's name: the reference's}. Raises
    RuntimeError with the command's own line when something cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="mflux-") as scratch:
        folder = Path(scratch)
        command = [str(find_binary(binary)), "parity", "compare", "--json", _dump(ref, folder / "ref")]
        if mlx is not None:
            command.append(_dump(mlx, folder / "mlx"))
        if ref32 is not None:
            command += ["--ref32", _dump(ref32, folder / "ref32")]
        if tolerances is not None:
            command += ["--tolerances", _toml(tolerances, folder / "parity.toml", _tolerance)]
        if map is not None:
            command += ["--map", _toml(map, folder / "map.toml", _rename)]
        if max_ratio is not None:
            command += ["--max-ratio", str(max_ratio)]
        for glob in [allow_missing] if isinstance(allow_missing, str) else allow_missing:
            command += ["--allow-missing", glob]
        return _run(command)


def _run(command: list[str]) -> Comparison:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode not in (0, 1):
        raise RuntimeError(result.stderr.strip() or f"{command[0]} ended with {result.returncode}")
    facts = json.loads(result.stdout)
    rows = facts.pop("checkpoints")
    return Comparison(facts, rows, len(rows))


def _dump(source: Source, folder: Path) -> str:
    if not isinstance(source, Mapping):
        return str(source)
    if not source:
        raise ValueError(f"{folder.name}: there are no tensors to compare")
    with Capture(folder) as capture:
        for name, tensor in source.items():
            capture.record(name, tensor)
    return str(folder)


def _toml(source: Path | str | Mapping[str, Any], path: Path, table: Any) -> str:
    if not isinstance(source, Mapping):
        return str(source)
    path.write_text("\n".join(table(key, value) for key, value in source.items()), encoding="utf-8")
    return str(path)


def _tolerance(glob: str, bounds: tuple[float, float]) -> str:
    atol, rtol = bounds
    return f"[[tolerance]]\nmatch = {json.dumps(glob)}\natol = {float(atol)!r}\nrtol = {float(rtol)!r}\n"


def _rename(old: str, new: str) -> str:
    return f"[[rename]]\nfrom = {json.dumps(old)}\nto = {json.dumps(new)}\n"
