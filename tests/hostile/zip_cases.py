"""Damaged .npz files: every field of every zip record, names, overlaps, bombs."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

from case import READ, Case, cut_everywhere, extremes
from npy_cases import dictionary, npy
from zip_file import SAID_IN_VAIN, Member, Zip, raw_deflate

FIRST, SECOND = b"first.npy", b"second.npy"


def small(value: int = 7) -> bytes:
    return npy(dictionary(shape="(8,)"), bytes([value]) * 32)


def pair(deflated: bool = False, described: bool = False) -> list[Member]:
    return [Member(FIRST, small(7), deflated, described), Member(SECOND, small(9), deflated, described)]


def good() -> bytes:
    return Zip(pair()).build()


def single(name: str, content: bytes, **rest) -> Case:
    return Case(f"npz/{name}", {"x.npz": content}, "x.npz", **rest)


# With a data descriptor the local header may leave sizes to zip64 fields; that there is one, it says alone.
DESCRIBED_ELSEWHERE = {("local", "packed", 0xFFFFFFFF), ("local", "size", 0xFFFFFFFF), ("central", "flags", 0)}


def is_harmless(record: str, field: str, archive: Zip, value: int) -> bool:
    zip64, described = archive.zip64, archive.members[0].described
    if field in SAID_IN_VAIN:
        return True
    if zip64 and (record == "end" and field not in ("signature", "comment_size")):
        return True  # the zip64 record counts
    if described and (record, field, value) in DESCRIBED_ELSEWHERE:
        return True
    if record == "locator" and field in ("disk", "disks"):
        return True
    return record == "central" and field == "disk" and value == 0xFFFF  # "see zip64"


def field_cases(kind: str, archive: Zip, members: list[int]) -> Iterator[Case]:
    whole = archive.build()
    for (record, index, field), (offset, code, real) in archive.places.items():
        if index not in members:
            continue
        for value in extremes(code, real):
            if field in SAID_IN_VAIN and value > 1:
                continue  # once is enough
            damaged = whole[:offset] + struct.pack("<" + code, value) + whole[offset + struct.calcsize(code) :]
            harmless = is_harmless(record, field, archive, value)
            name = f"{kind}/{record}_{index}/{field}/{value}"
            yield single(name, damaged, inspect=READ if harmless else 2)


def name_cases() -> Iterator[Case]:
    """Nothing is ever unpacked to a path, so a strange name is only a strange name unless it is no text at all."""
    strange = {
        "parent": b"../../x.npy", "absolute": b"/etc/passwd.npy", "backslash": b"..\\..\\x.npy", "drive": b"C:x.npy",
        "newline": b"a\nb.npy", "escape": b"\x1b[31mred.npy", "only_suffix": b"a.npy.npy", "long": b"n" * 60000,
    }  # fmt: skip
    for name, text in strange.items():
        yield single(f"name/{name}", Zip([Member(text, small())]).build(), inspect=READ, compare=2, says="")
    refused = {"empty": b"", "suffix": b".npy", "nul": b"a\0b.npy", "not_utf8": b"\xff\xfe.npy", "surrogate": b"\xed\xa0\x80"}
    for name, text in refused.items():
        yield single(f"name/{name}", Zip([Member(text, small())]).build())
    yield single("name/twice", Zip([Member(FIRST, small()), Member(FIRST, small(9))]).build(), says="named")
    yield single("name/twice_without_suffix", Zip([Member(b"x", small()), Member(b"x.npy", small())]).build())
    yield single("name/other_in_directory", Zip([Member(FIRST, small(), central_name=b"other.npy")]).build())
    yield single("name/folder_with_data", Zip([Member(b"folder/", small())]).build())
    link = Member(b"link.npy", b"../../etc/passwd", changes={("central", "external"): 0o120777 << 16})
    yield single("name/symlink", Zip([link]).build())
    link = Member(FIRST, small(), changes={("central", "external"): 0o120777 << 16})
    yield single("name/symlink_to_array", Zip([link]).build(), inspect=READ)


def member_in_a_member() -> bytes:
    """The second array's header and data lie inside the first one's data; every name, size and checksum is right."""
    inner = Zip([Member(SECOND, small())]).build()
    inner_local, inner_record = inner[: inner.index(b"PK\1\2")], inner[inner.index(b"PK\1\2") : inner.index(b"PK\5\6")]
    outer = Zip([Member(FIRST, npy(dictionary("'|u1'", shape=f"({len(inner_local)},)"), inner_local))]).build()
    begin = outer.rindex(b"PK\1\2")
    at = struct.pack("<I", outer.index(inner_local))
    directory = outer[begin : outer.rindex(b"PK\5\6")] + inner_record[:42] + at + inner_record[46:]
    return outer[:begin] + directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 2, 2, len(directory), begin, 0)


def overlap_cases() -> Iterator[Case]:
    archive = Zip(pair())
    whole = archive.build()
    offset = archive.places["central", 1, "offset"][0]
    same = whole[:offset] + struct.pack("<I", 0) + whole[offset + 4 :]
    yield single("overlap/one_local_header", same)
    twice = Member(FIRST, small())
    content = Zip([twice]).build()
    count = content.index(b"PK\1\2")
    end = content.index(b"PK\5\6")
    central = content[count:end]
    for copies in (2, 50):
        directory = b"".join(central.replace(FIRST, b"%05d.npy" % i) for i in range(copies))
        tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, copies, copies, len(directory), count, 0)
        yield single(f"overlap/{copies}_names_of_one", content[:count] + directory + tail)
    yield single("overlap/member_in_a_member", member_in_a_member())
    # Fifield's bomb: one kernel of data, quoted by every member's local header.
    kernel = raw_deflate(bytes(1 << 20))
    out, records = b"", b""
    locals_ = [b"PK\3\4" + struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, len(kernel), 1 << 20, 5, 0) for _ in range(20)]
    for i, local in enumerate(locals_):
        size = len(kernel) + 35 * (19 - i)
        records += b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 8, 0, 33, 0, size, 1 << 20, 5, 0, 0, 0, 0, 0, len(out))
        records += b"%04d." % i
        out += local + b"%04d." % i
    out += kernel
    end_record = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 20, 20, len(records), len(out), 0)
    yield single("overlap/quoted_kernel", out + records + end_record)


def bomb_cases() -> Iterator[Case]:
    zeros = npy(dictionary(shape=f"({16 << 20},)"), bytes(64 << 20))
    packed = raw_deflate(zeros)
    yield single("bomb/1000_to_1_honest", Zip([Member(FIRST, zeros, True, packed=packed)]).build(), inspect=READ, compare=1)
    liar = npy(dictionary(shape="(8,)"), bytes(32))
    yield single("bomb/says_small", Zip([Member(FIRST, liar, True, packed=packed)]).build())
    for power in (33, 40, 62):
        huge = npy(dictionary(shape=f"({1 << power},)"), b"")
        member = Member(FIRST, huge, True)
        sizes = struct.pack("<HHQQ", 1, 16, (1 << power + 2 & (1 << 64) - 1) + len(huge), 100)
        member.changes = {("central", "size"): 0xFFFFFFFF, ("central", "packed"): 0xFFFFFFFF}
        member.central_extra = sizes
        yield single(f"bomb/claims_2_to_{power}", Zip([member]).build())
    inner = Zip(pair(True)).build()
    for _ in range(8):
        inner = Zip([Member(b"inner.npz", inner, True)]).build()
    yield single("bomb/nested", inner)
    yield single("bomb/many_members", many(65_535))


def many(count: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for i in range(count):
            archive.writestr(zipfile.ZipInfo(f"{i}"), b"")
    return buffer.getvalue()


def data_cases() -> Iterator[Case]:
    for deflated in (False, True):
        kind = "deflated" if deflated else "stored"
        archive = Zip(pair(deflated))
        whole = archive.build()
        start = whole.index(FIRST) + len(FIRST)
        for at in (10, 20, 40):
            damaged = whole[: start + at] + bytes([whole[start + at] ^ 0xFF]) + whole[start + at + 1 :]
            yield single(f"data/{kind}/{at}", damaged)
        for name, content in {"empty": b"", "short": small()[:-1], "long": small() + b"\0", "text": b"no array"}.items():
            yield single(f"data/{kind}/{name}", Zip([Member(FIRST, content, deflated)]).build())
    packed = raw_deflate(small())
    streams = {"empty": b"", "cut": packed[:-3], "after": packed + b"\0", "reserved_block": b"\x07" + packed, "ones": b"\xff" * 64}
    for name, stream in streams.items():
        yield single(f"data/stream/{name}", Zip([Member(FIRST, small(), True, packed=stream)]).build())
    far = b"\x4b\x04\x82\x00"  # a match that reaches before the beginning
    yield single("data/stream/distance", Zip([Member(FIRST, small(), True, packed=far)]).build())
    wrapped = zlib.compress(small())
    yield single("data/stream/zlib_wrapped", Zip([Member(FIRST, small(), True, packed=wrapped)]).build())
    for name, descriptor in {"none": b"", "zeros": bytes(16), "ones": b"\xff" * 16, "signature": b"PK\7\x08"}.items():
        member = Member(FIRST, small(), True, True, descriptor=descriptor)
        yield single(f"descriptor/{name}", Zip([member]).build())


def extra_cases() -> Iterator[Case]:
    fields = {
        "length_max": b"\1\0\xff\xff", "one_byte": b"\1", "three_bytes": b"\1\0\0",
        "two_zip64": struct.pack("<HHQHHQ", 1, 8, 0, 1, 8, 0),
    }  # fmt: skip
    for name, extra in fields.items():
        yield single(f"extra/{name}", Zip([Member(FIRST, small(), central_extra=extra)]).build())
    for_nothing = Member(FIRST, small(), central_extra=b"\1\0\1\0\0")  # zip64, where no field refers to it
    yield single("extra/zip64_for_nothing", Zip([for_nothing]).build(), inspect=READ)
    unknown = Member(FIRST, small(), central_extra=struct.pack("<HH4s", 0xCAFE, 4, b"abcd"))
    yield single("extra/unknown", Zip([unknown]).build(), inspect=READ)


def cases() -> Iterator[Case]:
    yield from field_cases("stored", Zip(pair()), [0, 1])
    yield from field_cases("deflated", Zip(pair(deflated=True)), [1])
    yield from field_cases("described", Zip(pair(deflated=True, described=True)), [0])
    yield from field_cases("zip64", Zip(pair(), zip64=True), [0])
    yield from cut_everywhere("npz/stored", "x.npz", good())
    yield from cut_everywhere("npz/deflated", "x.npz", Zip(pair(True)).build())
    yield from cut_everywhere("npz/zip64", "x.npz", Zip(pair(), zip64=True).build())
    yield from name_cases()
    yield from overlap_cases()
    yield from bomb_cases()
    yield from data_cases()
    yield from extra_cases()
    yield single("nothing", Zip([]).build(), inspect=READ, compare=2)
    yield single("comment", Zip(pair(), comment=b"PK\5\6" + bytes(30)).build(), inspect=READ)
    yield single("before", b"x" * 64 + good())
    yield single("after", good() + b"x")
    yield single("two_archives", good() + good())
