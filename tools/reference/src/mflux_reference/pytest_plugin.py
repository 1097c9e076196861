"""assert_parity, as a function and as a pytest fixture of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

WORST = 5


def assert_parity(ref: Any, mlx: Any = None, **options: Any) -> Any:
    """Fails unless compare(ref, mlx, **options) passes; the message is one screen. Returns the Comparison."""
    __tracebackhide__ = True
    from mflux_reference.comparing import compare

    result = compare(ref, mlx, **options)
    if not result.passed:
        pytest.fail(_message(result), pytrace=False)
    return result


@pytest.fixture(name="assert_parity")
def assert_parity_fixture() -> Callable[..., Any]:
    return assert_parity


def _message(result: Any) -> str:
    counts: dict[str, int] = {}
    for row in result:
        counts[row["verdict"]] = counts.get(row["verdict"], 0) + 1
    tally = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    remarks = [f"note: {text}" for text in (*result.facts.get("run_facts", []), *result.facts.get("remarks", []))]
    findings = [f"perhaps: {finding['text']}" for finding in result.facts.get("findings", [])]
    return "\n".join([f"no parity: {tally}", *remarks[:3], *findings[:3], repr(result.worst(WORST))])
