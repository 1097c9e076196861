"""`mflux parity diagnose` on freshly drawn bugs in diffusers' and transformers' modules.

For every cause a case with float noise and one in bfloat16, and the same modules without the bug. Wanted are 95 % first
bad modules and 90 % causes. Some ninety bugs that are found with these chances scatter by 2.3 and 3.2 %, so the bounds
lie three of those below; `python -m mflux_reference.planted --per-cause 8` measures the rates.
"""

from __future__ import annotations

import os
import random
import warnings
from pathlib import Path

import pytest
import torch

from mflux_reference.planted import scoring
from mflux_reference.planted.bug import causes
from mflux_reference.planted.generate import generate, generate_proofs

CLEAN = 12
MORE_ROUNDS = 12  # of a cause that the first round did not name
BUGS = [cause for cause in causes() if cause not in (None, "noise.accumulation", "odd", "stacked")]


@pytest.fixture(scope="module")
def seed() -> int:
    """MFLUX_PLANTED_SEED draws the same again."""
    seed = int(os.environ.get("MFLUX_PLANTED_SEED", random.randrange(10**6)))
    print(f"MFLUX_PLANTED_SEED={seed}")
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    return seed


@pytest.fixture(scope="module")
def scores(seed: int, mflux_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> list[scoring.Score]:
    """One drawing for all tests."""
    folder = tmp_path_factory.mktemp("planted")
    folders = [case for cause in BUGS for case in generate_proofs(folder, seed, cause, range(1))]
    folders += generate(folder, seed, 1, ["noise.accumulation", "stacked"])
    folders += generate(folder, seed, CLEAN, ["clean", "odd"])
    made = [scoring.diagnose(mflux_binary, case) for case in folders]
    print("\n".join([*scoring.failures(made), "", scoring.table(made)]))
    return made


def is_named(score: scoring.Score, cause: str) -> bool:
    return not score.is_clean and cause in score.ids and score.named[:1] == [cause]


def test_every_cause_is_planted(scores: list[scoring.Score]) -> None:
    planted = {cause for score in scores for cause in score.ids}
    assert set(BUGS) - planted == set()


def test_nothing_crashes(scores: list[scoring.Score]) -> None:
    assert [score.line() for score in scoring.crashes(scores)] == []


def test_clean_and_odd_pairs_have_no_cause(scores: list[scoring.Score]) -> None:
    assert sum(score.is_clean for score in scores) >= len(BUGS)
    assert [score.line() for score in scoring.false_alarms(scores)] == []


def test_the_first_bad_module_is_found(scores: list[scoring.Score]) -> None:
    assert scoring.share(scores, "first_right") >= 0.88


def test_the_cause_is_named(scores: list[scoring.Score]) -> None:
    """Also of the cases alone whose dump holds all that the cause needs."""
    bugs = [score for score in scores if not score.is_clean]
    assert scoring.share(bugs, "cause_right") >= 0.8
    assert scoring.share([score for score in bugs if not score.lacks], "cause_right") >= 0.75


def test_each_cause_is_named_somewhere(
    scores: list[scoring.Score], seed: int, mflux_binary: Path, tmp_path: Path
) -> None:
    """A rate hides a cause that is never named: each is drawn again until it is, in other modules."""
    missing = [cause for cause in BUGS if not any(is_named(score, cause) for score in scores)]

    def is_named_in(cause: str, index: int) -> bool:
        folders = generate_proofs(tmp_path, seed, cause, [index])
        return any(is_named(scoring.diagnose(mflux_binary, case), cause) for case in folders)

    rounds = range(1, 1 + MORE_ROUNDS)
    assert [cause for cause in missing if not any(is_named_in(cause, index) for index in rounds)] == []
