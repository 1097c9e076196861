"""compare() and assert_parity: what the command says, for Python users."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mflux_reference import Capture, compare
from mflux_reference.binary import find_binary

pytest_plugins = ("pytester",)


@pytest.fixture(autouse=True)
def _binary(mflux_binary, monkeypatch):
    monkeypatch.setenv("MFLUX_BINARY", str(mflux_binary))


def drawn() -> dict[str, torch.Tensor]:
    return {"x.in": torch.randn(4, 8), "x": torch.randn(4, 8), "y": torch.randn(3), "latents@step=2": torch.randn(5)}


def test_equal_tensors_pass_and_order_is_kept():
    reference = drawn()
    result = compare(reference, {name: tensor.numpy() for name, tensor in reversed(reference.items())})
    assert result.passed and result.verdict == "PASS" and result.first_divergence is None
    assert result["verdict"] == ["PASS"] * 4
    assert [row["name"] for row in result] == ["x.in", "x", "y", "latents"]
    assert result["latents@step=2"]["step"] == 2


def test_a_difference_is_found_ranked_and_shown():
    reference = drawn()
    port = {name: tensor.clone() for name, tensor in reference.items()}
    port["x"] *= 1.5
    del port["y"]
    result = compare(reference, port)
    assert not result.passed and result.verdict == "FAIL"
    assert result.first_divergence["name"] == "x"
    assert [row["name"] for row in result.worst(2)] == ["x", "y"]
    assert [row["name"] for row in result.filter("FAIL", "MISSING")] == ["x", "y"]
    assert result["x"]["rel_l2"] == pytest.approx(0.5)
    assert result.columns[:3] == ["verdict", "name", "step"] and "cosine" in result.columns
    lines = repr(result).splitlines()
    assert lines[0] == "FAIL, 4 checkpoints; first divergence: x"
    assert lines[3].split()[:2] == ["FAIL", "x"] and "0.5" in lines[3]
    assert "<td>FAIL</td><td>x</td>" in result._repr_html_()
    with pytest.raises(ValueError, match="no verdict named BAD"):
        result.filter("BAD")
    with pytest.raises(KeyError, match="no checkpoint and no column named z"):
        result["z"]


def test_the_worst_of_one_verdict_is_the_farthest():
    reference = {name: torch.randn(5) for name in "abc"}
    port = {name: tensor * factor for (name, tensor), factor in zip(reference.items(), (1.1, 3, 2), strict=True)}
    assert [row["name"] for row in compare(reference, port).worst(2)] == ["b", "c"]


def test_options_reach_the_command(tmp_path):
    reference = drawn()
    port = {"renamed" if name == "x" else name: tensor + 1e-3 for name, tensor in reference.items() if name != "y"}
    options = {"map": {"renamed": "x"}, "tolerances": {"*": (1e-2, 0.0)}, "allow_missing": ["y"]}
    assert compare(reference, port, **options).passed
    assert compare(reference, port, **options)["x"]["port_name"] == "renamed"
    without_map = compare(reference, port, tolerances={"*": (1e-2, 0.0)}, allow_missing="y")
    assert "matched by their values alone" in without_map.facts["remarks"][0]
    for left_out in ("tolerances", "allow_missing"):
        assert not compare(reference, port, **{key: value for key, value in options.items() if key != left_out}).passed
    (tmp_path / "parity.toml").write_text('[[tolerance]]\nmatch = "*"\natol = 0.01\nrtol = 0\n')
    assert compare(reference, port, **{**options, "tolerances": tmp_path / "parity.toml"}).passed


def test_the_three_way_gate(tmp_path):
    exact = {"x": torch.randn(4000)}
    rounded = {"x": exact["x"].bfloat16()}
    result = compare(rounded, {"x": (exact["x"] * 1.0001).bfloat16()}, ref32=exact)
    assert result.passed and 0.9 < result["x"]["ratio"] < 1.2
    assert not compare(rounded, {"x": (exact["x"] * 1.02).bfloat16()}, ref32=exact).passed
    assert compare(rounded, {"x": (exact["x"] * 1.02).bfloat16()}, ref32=exact, max_ratio=50).passed


def test_bfloat16_of_torch_and_mlx_stays_bfloat16():
    mx = pytest.importorskip("mlx.core", reason="mlx is not installed")
    tensor = torch.randn(40, 40).bfloat16()
    result = compare({"x": tensor}, {"x": mx.array(tensor.float().numpy()).astype(mx.bfloat16)})
    assert result.passed
    assert (result["x"]["dtype"], result["x"]["port_dtype"], result["x"]["max_abs"]) == ("bfloat16", "bfloat16", 0)


def test_files_and_folders_of_every_kind(tmp_path):
    reference = {"x": torch.randn(6), "y": torch.randn(2)}
    arrays = {name: tensor.numpy() for name, tensor in reference.items()}
    np.savez(tmp_path / "a.npz", **arrays)
    with Capture(tmp_path / "run" / "ref") as capture:
        for name, tensor in reference.items():
            capture.record(name, tensor)
    np.savez(tmp_path / "run" / "mlx.npz", **arrays)
    assert compare(tmp_path / "a.npz", reference).passed
    assert compare(str(tmp_path / "run" / "ref"), tmp_path / "run" / "mlx.npz").passed
    (tmp_path / "run" / "mlx").mkdir()
    (tmp_path / "run" / "mlx.npz").rename(tmp_path / "run" / "mlx" / "a.npz")
    assert compare(tmp_path / "run").passed


def test_what_cannot_be_read_is_said_as_the_command_says_it(tmp_path):
    with pytest.raises(RuntimeError, match=r"nowhere: does not exist"):
        compare(tmp_path / "nowhere", {"x": torch.ones(1)})
    with pytest.raises(ValueError, match="mlx: there are no tensors"):
        compare({"x": torch.ones(1)}, {})
    with pytest.raises(TypeError, match=r"expected a torch or MLX module or tensor, got builtins\.list"):
        compare({"x": [1.0]}, {"x": [1.0]})


def test_the_binary_is_looked_for_and_its_absence_explained(tmp_path, mflux_binary, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"none is no file; .* \./dev build"):
        find_binary(tmp_path / "none")
    monkeypatch.setenv("MFLUX_BINARY", str(tmp_path / "other"))
    assert find_binary(mflux_binary) == mflux_binary.absolute()
    with pytest.raises(FileNotFoundError, match="other is no file"):
        find_binary()
    monkeypatch.delenv("MFLUX_BINARY")
    (tmp_path / "mflux").symlink_to(mflux_binary.absolute())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binary() == tmp_path / "mflux"


def test_pandas_is_asked_for_by_name(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        compare({"x": torch.ones(2)}, {"x": torch.ones(2)}).to_pandas()


TESTS = """
import numpy as np
from mflux_reference import assert_parity as plain

REF = {f"block.{i}": np.full(4, i, np.float32) for i in range(60)}

def test_fixture_passes(assert_parity):
    assert assert_parity(REF, REF).passed

def test_plain_passes():
    plain(REF, {k: v + 0.5 for k, v in REF.items()}, tolerances={"*": (1, 0)})

def test_fails(assert_parity):
    assert_parity(REF, {k: v + (k > "block.40") for k, v in REF.items()})
"""


def test_the_plugin_in_pytest(pytester):
    pytester.makepyfile(TESTS)
    result = pytester.runpytest("-p", "mflux_reference.pytest_plugin", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=1)
    shown = result.stdout.str().split("= FAILURES =")[1].split("short test summary")[0].splitlines()
    assert any(line.startswith("no parity: ") and "FAIL" in line for line in shown)
    assert any(line.startswith("FAIL, 60 checkpoints; first divergence: block.") for line in shown)
    assert sum(line.startswith("FAIL  ") for line in shown) == 5
    assert len(shown) < 24
