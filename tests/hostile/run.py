"""Gives every file of the corpus to `mflux parity inspect` and `compare`: run.py MFLUX FOLDER [--address-space MiB].

A refusal is exit 2 with nothing on standard output and one line of bounded length on standard error; a harmless change
ends as the case says, without a line. Either within a few seconds and a bounded memory. Ends with 1 and a list of what
was otherwise. FOLDER is emptied and left behind with the files of the cases that failed.
"""

import argparse
import collections
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from case import REFUSED, Case
from corpus import GOOD, cases, write

SECONDS = 20
LONGEST_LINE = 2000
MOST_RSS = 400 << 10  # KiB; sanitizers take a multiple


@dataclass
class Ended:
    code: int
    out: bytes
    err: bytes
    seconds: float
    rss: int


def run(command: list[str], address_space: int | None) -> Ended:
    """Under a limit of processor time; code 128 + signal when killed."""
    limits = f"ulimit -t {SECONDS}" + (f" && ulimit -v {address_space << 10}" if address_space else "")
    process = subprocess.Popen(
        ["sh", "-c", f'{limits} && exec "$@"', "sh", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    killer = threading.Timer(6 * SECONDS, process.kill)
    killer.start()
    reader = threading.Thread(target=lambda: err.append(process.stderr.read()))
    err: list[bytes] = []
    reader.start()
    out = process.stdout.read()
    reader.join()
    _, status, usage = os.wait4(process.pid, 0)
    killer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    code = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return Ended(code, out, err[0], usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def is_one_line(text: bytes) -> bool:
    body = text[:-1]
    return (
        text.startswith(b"mflux: ")
        and text.endswith(b"\n")
        and len(text) <= LONGEST_LINE
        and not any(byte < 0x20 or byte == 0x7F for byte in body)
        and is_utf8(body)
    )


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def wrong(case: Case, expected: int, ended: Ended, most_rss: int) -> str:
    """What is not as it should be; empty when all is."""
    if ended.code != expected:
        return f"exit {ended.code}, expected {expected}: {ended.err[-600:]!r}"
    if expected == REFUSED:
        if ended.out:
            return f"wrote to standard output: {ended.out[:100]!r}"
        if not is_one_line(ended.err):
            return f"not one line: {ended.err[:600]!r} ({len(ended.err)} bytes)"
        if case.says.encode() not in ended.err:
            return f'"{case.says}" is not in {ended.err!r}'
    elif ended.err:
        return f"complains about a harmless file: {ended.err[:300]!r}"
    if ended.rss > most_rss:
        return f"took {ended.rss} KiB of memory, expected at most {most_rss}"
    return ""


class Runner:
    def __init__(self, binary: str, root: Path, address_space: int | None) -> None:
        self.binary, self.root, self.address_space = binary, root, address_space
        self.most_rss = MOST_RSS if address_space else 4 * MOST_RSS
        for name, content in GOOD.values():
            (root / name).write_bytes(content)

    def check(self, numbered: tuple[int, Case]) -> list[str]:
        number, case = numbered
        folder = self.root / f"{number:04}"
        write(case, folder)
        target, good = str(folder / case.target), str(self.root / GOOD[case.kind][0])
        flags = [flag.replace("{folder}", str(folder)) for flag in case.flags]
        compare = case.inspect if case.compare is None else case.compare
        commands = [(["inspect", target], case.inspect), (["compare", target, good, *flags], compare)]
        failures = []
        for arguments, expected in commands:
            ended = run([self.binary, "parity", *arguments], self.address_space)
            if text := wrong(case, expected, ended, self.most_rss):
                failures.append(f"{case.name} ({folder}): parity {arguments[0]}: {text}")
        if not failures:
            shutil.rmtree(folder)
        return failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--address-space", type=int, help="limit in MiB; sanitizers need all of it")
    parser.add_argument("--kinds", help="only these, with commas")
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    wanted = [case for case in cases() if not options.kinds or case.kind in options.kinds.split(",")]
    names = collections.Counter(case.name for case in wanted)
    failures = [f"{name}: two cases of this name" for name, count in names.items() if count > 1]
    runner = Runner(options.binary, options.folder.resolve(), options.address_space)
    with ThreadPoolExecutor(max_workers=2) as pool:
        for found in pool.map(runner.check, enumerate(wanted)):
            failures += found
    print("\n".join(failures))
    kinds = collections.Counter(case.kind for case in wanted)
    print(", ".join(f"{kind} {count}" for kind, count in kinds.items()))
    print(f"{len(wanted)} damaged files, {len(failures)} failures")
    return 1 if failures or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
