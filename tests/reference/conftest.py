"""Shared by the live tests: where the package, the fixtures and the built command are."""

from __future__ import annotations

import datetime
import json
import math
import os
import sys
from collections.abc import Callable
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


@pytest.fixture
def keep_measured(request) -> Callable[[dict[str, float], dict[str, float]], None]:
    """Writes the errors and bounds of a test's checkpoints into MFLUX_RECORD, for `mflux port record`."""

    def keep(errors: dict[str, float], bounds: dict[str, float]) -> None:
        folder = os.environ.get("MFLUX_RECORD")
        if not folder:
            return
        worst = max(errors, key=lambda name: errors[name] if math.isfinite(errors[name]) else math.inf)
        script = Path(request.node.path)
        test = f"reference.{script.stem}.{request.node.originalname}"
        case = request.node.name.removeprefix(request.node.originalname)
        measured = {
            "kind": "live",
            "test": test,
            "source": str(script.relative_to(REPOSITORY)),
            "what": case.strip("[]"),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "passed": all(errors[name] <= bounds[name] for name in errors),
            "rel_l2": errors[worst] if math.isfinite(errors[worst]) else None,
            "worst": worst,
            "count": len(errors),
        }
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{test}{case}.json").write_text(json.dumps(measured), encoding="utf-8")

    return keep
