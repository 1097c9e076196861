"""rope.pairing, sign, offset, theta, axes, broadcast"""

from __future__ import annotations

import torch
from torch import nn

from mflux_reference.planted import rotary
from mflux_reference.planted import subjects_encoders as encoders
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.rewrite import replace_method, rewrite
from mflux_reference.planted.rotary import add_spots, plant_rotation, rotary_model, rotations


def rotated_wrong(draw: Draw, kind: str, spots: bool, only: tuple[str, ...] = ("query", "key")) -> Bug:
    """With spots the rotated queries are dumped; without, the attention's output is the first that shows it."""
    model = rotary_model(draw)
    if kind == "rope.broadcast":
        model = next(made for made in iter(lambda: rotary_model(draw), None) if made.kind != "zimage")
    if spots:
        add_spots(model)
    path = draw.pick(model.paths)
    plant = plant_rotation(model, path, rotations(model.pairs)[kind], only)
    label = f"{model.subject.label} rotation {'spots' if spots else 'in attention'}"
    base = f"{model.subject.component}.{path}"
    needs = () if spots else tuple(f"{base}.{glob}" for glob in ("*q*", "*k*", "*v*"))
    if model.kind == "flux2" and "single" in path and not spots:
        needs = (f"{base}.norm_q", f"{base}.norm_k", f"{base}.to_qkv_mlp_proj")
    return Bug(model.subject, plant, label=label, needs=needs)


@plants("rope.pairing")
def pairing_spots(draw: Draw) -> Bug:
    return rotated_wrong(draw, draw.pick(["rope.pairing", "rope.pairing kept"]), True)


@plants("rope.pairing")
def pairing_in_attention(draw: Draw) -> Bug:
    return rotated_wrong(draw, draw.pick(["rope.pairing", "rope.pairing kept"]), False)


@plants("rope.sign")
def sign_spots(draw: Draw) -> Bug:
    return rotated_wrong(draw, "rope.sign", True)


@plants("rope.sign")
def sign_in_attention(draw: Draw) -> Bug:
    return rotated_wrong(draw, "rope.sign", False)


@plants("rope.sign")
def sign_of_table(draw: Draw) -> Bug:
    """The sine comes out negative."""
    subject = draw.pick([encoders.qwen3, transformers.flux2, transformers.flux])(draw)
    path = "rotary_emb" if subject.component == "text_encoder" else "pos_embed"

    def plant(port: nn.Module) -> None:
        module = port.get_submodule(path)
        right = type(module).forward

        def forward(self: nn.Module, *args: object) -> tuple:
            cos, sin = right(self, *args)
            return cos, -sin

        replace_method(module, "forward", forward)

    return Bug(subject, plant, ids=("rope.sign",))


@plants("rope.broadcast")
def broadcast_spots(draw: Draw) -> Bug:
    return rotated_wrong(draw, "rope.broadcast", True)


@plants("rope.broadcast")
def broadcast_in_attention(draw: Draw) -> Bug:
    return rotated_wrong(draw, "rope.broadcast", False)


@plants("rope.offset")
def positions_from_one(draw: Draw) -> Bug:
    """The table of positions 1 … n."""
    subject = draw.pick([encoders.qwen3, transformers.flux2, transformers.flux])(draw)
    shift = draw.pick([1, 1, -1, 2])

    def plant(port: nn.Module) -> None:
        if subject.component == "text_encoder":
            rewrite(
                port.rotary_emb, "forward", ("position_ids[..., None].float()", f"(position_ids[..., None] + {shift})")
            )
        else:
            rewrite(port.pos_embed, "forward", ("ids.float()", f"(ids.float() + {shift})"))

    return Bug(subject, plant)


