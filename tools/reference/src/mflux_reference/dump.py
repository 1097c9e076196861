"""Reads a dump back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from mflux_reference.manifest import FILE


@dataclass(frozen=True)
class Dump:
    folder: Path
    manifest: dict[str, Any]

    @property
    def checkpoints(self) -> list[dict[str, Any]]:
        return self.manifest["checkpoints"]

    def names(self) -> list[str]:
        return [entry["name"] for entry in self.checkpoints]

    def tensor(self, name: str) -> torch.Tensor:
        for entry in self.checkpoints:
            if entry["name"] == name:
                with safe_open(self.folder / entry["file"], framework="pt") as shard:
                    return shard.get_tensor(entry["key"])
        raise KeyError(f"{self.folder}: no checkpoint named {name}")


def load_dump(folder: Path | str) -> Dump:
    folder = Path(folder)
    return Dump(folder, json.loads((folder / FILE).read_text(encoding="utf-8")))
