"""The diagnosis in the report: what is shown of a cause and of none, as a page, as JSON and as JUnit."""

from __future__ import annotations

import json
import os
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from conftest import data_of, write_dumps, write_report

Open = Callable[..., Page]
NAME = "transformer.blocks.0.attn"
SCHEMES = ["light", "dark"]


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A port whose second checkpoint is half of its reference."""
    random = np.random.default_rng(5)
    before, ref = (random.standard_normal((2, 40, 24)).astype(np.float32) for _ in range(2))
    port = ref * np.float32(0.5)
    folder = tmp_path_factory.mktemp("halved")
    return write_report(folder, *write_dumps(folder, {"x": before, NAME: ref}, {"x": before, NAME: port}))


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A port that is wrong in a way that no cause of the catalogue is."""
    random = np.random.default_rng(6)
    ref = random.standard_normal((2, 40, 24)).astype(np.float32)
    port = (ref + random.standard_normal(ref.shape) * np.abs(np.sin(7 * ref))).astype(np.float32)
    folder = tmp_path_factory.mktemp("unknown")
    return write_report(folder, *write_dumps(folder, {NAME: ref}, {NAME: port}))


def test_a_cause_is_shown_with_its_proof(opened: Open, halved: Path) -> None:
    page = opened(halved)
    card = page.locator("#diagnosis article")
    expect(card).to_have_count(1)
    expect(card.locator("h2")).to_have_text("scale.constant Everything is scaled by one number")
    expect(card.locator(".sure")).to_have_text("99 % sure")
    facts = dict(zip(card.locator("dt").all_text_contents(), card.locator("dd").all_text_contents(), strict=True))
    assert facts["at"] == NAME
    assert facts["proof"].startswith("50 % → ")
    assert facts["fix"] == "multiply by the reference's constant, once"
    assert facts["try"].startswith("mflux parity try ") and f"'{NAME}'" in facts["try"]
    assert "0.5" in facts["found"]
    captions = card.locator("figure figcaption").all_text_contents()
    assert captions == ["Before", "After", "32 values around the worst place"]
    assert page.locator("#diagnosis").bounding_box()["y"] < page.locator("#counts").bounding_box()["y"]


def dots(page: Page, which: int) -> list[list[float]]:
    path = page.locator(".plot").nth(which).locator("path:not(.hidden)").get_attribute("d")
    return [[float(number) for number in point.removesuffix("h0").split(" ")] for point in path.split("M")[1:]]


def test_the_points_lie_on_the_line_only_with_the_cause_applied(opened: Open, halved: Path) -> None:
    page = opened(halved)
    guide = page.locator(".plot .guide").first
    x1, y1, x2, y2 = (float(guide.get_attribute(name)) for name in ("x1", "y1", "x2", "y2"))
    away = [max(abs(y - (y1 + (x - x1) * (y2 - y1) / (x2 - x1))) for x, y in dots(page, plot)) for plot in (0, 1)]
    assert away[0] > 30
    assert away[1] < 0.5


def test_the_strips_are_the_values(opened: Open, halved: Path) -> None:
    run, _ = data_of(halved)
    strip = run["diagnosis"]["causes"][0]["evidence"]["strip"]
    np.testing.assert_allclose(np.array(strip["port"]), np.array(strip["ref"]) * 0.5, rtol=1e-6)
    page = opened(halved)
    assert page.locator(".strip .cell").count() == 3 * 32
    page.locator("#diagnosis summary").click()
    cells = page.locator("#diagnosis tbody tr").first.locator("th, td").all_text_contents()
    values = [float(cell.replace("\u2212", "-")) for cell in cells]
    assert values[0] == strip["begin"]
    np.testing.assert_allclose(values[1:], [strip[side][0] for side in ("ref", "port", "predicted")], rtol=1e-6)


def test_a_function_of_the_input_shows_as_a_curve(opened: Open, tmp_path: Path) -> None:
    x = np.random.default_rng(8).standard_normal((1, 60, 32)).astype(np.float32) * 2
    ref = x / (1 + np.exp(-x))
    sides = write_dumps(tmp_path, {"m.act.in": x, "m.act": ref}, {"m.act.in": x, "m.act": ref / 2})
    page = opened(write_report(tmp_path, *sides))
    expect(page.locator("#diagnosis h2 code")).to_have_text("scale.constant")
    captions = page.locator("#diagnosis .plots figcaption").all_text_contents()
    assert captions == ["Output over input", "Before", "After"]
    assert page.locator(".plot").first.locator("path").count() == 3


