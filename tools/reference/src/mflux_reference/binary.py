"""Finds the built `mflux` command."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

BUILT = Path("build/release/cli/mflux")
HELP = (
    "the mflux command was not found: build it (in the repository: ./dev build) and name it by the argument `binary`, "
    "by the variable MFLUX_BINARY or on PATH"
)


def find_binary(named: Path | str | None = None) -> Path:
    """`named`, else MFLUX_BINARY, else the one on PATH, else the repository's own build."""
    chosen = named or os.environ.get("MFLUX_BINARY")
    if chosen:
        if not Path(chosen).is_file():
            raise FileNotFoundError(f"{chosen} is no file; {HELP}")
        return Path(chosen).absolute()
    on_path = shutil.which("mflux")
    if on_path and not _is_python_script(Path(on_path)):
        return Path(on_path)
    for parent in Path(__file__).resolve().parents:
        if (parent / BUILT).is_file():
            return parent / BUILT
    raise FileNotFoundError(HELP)


def _is_python_script(path: Path) -> bool:
    """PyPI's mflux may install commands of the same name."""
    with path.open("rb") as file:
        return file.read(2) == b"#!"