@plants("rope.offset")
def query_ahead(draw: Draw) -> Bug:
    """Queries rotated one position ahead of the keys (a cache's offset)."""
    model = next(made for made in iter(lambda: rotary_model(draw), None) if made.kind == "qwen3")
    add_spots(model)
    path = draw.pick(model.paths)

    def plant(port: nn.Module) -> None:
        rotary_emb = port.rotary_emb

        def ahead(q: torch.Tensor, k: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> tuple:
            count = q.shape[2]
            angle = torch.arange(1, count + 1)[:, None].float() * rotary_emb.inv_freq.float()
            table = torch.cat([angle, angle], -1)[None, None]
            wrong = q.float() * table.cos() + rotary.halved(q.float()) * table.sin()
            right = k * cos[:, None] + rotary.halved(k) * sin[:, None]
            return wrong.to(q.dtype), right

        rewrite(
            port.get_submodule(path), "forward", (rotary.QWEN, "wrong(query_states, key_states, cos, sin)"), wrong=ahead
        )

    return Bug(model.subject, plant, label="Qwen3Model query ahead")


@plants("rope.theta")
def other_base(draw: Draw) -> Bug:
    subject = draw.pick([encoders.qwen3, transformers.flux2, transformers.flux])(draw)
    factor = draw.pick([0.1, 0.5, 2.0, 10.0, 100.0])

    def plant(port: nn.Module) -> None:
        if subject.component == "text_encoder":
            size = port.config.head_dim
            base = port.config.rope_parameters["rope_theta"] * factor
            port.rotary_emb.inv_freq = 1 / base ** (torch.arange(0, size, 2).float() / size)
        else:
            port.pos_embed.theta = port.pos_embed.theta * factor

    return Bug(subject, plant)


@plants("rope.theta")
def other_base_in_rotation(draw: Draw) -> Bug:
    """nn.RoPE in the attention, with its default base; only rotated queries and keys show it."""
    model = next(made for made in iter(lambda: rotary_model(draw), None) if made.kind == "qwen3")
    add_spots(model)
    path = draw.pick(model.paths)
    factor = draw.pick([0.1, 10.0, 100.0])

    def plant(port: nn.Module) -> None:
        size = port.config.head_dim
        base = port.config.rope_parameters["rope_theta"] * factor

        def wrong(q: torch.Tensor, k: torch.Tensor, _cos: object, _sin: object) -> tuple:
            angle = torch.arange(q.shape[2])[:, None] / base ** (torch.arange(0, size, 2).float() / size)
            table = torch.cat([angle, angle], -1)[None, None]
            cos, sin = table.cos(), table.sin()
            return tuple((x.float() * cos + rotary.halved(x.float()) * sin).to(x.dtype) for x in (q, k))

        rewrite(
            port.get_submodule(path), "forward", (rotary.QWEN, "wrong(query_states, key_states, cos, sin)"), wrong=wrong
        )

    return Bug(model.subject, plant, label="Qwen3Model rotation")


@plants("rope.axes")
def ids_columns(draw: Draw) -> Bug:
    """Height and width exchanged where the table is made."""
    subject = draw.pick([transformers.flux2, transformers.flux])(draw)

    def plant(port: nn.Module) -> None:
        count = len(port.pos_embed.axes_dim)
        a, b = draw.pick([(1, 2)] if count == 3 else [(1, 2), (1, 2), (0, 3), (2, 3)])
        order = list(range(count))
        order[a], order[b] = order[b], order[a]
        rewrite(port.pos_embed, "forward", ("ids.float()", f"ids.float()[..., {order}]"))

    return Bug(subject, plant)


@plants("rope.axes")
def blocks_of_table(draw: Draw) -> Bug:
    """The axes' parts of the table concatenated in another order."""
    subject = draw.pick([transformers.flux2, transformers.flux])(draw)

    def plant(port: nn.Module) -> None:
        rewrite(
            port.pos_embed,
            "forward",
            ("torch.cat(cos_out, dim=-1)", "torch.cat(cos_out[::-1], dim=-1)"),
            ("torch.cat(sin_out, dim=-1)", "torch.cat(sin_out[::-1], dim=-1)"),
        )

    return Bug(subject, plant)
