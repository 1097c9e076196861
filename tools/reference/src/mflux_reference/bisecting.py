"""What `mflux parity bisect` asks of the commands that it runs, through their environment."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER, TAPS, SURVEY = "MFLUX_CAPTURE", "MFLUX_TAPS", "MFLUX_SURVEY"
_taken: set[Path] = set()


@dataclass(frozen=True)
class Wish:
    """Instead of what the program says itself: `survey` wants a list of all checkpoints and no tensors; of `taps` each
    is a checkpoint's whole name or a glob, and `record`ed tensors are filtered by them too."""

    folder: Path | None = None
    taps: tuple[str, ...] | None = None
    survey: bool = False

    def folder_or(self, folder: Path | str | None) -> Path:
        if self.folder is not None:
            return self.folder
        if folder is None:
            raise ValueError(f"Capture needs a folder, or the environment variable {FOLDER}")
        return Path(folder)

    def taps_or(self, taps: Iterable[str]) -> tuple[str, ...]:
        return tuple(taps) if self.taps is None else self.taps

    def take_folder(self) -> None:
        """One capture of a process is the one that is asked for."""
        if self.folder in _taken:
            raise RuntimeError(f"{FOLDER} names one folder, and this is the second Capture that would write there")
        if self.folder is not None:
            _taken.add(self.folder)


def wish_of_environment() -> Wish:
    folder, taps, survey = (os.environ.get(name, "") for name in (FOLDER, TAPS, SURVEY))
    return Wish(Path(folder) if folder else None, tuple(taps.splitlines()) if taps else None, bool(survey))
