"""The report in Debian's chromium: what it says, keyboard, search, colours, narrow screens, hostile names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from conftest import REPOSITORY, write_dumps, write_report

Open = Callable[..., Page]
MINUS = "\u2212"
ORIGIN = "transformer.blocks.1.attn.in@step=1"


def names_in_list(page: Page) -> list[str]:
    return page.locator("#rows .row bdi").all_text_contents()


def shown_name(page: Page) -> str:
    return page.locator("#detail h2").inner_text().replace("\n", "")


def test_the_first_screen_answers(opened: Open, failing_page: Path) -> None:
    page = opened(failing_page)
    expect(page).to_have_title(f"FAIL at {ORIGIN} · parity report")
    expect(page.locator("#verdict")).to_have_text("FAIL")
    expect(page.locator("#headline")).to_have_text(f"starts at {ORIGIN}")
    expect(page.locator("#explanation")).to_contain_text("In the forward of transformer.blocks.1, between")
    assert page.locator("#figures dd").all_text_contents() == ["35 %", f"3.0e{MINUS}7", "×350,000"]
    assert page.locator("#counts button").all_text_contents() == ["1 FAIL", "51 INHERITED", "49 PASS"]
    for part in ("#verdict", "#headline", "#figures", "#diagnosis"):
        assert page.locator(part).bounding_box()["y"] < 330


def test_the_origin_is_shown_with_all_its_parts(opened: Open, failing_page: Path) -> None:
    page = opened(failing_page)
    assert shown_name(page) == ORIGIN
    detail = page.locator("#detail")
    expect(detail.locator(".rule").first).to_have_text(f"atol 1e{MINUS}5 rtol 1e{MINUS}5, default for float32")
    titles = ["Where it differs", "Worst elements", "Distribution of |d|"]
    more = ["Distance in units of the last place, float32", "Values", "All numbers"]
    assert detail.locator("h3").all_text_contents() == [*titles, *more]
    assert detail.locator("table").first.locator("tbody tr").count() == 10
    expect(detail.locator("table").first.locator("tbody th").first).to_have_text("[0, 4, 4]")
    assert page.evaluate("[document.querySelector('.heat').width, document.querySelector('.heat').height]") == [24, 10]
    assert detail.locator(".histogram").count() == 2
    expect(page.locator("#rows .row[aria-selected=true] bdi")).to_have_text("in")


def test_a_pass_says_so(opened: Open, tmp_path: Path) -> None:
    page = opened(write_report(tmp_path, REPOSITORY / "tests/fixtures/parity/clean"))
    expect(page.locator("#verdict")).to_have_text("PASS")
    expect(page.locator("#headline")).to_contain_text("checkpoints agree")
    assert page.locator("#figures dd").count() == 0


def test_by_keyboard(opened: Open, failing_page: Path) -> None:
    page = opened(failing_page)
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("blocks.2.ff.0")
    expect(page.locator("#shown")).to_have_text("2 of 101 checkpoints")
    page.keyboard.press("Enter")
    expect(page.locator("#list")).to_be_focused()
    assert shown_name(page) == "transformer.blocks.2.ff.0.in@step=1"
    page.keyboard.press("ArrowDown")
    assert shown_name(page) == "transformer.blocks.2.ff.0@step=1"
    active = page.locator("#list").get_attribute("aria-activedescendant")
    expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator("#detail")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#list")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#shown")).to_have_text("101 checkpoints")


def test_groups_fold_by_keyboard(opened: Open, failing_page: Path) -> None:
    page = opened(failing_page)
    page.locator("#list").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    group = page.locator("#rows .row.active")
    expect(group).to_have_attribute("aria-expanded", "true")
    before = int(page.locator("#list").get_attribute("aria-rowcount"))
    page.keyboard.press("ArrowLeft")
    expect(group).to_have_attribute("aria-expanded", "false")
    assert int(page.locator("#list").get_attribute("aria-rowcount")) < before
    page.keyboard.press("ArrowRight")
    assert int(page.locator("#list").get_attribute("aria-rowcount")) == before


def test_the_tree_stands_in_execution_order(opened: Open, failing_page: Path) -> None:
    page = opened(failing_page)
    labels = names_in_list(page)
    assert labels[0] == "latents_initial"
    block = labels[labels.index("in.x") :]
    assert [block.index(name) for name in ("in.x", "modulation", "norm1", "attn", "norm2", "ff")] == sorted(
        block.index(name) for name in ("in.x", "modulation", "norm1", "attn", "norm2", "ff")
    )


@pytest.mark.parametrize(
    ("text", "count"), [("attn.to_q", 6), ("*.attn.to_q", 3), ("ATTN.TO_Q.IN@", 3), ("no such", 0)]
)
def test_search_by_text_and_glob(opened: Open, failing_page: Path, text: str, count: int) -> None:
    page = opened(failing_page)
    page.locator("#search").fill(text)
    expect(page.locator("#shown")).to_have_text(f"{count} of 101 checkpoints")
    assert len(names_in_list(page)) == count


def test_filter_by_verdict_and_sort(opened: Open, failing_page: Path) -> None:
    page = opened(failing_page)
    page.locator("#counts button", has_text="INHERITED").click()
    expect(page.locator("#shown")).to_have_text("51 of 101 checkpoints")
    page.locator("#sort").select_option("error")
    numbers = page.locator("#rows .row .number:not(.gain)").all_text_contents()
    errors = [float(text.replace(MINUS, "-")) for text in numbers]
    assert len(errors) > 10
    assert errors == sorted(errors, reverse=True)
    page.locator("#counts button", has_text="INHERITED").click()
    expect(page.locator("#shown")).to_have_text("101 checkpoints")
    page.locator("#sort").select_option("gain")
    assert names_in_list(page)[0] == ORIGIN


def test_bars_against_the_tolerance(opened: Open, failing_page: Path) -> None:
    """A bar passes its mark exactly where the checkpoint fails (atol and rtol are the same here)."""
    page = opened(failing_page)
    page.locator("#sort").select_option("flat")
    page.locator("#metric").select_option("needed")
    page.locator("#list").focus()
    for key in ("Home", "PageDown", "PageDown", "End"):
        page.keyboard.press(key)
        bars = page.evaluate("""() => [...document.querySelectorAll('#rows .row')].map((row) => [
            row.classList.contains('is-pass'),
            parseFloat(row.querySelector('.fill').style.width)
                <= parseFloat(row.querySelector('.mark').style.left)])""")
        assert len(bars) > 5
        assert all(passes == below for passes, below in bars)


def test_colours_follow_the_system_and_the_button(opened: Open, failing_page: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    dark, light = "rgb(21, 21, 19)", "rgb(252, 251, 249)"
    page = opened(failing_page, color_scheme="dark")
    assert page.evaluate(background) == dark
    page.locator("#theme").click()
    assert page.evaluate(background) == light
    page.locator("#theme").click()
    page.emulate_media(color_scheme="light")
    assert page.evaluate(background) == dark


def test_a_phones_width(opened: Open, failing_page: Path) -> None:
    page = opened(failing_page, viewport={"width": 390, "height": 844}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    expect(page.locator("#detail")).to_be_hidden()
    page.locator("#rows .row.first").tap()
    expect(page.locator("#detail")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("document.querySelector('#detail').scrollWidth <= innerWidth")
    page.get_by_role("button", name="Back").tap()
    expect(page.locator("#detail")).to_be_hidden()


def test_two_thousand_checkpoints(opened: Open, large_page: Path) -> None:
    page = opened(large_page)
    expect(page.locator("#shown")).to_have_text("2,000 checkpoints")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    print(f"first paint after {paint:.0f} ms")
    assert paint < 1000
    page.locator("#sort").select_option("flat")
    assert page.locator("#rows .row").count() < 100
    page.locator("#list").focus()
    page.keyboard.press("End")
    expect(page.locator("#rows .row.active bdi")).to_have_text("transformer.blocks.124.out@step=4")
    expect(page.locator("#rows .row.active")).to_be_in_viewport()
    assert shown_name(page) == "transformer.blocks.124.out@step=4"


def test_the_step_map_selects(opened: Open, large_page: Path) -> None:
    page = opened(large_page)
    box = page.locator("#steps").bounding_box()
    assert box["height"] == 4 * 16
    page.locator("#steps").click(position={"x": box["width"] - 2, "y": 2.5 * 16})
    assert shown_name(page) == "transformer.blocks.124.out@step=3"
    page.locator("#profile").click(position={"x": 1, "y": 90})
    assert shown_name(page).endswith("@step=1")


def test_hostile_names_stay_text(opened: Open, tmp_path: Path) -> None:
    names = ["</script><script>document.title='broken'</script>", "<img src=x onerror=alert(1)>", "a\"b'c&amp;\x1b[31m"]
    (tmp_path / "ref").mkdir()
    np.savez(tmp_path / "ref" / "x.npz", **{str(i): np.ones(3) for i in range(len(names))})
    checkpoints = [{"name": name, "file": "x.npz", "key": str(i), "class": name} for i, name in enumerate(names)]
    (tmp_path / "ref" / "manifest.json").write_text(json.dumps({"schema": 1, "checkpoints": checkpoints}))
    (tmp_path / "mlx").mkdir()
    np.savez(tmp_path / "mlx" / "x.npz", **{str(i): np.zeros(3) for i in range(len(names))})
    (tmp_path / "mlx" / "manifest.json").write_text(json.dumps({"schema": 1, "checkpoints": checkpoints}))
    page = opened(write_report(tmp_path, tmp_path / "ref", tmp_path / "mlx"))
    page.locator("#sort").select_option("flat")
    assert names_in_list(page) == [*names[:2], "a\"b'c&amp;\\x1b[31m"]
    assert re.match("FAIL at", page.title())
    assert page.locator("img").count() == 0


def test_pictures_swipe_and_differ(opened: Open, tmp_path: Path) -> None:
    ref = np.zeros((1, 3, 8, 12), np.float32)
    ref[0, 0, :, :6] = 1  # red to the left
    port = ref.copy()
    port[0, 2, 3, 11] = 0.2
    page = opened(write_report(tmp_path, *write_dumps(tmp_path, {"image": ref}, {"image": port})))
    expect(page.locator(".pictures figcaption").nth(1)).to_have_text("Difference, up to 51 of 255")
    expect(page.locator(".pictures figcaption").nth(2)).to_contain_text("FLIP")
    brightness = """() => { const c = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        c.drawImage(document.querySelector('.pictures > figure:last-child img'), 0, 0);
        const sum = (x, y) => [...c.getImageData(x, y, 1, 1).data].slice(0, 3).reduce((a, b) => a + b);
        return [sum(11, 3), sum(0, 0)]; }"""
    changed, same = page.evaluate(brightness)
    assert changed > same
    psnr = 10 * np.log10(3 * 8 * 12 * 5**2)
    expect(page.locator("#detail")).to_contain_text(f"PSNR {psnr:.2f} dB")
    size = "[document.querySelector('.swipe img').naturalWidth, document.querySelector('.swipe img').naturalHeight]"
    assert page.evaluate(size) == [12, 8]
    pixel = """([x, y]) => { const c = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        c.drawImage(document.querySelectorAll('.swipe img')[1], 0, 0); return [...c.getImageData(x, y, 1, 1).data]; }"""
    assert page.evaluate(pixel, [0, 0]) == [255, 0, 0, 255]
    assert page.evaluate(pixel, [11, 3]) == [0, 0, 51, 255]
    clip = "document.querySelectorAll('.swipe img')[1].style.clipPath"
    assert "50%" in page.evaluate(clip)
    page.locator(".pictures input").focus()
    page.keyboard.press("End")
    assert "100%" in page.evaluate(clip)


def test_nothing_can_be_loaded_or_run(opened: Open, failing_page: Path) -> None:
    policy = re.search('Content-Security-Policy" content="([^"]*)"', failing_page.read_text()).group(1)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_it_prints_every_row_in_sight_of_the_tree(opened: Open, failing_page: Path) -> None:
    page = opened(failing_page)
    page.locator("#sort").select_option("flat")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#rows .row").count() == 101
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#rows .row").count() < 101


def test_shapes_and_missing_checkpoints(opened: Open, tmp_path: Path) -> None:
    ref = {"a": np.ones((2, 3)), "b": np.ones(4)}
    page = opened(write_report(tmp_path, *write_dumps(tmp_path, ref, {"a": np.ones((3, 2)), "c": np.ones((5, 7))})))
    expect(page.locator("#headline")).to_have_text("starts at a")
    expect(page.locator("#figures dd").first).to_have_text("shape")
    assert page.locator("#counts button").all_text_contents() == ["1 SHAPE", "1 MISSING"]
    page.locator("#rows .row", has_text="b").click()
    expect(page.locator("#detail .rule").first).to_contain_text("the port has no such checkpoint")
