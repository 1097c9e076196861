"""Writes tests/fuzz/seeds/TARGET/*: small inputs from the formats' own writers, where libFuzzer begins.

Needs numpy, ml_dtypes, safetensors, torch and Pillow (./dev setup --reference). Past findings, found-*, are kept.
"""

import io
import json
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import ml_dtypes
import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.numpy import save

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "tests/fuzz/seeds"
sys.path.insert(0, str(ROOT / "tests/hostile"))

import torch_cases  # noqa: E402

ROW = np.arange(6, dtype=np.float32)


def buffered(write, *arguments, **options) -> bytes:
    buffer = io.BytesIO()
    write(buffer, *arguments, **options)
    return buffer.getvalue()


def npy() -> dict[str, bytes]:
    arrays = {
        "row": ROW, "fortran": np.asfortranarray(ROW.reshape(2, 3)), "big_endian": ROW.astype(">f8"), "scalar": np.array(7),
        "empty": np.zeros((0, 3), np.int16), "bfloat16": ROW.astype(ml_dtypes.bfloat16), "bool": ROW > 2, "complex": ROW * 1j,
        "text": np.array(["a"]), "record": np.zeros(1, [("a", "<f4")]),
    }  # fmt: skip
    seeds = {name: buffered(np.save, array) for name, array in arrays.items()}
    for version in ((2, 0), (3, 0)):
        seeds[f"version_{version[0]}"] = buffered(np.lib.format.write_array, ROW, version=version)
    return seeds


