"""manifest.json of a dump."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

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


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def framework() -> str:
    return f"torch {torch.__version__.split('+')[0]}"


def environment() -> dict[str, Any]:
    """What the numbers may depend on; nothing that names the machine."""
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "mkldnn": torch.backends.mkldnn.enabled,
        "tf32": torch.backends.cuda.matmul.allow_tf32,
    }
    for package in ("diffusers", "transformers", "numpy", "safetensors"):
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return facts


def image_entry(path: Path, folder: Path) -> dict[str, str]:
    return {"file": str(path.relative_to(folder)), "sha256": sha256_of(path)}


def checkpoint_entry(
    name: str,
    stored: torch.Tensor,
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
    entry.update({"step": step, "role": role, "dtype": dtype_name(stored.dtype), "shape": shape})
    if ranges is not None:
        entry["slice"] = ranges
    return entry
