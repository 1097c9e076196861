"""The script that makes the demo's reference run, and the committed run against the committed model."""

from __future__ import annotations

import tomllib

import pytest
import torch

from demo_run import (
    DEFAULT,
    DEFAULT_TOLERANCE,
    LIMIT_BYTES,
    TAPS,
    group_of,
    model_facts,
    needed_tolerance,
    own_noise,
    round_up,
    run,
    tolerances,
    write_demo,
)
from mflux_reference import Capture, load_dump
from mflux_reference.crop import apply_slice
from mflux_reference.flux2_klein import Options
from provenance import FIXTURES, REPOSITORY, folder_bytes
from tiny_klein import write_tiny_klein

MODEL = REPOSITORY / "models" / "emoji"
DEMO = FIXTURES / "demo" / "ref"
committed = pytest.mark.skipif(not (DEMO / "manifest.json").exists(), reason="no demo run is committed yet")


@pytest.mark.parametrize(("value", "rounded"), [(1.2e-5, 1.2e-5), (1.21e-5, 1.3e-5), (9.99e-4, 1e-3), (0.5, 0.5)])
def test_round_up_keeps_two_digits(value, rounded):
    assert round_up(value) == pytest.approx(rounded)


@pytest.mark.parametrize(("name", "group"), [("vae.decoder.up_blocks.0", "vae"), ("latents@step=2", "latents")])
def test_groups(name, group):
    assert group_of(name) == group


def test_needed_tolerance_is_the_least_that_passes():
    truth, value = torch.tensor([0.0, 10.0, -1.0]), torch.tensor([1e-4, 10.011, -1.0])
    needed = needed_tolerance(value, truth)
    difference = (value.double() - truth.double()).abs()
    assert bool((difference <= needed * (1 + truth.double().abs()) * (1 + 1e-9)).all())
    assert not bool((difference <= 0.99 * needed * (1 + truth.double().abs())).all())


def test_own_noise_is_the_worst_pair_of_each_group(tmp_path):
    values = {"a": (0.0, 1.0), "b": (0.0, 1.0 + 3e-5), "c": (1e-5, 1.0)}
    for folder, (latents, scale) in values.items():
        with Capture(tmp_path / folder) as capture:
            capture.record("latents@step=1", torch.tensor([latents], dtype=torch.float64))
            capture.record("vae.decode", torch.tensor([scale], dtype=torch.float64))
            capture.record("input_ids", torch.tensor([1]))
    noise = own_noise([load_dump(tmp_path / folder) for folder in values])
    assert noise == pytest.approx({"latents": 1e-5, "vae": 1.5e-5}, rel=1e-3)


def test_tolerances_widen_only_what_needs_it():
    text = tolerances({"latents": 1e-7, "vae": 1.45e-5, "decoded": 1e-5})
    assert tomllib.loads(text)["tolerance"] == [
        {"match": "vae*", "atol": 4.4e-5, "rtol": 4.4e-5},
        {"match": "decoded", "atol": 3e-5, "rtol": 3e-5},
    ]
    assert "tolerance" not in tomllib.loads(tolerances({"vae": DEFAULT_TOLERANCE / 3}))


def test_script_runs_on_a_tiny_model(tmp_path):
    model = write_tiny_klein(tmp_path / "model")
    write_demo(model, tmp_path / "ref")
    dump = load_dump(tmp_path / "ref")
    assert dump.manifest["provenance"]["generator"] == "tools/reference/fixtures/demo_run.py"
    assert {"vae.decode.in", "vae.decode", "vae.post_quant_conv", "vae.decoder.mid_block.attentions.0"} <= set(
        dump.names()
    )
    assert {"image.png", "parity.toml"} <= {path.name for path in (tmp_path / "ref").iterdir()}
    tomllib.loads((tmp_path / "ref" / "parity.toml").read_text())


@committed
def test_committed_run_is_of_the_committed_model():
    dump = load_dump(DEMO)
    facts = model_facts(MODEL)
    assert {key: dump.manifest["provenance"][key] for key in facts} == facts
    assert folder_bytes(DEMO) < LIMIT_BYTES
    assert {component["dtype"] for component in dump.manifest["components"].values()} == {"float32"}


@committed
def test_committed_run_is_what_the_pipeline_gives(tmp_path):
    stored, made = load_dump(DEMO), run(MODEL, DEFAULT, tmp_path, Options(taps=TAPS))
    rules = tomllib.loads((DEMO / "parity.toml").read_text()).get("tolerance", [])
    allowed = {rule["match"].removesuffix("*"): rule["atol"] for rule in rules}
    assert made.names() == stored.names()
    for entry in stored.checkpoints:
        name = entry["name"]
        value = made.tensor(name)
        value = apply_slice(value, entry["slice"]) if "slice" in entry else value
        limit = allowed.get(group_of(name), DEFAULT_TOLERANCE)
        assert needed_tolerance(value, stored.tensor(name)) <= limit, name
