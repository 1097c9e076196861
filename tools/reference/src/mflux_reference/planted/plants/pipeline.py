"""timestep.*, scheduler.*, cfg.*, rng.*, and layouts and constants of a whole run"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from mflux_reference.planted import subjects_blocks as blocks
from mflux_reference.planted import subjects_encoders as encoders
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.loop import Lines, Loop, loop
from mflux_reference.planted.subject import Subject, calling
from mflux_reference.planted.subjects import subject_with

Tensor = torch.Tensor


def looped(subject: Subject, run: Loop, label: str = "", **lines: object) -> Bug:
    wrong = Lines(**lines)  # type: ignore[arg-type]
    return Bug(subject, port_call=lambda model, capture: run.run(model, capture, wrong), label=label)


def next_timestep(t: Tensor, index: int, every: Tensor) -> Tensor:
    return every[min(index + 1, len(every) - 1)].expand(t.shape)


@plants("scheduler.offset")
def timestep_of_next_step(draw: Draw) -> Bug:
    return looped(*loop(draw), timestep=next_timestep)


def flow_update(ahead: int) -> Callable:
    """latents + (sigmas[k + 1] - sigmas[k]) · prediction, with another k."""

    def update(scheduler: Any, pred: Tensor, index: int, _t: Tensor, latents: Tensor) -> Tensor:
        sigmas = scheduler.sigmas
        at = min(max(index + ahead, 0), len(sigmas) - 2)
        return latents.float() + (sigmas[at + 1] - sigmas[at]) * pred.float()

    return update


@plants("scheduler.offset")
def sigma_of_another_step(draw: Draw) -> Bug:
    """dt of the next or the previous step."""
    subject, run = loop(draw, kind="flow")
    return looped(subject, run, update=flow_update(draw.pick([1, -1])))


@plants("scheduler.offset")
def euler_of_another_step(draw: Draw) -> Bug:
    subject, run = loop(draw, kind="euler")

    def update(scheduler: Any, pred: Tensor, index: int, _t: Tensor, latents: Tensor) -> Tensor:
        sigmas = scheduler.sigmas
        at = min(index + 1, len(sigmas) - 2)
        return latents.float() + (sigmas[at + 1] - sigmas[at]) * pred.float()

    return looped(subject, run, update=update)


def unshifted(scheduler: Any) -> None:
    count = len(scheduler.timesteps)
    scheduler.sigmas = torch.cat([torch.linspace(1, 1 / count, count), torch.zeros(1)])
    scheduler.timesteps = scheduler.sigmas[:-1] * 1000


def no_end(scheduler: Any) -> None:
    """linspace(1, 0, steps + 1), shifted: another end."""
    count = len(scheduler.timesteps)
    x = torch.linspace(1, 0, count + 1)
    scheduler.sigmas = scheduler.config.shift * x / (1 + (scheduler.config.shift - 1) * x)
    scheduler.timesteps = scheduler.sigmas[:-1] * 1000


def other_shift(scheduler: Any) -> None:
    sigmas = scheduler.sigmas
    scheduler.sigmas = 2 * sigmas / (1 + sigmas)
    scheduler.timesteps = scheduler.sigmas[:-1] * 1000


@plants("scheduler.sigmas")
def flow_schedule(draw: Draw) -> Bug:
    subject, run = loop(draw, kind="flow")
    return looped(subject, run, schedule=draw.pick([unshifted, no_end, other_shift]))


@plants("scheduler.sigmas")
def beta_schedule(draw: Draw) -> Bug:
    """Linear betas for scaled_linear; another spacing of the timesteps."""
    subject, run = loop(draw, kind="euler")
    wrong = draw.pick([{"beta_schedule": "linear"}, {"timestep_spacing": "trailing"}])

    def schedule(scheduler: Any) -> None:
        made = type(scheduler).from_config({**scheduler.config, **wrong})
        made.set_timesteps(len(scheduler.timesteps))
        scheduler.__dict__.update(made.__dict__)

    return looped(subject, run, schedule=schedule)


@plants("scheduler.update")
def flow_combination(draw: Draw) -> Bug:
    subject, run = loop(draw, kind="flow")
    kind = draw.pick(["minus", "whole", "average"])

    def update(scheduler: Any, pred: Tensor, index: int, _t: Tensor, latents: Tensor) -> Tensor:
        sigma, after = scheduler.sigmas[index], scheduler.sigmas[index + 1]
        dt = after - sigma
        x = latents.float()
        if kind == "minus":
            return x - dt * pred.float()
        if kind == "whole":
            return x - pred.float() / len(scheduler.timesteps) ** 0.5
        return (1 - sigma) * x + dt * pred.float()

    return looped(subject, run, update=update)


@plants("scheduler.update")
def ddim_combination(draw: Draw) -> Bug:
    """Without the roots of the alphas, or the prediction taken for the image."""
    subject, run = loop(draw, kind="ddim")
    kind = draw.pick(["roots", "image"])

    def update(scheduler: Any, pred: Tensor, index: int, t: Tensor, latents: Tensor) -> Tensor:
        alphas = scheduler.alphas_cumprod
        before = int(t) - 1000 // len(scheduler.timesteps)
        a = alphas[int(t)]
        b = alphas[before] if before >= 0 else scheduler.final_alpha_cumprod
        x, e = latents.float(), pred.float()
        if kind == "roots":
            return b * (x - (1 - a) * e) / a + (1 - b) * e
        return b**0.5 * e + (1 - b) ** 0.5 * (x - a**0.5 * e) / (1 - a) ** 0.5

    return looped(subject, run, update=update)


@plants("cfg.swapped")
def guidance_turned_round(draw: Draw) -> Bug:
    return looped(*loop(draw, guided=True), guide=lambda cond, uncond, g: cond + g * (uncond - cond))


@plants("cfg.swapped")
def halves_exchanged(draw: Draw) -> Bug:
    """cond, uncond = split(...) the wrong way round: both are dumped under the other's name."""
    return looped(*loop(draw, guided=True), label="halves", halves=lambda cond, uncond: (uncond, cond))


