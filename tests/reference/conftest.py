"""Shared by the live tests: where the package, the fixtures and the built command are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
for folder in ("tools/reference/src", "tools/reference/fixtures", "tests/reference"):
    sys.path.insert(0, str(REPOSITORY / folder))


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def mflux_binary() -> Path:
    """The built `mflux`, from MFLUX_BINARY."""
    named = os.environ.get("MFLUX_BINARY")
    if not named:
        pytest.skip("MFLUX_BINARY does not name the built mflux command")
    binary = Path(named)
    if not binary.is_file():
        pytest.fail(f"MFLUX_BINARY names {binary}, which is no file")
    return binary


@pytest.fixture(autouse=True)
def _plain_torch():
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(2)
    with torch.no_grad():
        yield
