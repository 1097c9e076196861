"""Prints source files over 400 lines and fails over 800; fails on tracked files over 1 MB outside models/."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = {".h", ".cpp", ".py"}
LONG, TOO_LONG = 400, 800
LARGE = 1_000_000
DEMO_DUMP_LIMIT = 3_000_000
MODEL_LIMIT = 32_000_000


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def size_below(folder: str, files: list[Path]) -> int:
    return sum(path.stat().st_size for path in files if path.is_relative_to(ROOT / folder))


def main() -> int:
    files, failed = tracked(), False
    for path in files:
        name = path.relative_to(ROOT)
        lines = len(path.read_bytes().splitlines()) if path.suffix in SOURCE else 0
        if lines > LONG:
            print(f"{name}: {lines} lines, expected at most {LONG}")
            failed |= lines > TOO_LONG
        if path.stat().st_size > LARGE and name.parts[0] != "models":
            print(f"{name}: {path.stat().st_size} bytes, expected at most {LARGE}")
            failed = True
    for folder, limit in (("models", MODEL_LIMIT), ("tests/fixtures/demo", DEMO_DUMP_LIMIT)):
        if (size := size_below(folder, files)) > limit:
            print(f"{folder}/: {size} bytes in all, expected at most {limit}")
            failed = True
    print(f"file sizes: {len(files)} files checked")
    return failed


if __name__ == "__main__":
    sys.exit(main())
