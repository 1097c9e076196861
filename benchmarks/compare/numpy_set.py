"""The numbers of one comparison in NumPy, written to be fast: tiles that stay in the cache, float64 sums, few passes.

Percentiles come from a histogram of eighths of binades, as ours do; effective dtypes and hashes are left out, in
NumPy's favour.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

TILE = 1 << 16
TOLERANCES = ((1e-5, 1e-5), (1e-2, 1e-2))


def ordered(values: np.ndarray) -> np.ndarray:
    """Places on float32's lattice."""
    bits = values.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def add_tile(ref: np.ndarray, port: np.ndarray, out: dict[str, Any]) -> None:
    out["finite"] &= bool(np.isfinite(ref).all() and np.isfinite(port).all())
    r, p = ref.astype(np.float64), port.astype(np.float64)
    d = p - r
    error, size = np.abs(d), np.abs(r)
    out["sums"] += (r.sum(), p.sum(), r @ r, p @ p, r @ p, error.sum(), d @ d)
    worst = int(error.argmax())
    if error[worst] > out["max_abs"]:
        out["max_abs"], out["worst"] = float(error[worst]), out["seen"] + worst
    out["ref_max"] = max(out["ref_max"], float(size.max()))
    out["passing"] = max(out["passing"], float((error / (1 + size)).max()))
    out["unequal"] += int(np.count_nonzero(d))
    out["positive"] += int(np.count_nonzero(d > 0))
    out["outside"] += [np.count_nonzero(error > atol + rtol * size) for atol, rtol in TOLERANCES]
    out["errors"] += np.bincount(error.astype(np.float32).view(np.uint32) >> 20, minlength=2048)
    distance = np.abs(ordered(ref) - ordered(port))
    out["ulps"] += np.bincount(np.frexp(distance.astype(np.float64))[1], minlength=34)
    out["seen"] += ref.size


def percentile(counts: np.ndarray, share: float) -> float:
    bin_index = int(np.searchsorted(np.cumsum(counts), math.ceil(share * counts.sum())))
    return float(np.array([bin_index << 20], dtype=np.uint32).view(np.float32)[0])


def max_rel(ref: np.ndarray, port: np.ndarray, floor: float) -> float:
    largest = 0.0
    for start in range(0, ref.size, TILE):
        r, p = ref[start : start + TILE].astype(np.float64), port[start : start + TILE].astype(np.float64)
        largest = max(largest, float((np.abs(p - r) / np.maximum(np.abs(r), floor)).max()))
    return largest


def numpy_set(ref: np.ndarray, port: np.ndarray) -> dict[str, Any]:
    out: dict[str, Any] = {
        "finite": True,
        "sums": np.zeros(7),
        "max_abs": 0.0,
        "worst": 0,
        "ref_max": 0.0,
        "passing": 0.0,
        "seen": 0,
    }
    out |= {
        "unequal": 0,
        "positive": 0,
        "outside": np.zeros(2, np.int64),
        "errors": np.zeros(2048, np.int64),
        "ulps": np.zeros(34, np.int64),
    }
    for start in range(0, ref.size, TILE):
        add_tile(ref[start : start + TILE], port[start : start + TILE], out)
    n = ref.size
    r, p, rr, pp, rp, absolute, square = out["sums"]
    variance, port_variance, covariance = rr - r * r / n, pp - p * p / n, rp - r * p / n
    slope, floor = covariance / variance, 1e-3 * math.sqrt(rr / n)
    return {
        "max_abs": out["max_abs"],
        "worst": out["worst"],
        "mean_abs": absolute / n,
        "rms": math.sqrt(square / n),
        "max_rel": max_rel(ref, port, floor),
        "rel_floor": floor,
        "rel_l2": math.sqrt(square / rr),
        "peak_rel": out["max_abs"] / out["ref_max"],
        "cosine": rp / math.sqrt(rr * pp),
        "centred_cosine": covariance / math.sqrt(variance * port_variance),
        "slope": slope,
        "intercept": (p - slope * r) / n,
        "error_balance": (2 * out["positive"] - out["unequal"]) / max(1, out["unequal"]),
        "ref_rms": math.sqrt(rr / n),
        "ref_max": out["ref_max"],
        "ref_mean": r / n,
        "port_mean": p / n,
        "passing_tolerance": out["passing"],
        "unequal": out["unequal"],
        "outside": out["outside"].tolist(),
        "ulp_histogram": out["ulps"].tolist(),
        "error_percentiles": [percentile(out["errors"], share) for share in (0.5, 0.9, 0.99, 0.999)],
    }
