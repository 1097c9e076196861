"""attention.scale, mask.*, layout.gqa_repeat, layout.heads"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from transformers.models.qwen3 import modeling_qwen3 as qwen

from mflux_reference.planted import subjects_blocks as blocks
from mflux_reference.planted import subjects_encoders as encoders
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.rewrite import replace_method, rewrite
from mflux_reference.planted.subject import Subject

INTERFACE = "    attention_interface: Callable"
ENDINGS = {
    "Qwen3Model": "self_attn",
    "CLIPTextModel": "self_attn",
    "SiglipVisionModel": "self_attn",
    "T5EncoderModel": "SelfAttention",
    "ViTModel": "attention",
    "ZImageTransformer2DModel": "attention",
}


def attentions(subject: Subject) -> list[str]:
    ending = ENDINGS.get(subject.label)
    return [
        path
        for path, module in subject.module.named_modules()
        if (
            path.rpartition(".")[2] == ending and hasattr(module, "config")
            if ending in ("self_attn", "SelfAttention")
            else False
        )
        or (hasattr(module, "processor") and hasattr(module, "to_out") and hasattr(module, "heads"))
        or (ending == "attention" and hasattr(module, "scaling"))
    ]


def parts_needed(subject: Subject, path: str) -> tuple[str, ...]:
    """Globs of the queries, keys and values; the attention's output must show too."""
    base = f"{subject.component}.{path}".rstrip(".") if path else subject.component
    module = subject.module.get_submodule(path)
    if hasattr(module, "to_qkv_mlp_proj"):
        return (f"{base}.to_qkv_mlp_proj", f"{base}.norm_q", f"{base}.norm_k")
    return (f"{base}.*q*", f"{base}.*k*", f"{base}.*v*")


SDPA = {
    "Flux2": ("attn_mask=attention_mask,", "attn_mask=attention_mask, scale=wrong,"),
    "FluxA": ("attn_mask=attention_mask,", "attn_mask=attention_mask, scale=wrong,"),
    "ZSing": ("attn_mask=attention_mask,", "attn_mask=attention_mask, scale=wrong,"),
    "AttnP": ("attn_mask=attention_mask, dropout_p=0.0", "attn_mask=attention_mask, dropout_p=0.0, scale=wrong"),
    "Joint": ("dropout_p=0.0, is_causal=False", "dropout_p=0.0, is_causal=False, scale=wrong"),
}


@plants("attention.scale")
def scale_of_processor(draw: Draw) -> Bug:
    """scale=1, or of the model's width, handed to the scaled dot product."""
    makers = [blocks.attention, blocks.basic_block, transformers.flux2, transformers.flux]
    subject = draw.pick([*makers, transformers.sd3, transformers.zimage, transformers.unet])(draw)
    path = draw.pick(attentions(subject))
    wrong_power = draw.pick([0.0, -1.0, "width", "double"])

    def plant(port: nn.Module) -> None:
        attention = port.get_submodule(path)
        width = getattr(attention, "inner_dim", None) or attention.heads
        size = width // attention.heads
        wrong = {"width": width**-0.5, "double": 2 * size**-0.5}.get(
            wrong_power, size**wrong_power if isinstance(wrong_power, float) else 0
        )
        kind = type(attention.processor).__name__[:5]
        rewrite(attention.processor, "__call__", SDPA[kind], wrong=wrong)

    return Bug(subject, plant, needs=parts_needed(subject, path))


@plants("attention.scale")
def scale_of_encoder(draw: Draw) -> Bug:
    subject = draw.pick([encoders.qwen3, encoders.clip, encoders.siglip, encoders.vit, encoders.t5])(draw)
    path = draw.pick(attentions(subject))
    factor = draw.pick([2.0, 0.5, 0.25, "one", "width"])

    def plant(port: nn.Module) -> None:
        attention = port.get_submodule(path)
        name = "scaling" if hasattr(attention, "scaling") else "scale"
        right = getattr(attention, name)
        size = getattr(attention, "head_dim", None) or attention.key_value_proj_dim
        if subject.label == "T5EncoderModel":
            wrong = size**-0.5  # T5 has none
        else:
            wrong = {"one": 1.0, "width": right / 2**0.5}.get(
                factor, right * factor if isinstance(factor, float) else 1
            )
        setattr(attention, name, wrong)

    return Bug(subject, plant, needs=parts_needed(subject, path))


