"""Runs the console blocks of README.md: each `$ mflux …` from the repository's root, whose shown output must be what it
prints. A line of … stands for any lines, a trailing … for the rest of a line; spaces and elapsed seconds may differ.
`./dev …` lines must be in .ci/run, which runs them.

usage: readme_test.py README BINARY_FOLDER
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PICTURES = ("apple.png", "drawn.png", "edited.png", "started.png", "injected.png")
SCRATCH = ("out/mlx", "out/injected", *PICTURES, "report.html", "parity.xml")
PROGRESS = re.compile(r"(seed \d+|picture), step \d+/\d+, ")


def commands(block: str) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def squeeze(line: str) -> str:
    return re.sub(r"\d+\.\d+ s$", "N s", " ".join(line.split()))


def is_shown(expected: str, line: str) -> bool:
    if expected.endswith("…"):
        return line.startswith(expected[:-1].rstrip())
    return line == expected


def difference(expected: list[str], printed: list[str]) -> str | None:
    """The first line of `expected` that does not follow in `printed`, or None."""
    lines, skipping = [squeeze(line) for line in printed], True
    for want in map(squeeze, expected):
        if want == "…":
            skipping = True
            continue
        while skipping and lines and not is_shown(want, lines[0]):
            lines.pop(0)
        if not lines or not is_shown(want, lines.pop(0)):
            return want
        skipping = False
    return None


def check_dev(command: str, root: Path) -> str | None:
    call = command.split("#")[0].strip()
    ran = [line.strip() for line in (root / ".ci" / "run").read_text().splitlines()]
    return None if call in ran else f".ci/run does not run it: {call}"


def run_block(block: str, root: Path, binaries: str, scratch: Path) -> list[str]:
    problems, code = [], 0
    for command, expected in commands(block):
        if command.startswith("./dev"):
            problems += filter(None, [check_dev(command, root)])
            continue
        for name in SCRATCH:
            command = command.replace(f" {name}", f" {scratch / name}")
        environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
        script = f"(exit {code}); {command}"
        result = subprocess.run(["bash", "-c", script], cwd=root, env=environment, capture_output=True, text=True)
        code = result.returncode
        missing = difference(expected, result.stdout.splitlines())
        complaints = [line for line in result.stderr.splitlines() if not PROGRESS.match(line)]
        if missing is not None or complaints:
            problems.append(f"$ {command}\n  expected: {missing}\n  printed:\n{result.stdout}{result.stderr}")
    return problems


def main() -> int:
    readme, binaries = Path(sys.argv[1]), sys.argv[2]
    blocks = BLOCK.findall(readme.read_text(encoding="utf-8"))
    count = sum(len(commands(block)) for block in blocks)
    with tempfile.TemporaryDirectory() as scratch:
        problems = [line for block in blocks for line in run_block(block, readme.parent, binaries, Path(scratch))]
    print("\n".join(problems) or f"{count} commands do what README.md shows")
    return bool(problems) or count == 0


if __name__ == "__main__":
    sys.exit(main())
