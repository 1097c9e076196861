"""`mflux parity bisect` on real diffusers modules with a bug in one part, by scripts left as they are."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

SCRIPT = """
import sys
import torch
from diffusers import AutoencoderKL, Flux2Transformer2DModel
from mflux_reference import Capture

torch.manual_seed(0)
torch.set_num_threads(1)
model, bad = sys.argv[1:]
if model == "transformer":
    module = Flux2Transformer2DModel(
        patch_size=1, in_channels=8, out_channels=8, num_layers=1, num_single_layers=3, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=24, timestep_guidance_channels=16, axes_dims_rope=(4, 4, 4, 4),
    )
else:
    module = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 16), norm_num_groups=4, latent_channels=4,
    )
module.eval()
generator = torch.Generator().manual_seed(1)
draw = lambda *shape: torch.randn(*shape, generator=generator)
if bad != "none":
    victim = module.get_submodule(bad)
    victim.register_forward_hook(lambda _module, _args, result: result * 1.05)
with torch.no_grad(), Capture("written/nowhere", taps=["*.never"], seed=7) as capture:
    capture.add(model, module)
    x = draw(1, 6, 8) if model == "transformer" else draw(1, 4, 6, 6)
    if model == "vae":
        capture.add_method("vae.decode", module, "decode")
        capture.record("decoded", module.decode(x).sample)
    else:
        text = draw(1, 5, 24)
        for _ in capture.steps(range(2)):
            x = x - 0.3 * module(
                hidden_states=x, encoder_hidden_states=text, timestep=torch.tensor([0.5]), img_ids=torch.zeros(6, 4),
                txt_ids=torch.zeros(5, 4), guidance=torch.tensor([1.0]), return_dict=False,
            )[0]
            capture.record("latents", x)
"""
LEAVES = {
    "transformer": [
        "x_embedder",
        "transformer_blocks.0.attn.norm_k",
        "transformer_blocks.0.ff.linear_out",
        "single_transformer_blocks.1.attn.to_out",
        "single_transformer_blocks.2.norm",
        "norm_out.linear",
        "proj_out",
    ],
    "vae": [
        "post_quant_conv",
        "decoder.mid_block.attentions.0.to_v",
        "decoder.up_blocks.0.resnets.1.norm2",
        "decoder.up_blocks.1.resnets.0.conv_shortcut",
        "decoder.conv_norm_out",
    ],
}


@pytest.fixture
def bisect(mflux_binary: Path, tmp_path: Path, repository: Path):
    script = tmp_path / "dump.py"
    script.write_text(SCRIPT)
    paths = [str(repository / "tools/reference/src"), os.environ.get("PYTHONPATH", "")]

    def run(model: str, ref: str, port: str, *flags: str, code: int = 1) -> dict:
        command = [mflux_binary, "parity", "bisect", tmp_path / "run", "--json", *flags]
        for side, bad in (("--ref", ref), ("--mlx", port)):
            command += [side, f"{sys.executable} {script} {model} {bad}"]
        environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, paths))}
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        assert not (tmp_path / "written").exists(), "the script's own folder"
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize(("model", "budget"), [("transformer", "60KB"), ("vae", "200KB"), ("vae", "1GB")])
def test_the_bad_leaf_is_found(bisect, model: str, budget: str, tmp_path: Path) -> None:
    leaf = random.Random(f"{model} {budget} {os.environ.get('MFLUX_SEED', 0)}").choice(LEAVES[model])
    result = bisect(model, "none", leaf, "--max-bytes", budget, "--keep")
    step = "@step=1" if model == "transformer" else ""
    assert (result["kind"], result["module"]) == ("leaf", f"{model}.{leaf}{step}"), result
    assert result["found"]["gain"] > 100
    sizes = [entry["bytes"] for entry in result["rounds"]]
    if budget == "1GB":
        assert len(sizes) == 1
    else:
        assert 2 <= len(sizes) <= 16, "it narrows"
        whole = sum(path.stat().st_size for path in (tmp_path / "run/rounds/001").rglob("*"))
        assert whole == pytest.approx(sizes[0], rel=0.5), "kept"
        log = (tmp_path / "run/bisect.log").read_text()
        assert all(f"round {number + 1}: {entry['why']}" in log for number, entry in enumerate(result["rounds"]))


def test_equal_runs_pass(bisect) -> None:
    assert bisect("vae", "none", "none", code=0)["verdict"] == "PASS"


def test_a_torch_module_and_port_run(mflux_binary: Path, tmp_path: Path, repository: Path) -> None:
    """The reference's own weights differ in one tensor from those that the port reads."""
    if subprocess.run([mflux_binary, "port", "--help"], capture_output=True).returncode != 0:
        pytest.skip("the built mflux has no ports (-DMFLUX_WITH_MLX=OFF)")
    model = repository / "tests/fixtures/vae/four_blocks"
    shutil.copytree(model, tmp_path / "model")
    weights = load_file(model / "diffusion_pytorch_model.safetensors")
    weights["decoder.up_blocks.1.resnets.0.conv2.weight"] *= 1.1
    save_file(weights, tmp_path / "model/diffusion_pytorch_model.safetensors")
    inputs = f"--inputs {model / 'decode'}"
    command = [mflux_binary, "parity", "bisect", tmp_path / "run", "--json", "--max-bytes", "300KB"]
    command += ["--ref", f"{sys.executable} -m mflux_reference.module {tmp_path / 'model'} vae.decode {inputs}"]
    command += ["--mlx", f"{mflux_binary} port run flux2-klein vae.decode --model {model} {inputs}"]
    environment = {**os.environ, "PYTHONPATH": str(repository / "tools/reference/src")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert (result["kind"], result["module"]) == ("leaf", "vae.decoder.up_blocks.1.resnets.0.conv2"), result
