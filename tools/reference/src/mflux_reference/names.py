"""Checkpoint names: COMPONENT.MODULE.PATH[.callN][.in[.ARGUMENT] | .out.I][@step=K]."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

Path = tuple[str, ...]


def join(base: str, call: int, suffix: str, step: int | None) -> str:
    name = base if call == 1 else f"{base}.call{call}"
    name += suffix
    return name if step is None else f"{name}@step={step}"


def output_suffixes(paths: Sequence[Path]) -> list[str]:
    """One tensor keeps the bare name; several are .out.0, .out.1 (their position in what was returned)."""
    return [""] if len(paths) == 1 else item_suffixes(paths)


def item_suffixes(paths: Sequence[Path]) -> list[str]:
    return [".out." + ".".join(path) for path in paths]


def input_suffixes(paths: Sequence[Path]) -> list[str]:
    """One tensor is .in; several are .in.<argument>, nested ones .in.<argument>.0."""
    if len(paths) == 1:
        return [".in"]
    return [".in." + ".".join(path) for path in paths]


def matches(name: str, globs: Iterable[str]) -> bool:
    """Globs as in a shell, except that * also crosses dots."""
    return any(fnmatchcase(name, glob) for glob in globs)


def is_input(tap: str) -> bool:
    """Whether a tap names inputs."""
    return tap.endswith(".in") or ".in." in tap or ".in@" in tap
