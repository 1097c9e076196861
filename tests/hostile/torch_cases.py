"""Hostile torch.save archives: pickles that would run code, exhaust memory or point outside their storages."""

import struct
from collections.abc import Iterator

from case import READ, Case, cut_everywhere, floats
from zip_file import Member, Zip

COUNT = 8
DICT, LIST, EMPTY_TUPLE, STOP = b"}", b"]", b")", b"."
PROTO = b"\x80\x02"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def integer(value: int) -> bytes:
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def integers(*values: int) -> bytes:
    return tuple_of(*map(integer, values))


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


REBUILD = named("torch._utils", "_rebuild_tensor_v2")
ORDERED = named("collections", "OrderedDict") + EMPTY_TUPLE + b"R"
FLOATS = named("torch", "FloatStorage")


def storage(
    kind: bytes = FLOATS, key: bytes | None = None, count: int = COUNT, word: str = "storage", more: tuple[bytes, ...] = ()
) -> bytes:
    key = text("0") if key is None else key
    return tuple_of(text(word), kind, key, text("cpu"), integer(count), *more) + b"Q"


def tensor(
    of: bytes | None = None, offset: bytes = integer(0), size: bytes = integers(COUNT), stride: bytes = integers(1),
    grad: bytes = b"\x89", hooks: bytes = ORDERED, more: tuple[bytes, ...] = (),
) -> bytes:  # fmt: skip
    of = storage() if of is None else of
    return REBUILD + tuple_of(of, offset, size, stride, grad, hooks, *more) + b"R"


def entry(value: bytes, key: str = "x") -> bytes:
    """The pickle of {key: value}."""
    return PROTO + DICT + b"(" + text(key) + value + b"u" + STOP


def archive(pickle: bytes, data: bytes | None = None, **files: bytes | None) -> bytes:
    """`files` replace or, as None, remove members by their name below archive/."""
    held: dict[str, bytes | None] = {
        "data.pkl": pickle, "byteorder": b"little", "data/0": floats(COUNT) if data is None else data, "version": b"3\n",
    }  # fmt: skip
    held |= files
    return Zip([Member(f"archive/{name}".encode(), raw) for name, raw in held.items() if raw is not None]).build()


def good() -> bytes:
    return archive(entry(tensor()))


def single(name: str, content: bytes, **rest) -> Case:
    return Case(f"torch/{name}", {"x.pt": content}, "x.pt", **rest)


def pickled(name: str, pickle: bytes, **rest) -> Case:
    return single(name, archive(pickle), **rest)


CALLS = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("os", "execv"), ("os", "popen"), ("builtins", "eval"),
    ("builtins", "exec"), ("builtins", "getattr"), ("builtins", "__import__"), ("builtins", "open"), ("builtins", "compile"),
    ("__builtin__", "eval"), ("__builtin__", "file"), ("subprocess", "Popen"), ("subprocess", "check_output"), ("pty", "spawn"),
    ("socket", "create_connection"), ("shutil", "rmtree"), ("webbrowser", "open"), ("runpy", "_run_code"),
    ("importlib", "import_module"), ("operator", "attrgetter"), ("functools", "partial"), ("types", "FunctionType"),
    ("marshal", "loads"), ("pickle", "loads"), ("torch", "load"), ("torch.hub", "load"), ("torch.serialization", "load"),
    ("torch.jit", "load"), ("torch.storage", "_load_from_bytes"), ("torch._utils", "_import_dotted_name"), ("timeit", "main"),
    ("numpy.core.multiarray", "_reconstruct"), ("numpy", "load"), ("__main__", "Model"), ("sys", "exit"), ("platform", "popen"),
    ("bdb", "Bdb.run"), ("code", "interact"), ("ctypes", "CDLL"), ("multiprocessing.util", "spawnv_passfds"),
    ("torch", "FloatStorage.__init__"), ("collections", "OrderedDict.fromkeys"), ("torch._utils", "_rebuild_tensor_v2 "),
    ("", ""), ("torch", ""), ("torch._utils.os", "system"), ("torch.nn.modules.linear", "Linear"),
]  # fmt: skip


