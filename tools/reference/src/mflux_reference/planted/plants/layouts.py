"""layout.permute, layout.patch_order inside models"""

from __future__ import annotations

from torch import nn

from mflux_reference.planted import subjects_blocks as blocks
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted import subjects_vae as vae
from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.rewrite import rewrite
from mflux_reference.planted.subject import Subject, calling


@plants("layout.permute")
def tokens_reinterpreted(draw: Draw) -> Bug:
    """[B, C, H, W] reshaped to tokens without its permute, before a UNet's transformer."""
    subject = transformers.unet(draw)
    found = [path for path, module in subject.module.named_modules() if type(module).__name__ == "Transformer2DModel"]
    path = draw.pick(found)
    old = "hidden_states.permute(0, 2, 3, 1).reshape(batch, height * width, inner_dim)"

    def plant(port: nn.Module) -> None:
        new = "hidden_states.reshape(batch, height * width, inner_dim)"
        rewrite(port.get_submodule(path), "_operate_on_continuous_inputs", (old, new))

    return Bug(subject, plant, label="UNet tokens")


@plants("layout.permute")
def attention_of_vae(draw: Draw) -> Bug:
    """The same in a VAE's attention."""
    subject = vae.vae(draw)
    path = next(
        path
        for path, _ in subject.module.named_modules()
        if path.endswith("mid_block.attentions.0") and path.startswith(way_of(subject))
    )

    def plant(port: nn.Module) -> None:
        old = "hidden_states.view(batch_size, channel, height * width).transpose(1, 2)"
        rewrite(
            port.get_submodule(path).processor,
            "__call__",
            (old, "hidden_states.reshape(batch_size, height * width, channel)"),
        )

    return Bug(subject, plant, label="VAE attention")


def way_of(subject: Subject) -> str:
    """Which half the subject runs."""
    called = []
    handles = [
        getattr(subject.module, half).register_forward_pre_hook(lambda *_, half=half: called.append(half))
        for half in ("encoder", "decoder")
    ]
    subject.call(subject.module, None)  # type: ignore[arg-type]
    for handle in handles:
        handle.remove()
    return called[0]


@plants("layout.permute")
def rows_for_columns(draw: Draw) -> Bug:
    """Height and width exchanged on the way in."""
    subject = vae.vae(draw)
    half = way_of(subject)

    def plant(port: nn.Module) -> None:
        rewrite(getattr(port, half), "forward", ("self.conv_in(sample)", "self.conv_in(sample.transpose(2, 3))"))

    return Bug(subject, plant, label="VAE transposed")


@plants("layout.patch_order")
def patches_of_zimage(draw: Draw) -> Bug:
    """Channels first inside a patch where the reference has them last."""
    subject = transformers.zimage(draw)

    def plant(port: nn.Module) -> None:
        order = draw_order
        rewrite(port, "_patchify_image", ("image.permute(1, 3, 5, 2, 4, 6, 0)", f"image.permute({order})"))

    draw_order = draw.pick(["1, 3, 5, 0, 2, 4, 6", "1, 3, 5, 2, 6, 4, 0"])
    return Bug(subject, plant, label="Z-Image patchify")


@plants("layout.patch_order")
def unpatched_sd3(draw: Draw) -> Bug:
    """The output's patches joined as c, p, q for p, q, c, or p and q exchanged."""
    subject = transformers.sd3(draw)
    old = "nhwpqc->nchpwq"
    inside = draw.chance(0.5)

    def plant(port: nn.Module) -> None:
        if inside:
            shape = "height, width, patch_size, patch_size, self.out_channels)"
            rewrite(
                port,
                "forward",
                (shape, "height, width, self.out_channels, patch_size, patch_size)"),
                (old, "nhwcpq->nchpwq"),
            )
        else:
            rewrite(port, "forward", (old, "nhwpqc->nchqwp"))

    return Bug(subject, plant, label="SD3 unpatchify")


@plants("layout.patch_order")
def unpatched_zimage(draw: Draw) -> Bug:
    subject = transformers.zimage(draw)

    def plant(port: nn.Module) -> None:
        old = ".permute(6, 0, 3, 1, 4, 2, 5)\n                .reshape(self.out_channels, F, H, W)"
        new = ".permute(6, 0, 3, 1, 5, 2, 4)\n                .reshape(self.out_channels, F, H, W)"
        rewrite(port, "unpatchify", (old, new))

    return Bug(subject, plant, label="Z-Image unpatchify")


@plants("layout.patch_order")
def pixel_unshuffle(draw: Draw) -> Bug:
    """nn.PixelShuffle with channels inside the patch."""
    factor, channels = 2, draw.integer(2, 5)
    model = nn.Sequential(nn.PixelShuffle(factor), nn.Conv2d(channels, 4, 3, padding=1))
    x = draw.normal(draw.integer(1, 2), channels * factor**2, draw.integer(3, 6), draw.integer(3, 6))
    subject = Subject("upscale", blocks.randomize(model, draw), calling(x))

    def plant(port: nn.Module) -> None:
        def forward(self: nn.Module, x):
            batch, _, height, width = x.shape
            parts = x.reshape(batch, factor, factor, channels, height, width)
            return parts.permute(0, 3, 4, 1, 5, 2).reshape(batch, channels, factor * height, factor * width)

        blocks_replace(port[0], forward)

    return Bug(subject, plant, label="PixelShuffle", needs=("upscale.*",))


def blocks_replace(module: nn.Module, forward: object) -> None:
    from mflux_reference.planted.rewrite import replace_method

    replace_method(module, "forward", forward)
