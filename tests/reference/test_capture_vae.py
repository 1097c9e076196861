"""Capture on the real AutoencoderKLFlux2, and the committed fixtures against the class they came from."""

from __future__ import annotations

import json

import pytest
import torch
from diffusers import AutoencoderKLFlux2

from mflux_reference import Capture, load_dump
from mflux_reference.klein_taps import tap_vae_methods
from provenance import FIXTURES, relative_l2
from vae_schema import PUBLISHED, schema
from vae_tiny import CASES, write_case

NEVER_CALLED = ("down_blocks", "up_blocks", "resnets", "attentions", "upsamplers", "downsamplers", "to_out")


@pytest.fixture
def vae() -> AutoencoderKLFlux2:
    return AutoencoderKLFlux2.from_pretrained(FIXTURES / "vae" / "four_blocks")


def test_names_are_those_of_named_modules(tmp_path, vae):
    with Capture(tmp_path) as capture:
        capture.add("vae", vae)
        tap_vae_methods(vae, capture)
        moments = vae.encode(torch.rand(1, 3, 16, 16)).latent_dist
        decoded = vae.decode(moments.mode()).sample
    modules = {f"vae.{name}" for name, _ in vae.named_modules() if name and name.rpartition(".")[2] not in NEVER_CALLED}
    dump = load_dump(tmp_path)
    first_calls = {name for name in dump.names() if ".call2" not in name}
    assert first_calls == modules - {"vae.bn"} | {"vae.encode", "vae.decode"}
    assert torch.equal(dump.tensor("vae.decode"), decoded)
    assert torch.equal(dump.tensor("vae.encode"), moments.mean)
    assert vars(vae).keys().isdisjoint({"encode", "decode"})


def test_the_capture_does_not_change_the_result(tmp_path, vae):
    latents = torch.randn(1, 5, 3, 4)
    before = vae.decode(latents).sample
    with Capture(tmp_path, inputs=True) as capture:
        capture.add("vae", vae)
        tap_vae_methods(vae, capture)
        during = vae.decode(latents).sample
    assert torch.equal(before, during)
    assert torch.equal(before, vae.decode(latents).sample)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_committed_fixture_is_what_the_class_gives(tmp_path, case):
    write_case(case, tmp_path)
    committed = FIXTURES / "vae" / case.name
    assert json.loads((tmp_path / "config.json").read_text()) == json.loads((committed / "config.json").read_text())
    for run in case.runs:
        made, stored = load_dump(tmp_path / run), load_dump(committed / run)
        assert made.names() == stored.names()
        for name in made.names():
            assert relative_l2(stored.tensor(name), made.tensor(name)) < 3e-6, f"{run}/{name}"


def test_every_case_is_committed_and_nothing_else():
    folders = {path.name for path in (FIXTURES / "vae").iterdir() if path.is_dir()}
    assert folders == {"four_blocks", "small_activations", "odd_sizes", "four_to_two_channels", "flux1"}
    assert folders == {case.name for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_committed_fixture_is_small(case):
    files = [path for path in (FIXTURES / "vae" / case.name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 700_000


def test_a_wrong_group_norm_eps_shows_in_small_activations(tmp_path):
    committed = FIXTURES / "vae" / "small_activations"
    vae = AutoencoderKLFlux2.from_pretrained(committed)
    stored = load_dump(committed / "decode")
    for module in vae.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.eps = 1e-5
    wrong = vae.decode(stored.tensor("vae.decode.in")).sample
    assert relative_l2(wrong, stored.tensor("vae.decode")) > 1e-2


@pytest.mark.parametrize("name", PUBLISHED)
def test_committed_schema_is_the_class_as_published(name):
    committed = json.loads((FIXTURES / "vae" / f"{name}_schema.json").read_text())
    assert committed == json.loads(json.dumps(schema(*PUBLISHED[name])))