@plants("cfg.scale")
def other_guidance(draw: Draw) -> Bug:
    return looped(*loop(draw, guided=True), guidance_factor=draw.pick([0.5, 0.8, 1.5, 2.0]))


@plants("cfg.scale")
def guidance_from_cond(draw: Draw) -> Bug:
    return looped(*loop(draw, guided=True), guide=lambda cond, uncond, g: cond + g * (cond - uncond))


@plants("timestep.rounded")
def timestep_of_loop_rounded(draw: Draw) -> Bug:
    kind = draw.pick([torch.bfloat16, torch.bfloat16, torch.float16, torch.int64])
    return looped(*loop(draw, kind="flow"), timestep=lambda t, _i, _all: t.to(kind).to(t.dtype))


def times(draw: Draw) -> tuple[Subject, Tensor]:
    """Transformers given several timesteps at once."""
    batch = draw.integer(1, 3)
    kind = draw.pick(["sd3", "flux", "embedding"])
    if kind == "embedding":
        subject = blocks.time_text(draw)
        values = torch.rand(batch, generator=draw.generator) * 999
        pooled = draw.normal(batch, 10)
        subject.call = calling_timestep(lambda t: {"timestep": t, "pooled_projection": pooled}, values)
        return subject, values
    subject = getattr(transformers, kind)(draw)
    values = torch.rand(1, generator=draw.generator) * (999 if kind == "sd3" else 1)
    right = subject.call
    subject.call = with_timestep(right, values)
    return subject, values


def calling_timestep(arguments: Callable[[Tensor], dict], values: Tensor) -> Callable:
    return calling(**arguments(values), keep=("timestep",))


def with_timestep(call: Callable, values: Tensor) -> Callable:
    """Runs a model with its argument `timestep` replaced before its forward sees it."""

    def run(model: nn.Module, capture: Any) -> Any:
        def before(_module: nn.Module, args: tuple, kwargs: dict) -> tuple:
            given = kwargs["timestep"]
            return args, {**kwargs, "timestep": values.to(given.device).expand(given.shape[0])}

        handle = model.register_forward_pre_hook(before, with_kwargs=True, prepend=True)
        try:
            return call(model, capture)
        finally:
            handle.remove()

    return run


@plants("timestep.rounded")
def timestep_of_model_rounded(draw: Draw) -> Bug:
    subject, values = times(draw)
    kind = draw.pick(
        [torch.bfloat16, torch.float16] if values.max() <= 1 else [torch.bfloat16, torch.float16, torch.int64]
    )
    wrong = values.to(kind).float()
    return Bug(subject, port_call=with_timestep(subject.call, wrong), label=f"{subject.label} timestep", invisible=True)


SCALES: dict[str, Callable[[Tensor], Tensor]] = {
    "times 1000": lambda t: t * 1000,
    "over 1000": lambda t: t / 1000,
    "1 - t": lambda t: 1 - t,
    "1000 - t": lambda t: 1000 - t,
}


@plants("timestep.scale")
def timestep_of_model_scaled(draw: Draw) -> Bug:
    subject, values = times(draw)
    small = float(values.max()) <= 1
    name = draw.pick(["times 1000", "1 - t"] if small else ["over 1000", "1000 - t"])
    wrong = SCALES[name](values)
    return Bug(subject, port_call=with_timestep(subject.call, wrong), label=f"{subject.label} timestep")


