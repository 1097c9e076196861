"""Finds the tensors in what a module takes and returns."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from mflux_reference.names import Path


def output_tensors(value: Any, path: Path = ()) -> Iterator[tuple[Path, torch.Tensor]]:
    """Tensors of tuples, lists, mappings and dataclasses; a path holds positions, as a tuple would have them."""
    if isinstance(value, torch.Tensor):
        yield path, value
        return
    for index, item in enumerate(_children(value)):
        yield from output_tensors(item, (*path, str(index)))


def input_tensors(forward: Callable, args: tuple, kwargs: dict) -> Iterator[tuple[Path, torch.Tensor]]:
    """Tensors among the arguments of a call; a path starts with the argument's name."""
    for name, value in _bind(forward, args, kwargs):
        if isinstance(value, Mapping) and not isinstance(value, torch.Tensor):
            for key, item in value.items():
                yield from output_tensors(item, (name, str(key)))
        else:
            yield from output_tensors(value, (name,))


def _children(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (list, tuple)):
        return list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return []


def _bind(forward: Callable, args: tuple, kwargs: dict) -> list[tuple[str, Any]]:
    signature = inspect.signature(forward)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:  # the call itself is about to fail with a better message
        return [*((str(i), value) for i, value in enumerate(args)), *kwargs.items()]
    arguments: list[tuple[str, Any]] = []
    for name, value in bound.arguments.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            arguments.extend(value.items())
        else:
            arguments.append((name, value))
    return arguments