def with_mask(attention: nn.Module, argument: str, change: Callable) -> None:
    """The attention's mask changed inside its forward: what came in is still the same."""
    right = type(attention).forward

    def forward(self: nn.Module, hidden_states: torch.Tensor, *args: object, **kwargs: object) -> object:
        kwargs[argument] = change(kwargs.get(argument), hidden_states)
        return right(self, hidden_states, *args, **kwargs)

    replace_method(attention, "forward", forward)


def additive(mask: torch.Tensor | None, x: torch.Tensor) -> torch.Tensor:
    if mask is None:
        return torch.zeros(1, 1, x.shape[1], x.shape[1], dtype=x.dtype)
    return (
        mask
        if mask.is_floating_point()
        else torch.zeros(mask.shape, dtype=x.dtype).masked_fill(~mask, torch.finfo(x.dtype).min)
    )


def triangle(x: torch.Tensor) -> torch.Tensor:
    size = x.shape[1]
    return torch.full((size, size), torch.finfo(x.dtype).min, dtype=x.dtype).triu(1)[None, None]


def without_causal(mask: torch.Tensor | None, x: torch.Tensor) -> torch.Tensor | None:
    """What the last row may see, all may."""
    return None if mask is None else mask[:, :, -1:].expand(-1, -1, mask.shape[2], -1)


def with_causal(mask: torch.Tensor | None, x: torch.Tensor) -> torch.Tensor:
    return torch.minimum(additive(mask, x), triangle(x))


@plants("mask.causal")
def causal_missing(draw: Draw) -> Bug:
    subject = draw.pick([encoders.qwen3, encoders.clip])(draw)
    path = draw.pick(attentions(subject))
    return Bug(
        subject,
        lambda port: with_mask(port.get_submodule(path), "attention_mask", without_causal),
        needs=parts_needed(subject, path),
    )


@plants("mask.causal")
def causal_too_many(draw: Draw) -> Bug:
    subject = draw.pick([encoders.t5, encoders.siglip])(draw)
    path = draw.pick(attentions(subject))
    argument = "mask" if subject.label == "T5EncoderModel" else "attention_mask"
    return Bug(
        subject,
        lambda port: with_mask(port.get_submodule(path), argument, with_causal),
        needs=parts_needed(subject, path),
    )


@plants("mask.causal")
def causal_in_processor(draw: Draw) -> Bug:
    subject = draw.pick([blocks.attention, blocks.basic_block, transformers.sd3])(draw)
    path = draw.pick(attentions(subject))

    def plant(port: nn.Module) -> None:
        rewrite(port.get_submodule(path).processor, "__call__", ("is_causal=False", "is_causal=True"))

    return Bug(subject, plant, needs=parts_needed(subject, path))


@plants("mask.padding")
def padding_of_qwen(draw: Draw) -> Bug:
    """Only the causal mask is left, in one layer."""
    subject = encoders.qwen3(draw, padded=True)
    path = draw.pick(attentions(subject))

    def only_causal(_mask: torch.Tensor | None, x: torch.Tensor) -> torch.Tensor:
        return triangle(x)

    return Bug(
        subject,
        lambda port: with_mask(port.get_submodule(path), "attention_mask", only_causal),
        needs=parts_needed(subject, path),
    )


@plants("mask.padding")
def padding_of_t5(draw: Draw) -> Bug:
    subject = encoders.t5(draw, padded=True)
    path = draw.pick(attentions(subject))
    return Bug(
        subject,
        lambda port: with_mask(port.get_submodule(path), "mask", lambda mask, x: torch.zeros_like(additive(mask, x))),
        needs=parts_needed(subject, path),
    )