def exploit_cases() -> Iterator[Case]:
    """The same call in every way that a pickle can make it."""
    argument = text("touch /tmp/mflux-was-here")
    for module, name in CALLS:
        called = named(module, name) + tuple_of(argument) + b"R"
        yield pickled(f"call/{module}.{name}", PROTO + called + STOP)
    call = named("os", "system")
    ways = {
        "reduce_in_dict": entry(call + tuple_of(argument) + b"R"),
        "as_key": PROTO + DICT + b"(" + call + tuple_of(argument) + b"R" + tensor() + b"u" + STOP,
        "as_hooks": entry(tensor(hooks=call + tuple_of(argument) + b"R")),
        "as_storage": entry(tensor(of=storage(kind=call))),
        "as_persistent_id": PROTO + call + tuple_of(argument) + b"RQ" + STOP,
        "as_size": entry(tensor(size=call + tuple_of(argument) + b"R")),
        "popped": PROTO + call + tuple_of(argument) + b"R0" + DICT + b"(" + text("x") + tensor() + b"u" + STOP,
        "inst": b"(" + argument + b"ios\nsystem\n" + STOP,
        "obj": b"(" + call + argument + b"o" + STOP,
        "newobj": PROTO + call + tuple_of(argument) + b"\x81" + STOP,
        "newobj_ex": b"\x80\x04" + call + tuple_of(argument) + DICT + b"\x92" + STOP,
        "stack_global": b"\x80\x04" + text("os") + text("system") + b"\x93" + tuple_of(argument) + b"R" + STOP,
        "stack_global_memo": b"\x80\x04" + text("os") + b"\x94" + text("system") + b"\x94h\0h\1\x93" + tuple_of(argument) + b"R.",
        "stack_global_dotted": b"\x80\x04" + text("torch") + text("hub.load") + b"\x93" + tuple_of(argument) + b"R" + STOP,
        "stack_global_numbers": b"\x80\x04" + integer(1) + integer(2) + b"\x93" + STOP,
        "ext1": b"\x80\x02\x82\x01" + tuple_of(argument) + b"R" + STOP,
        "ext2": b"\x80\x02\x83\x01\x00" + tuple_of(argument) + b"R" + STOP,
        "ext4": b"\x80\x02\x84\x01\x00\x00\x00" + tuple_of(argument) + b"R" + STOP,
        "build": entry(tensor() + DICT + b"(" + text("__setstate__") + call + b"ub"),
        "build_tuple": entry(tensor() + tuple_of(DICT, DICT + b"(" + text("__reduce__") + call + b"u") + b"b"),
        "build_on_global": PROTO + REBUILD + DICT + b"(" + text("__code__") + call + b"ub" + STOP,
        "build_on_class": PROTO + FLOATS + DICT + b"(" + text("__del__") + call + b"ub" + STOP,
        "reduce_of_text": PROTO + argument + tuple_of(argument) + b"R" + STOP,
        "reduce_of_dict": PROTO + DICT + EMPTY_TUPLE + b"R" + STOP,
        "reduce_of_tensor": PROTO + tensor() + EMPTY_TUPLE + b"R" + STOP,
        "text_persistent_id": b"Pos.system\n.",
        "string_with_escapes": b"S'\\x41'\n.",
        "buffer": b"\x80\x05\x97.",
        "nested_eval": PROTO + named("builtins", "eval") + tuple_of(named("builtins", "input") + EMPTY_TUPLE + b"R") + b"R.",
    }  # fmt: skip
    for name, pickle in ways.items():
        yield pickled(f"way/{name}", pickle)


def memo_bomb(levels: int, width: int, kind: bytes = LIST) -> bytes:
    """Lists of lists of …, width ** levels tensors from a few hundred bytes."""
    out = PROTO + tensor() + b"q\0"
    for level in range(levels):
        items = b"h" + bytes([level])
        if kind == LIST:
            out += LIST + b"(" + items * width + b"e"
        else:
            out += DICT + b"(" + b"".join(text(str(i)) + items for i in range(width)) + b"u"
        out += b"q" + bytes([level + 1])
    return out + STOP


