"""Damaged PNG and JPEG files: every chunk's length, type and checksum, every header field, every segment."""

import struct
import zlib
from collections.abc import Iterator

from case import DIFFERS, READ, REFUSED, Case, cut_everywhere, extremes

WIDTH, HEIGHT = 9, 7
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes, length: int | None = None, crc: int | None = None) -> bytes:
    size = len(body) if length is None else length
    check = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", size) + kind + body + struct.pack(">I", check)


def header(width: int = WIDTH, height: int = HEIGHT, depth: int = 8, colour: int = 2, rest: bytes = b"\0\0\0") -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBB", width, height, depth, colour) + rest)


def rows(row_bytes: int = 3 * WIDTH, height: int = HEIGHT, filter_: int = 0) -> bytes:
    return b"".join(bytes([filter_]) + bytes((7 * x + 31 * y) % 256 for x in range(row_bytes)) for y in range(height))


def data(raw: bytes | None = None) -> bytes:
    return chunk(b"IDAT", zlib.compress(rows() if raw is None else raw))


END = chunk(b"IEND", b"")
PALETTE = chunk(b"PLTE", bytes(range(12)))


def png(*chunks: bytes) -> bytes:
    return SIGNATURE + b"".join(chunks or (header(), data(), END))


def good() -> bytes:
    return png()


def single(name: str, content: bytes, **rest) -> Case:
    return Case(f"png/{name}", {"x.png": content}, "x.png", **rest)


def size_of(side: int) -> int:
    """How compare ends: pictures of other sizes are not looked into, unless the head alone is impossible."""
    return DIFFERS if 0 < side < 100 else REFUSED


def header_cases() -> Iterator[Case]:
    for value in extremes(">I", WIDTH):
        yield single(f"width/{value}", png(header(width=value), data(), END), compare=size_of(value))
    for value in (0, HEIGHT + 1, 1 << 15, (1 << 31) - 1, 1 << 31, (1 << 32) - 1):
        yield single(f"height/{value}", png(header(height=value), data(), END), compare=size_of(value))
    for width, height in ((1 << 15, 1 << 15), (20000, 20000), (1 << 31, 1 << 31), (65536, 65536)):
        yield single(f"size/{width}x{height}", png(header(width, height), data(), END))
    for depth in (0, 1, 2, 3, 4, 5, 15, 17, 32, 255):
        yield single(f"depth/{depth}", png(header(depth=depth), data(), END))
    for colour in (1, 5, 7, 8, 255):
        yield single(f"colour/{colour}", png(header(colour=colour), data(), END))
    for name, rest in {"compression": b"\1\0\0", "filter": b"\0\1\0", "interlace": b"\0\0\2", "interlace_max": b"\0\0\xff"}.items():
        yield single(f"method/{name}", png(header(rest=rest), data(), END))
    yield single("header/short", png(chunk(b"IHDR", b"\0\0\0\x09"), data(), END))
    yield single("header/long", png(chunk(b"IHDR", bytes(20)), data(), END))
    yield single("header/missing", png(data(), END))
    yield single("header/late", png(data(), header(), END))
    yield single("header/twice", png(header(), header(), data(), END))


