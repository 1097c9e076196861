"""The C++ text encoder against fresh random Qwen3 models of the real classes, module by module, through the binary.

The configurations are drawn anew at every run; the seed is in each test's name and in its output. MFLUX_TEST_SEED
repeats one.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mflux_reference import load_dump
from provenance import relative_l2
from qwen3_tiny import Case, dump_run, load, random_encoder, save, tokens_of, write_case

FIRST_SEED = int(os.environ.get("MFLUX_TEST_SEED") or secrets.randbelow(1 << 30))
SEEDS = [FIRST_SEED + i for i in range(4)]

# One rounding to bfloat16 alone is up to 2^-9 / √3 of a number's size, 1.1e-3 rms; below twice that nothing is asked.
BFLOAT16_FLOOR = 2.2e-3


def random_mask(dice: random.Random, tokens: int) -> str:
    """Padding on the right as the pipeline's, on the left, both sides, holes, or none."""
    kind = dice.choice(("right", "right", "left", "holes", "none"))
    padding = dice.randint(1, tokens // 2)
    if kind == "right":
        return "1" * (tokens - padding) + "0" * padding
    if kind == "left":
        return "0" * padding + "1" * (tokens - padding)
    if kind == "holes":
        return "1" + "".join(dice.choice("011") for _ in range(tokens - 1))
    return "1" * tokens


def random_case(seed: int) -> Case:
    """Every size and switch at random.

    Tensors of a few numbers are avoided: there both sides' rounding errors are single draws, and no bound on their
    ratio holds.
    """
    dice = random.Random(seed)
    kv_heads, ratio, layers = dice.randint(1, 3), dice.randint(1, 4), dice.randint(2, 5)
    batch, tokens = dice.randint(1, 3), dice.randint(9, 45)
    return Case(
        name=f"random_{seed}",
        seed=seed,
        config={
            "vocab_size": dice.randint(30, 90),
            "hidden_size": dice.randint(16, 48),
            "intermediate_size": dice.randint(16, 64),
            "num_hidden_layers": layers,
            "num_attention_heads": kv_heads * ratio,
            "num_key_value_heads": kv_heads,
            "head_dim": 2 * dice.randint(3, 16),
            "max_position_embeddings": 64,
            "rope_parameters": {"rope_type": "default", "rope_theta": round(10 ** dice.uniform(1, 6), 1)},
            "rms_norm_eps": 10 ** dice.uniform(-6, -4),
            "attention_bias": dice.random() < 0.4,
            "tie_word_embeddings": dice.random() < 0.5,
        },
        wanted=(dice.randint(1, layers), *(dice.randint(0, layers) for _ in range(dice.randint(0, 2)))),
        batch=batch,
        tokens=tokens,
        mask=tuple(random_mask(dice, tokens) for _ in range(batch)) if dice.random() < 0.8 else None,
        class_name=dice.choice(("Qwen3ForCausalLM", "Qwen3Model")),
        dtype=dice.choice((torch.float32, torch.bfloat16)),
        scale=dice.choice((1.0, 1.0, 1e-2)),
        query_scale=dice.choice((1.0, 1e-2)),
        old_spelling=dice.random() < 0.4,
        crop_bytes=1 << 30,
    )


def port_run(binary: Path, *arguments: object) -> dict:
    command = [str(binary), "port", "run", "flux2-klein", "text_encoder", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed{seed}")
def test_every_checkpoint_is_the_reference_s(seed, mflux_binary, tmp_path, keep_measured):
    case = random_case(seed)
    print(f"MFLUX_TEST_SEED={seed}: {case}")
    write_case(case, tmp_path / "model")
    reference = tmp_path / "model" / "dump"
    port_run(mflux_binary, "--model", tmp_path / "model", "--inputs", reference, "--capture", tmp_path / "port")

    ours, theirs = load_dump(tmp_path / "port"), load_dump(reference)
    assert ours.names() == theirs.names()
    errors: dict[str, float] = {}
    bounds: dict[str, float] = {}
    for entry in theirs.checkpoints:
        name = entry["name"]
        assert ours.tensor(name).shape == theirs.tensor(name).shape, name
        bounds[name] = max(5e-6, 3 * entry["float64_rel_l2"])
        errors[name] = relative_l2(ours.tensor(name), theirs.tensor(name))
    keep_measured(errors, bounds)
    shares = {name: errors[name] / bounds[name] for name in errors}
    worst = max(shares, key=shares.__getitem__)
    print(f"largest share of the bound: {shares[worst]:.2f} at {worst}")
    assert shares[worst] <= 1, worst


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed{seed}")
def test_bfloat16_is_as_near_to_float32_as_torch_s(seed, mflux_binary, tmp_path):
    """On the same bfloat16 weights; wide enough that errors are averages over thousands of roundings."""
    case = random_case(seed)
    sizes = {"hidden_size": 96, "intermediate_size": 160, "head_dim": 32}
    case = replace(
        case,
        config={**case.config, **sizes},
        batch=2,
        tokens=70,
        mask=("1" * 70, "1" * 51 + "0" * 19),
        dtype=torch.bfloat16,
        scale=1.0,
    )
    print(f"MFLUX_TEST_SEED={seed}: {case}")
    folder = tmp_path / "model"
    save(case, folder)
    dumps = {}
    for name, dtype in (("truth", torch.float32), ("torch", torch.bfloat16)):
        dump_run(case, load(case, folder, dtype), tmp_path / name, case.crop_bytes, {})
        dumps[name] = load_dump(tmp_path / name)
    capture = ("--capture", tmp_path / "port", "--dtype", "bfloat16")
    port_run(mflux_binary, "--model", folder, "--inputs", tmp_path / "truth", *capture)
    dumps["port"] = load_dump(tmp_path / "port")
    assert dumps["port"].names() == dumps["truth"].names()

    ratios: dict[str, float] = {}
    for name in dumps["truth"].names():
        truth = dumps["truth"].tensor(name)
        assert dumps["port"].tensor(name).dtype == dumps["torch"].tensor(name).dtype, name
        torch_s, ours = (relative_l2(dumps[side].tensor(name), truth) for side in ("torch", "port"))
        ratios[name] = ours / max(1.5 * torch_s, BFLOAT16_FLOOR)
    worst = max(ratios, key=ratios.__getitem__)
    print(f"largest share of the bound: {ratios[worst]:.2f} at {worst}; prompt_embeds {ratios['prompt_embeds']:.2f}")
    assert ratios[worst] <= 1, worst


def test_layers_come_from_the_model_s_call_json_without_a_manifest(mflux_binary, tmp_path):
    case = replace(random_case(FIRST_SEED), wanted=(2, 0), mask=None, batch=1, dtype=torch.float32)
    save(case, tmp_path / "model" / "text_encoder")
    (tmp_path / "model" / "call.json").write_text('{"text_encoder_out_layers": [2, 0]}')
    save_file(tokens_of(case), tmp_path / "ids.safetensors")
    out = tmp_path / "out.safetensors"
    port_run(mflux_binary, "--model", tmp_path / "model", "--inputs", tmp_path / "ids.safetensors", "--output", out)

    model = random_encoder(case)
    states = model(**tokens_of(case), output_hidden_states=True).hidden_states
    expected = torch.cat([states[2], states[0]], dim=-1)
    assert relative_l2(load_file(out)["prompt_embeds"], expected) <= 5e-6
