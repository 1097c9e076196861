"""Damaged .safetensors files and indices of shards."""

import json
import struct
from collections.abc import Iterator

from case import READ, Case, cut_everywhere, extremes, floats

COUNT = 60
SIZE = 4 * COUNT
MAXIMA = (1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 64)


def header(**changes) -> dict:
    """Two tensors of 60 floats; `changes` replace fields of the second."""
    first = {"dtype": "F32", "shape": [COUNT], "data_offsets": [0, SIZE]}
    second = {"dtype": "F32", "shape": [COUNT], "data_offsets": [SIZE, 2 * SIZE]} | changes
    return {"first": first, "second": second}


def safetensors(head: dict | str | bytes | None = None, data: bytes | None = None, length: int | None = None) -> bytes:
    head = header() if head is None else head
    text = json.dumps(head) if isinstance(head, dict) else head
    raw = text.encode() if isinstance(text, str) else text
    data = floats(2 * COUNT) if data is None else data
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def good() -> bytes:
    return safetensors()


def single(name: str, content: bytes, **rest) -> Case:
    return Case(f"safetensors/{name}", {"x.safetensors": content}, "x.safetensors", **rest)


def field_cases() -> Iterator[Case]:
    real = len(json.dumps(header()))
    for length in {*extremes("<Q", real), 8, 100_000_000, 100_000_001, len(good()) - 8, len(good())}:
        yield single(f"length/{length}", safetensors(length=length))
    for end, values in (("begin", (0, 1, SIZE - 1, SIZE + 1, *MAXIMA)), ("end", (0, 1, SIZE, 2 * SIZE + 1, *MAXIMA))):
        for value in values:
            offsets = [value, 2 * SIZE] if end == "begin" else [SIZE, value]
            yield single(f"offsets/{end}/{value}", safetensors(header(data_offsets=offsets)))
    others = {
        "one": [SIZE], "three": [SIZE, 2 * SIZE, 0], "none": [], "null": None, "text": "0,240", "floats": [240.0, 480.0],
        "negative": [-1, 480], "nested": [[240, 480]], "object": {"begin": 240}, "swapped": [480, 240], "bools": [True, True],
        "of_first": [0, SIZE], "empty": [SIZE, SIZE], "exponents": [2.4e2, 4.8e2],
    }  # fmt: skip
    for name, offsets in others.items():
        yield single(f"offsets/{name}", safetensors(header(data_offsets=offsets)))


def shape_cases() -> Iterator[Case]:
    shapes = {
        "zero": [0], "one": [1], "less": [59], "more": [61], "negative": [-60], "float": [60.0], "text": ["60"], "null": None,
        "number": 60, "nested": [[60]], "object": {}, "bool": [True], "wrap_product": [1 << 62, 4, 60],
        "wrap_square": [1 << 32, 1 << 32], "wrap_bytes": [(1 << 62) + 60], "zero_times_max": [0, (1 << 63) - 1, (1 << 63) - 1],
        "axes_65": [1] * 64 + [60], "axes_many": [1] * 20000,
    }  # fmt: skip
    for name, shape in shapes.items():
        yield single(f"shape/{name}", safetensors(header(shape=shape)))
    for value in MAXIMA:
        yield single(f"shape/{value}", safetensors(header(shape=[value])))
    yield single("shape/scalar", safetensors(header(shape=[])))
    yield single("shape/other_axes", safetensors(header(shape=[6, 10])), inspect=READ, compare=1)


def dtype_cases() -> Iterator[Case]:
    for dtype in ("", "f32", "F33", "F16", "F64", "BF17", "C128", "F4", "F8_E8M0", "OBJECT", "F32\n", "\x1b[31m", "x" * 5000):
        yield single(f"dtype/{dtype.encode().hex()[:20] or 'empty'}", safetensors(header(dtype=dtype)))
    for name, dtype in {"null": None, "number": 32, "list": ["F32"], "object": {}, "bool": True}.items():
        yield single(f"dtype/of_type/{name}", safetensors(header(dtype=dtype)))
    for field in ("dtype", "shape", "data_offsets"):
        head = header()
        del head["second"][field]
        yield single(f"missing/{field}", safetensors(head))
    yield single("field/unknown", safetensors(header(stride=[1])))
    yield single("dtype/other_of_same_size", safetensors(header(dtype="I32")), inspect=READ, compare=1)


