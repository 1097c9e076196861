"""Records the tensors that flow through torch modules, without touching their source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mflux_reference import names
from mflux_reference.crop import Crop, apply_slice
from mflux_reference.manifest import (
    FILE,
    SCHEMA,
    checkpoint_entry,
    dtype_name,
    environment,
    framework,
    image_entry,
    write_manifest,
)
from mflux_reference.shards import PATTERN, ShardWriter
from mflux_reference.tree import input_tensors, output_tensors

BUFFER_BYTES = 256 << 20


class Capture:
    """A dump being written: `with Capture(folder) as capture: capture.add("vae", vae); vae(x)`.

    `taps` are globs over module names (* crosses dots) or whole checkpoint names, less those that `skip` matches; they
    do not filter `record`. With `inputs` a module's inputs are dumped too; a tap that names one (`vae.decode.in`) needs
    no `inputs`.
    Tensors are copied at the moment a hook sees them, keep their dtype and go to disk in shards of
    `buffer_bytes`. `run` holds the run's facts, `facts` are further fields of the manifest.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        taps: Iterable[str] = ("*",),
        skip: Iterable[str] = (),
        inputs: bool = False,
        crop: Crop | None = None,
        run: Mapping[str, Any] | None = None,
        seed: int | None = None,
        facts: Mapping[str, Any] | None = None,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self.folder = Path(folder)
        self._taps = tuple(taps)
        self._input_taps = tuple(tap for tap in self._taps if tap.endswith(".in") or ".in." in tap)
        self._skip = tuple(skip)
        self._inputs = inputs
        self._crop = crop
        self._run = {**(run or {}), "images": []}
        self._seed = seed
        self._facts = dict(facts or {})
        self._shards = ShardWriter(self.folder, buffer_bytes)
        self._entries: list[dict[str, Any]] = []
        self._names: set[str] = set()
        self._calls: dict[tuple[str, int | None], int] = defaultdict(int)
        self._step: int | None = None
        self._components: dict[str, dict[str, str]] = {}
        self._device: str | None = None
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> Capture:
        self.folder.mkdir(parents=True, exist_ok=True)
        for stale in (self.folder / FILE, *self.folder.glob(PATTERN)):
            stale.unlink(missing_ok=True)
        return self

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        while self._undo:
            self._undo.pop()()
        self._shards.flush()
        write_manifest(self.folder, self._manifest(error))

    def add(self, component: str, module: nn.Module, *, inputs: bool | None = None) -> None:
        """Hooks every module of the tree that the taps can match."""
        self._describe(component, module)
        for path, child in module.named_modules():
            self._hook(f"{component}.{path}" if path else component, child, self._inputs if inputs is None else inputs)

    def add_method(
        self,
        name: str,
        owner: nn.Module,
        method: str,
        *,
        inputs: bool | None = None,
        output: Callable[[Any], Any] = lambda result: result,
    ) -> None:
        """Records calls of a method other than forward, such as a VAE's decode; `output` picks what it returned."""
        original = getattr(owner, method)
        site = _Site(self, name, owner, original, self._inputs if inputs is None else inputs)

        def recorded(*args: Any, **kwargs: Any) -> Any:
            site.enter(args, kwargs)
            result = original(*args, **kwargs)
            site.leave(output(result))
            return result

        self.patch(owner, method, recorded)

    def patch(self, owner: object, attribute: str, value: Any) -> None:
        """Sets an attribute of an instance until the capture ends."""
        before = vars(owner).get(attribute, self)
        object.__setattr__(owner, attribute, value)
        if before is self:
            self._undo.append(lambda: object.__delattr__(owner, attribute))
        else:
            self._undo.append(lambda: object.__setattr__(owner, attribute, before))

    def on_forward(self, module: nn.Module, see: Callable[[dict[str, Any]], None]) -> None:
        """Calls `see` with the keyword arguments of every forward of a module, before it runs."""
        handle = module.register_forward_pre_hook(lambda _m, _args, kwargs: see(kwargs), prepend=True, with_kwargs=True)
        self._undo.append(handle.remove)

    def on_output(self, module: nn.Module, see: Callable[[Any], None]) -> None:
        """Calls `see` with what every forward of a module returned."""
        handle = module.register_forward_hook(lambda _module, _args, result: see(result))
        self._undo.append(handle.remove)

    def step(self, step: int | None) -> None:
        """From here on checkpoints carry @step=K (K from 1); None leaves the loop."""
        if step is not None and step < 1:
            raise ValueError(f"steps count from 1, got {step}")
        self._step = step

    def record(self, name: str, tensor: torch.Tensor, *, role: str = "out", axes: list[str] | None = None) -> None:
        """Writes a tensor under exactly this name; `latents@step=2` may name its own step."""
        if "@step=" not in name:
            name = names.join(name, 1, "", self._step)
        self._write(name, tensor, role=role, axes=axes)

    def image(self, path: Path) -> None:
        """Notes an image file inside the folder by its hash."""
        self._run["images"].append(image_entry(path, self.folder))

    def _describe(self, component: str, module: nn.Module) -> None:
        if component in self._components:
            raise ValueError(f"component {component} was added twice")
        weights = list(module.state_dict().values())
        dtypes = sorted({dtype_name(weight.dtype) for weight in weights if weight.is_floating_point()})
        self._components[component] = {"class": type(module).__name__, "dtype": "+".join(dtypes) or "none"}
        if self._device is None and weights:
            self._device = str(weights[0].device)

    def _hook(self, name: str, module: nn.Module, inputs: bool) -> None:
        site = _Site(self, name, module, module.forward, inputs)
        before = module.register_forward_pre_hook(lambda _m, args, kwargs: site.enter(args, kwargs), with_kwargs=True)
        after = module.register_forward_hook(lambda _m, _args, result: site.leave(result))
        self._undo.extend((before.remove, after.remove))

    def _next_call(self, name: str) -> int:
        self._calls[name, self._step] += 1
        return self._calls[name, self._step]

    def _tapped(self, site: str, name: str, taps: tuple[str, ...]) -> bool:
        wanted = names.matches(site, taps) or names.matches(name, taps)
        return wanted and not names.matches(site, self._skip) and not names.matches(name, self._skip)

    def _write(
        self,
        name: str,
        tensor: torch.Tensor,
        *,
        module: nn.Module | None = None,
        role: str = "out",
        axes: list[str] | None = None,
    ) -> None:
        if name in self._names:
            raise ValueError(f"checkpoint {name} was recorded twice")
        self._names.add(name)
        ranges = self._crop.slice_of(name, tensor) if self._crop else None
        kept = tensor if ranges is None else apply_slice(tensor, ranges)
        stored = kept.detach().to("cpu", copy=True).contiguous()
        entry = checkpoint_entry(
            name,
            stored,
            file=self._shards.add(name, stored),
            class_name=None if module is None else type(module).__name__,
            step=int(name.rpartition("@step=")[2]) if "@step=" in name else None,
            role=role,
            shape=list(tensor.shape),
            ranges=ranges,
            parameters=None if module is None else next(module.parameters(), None) is not None,
            axes=axes,
        )
        self._entries.append(entry)

    def _manifest(self, error: BaseException | None) -> dict[str, Any]:
        dtypes = [component["dtype"] for component in self._components.values() if component["dtype"] != "none"]
        manifest: dict[str, Any] = {
            "schema": SCHEMA,
            "run": self._run,
            "framework": framework(),
            "device": self._device or "cpu",
            "compute_dtype": "+".join(sorted(set(dtypes))) or "none",
            "seed": self._seed,
            "environment": environment(),
            "components": self._components,
            **self._facts,
        }
        if error is not None:
            manifest.update({"partial": True, "error": f"{type(error).__name__}: {error}"})
        return {**manifest, "checkpoints": self._entries}


