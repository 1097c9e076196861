"""The Python blocks of the READMEs run as they stand, from the repository's root."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
READMES = ("README.md", "tools/reference/README.md", "models/emoji/README.md")
BLOCKS = [(name, block) for name in READMES for block in BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))]


def test_every_readme_has_one() -> None:
    assert {name for name, _ in BLOCKS} == set(READMES)


@pytest.mark.parametrize(("name", "block"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_block_runs(name: str, block: str, tmp_path: Path) -> None:
    for folder in ("models", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    result = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.glob("debug_artifacts/*/ref/manifest.json")) or (tmp_path / "apple.png").exists()
