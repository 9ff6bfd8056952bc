"""Icarus Verilog."""

from __future__ import annotations

from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed
from quweit_cli.simulators import cocotb_library
from quweit_cli.simulators.base import BUILD_SECONDS, TIMESCALE, Bench
from quweit_cli.toolbox import ICARUS, Found


class Icarus:
    name = "icarus"
    tool = ICARUS

    def build(self, found: Found, bench: Bench, folder: Path) -> None:
        options = folder / "timescale.f"
        options.write_text(f"+timescale+{TIMESCALE}\n")
        sources = [str(bench.package / source) for source in bench.sources]
        if bench.waves:
            sources.append(str(_dump_module(folder, bench.top)))
        words = [
            *found.command,
            "-g2012",
            *([] if bench.netlist else ["-Wall"]),
            "-f",
            str(options),
            "-o",
            str(folder / "bench.vvp"),
        ]
        tops = ["-s", bench.top, *(["-s", "quweit_waves"] if bench.waves else [])]
        output = toolbox.run(
            [*words, *tops, *sources],
            cwd=folder,
            log=folder / "build.log",
            name="iverilog",
            timeout=BUILD_SECONDS,
        )
        if output.strip() and not bench.netlist:
            raise ToolFailed(f"iverilog warns about the bench:\n{output.strip()[:2000]}")

    def command(self, bench: Bench, folder: Path) -> list[str]:
        return [
            "vvp",
            "-m",
            str(cocotb_library.path("icarus")),
            str(folder / "bench.vvp"),
            "-fst" if bench.waves else "-none",
        ]


def _dump_module(folder: Path, top: str) -> Path:
    path = folder / "quweit_waves.sv"
    path.write_text(
        "module quweit_waves;\n"
        "  initial begin\n"
        '    $dumpfile("waves.fst");\n'
        f"    $dumpvars(0, {top});\n"
        "  end\n"
        "endmodule\n"
    )
    return path