class _Site:
    """One place in a component, called any number of times."""

    def __init__(self, capture: Capture, name: str, owner: nn.Module, forward: Callable, inputs: bool) -> None:
        self._capture = capture
        self._name = name
        self._owner = owner
        self._forward = forward
        self._inputs = inputs
        self._open: list[tuple[int, int | None]] = []

    def enter(self, args: tuple, kwargs: dict) -> None:
        step = self._capture._step
        call = self._capture._next_call(self._name)
        self._open.append((call, step))
        taps = self._capture._taps if self._inputs else self._capture._input_taps
        if taps:
            found = list(input_tensors(self._forward, args, kwargs))
            self._write(found, names.input_suffixes, "in", call, step, taps)

    def leave(self, result: Any) -> None:
        call, step = self._open.pop()
        self._write(list(output_tensors(result)), names.output_suffixes, "out", call, step, self._capture._taps)

    def _write(
        self, found: list, suffixes: Callable, role: str, call: int, step: int | None, taps: tuple[str, ...]
    ) -> None:
        for suffix, (_, tensor) in zip(suffixes([path for path, _ in found]), found, strict=True):
            name = names.join(self._name, call, suffix, step)
            if self._capture._tapped(self._name, name, taps):
                self._capture._write(name, tensor, module=self._owner, role=role)


def capture(
    module: nn.Module, run: Callable[[], Any], folder: Path | str, *, name: str = "model", **options: Any
) -> Any:
    """Dumps one run of one module tree and returns what `run` returned; options as for Capture."""
    with Capture(folder, **options) as recorder:
        recorder.add(name, module)
        return run()
