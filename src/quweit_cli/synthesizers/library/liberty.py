"""Cell libraries in Liberty format: areas, and which cell can do what.

Tables of delay and power are the tools' business. Nothing is known of any one library: buffers, tie cells and
clock gates are found by their functions, so that a library serves without a configuration of its own. A cell that
cannot be used is left out, with the reason, and the rest of the library serves without it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from quweit_cli.errors import ConfigError
from quweit_cli.hdl.literals import RESERVED
from quweit_cli.synthesizers.library.liberty_files import name_of, read_files
from quweit_cli.synthesizers.library.liberty_text import Group, number, unquoted, write

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
FEMTOFARADS = {"ff": 1.0, "pf": 1000.0}
# Groups of memories and of cells with several bits, which no gate is mapped to.
OF_SEVERAL_BITS = ("bus", "bundle", "memory")


@dataclass(frozen=True)
class Pin:
    name: str
    direction: str
    function: str  # of an output, as the library writes it; empty when it has none
    capacitance_ff: float
    max_capacitance_ff: float
    clock_gate: str  # what it is to a clock gate: clock, enable, test, out, or nothing


@dataclass(frozen=True)
class Cell:
    name: str
    area_um2: float
    sequential: bool
    clock_gate: bool
    refused: bool  # by the user
    dont_use: bool  # says the library: tools are not to choose it by themselves
    pins: dict[str, Pin]

    @property
    def inputs(self) -> list[Pin]:
        return [pin for pin in self.pins.values() if pin.direction == "input"]

    @property
    def outputs(self) -> list[Pin]:
        return [pin for pin in self.pins.values() if pin.direction == "output"]

    @property
    def is_buffer(self) -> bool:
        if self.sequential or self.clock_gate or (len(self.inputs), len(self.outputs)) != (1, 1):
            return False
        return _plain(self.outputs[0].function) == self.inputs[0].name


@dataclass(frozen=True)
class Library:
    """Cells by name, of one file or several; areas in square micrometres, as all libraries of this format mean them."""

    name: str
    sha256: str  # of its text, see `Files`
    voltage: float | None
    wire_load: str | None  # the model that timing and power take for wires when nothing is placed
    cells: dict[str, Cell]
    left_out: dict[str, str]  # cell -> why it is not offered
    group: Group

    @property
    def supply(self) -> str:
        """The library and its voltage, in words."""
        return self.name if self.voltage is None else f"{self.name} at {self.voltage:g} V"

    def text(self, cells: Collection[str]) -> str:
        """What the tools read: the library with these of its cells, in a form that all of them take."""
        return write(self.group, lambda group: group.kind != "cell" or name_of(group) in cells) + "\n"

    def usable(self) -> list[Cell]:
        return [cell for cell in self.cells.values() if not (cell.refused or cell.dont_use)]

    def refused(self) -> list[str]:
        return sorted(cell.name for cell in self.cells.values() if cell.refused)

    def cell(self, name: str) -> Cell:
        """Raises ConfigError when the library has no such cell."""
        if name in self.left_out:
            raise ConfigError(f"the cell `{name}` of `{self.name}` cannot be used: {self.left_out[name]}")
        if name not in self.cells:
            near = difflib.get_close_matches(name, self.cells, n=1)
            raise ConfigError(
                f"`{self.name}` has no cell `{name}`" + (f", did you mean `{near[0]}`?" if near else "")
            )
        return self.cells[name]

    def buffer(self, load_ff: float = 0.0) -> Cell:
        """The smallest buffer that may drive this load; without one, of about twice the least strength if there is.

        Raises:
            ConfigError: the library has no such buffer.
        """
        buffers = [cell for cell in self.usable() if cell.is_buffer]
        strengths = [cell.outputs[0].max_capacitance_ff for cell in buffers] or [0.0]
        wanted = load_ff or min(1.9 * min(strengths), max(strengths))
        fit = [cell for cell in buffers if cell.outputs[0].max_capacitance_ff >= wanted]
        if not fit:
            raise ConfigError(f"`{self.name}` has no buffer for {wanted:.1f} fF")
        return min(fit, key=lambda cell: (cell.area_um2, cell.name))

    def tie(self, value: int) -> tuple[str, str]:
        """Cell and pin that hold a constant; libraries like to mark these cells `dont_use`.

        Raises:
            ConfigError: the library has none.
        """
        for cell in sorted(self.cells.values(), key=lambda cell: (cell.area_um2, cell.name)):
            for pin in cell.outputs if not cell.refused else ():
                if not cell.inputs and _plain(pin.function) == str(value):
                    return cell.name, pin.name
        raise ConfigError(f"`{self.name}` has no cell that holds a constant {value}")

    def clock_gates(self) -> list[Cell]:
        """Integrated clock gates for rising-edge flip-flops, from a latch that is open while the clock is low."""
        return [cell for cell in self.usable() if cell.clock_gate]


def read_libraries(paths: Sequence[Path], dont_use: tuple[str, ...] = ()) -> Library:
    """The cells of all files; `dont_use` are patterns of cell names.

    Raises:
        ConfigError: a file that is no library, libraries that do not belong together, or no cell that can be used.
    """
    files = read_files(paths)
    cells: dict[str, Cell] = {}
    left_out: dict[str, str] = {}
    for group, library in files.cells:
        unit_ff = _femtofarads(library)
        try:
            cells[name_of(group)] = _cell(group, library, unit_ff, dont_use)
        except ValueError as error:
            left_out[name_of(group)] = f"{error} ({group.place})"
    if not cells:
        name, reason = next(iter(left_out.items()))
        raise ConfigError(f"`{paths[0]}` has no cell that can be used; `{name}`: {reason}")
    return Library(
        name=", ".join(files.names),
        sha256=files.sha256,
        voltage=_voltage(files.merged),
        wire_load=files.merged.attributes.get("default_wire_load"),
        cells=cells,
        left_out=left_out,
        group=files.merged,
    )


def _cell(group: Group, library: Group, unit_ff: float, dont_use: tuple[str, ...]) -> Cell:
    """Raises ValueError with the reason why it cannot be used."""
    name = _plain_name(name_of(group))
    for kind in OF_SEVERAL_BITS:
        if next(group.named(kind), None) is not None:
            raise ValueError(f"it has a {kind}")
    if "area" not in group.attributes:
        raise ValueError("it states no area")
    area = number(group.attributes["area"])
    if area < 0:
        raise ValueError(f"its area is {area:g}")
    pins = [_pin(pin, name, library, unit_ff) for pin in group.named("pin") for name in pin.arguments]
    gate = group.attributes.get("clock_gating_integrated_cell", "").startswith("latch_posedge")
    roles = {pin.clock_gate for pin in pins}
    return Cell(
        name=name,
        area_um2=area,
        sequential=next(group.named("ff", "latch", "ff_bank", "latch_bank"), None) is not None,
        clock_gate=gate and {"clock", "enable", "out"} <= roles,
        refused=any(fnmatchcase(name, pattern) for pattern in dont_use),
        dont_use=_is_true(group, "dont_use"),
        pins={pin.name: pin for pin in pins},
    )


def _pin(group: Group, name: str, library: Group, unit_ff: float) -> Pin:
    attributes = group.attributes
    direction = attributes.get("direction", "").lower()
    default = library.attributes.get(f"default_{direction}_pin_cap", "0")
    most = attributes.get("max_capacitance", library.attributes.get("default_max_capacitance"))
    roles = [role for role in ("clock", "enable", "test", "out") if _is_true(group, f"clock_gate_{role}_pin")]
    return Pin(
        name=_plain_name(unquoted(name)),
        direction=direction,
        function=attributes.get("function", ""),
        capacitance_ff=unit_ff * number(attributes.get("capacitance", default)),
        max_capacitance_ff=unit_ff * (_greatest_load(group, library) if most is None else number(most)),
        clock_gate=roles[0] if roles else "",
    )


def _greatest_load(pin: Group, library: Group) -> float:
    """That its tables of delay were made for, in the library's unit; 0 without such a table."""
    templates = {name_of(one): one.attributes for one in library.named("lu_table_template")}
    loads = [0.0]
    for timing in pin.named("timing"):
        for table in timing.named("cell_rise", "cell_fall"):
            template = templates.get(name_of(table), {})
            for axis in ("1", "2"):
                if template.get(f"variable_{axis}") == "total_output_net_capacitance":
                    index = table.attributes.get(f"index_{axis}", template.get(f"index_{axis}", "0"))
                    loads += [number(one) for one in index.replace(",", " ").split()]
    return max(loads)


def _plain_name(name: str) -> str:
    if not NAME.fullmatch(name) or name in RESERVED:
        raise ValueError(f"`{name}` is no name that every tool takes")
    return name


def _voltage(library: Group) -> float | None:
    conditions = [one.attributes.get("voltage") for one in library.named("operating_conditions")]
    stated = library.attributes.get("nom_voltage", (conditions or [None])[0])
    try:
        return None if stated is None else number(stated)
    except ValueError as error:
        raise ConfigError(f"`{library.path}`: its voltage cannot be read: {error}") from None


def _femtofarads(library: Group) -> float:
    stated = library.attributes.get("capacitive_load_unit", "")
    scale, _, unit = stated.partition(",")
    try:
        return number(scale) * FEMTOFARADS[unit.strip().lower()]
    except (ValueError, KeyError):
        raise ConfigError(
            f"`{library.path}` states no unit of its loads that is known: capacitive_load_unit ({stated})",
            hint="(1, ff) or (1, pf)",
        ) from None


def _is_true(group: Group, attribute: str) -> bool:
    return group.attributes.get(attribute, "").lower() == "true"


def _plain(function: str) -> str:
    return function.strip("() ")
