"""Capture on torch modules made for the purpose."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest
import torch
from torch import nn

from mflux_reference import Capture, Crop, capture, draw_latents, load_dump, load_latents


class Scale(nn.Module):
    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(factor))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight


class Tree(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(4, 6), nn.GELU())
        self.blocks = nn.ModuleList([nn.Linear(6, 6), nn.Linear(6, 6)])
        self.last = nn.LayerNorm(6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.last(x)


def dumped(folder, module, run, **options):
    capture(module, run, folder, name="m", **options)
    return load_dump(folder)


def test_names_are_those_of_named_modules(tmp_path):
    tree = Tree()
    dump = dumped(tmp_path, tree, lambda: tree(torch.randn(2, 4)))
    called = {name for name, module in tree.named_modules() if not isinstance(module, nn.ModuleList)}
    assert set(dump.names()) == {f"m.{name}" if name else "m" for name in called}


def test_order_is_execution_order_and_inputs_precede_outputs(tmp_path):
    tree = Tree()
    dump = dumped(tmp_path, tree, lambda: tree(torch.randn(2, 4)), inputs=True)
    assert dump.names()[:6] == ["m.in", "m.first.in", "m.first.0.in", "m.first.0", "m.first.1.in", "m.first.1"]
    assert dump.names()[-3:] == ["m.last.in", "m.last", "m"]
    roles = {entry["name"]: entry["role"] for entry in dump.checkpoints}
    assert all(role == ("in" if name.endswith(".in") else "out") for name, role in roles.items())


def test_values_are_those_of_the_run(tmp_path):
    tree, x = Tree(), torch.randn(2, 4)
    results = []
    dump = dumped(tmp_path, tree, lambda: results.append(tree(x)), inputs=True)
    assert torch.equal(dump.tensor("m.in"), x)
    assert torch.equal(dump.tensor("m.first.0"), tree.first[0](x))
    assert torch.equal(dump.tensor("m"), results[0])


def test_in_place_changes_after_a_hook_do_not_reach_the_dump(tmp_path):
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = Scale()
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.scale(x)
            y.add_(100)
            self.relu(y.neg_())
            return y

    module, x = InPlace(), torch.tensor([1.0, -200.0])
    dump = dumped(tmp_path, module, lambda: module(x), inputs=True)
    assert dump.tensor("m.scale").tolist() == [2.0, -400.0]
    assert dump.tensor("m.relu.in").tolist() == [-102.0, 300.0]
    assert dump.tensor("m.relu").tolist() == [0.0, 300.0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int64, torch.bool, torch.uint8])
def test_dtype_is_kept(tmp_path, dtype):
    value = torch.arange(6).reshape(2, 3).to(dtype)
    identity = nn.Identity()
    dump = dumped(tmp_path, identity, lambda: identity(value))
    assert dump.checkpoints[0]["dtype"] == str(dtype).removeprefix("torch.")
    assert dump.tensor("m").dtype == dtype
    assert torch.equal(dump.tensor("m"), value)


def test_views_and_shared_storages_are_stored_as_seen(tmp_path):
    base = torch.randn(3, 4)
    with Capture(tmp_path) as recorder:
        recorder.record("whole", base)
        recorder.record("transposed", base.t())
        recorder.record("expanded", base[:1].expand(5, 4))
        recorder.record("scalar", base[0, 0])
        recorder.record("empty", base[:0])
    dump = load_dump(tmp_path)
    assert torch.equal(dump.tensor("transposed"), base.t())
    assert torch.equal(dump.tensor("expanded"), base[:1].expand(5, 4))
    assert dump.tensor("scalar").shape == ()
    assert dump.tensor("empty").shape == (0, 4)


def test_calls_are_counted_per_step(tmp_path):
    scale = Scale()
    with Capture(tmp_path, inputs=True) as recorder:
        recorder.add("m", scale)
        scale(torch.ones(1))
        for step in (1, 2):
            recorder.step(step)
            scale(torch.ones(1))
            scale(torch.ones(1))
            recorder.record("latents", torch.full((1,), float(step)))
        recorder.step(None)
        scale(torch.ones(1))
    dump = load_dump(tmp_path)
    loop = ["m.in@step={}", "m@step={}", "m.call2.in@step={}", "m.call2@step={}", "latents@step={}"]
    expected = ["m.in", "m", *(name.format(1) for name in loop), *(name.format(2) for name in loop)]
    assert dump.names() == [*expected, "m.call2.in", "m.call2"]
    assert [entry["step"] for entry in dump.checkpoints] == [None] * 2 + [1] * 5 + [2] * 5 + [None] * 2
    assert dump.tensor("latents@step=2").item() == 2


def test_steps_count_from_one(tmp_path):
    with Capture(tmp_path) as recorder, pytest.raises(ValueError, match="count from 1"):
        recorder.step(0)


class Arguments(nn.Module):
    def forward(self, hidden, mask=None, *, rope=(), extra=None, **rest):
        return hidden


def test_inputs_carry_the_names_of_the_arguments(tmp_path):
    module = Arguments()
    a, b, c, d, e, f = (torch.full((1,), float(i)) for i in range(6))
    dump = dumped(
        tmp_path,
        module,
        lambda: module(a, b, rope=(c, d), extra={"ids": e, "no": None}, late=f, flag=True),
        inputs=True,
    )
    names = ["hidden", "mask", "rope.0", "rope.1", "extra.ids", "late"]
    assert dump.names() == [*(f"m.in.{name}" for name in names), "m"]
    assert [dump.tensor(f"m.in.{name}").item() for name in names] == [0, 1, 2, 3, 4, 5]


def test_a_single_tensor_among_the_arguments_is_plain_in(tmp_path):
    module = Arguments()
    dump = dumped(tmp_path, module, lambda: module(None, rope=[torch.ones(1)]), inputs=True)
    assert dump.names() == ["m.in"]


@dataclasses.dataclass
class Result:
    sample: torch.Tensor
    loss: torch.Tensor | None = None


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (lambda x: (x, x + 1), ["m.out.0", "m.out.1"]),
        (lambda x: (x, None), ["m"]),
        (lambda x: (None, x, x), ["m.out.1", "m.out.2"]),
        (lambda x: {"a": x, "b": [x, x]}, ["m.out.0", "m.out.1.0", "m.out.1.1"]),
        (lambda x: Result(x), ["m"]),
        (lambda x: Result(x, x), ["m.out.0", "m.out.1"]),
        (lambda x: "no tensor", []),
    ],
)
def test_outputs_of_every_shape(tmp_path, output, names):
    class Returns(nn.Module):
        def forward(self, x):
            return output(x)

    module = Returns()
    assert dumped(tmp_path, module, lambda: module(torch.ones(2))).names() == names


def test_taps_and_skip_filter_modules_but_not_records(tmp_path):
    tree = Tree()
    with Capture(tmp_path, taps=["m.blocks.*", "m.last.in"], skip=["*.1"]) as recorder:
        recorder.add("m", tree)
        recorder.record("noise", torch.ones(1))
        tree(torch.randn(2, 4))
    assert load_dump(tmp_path).names() == ["noise", "m.blocks.0", "m.last.in"]


def test_crops_are_centred_and_noted(tmp_path):
    whole, small = torch.arange(2 * 40 * 60, dtype=torch.float32).reshape(2, 40, 60), torch.ones(5)
    with Capture(tmp_path, crop=Crop(above=1000, to=1000, keep=("kept",))) as recorder:
        recorder.record("cut", whole)
        recorder.record("kept", whole)
        recorder.record("small", small)
    dump = load_dump(tmp_path)
    cut, kept, untouched = dump.checkpoints
    assert cut["slice"] == [[0, 2], [15, 25], [26, 34]]
    (b0, e0), (b1, e1), (b2, e2) = cut["slice"]
    assert torch.equal(dump.tensor("cut"), whole[b0:e0, b1:e1, b2:e2])
    assert dump.tensor("cut").numel() * 4 <= 1000
    assert cut["shape"] == [2, 40, 60]
    assert "slice" not in kept and "slice" not in untouched
    assert torch.equal(dump.tensor("kept"), whole)


def test_shards_are_written_while_the_run_goes_on(tmp_path):
    size = 1 << 20
    seen = []
    with Capture(tmp_path, buffer_bytes=4 * size) as recorder:
        for index in range(16):
            recorder.record(f"x{index}", torch.full((size // 4,), float(index)))
            seen.append(len(list(tmp_path.glob("checkpoints-*.safetensors"))))
    assert seen == [(index + 1) // 4 for index in range(16)]
    shards = sorted(tmp_path.glob("checkpoints-*.safetensors"))
    assert [shard.name for shard in shards] == [f"checkpoints-{i:05d}.safetensors" for i in range(1, 5)]
    assert all(shard.stat().st_size < 4 * size + 1024 for shard in shards)
    dump = load_dump(tmp_path)
    assert [dump.tensor(f"x{index}")[0].item() for index in range(16)] == list(range(16))


def test_a_failing_run_leaves_a_marked_partial_dump_and_no_hooks(tmp_path):
    class Fails(Tree):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.first(x)
            raise RuntimeError("out of ideas")

    module = Fails()
    with pytest.raises(RuntimeError, match="out of ideas"):
        dumped(tmp_path, module, lambda: module(torch.randn(2, 4)))
    dump = load_dump(tmp_path)
    assert dump.manifest["partial"] is True
    assert dump.manifest["error"] == "RuntimeError: out of ideas"
    assert dump.names() == ["m.first.0", "m.first.1", "m.first"]
    assert not any(child._forward_hooks or child._forward_pre_hooks for child in module.modules())


def test_a_call_that_fails_and_is_tried_again_keeps_its_place(tmp_path):
    class Picky(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.sum() < 0:
                raise ValueError("negative")
            return x

    class Retries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.picky = Picky()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            try:
                return self.picky(-x)
            except ValueError:
                return self.picky(x)

    module = Retries()
    dump = dumped(tmp_path, module, lambda: module(torch.ones(2)), inputs=True)
    assert dump.names() == ["m.in", "m.picky.in", "m.picky.call2.in", "m.picky.call2", "m"]


def test_a_complete_dump_is_not_marked_partial_and_replaces_an_older_one(tmp_path):
    with Capture(tmp_path, buffer_bytes=4) as recorder:
        for index in range(3):
            recorder.record(f"old{index}", torch.ones(4))
    with Capture(tmp_path) as recorder:
        recorder.record("new", torch.ones(4))
    assert "partial" not in load_dump(tmp_path).manifest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoints-00001.safetensors", "manifest.json"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_latents_are_one_noise_in_every_dtype_and_come_back(tmp_path, dtype):
    drawn = draw_latents((1, 8, 4, 6), seed=7)
    assert torch.equal(draw_latents((1, 8, 4, 6), seed=7, dtype=dtype), drawn.to(dtype))
    assert not torch.equal(draw_latents((1, 8, 4, 6), seed=8), drawn)
    with Capture(tmp_path) as recorder:
        recorder.record("latents_initial", drawn)
    assert torch.equal(load_latents(tmp_path), drawn)


def test_a_name_is_recorded_once(tmp_path):
    with Capture(tmp_path) as recorder:
        recorder.record("x", torch.ones(1))
        with pytest.raises(ValueError, match="x was recorded twice"):
            recorder.record("x", torch.ones(1))


def test_methods_are_recorded_and_put_back(tmp_path):
    class Codec(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = Scale()

        def decode(self, z: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"sample": self.scale(z), "other": z}

    codec = Codec()
    with Capture(tmp_path, inputs=True) as recorder:
        recorder.add("m", codec)
        recorder.add_method("m.decode", codec, "decode", output=lambda result: result["sample"])
        result = codec.decode(torch.ones(2))
    dump = load_dump(tmp_path)
    assert dump.names() == ["m.decode.in", "m.scale.in", "m.scale", "m.decode"]
    assert torch.equal(dump.tensor("m.decode"), result["sample"])
    assert "decode" not in vars(codec)


def test_manifest_states_the_run(tmp_path):
    tree = Tree().bfloat16()
    picture = tmp_path / "image.png"
    picture.write_bytes(b"not really a picture")
    with Capture(tmp_path, run={"prompt": "a", "steps": 4}, seed=7, facts={"note": "x"}) as recorder:
        recorder.add("m", tree)
        recorder.image(picture)
        tree(torch.randn(2, 4).bfloat16())
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    digest = hashlib.sha256(b"not really a picture").hexdigest()
    assert manifest["schema"] == 1
    assert manifest["run"] == {"prompt": "a", "steps": 4, "images": [{"file": "image.png", "sha256": digest}]}
    assert (manifest["device"], manifest["compute_dtype"], manifest["seed"]) == ("cpu", "bfloat16", 7)
    assert manifest["framework"] == f"torch {torch.__version__.split('+')[0]}"
    assert manifest["note"] == "x"
    entries = {entry["name"]: entry for entry in manifest["checkpoints"]}
    assert entries["m.last"]["class"] == "LayerNorm"
    assert entries["m.first.1"]["has_parameters"] is False
    assert entries["m.first"]["has_parameters"] is True
    assert all(entry["key"] == entry["name"] for entry in manifest["checkpoints"])
