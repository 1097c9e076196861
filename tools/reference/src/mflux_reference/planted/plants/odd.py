"""Dumps that no cause explains: NaN, constants, empty and tiny tensors, other shapes, missing halves."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.subject import Subject
from mflux_reference.planted.subjects import any_subject
from mflux_reference.recorder import Capture

Tensors = dict[str, np.ndarray]


def with_odd_tensors(subject: Subject) -> None:
    """Both sides also record what is too small, too plain or no number at all."""
    right = subject.call

    def call(model: nn.Module, capture: Capture) -> None:
        capture.record("empty", torch.zeros(0, 4))
        capture.record("one", torch.tensor([0.37]))
        capture.record("scalar", torch.tensor(2.5))
        capture.record("zeros", torch.zeros(3, 5))
        capture.record("ones", torch.ones(2, 8))
        capture.record("input_ids", torch.arange(12).reshape(1, 12) % 7)
        capture.record("attention_mask", torch.tensor([[1, 1, 1, 1, 1, 0, 0]]))
        capture.record("causal", torch.full((4, 4), float("-inf")).triu(1))
        capture.record("not_a_number", torch.tensor([1.0, float("nan"), float("inf"), -2.0]))
        right(model, capture)

    subject.call = call


def last_floats(draw: Draw, tensors: Tensors) -> str:
    """A checkpoint of the middle with many numbers."""
    names = [name for name, tensor in tensors.items() if tensor.dtype.kind not in "iub" and tensor.size > 16]
    return names[draw.integer(len(names) // 2, len(names) - 1)]


def edited(draw: Draw, change: object) -> Bug:
    subject = any_subject(draw)
    with_odd_tensors(subject)

    def edit(tensors: Tensors) -> None:
        change(Draw(*draw.key, "edit"), tensors)  # type: ignore[operator]

    return Bug(subject, edit_dump=edit, clean=True, allowed=("dump.stale",), label="odd tensors")


@plants("odd")
def not_finite(draw: Draw) -> Bug:
    """NaN or infinity in a few places, or everywhere."""

    def change(draw: Draw, tensors: Tensors) -> None:
        name = last_floats(draw, tensors)
        tensor = tensors[name].copy()
        count = draw.pick([1, 3, tensor.size])
        tensor.reshape(-1)[:count] = draw.pick([np.nan, np.inf, -np.inf])
        tensors[name] = tensor

    return edited(draw, change)


@plants("odd")
def constant_port(draw: Draw) -> Bug:
    """A tensor that was never filled."""

    def change(draw: Draw, tensors: Tensors) -> None:
        name = last_floats(draw, tensors)
        tensors[name] = np.full_like(tensors[name], draw.pick([0.37, -3.1]))

    return edited(draw, change)


@plants("odd")
def tiny_tensors(draw: Draw) -> Bug:
    """One element, plain tensors and ids that differ: too little to prove anything with."""

    def change(draw: Draw, tensors: Tensors) -> None:
        name = draw.pick(["one", "scalar", "zeros", "ones", "input_ids", "attention_mask", "not_a_number", "causal"])
        tensor = tensors[name].copy()
        flat = tensor.reshape(-1)
        flat[-1] = flat[-1] * 0 + 1 - flat[-1] if name == "attention_mask" else 3
        tensors[name] = tensor

    return edited(draw, change)


@plants("odd")
def other_shape(draw: Draw) -> Bug:
    """Cut off, or an axis too many: SHAPE."""

    def change(draw: Draw, tensors: Tensors) -> None:
        name = last_floats(draw, tensors)
        tensor = tensors[name]
        axis = int(np.argmax(tensor.shape))
        tensors[name] = np.ascontiguousarray(tensor.take(range(tensor.shape[axis] - 1), axis))

    return edited(draw, change)


@plants("odd")
def missing_half(draw: Draw) -> Bug:
    """The port stopped in the middle."""

    def change(_draw: Draw, tensors: Tensors) -> None:
        for name in list(tensors)[len(tensors) // 2 :]:
            del tensors[name]

    return edited(draw, change)


@plants("odd")
def few_elements(draw: Draw) -> Bug:
    """A handful of elements are off, at random: nothing of the catalogue."""

    def change(draw: Draw, tensors: Tensors) -> None:
        name = last_floats(draw, tensors)
        tensor = tensors[name].copy()
        rng = np.random.default_rng(draw.integer(0, 2**30))
        places = rng.choice(tensor.size, size=3, replace=False)
        tensor.reshape(-1)[places] = rng.standard_normal(3) * 5
        tensors[name] = tensor

    return edited(draw, change)