@plants("timestep.scale")
def timestep_of_loop_scaled(draw: Draw) -> Bug:
    change = draw.pick([SCALES["over 1000"], SCALES["1000 - t"], SCALES["times 1000"]])
    return looped(*loop(draw, kind="flow"), timestep=lambda t, _i, _all: change(t))


@plants("rng.mismatch")
def other_noise(draw: Draw) -> Bug:
    """The same seed in another library."""
    subject, run = loop(draw)
    other = draw.normal(*run.noise.shape)
    return looped(subject, run, latents=lambda x: other)


@plants("rng.mismatch")
def sampled_posterior(draw: Draw) -> Bug:
    """A model's noisy input drawn anew."""
    subject = transformers.sd3(draw)
    right = subject.call

    def call(model: nn.Module, capture: Any) -> Any:
        def before(_module: nn.Module, args: tuple, kwargs: dict) -> tuple:
            given = kwargs["hidden_states"]
            return args, {**kwargs, "hidden_states": other.to(given.dtype).reshape(given.shape)}

        handle = model.register_forward_pre_hook(before, with_kwargs=True, prepend=True)
        try:
            return right(model, capture)
        finally:
            handle.remove()

    count = []

    def note(_module: nn.Module, _args: tuple, kwargs: dict) -> None:
        count.append(kwargs["hidden_states"].shape)

    handle = subject.module.register_forward_pre_hook(note, with_kwargs=True)
    with torch.no_grad():
        right(subject.module, None)  # type: ignore[arg-type]
    handle.remove()
    other = draw.normal(*count[0])
    return Bug(subject, port_call=call, label="SD3 noise")


@plants("rng.dropout")
def dropout_in_module(draw: Draw) -> Bug:
    """nn.Dropout in training mode."""
    subject, path = subject_with(draw, lambda _path, module: isinstance(module, nn.Dropout))
    probability = draw.pick([0.1, 0.2, 0.5])

    def plant(port: nn.Module) -> None:
        module = port.get_submodule(path)
        module.p = probability
        module.train()

    return Bug(subject, plant)


@plants("rng.dropout")
def dropout_of_attention(draw: Draw) -> Bug:
    """Every dropout of a model, as after model.train()."""
    subject = draw.pick([blocks.feed_forward, transformers.flux2, transformers.sd3, encoders.t5])(draw)

    def plant(port: nn.Module) -> None:
        for module in port.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.1
                module.train()

    return Bug(subject, plant, label=f"{subject.label} train()")


@plants("sign.flip")
def prediction_negated(draw: Draw) -> Bug:
    return looped(*loop(draw), prediction=lambda pred: -pred)


@plants("scale.constant")
def latents_not_scaled(draw: Draw) -> Bug:
    """z · factor for z / factor, or neither."""
    return looped(*loop(draw), scale=draw.pick([lambda z, factor: z * factor, lambda z, factor: z]))


@plants("layout.permute")
def decoded_channels_last(draw: Draw) -> Bug:
    return looped(*loop(draw), label="decoded NHWC", decoded=lambda image: image.permute(0, 2, 3, 1).contiguous())


@plants("layout.permute")
def latents_channels_last(draw: Draw) -> Bug:
    """Read as [B, h, w, C] and named [B, C, h, w]."""
    subject, run = loop(draw)
    _, channels, height, width = run.noise.shape
    wrong = draw.pick([
        lambda x: x.reshape(-1, height, width, channels).permute(0, 3, 1, 2).contiguous(),
        lambda x: x.permute(0, 2, 3, 1).reshape(x.shape),
    ])  # fmt: skip
    return looped(subject, run, label="latents_initial", latents=wrong)


@plants("layout.patch_order")
def unpatchified_inside_out(draw: Draw) -> Bug:
    """p, p, C for C, p, p."""

    def wrong(x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        parts = x.reshape(batch, 2, 2, channels // 4, height, width)
        return parts.permute(0, 3, 4, 1, 5, 2).reshape(batch, channels // 4, 2 * height, 2 * width)

    subject, run = loop(draw, kind="flow")
    return looped(subject, run, label="latents_unpatchified", unpatchify=wrong)


@plants("layout.patch_order")
def packed_by_columns(draw: Draw) -> Bug:
    """Tokens column by column."""
    subject, run = loop(draw, kind="flow")
    return looped(subject, run, label="latents_packed", pack=lambda x: x.transpose(2, 3).flatten(2).transpose(1, 2))
