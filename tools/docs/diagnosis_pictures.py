"""Draws docs/images/diagnosis/ID.svg: port against reference, from planted bugs in real modules.

PYTHONPATH=tools/reference/src python tools/docs/diagnosis_pictures.py [ID …]
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import torch

from mflux_reference.planted import plants as _plants  # noqa: F401  (registers them)
from mflux_reference.planted.bug import causes, of_cause
from mflux_reference.planted.draw import Draw
from mflux_reference.planted.sides import Runs, first_wrong, relative_error

FOLDER = Path(__file__).resolve().parents[2] / "docs/images/diagnosis"
POINTS, CELLS, SIDE, GAP = 260, 24, 150, 24
SMALL = 0.15  # errors below it are drawn as differences
STYLE = ("text{font:10px sans-serif;fill:#8a857c}.f{fill:none;stroke:#8a857c;stroke-opacity:.5}"
         ".p{fill:none;stroke:#d9542c;stroke-width:2.4;stroke-linecap:round;stroke-opacity:.75}.c{fill:#d9542c}")


def draw_bug(cause: str) -> tuple[str, np.ndarray, np.ndarray] | None:
    """The first wrong checkpoint of a planted bug: where, reference, port."""
    for plant in of_cause(cause):
        for attempt in range(6):
            draw = Draw(11, plant.cause, plant.name, 0, attempt)
            bug = plant.make(draw)
            runs = Runs(bug, torch.float32)
            first = first_wrong(runs)
            if first is None:
                continue
            ref, port = (np.asarray(side.tensors[first]).astype(np.float64) for side in (runs.ref, runs.exact))
            if ref.size == port.size and ref.size >= 16 and relative_error(ref, port.reshape(ref.shape)) > 1e-6:
                return first, ref, port
    return None


def scatter(ref: np.ndarray, port: np.ndarray) -> str:
    ref, port = ref.ravel(), port.ravel()
    small = np.linalg.norm(port - ref) < SMALL * np.linalg.norm(ref)
    at = np.random.default_rng(0).permutation(ref.size)[:POINTS]
    x, y = ref[at], (port - ref if small else port)[at]
    scale = [(min(x), max(x)), (min(y), max(y))] if small else [(min(*x, *y), max(*x, *y))] * 2
    px, py = ((v - low) / max(high - low, 1e-30) * (SIDE - 8) + 4 for v, (low, high) in zip((x, y), scale, strict=True))
    dots = "".join(f"M{a:.0f} {SIDE - b:.0f}h0" for a, b in zip(px, py, strict=True))
    label = "port - reference" if small else "port"
    return f'<rect class="f" width="{SIDE}" height="{SIDE}"/><path class="p" d="{dots}"/>' \
           f'<text x="0" y="{SIDE + 12}">{label} over reference</text>'


def heat(ref: np.ndarray, port: np.ndarray) -> str:
    """Mean |d| over the two longest axes, in at most CELLS parts each."""
    d = np.abs(port.reshape(ref.shape) - ref)
    axes = sorted(sorted(range(d.ndim), key=lambda axis: -d.shape[axis])[:2])
    d = np.atleast_2d(d.mean(axis=tuple(axis for axis in range(d.ndim) if axis not in axes)))
    rows, columns = (np.array_split(np.arange(size), min(size, CELLS)) for size in d.shape)
    cells = np.array([[d[np.ix_(r, c)].mean() for c in columns] for r in rows])
    high, wide = SIDE / len(rows), SIDE / len(columns)
    levels: dict[int, str] = {}
    for (r, c), value in np.ndenumerate(cells / max(cells.max(), 1e-300)):
        level = int(np.ceil(np.nan_to_num(value) * 6))
        levels[level] = levels.get(level, "") + f"M{c * wide:.0f} {r * high:.0f}h{wide:.0f}v{high:.0f}h-{wide:.0f}z"
    paths = "".join(f'<path class="c" fill-opacity="{k / 6:.2f}" d="{path}"/>' for k, path in levels.items() if k)
    names = " × ".join(f"axis {axis}" for axis in axes)
    return f'{paths}<rect class="f" width="{SIDE}" height="{SIDE}"/><text x="0" y="{SIDE + 12}">|d|, {names}</text>'


def picture(first: str, ref: np.ndarray, port: np.ndarray) -> str:
    width = 2 * SIDE + GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 {width + 4} {SIDE + 18}" width="{width}">'
            f"<title>{first}</title><style>{STYLE}</style>{scatter(ref, port)}"
            f'<g transform="translate({SIDE + GAP})">{heat(ref, port)}</g></svg>\n')


def main() -> int:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for cause in sys.argv[1:] or [cause for cause in causes() if cause]:
        found = draw_bug(cause)
        print(cause, found and found[0], flush=True)
        if found:
            (FOLDER / f"{cause}.svg").write_text(picture(*found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
