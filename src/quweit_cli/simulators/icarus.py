"""Icarus Verilog."""

from __future__ import annotations

from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed
from quweit_cli.simulators import cocotb_library
from quweit_cli.simulators.base import BUILD_SECONDS, TIMESCALE, Bench
from quweit_cli.toolbox import ICARUS, Found, Plan


class Icarus:
    name = "icarus"
    tool = ICARUS
    four_state = True

    def build(self, found: Found, bench: Bench, folder: Path) -> None:
        toolbox.icarus_runtime(found)  # before anything is compiled for it
        sources, tops = [*bench.sources], ["-s", bench.top]
        if bench.waves:
            sources.append(_dump_module(folder, bench.top))
            tops += ["-s", "quweit_waves"]
        warnings = [] if bench.cells else ["-Wall"]
        words = ("-g2012", *warnings, "-f", "timescale.f", "-o", "bench.vvp", *tops, *sources)
        files: dict[str, str | Path] = {
            "timescale.f": f"+timescale+{TIMESCALE}\n",
            **{name: folder / name for name in sources},
        }
        output = Plan(ICARUS, "iverilog", files, words, "build.log", timeout=BUILD_SECONDS).run(found, folder)
        if output.strip() and not bench.cells:
            raise ToolFailed(f"iverilog warns about the bench:\n{output.strip()[:2000]}")

    def check(self, found: Found, bench: Bench, folder: Path) -> None:
        files = {name: folder / name for name in bench.sources}
        words = ("-g2012", "-t", "null", "-s", bench.top, *bench.sources)
        Plan(ICARUS, "iverilog", files, words, "build.log", timeout=BUILD_SECONDS).run(found, folder)

    def command(self, found: Found, bench: Bench) -> list[str]:
        waves = "-fst" if bench.waves else "-none"
        return [toolbox.icarus_runtime(found), "-m", str(cocotb_library.path("icarus")), "bench.vvp", waves]


def _dump_module(folder: Path, top: str) -> str:
    (folder / "quweit_waves.sv").write_text(
        "module quweit_waves;\n"
        "  initial begin\n"
        '    $dumpfile("waves.fst");\n'
        f"    $dumpvars(0, {top});\n"
        "  end\n"
        "endmodule\n"
    )
    return "quweit_waves.sv"
