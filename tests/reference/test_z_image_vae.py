"""Z-Image's autoencoder against fresh random models of the real class, module by module, through the binary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL

from mflux_reference import load_dump
from test_vae import SEEDS, assert_parity, port_run, random_case
from vae_tiny import Case, write_case


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed{seed}")
def folder(request, tmp_path_factory) -> Path:
    drawn = random_case(request.param)
    only_flux2 = ("decoder_block_out_channels", "batch_norm_eps")
    config = {key: value for key, value in drawn.config.items() if key not in only_flux2}
    case: Case = replace(drawn, vae_class=AutoencoderKL, config=config)
    print(f"MFLUX_TEST_SEED={request.param}: {case}")
    folder = tmp_path_factory.mktemp(case.name)
    with torch.no_grad():
        write_case(case, folder)
    return folder


@pytest.mark.parametrize("component", ["decode", "encode"])
def test_every_checkpoint_is_the_reference_s(folder, component, mflux_binary, tmp_path):
    inputs = folder / component
    port_run(
        mflux_binary,
        *(f"vae.{component}", "--model", folder, "--inputs", inputs, "--capture", tmp_path),
        model="z-image",
    )
    assert_parity(tmp_path, inputs)
    assert len(load_dump(tmp_path).names()) > 10
