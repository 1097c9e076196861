"""The klein runner on a tiny pipeline of the real classes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import Flux2KleinPipeline
from PIL import Image

from mflux_reference import flux2_klein, load_dump
from mflux_reference.flux2_klein import Options, dump, initial_latents, load_pipeline, read_call
from tiny_klein import LAYERS, write_tiny_klein

PROMPT, SEED, STEPS = "red apple", 7, 3
PROMPT_AND_NOISE = ["latents_initial", "input_ids", "attention_mask", "prompt_embeds", "latents_packed"]
BEFORE_LOOP = [*PROMPT_AND_NOISE, "sigmas", "timesteps"]
IN_LOOP = [f"{name}@step={step}" for step in (1, 2, 3) for name in ("timestep", "noise_pred", "latents")]
AFTER_LOOP = ["latents_unpacked", "latents_scaled", "latents_unpatchified", "decoded", "image"]
PIPELINE_ONLY = Options(taps=())


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    with torch.no_grad():
        return write_tiny_klein(tmp_path_factory.mktemp("klein"))


@pytest.fixture(scope="module")
def pipe(model):
    return load_pipeline(model, torch.float32)


@pytest.fixture(scope="module")
def run(model, pipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ref")
    with torch.no_grad():
        dump(pipe, read_call(model), PROMPT, SEED, folder, Options(inputs=True))
    return load_dump(folder)


def test_pipeline_checkpoints_in_execution_order(model, pipe, tmp_path):
    dump(pipe, read_call(model), PROMPT, SEED, tmp_path, PIPELINE_ONLY)
    assert load_dump(tmp_path).names() == BEFORE_LOOP + IN_LOOP + AFTER_LOOP


def test_image_is_the_one_the_untouched_pipeline_draws(model, pipe, run):
    call = read_call(model)
    latents = initial_latents(pipe, call, SEED)
    arguments = {
        "height": 16,
        "width": 24,
        "num_inference_steps": STEPS,
        "guidance_scale": 1.0,
        "max_sequence_length": 24,
        "text_encoder_out_layers": LAYERS,
    }
    plain = pipe(prompt=PROMPT, latents=latents, **arguments).images[0]
    saved = np.asarray(Image.open(run.folder / "image.png"))
    assert np.array_equal(saved, np.asarray(plain))
    shown = run.tensor("image")[0].permute(1, 2, 0).numpy()
    assert np.array_equal(saved, (shown * 255).round().astype(np.uint8))


def test_latents_are_those_injected_and_stepped(run):
    initial, packed = run.tensor("latents_initial"), run.tensor("latents_packed")
    assert initial.shape == (1, 16, 4, 6)
    assert torch.equal(packed, initial.flatten(2).transpose(1, 2))
    assert torch.equal(run.tensor("transformer.in.hidden_states@step=1"), packed)
    sigmas, before = run.tensor("sigmas"), packed
    for step in range(1, STEPS + 1):
        after = run.tensor(f"latents@step={step}")
        euler = before + (sigmas[step] - sigmas[step - 1]) * run.tensor(f"noise_pred@step={step}")
        assert torch.equal(after, euler)
        before = after
    assert torch.equal(run.tensor("latents_unpacked").flatten(2).transpose(1, 2), before)


def test_schedule(run):
    tokens, (a1, b1, a2, b2) = 24, (8.73809524e-05, 1.89833333, 0.00016927, 0.45666666)
    high, low = a2 * tokens + b2, a1 * tokens + b1
    mu = (high - low) / 190 * STEPS + high - 200 * (high - low) / 190
    ramp = torch.linspace(1, 1 / STEPS, STEPS, dtype=torch.float64)
    expected = torch.cat([math.exp(mu) / (math.exp(mu) + 1 / ramp - 1), torch.zeros(1, dtype=torch.float64)])
    assert torch.allclose(run.tensor("sigmas").double(), expected, atol=1e-6)
    assert torch.equal(run.tensor("timesteps"), run.tensor("sigmas")[:-1] * 1000)
    for step in range(1, STEPS + 1):
        timestep = run.tensor(f"timestep@step={step}")
        assert timestep.tolist() == [run.tensor("timesteps")[step - 1].item()]
        assert torch.equal(run.tensor(f"transformer.in.timestep@step={step}"), timestep / 1000)
    assert run.tensor("scheduler.in.num_inference_steps").item() == STEPS
    assert run.tensor("scheduler.in.image_seq_len").item() == tokens


def test_prompt_embeds_are_the_selected_layers(run):
    assert torch.equal(run.tensor("input_ids"), run.tensor("text_encoder.in.input_ids"))
    assert torch.equal(run.tensor("attention_mask"), run.tensor("text_encoder.in.attention_mask"))
    layers = [run.tensor(f"text_encoder.model.layers.{layer - 1}") for layer in LAYERS]
    assert torch.equal(run.tensor("prompt_embeds"), torch.cat(layers, dim=-1))
    assert not [name for name in run.names() if name.startswith("text_encoder.out")]


def test_pixels(pipe, run):
    mean = pipe.vae.bn.running_mean.view(1, -1, 1, 1)
    std = (pipe.vae.bn.running_var.view(1, -1, 1, 1) + pipe.vae.config.batch_norm_eps).sqrt()
    assert torch.equal(run.tensor("latents_scaled"), run.tensor("latents_unpacked") * std + mean)
    assert torch.equal(run.tensor("vae.decode.in"), run.tensor("latents_unpatchified"))
    assert torch.equal(run.tensor("vae.decode"), run.tensor("decoded"))
    assert torch.equal(run.tensor("image"), (run.tensor("decoded") / 2 + 0.5).clamp(0, 1))


def test_axes_are_named(run):
    named = {entry["name"]: (entry["axes"], entry["shape"]) for entry in run.checkpoints if "axes" in entry}
    assert all(len(axes) == len(shape) for axes, shape in named.values())
    assert named["latents@step=2"][0] == ["batch", "token", "channel"]
    assert named["decoded"] == (["batch", "channel", "height", "width"], [1, 3, 16, 24])


def test_run_facts(run):
    facts = run.manifest["run"]
    assert (facts["prompt"], facts["negative_prompt"]) == (PROMPT, None)
    assert (facts["height"], facts["width"], facts["steps"], facts["guidance"]) == (16, 24, 3, 1.0)
    assert [image["file"] for image in facts["images"]] == ["image.png"]
    assert run.manifest["seed"] == SEED
    assert run.manifest["compute_dtype"] == "float32"
    assert {component["dtype"] for component in run.manifest["components"].values()} == {"float32"}


def test_guidance_records_both_predictions(tmp_path):
    base = write_tiny_klein(tmp_path / "model", is_distilled=False)
    call = replace(read_call(base), guidance_scale=3.0)
    dump(load_pipeline(base, torch.float32), call, PROMPT, SEED, tmp_path / "ref", Options(taps=("transformer",)))
    made = load_dump(tmp_path / "ref")
    cond, uncond = made.tensor("noise_pred_cond@step=2"), made.tensor("noise_pred_uncond@step=2")
    assert torch.equal(cond, made.tensor("transformer@step=2"))
    assert torch.equal(uncond, made.tensor("transformer.call2@step=2"))
    assert torch.equal(made.tensor("noise_pred@step=2"), uncond + 3.0 * (cond - uncond))
    assert made.tensor("negative_prompt_embeds").shape == made.tensor("prompt_embeds").shape
    assert made.manifest["run"]["negative_prompt"] == ""


def test_every_dtype_starts_from_the_same_noise_and_is_kept(model, tmp_path):
    half = load_pipeline(model, torch.bfloat16)
    dump(half, read_call(model), PROMPT, SEED, tmp_path, PIPELINE_ONLY)
    made = load_dump(tmp_path)
    exact = initial_latents(load_pipeline(model, torch.float32), read_call(model), SEED)
    assert torch.equal(made.tensor("latents_initial"), exact.bfloat16())
    kept = {entry["name"]: entry["dtype"] for entry in made.checkpoints}
    assert kept["latents@step=3"] == kept["decoded"] == kept["timestep@step=1"] == "bfloat16"
    assert kept["sigmas"] == "float32"


def test_a_component_in_another_dtype_is_refused(model):
    left_alone = Flux2KleinPipeline.from_pretrained(model)
    assert left_alone.text_encoder.dtype == torch.bfloat16
    with pytest.raises(TypeError, match=r"text_encoder\..* is bfloat16, expected float32"):
        flux2_klein.check_dtype("text_encoder", left_alone.text_encoder, torch.float32)


def test_latents_of_another_dump_are_injected_again(model, run, tmp_path):
    arguments = [
        "--model",
        str(model),
        "--prompt",
        PROMPT,
        "--seed",
        "99",
        "--out",
        str(tmp_path),
        "--latents",
        str(run.folder),
        "--taps",
        "vae.decode",
    ]
    flux2_klein.main(arguments)
    made = load_dump(tmp_path)
    assert torch.equal(made.tensor("latents_initial"), run.tensor("latents_initial"))
    assert torch.equal(made.tensor("vae.decode"), run.tensor("vae.decode"))


def test_unknown_call_arguments_are_refused(tmp_path):
    (tmp_path / "call.json").write_text('{"hight": 128}')
    with pytest.raises(ValueError, match="hight"):
        read_call(tmp_path)
