"""docs/TUTORIAL.md: its commands, run in a copy of its folder, print what it shows."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("mlx.core", reason="mlx is not installed")


def test_every_command_prints_what_the_page_shows(tmp_path, repository, mflux_binary, monkeypatch):
    sys.path.insert(0, str(repository / "tests" / "readme"))
    from readme_test import BLOCK, commands, run_block

    folder = tmp_path / "porting_tutorial"
    shutil.copytree(
        repository / "examples" / "porting_tutorial", folder, ignore=shutil.ignore_patterns("debug_*", "_*")
    )
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(repository / "tools/reference/src"))
    monkeypatch.setenv("PYTEST_PLUGINS", "mflux_reference.pytest_plugin")
    blocks = BLOCK.findall((repository / "docs" / "TUTORIAL.md").read_text(encoding="utf-8"))
    assert sum(len(commands(block)) for block in blocks) >= 12
    problems = [line for block in blocks for line in run_block(block, folder, str(mflux_binary.parent), tmp_path)]
    assert not problems, "\n".join(problems)
    assert (folder / "fixtures" / "qwen3" / "manifest.json").is_file()
