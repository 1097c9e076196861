"""manifest.json of a dump."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from mflux_reference.backend import Backend
from mflux_reference.crop import Slice
from mflux_reference.files import sha256_of, write_text

SCHEMA = 1
FILE = "manifest.json"


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """One line for every fact and every checkpoint."""
    lines = [f" {_json(key)}: {_json(value)}" for key, value in manifest.items() if key != "checkpoints"]
    entries = ",\n".join(f"  {_json(entry)}" for entry in manifest["checkpoints"])
    lines.append(f' "checkpoints": [\n{entries}\n ]')
    write_text(folder / FILE, "{\n" + ",\n".join(lines) + "\n}\n")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def environment(backend: Backend | None) -> dict[str, Any]:
    """What the numbers may depend on; nothing that names the machine."""
    facts: dict[str, Any] = {"python": platform.python_version(), "machine": platform.machine()}
    facts.update(backend.environment() if backend else {})
    for package in ("diffusers", "transformers", "mflux", "numpy", "safetensors"):
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return facts


def image_entry(path: Path, folder: Path) -> dict[str, str]:
    return {"file": str(path.relative_to(folder)), "sha256": sha256_of(path)}


def checkpoint_entry(
    name: str,
    stored: np.ndarray,
    *,
    file: str,
    class_name: str | None,
    step: int | None,
    role: str,
    shape: list[int],
    ranges: Slice | None,
    parameters: bool | None,
    axes: list[str] | None,
) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "file": file, "key": name}
    optional = {"class": class_name, "axes": axes, "has_parameters": parameters}
    entry.update({key: value for key, value in optional.items() if value is not None})
    entry.update({"step": step, "role": role, "dtype": stored.dtype.name, "shape": shape})
    if ranges is not None:
        entry["slice"] = ranges
    return entry
