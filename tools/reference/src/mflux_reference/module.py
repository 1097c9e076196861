"""Runs one torch module of a model's folder on tensors of a dump, as `mflux port run` runs the port's:
python -m mflux_reference.module --help"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mflux_reference.dump import list_tensors, read_tensor
from mflux_reference.recorder import Capture
from mflux_reference.torch_backend import as_torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "float64": torch.float64}


def load_module(model: Path, component: str, dtype: torch.dtype) -> torch.nn.Module:
    """From MODEL/COMPONENT in diffusers' layout, or from MODEL itself where that is the component's folder."""
    folder = model / component if (model / component).is_dir() else model
    config_file = folder / "config.json"
    config = json.loads(config_file.read_text(encoding="utf-8"))
    if "_class_name" in config:
        library, name = "diffusers", config["_class_name"]
    elif config.get("architectures"):
        library, name = "transformers", config["architectures"][0]
    else:
        raise ValueError(f"{config_file}: expected _class_name (diffusers) or architectures (transformers)")
    kind = getattr(importlib.import_module(library), name)
    return kind.from_pretrained(folder, torch_dtype=dtype, local_files_only=True).eval()


def read_arguments(dump: Path, component: str, call: Any, dtype: torch.dtype, step: int | None) -> dict[str, Any]:
    """What COMPONENT.in and COMPONENT.in.ARGUMENT of a dump hold, floating tensors in that dtype; `.in` alone is the
    first argument, `x.0`, `x.1` are a list."""
    suffix = "" if step is None else f"@step={step}"
    prefix = f"{component}.in"
    first = next(iter(inspect.signature(call).parameters))
    arguments: dict[str, Any] = {}
    for name in list_tensors(dump):
        if not name.endswith(suffix) or (step is None and "@step=" in name):
            continue
        argument = name.removesuffix(suffix)
        if argument != prefix and not argument.startswith(f"{prefix}."):
            continue
        tensor = as_torch(read_tensor(dump, name))
        tensor = tensor.to(dtype) if tensor.is_floating_point() else tensor
        base, _, index = argument.removeprefix(prefix).removeprefix(".").partition(".")
        if index:
            arguments.setdefault(base, []).append(tensor)
        else:
            arguments[base or first] = tensor
    if not arguments:
        raise ValueError(f"{dump}: no tensor is named {prefix}{suffix} or {prefix}.ARGUMENT{suffix}")
    return arguments


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m mflux_reference.module", description=__doc__)
    parser.add_argument("model", type=Path, help="folder in diffusers' layout, or one component's folder")
    parser.add_argument("component", help="such as transformer, text_encoder or, for a method, vae.decode")
    parser.add_argument("--inputs", type=Path, required=True, help="a dump, or a .safetensors, .npz or .pt file")
    parser.add_argument("--out", type=Path, help="the dump's folder; mflux parity bisect names it itself")
    parser.add_argument("--taps", nargs="+", default=["*"], help="globs over checkpoints")
    parser.add_argument("--step", type=int, help="of the inputs, where the dump is of a loop")
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    options = parser.parse_args(argv)

    name, _, method = options.component.partition(".")
    dtype = DTYPES[options.dtype]
    module = load_module(options.model, name, dtype)
    call = getattr(module, method) if method else module.forward
    arguments = read_arguments(options.inputs, options.component, call, dtype, options.step)
    with torch.no_grad(), Capture(options.out, taps=options.taps, inputs=True) as capture:
        capture.add(name, module)
        if method:
            capture.add_method(options.component, module, method)
        (getattr(module, method) if method else module)(**arguments)


if __name__ == "__main__":
    main()
