"""A planted bug, and the register of those who plant."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from mflux_reference.planted.draw import Draw
from mflux_reference.planted.subject import Call, Subject


@dataclass
class Bug:
    """`plant` changes the port, a copy of the subject's module; `port_call` runs it where the bug is in the calling.

    A dump can reveal the cause only when it holds the first wrong tensor, and where `needs_input` is set also that
    module's input, where `needs_weights` both sides' weights, and a checkpoint for each glob of `needs`.
    """

    subject: Subject
    plant: Callable[[nn.Module], None] | None = None
    port_call: Call | None = None
    label: str = ""
    ids: tuple[str, ...] = ()  # expected instead of the plant's own id
    needs_input: bool = False
    needs_weights: bool = False
    needs: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()  # of a clean pair: ids that are no false alarm
    invisible: bool = False  # the difference may be small
    clean: bool = False
    edit_dump: Callable[[dict[str, np.ndarray]], None] | None = None  # a mistake of the port's dump, not of the port
    also: tuple[str, ...] = field(default=())  # names that are as right


Maker = Callable[[Draw], Bug]


@dataclass
class Plant:
    cause: str | None
    name: str
    make: Maker
    float32_only: bool = False


PLANTS: list[Plant] = []


def plants(cause: str | None, *, float32_only: bool = False) -> Callable[[Maker], Maker]:
    def register(make: Maker) -> Maker:
        PLANTS.append(Plant(cause, make.__name__, make, float32_only))
        return make

    return register


def of_cause(cause: str | None) -> list[Plant]:
    return [plant for plant in PLANTS if plant.cause == cause]


def causes() -> list[str | None]:
    return sorted({plant.cause for plant in PLANTS}, key=lambda cause: cause or "")


def matches(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)
