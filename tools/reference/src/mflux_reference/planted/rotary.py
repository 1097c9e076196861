"""Rotary embeddings as they are written wrong, and where each model calls its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from mflux_reference.planted import subjects_encoders as encoders
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.rewrite import rewrite
from mflux_reference.planted.subject import Subject

Rotation = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def paired(x: torch.Tensor) -> torch.Tensor:
    """(-x1, x0, -x3, x2, …)"""
    real, imaginary = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([-imaginary, real], dim=-1).flatten(-2)


def halved(x: torch.Tensor) -> torch.Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat([-second, first], dim=-1)


def halves_of(table: torch.Tensor) -> torch.Tensor:
    """A table of pairs (a, a, b, b) as one of halves (a, b, a, b)."""
    return torch.cat([table[..., 0::2], table[..., 0::2]], dim=-1)


def pairs_of(table: torch.Tensor) -> torch.Tensor:
    return table.chunk(2, dim=-1)[0].repeat_interleave(2, dim=-1)


def rotations(pairs: bool) -> dict[str, Rotation]:
    """Wrong ones, by the cause; x is [B, T, H, D], tables [B or 1, T, D]."""
    right, other = (paired, halved) if pairs else (halved, paired)
    moved = halves_of if pairs else pairs_of

    def over_tokens(table: torch.Tensor) -> torch.Tensor:
        return table[:, :, None]

    def pairing(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        return x * over_tokens(moved(cos)) + other(x) * over_tokens(moved(sin))

    def pairing_kept_table(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        return x * over_tokens(cos) + other(x) * over_tokens(sin)

    def sign(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        return x * over_tokens(cos) - right(x) * over_tokens(sin)

    def offset(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        return x * over_tokens(cos.roll(-1, 1)) + right(x) * over_tokens(sin.roll(-1, 1))

    def by_head(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        """cos[: x.shape[1]] of [B, H, T, D]: a row for each head."""
        heads = x.shape[2]
        return x * cos[:, None, :heads] + right(x) * sin[:, None, :heads]

    return {
        "rope.pairing": pairing,
        "rope.pairing kept": pairing_kept_table,
        "rope.sign": sign,
        "rope.offset": offset,
        "rope.broadcast": by_head,
    }


@dataclass
class Rotary:
    """Where a model rotates: the attention modules' paths and how their source calls it."""

    subject: Subject
    paths: list[str]
    pairs: bool
    kind: str

    def owner(self, root: nn.Module, path: str) -> tuple[object, str]:
        attention = root.get_submodule(path)
        return (attention, "forward") if self.kind == "qwen3" else (attention.processor, "__call__")


CALLS = {
    "flux": ["apply_rotary_emb({}, image_rotary_emb, sequence_dim=1)", ("query", "key")],
    "zimage": ["apply_rotary_emb({}, freqs_cis)", ("query", "key")],
}
QWEN = "apply_rotary_pos_emb(query_states, key_states, cos, sin)"


def rotary_model(draw: Draw) -> Rotary:
    kind = draw.pick(["flux2", "flux2", "flux", "zimage", "qwen3", "qwen3"])
    subject = getattr(encoders if kind == "qwen3" else transformers, kind)(draw)
    ending = {"qwen3": "self_attn", "zimage": "attention"}.get(kind, "attn")
    paths = [path for path, _ in subject.module.named_modules() if path.rpartition(".")[2] == ending]
    return Rotary(subject, paths, kind != "qwen3", kind)


def add_spots(rotary: Rotary) -> None:
    """Rotated queries and keys become checkpoints, NAME.rope_q and NAME.rope_k, on both sides."""
    for path in rotary.paths:
        attention = rotary.subject.module.get_submodule(path)
        attention.rope_q, attention.rope_k = nn.Identity(), nn.Identity()
        owner, method = rotary.owner(rotary.subject.module, path)
        if rotary.kind == "qwen3":
            rewrite(owner, method, (QWEN, f"map_pair(self, {QWEN})"), map_pair=through_spots)
            continue
        call, names = CALLS["zimage" if rotary.kind == "zimage" else "flux"]
        for name in names:
            line = f"{name} = {call.format(name)}"
            rewrite(owner, method, (line, f"{name} = attn.rope_{name[0]}({call.format(name)})"))


def through_spots(attention: nn.Module, rotated: tuple) -> tuple:
    return attention.rope_q(rotated[0]), attention.rope_k(rotated[1])


def plant_rotation(rotary: Rotary, path: str, wrong: Rotation, names: tuple[str, ...]) -> Callable[[nn.Module], None]:
    """`names` of query and key are rotated wrong."""

    def plant(port: nn.Module) -> None:
        owner, method = rotary.owner(port, path)
        if rotary.kind == "qwen3":

            def both(q: torch.Tensor, k: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> tuple:
                return tuple(wrong(x.transpose(1, 2), cos, sin).transpose(1, 2) for x in (q, k))

            rewrite(owner, method, (QWEN, "wrong(query_states, key_states, cos, sin)"), wrong=both)
            return

        def one(x: torch.Tensor, table: object) -> torch.Tensor:
            if isinstance(table, tuple):
                cos, sin = (part[None] for part in table)
            else:
                cos, sin = (part.repeat_interleave(2, dim=-1) for part in (table.real, table.imag))
            return wrong(x.float(), cos, sin).to(x.dtype)

        call = CALLS["zimage" if rotary.kind == "zimage" else "flux"][0]
        table = "freqs_cis" if rotary.kind == "zimage" else "image_rotary_emb"
        for name in names:
            rewrite(owner, method, (call.format(name), f"wrong({name}, {table})"), wrong=one)

    return plant
