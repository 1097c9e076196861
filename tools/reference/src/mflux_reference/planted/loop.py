"""A denoising run in small: noise, schedule, prediction with guidance, update, decoding; every line can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
)
from torch import nn

from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.subject import Subject, dtype_of, randomize
from mflux_reference.recorder import Capture

Tensor = torch.Tensor


@dataclass
class Lines:
    """The lines of the pipeline. A bug replaces one of them; None is the right one."""

    latents: Callable[[Tensor], Tensor] = lambda x: x
    schedule: Callable[[Any], None] = lambda scheduler: None
    timestep: Callable[[Tensor, int, Tensor], Tensor] = lambda t, step, all_steps: t
    guide: Callable[[Tensor, Tensor, float], Tensor] = lambda cond, uncond, g: uncond + g * (cond - uncond)
    prediction: Callable[[Tensor], Tensor] = lambda pred: pred
    halves: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = lambda cond, uncond: (cond, uncond)
    update: Callable[[Any, Tensor, int, Tensor, Tensor], Tensor] | None = None
    unpack: Callable[[Tensor, int, int], Tensor] = lambda x, h, w: x.transpose(1, 2).unflatten(2, (h, w))
    unpatchify: Callable[[Tensor], Tensor] = Flux2KleinPipeline._unpatchify_latents
    pack: Callable[[Tensor], Tensor] = lambda x: x.flatten(2).transpose(1, 2)
    scale: Callable[[Tensor, float], Tensor] = lambda z, factor: z / factor
    decoded: Callable[[Tensor], Tensor] = lambda image: image
    guidance_factor: float = 1.0


@dataclass
class Loop:
    kind: str  # flow | ddim | euler
    steps: int
    guidance: float | None
    noise: Tensor
    scheduler: Callable[[], Any]
    size: tuple[int, int]
    inputs: dict[str, Tensor] = field(default_factory=dict)
    factor: float = 0.18215

    def run(self, model: nn.Module, capture: Capture, lines: Lines) -> None:
        denoiser, dtype = model["denoiser"], dtype_of(model)
        scheduler = self.scheduler()
        lines.schedule(scheduler)
        capture.record("prompt_embeds", self.inputs["cond"].to(dtype))
        if self.guidance is not None:
            capture.record("negative_prompt_embeds", self.inputs["uncond"].to(dtype))
        latents = lines.latents(self.noise).to(dtype)
        capture.record("latents_initial", latents)
        if self.kind == "flow":
            latents = capture.record("latents_packed", lines.pack(latents))
        elif self.kind == "euler":
            latents = latents * scheduler.init_noise_sigma
        if getattr(scheduler, "sigmas", None) is not None:
            capture.record("sigmas", scheduler.sigmas)
        capture.record("timesteps", scheduler.timesteps)
        latents = self._steps(denoiser, capture, lines, scheduler, latents)
        self._decode(model, capture, lines, latents)

    def _steps(self, denoiser: nn.Module, capture: Capture, lines: Lines, scheduler: Any, latents: Tensor) -> Tensor:
        for index, t in enumerate(scheduler.timesteps):
            capture.step(index + 1)
            given = lines.timestep(t.expand(latents.shape[0]), index, scheduler.timesteps)
            capture.record("timestep", given)
            pred = self._predict(denoiser, capture, lines, scheduler, latents, given, t)
            pred = capture.record("noise_pred", lines.prediction(pred))
            if lines.update is None:
                latents = scheduler.step(pred, t, latents, return_dict=False)[0]
            else:
                latents = lines.update(scheduler, pred, index, t, latents).to(latents.dtype)
            capture.record("latents", latents)
        capture.step(None)
        return latents

    def _predict(
        self, denoiser: nn.Module, capture: Capture, lines: Lines, scheduler: Any, x: Tensor, given: Tensor, t: Tensor
    ) -> Tensor:
        def predicted(words: str) -> Tensor:
            text = self.inputs[words].to(x.dtype)
            if self.kind == "flow":
                times = (given / 1000).to(x.dtype) if given.is_floating_point() else given
                return denoiser(
                    hidden_states=x, encoder_hidden_states=text, timestep=times, img_ids=self.inputs["img_ids"],
                    txt_ids=self.inputs["txt_ids"], return_dict=False,
                )[0]  # fmt: skip
            return denoiser(scheduler.scale_model_input(x, t), given, text, return_dict=False)[0]

        if self.guidance is None:
            return predicted("cond")
        cond, uncond = lines.halves(predicted("cond"), predicted("uncond"))
        capture.record("noise_pred_cond", cond)
        capture.record("noise_pred_uncond", uncond)
        return lines.guide(cond, uncond, self.guidance * lines.guidance_factor)

    def _decode(self, model: nn.Module, capture: Capture, lines: Lines, latents: Tensor) -> None:
        if self.kind == "flow":
            latents = capture.record("latents_unpacked", lines.unpack(latents, *self.size))
        latents = capture.record("latents_scaled", lines.scale(latents, self.factor))
        if self.kind == "flow":
            latents = capture.record("latents_unpatchified", lines.unpatchify(latents))
        capture.record("decoded", lines.decoded(model["vae"].decode(latents, return_dict=False)[0]))


def loop(
    draw: Draw, *, guided: bool | None = None, kind: str | None = None, coarse: bool | None = None
) -> tuple[Subject, Loop]:
    """Coarse: only what a script's own savez lines would hold; else every module too."""
    kind = kind or draw.pick(["flow", "flow", "ddim", "euler"])
    guided = draw.chance(0.5) if guided is None else guided
    made = flow_loop(draw, guided) if kind == "flow" else unet_loop(draw, guided, kind)
    subject, run = made
    subject.tapped = draw.chance(0.15) if coarse is None else not coarse
    subject.call = lambda model, capture: run.run(model, capture, Lines())
    return subject, run


