"""`make mutate`: draws mutants, judges them, prints the counts; exit code 1 when one survives that is not equivalent."""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import time
from pathlib import Path

from mutation import designs as made
from mutation.campaign import draw, judge, table
from quweit_cli import toolbox


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--digits", type=Path, help="a project or dump with large blocks, as `make demo` leaves it"
    )
    parser.add_argument("--whole", action="store_true", help="a whole model, in place of blocks")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="designs whose names match this")
    chosen = parser.parse_args()
    started = time.monotonic()
    with toolbox.scratch("quweit-mutants-") as scratch:
        designs = (
            made.whole(scratch) if chosen.whole else [*made.worked_example(scratch), *made.shapes(scratch)]
        )
        designs += [] if chosen.digits is None else made.digits(scratch, chosen.digits)
        designs = [one for one in designs if re.search(chosen.only, one.name)]
        mutants = draw(designs, chosen.mutants, random.Random(chosen.seed), scratch / "drawn")
        print(f"{len(mutants)} mutants drawn, {time.monotonic() - started:.0f} s", flush=True)
        outcomes = judge(designs, mutants, scratch, chosen.processes, lambda text: print(text, flush=True))
    print(f"\n{table(outcomes)}\n{time.monotonic() - started:.0f} s")
    return int(any(one.survived for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
