"""What a case of the corpus is, and the small things its modules share."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

READ, DIFFERS, REFUSED = 0, 1, 2


@dataclass
class Case:
    """One damaged file, or a folder of files, and how the two commands must end on it.

    `name` begins with the kind ("npy/…") and is unique. `target` is what the commands are given. A harmless change
    says so: `inspect` 0, and `compare` 0 or 1 (1 where values or names differ from the good file's). `says` stands in
    the one line on standard error of a refusal.
    """

    name: str
    files: dict[str, bytes]
    target: str
    inspect: int = REFUSED
    compare: int | None = None  # as `inspect`
    says: str = ""
    flags: list[str] = field(default_factory=list)  # of compare; {folder} stands for the case's folder
    links: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.name.split("/")[0]


def cut_everywhere(name: str, target: str, whole: bytes, step: int = 64) -> Iterator[Case]:
    for size in sorted({*range(0, len(whole), step), len(whole) - 1}):
        yield Case(f"{name}/cut/{size}", {target: whole[:size]}, target)


def extremes(code: str, real: int) -> list[int]:
    """0, 1, the largest, the largest signed one and the neighbours of the true value, without that itself."""
    most = (1 << 8 * struct.calcsize(code)) - 1
    values = {0, 1, most, most >> 1, real - 1, real + 1}
    return sorted(value for value in values if value != real and 0 <= value <= most)


def floats(count: int) -> bytes:
    return struct.pack(f"<{count}f", *(0.25 * i - 3 for i in range(count)))
