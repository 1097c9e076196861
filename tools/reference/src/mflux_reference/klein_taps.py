"""The pipeline's own checkpoints in a run of diffusers' Flux2KleinPipeline, seen from outside its source.

__call__ goes: encode_prompt, prepare_latents, set_timesteps, then per step the transformer (twice with guidance) and
scheduler.step, then _unpack_latents_with_ids, the batch-norm scaling, _unpatchify_latents, vae.decode, postprocess.
Each of these is replaced on the instance by a function that records and calls the original.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from diffusers import AutoencoderKLFlux2, Flux2KleinPipeline

from mflux_reference.recorder import Capture

IMAGE_AXES = ["batch", "channel", "height", "width"]
TOKEN_AXES = ["batch", "token", "channel"]
ID_AXES = ["batch", "token"]


def tap_pipeline(pipe: Flux2KleinPipeline, capture: Capture, *, inputs: bool = False) -> None:
    """Everything but the modules: ids, embeddings, latents, schedule, predictions, pixels."""
    tap_prompt(pipe, capture)
    tap_latents(pipe, capture)
    tap_loop(pipe, capture, inputs=inputs)
    tap_pixels(pipe, capture)


def tap_vae_methods(vae: AutoencoderKLFlux2, capture: Capture, *, inputs: bool | None = None) -> None:
    """vae.encode (its output is the mean) and vae.decode, which are methods and have no hooks."""
    capture.add_method("vae.encode", vae, "encode", inputs=inputs, output=lambda result: result.latent_dist.mode())
    capture.add_method("vae.decode", vae, "decode", inputs=inputs)


def tap_prompt(pipe: Flux2KleinPipeline, capture: Capture) -> None:
    seen: list[str] = []

    def ids(arguments: dict[str, Any]) -> None:
        if not seen:
            capture.record("input_ids", arguments["input_ids"], axes=ID_AXES)
            capture.record("attention_mask", arguments["attention_mask"], axes=ID_AXES)

    def embeddings(result: tuple) -> None:
        seen.append("prompt_embeds" if not seen else "negative_prompt_embeds")
        capture.record(seen[-1], result[0], axes=TOKEN_AXES)

    capture.on_forward(pipe.text_encoder, ids)
    _after(capture, pipe, "encode_prompt", embeddings)


def tap_latents(pipe: Flux2KleinPipeline, capture: Capture) -> None:
    """latents_packed as the loop gets them, image_latents of all reference pictures; latents_scaled is after the
    batch-norm statistics, before unpatchify."""

    def packed(result: tuple) -> None:
        capture.record("latents_packed", result[0], axes=TOKEN_AXES)

    def images(result: tuple) -> None:
        capture.record("image_latents", result[0], axes=TOKEN_AXES)

    def unpacked(result: torch.Tensor) -> None:
        capture.record("latents_unpacked", result, axes=IMAGE_AXES)

    _after(capture, pipe, "prepare_latents", packed)
    _after(capture, pipe, "prepare_image_latents", images)
    _after(capture, pipe, "_unpack_latents_with_ids", unpacked)
    unpatchify = pipe._unpatchify_latents

    def recorded(latents: torch.Tensor) -> torch.Tensor:
        capture.record("latents_scaled", latents, axes=IMAGE_AXES)
        result = unpatchify(latents)
        capture.record("latents_unpatchified", result, axes=IMAGE_AXES)
        return result

    capture.patch(pipe, "_unpatchify_latents", recorded)


def tap_loop(pipe: Flux2KleinPipeline, capture: Capture, *, inputs: bool = False) -> None:
    _Loop(pipe, capture, inputs)


def tap_pixels(pipe: Flux2KleinPipeline, capture: Capture) -> None:
    processor = pipe.image_processor
    postprocess = processor.postprocess

    def recorded(image: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        capture.record("decoded", image, axes=IMAGE_AXES)
        capture.record("image", postprocess(image, output_type="pt"), axes=IMAGE_AXES)
        return postprocess(image, *args, **kwargs)

    capture.patch(processor, "postprocess", recorded)


class _Loop:
    """Counts the steps and records what goes through them."""

    def __init__(self, pipe: Flux2KleinPipeline, capture: Capture, inputs: bool) -> None:
        self._pipe = pipe
        self._capture = capture
        self._inputs = inputs
        self._latents: torch.Tensor | None = None
        self._steps = 0
        self._step = 0
        self._predictions = 0
        _after(capture, pipe, "prepare_latents", self._prepared)
        set_timesteps = pipe.scheduler.set_timesteps

        @functools.wraps(set_timesteps)
        def scheduled(*args: Any, **kwargs: Any) -> None:
            set_timesteps(*args, **kwargs)
            self._scheduled(kwargs.get("sigmas"))

        capture.patch(pipe.scheduler, "set_timesteps", scheduled)
        capture.on_forward(pipe.transformer, lambda _: self._predicting())
        capture.on_output(pipe.transformer, self._predicted)
        self._scheduler_step = pipe.scheduler.step
        capture.patch(pipe.scheduler, "step", self._stepped)

    def _prepared(self, result: tuple) -> None:
        self._latents = result[0]

    def _scheduled(self, sigmas: Any) -> None:
        scheduler, record = self._pipe.scheduler, self._capture.record
        self._steps = len(scheduler.timesteps)
        if self._inputs:
            record("scheduler.in.num_inference_steps", torch.tensor(self._steps), role="in")
            record("scheduler.in.image_seq_len", torch.tensor(self._latents.shape[1]), role="in")
            if sigmas is not None:
                record("scheduler.in.sigmas", torch.tensor(sigmas, dtype=torch.float64), role="in")
        record("sigmas", scheduler.sigmas)
        record("timesteps", scheduler.timesteps)
        self._begin(1)

    def _begin(self, step: int) -> None:
        self._step, self._predictions = step, 0
        self._capture.step(step if step <= self._steps else None)

    def _predicting(self) -> None:
        if self._predictions == 0:
            timestep = self._pipe.current_timestep.expand(self._latents.shape[0]).to(self._latents.dtype)
            self._capture.record("timestep", timestep)
        self._predictions += 1

    def _predicted(self, result: tuple) -> None:
        if self._pipe.do_classifier_free_guidance:
            name = "noise_pred_cond" if self._predictions == 1 else "noise_pred_uncond"
            self._capture.record(name, result[0][:, : self._latents.shape[1]], axes=TOKEN_AXES)

    def _stepped(self, model_output: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        self._capture.record("noise_pred", model_output, axes=TOKEN_AXES)
        result = self._scheduler_step(model_output, *args, **kwargs)
        self._capture.record("latents", result[0], axes=TOKEN_AXES)
        self._begin(self._step + 1)
        return result


def _after(capture: Capture, owner: object, method: str, see: Callable[[Any], None]) -> None:
    original = getattr(owner, method)

    @functools.wraps(original)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        see(result)
        return result

    capture.patch(owner, method, recorded)
