"""How long `quweit` takes to say what it can: processes of their own, best of some, in seconds.

python benchmarks/bench_start.py
"""

from __future__ import annotations

import subprocess
import sys
import time

COMMANDS = ("--version", "--help", "synth --help", "train --help", "init")
RUNS = 5


def main() -> None:
    for words in COMMANDS:
        command = [sys.executable, "-m", "quweit_cli", *words.split()]
        print(f"  quweit {words:<14} {min(seconds(command) for _ in range(RUNS)):.2f} s")


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
