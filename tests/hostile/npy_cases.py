"""Damaged .npy files: every header field, versions 1 to 3."""

import struct
from collections.abc import Iterator

from case import READ, Case, cut_everywhere, extremes, floats

SHAPE = (10, 20)


def dictionary(descr: str = "'<f4'", order: str = "False", shape: str = "(10, 20)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def npy(header: str | bytes = "", data: bytes | None = None, version: int = 1, length: int | None = None) -> bytes:
    text = (header or dictionary()).encode() if isinstance(header, str) else header
    size_code = "<H" if version == 1 else "<I"
    start = 8 + struct.calcsize(size_code)
    text += b" " * (63 - (start + len(text)) % 64) + b"\n"
    size = len(text) if length is None else length
    head = b"\x93NUMPY" + bytes([version, 0]) + struct.pack(size_code, size)
    return head + text + (floats(200) if data is None else data)


def good() -> bytes:
    return npy()


def single(name: str, content: bytes, **rest) -> Case:
    return Case(f"npy/{name}", {"x.npy": content}, "x.npy", **rest)


DESCRS = {
    "object": "'|O'", "text": "'<U8'", "bytes": "'|S4'", "date": "'<M8[ns]'", "delta": "'<m8[s]'", "void": "'|V4'",
    "record": "[('a', '<f4')]", "nested": "[('a', [('b', '<f4')])]", "tuple": "('<f4', (2,))", "long_double": "'<f16'",
    "empty": "''", "order_only": "'<'", "wide_int": "'<i16'", "width_0": "'<f0'", "width_huge": "'<f99999999999999999999'",
    "negative": "'<f-4'", "number": "4", "none": "None", "unknown": "'<q4'", "backslash": r"'<f\x34'", "open": "'<f4",
    "nul": "'<f4\0'", "control": "'\x1b[31m'", "two_orders": "'<>f4'", "wrong_bool": "'<b2'", "float24": "'<f3'",
    "code": "__import__('os').system('id')",
}  # fmt: skip

SHAPES = {
    "negative": "(-1, 20)", "minus_zero": "(-0, 20)", "nan": "(nan, 20)", "inf": "(inf,)", "float": "(10.0, 20)",
    "exponent": "(1e1, 20)", "hex": "(0xa, 20)", "underscore": "(1_0, 20)", "text": "('10', 20)", "bool": "(True, 20)",
    "none": "None", "list": "[10, 20]", "number": "200", "parenthesis": "(200)", "nested": "((10, 20),)", "zero": "(0, 20)",
    "one": "(1, 20)", "more": "(11, 20)", "less": "(9, 20)", "max64": "(9223372036854775807,)",
    "over64": "(9223372036854775808,)", "max_u64": "(18446744073709551615, 20)", "product_0": "(4294967296, 4294967296)",
    "product_1": "(4611686018427387904, 4)", "product_2": "(9223372036854775807, 9223372036854775807)",
    "zero_times_max": "(0, 9223372036854775807, 9223372036854775807)", "bytes_wrap": "(4611686018427387954, 1, 1, 4)",
    "digits": f"({'9' * 5000},)", "axes_65": f"({'1, ' * 63}10, 20)", "axes_many": f"({'1, ' * 20000})", "open": "(10, 20",
    "commas": "(10,, 20)", "comma_first": "(,10, 20)", "empty_then_more": "()(10, 20)", "complex": "(10j, 20)",
    "plus": "(+10, 20)", "scalar": "()",
}  # fmt: skip

HEADERS = {
    "no_descr": "{'fortran_order': False, 'shape': (10, 20)}", "no_order": "{'descr': '<f4', 'shape': (10, 20)}",
    "no_shape": "{'descr': '<f4', 'fortran_order': False}", "empty": "{}", "nothing": " ", "list": "['<f4', False, (10, 20)]",
    "open": "{'descr': '<f4', 'fortran_order': False, 'shape': (10, 20)", "no_colon": "{'descr' '<f4'}",
    "unknown_key": dictionary()[:-1] + "'extra': 1}", "descr_twice": dictionary()[:-1] + "'descr': '<f8'}",
    "shape_twice": dictionary()[:-1] + "'shape': (10, 20)}", "order_twice": dictionary()[:-1] + "'fortran_order': True}",
    "after": dictionary() + " {}", "before": "x" + dictionary(), "order_1": dictionary(order="1"),
    "order_text": dictionary(order="'False'"), "order_none": dictionary(order="None"), "order_word": dictionary(order="Falsey"),
    "json": '{"descr": "<f4", "fortran_order": false, "shape": [10, 20]}', "deep": "(" * 50000, "braces": "{" * 50000,
    "quotes": "'" * 5000, "key_open": "{'descr", "code": "exec('1')",
}  # fmt: skip


def header_cases() -> Iterator[Case]:
    for name, descr in DESCRS.items():
        yield single(f"descr/{name}", npy(dictionary(descr=descr)))
    for name, shape in SHAPES.items():
        yield single(f"shape/{name}", npy(dictionary(shape=shape)))
    for name, header in HEADERS.items():
        yield single(f"header/{name}", npy(header))
    yield single("header/not_utf8", npy(dictionary().encode().replace(b"descr", b"d\xff\xfer")))
    yield single("header/nul", npy(dictionary().encode().replace(b"}", b"\0}")))
    yield single("header/newlines", npy(dictionary().replace(", ", ",\n")), inspect=READ)
    yield single("header/fortran", npy(dictionary(order="True", shape="(20, 10)")), inspect=READ, compare=1)
    yield single("header/other_width", npy(dictionary(descr="'<f8'")))
    yield single("header/half_width", npy(dictionary(descr="'<f2'")))
    yield single("header/big_endian", npy(dictionary(descr="'>f4'")), inspect=READ, compare=1)


def prefix_cases() -> Iterator[Case]:
    whole = npy()
    for at in range(6):
        yield single(f"magic/{at}", whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
    for version in (0, 4, 127, 255):
        yield single(f"version/{version}", whole[:6] + bytes([version]) + whole[7:])
    for minor in (1, 127, 255):
        yield single(f"minor/{minor}", whole[:7] + bytes([minor]) + whole[8:])
    for version, code in ((1, "<H"), (2, "<I"), (3, "<I")):
        size = len(npy(version=version)) - 800 - (10 if version == 1 else 12)
        for length in {*extremes(code, size), 1 << 10, 64}:
            yield single(f"length/v{version}/{length}", npy(version=version, length=length))
        yield single(f"version_{version}/whole", npy(version=version), inspect=READ)
    # A version that says how long the header's length is, with the other's bytes.
    yield single("version/1_as_2", whole[:6] + b"\2" + whole[7:])
    two = npy(version=2)
    yield single("version/2_as_1", two[:6] + b"\1" + two[7:])


def cases() -> Iterator[Case]:
    yield from prefix_cases()
    yield from header_cases()
    yield from cut_everywhere("npy", "x.npy", npy())
    yield from cut_everywhere("npy/v2", "x.npy", npy(version=2), 256)
    yield single("longer/1", npy() + b"\0")
    yield single("longer/two", npy() + npy())
    yield single("nothing", b"")
    yield single("data/none", npy(data=b""))
    yield single("data/changed", npy(data=floats(199) + floats(1)), inspect=READ, compare=1)
    yield single("data/nan", npy(data=floats(199) + b"\0\0\xc0\x7f"), inspect=READ, compare=1)
    yield single("data/infinite", npy(data=floats(199) + b"\0\0\x80\x7f"), inspect=READ, compare=1)
    yield single("other/pickle", b"\x80\x04cposix\nsystem\n(S'id'\ntR.")
    yield single("other/text", b"1,2,3\n4,5,6\n")
    yield single("other/zeros", bytes(4096))
    yield single("other/ones", b"\xff" * 4096)
