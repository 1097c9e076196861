"""Damaged manifest.json, parity.toml and map.toml."""

import json
from collections.abc import Iterator

from case import READ, Case, floats
from npy_cases import dictionary, npy

TENSOR = npy(dictionary(shape="(4,)"), floats(4))
OTHER_JSON = {
    "empty": b"", "space": b"  ", "list": b"[]", "text": b'"x"', "null": b"null", "number": b"1", "open": b'{"schema": 1',
    "not_json": b"schema: 1", "comment": b'{"schema": 1, /* */ "checkpoints": []}', "nan": b'{"schema": NaN}',
    "single_quotes": b"{'schema': 1}", "comma": b'{"schema": 1, "checkpoints": [],}', "nul": b'{"schema": 1\0}',
    "not_utf8": b'{"schema": 1, "framework": "\xff\xfe", "checkpoints": []}', "utf16": '{"schema": 1}'.encode("utf-16"),
    "latin1": '{"schema": 1, "framework": "Größe", "checkpoints": []}'.encode("latin-1"),
    "overlong": b'{"schema": 1, "framework": "\xc0\xaf", "checkpoints": []}', "binary": bytes(range(256)),
    "surrogate": b'{"schema": 1, "framework": "\\ud800", "checkpoints": []}', "deep": b"[" * 100000,
    "deep_objects": b'{"a":' * 100000, "key_twice": b'{"schema": 1, "schema": 1, "checkpoints": []}',
    "huge_number": b'{"schema": ' + b"9" * 5000 + b"}", "exponent": b'{"schema": 1e999}', "zeros": bytes(1000),
}  # fmt: skip


def manifest(entry: dict | None = None, **fields) -> bytes:
    entries = [{"name": "x", "file": "x.npy", **(entry or {})}]
    return json.dumps({"schema": 1, "checkpoints": entries} | fields).encode()


def with_manifest(name: str, text: bytes, **rest) -> Case:
    return Case(f"manifest/{name}", {"d/manifest.json": text, "d/x.npy": TENSOR}, "d", **rest)


def manifest_cases() -> Iterator[Case]:
    yield with_manifest("whole", manifest(), inspect=READ)
    for name, text in OTHER_JSON.items():
        yield with_manifest(f"text/{name}", text)
    whole = manifest({"shape": [4], "role": "out", "step": 1, "dtype": "float32"}, framework="torch", seed=7)
    for size in range(0, len(whole), 16):
        yield with_manifest(f"cut/{size}", whole[:size])
    for schema in (0, 2, -1, 1.5, "1", None, True, [], {}, 1 << 31, 1 << 63, 1 << 64, 1e300):
        yield with_manifest(f"schema/{schema}", manifest(schema=schema))
    wrong_type = {"null": None, "number": 3, "list": [], "object": {}, "bool": True}
    for field in ("name", "file"):
        for name, value in wrong_type.items():
            yield with_manifest(f"{field}/{name}", manifest({field: value}))
    for field in ("key", "class", "role", "dtype"):
        for name, value in wrong_type.items():
            if value is not None:
                yield with_manifest(f"{field}/{name}", manifest({field: value}))
    for name, value in {"text": "1", "float": 1.5, "list": [1], "object": {}, "bool": True, "max": 1 << 31, "u64": 1 << 64}.items():
        yield with_manifest(f"step/{name}", manifest({"step": value}))
    files = {
        "missing": "y.npy", "parent": "../x.npy", "absolute": "/etc/passwd", "empty": "", "folder": "d", "nul": "x.npy\0", "newline": "x\n.npy", "long": "n" * 100000, "device": "/dev/zero",
        "here": ".", "itself": "manifest.json",
    }  # fmt: skip
    for name, file in files.items():
        yield with_manifest(f"file/to_{name}", manifest({"file": file}))
    yield with_manifest("key/missing", manifest({"key": "y"}))
    yield with_manifest("name/empty", manifest({"name": ""}))
    yield with_manifest("name/long", manifest({"name": "n" * 100000}), inspect=READ, compare=2)
    yield with_manifest("name/control", manifest({"name": "a\n\x1b[31m"}), inspect=READ, compare=2)
    twice = [{"name": "x", "file": "x.npy"}] * 2
    yield with_manifest("name/twice", manifest(checkpoints=twice))
    yield with_manifest("name/twice_as_output", manifest(checkpoints=[twice[0], twice[0] | {"name": "x.out.0"}]))


