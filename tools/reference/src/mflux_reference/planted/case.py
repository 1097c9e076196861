"""One case: a bug, how it is dumped, and what is expected of the diagnosis."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mflux_reference.planted import names
from mflux_reference.planted.bug import Bug, Plant, matches
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.sides import Pair, Runs, first_wrong, relative_error, same
from mflux_reference.planted.writing import FORMATS, write_pair

TRIES = 15
# Queries, keys and values are computed beside each other: none is before the others.
PROJECTIONS = re.compile(
    r"(?<=rope_)[qk]\b|(?<=norm_)[qk]\b|(?<=added_)[qk]\b|\b[qk](?=_norm)|\b[qkv](?=_proj)|(?<=to_)[qkv]\b|\b(query|key|value)\b|(?<=SelfAttention\.)[qkv]\b"
)


@dataclass(frozen=True)
class Variation:
    """How a pair is run and what of it is dumped."""

    inputs: bool
    weights: bool
    scope: str  # all | parent | module
    noise: str  # none | float | bf16
    format: str

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.noise == "bf16" else torch.float32


def draw_variation(draw: Draw, plant: Plant) -> Variation:
    noises = ["none", "float", "float"] + ([] if plant.float32_only else ["bf16"])
    return Variation(
        inputs=draw.chance(0.7),
        weights=draw.chance(0.5),
        scope=draw.pick(["all", "all", "parent", "module"]),
        noise="float" if plant.cause is None and draw.chance(0.6) else draw.pick(noises),
        format=draw.pick(FORMATS),
    )


def write_case(
    plant: Plant, seed: int, index: int, folder: Path, fixed: dict[str, Any] | None = None, twin: Path | None = None
) -> dict[str, Any] | None:
    """Writes folder/{ref,mlx,expected.json}; None when no draw of many gave a bug that can be seen. `fixed` are fields
    of the variation that are not drawn. `twin` gets a case of the same modules, noise and dump without the bug."""
    for attempt in range(TRIES):
        draw = Draw(seed, plant.cause, plant.name, index, attempt)
        variation = replace(draw_variation(draw, plant), **(fixed or {}))
        bug = plant.make(draw)
        runs = Runs(bug, variation.dtype)
        first = first_wrong(runs)
        if bug.clean:
            first = next(iter(runs.ref.tensors))
            if bug.ids and not noise_fails(runs):
                continue
        elif first is None or not visible(runs, first, bug, variation):
            continue
        pair = runs.pair(draw, variation.noise != "none")
        kept = kept_names(pair, first, variation)
        if not bug.clean and not variation.inputs and bug.subject.tapped and noise_hides(pair, kept):
            continue
        expected = expected_of(plant, bug, pair, first, kept, variation)
        if expected is None:
            continue
        _write(expected, pair, kept, variation, plant.name, seed, folder, draw)
        if twin:
            _write_twin(bug, variation, kept, seed, twin, draw)
        return expected
    return None


def _write(
    expected: dict[str, Any],
    pair: Pair,
    kept: list[str],
    variation: Variation,
    name: str,
    seed: int,
    folder: Path,
    draw: Draw,
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    write_pair(pair, kept, variation.format, variation.weights, folder, draw)
    expected.update(case=folder.name, seed=seed, variation=asdict(variation), plant=name)
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


def _write_twin(bug: Bug, variation: Variation, kept: list[str], seed: int, folder: Path, draw: Draw) -> None:
    clean = Bug(bug.subject, clean=True, label=bug.label)
    pair = Runs(clean, variation.dtype).pair(draw, variation.noise != "none")
    there = [name for name in kept if name in pair.ref.tensors]
    plant = Plant(None, "twin", lambda _: clean)
    expected = expected_of(plant, clean, pair, there[0], there, variation)
    _write(expected, pair, there, variation, plant.name, seed, folder, draw)


def visible(pair: Runs, first: str, bug: Bug, variation: Variation) -> bool:
    """Far enough above rounding that a name can be asked for."""
    error = relative_error(pair.ref.tensors[first], pair.exact.tensors[first])
    if bug.invisible:
        return error > 2e-5
    return error > (6e-2 if variation.noise == "bf16" else 3e-4)


def noise_hides(pair: Pair, kept: list[str]) -> bool:
    """Without inputs the first failing checkpoint is all there is to go by: rounding must not fail before the bug."""
    for name in kept:
        if wrong(pair, name) or name not in pair.port.tensors:
            return False
        ref, port = (side.tensors[name].astype(np.float64) for side in (pair.ref, pair.port))
        bound = 1e-2 if pair.ref.tensors[name].dtype.name == "bfloat16" else 1e-5
        if ref.shape == port.shape and np.any(np.abs(port - ref) > bound * (1 + np.abs(ref))):
            return True
    return False


def noise_fails(runs: Runs) -> bool:
    """Whether the default tolerance of float32 is exceeded anywhere."""
    for name, ref in runs.ref.tensors.items():
        if name in runs.exact.tensors and ref.dtype.kind == "f":
            port = runs.exact.tensors[name]
            if np.any(np.abs(port - ref) > 1e-5 * (1 + np.abs(ref))):
                return True
    return False


def kept_names(pair: Pair, first: str, variation: Variation) -> list[str]:
    path = names.module_path(first)
    roots = {"all": "", "parent": path.rpartition(".")[0], "module": path}
    root = roots[variation.scope] if "class" in pair.ref.entries[first] else ""
    kept = []
    for name in pair.ref.tensors:
        below = not root or names.module_path(name) == root or names.module_path(name).startswith(root + ".")
        if ".rope_" in name and names.is_input(name):
            continue
        pipeline = "class" not in pair.ref.entries[name]  # recorded, not seen by a hook
        if (below or pipeline) and (variation.inputs or pipeline or not names.is_input(name)):
            kept.append(name)
    return kept


def expected_of(
    plant: Plant, bug: Bug, pair: Pair, first: str, kept: list[str], variation: Variation
) -> dict[str, Any] | None:
    ids = list(bug.ids) if bug.clean or bug.ids else [plant.cause]
    expected: dict[str, Any] = {"id": ids[0] if ids else None, "ids": ids, "module": bug.label or bug.subject.label}
    if bug.clean:
        return {**expected, "name": [], "owner": None, "needs": [], "allowed": list(bug.allowed)}
    accepted = acceptable(pair, first, kept)
    if not accepted:
        return None
    orderless = variation.format == "safetensors" and not variation.inputs
    if orderless and (beside := next_wrong(pair, accepted, kept)):
        accepted.append(beside)
    needs = [] if any(name in kept for name in equal_to(pair, first)) else [names.without_step(first)]
    if bug.needs_input and not has_input(pair, first, kept):
        needs.append(names.without_step(names.site(first)) + ".in")
    if bug.needs_weights and not variation.weights:
        needs.append("weights")
    needs += [glob for glob in bug.needs if not any(matches(names.without_step(name), (glob,)) for name in kept)]
    if orderless and plant.cause and len(kept) > 1:
        needs.append("order")
    owners = {names.module_path(first), names.module_path(first).rpartition(".")[0]}
    return {
        **expected,
        "name": sorted({names.plain(name) for name in accepted} | set(bug.also)),
        "owner": sorted(owner for owner in owners if owner),
        "needs": needs,
        "error": relative_error(pair.ref.tensors[first], pair.exact.tensors[first]),
    }


def wrong(pair: Pair, name: str) -> bool:
    return name in pair.exact.tensors and not same(pair.ref.tensors[name], pair.exact.tensors[name])


def equal_to(pair: Pair, first: str) -> list[str]:
    """All names of the same tensor, on both sides; the other outputs of the same call, keys beside queries."""
    found = []
    for name in pair.ref.tensors:
        if not wrong(pair, name):
            continue
        alike = same(pair.ref.tensors[name], pair.ref.tensors[first]) and same(
            pair.exact.tensors[name], pair.exact.tensors[first]
        )
        beside = names.site(name) == names.site(first) and names.is_input(name) == names.is_input(first)
        if alike or beside or PROJECTIONS.sub("*", names.plain(name)) == PROJECTIONS.sub("*", names.plain(first)):
            found.append(name)
    return found


def acceptable(pair: Pair, first: str, kept: list[str]) -> list[str]:
    """Of what was dumped, where the bug can first be seen."""
    exact = [name for name in equal_to(pair, first) if name in kept]
    if exact:
        return exact
    bad = [name for name in kept if wrong(pair, name)]
    if not bad:
        return []
    sources = equal_to(pair, first)
    fed = {names.site(name) for name in sources if names.is_input(name)}
    return [bad[0]] + [name for name in bad if names.site(name) in fed and not names.is_input(name)]


def next_wrong(pair: Pair, accepted: list[str], kept: list[str]) -> str | None:
    """Without order and inputs nobody can tell the first bad module from the one behind it."""
    bad = [name for name in kept if wrong(pair, name)]
    behind = bad[bad.index(accepted[0]) + 1 :] if accepted[0] in bad else []
    return next((name for name in behind if name not in accepted), None)


def has_input(pair: Pair, first: str, kept: list[str]) -> bool:
    """The module's own input, or the same tensor under another name."""
    inputs = [
        name
        for name in pair.ref.tensors
        if names.site(name) == names.site(first) and names.is_input(name) and not names.is_input(first)
    ]
    return all(any(same(pair.ref.tensors[name], pair.ref.tensors[other]) for other in kept) for name in inputs)
