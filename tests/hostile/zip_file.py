"""Builds zip archives field by field, so that any field can be given any value."""

import struct
import zlib
from dataclasses import dataclass, field

LOCAL = {
    "signature": "I", "version": "H", "flags": "H", "method": "H", "time": "H", "date": "H", "crc": "I", "packed": "I",
    "size": "I", "name_size": "H", "extra_size": "H",
}  # fmt: skip
CENTRAL = {
    "signature": "I", "made_by": "H", "version": "H", "flags": "H", "method": "H", "time": "H", "date": "H", "crc": "I",
    "packed": "I", "size": "I", "name_size": "H", "extra_size": "H", "comment_size": "H", "disk": "H", "internal": "H",
    "external": "I", "offset": "I",
}  # fmt: skip
END = {
    "signature": "I", "disk": "H", "first_disk": "H", "here": "H", "count": "H", "size": "I", "begin": "I",
    "comment_size": "H",
}  # fmt: skip
END64 = {
    "signature": "I", "rest": "Q", "made_by": "H", "version": "H", "disk": "I", "first_disk": "I", "here": "Q",
    "count": "Q", "size": "Q", "begin": "Q",
}  # fmt: skip
LOCATOR = {"signature": "I", "disk": "I", "offset": "Q", "disks": "I"}
RECORDS = {"local": LOCAL, "central": CENTRAL, "end": END, "end64": END64, "locator": LOCATOR}
SIGNATURES = {
    "local": 0x04034B50, "central": 0x02014B50, "end": 0x06054B50, "end64": 0x06064B50, "locator": 0x07064B50,
}  # fmt: skip
# Fields that tell an archiver something and a reader nothing.
SAID_IN_VAIN = {"version", "made_by", "time", "date", "internal", "external"}
IN_64 = 0xFFFFFFFF


@dataclass
class Member:
    """`changes` maps (record, field) to the value to write; `described` puts sizes and checksum behind the data."""

    name: bytes
    content: bytes
    deflated: bool = False
    described: bool = False
    packed: bytes | None = None
    changes: dict[tuple[str, str], int] = field(default_factory=dict)
    central_name: bytes | None = None
    central_extra: bytes = b""
    descriptor: bytes | None = None


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


@dataclass
class Zip:
    """The archive as bytes, and where each field stands: places[record, member, field] is (offset, code, value)."""

    members: list[Member]
    zip64: bool = False
    changes: dict[tuple[str, str], int] = field(default_factory=dict)
    comment: bytes = b""

    def __post_init__(self) -> None:
        self.places: dict[tuple[str, int, str], tuple[int, str, int]] = {}

    def build(self) -> bytes:
        self._out = b""
        offsets = [self._add_local(i, member) for i, member in enumerate(self.members)]
        begin = len(self._out)
        for i, (member, offset) in enumerate(zip(self.members, offsets, strict=True)):
            self._add_central(i, member, offset)
        self._add_end(begin)
        return self._out

    def _record(self, kind: str, index: int, values: dict[str, int], changes: dict[tuple[str, str], int]) -> None:
        for name, code in RECORDS[kind].items():
            value = SIGNATURES[kind] if name == "signature" else values.get(name, 0)
            self.places[kind, index, name] = (len(self._out), code, value)
            self._out += struct.pack("<" + code, changes.get((kind, name), value))

    def _facts(self, member: Member) -> tuple[bytes, dict[str, int], bytes]:
        packed = member.packed
        if packed is None:
            packed = raw_deflate(member.content) if member.deflated else member.content
        facts = {
            "version": 45 if self.zip64 else 20, "flags": 8 if member.described else 0, "method": 8 * member.deflated,
            "date": 33, "crc": zlib.crc32(member.content), "packed": len(packed), "size": len(member.content),
        }  # fmt: skip
        extra = b""
        if self.zip64:
            extra = struct.pack("<HHQQ", 1, 16, facts["size"], facts["packed"])
            facts["size"] = facts["packed"] = IN_64
        return packed, facts, extra

    def _add_local(self, index: int, member: Member) -> int:
        offset = len(self._out)
        packed, facts, extra = self._facts(member)
        local = facts | ({"crc": 0, "packed": 0, "size": 0} if member.described else {})
        sizes = {"name_size": len(member.name), "extra_size": len(extra)}
        self._record("local", index, local | sizes, member.changes)
        self._out += member.name + extra + packed
        if member.described:
            fields = (0x08074B50, facts["crc"], len(packed), len(member.content))
            self._out += struct.pack("<4I", *fields) if member.descriptor is None else member.descriptor
        return offset

    def _add_central(self, index: int, member: Member, offset: int) -> None:
        name = member.name if member.central_name is None else member.central_name
        _, facts, extra = self._facts(member)
        extra += member.central_extra
        facts |= {"offset": offset, "name_size": len(name), "extra_size": len(extra)}
        self._record("central", index, facts, member.changes)
        self._out += name + extra

    def _add_end(self, begin: int) -> None:
        at, count = len(self._out), len(self.members)
        directory = {"here": count, "count": count, "size": at - begin, "begin": begin}
        if self.zip64:
            self._record("end64", 0, directory | {"rest": 44, "version": 45}, self.changes)
            self._record("locator", 0, {"offset": at, "disks": 1}, self.changes)
        self._record("end", 0, directory | {"comment_size": len(self.comment)}, self.changes)
        self._out += self.comment
