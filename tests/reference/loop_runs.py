"""Dumps of denoising loops: the reference steps with diffusers' schedulers, the port with its own formulas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import ml_dtypes
import numpy as np
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler

Arrays = dict[str, np.ndarray]


@dataclass
class Bug:
    """What the port does otherwise."""

    initial: Callable = lambda x, rng: x
    sigmas: Callable = lambda s: s
    times: Callable = lambda t: t
    cond: Callable = lambda c, u: (c, u)
    guide: Callable = lambda c, u, g: u + g * (c - u)
    step: Callable | None = None  # (loop, i, x, v) -> x


@dataclass
class Loop:
    """A denoising loop over a random model of two layers."""

    kind: str  # flow | shifted | ddim | v | euler
    steps: int
    shape: tuple[int, ...]
    guidance: float
    seed: int
    weights: list[torch.Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        g = torch.Generator().manual_seed(self.seed)
        n = self.shape[-1]
        self.weights = [torch.randn(n, n, generator=g) / n**0.5 for _ in range(3)]
        self.x0 = torch.randn(self.shape, generator=g)
        self.scheduler = self.make_scheduler()
        self.timesteps = self.scheduler.timesteps.clone().float()
        self.sigmas = self.scheduler.sigmas.clone().float() if self.kind not in ("ddim", "v") else None
        if self.kind == "euler":
            self.x0 = self.x0 * self.scheduler.init_noise_sigma

    def make_scheduler(self):
        if self.kind in ("flow", "shifted"):
            scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0 if self.kind == "shifted" else 1.0)
            scheduler.set_timesteps(self.steps)
        elif self.kind == "euler":
            scheduler = EulerDiscreteScheduler()
            scheduler.set_timesteps(self.steps)
        else:
            kind = "v_prediction" if self.kind == "v" else "epsilon"
            scheduler = DDIMScheduler(prediction_type=kind, clip_sample=False)
            scheduler.set_timesteps(self.steps)
        return scheduler

    def model(self, x: torch.Tensor, t: torch.Tensor, cond: bool) -> torch.Tensor:
        h = torch.tanh(x @ self.weights[0] + t / 1000)
        return torch.tanh(h @ self.weights[1]) * 1.3 + (x @ self.weights[2] * 0.3 if cond else -0.2 * h)

    def levels(self, i: int) -> tuple[float, float]:
        """Signal levels before and after step i of DDIM."""
        t = int(self.timesteps[i])
        before = self.scheduler.alphas_cumprod[t]
        prev = t - 1000 // self.steps
        after = self.scheduler.alphas_cumprod[prev] if prev >= 0 else self.scheduler.final_alpha_cumprod
        return float(before), float(after)

    def ported_step(self, i: int, x: torch.Tensor, v: torch.Tensor, sigmas: torch.Tensor | None) -> torch.Tensor:
        if sigmas is not None:
            return x + (sigmas[i + 1] - sigmas[i]) * v
        return ddim_step(*self.levels(i), x, v, self.kind == "v")

    def run(self, bug: Bug | None, noise: float = 0.0) -> Arrays:
        """With a bug, as the port; else as the reference."""
        rng = np.random.default_rng(self.seed + 5)
        out: Arrays = {}
        x = self.x0 if bug is None else bug.initial(self.x0, rng)
        out["initial"] = x.numpy()
        sigmas = self.sigmas if bug is None or self.sigmas is None else bug.sigmas(self.sigmas)
        if sigmas is not None:
            out["sigmas"] = sigmas.numpy()
        out["timesteps"] = self.timesteps.numpy()
        scheduler = self.make_scheduler()
        for i in range(self.steps):
            t = self.timesteps[i] if bug is None else bug.times(self.timesteps[i])
            out[f"timestep {i}"] = t.reshape(1).numpy()
            seen = x / (sigmas[i] ** 2 + 1) ** 0.5 if self.kind == "euler" else x
            c, u = self.model(seen, t, True), self.model(seen, t, False)
            c, u = (c, u) if bug is None else bug.cond(c, u)
            v = (u + self.guidance * (c - u)) if bug is None else bug.guide(c, u, self.guidance)
            if bug is None:
                scheduler.is_scale_input_called = True  # of EulerDiscreteScheduler, which is fed scaled latents here
                x = scheduler.step(v, scheduler.timesteps[i], x)
                x = x.prev_sample
            elif bug.step:
                x = bug.step(self, i, x, v)
            else:
                x = self.ported_step(i, x, v, sigmas)
            for name, value in (("cond", c), ("uncond", u), ("pred", v), ("latents", x)):
                out[f"{name} {i}"] = value.numpy()
        return {k: blurred(v, noise, rng, k) for k, v in out.items()}


def ddim_step(before: float, after: float, x: torch.Tensor, v: torch.Tensor, is_v: bool) -> torch.Tensor:
    if is_v:
        eps = before**0.5 * v + (1 - before) ** 0.5 * x
        clean = before**0.5 * x - (1 - before) ** 0.5 * v
    else:
        eps, clean = v, (x - (1 - before) ** 0.5 * v) / before**0.5
    return after**0.5 * clean + (1 - after) ** 0.5 * eps


def blurred(value: np.ndarray, noise: float, rng: np.random.Generator, name: str) -> np.ndarray:
    if not noise or name in ("initial", "sigmas", "timesteps") or name.startswith("timestep"):
        return value
    if noise > 1e-4:  # a bfloat16 run, widened for NumPy
        return value.astype(ml_dtypes.bfloat16).astype(np.float32)
    return (value * (1 + noise * rng.standard_normal(value.shape))).astype(np.float32)


SPELLINGS = {
    "issue": ("latents_initial", "noise_pred{0}@step={1}", "latents@step={1}", "timestep@step={1}", "_{}", 1),
    "script": ("latents", "noise_pred{0}_step_{1:02d}", "latents_step_{1:02d}", "t_step_{1:02d}", "_{}", 1),
    "zero": ("init_noise", "step{1}/model_output{0}", "step{1}/latents", "step{1}/t", "_{}", 0),
    "short": ("x_init", "v{0}_{1}", "x_{1}", "t_{1}", "_{}", 1),
    "eps": ("x0", "{1}.eps{0}", "{1}.sample", "{1}.timestep", "_{}", 1),
}
PARTS = {"issue": ("cond", "uncond"), "script": ("text", "uncond"), "zero": ("positive", "negative"),
         "short": ("cond", "uncond"), "eps": ("c", "uncond")}  # fmt: skip


def spelled(run: Arrays, spelling: str, leave_out: tuple[str, ...] = ()) -> Arrays:
    initial, pred, latents, time, part, first = SPELLINGS[spelling]
    cond, uncond = PARTS[spelling]
    out: Arrays = {}
    for key, value in run.items():
        kind, _, index = key.partition(" ")
        if kind in leave_out:
            continue
        if not index:
            name = initial if kind == "initial" else kind
        else:
            k = int(index) + first
            suffix = {"cond": part.format(cond), "uncond": part.format(uncond)}.get(kind, "")
            name = {"latents": latents, "timestep": time}.get(kind, pred).format(suffix, k)
        out[name] = value
    return out