def npz() -> dict[str, bytes]:
    described = io.BytesIO()
    described.seekable = lambda: False
    with zipfile.ZipFile(described, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", buffered(np.save, ROW))
    zip64 = io.BytesIO()
    with zipfile.ZipFile(zip64, "w") as archive, archive.open("a.npy", "w", force_zip64=True) as member:
        member.write(buffered(np.save, ROW))
    zip64 = zip64.getvalue()
    return {
        "stored": buffered(np.savez, a=ROW, b=ROW > 1), "deflated": buffered(np.savez_compressed, a=ROW, b=np.zeros(99)),
        "described": described.getvalue(), "zip64": zip64, "none": buffered(np.savez),
    }  # fmt: skip


def safetensors() -> dict[str, bytes]:
    return {
        "two": save({"a": ROW, "b": ROW.astype(np.int64)}, {"note": "x"}), "half": save({"a": ROW.astype(np.float16)}),
        "none": save({}), "scalar": save({"a": np.array(1.5)}),
    }  # fmt: skip


def torch_files() -> dict[str, bytes]:
    row = torch.arange(6.0)
    grid = row.reshape(2, 3)
    objects = {
        "dict": {"x": row}, "views": {"a": grid.t(), "b": grid[1], "c": row}, "list": [row, (row, {"y": row})],
        "parameter": torch.nn.Parameter(row), "state": torch.nn.Linear(2, 2).state_dict(), "tensor": row,
        "dtypes": OrderedDict((str(d), row.to(d)) for d in (torch.bfloat16, torch.int8, torch.bool, torch.complex64)),
        "primitives": {"a": row, "b": [1, 2.5, None, True, "s", b"t", 1 << 40]},
    }  # fmt: skip
    seeds = {name: buffered(lambda to, value=value: torch.save(value, to)) for name, value in objects.items()}
    return seeds


def pickles() -> dict[str, bytes]:
    """The pickles of those archives, and the ways in which a pickle can call what it should not."""
    seeds = {}
    for name, archive in torch_files().items():
        with zipfile.ZipFile(io.BytesIO(archive)) as members:
            inside = next(member for member in members.namelist() if member.endswith("data.pkl"))
            seeds[name] = members.read(inside)
    for case in (*torch_cases.exploit_cases(), *torch_cases.exhausting_cases()):
        content = case.files["x.pt"]
        if "/call/" not in case.name and len(content) < 3000:
            with zipfile.ZipFile(io.BytesIO(content)) as members:
                seeds[f"hostile_{case.name.split('/')[-1]}"] = members.read("archive/data.pkl")
    return seeds


def pictures(kind: str) -> dict[str, bytes]:
    noise = np.random.default_rng(1).integers(0, 256, (5, 7, 4), np.uint8)
    modes = {"L": noise[..., 0], "RGB": noise[..., :3]}
    if kind == "png":
        modes |= {"RGBA": noise, "LA": noise[..., :2], "I;16": noise[..., 0].astype(np.uint16) * 257}
    images = {mode: Image.fromarray(np.ascontiguousarray(array)) for mode, array in modes.items()}
    exif = Image.Exif()
    exif[0x0112] = 6
    if kind == "png":
        images |= {"P": images["RGB"].quantize(4), "1": images["L"].convert("1")}
        texts = PngInfo()
        texts.add_text("prompt", "a red apple")
        texts.add_itxt("note", "Größe", zip=True)
        seeds = {mode.replace(";", "_"): buffered(image.save, "PNG") for mode, image in images.items()}
        return seeds | {"texts": buffered(images["L"].save, "PNG", pnginfo=texts, exif=exif)}
    seeds = {mode: buffered(image.save, "JPEG") for mode, image in images.items()}
    seeds["progressive"] = buffered(images["RGB"].save, "JPEG", progressive=True, subsampling=2)
    seeds["cmyk"] = buffered(images["RGB"].convert("CMYK").save, "JPEG")
    return seeds | {"exif": buffered(images["L"].save, "JPEG", exif=exif)}


def texts() -> dict[str, dict[str, bytes]]:
    manifest = {
        "schema": 1, "run": {"prompt": "x", "height": 64}, "framework": "torch", "compute_dtype": "float32", "seed": 7,
        "checkpoints": [
            {"name": "a.b@step=1", "file": "a.npz", "key": "a", "class": "Linear", "role": "in", "step": 1, "dtype": "float32"},
            {"name": "c", "file": "c.npy", "slice": [[0, 2], [1, 3]], "shape": [4, 4], "axes": ["n", "c"]},
        ],
    }  # fmt: skip
    index = {"metadata": {"total_size": 12}, "weight_map": {"x": "a.safetensors", "y": "a.safetensors"}}
    tensor = {"shape": "torch.Size([1, 2])", "dtype": "torch.float32", "value": "./a.safetensors"}
    call = {"module_path": "Model.layers.0", "inputs": {"args": [tensor], "kwargs": {"x": None}}, "outputs": tensor}
    tree = call | {"module_path": "Model", "children": [call, call]}
    names = "vae.decode.conv_in\nblocks.0.attn.in.x.0@step=04\na.call2.out.1\n\nmodule.vae.decode.conv_in\nblocks.0.attn_step_4\n"
    tokenizer = json.loads((ROOT / "models/emoji/tokenizer/tokenizer.json").read_text())
    tokenizer["model"]["vocab"] = dict(list(tokenizer["model"]["vocab"].items())[:300])
    tokenizer["model"]["merges"] = tokenizer["model"]["merges"][:20]
    return {
        "manifest": {"whole": json.dumps(manifest).encode(), "partial": b'{"schema":1,"partial":true,"error":"x","checkpoints":[]}'},
        "shards": {"whole": json.dumps(index).encode(), "wrong": b'{"weight_map":{"x":"../a"}}'},
        "names": {"both": names.encode(), "steps": b"latents@step=1\nstep3.latents\n\nlatents_step_01\n"},
        "renames": {"two": b'[[rename]]\nfrom = "port.*"\nto = "vae.*"\n[[rename]]\nfrom = "a*b*"\nto = "*c*"\n'},
        "tolerances": {"all": b'[[tolerance]]\nmatch = "vae.*"\natol = 1e-5\nrtol = 0\nmax_ratio = 3\n'},
        "debugger": {"small": json.dumps(tree).encode()},
        "transforms": {
            "views": b"permute 0,2,1 | transpose -1,0 | reshape 1,-1 | flip 1", "numbers": b"cast bfloat16|scale 0.125|add -1e3|negate",
            "halves": b"rope interleaved->half,2,-1 | swap_halves | slice 1,0,4,2 | roll 2,-1",
        },
        "prompt": {"ascii": b"a red apple", "unicode": "Größe 苹果 é̂<|im_end|>".encode()},
        "tokenizer_json": {"small": json.dumps(tokenizer, ensure_ascii=False).encode()},
    }  # fmt: skip


def main() -> None:
    binary = {
        "npy": npy(), "npz": npz(), "safetensors": safetensors(), "torch": torch_files(), "pickle": pickles(), "png": pictures("png"),
        "jpeg": pictures("jpeg"),
    }  # fmt: skip
    total = 0
    for target, seeds in (binary | texts()).items():
        folder = SEEDS / target
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
        for name, content in seeds.items():
            (folder / name).write_bytes(content)
            total += len(content)
    print(f"{total} bytes of seeds")


if __name__ == "__main__":
    main()