@plants("mask.padding")
def padding_ignored(draw: Draw) -> Bug:
    """The port never hands the mask on: the first to show it is the attention of the first layer."""
    subject = draw.pick([encoders.qwen3, encoders.t5])(draw, padded=True)

    def plant(port: nn.Module) -> None:
        for path in attentions(subject):
            if subject.label == "Qwen3Model":
                with_mask(port.get_submodule(path), "attention_mask", lambda _mask, x: triangle(x))
            else:
                with_mask(port.get_submodule(path), "mask", lambda mask, x: torch.zeros_like(additive(mask, x)))

    return Bug(subject, plant, needs=parts_needed(subject, attentions(subject)[0]))


def tiled(x: torch.Tensor, count: int) -> torch.Tensor:
    return x.repeat(1, count, 1, 1)


@plants("layout.gqa_repeat")
def repeated_in_turn(draw: Draw) -> Bug:
    """mx.tile for mx.repeat of keys and values."""
    subject = encoders.qwen3(draw, kv=draw.integer(2, 3))
    path = draw.pick(attentions(subject))
    return Bug(subject, lambda port: plant_tile(port.get_submodule(path)), needs=parts_needed(subject, path))


def plant_tile(attention: nn.Module) -> None:
    def eager(
        module: nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
        scaling: float,
        **_: object,
    ) -> tuple:
        count = module.num_key_value_groups
        scores = query @ tiled(key, count).transpose(2, 3) * scaling
        scores = scores if mask is None else scores + mask
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
        return (weights @ tiled(value, count)).transpose(1, 2).contiguous(), weights

    rewrite(attention, "forward", ("attention_interface(\n", "wrong(\n"), wrong=eager)


@plants("layout.gqa_repeat")
def repeated_spots(draw: Draw) -> Bug:
    """The repeated keys are a checkpoint of their own."""
    subject = encoders.qwen3(draw, kv=draw.integer(2, 3))
    for path in attentions(subject):
        attention = subject.module.get_submodule(path)
        attention.repeated = nn.Identity()
        rewrite(
            attention,
            "forward",
            (INTERFACE, f"    self.repeated(repeat(key_states, self.num_key_value_groups))\n{INTERFACE}"),
            repeat=qwen.repeat_kv,
        )
    path = draw.pick(attentions(subject))

    def plant(port: nn.Module) -> None:
        plant_tile(port.get_submodule(path))
        rewrite(port.get_submodule(path), "forward", ("self.repeated(repeat(", "self.repeated(tile("), tile=tiled)

    return Bug(subject, plant, label="Qwen3Model repeated keys")


def inside_out_heads(x: torch.Tensor, shape: tuple) -> torch.Tensor:
    return x.view(*shape[:-2], shape[-1], -1).transpose(-1, -2)


def heads_first(x: torch.Tensor, shape: tuple) -> torch.Tensor:
    return x.view(shape[0], -1, shape[1], shape[-1]).transpose(1, 2)


@plants("layout.heads")
def heads_split_inside_out(draw: Draw) -> Bug:
    """[B, T, D, H] for [B, T, H, D] in the query; its norm sees it first."""
    subject = draw.pick([transformers.flux2, transformers.flux, transformers.zimage, encoders.qwen3])(draw)
    path = draw.pick(attentions(subject))
    name = draw.pick(["query", "key"])

    def plant(port: nn.Module) -> None:
        attention = port.get_submodule(path)
        if subject.label == "Qwen3Model":
            part = f"self.{name[0]}_proj(hidden_states).view(hidden_shape)"
            new = f"wrong(self.{name[0]}_proj(hidden_states), hidden_shape)"
            rewrite(attention, "forward", (part, new), wrong=inside_out_heads)
            return
        unflatten = "(attn.heads, -1)" if subject.label.startswith("ZImage") else "(-1, attn.head_dim)"
        swapped = "(-1, attn.heads)" if subject.label.startswith("ZImage") else "(attn.head_dim, -1)"
        old = f"{name} = {name}.unflatten(-1, {unflatten})"
        rewrite(
            attention.processor,
            "__call__",
            (old, f"{name} = {name}.unflatten(-1, {swapped}).transpose(-1, -2).contiguous()"),
        )

    return Bug(subject, plant)


