"""`mflux parity try` against NumPy, ml_dtypes and the rotary functions of diffusers and transformers."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch
from diffusers.models.embeddings import apply_rotary_emb
from transformers.models.qwen3.modeling_qwen3 import apply_rotary_pos_emb

Try = Callable[..., dict]
OTHER_WAY = re.compile(r"\w+->\w+")
FLOATS = ["f2", "f4", "f8", "bfloat16", "float8_e5m2"]
INTEGERS = ["?", "u1", "i2", "i4", "i8"]
CASTS = {
    "bfloat16": ml_dtypes.bfloat16,
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
    "float8_e5m2": ml_dtypes.float8_e5m2,
    "float8_e4m3": ml_dtypes.float8_e4m3fn,
}


def tolerances(folder: Path, value: float) -> Path:
    path = folder / f"{value}.toml"
    path.write_text(f'[[tolerance]]\nmatch = "*"\natol = {value}\nrtol = {value}\n')
    return path


@pytest.fixture
def attempt(mflux_binary: Path, tmp_path: Path) -> Try:
    """Tries a chain on the port (or reference), with no tolerance at all."""
    exact = tolerances(tmp_path, 0)

    def run(chain: str, ref: np.ndarray, port: np.ndarray, *flags: str) -> dict:
        np.save(tmp_path / "ref.npy", ref)
        np.save(tmp_path / "mlx.npy", port)
        command = [mflux_binary, "parity", "try", tmp_path / "ref.npy", tmp_path / "mlx.npy", "--transform", chain]
        given = any(flag.startswith("--tolerances") for flag in flags)
        command += ["--json", *flags, *([] if given else [f"--tolerances={exact}"])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 1), f"{chain}: {done.stderr}"
        result = json.loads(done.stdout)
        assert (done.returncode == 0) == (result["verdict"] == "PASS")
        return result

    return run


def array(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    if dtype == "?":
        return rng.random(shape) < 0.5
    if np.dtype(dtype).kind in "iu":
        return rng.integers(0, 100, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def random_axis(rng: np.random.Generator, x: np.ndarray) -> int:
    return int(rng.integers(-x.ndim, x.ndim))


def rope(x: np.ndarray, to_half: bool, head: int, axis: int) -> np.ndarray:
    x = np.moveaxis(x, axis, -1)
    inner = (head // 2, 2) if to_half else (2, head // 2)
    y = x.reshape(*x.shape[:-1], -1, *inner).swapaxes(-1, -2).reshape(x.shape)
    return np.moveaxis(y, -1, axis)


def random_layout(rng: np.random.Generator, x: np.ndarray) -> tuple[str, np.ndarray]:
    kinds = ["permute", "transpose", "reshape", "flip", "roll", "slice", "swap_halves", "rope"]
    kind, axis = rng.choice(kinds), random_axis(rng, x)
    size = x.shape[axis]
    if kind == "permute":
        axes = rng.permutation(x.ndim)
        return f"permute {','.join(map(str, axes))}", x.transpose(axes)
    if kind == "transpose":
        other = random_axis(rng, x)
        return f"transpose {axis},{other}", x.swapaxes(axis, other)
    if kind == "reshape":
        shape = list(x.shape)
        at = int(rng.integers(0, x.ndim))
        shape[at : at + 1] = [2, shape[at] // 2] if shape[at] % 2 == 0 and x.ndim < 6 else [shape[at]]
        y = x.reshape(shape)
        shape[int(rng.integers(0, len(shape)))] = -1
        return f"reshape {','.join(map(str, shape))}", y
    if kind == "flip":
        return f"flip {axis}", np.flip(x, axis)
    if kind == "roll":
        shift = int(rng.integers(-20, 20))
        return f"roll {axis},{shift}", np.roll(x, shift, axis)
    if kind == "slice" and size > 1:
        begin, step = int(rng.integers(0, size)), int(rng.integers(1, 4))
        end = int(rng.integers(begin + 1, size + 1))
        y = x.take(range(begin, end, step), axis)
        signed = begin - size if rng.random() < 0.5 else begin
        return f"slice {axis},{signed},{end if end < size else ''},{step}", y
    if kind == "swap_halves" and size % 2 == 0:
        return f"swap_halves {axis}", np.roll(x, size // 2, axis)
    if kind == "rope" and size % 2 == 0:
        to_half, head = bool(rng.random() < 0.5), size // 2 if size % 4 == 0 else size
        name = "interleaved->half" if to_half else "half->interleaved"
        return f"rope {name},{head},{axis}", rope(x, to_half, head, axis)
    return "flip 0", np.flip(x, 0)


@pytest.mark.parametrize("seed", range(40))
def test_random_chains_of_layouts_are_numpys(attempt: Try, seed: int) -> None:
    rng = np.random.default_rng(seed)
    dtype = rng.choice([*FLOATS[:3], *INTEGERS])
    x = array(rng, tuple(rng.choice([1, 2, 3, 4, 6, 8], size=rng.integers(1, 5))), dtype)
    if rng.random() < 0.3:
        x = np.asfortranarray(x)
    if rng.random() < 0.3 and x.dtype.itemsize > 1:
        x = x.astype(x.dtype.newbyteorder(">"))
    y, chain = x, []
    for _ in range(rng.integers(1, 6)):
        text, y = random_layout(rng, y)
        chain.append(text)
    result = attempt(" | ".join(chain), y, x)
    assert result["verdict"] == "PASS", (chain, x.shape, result["checkpoints"])
    assert result["checkpoints"][0]["after"]["port_shape"] == list(y.shape)
    again = attempt(result["transform"], y, x)
    assert again == result, "the printed chain is not the one that was given"


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", CASTS)
@pytest.mark.filterwarnings("ignore:.*overflow.*:RuntimeWarning")
def test_casts_are_numpys(attempt: Try, dtype: str, name: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal(20000) * 10.0 ** rng.uniform(-9, 4, 20000)
    if name == "float8_e4m3":
        x = np.clip(x, -460, 460)  # beyond is NaN, and so is 465
    x = x.astype(dtype)
    y = x.astype(CASTS[name]).astype(dtype)
    result = attempt(f"cast {name}", y.astype("f8"), x.astype("f8") if dtype == "f8" else x)
    assert result["verdict"] == "PASS", result["checkpoints"]
    spoiled = y.astype("f8")
    spoiled[7] = np.nextafter(spoiled[7], 9e9)
    assert attempt(f"cast {name}", spoiled, x)["verdict"] == "FAIL"


@pytest.mark.parametrize("dtype", FLOATS)
def test_arithmetic_is_numpys(attempt: Try, dtype: str) -> None:
    x = np.random.default_rng(2).standard_normal(5000).astype(dtype)
    for chain, expected in {
        "scale 0.3611": (x.astype("f8") * 0.3611).astype(dtype),
        "add -0.1159": (x.astype("f8") - 0.1159).astype(dtype),
        "negate": -x,
        "scale 1e-2 | add 3": ((x.astype("f8") * 1e-2).astype(dtype).astype("f8") + 3).astype(dtype),
    }.items():
        result = attempt(chain, expected.astype("f8"), x)
        assert result["verdict"] == "PASS", (chain, result["checkpoints"])
        assert attempt(chain, x, expected, "--side", "ref")["checkpoints"][0]["after"]["rel_l2"] == 0


def test_integers_and_complex_numbers(attempt: Try) -> None:
    rng = np.random.default_rng(3)
    ids = rng.integers(0, 50000, (2, 9))
    assert attempt("add -1", ids, ids.astype("i4") + 1)["verdict"] == "PASS"
    assert attempt("negate | scale -2", 2 * ids, ids)["verdict"] == "PASS"
    times = rng.uniform(0, 1000, 64).astype("f4")
    assert attempt("cast int64", times.astype("i8").astype("f4"), times)["verdict"] == "PASS"
    assert attempt("cast bool", (times > 0).astype("f4"), times)["verdict"] == "PASS"
    z = (rng.standard_normal((3, 4)) + 1j * rng.standard_normal((3, 4))).astype("c8")
    assert attempt("permute 1,0 | negate | scale 0.5", -z.T * np.float32(0.5), z)["verdict"] == "PASS"


def qwen_rotated(q: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    table = torch.cat([angles, angles], -1)[None]
    return apply_rotary_pos_emb(q, q, table.cos(), table.sin())[0]


def test_rope_orders_are_those_of_diffusers_and_transformers(attempt: Try, tmp_path: Path) -> None:
    """x rotated in pairs (2i, 2i + 1) by diffusers, moved to half order, is moved x rotated by transformers."""
    torch.manual_seed(0)
    interleaved = torch.randn(1, 3, 10, 16)  # batch, heads, positions, head_dim
    angles = torch.outer(torch.arange(10.0), 100.0 ** -torch.linspace(0, 1, 8))
    doubled = angles.repeat_interleave(2, -1)
    rotated = apply_rotary_emb(interleaved, (doubled.cos(), doubled.sin()), use_real_unbind_dim=-1)
    half = torch.cat([interleaved[..., 0::2], interleaved[..., 1::2]], -1)
    same = qwen_rotated(half, angles)
    torch.testing.assert_close(same.double().norm(), rotated.double().norm())
    loose = "--tolerances=" + str(tolerances(tmp_path, 1e-6))
    for chain, ref, port in [
        ("rope interleaved->half", same, rotated),
        ("rope half->interleaved", rotated, same),
        ("permute 0,2,1,3 | reshape 1,10,48 | rope interleaved->half,16", same.transpose(1, 2).flatten(2), rotated),
    ]:
        result = attempt(chain, ref.numpy(), port.numpy(), loose)
        assert result["verdict"] == "PASS", (chain, result["checkpoints"])
        other = OTHER_WAY.sub(lambda found: "->".join(reversed(found[0].split("->"))), chain)
        assert attempt(other, ref.numpy(), port.numpy(), loose)["verdict"] == "FAIL"