def exhausting_cases() -> Iterator[Case]:
    pickles = {
        "memo_lists": memo_bomb(12, 10), "memo_dicts": memo_bomb(12, 10, DICT), "memo_lists_wide": memo_bomb(3, 5000),
        "list_in_itself": PROTO + LIST + b"q\0h\0a" + STOP,
        "dict_in_itself": PROTO + DICT + b"q\0" + text("x") + b"h\0s" + STOP,
        "marks": b"(" * 200000 + STOP, "tuples": EMPTY_TUPLE + b"\x85" * 200000 + STOP,
        "lists": LIST * 200000 + b"a" * 199999 + STOP, "dicts": PROTO + (DICT + text("a")) * 50000 + tensor() + b"s" * 50000 + STOP,
        "put_text_max": b"}p99999999999999999999\n.",
        "put_negative": b"}p-1\n.",
    }  # fmt: skip
    for name, pickle in pickles.items():
        yield pickled(f"exhausting/{name}", pickle)
    yield pickled("exhausting/put_max", PROTO + DICT + b"r\xff\xff\xff\xff" + STOP, inspect=READ, compare=2)
    yield pickled("exhausting/duplicates", DICT + b"2" * 500000 + STOP, inspect=READ, compare=2)
    yield pickled("exhausting/long_names", entry(tensor(), "n" * 1000000), inspect=READ)
    after = named("os", "system") + tuple_of(text("id")) + b"R" + STOP
    yield pickled("exhausting/after_stop", entry(tensor()) + after, inspect=READ)


def length_cases() -> Iterator[Case]:
    for name, opcode, code in (
        ("binunicode", b"X", "<I"), ("binunicode8", b"\x8d", "<Q"), ("short_binunicode", b"\x8c", "<B"), ("binbytes", b"B", "<I"),
        ("binbytes8", b"\x8e", "<Q"), ("short_binbytes", b"C", "<B"), ("binstring", b"T", "<I"), ("short_binstring", b"U", "<B"),
        ("long1", b"\x8a", "<B"), ("long4", b"\x8b", "<I"), ("bytearray8", b"\x96", "<Q"), ("frame", b"\x95", "<Q"),
    ):  # fmt: skip
        most = (1 << 8 * struct.calcsize(code)) - 1
        for length in (2, most >> 1, (most >> 1) + 1, most):
            yield pickled(f"length/{name}/{length}", b"\x80\x04" + opcode + struct.pack(code, length) + b"a" + STOP)


