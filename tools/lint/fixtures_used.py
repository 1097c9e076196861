"""Fails when a fixture is named by no test: the first folder or file below tests/fixtures/X/ must appear in a test's text,
or its parent X must be listed as a whole by one (a test that iterates over the folder)."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"


def test_text() -> str:
    tests = [path for path in (ROOT / "tests").rglob("*") if path.suffix in (".cpp", ".h", ".py", ".txt")]
    return "\n".join(path.read_text() for path in [*tests, ROOT / "dev"])


def is_used(fixture: Path, text: str) -> bool:
    group = fixture.parent.name
    return f"{group}/{fixture.name}" in text or f'fixtures/{group}"' in text or f'("{group}")' in text or fixture.name in text


def main() -> int:
    text = test_text()
    fixtures = [entry for group in sorted(FIXTURES.iterdir()) if group.is_dir() for entry in sorted(group.iterdir())] if FIXTURES.is_dir() else []
    unused = [entry for entry in fixtures if not is_used(entry, text)]
    for entry in unused:
        print(f"{entry.relative_to(ROOT)}: no test names it; use it or remove it")
    print(f"fixtures: {len(fixtures)} checked")
    return bool(unused)


if __name__ == "__main__":
    sys.exit(main())