@plants("layout.heads")
def heads_before_tokens(draw: Draw) -> Bug:
    """reshape(B, heads, tokens, d) where a transpose belongs, in the query."""
    subject = draw.pick([transformers.sd3, encoders.qwen3, blocks.attention])(draw)
    path = draw.pick(attentions(subject))
    module = subject.module.get_submodule(path)
    name = "query" if subject.label == "Qwen3Model" or module.norm_q is not None else None

    def plant(port: nn.Module) -> None:
        attention = port.get_submodule(path)
        if subject.label == "Qwen3Model":
            part = "self.q_proj(hidden_states).view(hidden_shape)"
            new = "wrong(self.q_proj(hidden_states), hidden_shape)"
            rewrite(attention, "forward", (part, new), wrong=heads_first)
            return
        old = "query = query.view(batch_size, -1, attn.heads, head_dim).transpose(1, 2)"
        rewrite(attention.processor, "__call__", (old, "query = query.reshape(batch_size, attn.heads, -1, head_dim)"))

    return Bug(subject, plant, needs=parts_needed(subject, path) if name is None else ())


@plants("layout.heads")
def heads_joined_wrong(draw: Draw) -> Bug:
    """The output [B, H, T, D] reshaped without its transpose, or joined as [D, H]."""
    makers = [
        transformers.flux2,
        transformers.sd3,
        transformers.zimage,
        blocks.attention,
        encoders.clip,
        encoders.qwen3,
    ]
    subject = draw.pick([*makers, encoders.siglip])(draw)
    path = draw.pick(attentions(subject))
    inside_out = draw.chance(0.5)

    def wrong(x: torch.Tensor, *_: object) -> torch.Tensor:
        """x is [B, T, H, D]"""
        return x.transpose(2, 3).flatten(2) if inside_out else x.transpose(1, 2).reshape(*x.shape[:2], -1)

    def plant(port: nn.Module) -> None:
        attention = port.get_submodule(path)
        if hasattr(attention, "processor"):
            source = {
                "Attn": "hidden_states.transpose(1, 2).reshape(batch_size, -1, attn.heads * head_dim)",
                "Join": "hidden_states.transpose(1, 2).reshape(batch_size, -1, attn.heads * head_dim)",
            }.get(type(attention.processor).__name__[:4])
            if source:
                rewrite(attention.processor, "__call__", (source, "wrong(hidden_states.transpose(1, 2))"), wrong=wrong)
            else:
                rewrite(
                    attention.processor,
                    "__call__",
                    ("hidden_states.flatten(2, 3)", "wrong(hidden_states)"),
                    wrong=wrong,
                )
            return
        rewrite(
            attention,
            "forward",
            ("attn_output.reshape(*input_shape, -1).contiguous()", "wrong(attn_output)"),
            wrong=wrong,
        )

    return Bug(subject, plant)


@plants("layout.heads")
def fused_qkv_interleaved(draw: Draw) -> Bug:
    """The fused projection read as [H, 3, D] for [3, H, D]."""
    subject = transformers.flux2(draw)
    paths = [path for path in attentions(subject) if "single" in path]
    path = draw.pick(paths)

    def wrong(qkv: torch.Tensor, attn: nn.Module) -> tuple:
        return tuple(part.flatten(-2) for part in qkv.unflatten(-1, (attn.heads, 3, attn.head_dim)).unbind(-2))

    def plant(port: nn.Module) -> None:
        rewrite(
            port.get_submodule(path).processor, "__call__", ("qkv.chunk(3, dim=-1)", "wrong(qkv, attn)"), wrong=wrong
        )

    return Bug(subject, plant, label="Flux2 fused qkv", needs=(f"{subject.component}.{path}.to_qkv_mlp_proj",))