def grammar_cases() -> Iterator[Case]:
    pickles = {
        "nothing": b"", "no_stop": entry(tensor())[:-1], "stop_only": STOP,
        "protocol_255": b"\x80\xff" + DICT + STOP, "protocol_cut": b"\x80", "unknown_opcode": PROTO + b"\xff" + STOP,
        "pop_nothing": b"0.", "pop_mark_nothing": b"1.", "duplicate_nothing": b"2.", "tuple_without_mark": b"t.",
        "tuple1_nothing": b"\x85.", "tuple3_two": b"))\x87.", "reduce_nothing": b"R.", "build_nothing": b"b.",
        "append_nothing": b"a.", "append_to_dict": b"}}a.", "setitem_nothing": b"s.", "setitems_odd": b"}(" + text("x") + b"u.",
        "setitems_on_list": b"](" + text("x") + text("y") + b"u.", "appends_on_dict": b"}(" + text("x") + b"e.",
        "get_missing": b"h\x07.", "get_long_missing": b"j\xff\xff\xff\xff.", "get_text_missing": b"g7\n.", "get_no_number": b"gx\n.",
        "put_nothing": b"q\0.", "memoize_nothing": b"\x94.", "global_without_line": b"cos", "global_half": b"cos\nsystem",
        "global_not_utf8": b"c\xff\xfe\n\xff\n.", "int_no_number": b"Ix\n.",
        "long_no_number": b"Lx\n.", "float_no_number": b"Fx\n.", "float_cut": b"G\0\0.", "int_huge": b"I" + b"9" * 5000 + b"\n.",
        "key_of_dict": PROTO + DICT + DICT + tensor() + b"s.", "key_of_list": PROTO + DICT + LIST + tensor() + b"s.",
        "storage_alone": PROTO + storage() + STOP, "global_alone": PROTO + REBUILD + STOP, "rebuild_alone": PROTO + REBUILD + EMPTY_TUPLE + b"R.",
        "key_twice": PROTO + DICT + b"(" + text("x") + tensor() + text("x") + tensor() + b"u.",
    }  # fmt: skip
    for name, pickle in pickles.items():
        yield pickled(f"grammar/{name}", pickle)
    # As Python reads them; there is nothing to compare in them.
    empty = {
        "two_values": PROTO + DICT + DICT + STOP, "mark_left": b"(}.", "text_alone": PROTO + text("x") + STOP,
        "text_not_utf8": b"X\2\0\0\0\xff\xfe.", "no_tensor": PROTO + DICT + STOP,
    }  # fmt: skip
    for name, pickle in empty.items():
        yield pickled(f"grammar/{name}", pickle, inspect=READ, compare=2)
    yield pickled("grammar/number_alone", PROTO + integer(3) + STOP, inspect=READ, compare=1)
    whole = entry(tensor())
    for size in range(0, len(whole), 12):
        yield pickled(f"grammar/cut/{size}", whole[:size])


def storage_cases() -> Iterator[Case]:
    keys = {
        "missing": "1", "parent": "../../../etc/passwd", "absolute": "/etc/passwd", "empty": "", "dot": ".", "folder": "../data/0",
        "itself": "../data.pkl", "nul": "0\0", "newline": "0\n", "long": "0" * 100000,
    }  # fmt: skip
    for name, key in keys.items():
        yield pickled(f"storage/key_{name}", entry(tensor(of=storage(key=text(key)))))
    wrong = {
        "key_number": storage(key=integer(0)), "key_tuple": storage(key=integers(0)), "word": storage(word="module"),
        "word_empty": storage(word=""), "kind_text": storage(kind=text("FloatStorage")), "kind_unknown": storage(kind=named("torch", "F")),
        "kind_rebuild": storage(kind=REBUILD), "count_negative": storage(count=-1), "count_less": storage(count=7),
        "count_more": storage(count=9), "count_max": storage(count=(1 << 63) - 1), "count_over": storage(count=1 << 64),
        "count_wrap": storage(count=(1 << 62) + 8), "short": tuple_of(text("storage"), FLOATS) + b"Q", "no_tuple": text("0") + b"Q", "empty": EMPTY_TUPLE + b"Q",
        "none": b"N", "list": LIST + b"Q", "dtype_double": storage(kind=named("torch", "DoubleStorage")),
        "dtype_byte": storage(kind=named("torch", "ByteStorage")), "dtype_quantised": storage(kind=named("torch", "QInt8Storage")),
    }  # fmt: skip
    for name, of in wrong.items():
        yield pickled(f"storage/{name}", entry(tensor(of=of)))
    longer = storage(more=(integer(1), integer(2), integer(3)))
    yield pickled("storage/longer", entry(tensor(of=longer)), inspect=READ)
    mixed = PROTO + DICT + b"(" + text("x") + tensor() + text("y")
    mixed += tensor(of=storage(kind=named("torch", "IntStorage"), count=7)) + b"u" + STOP
    yield pickled("storage/two_counts", mixed)
    for size in (0, 1, 31, 33, 64):
        yield single(f"storage/bytes_{size}", archive(entry(tensor()), bytes(size)))


