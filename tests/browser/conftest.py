"""Shared by the tests of the report: reports that the built command writes, and Debian's chromium to open them in."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("MFLUX_CHROMIUM", "/usr/bin/chromium")


def write_report(folder: Path, *arguments: str | Path) -> Path:
    """Runs `mflux parity report`; its page."""
    page = folder / "report.html"
    command = [os.environ["MFLUX_BINARY"], "parity", "report", *map(str, arguments), "--out", str(page)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode in (0, 1), outcome.stderr
    return page


def data_of(page: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the page holds: the run, and a line of details for each checkpoint."""
    text = page.read_text()
    blocks = dict(re.findall(r'<script type="[^"]*json" id="(\w+)">(.*?)</script>', text, re.DOTALL))
    details = [json.loads(line) for line in blocks["details"].splitlines()]
    return json.loads(blocks["run"]), details


def write_dumps(folder: Path, ref: dict[str, np.ndarray], port: dict[str, np.ndarray]) -> tuple[Path, Path]:
    np.savez(folder / "ref.npz", **ref)
    np.savez(folder / "mlx.npz", **port)
    return folder / "ref.npz", folder / "mlx.npz"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page from disk; at the end nothing may have gone wrong in it or been asked of a network."""
    pages: list[Page] = []
    complaints: list[str] = []

    def open_page(path: Path, **options: Any) -> Page:
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 800}, **options})
        pages.append(page)
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("request", lambda request: complaints.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []


@pytest.fixture(scope="session")
def failing_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("between"), REPOSITORY / "tests/fixtures/parity/between")


@pytest.fixture(scope="session")
def large_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 checkpoints of four steps; from the second step on one block after the other is wrong."""
    folder = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(0)
    ref: dict[str, np.ndarray] = {}
    port: dict[str, np.ndarray] = {}
    for step in range(1, 5):
        for block in range(125):
            for part in ("norm", "attn", "ff", "out"):
                name = f"transformer.blocks.{block}.{part}@step={step}"
                ref[name] = random.standard_normal((1, 16, 24)).astype(np.float32)
                wrong = step > 2 or (step == 2 and block >= 60)
                noise = random.standard_normal((1, 16, 24)) * (0.05 if wrong else 1e-7)
                port[name] = (ref[name] * (1 + noise)).astype(np.float32)
    return write_report(folder, *write_dumps(folder, ref, port))
