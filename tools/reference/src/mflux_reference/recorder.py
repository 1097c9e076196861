"""Records the tensors that flow through torch or MLX modules, without touching their source."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import GeneratorType
from typing import Any

from mflux_reference import names
from mflux_reference.backend import Backend, backend_of
from mflux_reference.bisecting import wish_of_environment
from mflux_reference.crop import Crop, apply_slice
from mflux_reference.files import ignore_artifacts
from mflux_reference.injection import Injector, Source
from mflux_reference.manifest import (
    FILE,
    SCHEMA,
    checkpoint_entry,
    environment,
    image_entry,
    write_manifest,
)
from mflux_reference.shards import PATTERN, ShardWriter
from mflux_reference.site import Site

BUFFER_BYTES = 256 << 20


class Capture:
    """A dump being written: `with Capture(folder) as capture: capture.add("vae", vae); vae(x)`.

    `taps` are globs over module names (* crosses dots) or whole checkpoint names, less those that `skip` matches; they
    do not filter `record`. With `inputs` a module's inputs are dumped too; a tap that names one (`vae.decode.in`) needs
    no `inputs`.
    Tensors are copied at the moment a hook sees them, keep their dtype and go to disk in shards of
    `buffer_bytes`. `inject` puts tensors in the place of checkpoints (see Injector). `run` holds the run's facts,
    `facts` are further fields of the manifest.

    In a run of `mflux parity bisect` the environment says folder and taps, whatever is said here.
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        *,
        taps: Iterable[str] = ("*",),
        skip: Iterable[str] = (),
        inputs: bool = False,
        crop: Crop | None = None,
        inject: Mapping[str, Source] | None = None,
        run: Mapping[str, Any] | None = None,
        seed: int | None = None,
        facts: Mapping[str, Any] | None = None,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self._wish = wish_of_environment()
        self.folder = self._wish.folder_or(folder)
        self._taps = self._wish.taps_or(taps)
        self._input_taps = self._taps if self._wish.taps else tuple(filter(names.is_input, self._taps))
        self._exact = frozenset(self._taps)
        self._skip = tuple(skip)
        self._inputs = inputs
        self._crop = crop
        self._injector = Injector(inject)
        self._run = {**(run or {}), "images": []}
        self._seed = seed
        self._facts = dict(facts or {})
        self._shards = ShardWriter(self.folder, buffer_bytes)
        self._entries: list[dict[str, Any]] = []
        self._seen: list[tuple[str, int]] = []
        self._names: set[str] = set()
        self._calls: dict[tuple[str, int | None], int] = defaultdict(int)
        self._step: int | None = None
        self._components: dict[str, dict[str, str]] = {}
        self._backend: Backend | None = None
        self._device: str | None = None
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> Capture:
        self._wish.take_folder()
        self.folder.mkdir(parents=True, exist_ok=True)
        ignore_artifacts(self.folder)
        for stale in (self.folder / FILE, *self.folder.glob(PATTERN)):
            stale.unlink(missing_ok=True)
        return self

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        while self._undo:
            self._undo.pop()()
        self._shards.flush()
        write_manifest(self.folder, self._manifest(error))
        if error is None:
            self._injector.finish()
            self._warn_of_silence()

    def add(self, component: str, module: Any, *, inputs: bool | None = None) -> None:
        """Watches every module of the tree, of torch.nn or mlx.nn."""
        self._describe(component, module)
        backend = backend_of(module)
        for path, child in list(backend.named_modules(module)):
            name = f"{component}.{path}" if path else component
            site = Site(self, name, child, backend.forward(child), self._inputs if inputs is None else inputs)
            self._undo.append(backend.wrap(child, site.enter, site.leave, first=False))

    def add_method(
        self,
        name: str,
        owner: Any,
        method: str,
        *,
        inputs: bool | None = None,
        output: Callable[[Any], Any] | None = None,
    ) -> None:
        """Records calls of a method other than forward, such as a VAE's decode; `output` picks what it returned."""
        original = getattr(owner, method)
        site = Site(self, name, owner, original, self._inputs if inputs is None else inputs)

        def recorded(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = site.enter(args, kwargs)
            result = original(*args, **kwargs)
            if output is None:
                return site.leave(result)
            picked = output(result)
            if site.leave(picked) is not picked:
                raise ValueError(f"cannot inject {name}: it is only a part of what {method} returns")
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

    def on_forward(self, module: Any, see: Callable[[dict[str, Any]], None]) -> None:
        """Calls `see` with the keyword arguments of every call of a module, before it runs."""

        def before(args: tuple, kwargs: dict) -> tuple[tuple, dict]:
            see(kwargs)
            return args, kwargs

        self._undo.append(backend_of(module).wrap(module, before, lambda result: result, first=True))

    def on_output(self, module: Any, see: Callable[[Any], None]) -> None:
        """Calls `see` with what every call of a module returned."""

        def after(result: Any) -> Any:
            see(result)
            return result

        self._undo.append(backend_of(module).wrap(module, lambda args, kwargs: (args, kwargs), after, first=False))

    def step(self, step: int | None) -> None:
        """From here on checkpoints carry @step=K (K from 1); None leaves the loop."""
        if step is not None and step < 1:
            raise ValueError(f"steps count from 1, got {step}")
        self._step = step

    def steps(self, loop: Iterable[Any]) -> Iterator[Any]:
        """Goes through a loop, counting its steps: `for t in capture.steps(timesteps)`. A step begins before its item
        is asked for, so that a generator that computes the steps itself is counted alike."""
        items = iter(loop)
        step = 0
        try:
            while True:
                step += 1
                self.step(step)
                try:
                    item = next(items)
                except StopIteration:
                    return
                yield item
        finally:
            self.step(None)

    def record(self, name: str, tensor: Any, *, role: str = "out", axes: list[str] | None = None) -> Any:
        """Writes a tensor of torch, MLX or NumPy under exactly this name (`latents@step=2` may name its own step) and
        returns it, or what is injected for it."""
        if "@step=" not in name:
            name = names.join(name, 1, "", self._step)
        tensor = self._injector.see(name, tensor)
        if self._wish.taps is None or self._tapped(name, name, self._taps):
            self._write(name, tensor, role=role, axes=axes)
        return tensor

    def image(self, path: Path) -> None:
        """Notes an image file inside the folder by its hash."""
        self._run["images"].append(image_entry(path, self.folder))

    def _describe(self, component: str, module: Any) -> None:
        if component in self._components:
            raise ValueError(f"component {component} was added twice")
        backend = backend_of(module)
        weights = backend.weights(module)
        dtypes = sorted({backend.dtype_name(weight) for weight in weights if backend.is_floating(weight)})
        self._components[component] = {"class": type(module).__name__, "dtype": "+".join(dtypes) or "none"}
        self._backend = self._backend or backend
        if self._device is None and weights:
            self._device = backend.device(weights[0])

    def _warn_of_silence(self) -> None:
        called = {name for name, _ in self._calls}
        for component in self._components:
            if not any(name == component or name.startswith(f"{component}.") for name in called):
                warnings.warn(
                    f"{component} was added, but none of its modules was called. A function compiled before the "
                    "capture (mx.compile, torch.compile) does not call them again",
                    stacklevel=3,
                )

    def _next_call(self, name: str) -> int:
        self._calls[name, self._step] += 1
        return self._calls[name, self._step]

    def _tapped(self, site: str, name: str, taps: tuple[str, ...]) -> bool:
        wanted = name in self._exact or names.matches(site, taps) or names.matches(name, taps)
        return wanted and not names.matches(site, self._skip) and not names.matches(name, self._skip)

    def _write(
        self,
        name: str,
        tensor: Any,
        *,
        module: Any = None,
        role: str = "out",
        axes: list[str] | None = None,
    ) -> None:
        if name in self._names:
            raise ValueError(f"checkpoint {name} was recorded twice")
        self._names.add(name)
        ranges = self._crop.slice_of(name, tensor) if self._crop else None
        kept = tensor if ranges is None else apply_slice(tensor, ranges)
        backend = backend_of(tensor)
        self._backend = self._backend or backend
        if self._wish.survey:
            self._seen.append((name, kept.nbytes))
            return
        stored = backend.to_numpy(kept, name)
        entry = checkpoint_entry(
            name,
            stored,
            file=self._shards.add(name, stored),
            class_name=None if module is None else type(module).__name__,
            step=int(name.rpartition("@step=")[2]) if "@step=" in name else None,
            role=role,
            shape=list(tensor.shape),
            ranges=ranges,
            parameters=None if module is None else backend.has_parameters(module),
            axes=axes,
        )
        self._entries.append(entry)

    def _manifest(self, error: BaseException | None) -> dict[str, Any]:
        dtypes = [component["dtype"] for component in self._components.values() if component["dtype"] != "none"]
        manifest: dict[str, Any] = {
            "schema": SCHEMA,
            "run": self._run,
            "framework": self._backend.framework() if self._backend else "none",
            "device": self._device or "cpu",
            "compute_dtype": "+".join(sorted(set(dtypes))) or "none",
            "seed": self._seed,
            "environment": environment(self._backend),
            "components": self._components,
            **self._facts,
        }
        if error is not None:
            manifest.update({"partial": True, "error": f"{type(error).__name__}: {error}"})
        if self._wish.survey:
            manifest["seen"] = self._seen
        return {**manifest, "checkpoints": self._entries}


def capture(module: Any, run: Callable[[], Any], folder: Path | str, *, name: str = "model", **options: Any) -> Any:
    """Dumps one run of one module tree and returns what `run` returned; options as for Capture. Where `run` is a
    generator, each of its items is a step, and the list of them is returned."""
    with Capture(folder, **options) as recorder:
        recorder.add(name, module)
        result = run()
        return list(recorder.steps(result)) if isinstance(result, GeneratorType) else result
