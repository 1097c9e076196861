"""Fails when two headers define a type of one name in one namespace.

The compiler sees each file alone, and the linker takes one type's inline functions for the other's: memory is
overwritten and nothing says why.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPENS = re.compile(r"^namespace ([\w:]+) \{")
CLOSES = re.compile(r"^\} // namespace ([\w:]+)")
DEFINES = re.compile(r"^(?:struct|class|enum class) (\w+(?:::\w+)*)\b[^;]*$")


def types_of(path: Path) -> list[str]:
    """Full names; types inside an unnamed namespace are a file's own."""
    spaces: list[str] = []
    found = []
    is_unnamed = False
    for line in path.read_text().splitlines():
        if opens := OPENS.match(line):
            spaces.append(opens[1])
        elif CLOSES.match(line):
            spaces.pop()
        elif line.startswith("namespace {"):
            is_unnamed = True
        elif line == "} // namespace":
            is_unnamed = False
        elif (defines := DEFINES.match(line)) and not is_unnamed:
            found.append("::".join([*spaces, defines[1]]))
    return found


def main() -> int:
    places: dict[str, list[Path]] = defaultdict(list)
    everything = [path for folder in ("mflux", "cli") for path in (ROOT / folder).rglob("*")]
    files = [path for path in everything if path.suffix in (".h", ".cpp")]
    for path in sorted(files):
        for name in types_of(path):
            places[name].append(path.relative_to(ROOT))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    for name, found in twice.items():
        print(f"{name} is defined in {' and in '.join(map(str, found))}: give one another name")
    print(f"type names: {len(places)} checked")
    return bool(twice)


if __name__ == "__main__":
    sys.exit(main())
