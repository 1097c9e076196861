"""The Python blocks of the READMEs run as they stand, from the repository's root; those with a test run in pytest."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
READMES = ("README.md", "tools/reference/README.md", "models/emoji/README.md")
BLOCKS = {name: BLOCK.findall((ROOT / name).read_text(encoding="utf-8")) for name in READMES}


@pytest.mark.parametrize("name", READMES)
def test_blocks_run(name: str, tmp_path: Path) -> None:
    """One after the other in one folder, as a reader would."""
    assert BLOCKS[name]
    for folder in ("models", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for block in BLOCKS[name]:
        script = tmp_path / "test_block.py"
        script.write_text(block, encoding="utf-8")
        command = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if "def test_" in block else []
        result = subprocess.run([sys.executable, *command, script], cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, f"{block}\n{result.stdout}{result.stderr}"
    assert list(tmp_path.glob("debug_artifacts/*/ref/manifest.json")) or (tmp_path / "apple.png").exists()
