"""The numbers in the report against NumPy's, and its JUnit XML as a parser of XML sees it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from conftest import REPOSITORY, data_of, write_dumps, write_report

SHAPES = [(7,), (5, 9), (3, 100, 64), (2, 4, 70, 60), (1, 1, 8), (6, 1, 1, 200)]


def pooled(error: np.ndarray, axes: tuple[int, int], cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Largest and mean |d| over two axes in `cells` equal parts, as NumPy has them."""
    kept = [axis for axis in axes if axis >= 0]
    rest = tuple(axis for axis in range(error.ndim) if axis not in kept)
    highest, mean = error.max(axis=rest), error.mean(axis=rest)
    for at, axis in enumerate(kept):
        parts = min(cells, error.shape[axis])
        starts = [-(-part * error.shape[axis] // parts) for part in range(parts)]
        sizes = np.diff([*starts, error.shape[axis]])
        highest = np.maximum.reduceat(highest, starts, axis=at)
        sizes = sizes.reshape([-1 if other == at else 1 for other in range(mean.ndim)])
        mean = np.add.reduceat(mean, starts, axis=at) / sizes
    return highest.ravel(), mean.ravel()


def values_of(heat: dict, kind: str) -> np.ndarray:
    shades = np.frombuffer(base64.b64decode(heat[kind]), np.uint8).astype(float)
    return np.where(shades == 0, 0, heat["top"] * 10 ** (heat["decades"] * ((shades - 1) / 253 - 1)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_details_are_numpys(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    random = np.random.default_rng(len(shape))
    ref = random.standard_normal(shape).astype(dtype)
    port = (ref + random.standard_normal(shape) * 0.1).astype(dtype)
    port.flat[0] = ref.flat[0]
    _, [detail] = data_of(write_report(tmp_path, *write_dumps(tmp_path, {"a": ref}, {"a": port})))
    error = np.abs(port.astype(float) - ref.astype(float))

    places = np.argsort(-error.ravel(), kind="stable")[: min(10, np.count_nonzero(error))]
    assert [worst[0] for worst in detail["worst_elements"]] == places.tolist()
    ports = [worst[2] for worst in detail["worst_elements"]]
    np.testing.assert_allclose(ports, port.ravel()[places].astype(float), rtol=1e-8)

    histogram = detail["histogram"]
    exponents = np.floor(np.log2(error[error > 0])).astype(int)
    expected = np.bincount(exponents - exponents.min())
    assert (histogram["first"], histogram["counts"]) == (exponents.min(), expected.tolist())
    assert histogram["equal"] == np.count_nonzero(error == 0)

    longest = [axis for axis in np.argsort([-size for size in shape], kind="stable") if shape[axis] > 1][:2]
    assert detail["heat"][0]["axes"] == [-1] * (2 - len(longest)) + sorted(longest)
    for heat in detail["heat"]:
        highest, mean = pooled(error, tuple(heat["axes"]), 48)
        assert heat["top"] == pytest.approx(error.max(), rel=1e-8)
        np.testing.assert_allclose(values_of(heat, "max"), highest, rtol=0.03)  # a shade is 5.6 %
        np.testing.assert_allclose(values_of(heat, "mean"), mean, rtol=0.03)


def test_what_stands_on_one_side_only_is_the_darkest(tmp_path: Path) -> None:
    ref = np.ones((4, 4), np.float32)
    port = ref.copy()
    port[2, 1] = np.nan
    port[0, 0] = 1.5
    page = write_report(tmp_path, *write_dumps(tmp_path, {"a": ref}, {"a": port}))
    run, [detail] = data_of(page)
    assert run["rows"]["verdict"] == ["NONFINITE"]
    assert list(base64.b64decode(detail["heat"][0]["max"])) == [254] + [0] * 8 + [255] + [0] * 6
    assert detail["worst_elements"] == [[9, 1, "nan"], [0, 1, 1.5]]


def test_the_page_stays_small(large_page: Path) -> None:
    assert large_page.stat().st_size < 8_000_000


def test_junit_is_xml_of_junits_shape(tmp_path: Path) -> None:
    command = [os.environ["MFLUX_BINARY"], "parity", "report", str(REPOSITORY / "tests/fixtures/parity/between")]
    outputs = ["--junit", tmp_path / "j.xml", "--json", tmp_path / "j.json", "--out", tmp_path / "r.html"]
    assert subprocess.run([*command, *outputs], check=False).returncode == 1
    checkpoints = json.loads((tmp_path / "j.json").read_text())["checkpoints"]
    root = ElementTree.parse(tmp_path / "j.xml").getroot()
    assert root.tag == "testsuites"
    [suite] = root
    cases = suite.findall("testcase")
    assert len(cases) == len(list(suite)) == int(suite.get("tests")) == int(root.get("tests")) == 101
    assert all(case.get("name") and case.get("classname") for case in cases)
    failures = [case for case in cases if case.find("failure") is not None]
    assert [case.get("name") for case in failures] == ["transformer.blocks.1.attn.in@step=1"]
    assert int(suite.get("failures")) == 1
    [failing] = [checkpoint for checkpoint in checkpoints if checkpoint["verdict"] == "FAIL"]
    assert f"rel_l2 {failing['rel_l2']:.4g}, max_abs {failing['max_abs']:.4g}," in failures[0].find("failure").text
    assert sum(case.find("skipped") is not None for case in cases) == int(suite.get("skipped")) == 51


def test_junit_survives_hostile_names(tmp_path: Path) -> None:
    manifest = {"schema": 1, "checkpoints": [{"name": "</testcase>]]>&\"'\x01\x1b\ufffe", "file": "x.npz", "key": "a"}]}
    for side, values in (("ref", np.ones(3)), ("mlx", np.zeros(3))):
        (tmp_path / side).mkdir()
        np.savez(tmp_path / side / "x.npz", a=values)
        (tmp_path / side / "manifest.json").write_text(json.dumps(manifest))
    command = [os.environ["MFLUX_BINARY"], "parity", "report", str(tmp_path), "--junit", tmp_path / "j.xml"]
    subprocess.run(command, check=False)
    [case] = ElementTree.parse(tmp_path / "j.xml").getroot().iter("testcase")
    assert case.get("name") == "</testcase>]]>&\"'\\x01\\x1b\\ufffe"
