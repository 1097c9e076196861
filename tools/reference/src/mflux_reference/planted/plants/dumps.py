"""dump.duplicate, dump.stale, dump.hidden_index, and noise.accumulation"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from mflux_reference.planted import subjects_encoders as encoders
from mflux_reference.planted import subjects_transformers as transformers
from mflux_reference.planted.bug import Bug, plants
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.loop import Lines, loop
from mflux_reference.planted.rewrite import replace_method
from mflux_reference.recorder import Capture

Tensors = dict[str, np.ndarray]


@plants("dump.duplicate")
def step_written_twice(draw: Draw) -> Bug:
    """np.savez with the array of another step under this step's name."""
    subject, run = loop(draw)
    name = draw.pick(["latents", "noise_pred"])
    step = draw.integer(1, run.steps)
    other = step + 1 if step == 1 or (step < run.steps and draw.chance(0.5)) else step - 1

    def edit(tensors: Tensors) -> None:
        tensors[f"{name}@step={step}"] = tensors[f"{name}@step={other}"].copy()

    return Bug(subject, edit_dump=edit, label="loop duplicate")


@plants("dump.duplicate")
def layer_written_twice(draw: Draw) -> Bug:
    """A layer's output saved under another layer's name."""
    subject = draw.pick([encoders.qwen3, encoders.clip, encoders.siglip, transformers.flux2])(draw)
    layers = layers_of(subject.module)
    while len(layers) < 2:
        subject = draw.pick([encoders.qwen3, encoders.clip, encoders.siglip, transformers.flux2])(draw)
        layers = layers_of(subject.module)
    first, second = draw.shuffled(layers)[:2]

    def edit(tensors: Tensors) -> None:
        tensors[f"{subject.component}.{first}"] = tensors[f"{subject.component}.{second}"].copy()

    return Bug(subject, edit_dump=edit, label=f"{subject.label} duplicate")


def layers_of(model: nn.Module) -> list[str]:
    """Of one kind, with one output each."""
    kinds = ("Qwen3DecoderLayer", "CLIPEncoderLayer", "SiglipEncoderLayer", "Flux2SingleTransformerBlock")
    return [path for path, module in model.named_modules() if type(module).__name__ in kinds]


@plants("dump.stale")
def older_run(draw: Draw) -> Bug:
    """One file of an older run, of another prompt and noise, was left in the folder."""
    subject, run = loop(draw)
    old_subject, old_run = subject, run
    old_noise = draw.normal(*run.noise.shape)
    name = draw.pick(["latents", "noise_pred"])
    step = draw.integer(1, run.steps)
    older: Tensors = {}

    class Keep:
        """Takes what the run records."""

        at: int | None = None

        def record(self, key: str, tensor: Any, **_: Any) -> Any:
            older[key if self.at is None else f"{key}@step={self.at}"] = tensor.detach().clone()
            return tensor

        def step(self, at: int | None) -> None:
            self.at = at

    with torch.no_grad():
        old_run.run(old_subject.module, Keep(), Lines(latents=lambda _x: old_noise))  # type: ignore[arg-type]

    def edit(tensors: Tensors) -> None:
        key = f"{name}@step={step}"
        tensors[key] = older[key].to(torch.float32).numpy().astype(tensors[key].dtype)

    return Bug(subject, edit_dump=edit, label="loop stale")


@plants("dump.stale")
def module_of_older_run(draw: Draw) -> Bug:
    """The same with a module's output: what comes after it agrees."""
    subject = draw.pick([encoders.qwen3, encoders.clip, transformers.sd3, transformers.flux2])(draw)
    other = draw.integer(0, 2**30)

    def edit(tensors: Tensors) -> None:
        names = [
            n for n in tensors if ".in" not in n and n.startswith(f"{subject.component}.") and tensors[n].size > 60
        ]
        names = [n for n in names[: len(names) // 2] if tensors[n].ndim == 3 and tensors[n].dtype.kind not in "iub"]
        rng = np.random.default_rng(other)
        name = names[other % len(names)]
        old = tensors[name].astype(np.float32)
        # As of another prompt: the same statistics for each channel, other tokens.
        mean, spread = old.mean((0, 1), keepdims=True), old.std((0, 1), keepdims=True)
        tensors[name] = (mean + spread * rng.standard_normal(old.shape)).astype(tensors[name].dtype)

    return Bug(subject, edit_dump=edit, label=f"{subject.label} stale", needs=(f"{subject.component}*.in*",))


def prompt_embeds_of(layer: int) -> Any:
    def call(right: Any) -> Any:
        def run(model: nn.Module, capture: Capture) -> None:
            states: list[torch.Tensor] = []
            handles = [model.embed_tokens.register_forward_hook(lambda _m, _a, out: states.append(out))]
            handles += [block.register_forward_hook(lambda _m, _a, out: states.append(out)) for block in model.layers]
            right(model, capture)
            for handle in handles:
                handle.remove()
            capture.record("prompt_embeds", states[layer])

        return run

    return call


@plants("dump.hidden_index")
def other_layer_as_embeds(draw: Draw) -> Bug:
    """hidden_states[k + 1] or [k - 1]; [0] are the embeddings."""
    subject = encoders.qwen3(draw)
    count = len(subject.module.layers)
    right = draw.integer(0, count)
    wrong = right + 1 if right == 0 or (right < count and draw.chance(0.5)) else right - 1
    base = subject.call
    subject.call = prompt_embeds_of(right)(base)
    return Bug(
        subject, port_call=prompt_embeds_of(wrong)(base), needs=("text_encoder.layers.*", "text_encoder.embed_tokens")
    )


@plants("dump.hidden_index")
def all_hidden_states(draw: Draw) -> Bug:
    """The port's list of hidden states starts behind the embeddings."""
    subject = encoders.qwen3(draw)
    base = subject.call
    count = len(subject.module.layers)

    def listed(offset: int) -> Any:
        def run(model: nn.Module, capture: Capture) -> None:
            states: list[torch.Tensor] = []
            handles = [model.embed_tokens.register_forward_hook(lambda _m, _a, out: states.append(out))]
            handles += [block.register_forward_hook(lambda _m, _a, out: states.append(out)) for block in model.layers]
            base(model, capture)
            for handle in handles:
                handle.remove()
            for index in range(count):
                capture.record(f"hidden_states_{index}", states[index + offset])

        return run

    subject.call = listed(0)
    subject.tapped = draw.chance(0.5)
    return Bug(subject, port_call=listed(1), needs=("text_encoder.layers.*",) if count == 1 else ())


@plants("noise.accumulation", float32_only=True)
def deep_noise(draw: Draw) -> Bug:
    """Float noise of a deep run that fails the default tolerance: no bug."""
    subject = draw.pick([transformers.flux2, transformers.flux, transformers.zimage, encoders.qwen3])(draw)
    level = draw.uniform(5e-7, 2e-6)
    generator = torch.Generator().manual_seed(draw.integer(0, 2**30))

    def plant(port: nn.Module) -> None:
        for module in port.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d, nn.LayerNorm)):
                right = type(module).forward

                def forward(self: nn.Module, x: torch.Tensor, right: Any = right) -> torch.Tensor:
                    out = right(self, x)
                    return out * (1 + level * torch.randn(out.shape, generator=generator).to(out.dtype))

                replace_method(module, "forward", forward)

    return Bug(subject, plant, clean=True, ids=("noise.accumulation",))
