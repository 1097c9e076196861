"""Capture on mlx.nn modules: the same names, files and values as on their torch twins."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn as tnn

from mflux_reference import Capture, capture, load_dump

mx = pytest.importorskip("mlx.core", reason="mlx is not installed")
mnn = pytest.importorskip("mlx.nn", reason="mlx is not installed")


class TorchBlock(tnn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = tnn.Linear(6, 8)
        self.act = tnn.GELU()
        self.down = tnn.Linear(8, 6)

    def forward(self, x, scale=None):
        return x + self.down(self.act(self.up(x)))


class TorchTree(tnn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = tnn.Linear(4, 6)
        self.blocks = tnn.ModuleList([TorchBlock(), TorchBlock()])
        self.heads = tnn.ModuleDict({"a": tnn.Linear(6, 3), "b": tnn.Linear(6, 2)})
        self._norm = tnn.LayerNorm(6)
        self.again = self.blocks[0]

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x, scale=x)
        x = self._norm(self.again(x))
        return {"a": self.heads["a"](x), "rest": (self.heads["b"](x), None)}


class MlxBlock(mnn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = mnn.Linear(6, 8)
        self.act = mnn.GELU()
        self.down = mnn.Linear(8, 6)

    def __call__(self, x, scale=None):
        return x + self.down(self.act(self.up(x)))


class MlxTree(mnn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = mnn.Linear(4, 6)
        self.blocks = [MlxBlock(), MlxBlock()]
        self.heads = {"a": mnn.Linear(6, 3), "b": mnn.Linear(6, 2)}
        self._norm = mnn.LayerNorm(6)
        self.again = self.blocks[0]

    def __call__(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x, scale=x)
        x = self._norm(self.again(x))
        return {"a": self.heads["a"](x), "rest": (self.heads["b"](x), None)}


def twins() -> tuple[TorchTree, MlxTree]:
    reference, port = TorchTree(), MlxTree()
    weights = {key: mx.array(value.numpy()) for key, value in reference.state_dict().items()}
    norm = {key.removeprefix("_norm."): weights.pop(key) for key in list(weights) if key.startswith("_norm.")}
    port.load_weights([(key, value) for key, value in weights.items() if not key.startswith("again.")], strict=False)
    port._norm.load_weights(list(norm.items()))
    return reference, port


def test_a_tree_gives_the_names_order_and_values_of_its_torch_twin(tmp_path):
    reference, port = twins()
    x = torch.randn(2, 4)
    capture(reference, lambda: reference(x), tmp_path / "ref", name="m", inputs=True)
    capture(port, lambda: port(mx.array(x.numpy())), tmp_path / "mlx", name="m", inputs=True)
    ref, mlx = load_dump(tmp_path / "ref"), load_dump(tmp_path / "mlx")
    assert "m.blocks.0.call2.up" not in ref.names() and "m.blocks.0.up.call2" in ref.names()
    assert mlx.names() == ref.names()
    kept = ("name", "key", "file", "role", "step", "dtype", "shape", "has_parameters", "class")
    for name, ours, theirs in zip(ref.names(), mlx.checkpoints, ref.checkpoints, strict=True):
        same = kept if ours["class"] == theirs["class"] else kept[:-1]
        assert {key: ours[key] for key in same} == {key: theirs[key] for key in same}
        torch.testing.assert_close(mlx.tensor(name), ref.tensor(name), atol=1e-5, rtol=1e-5)


def test_the_manifest_says_what_ran(tmp_path):
    port = MlxTree()
    port.set_dtype(mx.bfloat16)
    capture(port, lambda: port(mx.zeros((1, 4), dtype=mx.bfloat16)), tmp_path, seed=3)
    manifest = load_dump(tmp_path).manifest
    assert manifest["framework"] == f"mlx {mx.__version__}"
    assert (manifest["device"], manifest["compute_dtype"], manifest["seed"]) == ("cpu", "bfloat16", 3)
    assert manifest["components"] == {"model": {"class": "MlxTree", "dtype": "bfloat16"}}
    assert manifest["environment"]["tf32"] is False


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "int64", "uint8", "bool_", "complex64", "uint32"])
def test_dtypes_are_kept(tmp_path, dtype):
    kind = getattr(mx, dtype)
    value = mx.random.normal((3, 5)).astype(kind) if mx.issubdtype(kind, mx.floating) else mx.arange(6).astype(kind)
    with Capture(tmp_path) as recorder:
        assert recorder.record("x", value) is value
        recorder.record("view", value.T)
    stored = load_dump(tmp_path).tensor("x", "mlx")
    assert stored.dtype == kind
    assert mx.array_equal(stored, value)
    assert mx.array_equal(load_dump(tmp_path).tensor("view", "mlx"), value.T)


def test_modules_are_themselves_again_also_after_a_failure(tmp_path):
    class Fails(MlxTree):
        def __call__(self, x):
            self.first(x)
            raise RuntimeError("out of ideas")

    module = Fails()
    classes = [type(child) for child in (module, module.first, *module.blocks, module._norm)]
    with pytest.raises(RuntimeError, match="out of ideas"), Capture(tmp_path) as recorder:
        recorder.add("m", module)
        assert isinstance(module, Fails) and type(module).__name__ == "Fails"
        assert type(module) is not Fails
        module(mx.zeros((1, 4)))
    assert [type(child) for child in (module, module.first, *module.blocks, module._norm)] == classes
    manifest = load_dump(tmp_path).manifest
    assert (manifest["partial"], manifest["error"]) == (True, "RuntimeError: out of ideas")
    assert load_dump(tmp_path).names() == ["m.first"]


def test_other_instances_of_a_class_are_not_recorded(tmp_path):
    seen, other = mnn.Linear(2, 2), mnn.Linear(2, 2)
    capture(seen, lambda: (other(mx.ones((1, 2))), seen(mx.ones((1, 2)))), tmp_path, name="m")
    assert load_dump(tmp_path).names() == ["m"]


def test_the_weights_are_those_of_before(tmp_path):
    module = MlxTree()
    before = module.parameters()
    with Capture(tmp_path) as recorder:
        recorder.add("m", module)
        assert sorted(module.parameters()) == sorted(before)
        module(mx.zeros((1, 4)))
    assert mx.array_equal(module.first.weight, before["first"]["weight"])


def test_a_holder_of_modules_and_its_methods(tmp_path):
    class Codec(mnn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pair = (mnn.Linear(2, 3), mnn.Linear(3, 2))

        def decode(self, z, *, scale=1):
            return self.pair[1](self.pair[0](z))

    codec = Codec()
    with Capture(tmp_path, inputs=True) as recorder:
        recorder.add("m", codec)
        recorder.add_method("m.decode", codec, "decode")
        codec.decode(mx.ones((1, 2)), scale=2)
    assert load_dump(tmp_path).names() == [
        "m.decode.in",
        "m.pair.0.in",
        "m.pair.0",
        "m.pair.1.in",
        "m.pair.1",
        "m.decode",
    ]
    assert "decode" not in vars(codec)


def test_what_is_traced_has_no_value_and_says_so(tmp_path):
    linear = mnn.Linear(2, 2)
    with pytest.raises(RuntimeError, match=r"m has no value yet.*mx.disable_compile"), Capture(tmp_path) as recorder:
        recorder.add("m", linear)
        mx.compile(lambda x: linear(x))(mx.ones((1, 2)))
    mx.disable_compile()
    try:
        compiled = mx.compile(lambda x: linear(x))
        capture(linear, lambda: compiled(mx.ones((1, 2))), tmp_path, name="m")
    finally:
        mx.enable_compile()
    assert load_dump(tmp_path).names() == ["m"]


def test_a_function_compiled_before_the_capture_is_silent_and_warned_of(tmp_path):
    linear = mnn.Linear(2, 2)
    compiled = mx.compile(lambda x: linear(x))
    mx.eval(compiled(mx.ones((1, 2))))
    with pytest.warns(UserWarning, match=r"m was added, but none of its modules was called.*mx.compile"):
        capture(linear, lambda: compiled(mx.ones((1, 2))), tmp_path, name="m")


def test_arrays_changed_in_place_later_are_stored_as_seen(tmp_path):
    value = mx.zeros((3,))
    with Capture(tmp_path) as recorder:
        recorder.record("x", value)
        value[1] = 5
        value += 1
    assert load_dump(tmp_path).tensor("x").tolist() == [0, 0, 0]


@pytest.mark.parametrize("missing", ["torch", "mlx"])
def test_one_framework_is_enough(tmp_path, missing, repository):
    script = f"""
