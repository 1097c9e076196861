"""Checks that each folder under mflux/ includes only what the architecture lets it (docs/ARCHITECTURE.md)."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#include "(mflux|cli)/([^"]+)"', re.MULTILINE)

# Direct dependencies; what they may include comes with them.
LAYERS = {
    "base": [],
    "artifacts": ["base", "image"],
    "parity": ["artifacts"],
    "capture": ["weights"],
    "image": ["base"],
    "tokenizers": ["base"],
    "schedulers": ["base"],
    "weights": ["artifacts"],
    "nn": ["capture"],
    "encoders": ["nn"],
    "vae": ["nn"],
    "pipelines": ["encoders", "vae", "schedulers", "tokenizers"],
    "models": ["pipelines"],
    "ports": ["base"],
}


def allowed(layer: str) -> set[str]:
    reach = {layer}
    for below in LAYERS[layer]:
        reach |= allowed(below)
    return reach


def family(path: str) -> str | None:
    parts = Path(path).parts
    return parts[1] if parts[0] == "models" and len(parts) > 2 else None


def problems(source: Path) -> list[str]:
    relative = source.relative_to(ROOT / "mflux").as_posix()
    layer = relative.split("/")[0]
    if layer not in LAYERS:
        return [f'mflux/{relative}: the folder "{layer}" is no layer that tools/lint/include_graph.py knows']
    found = []
    for tree, target in INCLUDE.findall(source.read_text()):
        other = target.split("/")[0]
        if tree == "cli" or other not in allowed(layer):
            found.append(f"mflux/{relative}: includes {tree}/{target}, but {layer}/ may not depend on {other}/")
        elif family(relative) and family(target) not in (None, family(relative)):
            found.append(f"mflux/{relative}: includes {target}; models never include each other")
    return found


def main() -> int:
    sources = [path for path in (ROOT / "mflux").rglob("*") if path.suffix in (".h", ".cpp")]
    found = [line for source in sorted(sources) for line in problems(source)]
    print("\n".join(found) or f"include graph: {len(sources)} files, all in order")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