def view_cases() -> Iterator[Case]:
    big = (1 << 63) - 1
    wrong = {
        "offset_1": {"offset": integer(1)}, "offset_negative": {"offset": integer(-1)}, "offset_max": {"offset": integer(big)},
        "offset_over": {"offset": integer(1 << 64)}, "offset_wrap": {"offset": integer(1 << 62)}, "offset_text": {"offset": text("0")},
        "offset_float": {"offset": b"G" + struct.pack(">d", 0.5)}, "offset_none": {"offset": b"N"},
        "size_more": {"size": integers(9)}, "size_negative": {"size": integers(-8)}, "size_max": {"size": integers(big)},
        "size_over": {"size": integers(1 << 64)}, "size_number": {"size": integer(8)}, "size_text": {"size": text("8")},
        "size_floats": {"size": tuple_of(b"G" + struct.pack(">d", 8.0))}, "size_nested": {"size": tuple_of(integers(8))},
        "size_nan": {"size": tuple_of(b"G" + struct.pack(">d", float("nan")))}, "size_axes": {"size": integers(2, 4)},
        "stride_2": {"stride": integers(2)}, "stride_negative": {"stride": integers(-1)}, "stride_max": {"stride": integers(big)},
        "stride_over": {"stride": integers(1 << 64)}, "stride_wrap": {"size": integers(5), "stride": integers(1 << 62)},
        "stride_axes": {"stride": integers(1, 1)}, "stride_none": {"stride": b"N"}, "stride_text": {"stride": text("1")},
        "product_wrap": {"size": integers(1 << 32, 1 << 32), "stride": integers(0, 0)},
        "product_wrap_3": {"size": integers(1 << 62, 4), "stride": integers(0, 0)},
        "axes_65": {"size": integers(*[1] * 65), "stride": integers(*[1] * 65)},
        "axes_many": {"size": integers(*[1] * 20000), "stride": integers(*[1] * 20000)},
        "outside_last": {"offset": integer(1), "size": integers(2, 4), "stride": integers(4, 1)},
        "outside_stride": {"size": integers(2, 4), "stride": integers(5, 1)},
    }  # fmt: skip
    for name, fields in wrong.items():
        yield pickled(f"view/{name}", entry(tensor(**fields)))
    nothing_outside = tensor(offset=integer(9), size=integers(0))
    yield pickled("view/empty_outside", entry(nothing_outside), inspect=READ, compare=1)
    later = tensor(more=(b"N", b"N", b"N", b"N"))  # as a later torch may write them
    yield pickled("view/more_arguments", entry(later), inspect=READ)
    yield pickled("view/few_arguments", entry(REBUILD + tuple_of(storage(), integer(0)) + b"R"))
    zero = entry(tensor(size=integers(1 << 40), stride=integers(0)))
    yield pickled("view/terabytes_of_one", zero)


def container_cases() -> Iterator[Case]:
    whole = entry(tensor())
    pkl = {"data.pkl": None}
    yield single("archive/no_pickle", archive(whole, **pkl))
    yield single("archive/no_data", archive(whole, **{"data/0": None}))
    yield single("archive/two_pickles", archive(whole, **{"other/data.pkl": whole}))
    for order in (b"", b"middle", b"LITTLE", b"little\n\0", bytes(1000)):
        yield single(f"archive/byteorder/{order[:8].hex() or 'empty'}", archive(whole, byteorder=order))
    yield single("archive/torchscript", archive(whole, **{"constants.pkl": whole, "code/__torch__.py": b"import os"}))
    yield single("archive/big_endian", archive(whole, byteorder=b"big"), inspect=READ, compare=1)
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
    yield single("legacy/magic", magic + whole)
    yield single("legacy/plain_pickle", whole)
    yield single("legacy/protocol_0", b"cos\nsystem\n(S'id'\ntR.")
    tar = b"sys_info".ljust(257, b"\0") + b"ustar\x0000" + bytes(1000)
    yield single("legacy/tar", tar)


def cases() -> Iterator[Case]:
    yield single("whole", good(), inspect=READ)
    yield from exploit_cases()
    yield from exhausting_cases()
    yield from length_cases()
    yield from grammar_cases()
    yield from storage_cases()
    yield from view_cases()
    yield from container_cases()
    yield from cut_everywhere("torch", "x.pt", good())