def guidance_of(draw: Draw, guided: bool) -> float | None:
    return round(draw.uniform(1.5, 7.5), 1) if guided else None


def tiny_vae(draw: Draw, channels: int, factor: float) -> nn.Module:
    widths = (4 * draw.integer(1, 2), 8)
    return AutoencoderKL(
        block_out_channels=widths, latent_channels=channels, norm_num_groups=4, sample_size=16, scaling_factor=factor,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip


def flow_loop(draw: Draw, guided: bool) -> tuple[Subject, Loop]:
    subject = transformers.flux2(draw, batch=1)
    model = subject.module
    config = dict(model.config)
    channels = 4 * draw.integer(1, 3)
    config.update(in_channels=channels, out_channels=None, guidance_embeds=False, num_layers=1, num_single_layers=1)
    denoiser = type(model).from_config(config)
    factor = draw.pick([0.18215, 0.3611, 0.13025])
    modules = nn.ModuleDict({"denoiser": denoiser, "vae": tiny_vae(draw, channels // 4, factor)})
    size = (draw.integer(2, 5), draw.integer(2, 5))
    batch, words, joint = draw.integer(1, 2), draw.integer(3, 8), config["joint_attention_dim"]
    text = draw.normal(batch, words, joint)
    columns = len(config["axes_dims_rope"])
    noise = draw.normal(batch, channels, *size)
    steps, shift = draw.integer(3, 6), draw.pick([1.5, 3.0, 6.0])

    def scheduler() -> FlowMatchEulerDiscreteScheduler:
        made = FlowMatchEulerDiscreteScheduler(shift=shift)
        made.set_timesteps(steps)
        return made

    run = Loop(
        "flow", steps, guidance_of(draw, guided), noise, scheduler, size, factor=factor,
        inputs={
            "cond": text,
            "uncond": draw.normal(batch, words, joint),
            "img_ids": Flux2KleinPipeline._prepare_latent_ids(noise)[..., :columns],
            "txt_ids": Flux2KleinPipeline._prepare_text_ids(text)[..., -columns:],
        },
    )  # fmt: skip
    return Subject("model", randomize(modules, draw), lambda *_: None, name="flow match loop"), run


def unet_loop(draw: Draw, guided: bool, kind: str) -> tuple[Subject, Loop]:
    subject = transformers.unet(draw)
    model = subject.module
    factor = draw.pick([0.18215, 0.13025])
    modules = nn.ModuleDict({"denoiser": model, "vae": tiny_vae(draw, 4, factor)})
    batch, words, cross = draw.integer(1, 2), draw.integer(3, 8), model.config.cross_attention_dim
    size = (8, draw.pick([8, 12]))
    steps = draw.integer(3, 6)
    cls = DDIMScheduler if kind == "ddim" else EulerDiscreteScheduler
    options = {"steps_offset": 1, "clip_sample": False} if kind == "ddim" else {}

    def scheduler() -> Any:
        made = cls(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", **options)
        made.set_timesteps(steps)
        return made

    run = Loop(
        kind, steps, guidance_of(draw, guided), draw.normal(batch, 4, *size), scheduler, size, factor=factor,
        inputs={"cond": draw.normal(batch, words, cross), "uncond": draw.normal(batch, words, cross)},
    )  # fmt: skip
    return Subject("model", randomize(modules, draw), lambda *_: None, name=f"{kind} loop"), run
