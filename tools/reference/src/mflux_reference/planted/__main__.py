"""python -m mflux_reference.planted --out DIR --seed S --per-cause N [--cause ID …] [--binary mflux]"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from mflux_reference.planted import scoring
from mflux_reference.planted.bug import causes
from mflux_reference.planted.generate import generate


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--per-cause", type=int, default=3)
    parser.add_argument("--cause", nargs="*", help="ids, 'clean'; all when left out")
    parser.add_argument("--plant", help="only plants whose name contains this")
    parser.add_argument("--binary", type=Path, help="the mflux command: diagnoses each case and prints scores")
    parser.add_argument("--list", action="store_true", help="print the ids and leave")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(cause or "clean" for cause in causes()))
        return 0
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    diffusers_logging.set_verbosity_error()
    transformers_logging.set_verbosity_error()
    folders = generate(arguments.out, arguments.seed, arguments.per_cause, arguments.cause, arguments.plant)
    print(f"{len(folders)} cases in {arguments.out}")
    if not arguments.binary:
        return 0
    scores = [scoring.diagnose(arguments.binary, folder) for folder in folders]
    print("\n".join([*scoring.failures(scores), "", scoring.table(scores)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
