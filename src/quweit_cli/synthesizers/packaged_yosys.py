"""Yosys from the `pyosys` package with the two command lines that quweit uses: `-V` and `SCRIPT.ys`.

A child process of its own, because Yosys ends the process when a design is refused.
"""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    from pyosys import libyosys  # noqa: PLC0415  (a bad command line is refused without loading it)

    if arguments == ["-V"]:
        print(libyosys.yosys_maybe_version())
        return 0
    libyosys.run_pass(f"script {arguments[0]}", libyosys.Design())
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or (sys.argv[1].startswith("-") and sys.argv[1] != "-V"):
        sys.exit("usage: python -m quweit_cli.synthesizers.packaged_yosys -V | SCRIPT.ys")
    sys.exit(main(sys.argv[1:]))
