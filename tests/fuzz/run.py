"""Runs fuzz targets until each has used its share of processor time and prints what came of it, a line per target.

    python3 tests/fuzz/run.py build-fuzz/tests/fuzz WORK [--targets npy,npz] [--cpu-seconds 1800] [--until HH:MM]

WORK/TARGET/corpus grows from run to run; a finding lies in WORK/TARGET/ as crash-*, timeout-*, oom-* or leak-* and ends
that target's run. Processor time is the kernel's count for the process, so a busy machine only makes it take longer.
"""

import argparse
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
# Freed memory that AddressSanitizer keeps would count as ours.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=64:detect_leaks=1"}


@dataclass
class Running:
    name: str
    folder: Path
    process: subprocess.Popen
    stopped: bool = False

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self) -> None:
        if not self.stopped:
            self.process.send_signal(signal.SIGINT)
            self.stopped = True


def start(binaries: Path, work: Path, name: str) -> Running:
    folder = work / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = ROOT / "tests/fuzz/seeds" / name
    command = [
        *("chrt", "-i", "0", "nice", "-n", "19", str(binaries / f"fuzz_{name}")),
        # The timeout is by the clock, of which an idle process gets little.
        *("-rss_limit_mb=2048", "-timeout=300", "-report_slow_units=1000", "-max_len=16384", "-print_final_stats=1"),
        *(f"-artifact_prefix={folder}/", str(corpus)),
        *([str(seeds)] if seeds.is_dir() else []),
    ]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=log, stderr=subprocess.STDOUT)
    return Running(name, folder, process)


def report(target: Running) -> str:
    _, status, usage = os.wait4(target.process.pid, 0)
    target.process.returncode = os.waitstatus_to_exitcode(status)
    log = (target.folder / "log").read_text(errors="replace")
    runs = re.findall(r"stat::number_of_executed_units: (\d+)", log) or re.findall(r"^#(\d+)", log, re.MULTILINE)
    found = [path.name for path in sorted(target.folder.glob("*-*"))]
    cpu = usage.ru_utime + usage.ru_stime
    done = int(runs[-1]) if runs else 0
    return f"{target.name:16} {done:>12,} executions {cpu:8.0f} s  {' '.join(found) or 'no finding'}"


def parse_until(text: str) -> float:
    hour, minute = map(int, text.split(":"))
    now = datetime.now()
    end = now.replace(hour=hour, minute=minute, second=0)
    return (end if end > now else end + timedelta(days=1)).timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--targets", help="names with commas; default: all that were built")
    parser.add_argument("--cpu-seconds", type=float, default=1800)
    parser.add_argument("--until", type=parse_until, default=float("inf"), help="stop at HH:MM")
    parser.add_argument("--at-once", type=int, default=2)
    options = parser.parse_args()
    built = sorted(path.name.removeprefix("fuzz_") for path in options.binaries.glob("fuzz_*"))
    waiting = options.targets.split(",") if options.targets else built
    running: list[Running] = []
    while waiting or running:
        late = time.time() >= options.until
        while waiting and len(running) < options.at_once and not late:
            running.append(start(options.binaries, options.work, waiting.pop(0)))
        waiting = [] if late else waiting
        time.sleep(1)
        for target in list(running):
            if os.waitid(os.P_PID, target.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                print(report(target), flush=True)
                running.remove(target)
            elif late or target.cpu_seconds() >= options.cpu_seconds:
                target.stop()


if __name__ == "__main__":
    main()
