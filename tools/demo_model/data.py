"""Extract the training pictures and their names from two Debian packages.

Pictures: fonts-noto-color-emoji, 136x128 bitmaps in the CBDT table, sequences through GSUB ligatures.
Names and keywords: unicode-cldr-core, annotations/en.xml and annotationsDerived/en.xml.

    python data.py --out data      writes data/emoji.npz (img: uint8 [N, 128, 128, 3]) and data/emoji.json
"""

import argparse
import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image

from config import IMAGE_SIZE, write_json

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
CLDR = Path("/usr/share/unicode/cldr/common")
SKIN_TONES = set(range(0x1F3FB, 0x1F400))
VARIATION_SELECTOR = 0xFE0F


def annotations(cldr: Path) -> dict[str, dict]:
    """CLDR's English name and keywords of every character or sequence."""
    found: dict[str, dict] = {}
    for folder in ("annotations", "annotationsDerived"):
        for node in ElementTree.parse(cldr / folder / "en.xml").getroot().iter("annotation"):
            entry = found.setdefault(node.get("cp"), {"keywords": []})
            if node.get("type") == "tts":
                entry["name"] = node.text
            else:
                entry["keywords"] = [word.strip() for word in node.text.split("|")]
    return {sequence: entry for sequence, entry in found.items() if "name" in entry}


def ligatures(font: TTFont) -> dict[tuple[str, ...], str]:
    """Glyph sequence to ligature glyph, over all GSUB lookups."""
    found = {}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            table = getattr(table, "ExtSubTable", table)
            for first, entries in getattr(table, "ligatures", {}).items():
                for entry in entries:
                    found[(first, *entry.Component)] = entry.LigGlyph
    return found


def picture(png: bytes) -> np.ndarray:
    """One bitmap on a white square, resized to the training size."""
    bitmap = Image.open(io.BytesIO(png)).convert("RGBA")
    side = max(bitmap.size)
    square = Image.new("RGBA", (side, side), (255, 255, 255, 255))
    square.alpha_composite(bitmap, ((side - bitmap.width) // 2, (side - bitmap.height) // 2))
    return np.asarray(square.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.LANCZOS))


def emoji(font_path: Path, cldr: Path) -> Iterator[tuple[dict, np.ndarray]]:
    """Every named emoji without a skin tone that the font has a bitmap for, in CLDR's order."""
    font = TTFont(font_path)
    glyphs, joined, strike = font.getBestCmap(), ligatures(font), font["CBDT"].strikeData[0]
    for sequence, entry in annotations(cldr).items():
        points = [ord(c) for c in sequence]
        if SKIN_TONES.intersection(points):
            continue
        names = tuple(glyphs.get(p, "") for p in points if p != VARIATION_SELECTOR)
        glyph = names[0] if len(names) == 1 else joined.get(names)
        if glyph in strike:
            yield {"sequence": sequence, **entry}, picture(strike[glyph].imageData)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data"))
    parser.add_argument("--font", type=Path, default=FONT)
    parser.add_argument("--cldr", type=Path, default=CLDR)
    args = parser.parse_args()
    entries, pictures = zip(*emoji(args.font, args.cldr), strict=True)
    args.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out / "emoji.npz", img=np.stack(pictures))
    write_json(args.out / "emoji.json", entries)
    print(f"{len(entries)} emoji")


if __name__ == "__main__":
    main()
