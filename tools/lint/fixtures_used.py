"""Fails when a fixture is named by no test.

The first folder or file below tests/fixtures/X/ must appear in a test's text, or its parent X must be listed as a whole
by one (a test that iterates over the folder).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"


def test_text() -> str:
    tests = [path for path in (ROOT / "tests").rglob("*") if path.suffix in (".cpp", ".h", ".py", ".txt")]
    return "\n".join(path.read_text() for path in [*tests, ROOT / "dev"])


def is_used(fixture: Path, text: str) -> bool:
    """Named with its folder or as a word in quotes, or all of its folder is walked through."""
    group, name = fixture.parent.name, fixture.name
    whole_group = (f'fixtures/{group}"', f'"{group}")')
    return any(spelling in text for spelling in (f"{group}/{name}", f'"{name}"', f'"{fixture.stem}"', *whole_group))


def main() -> int:
    text = test_text()
    fixtures = sorted(FIXTURES.glob("*/*"))
    unused = [entry for entry in fixtures if not is_used(entry, text)]
    for entry in unused:
        print(f"{entry.relative_to(ROOT)}: no test names it; use it or remove it")
    print(f"fixtures: {len(fixtures)} checked")
    return bool(unused)


if __name__ == "__main__":
    sys.exit(main())
