"""One watched place: a module or a method, called any number of times."""

from __future__ import annotations

from collections.abc import Callable, Generator
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from mflux_reference import names
from mflux_reference.tree import input_tensors, output_tensors, replaced, replaced_inputs

if TYPE_CHECKING:
    from mflux_reference.recorder import Capture


class Site:
    def __init__(self, capture: Capture, name: str, owner: Any, forward: Callable, inputs: bool) -> None:
        self._capture = capture
        self._name = name
        self._owner = owner
        self._forward = forward
        self._inputs = inputs
        self._open: list[tuple[int, int | None]] = []

    def enter(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments that the call goes on with."""
        step = self._capture._step
        call = self._capture._next_call(self._name)
        self._open.append((call, step))
        taps = self._capture._taps if self._inputs else self._capture._input_taps
        if not taps and not self._capture._injector:
            return args, kwargs
        found = list(input_tensors(self._forward, args, kwargs))
        new = self._see(found, names.input_suffixes, "in", call, step, taps)
        return (args, kwargs) if new is None else replaced_inputs(self._forward, args, kwargs, new)

    def leave(self, result: Any) -> Any:
        """The result that the run goes on with. A generator's items are outputs like those of a tuple."""
        call, step = self._open.pop()
        if isinstance(result, GeneratorType):
            return self._items(result, call, step)
        return self._outputs(result, (), call, step)

    def _outputs(self, result: Any, path: names.Path, call: int, step: int | None) -> Any:
        found = list(output_tensors(result, path))
        suffixes = names.item_suffixes if path else names.output_suffixes
        new = self._see(found, suffixes, "out", call, step, self._capture._taps)
        return result if new is None else replaced(result, new)

    def _items(self, generator: Generator, call: int, step: int | None) -> Generator:
        sent, index = None, 0
        try:
            while True:
                try:
                    item = generator.send(sent)
                except StopIteration as stop:
                    return stop.value
                sent = yield self._outputs(item, (str(index),), call, step)
                index += 1
        finally:
            generator.close()

    def _see(
        self, found: list, suffixes: Callable, role: str, call: int, step: int | None, taps: tuple[str, ...]
    ) -> list | None:
        """Records what is tapped; the tensors to go on with, or None when they are those found."""
        new = []
        for suffix, (_, tensor) in zip(suffixes([path for path, _ in found]), found, strict=True):
            name = names.join(self._name, call, suffix, step)
            new.append(self._capture._injector.see(name, tensor))
            if taps and self._capture._tapped(self._name, name, taps):
                self._capture._write(name, new[-1], module=self._owner, role=role)
        return None if all(now is before for now, (_, before) in zip(new, found, strict=True)) else new
