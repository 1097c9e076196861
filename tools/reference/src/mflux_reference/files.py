"""Files appear under their names only when they are complete."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ignore_artifacts(folder: Path) -> None:
    """Keeps what is written below a folder named debug_artifacts out of git, unless it says otherwise itself."""
    for parent in (folder.absolute(), *folder.absolute().parents):
        if parent.name == "debug_artifacts":
            ignore = parent / ".gitignore"
            if not ignore.exists():
                write_text(ignore, "*\n")
            return