def shape_cases() -> Iterator[Case]:
    bad_shapes = {
        "negative": [-4], "float": [4.0], "text": ["4"], "number": 4, "object": {}, "nested": [[4]], "bool": [True],
        "max": [(1 << 63) - 1], "u64": [(1 << 64) - 1], "over": [1 << 64], "wrap": [1 << 32, 1 << 32, 4],
    }  # fmt: skip
    for name, shape in bad_shapes.items():
        yield with_manifest(f"shape/{name}", manifest({"shape": shape}))
    bad_slices = {
        "number": 4, "text": "0:4", "one": [[0]], "three": [[0, 4, 1]], "negative": [[-4, 0]], "backward": [[4, 0]],
        "float": [[0.0, 4.0]], "null": [None], "object": [{}], "short": [[0, 3]], "long": [[0, 5]], "axes": [[0, 4], [0, 1]],
        "none": [], "max": [[(1 << 63) - 5, (1 << 63) - 1]], "over": [[0, 1 << 64]],
    }  # fmt: skip
    for name, ranges in bad_slices.items():
        yield with_manifest(f"slice/{name}", manifest({"slice": ranges}))
    yield with_manifest("slice/outside", manifest({"slice": [[2, 6]], "shape": [4]}))
    for name, fields in {
        "checkpoints_null": {"checkpoints": None}, "checkpoints_object": {"checkpoints": {}}, "checkpoints_text": {"checkpoints": "x"},
        "entry_null": {"checkpoints": [None]}, "entry_list": {"checkpoints": [[]]}, "entry_text": {"checkpoints": ["x"]},
        "run_list": {"run": []}, "run_text": {"run": "x"}, "framework_number": {"framework": 3}, "device_list": {"device": []},
        "partial_text": {"partial": "yes"},
    }.items():  # fmt: skip
        yield with_manifest(f"field/{name}", manifest(**fields))
    no_file = json.dumps({"schema": 1, "checkpoints": [{"name": "x"}]}).encode()
    yield with_manifest("field/file_missing", no_file)
    yield with_manifest("field/unknown", manifest(later={"a": 1}), inspect=READ)
    yield with_manifest("field/checkpoints_missing", b'{"schema": 1}')


BAD_TOML = {
    "not_utf8": b'[[TABLE]]\nKEY = "\xff\xfe"\n', "nul": b'[[TABLE]]\nKEY = "\0"\n', "open_text": b'[[TABLE]]\nKEY = "',
    "open_table": b"[[TABLE", "json": b'{"TABLE": []}', "key_twice": b'[[TABLE]]\nKEY = "a"\nKEY = "b"\n',
    "single_table": b'[TABLE]\nKEY = "a"\n', "text": b'TABLE = "x"\n', "number": b"TABLE = 3\n", "inline": b"TABLE = [1, 2]\n",
    "unknown_table": b"[[other]]\na = 1\n", "missing_keys": b"[[TABLE]]\n", "binary": bytes(range(256)), "zeros": bytes(64),
    "deep": b"a = " + b"[" * 5000, "deep_tables": b"a = " + b"{a=" * 5000, "dotted": b"[" + b"a." * 5000 + b"b]\n",
    "number_overflow": b"[[TABLE]]\nKEY = 99999999999999999999999\n", "control": b"[[TABLE]]\nKEY = \x1b[31m\n",
    "byte_order_16": "[[TABLE]]".encode("utf-16"), "large": b"#" * ((1 << 20) + 1), "list": b"[[TABLE]]\nKEY = ['a']\n",
}  # fmt: skip


def toml_cases(kind: str, flag: str, table: str, key: str, wrong: dict[str, str], right: str) -> Iterator[Case]:
    def single(name: str, text: bytes, code: int = 2) -> Case:
        files = {"x.npy": TENSOR, "rules.toml": text}
        return Case(f"{kind}/{name}", files, "x.npy", READ, code, flags=[flag, "{folder}/rules.toml"])

    yield single("whole", right.encode(), 0)
    for name, text in BAD_TOML.items():
        yield single(name, text.replace(b"TABLE", table.encode()).replace(b"KEY", key.encode()))
    for name, text in wrong.items():
        yield single(name, f"[[{table}]]\n{text}\n".encode())


def cases() -> Iterator[Case]:
    yield from manifest_cases()
    yield from shape_cases()
    numbers = {
        f"{key}/{name}": 'match = "*"\natol = 1\nrtol = 1\nmax_ratio = 2\n'.replace(f"{key} = ", f"{key} = {value} #")
        for key in ("atol", "rtol", "max_ratio")
        for name, value in {"nan": "nan", "inf": "inf", "negative": "-1", "text": '"1"', "bool": "true", "list": "[1]"}.items()
    }
    others = {
        "match/empty": 'match = ""\natol = 1\nrtol = 1', "match/number": "match = 3\natol = 1\nrtol = 1",
        "match/missing": "atol = 1\nrtol = 1", "atol/missing": 'match = "*"\nrtol = 1',
        "unknown_key": 'match = "*"\natol = 1\nrtol = 1\nctol = 1',
    }  # fmt: skip
    right = '[[tolerance]]\nmatch = "*"\natol = 1\nrtol = 1\n'
    yield from toml_cases("parity_toml", "--tolerances", "tolerance", "match", numbers | others, right)
    renames = {
        "from_missing": 'to = "x"', "to_missing": 'from = "x"', "from_number": 'from = 1\nto = "x"', "to_empty": 'from = "x"\nto = ""',
        "unknown_key": 'from = "x"\nto = "x"\nas = "x"', "more_stars": 'from = "x"\nto = "*x*"', "matches_nothing": 'from = "y"\nto = "x"',
    }  # fmt: skip
    yield from toml_cases("map_toml", "--map", "rename", "from", renames, '[[rename]]\nfrom = "x"\nto = "x"\n')