def text_cases() -> Iterator[Case]:
    whole = json.dumps(header())
    twice = whole.replace('"second"', '"first"')
    texts = {
        "empty": "", "space": "   ", "list": "[]", "text": '"x"', "number": "12", "null": "null", "open": whole[:-1],
        "closed_twice": whole + "}", "comma": whole[:-1] + ",}", "comment": whole[:-1] + "/* */}", "nan": whole[:-1] + ',"a":NaN}',
        "two_objects": whole + whole, "nul_inside": whole[:40] + "\0" + whole[40:], "after": whole + "x", "deep_lists": "[" * 100000,
        "deep_objects": '{"a":' * 100000, "deep_in_tensor": '{"a":' + "[" * 50000, "key_twice": twice,
        "field_twice": whole.replace('"shape": [60], "data', '"shape": [60], "shape": [60], "data', 1),
        "single_quotes": whole.replace('"', "'"), "bad_escape": whole.replace("first", "fir\\x41"),
        "lone_surrogate": whole.replace("first", "\\ud800"),         "control": whole.replace("first", "a\nb"), "huge_number": whole.replace("480", "9" * 5000),
        "exponent": whole.replace("480", "1e999"), "metadata_list": whole[:-1] + ', "__metadata__": []}',
        "metadata_number": whole[:-1] + ', "__metadata__": {"a": 1}}', "metadata_deep": whole[:-1] + ', "__metadata__": {"a": {}}}',
        "metadata_null": whole[:-1] + ', "__metadata__": null}', "tensor_list": '{"a": []}', "tensor_text": '{"a": "b"}',
        "tensor_null": '{"a": null}',
    }  # fmt: skip
    for name, text in texts.items():
        yield single(f"header/{name}", safetensors(text))
    yield single("header/not_utf8", safetensors(whole.encode().replace(b"first", b"\xff\xfe")))
    yield single("header/utf16", safetensors(whole.encode("utf-16")))
    yield single("header/byte_order_mark", safetensors(b"\xef\xbb\xbf" + whole.encode()))
    yield single("header/spaces_behind", safetensors(whole + " " * 7), inspect=READ)
    yield single("header/metadata", safetensors(whole[:-1] + ', "__metadata__": {"a": "b"}}'), inspect=READ)
    strange = {"empty": "", "newline": "a\\nb", "escape": "\\u001b[31m", "parent": "../../x", "nul": "a\\u0000b", "long": "n" * 60000}
    for name, text in strange.items():
        changed = safetensors(whole.replace("first", text))
        yield single(f"name/{name}", changed, inspect=READ)  # matched by its values


def shard_cases() -> Iterator[Case]:
    shard = good()
    places = {"first": "a.safetensors", "second": "a.safetensors"}
    index_name = "model.safetensors.index.json"

    def indexed(name: str, index: str | bytes, files: dict[str, bytes] | None = None, **rest) -> Case:
        raw = index.encode() if isinstance(index, str) else index
        beside = {"a.safetensors": shard} if files is None else files
        return Case(f"shards/{name}", {index_name: raw} | beside, index_name, **rest)

    whole = json.dumps({"metadata": {"total_size": 480}, "weight_map": places})
    yield indexed("whole", whole, inspect=READ)
    for name, file in {
        "parent": "../a.safetensors", "absolute": "/etc/passwd", "empty": "", "dot": ".", "dots": "..", "backslash": "..\\a",
        "below": "sub/a.safetensors", "missing": "b.safetensors", "nul": "a.safetensors\0", "itself": index_name,
        "newline": "a\nb", "long": "n" * 5000, "device": "/dev/zero",
    }.items():  # fmt: skip
        yield indexed(f"file/{name}", json.dumps({"weight_map": places | {"second": file}}))
    maps = {
        "none": {}, "null": {"weight_map": None}, "list": {"weight_map": []}, "empty": {"weight_map": {}},
        "number": {"weight_map": {"first": 1}}, "nested": {"weight_map": {"first": {"a": "b"}}},
        "lists": {"weight_map": {"first": ["a.safetensors"]}}, "one_missing": {"weight_map": {"first": "a.safetensors"}},
        "one_more": {"weight_map": places | {"third": "a.safetensors"}}, "other": {"weight_map": {"x": "a.safetensors"}},
    }  # fmt: skip
    for name, document in maps.items():
        yield indexed(f"map/{name}", json.dumps(document))
    texts = {
        "empty": "", "open": whole[:-2], "list": "[]", "twice": whole * 2, "not_json": "weight_map: x", "deep": '{"a":' * 100000,
        "key_twice": '{"weight_map": {"first": "a.safetensors", "first": "a.safetensors"}}', "nul": whole + "\0",
    }  # fmt: skip
    for name, text in texts.items():
        yield indexed(f"text/{name}", text)
    yield indexed("text/not_utf8", whole.encode().replace(b"first", b"\xff\xfe"))
    yield indexed("shard/empty", whole, {"a.safetensors": b""})
    yield indexed("shard/cut", whole, {"a.safetensors": shard[:-1]})
    yield indexed("shard/npy", whole, {"a.safetensors": b"\x93NUMPY" + bytes(200)})
    both = {"first": "a.safetensors", "second": "b.safetensors"}
    yield indexed("shard/same_twice", json.dumps({"weight_map": both}), {"a.safetensors": shard, "b.safetensors": shard})
    loop = indexed("shard/link_to_itself", whole, {})
    loop.links = {"a.safetensors": "a.safetensors"}
    yield loop


def cases() -> Iterator[Case]:
    yield from field_cases()
    yield from shape_cases()
    yield from dtype_cases()
    yield from text_cases()
    yield from cut_everywhere("safetensors", "x.safetensors", good())
    yield single("longer", good() + b"\0")
    yield single("longer/twice", good() + good())
    yield single("gap", safetensors({"second": header()["second"]}))
    yield from shard_cases()