def chunk_cases() -> Iterator[Case]:
    body = rows()
    packed = zlib.compress(body)
    for length in (0, 1, len(packed) - 1, len(packed) + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        yield single(f"length/data/{length}", png(header(), chunk(b"IDAT", packed, length=length), END))
    for length in (0, 12, 14, 0x7FFFFFFF, 0xFFFFFFFF):
        head = chunk(b"IHDR", struct.pack(">IIBB", WIDTH, HEIGHT, 8, 2) + b"\0\0\0", length=length)
        yield single(f"length/header/{length}", png(head, data(), END))
    for kind in (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"iCCP", b"PLTE", b"sPLT", b"abCd"):
        for length in (0x7FFFFFFF, 0x745F0A00, 0xFFFFFFFF):
            name = f"length/{kind.decode()}/{length}"
            yield single(name, png(header(), chunk(kind, b"a\0b", length=length), data(), END))
    for crc in (0, 0xFFFFFFFF):
        yield single(f"checksum/header/{crc}", png(chunk(b"IHDR", header()[8:21], crc=crc), data(), END))
        yield single(f"checksum/data/{crc}", png(header(), chunk(b"IDAT", packed, crc=crc), END))
    yield single("chunk/none", SIGNATURE)
    yield single("chunk/no_data", png(header(), END))
    yield single("chunk/no_end", png(header(), data()))
    yield single("chunk/critical_unknown", png(header(), chunk(b"ABCD", b"x"), data(), END))
    yield single("chunk/type_digits", png(header(), chunk(b"1234", b"x"), data(), END))
    yield single("chunk/text", png(header(), chunk(b"tEXt", b"note\0text"), data(), END), inspect=READ)


def pixel_cases() -> Iterator[Case]:
    streams = {
        "empty": b"", "short": zlib.compress(rows()[:-1]), "one_row": zlib.compress(rows(height=1)), "cut": zlib.compress(rows())[:-9],
        "not_zlib": b"x" * 100, "zeros": bytes(100), "ones": b"\xff" * 100, "window": b"\x78\x00" + zlib.compress(rows())[2:],
        "dictionary": b"\x78\xbb" + zlib.compress(rows())[2:], "checksum": zlib.compress(rows())[:-1] + b"\0",
    }  # fmt: skip
    for name, stream in streams.items():
        yield single(f"stream/{name}", png(header(), chunk(b"IDAT", stream), END))
    for filter_ in (5, 127, 255):
        yield single(f"filter/{filter_}", png(header(), data(rows(filter_=filter_)), END))
    indexed = header(colour=3)
    pixels = data(rows(WIDTH))
    yield single("palette/missing", png(indexed, pixels, END))
    yield single("palette/empty", png(indexed, chunk(b"PLTE", b""), pixels, END))
    yield single("palette/not_by_3", png(indexed, chunk(b"PLTE", bytes(10)), pixels, END))
    yield single("palette/257", png(indexed, chunk(b"PLTE", bytes(771)), pixels, END))
    yield single("palette/late", png(indexed, pixels, PALETTE, END))


JPEG_PARTS = {
    "start": b"\xff\xd8",
    "quantisation": b"\xff\xdb\0\x43\0" + bytes([16] * 64),
    "frame": b"\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0",
    "huffman_dc": b"\xff\xc4\0\x14\0\x01" + bytes(15) + b"\0",
    "huffman_ac": b"\xff\xc4\0\x14\x10\x01" + bytes(15) + b"\0",
    "scan": b"\xff\xda\0\x08\x01\x01\0\0\x3f\0",
    "pixels": b"\x3f",
    "end": b"\xff\xd9",
}


def jpeg(**parts: bytes) -> bytes:
    return b"".join((JPEG_PARTS | parts).values())


def single_jpeg(name: str, content: bytes, **rest) -> Case:
    return Case(f"jpeg/{name}", {"x.jpg": content}, "x.jpg", **rest)


def jpeg_cases() -> Iterator[Case]:
    frame, scan = JPEG_PARTS["frame"], JPEG_PARTS["scan"]
    yield single_jpeg("whole", jpeg(), inspect=READ)
    for part, raw in JPEG_PARTS.items():
        if part in ("start", "pixels", "end"):
            continue
        # libjpeg takes a table of no codes for an empty one and fills the pixels up, with a warning.
        for length in (0, 1, 3, 0xFFFF) if part.startswith("huffman") else (0, 1, 2, 3, 0xFFFF):
            yield single_jpeg(f"length/{part}/{length}", jpeg(**{part: raw[:2] + struct.pack(">H", length) + raw[4:]}))
        if part != "huffman_dc" and part != "huffman_ac":
            yield single_jpeg(f"missing/{part}", jpeg(**{part: b""}))
    changes = {
        "precision_0": (4, b"\0"), "precision_7": (4, b"\7"), "precision_255": (4, b"\xff"), "height_0": (5, b"\0\0"),
        "height_max": (5, b"\xff\xff"), "width_0": (7, b"\0\0"), "width_max": (7, b"\xff\xff"), "components_0": (9, b"\0"),
        "components_255": (9, b"\xff"), "sampling_0": (11, b"\0"), "sampling_max": (11, b"\xff"), "table_9": (12, b"\x09"),
    }  # fmt: skip
    for name, (at, value) in changes.items():
        yield single_jpeg(f"frame/{name}", jpeg(frame=frame[:at] + value + frame[at + len(value) :]))
    for kind in (0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCF):
        yield single_jpeg(f"frame/kind_{kind:x}", jpeg(frame=b"\xff" + bytes([kind]) + frame[2:]))
    for name, (at, value) in {"components_0": (4, 0), "components_5": (4, 5), "which": (5, 9), "table": (6, 0x77)}.items():
        yield single_jpeg(f"scan/{name}", jpeg(scan=scan[:at] + bytes([value]) + scan[at + 1 :]))
    yield single_jpeg("huffman/too_many", jpeg(huffman_dc=b"\xff\xc4\0\x13\0" + b"\xff" * 16))
    yield single_jpeg("frame/twice", jpeg(frame=frame + frame))
    for size in range(len(jpeg()) - 1):
        if size % 16 == 0:
            yield single_jpeg(f"cut/{size}", jpeg()[:size])
    yield single_jpeg("text", b"GIF89a, not a picture of this kind")


def cases() -> Iterator[Case]:
    yield single("whole", good(), inspect=READ)
    yield from header_cases()
    yield from chunk_cases()
    yield from pixel_cases()
    yield from cut_everywhere("png", "x.png", good())
    for at in range(8):
        yield single(f"signature/{at}", good()[:at] + bytes([good()[at] ^ 0x20]) + good()[at + 1 :])
    yield from jpeg_cases()
