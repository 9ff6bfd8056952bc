"""How often every net of a netlist toggles on real rows: counted in simulation, not assumed.

The netlist runs in the package's self-checking bench on Icarus Verilog, on cell models that are made
from the functions in the library itself. Every row is compared with the golden one, so an activity is
never that of a wrong netlist. Delays are zero: a net toggles at most once a cycle unless it is a clock,
and glitches are not counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed
from quweit_cli.hdl.words import yosys_word
from quweit_cli.synthesizers.library.liberty import Cell
from quweit_cli.synthesizers.library.netlist import Bit, Netlist

SECONDS = 3600.0
ROWS_AROUND = 3  # rows before and after those recorded, so that every stage works while they are
PERIOD_PS = 5000  # of the bench's clock


@dataclass(frozen=True)
class Activity:
    """Of each net, by bit: transitions between 0 and 1 a cycle, and the share of time at 1."""

    rows: int
    cycles: int
    toggles: dict[Bit, float]
    duty: dict[Bit, float]


def cell_models_script(netlist: Netlist, library: str, output: str) -> str:
    """A Yosys script that writes Verilog of the cells used, but for the clock gates, from their functions."""
    used = [name for name in netlist.cells_by_type() if not _cell(netlist, name).clock_gate]
    return f"""\
read_liberty -ignore_miss_func {yosys_word(library)}
select -set used {" ".join(map(yosys_word, used))}
select @used
write_verilog -noattr -selected {yosys_word(output)}
"""


def clock_gate_model(cell: Cell) -> str:
    """A latch that is open while the clock is low, and an AND gate."""
    pins = {pin.clock_gate: pin.name for pin in cell.pins.values() if pin.clock_gate}
    enable = " | ".join(pins[role] for role in ("enable", "test") if role in pins)
    ports = ", ".join(pin.name for pin in (*cell.inputs, *cell.outputs))
    return f"""
module {cell.name} ({ports});
  input {", ".join(pin.name for pin in cell.inputs)};
  output {", ".join(pin.name for pin in cell.outputs)};
  reg open;
  always @* if (!{pins["clock"]}) open = {enable};
  assign {pins["out"]} = {pins["clock"]} & open;
endmodule
"""


def simulate(
    netlist: Netlist,
    sources: list[Path],
    vectors: tuple[Path, Path],
    bench: str,
    rows: int,
    folder: Path,
    name: str,
) -> Activity:
    """Toggles over `rows` golden rows in steady state, once the first row has come out.

    Raises:
        ToolNotFound: there is no Icarus Verilog.
        ToolFailed: the netlist does not compile, does not equal the golden rows, or left no waves.
    """
    found = toolbox.find(toolbox.ICARUS)
    waves, program = folder / f"{name}.vcd", folder / f"{name}.vvp"
    options = folder / f"{name}.f"
    log = folder / f"{name}.activity.log"
    plan = compilation(name, bench, sources, folder)
    try:
        plan.run(found, folder)
        inputs, outputs = vectors
        toolbox.run(
            [toolbox.icarus_runtime(toolbox.find(toolbox.ICARUS)), program.name, f"+inputs={inputs}", f"+outputs={outputs}", f"+rows={rows + ROWS_AROUND}",
             f"+window={rows}", f"+vcd={waves.name}"],
            cwd=folder,
            log=log,
            name=f"simulation of the netlist of {name}",
            timeout=SECONDS,
        )  # fmt: skip
        if not re.search(rf"^PASS: {rows + ROWS_AROUND} rows equal$", log.read_text(), re.MULTILINE):
            raise ToolFailed(
                f"the netlist of `{name}` was not compared on {rows + ROWS_AROUND} rows",
                hint=f"its log: {log}",
            )
        return count(netlist, waves, rows)
    finally:
        for path in (waves, program, options):
            path.unlink(missing_ok=True)


def compilation(name: str, bench: str, sources: Sequence[Path], folder: Path) -> toolbox.Plan:
    """Icarus on the netlist of `name` in `folder`, in this bench."""
    words = ("-g2012", "-f", f"{name}.f", "-s", bench, "-o", f"{name}.vvp", *map(str, sources))
    files: dict[str, str | Path] = {str(source): folder / source for source in sources}
    return toolbox.Plan(
        tool=toolbox.ICARUS,
        name=f"iverilog on the netlist of {name}",
        files=files | {f"{name}.f": "+timescale+1ns/1ps\n"},
        arguments=words,
        log=f"{name}.activity.log",
        timeout=SECONDS,
    )


def _cell(netlist: Netlist, name: str) -> Cell:
    return next(one.cell for one in netlist.instances if one.cell.name == name)


def count(netlist: Netlist, waves: Path, rows: int) -> Activity:
    """Raises ToolFailed when a net of the netlist is not in the waves."""
    try:
        text = waves.read_text()
    except OSError:
        raise ToolFailed("the simulation of the netlist left no waves") from None
    codes, widths, changes = _declarations(text)
    recorded = _Recorded(widths)
    for line in changes.splitlines():
        recorded.take(line)
    duration = recorded.now - recorded.begin
    toggles: dict[Bit, float] = {}
    duty: dict[Bit, float] = {}
    for bit, name in netlist.net_names().items():
        if name not in codes or codes[name] not in recorded.value:
            raise ToolFailed(f"net `{name}` is not in the waves of the simulation")
        toggles[bit] = recorded.toggles.get(codes[name], 0) * PERIOD_PS / duration
        duty[bit] = recorded.high.get(codes[name], 0) / duration
    return Activity(rows, round(duration / PERIOD_PS), toggles, duty)


Code = str | tuple[str, int]  # of a scalar in the waves, or of a bit of a vector


def _declarations(text: str) -> tuple[dict[str, Code], dict[str, int], str]:
    """Name -> code of every scalar and of every bit of a vector; code -> width; and the changes, which come after."""
    head, _, changes = text.partition("$enddefinitions $end")
    codes: dict[str, Code] = {}
    widths: dict[str, int] = {}
    for width, code, name in re.findall(r"\$var \S+ (\d+) (\S+) (\S+)", head):
        codes[name], widths[code] = code, int(width)
        for index in range(int(width)) if int(width) > 1 else ():
            codes[f"{name}[{index}]"] = (code, index)
    return codes, widths, changes


class _Recorded:
    """Transitions and time at 1 of every code, from the lines of a value change dump."""

    def __init__(self, widths: dict[str, int]) -> None:
        self.widths = widths
        self.begin, self.now = -1, -1
        self.value: dict[Code, str] = {}
        self.since: dict[Code, int] = {}
        self.toggles: dict[Code, int] = {}
        self.high: dict[Code, int] = {}

    def take(self, line: str) -> None:
        kind = line[:1]
        if kind in "01xz" and kind:
            self._change(line[1:], kind)
        elif kind == "b":
            bits, code = line[1:].split()
            bits = bits.rjust(self.widths[code], "0" if bits[0] in "01" else bits[0])
            for index, bit in enumerate(reversed(bits)):
                self._change((code, index), bit)
        elif kind == "#":
            self.now = int(line[1:])
            self.begin = self.now if self.begin < 0 else self.begin

    def _change(self, code: Code, new: str) -> None:
        """The dump ends by setting everything to x: that is no transition, but ends the time at 1."""
        old = self.value.get(code, "x")
        if old == new:
            return
        if old == "1":
            self.high[code] = self.high.get(code, 0) + self.now - self.since[code]
        if new in "01" and old in "01":
            self.toggles[code] = self.toggles.get(code, 0) + 1
        self.value[code], self.since[code] = new, self.now
