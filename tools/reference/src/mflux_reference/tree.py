"""Finds the tensors in what a module takes and returns, and puts others in their places."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mflux_reference.backend import is_tensor
from mflux_reference.names import Path


def output_tensors(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Tensors of tuples, lists, mappings and dataclasses; a path holds positions, as a tuple would have them."""
    if is_tensor(value):
        yield path, value
        return
    for index, (_, item) in enumerate(_children(value)):
        yield from output_tensors(item, (*path, str(index)))


def input_tensors(forward: Callable, args: tuple, kwargs: dict) -> Iterator[tuple[Path, Any]]:
    """Tensors among the arguments of a call; a path starts with the argument's name."""
    for name, value in _bind(forward, args, kwargs):
        if isinstance(value, Mapping) and not is_tensor(value):
            for key, item in value.items():
                yield from output_tensors(item, (name, str(key)))
        else:
            yield from output_tensors(value, (name,))


def replaced(value: Any, new: list[Any]) -> Any:
    """`value` with its tensors, in the order of output_tensors, exchanged for those of `new`; a container in which
    nothing changes stays the same object."""
    return _rebuild(value, iter(new))


def replaced_inputs(forward: Callable, args: tuple, kwargs: dict, new: list[Any]) -> tuple[tuple, dict]:
    """The arguments of a call with their tensors, in the order of input_tensors, exchanged for those of `new`."""
    bound = inspect.signature(forward).bind(*args, **kwargs)
    exchange = iter(new)
    for name, value in bound.arguments.items():
        bound.arguments[name] = _rebuild(value, exchange)
    return bound.args, bound.kwargs


def _rebuild(value: Any, exchange: Iterator[Any]) -> Any:
    if is_tensor(value):
        return next(exchange)
    children = _children(value)
    items = [_rebuild(item, exchange) for _, item in children]
    if all(new is old for new, (_, old) in zip(items, children, strict=True)):
        return value
    if isinstance(value, tuple):
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return items
    result = copy.copy(value)
    for (key, _), item in zip(children, items, strict=True):
        if isinstance(value, Mapping):
            result[key] = item
        else:
            object.__setattr__(result, key, item)
    return result


def _children(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return []


def _bind(forward: Callable, args: tuple, kwargs: dict) -> list[tuple[str, Any]]:
    try:
        signature = inspect.signature(forward)
        bound = signature.bind(*args, **kwargs)
    except (TypeError, ValueError):  # the call is about to fail with a better message, or it has no signature
        return [*((str(i), value) for i, value in enumerate(args)), *kwargs.items()]
    arguments: list[tuple[str, Any]] = []
    for name, value in bound.arguments.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            arguments.extend(value.items())
        else:
            arguments.append((name, value))
    return arguments
