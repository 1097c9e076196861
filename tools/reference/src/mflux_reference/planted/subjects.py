"""All subjects, by what they hold."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from mflux_reference.planted import subjects_blocks as blocks
from mflux_reference.planted import subjects_encoders as encoders
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted import subjects_vae as vae
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.subject import Subject

MAKERS: tuple[Callable[[Draw], Subject], ...] = (
    transformers.flux2,
    transformers.flux,
    transformers.sd3,
    transformers.zimage,
    transformers.unet,
    vae.decoder,
    vae.encoder,
    encoders.qwen3,
    encoders.clip,
    encoders.t5,
    encoders.siglip,
    encoders.vit,
    blocks.feed_forward,
    blocks.attention,
    blocks.basic_block,
    blocks.ada_zero,
    blocks.ada_continuous,
    blocks.ada_norm,
    blocks.norms,
    blocks.resnet,
    blocks.upsample,
    blocks.downsample,
    blocks.patch_embed,
    blocks.time_text,
    blocks.time_embedding,
)


def any_subject(draw: Draw) -> Subject:
    return draw.pick(MAKERS)(draw)


def subject_with(draw: Draw, wanted: Callable[[str, nn.Module], bool]) -> tuple[Subject, str]:
    """A subject with a module that `wanted` takes, and that module's path."""
    for maker in draw.shuffled(MAKERS):
        subject = maker(draw)
        paths = [path for path, module in subject.module.named_modules() if wanted(path, module)]
        if paths:
            return subject, draw.pick(paths)
    raise ValueError("no subject has such a module")
