"""Draws cases of every cause."""

from __future__ import annotations

import sys
import traceback
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from mflux_reference.planted import plants as _plants  # noqa: F401  (registers them)
from mflux_reference.planted.bug import Plant, causes, of_cause
from mflux_reference.planted.case import write_case


def generate(
    out: Path, seed: int, per_cause: int, wanted: Iterable[str] | None = None, plant_name: str | None = None
) -> list[Path]:
    """Folders of cases: for every cause `per_cause` of them, taking its plants in turn."""
    folders = []
    chosen = causes() if not wanted else [None if cause == "clean" else cause for cause in wanted]
    for cause in chosen:
        makers = [plant for plant in of_cause(cause) if not plant_name or plant_name in plant.name]
        if not makers:
            raise SystemExit(f"{cause} is planted nowhere; --list prints what is")
        for index in range(per_cause):
            folder = _case(makers[_turn(seed, cause, index, len(makers))], seed, index, out)
            folders += [folder] if folder else []
    return folders


def generate_proofs(out: Path, seed: int, cause: str, rounds: Iterable[int]) -> list[Path]:
    """Folders of cases of one cause and of their clean twins: each round one with float noise and, where the cause can
    be in bfloat16, one in that, in modules that differ from round to round."""
    makers = of_cause(cause)
    halves = [plant for plant in makers if not plant.float32_only]
    folders = []
    for index in rounds:
        for noise, some in (("float", makers), ("bf16", halves)):
            if some:
                plant = some[_turn(seed, f"{cause} {noise}", index, len(some))]
                folders += _with_twin(plant, seed, index, out / noise, noise)
    return folders


def _with_twin(plant: Plant, seed: int, index: int, out: Path, noise: str) -> list[Path]:
    twin = out / f"twin-{plant.cause}-{plant.name}-{seed}-{index}"
    folder = _case(plant, seed, index, out, {"noise": noise}, twin)
    return [folder, twin] if folder else []


def _turn(seed: int, cause: str | None, index: int, count: int) -> int:
    return (zlib.crc32(f"{seed} {cause}".encode()) + index) % count


def _case(
    plant: Plant,
    seed: int,
    index: int,
    out: Path,
    fixed: dict[str, Any] | None = None,
    twin: Path | None = None,
) -> Path | None:
    torch.manual_seed(seed)
    folder = out / f"{plant.cause or 'clean'}-{plant.name}-{seed}-{index}"
    try:
        if write_case(plant, seed, index, folder, fixed, twin) is not None:
            return folder
        print(f"{folder.name}: no draw gave a bug that can be seen", file=sys.stderr)
    except Exception:  # one broken plant must not cost the other cases
        traceback.print_exc(limit=-3)
        print(f"{folder.name}: could not be planted", file=sys.stderr)
    return None
