"""What Capture makes of loops, generators and containers, and injection: alike for torch and MLX."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from mflux_reference import Capture, capture, load_dump


class Kit:
    """One framework's words for the few things that these tests say."""

    def __init__(self, framework: str) -> None:
        self.name = framework
        if framework == "torch":
            self.Module, self.full = torch.nn.Module, lambda value: torch.full((2,), float(value))
        else:
            import mlx.core as mx
            import mlx.nn as nn

            self.Module, self.full = nn.Module, lambda value: mx.full((2,), float(value))

    def module(self, function) -> Any:
        method = "forward" if self.name == "torch" else "__call__"
        return type("Made", (self.Module,), {method: lambda _self, *args, **kwargs: function(*args, **kwargs)})()


@pytest.fixture(params=["torch", "mlx"])
def kit(request) -> Kit:
    if request.param == "mlx":
        pytest.importorskip("mlx.core", reason="mlx is not installed")
    return Kit(request.param)


def values(folder) -> dict[str, float]:
    dump = load_dump(folder)
    return {name: dump.tensor(name, "numpy")[0].item() for name in dump.names()}


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclasses.dataclass(frozen=True)
class Sample:
    sample: Any
    note: str = ""


def test_outputs_of_every_container(tmp_path, kit):
    returned = (Pair(kit.full(1), [kit.full(2)]), {"b": kit.full(3), "a": Sample(kit.full(4))}, "text", None)
    module = kit.module(lambda: returned)
    assert capture(module, module, tmp_path, name="m") is returned
    assert values(tmp_path) == {"m.out.0.0": 1, "m.out.0.1.0": 2, "m.out.1.0": 3, "m.out.1.1.0": 4}


def test_injection_reaches_into_containers_and_leaves_the_rest(tmp_path, kit):
    inner = {"b": kit.full(3), "a": Sample(kit.full(4), "kept")}
    returned = (Pair(kit.full(1), [kit.full(2)]), inner, "text", [])
    module = kit.module(lambda: returned)
    nines = np.full(2, 9, np.float64)
    inject = {"m.out.0.0": nines, "m.out.1.1.0": nines}
    result = capture(module, module, tmp_path, name="m", inject=inject)
    assert values(tmp_path) == {"m.out.0.0": 9, "m.out.0.1.0": 2, "m.out.1.0": 3, "m.out.1.1.0": 9}
    assert (
        isinstance(result[0], Pair) and result[0].left.tolist() == [9, 9] and result[0].left.dtype == inner["b"].dtype
    )
    assert result[0].right is returned[0].right and result[2:] == ("text", [])
    assert result[1]["a"] == Sample(result[1]["a"].sample, "kept") and result[1]["a"].sample.tolist() == [9, 9]
    assert inner["a"].sample.tolist() == [4, 4]


def test_an_injected_argument_is_that_argument_only(tmp_path, kit):
    x = kit.full(1)
    method = "forward" if kit.name == "torch" else "__call__"

    def call(self, query, key=None, *rest, scale, **more):
        return query - key + rest[0] * scale["by"] + more["last"]

    module = type("Made", (kit.Module,), {method: call})()
    inject = {"m.in.key": np.full(2, 5.0), "m.in.scale.by": np.full(2, 7.0)}
    out = capture(
        module, lambda: module(x, x, x, scale={"by": x}, last=x), tmp_path, name="m", inputs=True, inject=inject
    )
    assert out.tolist() == [1 - 5 + 7 + 1] * 2
    expected = {"m.in.query": 1, "m.in.key": 5, "m.in.rest.0": 1, "m.in.scale.by": 7, "m.in.last": 1, "m": 4}
    assert values(tmp_path) == expected


def test_a_generator_gives_outputs_one_by_one(tmp_path, kit):
    def forward(x):
        got = yield x + 1
        yield (x + got, x + 3)
        return "done"

    module, seen = kit.module(forward), []

    def run():
        items = module(kit.full(0))
        seen.append(next(items))
        seen.append(items.send(2))
        with pytest.raises(StopIteration, match="done"):
            next(items)

    capture(module, run, tmp_path, name="m", inject={"m.out.0": np.full(2, 8.0)})
    assert values(tmp_path) == {"m.out.0": 8, "m.out.1.0": 2, "m.out.1.1": 3}
    assert seen[0].tolist() == [8, 8]