def test_the_place_of_a_cause_is_a_link_by_keyboard(opened: Open, halved: Path) -> None:
    page = opened(halved)
    page.locator("#list").focus()
    page.keyboard.press("Home")
    page.locator("#rows .row", has_text="x").first.click()
    assert page.locator("#detail h2").inner_text().replace("\n", "") == "x"
    page.locator("#diagnosis .link").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#detail h2").inner_text().replace("\n", "") == NAME


def test_the_command_is_copied(opened: Open, halved: Path) -> None:
    page = opened(halved)
    command = page.locator("#diagnosis .command code").inner_text()
    page.evaluate("document.execCommand = () => { window.copied = document.activeElement.value; return true; }")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.locator("#diagnosis .copy").click()
    assert page.evaluate("window.copied") == command


def test_where_nothing_is_proven_it_says_what_to_dump(opened: Open, unknown: Path) -> None:
    page = opened(unknown)
    expect(page.locator("#diagnosis h2")).to_have_text("No cause is proven, so none is named")
    expect(page.locator("#diagnosis li").first).to_contain_text("Dump the inputs of")
    expect(page.locator("#diagnosis .sure")).to_have_count(0)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_nothing_runs_over_the_edge(opened: Open, halved: Path, unknown: Path, width: int, scheme: str) -> None:
    for path in (halved, unknown):
        page = opened(path, viewport={"width": width, "height": 800}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        card, text = "document.querySelector('.cause')", "document.body"
        paper = page.evaluate(f"getComputedStyle({card}).backgroundColor.match(/\\d+/g).map(Number)")
        ink = page.evaluate(f"getComputedStyle({text}).color.match(/\\d+/g).map(Number)")
        assert (sum(paper) < sum(ink)) == (scheme == "dark")


def test_it_can_be_left_out(opened: Open, tmp_path: Path) -> None:
    ref = np.random.default_rng(5).standard_normal((2, 40, 24)).astype(np.float32)
    page = opened(write_report(tmp_path, *write_dumps(tmp_path, {"x": ref}, {"x": ref * 2}), "--no-diagnosis"))
    expect(page.locator("#diagnosis")).to_be_hidden()
    expect(page.locator("#verdict")).to_have_text("FAIL")


def test_hostile_names_stay_text(opened: Open, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>'\"&amp;"
    ref = np.random.default_rng(5).standard_normal((2, 40, 24)).astype(np.float32)
    for side, values in (("ref", ref), ("mlx", ref * 2)):
        (tmp_path / side).mkdir()
        np.savez(tmp_path / side / "x.npz", a=values)
        manifest = {"schema": 1, "checkpoints": [{"name": name, "file": "x.npz", "key": "a"}]}
        (tmp_path / side / "manifest.json").write_text(json.dumps(manifest))
    page = opened(write_report(tmp_path, tmp_path))
    assert page.locator("#diagnosis .link").inner_text().replace("\n", "") == name
    assert page.locator("#diagnosis img").count() == 0
    assert "'<img src=x onerror=alert(1)>'\\''\"&amp;'" in page.locator("#diagnosis .command code").inner_text()


def test_json_and_junit_name_the_cause(tmp_path: Path) -> None:
    ref = np.random.default_rng(5).standard_normal((2, 40, 24)).astype(np.float32)
    sides = write_dumps(tmp_path, {"x": ref}, {"x": ref * 2})
    outputs = ["--json", tmp_path / "j.json", "--junit", tmp_path / "j.xml", "--out", tmp_path / "r.html"]
    command = [os.environ["MFLUX_BINARY"], "parity", "report", *sides, *outputs]
    assert subprocess.run(command, check=False).returncode == 1
    [cause] = json.loads((tmp_path / "j.json").read_text())["causes"]
    assert cause["id"] == "scale.constant"
    points = np.array(cause["evidence"]["points"])
    assert 128 < len(points) <= 256
    np.testing.assert_allclose(points[:, 1], 2 * points[:, 0], rtol=1e-5)
    [case] = ElementTree.parse(tmp_path / "j.xml").getroot().iter("testcase")
    assert case.find("failure").text.startswith("cause scale.constant: everything is scaled by one number, 99 % sure")
