"""Coarse dumps of denoising loops, as scripts write them: causes of the loop are named, clean ones have none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from loop_runs import SPELLINGS, Bug, Loop, ddim_step, spelled


def other_step(by: int):
    def step(loop: Loop, i: int, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        j = min(max(i + by, 0), loop.steps - 1)
        return loop.ported_step(j, x, v, loop.sigmas)

    return step


def shift(s: torch.Tensor, by: float) -> torch.Tensor:
    return by * s / (1 + (by - 1) * s)


def karras(s: torch.Tensor) -> torch.Tensor:
    low, high, n = s[-2] ** (1 / 7), s[0] ** (1 / 7), len(s) - 1
    return torch.cat([(high + torch.arange(n) / (n - 1) * (low - high)) ** 7, torch.zeros(1)])


def hidden_schedule(change):
    """The port's steps follow other sigmas than those it dumps."""

    def step(loop: Loop, i: int, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return loop.ported_step(i, x, v, change(loop.sigmas))

    return step


def other_noise(x: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    return x.std() * torch.from_numpy(rng.standard_normal(x.shape)).float()


FLOW = {
    "minus": ("scheduler.update", Bug(step=lambda p, i, x, v: x - (p.sigmas[i + 1] - p.sigmas[i]) * v)),
    "no dt": ("scheduler.update", Bug(step=lambda p, i, x, v: x + p.sigmas[i] * v)),
    "half": ("scheduler.update", Bug(step=lambda p, i, x, v: x + 0.5 * (p.sigmas[i + 1] - p.sigmas[i]) * v)),
    "as eps": ("scheduler.update", Bug(step=lambda p, i, x, v: (1 - p.sigmas[i + 1]) * (x - p.sigmas[i] * v) + v)),
    "next step": ("scheduler.offset", Bug(step=other_step(1))),
    "same sigma": ("scheduler.offset", Bug(step=lambda p, i, x, v: x + (p.sigmas[i] - p.sigmas[i - 1]) * v)),
    "not shifted": ("scheduler.sigmas", Bug(sigmas=lambda s: shift(s, 0.37))),
    # The schedule that both dumped agrees: what is wrong is what the port does with it.
    "hidden shift": ("scheduler.update", Bug(step=hidden_schedule(lambda s: shift(s, 1.9)))),
    "linspace": ("scheduler.sigmas", Bug(sigmas=lambda s: torch.linspace(1, 0, len(s)) ** 1.0 * 0.97)),
    "karras": ("scheduler.sigmas", Bug(sigmas=karras)),
    "flipped": ("scheduler.sigmas", Bug(sigmas=lambda s: s.flip(0))),
    "no end": ("scheduler.sigmas", Bug(sigmas=lambda s: torch.cat([s[:-1], s[-2:-1]]))),
}
DDIM = {
    "next step": ("scheduler.offset", Bug(step=other_step(1))),
    "before": ("scheduler.offset", Bug(step=other_step(-1))),
    "flow": ("scheduler.update", Bug(step=lambda p, i, x, v: x - v / p.steps)),
    "too much": ("scheduler.update", Bug(step=lambda p, i, x, v: p.ported_step(i, x, 1.3 * v, None))),
    "v for eps": ("scheduler.update", Bug(step=lambda p, i, x, v: ddim_step(*p.levels(i), x, v, p.kind != "v"))),
}
ANY = {
    "bf16 time": ("timestep.rounded", Bug(times=lambda t: (t + 0.37).bfloat16().float())),
    "sigma for t": ("timestep.scale", Bug(times=lambda t: t / 1000)),
    "backwards": ("timestep.scale", Bug(times=lambda t: 1000 - t)),
    "other noise": ("rng.mismatch", Bug(initial=other_noise)),
    "bf16 noise": ("dtype.output", Bug(initial=lambda x, _: x.bfloat16().float())),
    "exchanged": ("cfg.swapped", Bug(cond=lambda c, u: (u, c))),
    "swapped": ("cfg.swapped", Bug(guide=lambda c, u, g: c + g * (u - c))),
    "stronger": ("cfg.scale", Bug(guide=lambda c, u, g: u + 1.3 * g * (c - u))),
    "from cond": ("cfg.scale", Bug(guide=lambda c, u, g: c + g * (c - u))),
}  # fmt: skip
CASES = [(kind, name, *case) for kind, table in (
    ("flow", FLOW), ("shifted", FLOW), ("ddim", DDIM), ("v", DDIM), ("euler", {"next step": DDIM["next step"]}),
    ("flow", ANY), ("ddim", ANY)) for name, case in table.items()]  # fmt: skip


def diagnosed(binary: Path, folder: Path, ref: dict, port: dict) -> dict:
    np.savez(folder / "ref.npz", **ref)
    np.savez(folder / "mlx.npz", **port)
    command = [binary, "parity", "diagnose", folder / "ref.npz", folder / "mlx.npz", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def draw(kind: str, seed: int) -> tuple[Loop, str]:
    rng = np.random.default_rng(seed)
    shape = [(1, 24, 16), (1, 4, 8, 8), (2, 4, 6, 10)][rng.integers(3)]
    loop = Loop(kind, int(rng.integers(3, 8)), shape, float(rng.uniform(2, 7)), seed)
    return loop, str(rng.choice(list(SPELLINGS)))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("kind", "name", "cause", "bug"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_cause(mflux_binary: Path, tmp_path: Path, kind: str, name: str, cause: str, bug: Bug, seed: int) -> None:
    loop, spelling = draw(kind, 7919 * seed + len(name))
    if name == "bf16 time":
        loop.timesteps += 0.37
        bug = Bug(times=lambda t: t.bfloat16().float())
    visible_in_bfloat16 = name not in ("bf16 noise", "bf16 time", "no end", "next step")
    noise = [0.0, 3e-7, 1e-3 if visible_in_bfloat16 else 0.0][seed % 3]
    ref = spelled(loop.run(None, noise if noise == 1e-3 else 0), spelling)
    port = spelled(loop.run(bug, noise), spelling)
    result = diagnosed(mflux_binary, tmp_path, ref, port)
    found = [f"{c['id']} at {c['name']}: {c['detail']}" for c in result["causes"]]
    seen = (spelling, noise, loop.steps, result["first_divergence"], found)
    assert [c["id"] for c in result["causes"]] == [cause], seen


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["flow", "shifted", "ddim", "v", "euler"])
def test_clean(mflux_binary: Path, tmp_path: Path, kind: str, seed: int) -> None:
    loop, spelling = draw(kind, 104729 + seed)
    noise = [0.0, 3e-7, 2e-6][seed % 3]
    ref, port = spelled(loop.run(None), spelling), spelled(loop.run(Bug(), noise), spelling)
    result = diagnosed(mflux_binary, tmp_path, ref, port)
    assert [c["id"] for c in result["causes"]] in ([], ["noise.accumulation"]), result["causes"]