import sys
sys.modules["{missing}"] = None
import numpy as np
from mflux_reference import Capture, load_dump
if "{missing}" == "torch":
    import mlx.nn as nn, mlx.core as mx
    value = mx.ones((1, 2))
else:
    from torch import nn, ones
    value = ones(1, 2)
layer = nn.Linear(2, 2)
with Capture(sys.argv[1], inputs=True, inject={{"m.in": np.zeros((1, 2), np.float32)}}) as capture:
    capture.add("m", layer)
    layer(value)
print(load_dump(sys.argv[1]).tensor("m.in", "numpy").tolist())
"""
    result = subprocess.run(
        [sys.executable, "-c", script, tmp_path],
        env={"PYTHONPATH": str(repository / "tools/reference/src")},
        capture_output=True,
        text=True,
    )
    assert result.stdout == "[[0.0, 0.0]]\n", result.stderr


def test_a_torch_dump_is_injected_into_an_mlx_run(tmp_path):
    reference, port = twins()
    x = torch.randn(2, 4)
    capture(reference, lambda: reference(x), tmp_path / "ref", name="m", inputs=True)
    replaced = ("m.first", "m.blocks.1.down", "m.blocks.0.up.call2.in", "m.blocks.1.in.scale", "m.out.1.0")
    inject = {name: tmp_path / "ref" for name in replaced}
    noise = mx.random.normal((2, 4))
    out = capture(port, lambda: port(noise), tmp_path / "mlx", name="m", inputs=True, inject=inject)
    ref, mlx = load_dump(tmp_path / "ref"), load_dump(tmp_path / "mlx")
    for name in replaced:
        assert torch.equal(mlx.tensor(name), ref.tensor(name)), name
    assert not torch.equal(mlx.tensor("m.in"), ref.tensor("m.in"))
    assert np.array_equal(np.array(out["rest"][0]), ref.tensor("m.out.1.0").numpy())
    assert out["rest"][1] is None
    torch.testing.assert_close(mlx.tensor("m.blocks.1.in.x"), ref.tensor("m.blocks.1.in.x"), atol=1e-5, rtol=1e-5)
