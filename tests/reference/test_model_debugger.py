"""Folders of transformers' model_addition_debugger_context beside captures of the same model."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen3Config, Qwen3Model
from transformers.model_debugging_utils import model_addition_debugger_context

from mflux_reference import Capture


def tiny_model(seed: int, layers: int = 4) -> Qwen3Model:
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=32,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
    )
    return Qwen3Model(config).eval()


def debug(model: torch.nn.Module, folder: Path, ids: torch.Tensor, **how: Any) -> Path:
    with model_addition_debugger_context(model, debug_path=str(folder), **how):
        model.forward(input_ids=ids)
    return folder


def run(mflux_binary: Path, *arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([mflux_binary, "parity", *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_capture_and_the_debugger_agree(mflux_binary: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    model, ids = tiny_model(3).to(dtype), torch.randint(0, 32, (1, 5))
    with Capture(tmp_path / "ref", inputs=True) as capture:
        capture.add("Qwen3Model", model)
        model(input_ids=ids)
    debug(model, tmp_path / "port", ids, do_prune_layers=False, use_repr=False)
    done = run(mflux_binary, "compare", tmp_path / "ref", tmp_path / "port", "--allow-missing", "*", "--json")
    result = json.loads(done.stdout)
    passed = {row["name"] for row in result["checkpoints"] if row["verdict"] == "PASS"}
    assert done.returncode == 0, done.stdout
    for layer in range(4):
        for module in ("self_attn.q_proj", "self_attn.o_proj", "mlp.down_proj", "input_layernorm"):
            name = f"Qwen3Model.layers.{layer}.{module}"
            assert {name, f"{name}.in"} <= passed
    assert {"Qwen3Model", "Qwen3Model.norm", "Qwen3Model.embed_tokens"} <= passed
    with torch.no_grad():
        model.layers[2].mlp.up_proj.weight[3] *= 1.5
    debug(model, tmp_path / "port", ids, do_prune_layers=False, use_repr=False)
    done = run(mflux_binary, "compare", tmp_path / "ref", tmp_path / "port", "--allow-missing", "*", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["first_divergence"]["name"] == "Qwen3Model.layers.2.mlp.up_proj"


def inspected(mflux_binary: Path, folder: Path) -> list[str]:
    done = run(mflux_binary, "inspect", folder, "--json")
    assert done.returncode == 0, done.stderr
    return [tensor["name"] for tensor in json.loads(done.stdout)["files"][0]["tensors"]]


def test_execution_order_and_pruning(mflux_binary: Path, tmp_path: Path) -> None:
    model, ids = tiny_model(1), torch.randint(0, 32, (1, 5))
    names = inspected(mflux_binary, debug(model, tmp_path / "whole", ids, do_prune_layers=False, use_repr=False))
    assert names[0] == "Qwen3Model.in" and names[-1] == "Qwen3Model"
    order = ["embed_tokens", "layers.0.self_attn.q_proj", "layers.0.mlp.down_proj", "layers.2.in.0", "norm"]
    places = [names.index(f"Qwen3Model.{name}") for name in order]
    assert places == sorted(places)
    pruned = inspected(mflux_binary, debug(model, tmp_path / "pruned", ids, use_repr=False))
    assert [name for name in names if ".layers.1." not in name and ".layers.2." not in name] == pruned
    done = run(mflux_binary, "inspect", tmp_path / "pruned")
    assert done.returncode == 0 and "66 tensor files of Qwen3Model are not in its tree" in done.stdout
    done = run(mflux_binary, "inspect", tmp_path / "pruned", "--json")
    assert "do_prune_layers=False keeps all" in json.loads(done.stdout)["files"][0]["remarks"][0]
    (tmp_path / "ref").symlink_to(tmp_path / "whole")
    (tmp_path / "mlx").symlink_to(tmp_path / "pruned")
    files = json.loads(run(mflux_binary, "inspect", tmp_path, "--json").stdout)["files"]
    assert [file["path"] for file in files] == [str(tmp_path / "ref"), str(tmp_path / "mlx")]
    done = run(mflux_binary, "compare", tmp_path / "pruned", tmp_path / "whole")
    assert done.returncode == 0 and "do_prune_layers=False keeps all" in done.stdout + done.stderr


def test_text_only_is_refused(mflux_binary: Path, tmp_path: Path) -> None:
    done = run(mflux_binary, "inspect", debug(tiny_model(1, 1), tmp_path / "text", torch.ones(1, 3, dtype=torch.long)))
    assert done.returncode == 2 and "use_repr=False" in done.stderr


class Twice(torch.nn.Module):
    """Calls a module twice: the debugger keeps its last call only."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(4, 4)

    def forward(self, input_ids: torch.Tensor) -> dict[str, torch.Tensor]:
        first = self.linear(input_ids)
        return {"first": first, "second": self.linear(first)}


def test_a_module_called_twice(mflux_binary: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    folder = debug(Twice(), tmp_path / "twice", torch.ones(1, 4), use_repr=False)
    names = inspected(mflux_binary, folder)
    assert names == ["Twice.in", "Twice.linear.call2.in", "Twice.linear.call2", "Twice.out.first", "Twice.out.second"]
    done = run(mflux_binary, "compare", folder, folder)
    assert "overwritten by later calls" in done.stdout + done.stderr
