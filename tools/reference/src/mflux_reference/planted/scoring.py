"""Runs `mflux parity diagnose` on cases and counts what it finds."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mflux_reference.planted import names

CLEAN = {"noise.accumulation"}


@dataclass
class Score:
    folder: Path
    expected: dict[str, Any]
    named: list[str]
    first: str | None
    problem: str | None  # a crash, or what could not be read
    seconds: float = 0.0

    @property
    def ids(self) -> list[str]:
        return self.expected["ids"]

    @property
    def is_clean(self) -> bool:
        return not self.expected["name"]

    @property
    def lacks(self) -> bool:
        """The dump lacks what the cause needs: silence is as right as the name."""
        return bool(self.expected.get("needs"))

    @property
    def alarm(self) -> bool:
        """A clean pair for which a cause was made up."""
        return self.is_clean and not set(self.named) <= CLEAN | set(self.expected.get("allowed", []))

    @property
    def first_right(self) -> bool:
        return self.first is not None and names.plain(self.first) in self.expected["name"]

    @property
    def cause_right(self) -> bool:
        if self.is_clean:
            return self.named == self.ids if self.ids else not self.alarm
        right = set(self.named[: len(self.ids)]) == set(self.ids) if len(self.ids) > 1 else self.named[:1] == self.ids
        return right or (self.lacks and not set(self.named) - CLEAN - set(self.ids))

    def line(self) -> str:
        want = "+".join(self.ids) or "clean"
        v = self.expected["variation"]
        how = " ".join(
            [v["noise"], v["format"], v["scope"], *(key for key in ("inputs", "weights") if v[key])]
            + ([f"needs {','.join(self.expected['needs'])}"] if self.lacks else [])
        )
        reasons = [] if self.problem is None else [self.problem]
        if not self.cause_right:
            reasons.append(f"named {','.join(self.named) or 'nothing'}")
        if not self.is_clean and not self.first_right:
            reasons.append(f"first {self.first}, not {'|'.join(self.expected['name'][:3])}")
        return f"{want:20} {self.expected['module']:28} {'; '.join(reasons)} [{how}] {self.folder}"


def diagnose(binary: Path, folder: Path) -> Score:
    import time

    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    begin = time.monotonic()
    try:
        command = [str(binary), "parity", "diagnose", str(folder), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return Score(folder, expected, [], None, "took more than 60 s")
    seconds = time.monotonic() - begin
    refused = expected.get("unreadable", False) and done.returncode == 2
    if done.returncode not in (0, 1) and not refused:
        return Score(folder, expected, [], None, f"exit {done.returncode}: {done.stderr.strip()[:200]}", seconds)
    if refused:
        return Score(folder, expected, [], None, None, seconds)
    try:
        result = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        return Score(folder, expected, [], None, f"no JSON: {error}", seconds)
    first = result["first_divergence"]
    return Score(folder, expected, [cause["id"] for cause in result["causes"]], first and first["name"], None, seconds)


def table(scores: list[Score]) -> str:
    lines = [f"{'cause':22}{'cases':>6}{'first':>8}{'cause':>8}"]
    by_cause = defaultdict(list)
    for score in scores:
        by_cause["+".join(score.ids) or "clean"].append(score)
    lines += [_row(cause, group) for cause, group in sorted(by_cause.items())]
    by_module = defaultdict(list)
    for score in scores:
        by_module[score.expected["module"]].append(score)
    lines += ["", *(_row(module, group) for module, group in sorted(by_module.items()))]
    return "\n".join([*lines, "", summary(scores)])


def _row(title: str, group: list[Score]) -> str:
    first = "" if all(score.is_clean for score in group) else f"{share(group, 'first_right'):.0%}"
    return f"{title:38}{len(group):>6}{first:>8}{share(group, 'cause_right'):>8.0%}"


def share(scores: list[Score], what: str) -> float:
    counted = [score for score in scores if what != "first_right" or not score.is_clean]
    return sum(getattr(score, what) for score in counted) / len(counted) if counted else 1.0


def false_alarms(scores: list[Score]) -> list[Score]:
    return [score for score in scores if score.alarm]


def crashes(scores: list[Score]) -> list[Score]:
    return [score for score in scores if score.problem]


def summary(scores: list[Score]) -> str:
    bugs = [score for score in scores if not score.is_clean]
    whole = [score for score in bugs if not score.lacks]
    return (
        f"{len(bugs)} bugs: first bad module {share(bugs, 'first_right'):.1%}, cause {share(bugs, 'cause_right'):.1%} "
        f"(of {len(whole)} whose dump has all it needs {share(whole, 'cause_right'):.1%}); "
        f"{len(scores) - len(bugs)} clean: {len(false_alarms(scores))} false alarms; {len(crashes(scores))} crashes; "
        f"slowest {max((score.seconds for score in scores), default=0):.1f} s"
    )


def failures(scores: list[Score]) -> list[str]:
    bad = [s for s in scores if s.problem or not s.cause_right or (not s.is_clean and not s.first_right)]
    return [score.line() for score in bad]
