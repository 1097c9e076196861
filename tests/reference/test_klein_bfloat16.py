"""A whole klein run in bfloat16: no farther from torch's float32 than torch's own bfloat16 run is."""

from __future__ import annotations

import os
import secrets

import pytest
import torch
from safetensors.torch import save_file

from klein_tiny import Run, noise_for, random_model, reference_run, write_model
from mflux_reference import load_dump
from mflux_reference.flux2_klein import Options, load_pipeline
from provenance import relative_l2
from test_klein_pipeline import PROMPT, arguments_of, generate

SEED = int(os.environ.get("MFLUX_TEST_SEED") or secrets.randbelow(1 << 30))
RATIO = 1.5
PIPELINE = Options(taps=())


@pytest.mark.parametrize("is_distilled", [True, False], ids=["plain", "guided"])
def test_bfloat16_is_no_farther_than_torch_s(is_distilled, mflux_binary, tmp_path):
    print(f"MFLUX_TEST_SEED={SEED}")
    model = write_model(random_model(SEED, is_distilled=is_distilled), tmp_path / "model")
    latents = noise_for(model, 192, 128, SEED).bfloat16().float()  # the same noise for all
    run = Run(PROMPT, 192, 128, 4, guidance=1.0 if is_distilled else 2.7, latents=latents)
    save_file({"latents_initial": latents}, tmp_path / "noise.safetensors")
    for dtype in ("float32", "bfloat16"):
        reference_run(load_pipeline(model, getattr(torch, dtype)), model, run, tmp_path / dtype, PIPELINE)
    exact, half = load_dump(tmp_path / "float32"), load_dump(tmp_path / "bfloat16")
    port = generate(
        mflux_binary,
        model,
        tmp_path / "port",
        *arguments_of(run, tmp_path / "noise.safetensors"),
        *("--dtype", "bfloat16"),
    )
    for name in half.names():
        got, theirs, truth = (dump.tensor(name) for dump in (port, half, exact))
        if name.partition("@")[0] in ("sigmas", "timesteps", "timestep", "input_ids", "latents_packed"):
            assert torch.equal(got, theirs), name
        elif theirs.is_floating_point():
            assert got.dtype == theirs.dtype or name == "image", name
            assert relative_l2(got, truth) <= max(2e-3, RATIO * relative_l2(theirs, truth)), name
