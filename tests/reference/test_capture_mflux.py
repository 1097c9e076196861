"""The PyPI package mflux (the Python one) under capture: its FLUX.2 transformer against diffusers', tiny and random.

What it does otherwise shows: it hands the timestep's embedding on in ModelConfig.precision (bfloat16), and its queries
and keys are normed with an eps of 1e-5 where diffusers' blocks hand 1e-6 on. Rotary tables of half the width and heads
in front are no errors and left out; what it names otherwise is in MAP.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch

from mflux_reference import Capture

mx = pytest.importorskip("mlx.core", reason="mlx is not installed")
mnn = pytest.importorskip("mlx.nn", reason="mlx is not installed")
model = pytest.importorskip(
    "mflux.models.flux2.model.flux2_transformer.transformer", reason="PyPI's mflux is not installed"
)

SIZES = {
    "in_channels": 8,
    "num_layers": 1,
    "num_single_layers": 2,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": 24,
    "timestep_guidance_channels": 32,
    "axes_dims_rope": (4, 4, 4, 4),
    "guidance_embeds": False,
}
MAP = """
[[rename]]
from = "transformer.time_guidance_embed.linear_*"
to = "transformer.time_guidance_embed.timestep_embedder.linear_*"
[[rename]]
from = "transformer.transformer_blocks.*.attn.to_out"
to = "transformer.transformer_blocks.*.attn.to_out.0"
"""
# Modules that only one of the two has, and those with other axes (rotary tables, heads first).
SKIP = (
    *("*.act_fn*", "*.silu", "*.act", "*.to_out.1", "*.time_proj", "*.timestep_embedder", "*.gate_fn"),
    *("*_modulation*", "*.pos_embed", "*.norm_q", "*.norm_k", "*.norm_added_q", "*.norm_added_k", "*.mlp_act_fn*"),
)


def inputs() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {
        "hidden_states": torch.randn(1, 12, 8, generator=generator),
        "encoder_hidden_states": torch.randn(1, 5, 24, generator=generator),
        "timestep": torch.tensor([0.7]),
        "img_ids": torch.tensor([[0, i // 4, i % 4, 0] for i in range(12)]),
        "txt_ids": torch.tensor([[0, 0, 0, i] for i in range(5)]),
    }


def dump_reference(folder: Path) -> torch.nn.Module:
    from diffusers import Flux2Transformer2DModel

    transformer = Flux2Transformer2DModel(**SIZES)
    with Capture(folder, skip=SKIP) as capture:
        capture.add("transformer", transformer)
        transformer(**inputs(), guidance=None)
    return transformer


def dump_port(folder: Path, reference: torch.nn.Module, *, eps: float | None = 1e-6, **options) -> None:
    """`eps` is that of the queries' and keys' norms, None for the package's own."""
    port = model.Flux2Transformer(**SIZES)
    for _, module in port.named_modules():
        if eps is not None and isinstance(module, mnn.RMSNorm):
            module.eps = eps
    weights = {key: mx.array(value.numpy()) for key, value in reference.state_dict().items()}
    renamed = {".timestep_embedder.linear": ".linear", ".to_out.0.": ".to_out."}
    for old, new in renamed.items():
        weights = {key.replace(old, new): value for key, value in weights.items()}
    port.load_weights(list(weights.items()))
    with Capture(folder, skip=SKIP, **options) as capture:
        capture.add("transformer", port)
        port(**{name: mx.array(value.numpy()) for name, value in inputs().items()})


def compared(binary: Path, run: Path) -> dict:
    (run / "map.toml").write_text(MAP)
    command = [binary, "parity", "compare", run / "ref", run / "mlx", "--map", run / "map.toml", "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True).stdout)


def test_pypi_mflux_in_float32_is_diffusers(tmp_path, mflux_binary, monkeypatch):
    monkeypatch.setattr(model.ModelConfig, "precision", mx.float32)
    reference = dump_reference(tmp_path / "ref")
    dump_port(tmp_path / "mlx", reference)
    result = compared(mflux_binary, tmp_path)
    rows = {row["name"]: row for row in result["checkpoints"]}
    assert result["verdict"] == "PASS", [
        (name, row["verdict"]) for name, row in rows.items() if row["verdict"] != "PASS"
    ]
    assert len(rows) > 35
    assert rows["transformer"]["rel_l2"] < 1e-5
    assert {"transformer.transformer_blocks.0.attn.to_out.0", "transformer.single_transformer_blocks.1.attn"} < set(
        rows
    )


def test_the_eps_of_its_attention_norms_is_found(tmp_path, mflux_binary, monkeypatch):
    monkeypatch.setattr(model.ModelConfig, "precision", mx.float32)
    reference = dump_reference(tmp_path / "ref")
    dump_port(tmp_path / "mlx", reference, eps=None)
    result = compared(mflux_binary, tmp_path)
    assert result["verdict"] == "FAIL"
    assert result["first_divergence"]["owner"] == "transformer.transformer_blocks.0.attn"


def test_its_bfloat16_embedding_shows_and_injection_takes_it_away(tmp_path, mflux_binary):
    reference = dump_reference(tmp_path / "ref")
    dump_port(tmp_path / "mlx", reference)
    result = compared(mflux_binary, tmp_path)
    rows = {row["name"]: row for row in result["checkpoints"]}
    assert result["verdict"] == "FAIL"
    assert rows["transformer.time_guidance_embed"]["verdict"] == "PASS"
    assert rows["transformer.transformer_blocks.0"]["verdict"] != "PASS"
    cut = {f"transformer.{name}": tmp_path / "ref" for name in ("norm_out", "single_transformer_blocks.1")}
    dump_port(tmp_path / "mlx", reference, inject=cut)
    rows = {row["name"]: row for row in compared(mflux_binary, tmp_path)["checkpoints"]}
    assert rows["transformer.single_transformer_blocks.0"]["verdict"] != "PASS"
    assert rows["transformer"]["verdict"] == "PASS"