@pytest.mark.parametrize("lazy", [False, True])
def test_steps_of_a_loop_and_of_a_generator(tmp_path, kit, lazy):
    module = kit.module(lambda x: x + 1)

    def loop():
        for value in (10, 20, 30):
            yield module(kit.full(value))

    with Capture(tmp_path) as recorder:
        recorder.add("m", module)
        module(kit.full(0))
        for item in recorder.steps(loop() if lazy else [10, 20, 30]):
            recorder.record("latents", item if lazy else module(kit.full(item)))
            module(kit.full(5))
        module(kit.full(1))
    expected = {"m": 1, "m.call2": 2}
    for step, value in enumerate((11, 21, 31), 1):
        expected |= {f"m@step={step}": value, f"latents@step={step}": value, f"m.call2@step={step}": 6}
    assert values(tmp_path) == expected


def test_a_run_that_is_a_generator_of_steps(tmp_path, kit):
    module = kit.module(lambda x: x + 1)

    def run():
        x = kit.full(0)
        for _ in range(3):
            x = module(x)
            yield x

    results = capture(module, run, tmp_path, name="m")
    assert [result.tolist() for result in results] == [[1, 1], [2, 2], [3, 3]]
    assert values(tmp_path) == {"m@step=1": 1, "m@step=2": 2, "m@step=3": 3}


def test_records_come_back_as_they_are_or_as_injected(tmp_path, kit):
    mine = kit.full(1)
    with Capture(tmp_path, inject={"b": np.full(2, 4.0, np.float64), "c@step=2": kit.full(6)}) as recorder:
        assert recorder.record("a", mine) is mine
        b = recorder.record("b", mine)
        for _ in recorder.steps(range(2)):
            recorder.record("c", mine)
    assert b.tolist() == [4, 4] and b.dtype == mine.dtype
    assert values(tmp_path) == {"a": 1, "b": 4, "c@step=1": 1, "c@step=2": 6}


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors", ".pt", ""])
def test_files_of_every_kind_are_injected(tmp_path, kit, suffix):
    tensor = torch.tensor([3.0, 4.0], dtype=torch.bfloat16 if suffix in (".safetensors", ".pt", "") else torch.float32)
    path = tmp_path / f"x{suffix}"
    if suffix == ".npy":
        np.save(path, tensor.numpy())
    elif suffix == ".npz":
        np.savez(path, x=tensor.numpy(), other=np.zeros(2))
    elif suffix == ".pt":
        torch.save({"x": tensor, "other": torch.zeros(2)}, path)
    elif suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file({"x": tensor, "other": torch.zeros(2)}, path)
    else:
        with Capture(path) as recorder:
            recorder.record("x", tensor)
    with Capture(tmp_path / "out", inject={"x": path, "y": f"{path}#x"}) as recorder:
        assert recorder.record("x", kit.full(0)).tolist() == [3, 4]
        assert recorder.record("y", kit.full(0)).tolist() == [3, 4]


def test_what_cannot_be_injected_is_said(tmp_path, kit):
    def run(name, array):
        with Capture(tmp_path, inject={name: array}) as recorder:
            recorder.record("latents@step=2", kit.full(0))

    with pytest.raises(ValueError, match=r"cannot inject latents@step=2: it is \[3\], the run has \[2\] there"):
        run("latents@step=2", np.zeros(3))
    with pytest.raises(ValueError, match="it is int64, the run has float32 there"):
        run("latents@step=2", np.zeros(2, np.int64))
    with pytest.raises(ValueError, match=r"nothing was injected for latents@step=1.*the nearest is latents@step=2"):
        run("latents@step=1", np.zeros(2))
    with pytest.warns(UserWarning, match="holds NaN or infinity"):
        run("latents@step=2", np.full(2, np.nan))
    with pytest.raises(KeyError, match="no tensor named x"):
        np.savez(tmp_path / "a.npz", y=np.zeros(2))
        run("x", tmp_path / "a.npz")


def test_a_component_that_never_runs_is_warned_of(tmp_path, kit):
    module = kit.module(lambda x: x)
    with pytest.warns(UserWarning, match="m was added, but none of its modules was called"):
        capture(module, lambda: None, tmp_path, name="m")


def test_debug_artifacts_stay_out_of_git(tmp_path, kit):
    with Capture(tmp_path / "debug_artifacts" / "run" / "ref") as recorder:
        recorder.record("x", kit.full(1))
    ignore = tmp_path / "debug_artifacts" / ".gitignore"
    assert ignore.read_text() == "*\n"
    ignore.write_text("mine\n")
    with Capture(tmp_path / "debug_artifacts" / "run" / "mlx") as recorder:
        recorder.record("x", kit.full(1))
    assert ignore.read_text() == "mine\n"
    with Capture(tmp_path / "elsewhere") as recorder:
        recorder.record("x", kit.full(1))
    assert not (tmp_path / "elsewhere" / ".gitignore").exists()
