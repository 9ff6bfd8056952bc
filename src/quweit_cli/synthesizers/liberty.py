"""A cell library in Liberty format: areas, and which cell can do what.

Only groups and simple attributes are read, not the tables of delay and power, which are the tools'
business. Nothing is known of any one library: buffers, tie cells and clock gates are found by their
functions, so that a library serves without a configuration of its own.
"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from quweit_cli.errors import ConfigError

# Comments, strings, punctuation, words; what lies between is blank.
TOKEN = re.compile(r'/\*.*?\*/|"(?:[^"\\]|\\.)*"|[{}();:,]|[^\s{}();:,"]+', re.DOTALL)
CELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
FEMTOFARADS = {"ff": 1.0, "pf": 1000.0}


@dataclass
class Group:
    """`kind (arguments) { attributes; groups }`."""

    kind: str
    arguments: tuple[str, ...]
    attributes: dict[str, str] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    def named(self, kind: str) -> Iterator[Group]:
        return (group for group in self.groups if group.kind == kind)


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
    """Cells by name; areas in square micrometres, as all libraries of this format mean them."""

    name: str
    sha256: str  # of the text, packed or not
    voltage: float
    wire_load: str | None  # the model that timing and power take for wires when nothing is placed
    cells: dict[str, Cell]

    def usable(self) -> list[Cell]:
        return [cell for cell in self.cells.values() if not (cell.refused or cell.dont_use)]

    def refused(self) -> list[str]:
        return sorted(cell.name for cell in self.cells.values() if cell.refused)

    def cell(self, name: str) -> Cell:
        """Raises ConfigError when the library has no such cell."""
        if name not in self.cells:
            near = difflib.get_close_matches(name, self.cells, n=1)
            raise ConfigError(
                f"`{self.name}` has no cell `{name}`" + (f", did you mean `{near[0]}`?" if near else "")
            )
        return self.cells[name]

    def buffer(self, load_ff: float = 0.0) -> Cell:
        """The smallest buffer that may drive this load; without one, of about twice the least strength.

        Raises:
            ConfigError: the library has no such buffer.
        """
        buffers = [cell for cell in self.usable() if cell.is_buffer]
        weakest = min((cell.outputs[0].max_capacitance_ff for cell in buffers), default=0.0)
        wanted = load_ff or 1.9 * weakest
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


def read_library(path: Path, dont_use: tuple[str, ...] = ()) -> tuple[Library, str]:
    """The library and its text, from a file that may be packed (`.gz`); `dont_use` are patterns of cell names.

    Raises:
        ConfigError: no such file, or not a library in Liberty format.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        text = content.decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the cell library `{path}`: {error}") from None
    groups = _parse(text, path)
    library = groups[0] if len(groups) == 1 else None
    if library is None or library.kind != "library" or not any(library.named("cell")):
        raise ConfigError(f"`{path}` is not a cell library in Liberty format")
    try:
        cells = [_cell(group, _femtofarads(library), dont_use) for group in library.named("cell")]
    except (ValueError, KeyError, IndexError) as error:
        raise ConfigError(f"the cell library `{path}` contradicts itself: {error}") from None
    made = Library(
        name=library.arguments[0],
        sha256=hashlib.sha256(content).hexdigest(),
        voltage=float(library.attributes.get("nom_voltage", "0")),
        wire_load=library.attributes.get("default_wire_load"),
        cells={cell.name: cell for cell in cells},
    )
    return made, text


def _cell(group: Group, unit_ff: float, dont_use: tuple[str, ...]) -> Cell:
    name = group.arguments[0]
    if not CELL_NAME.fullmatch(name):
        raise ValueError(f"`{name}` cannot name a cell")
    pins = [_pin(pin, unit_ff) for pin in group.named("pin")]
    return Cell(
        name=name,
        area_um2=float(group.attributes["area"]),
        sequential=any(inner.kind in ("ff", "latch", "ff_bank", "latch_bank") for inner in group.groups),
        clock_gate=group.attributes.get("clock_gating_integrated_cell", "").startswith("latch_posedge"),
        refused=any(fnmatchcase(name, pattern) for pattern in dont_use),
        dont_use=group.attributes.get("dont_use") == "true",
        pins={pin.name: pin for pin in pins},
    )


def _pin(group: Group, unit_ff: float) -> Pin:
    name = group.arguments[0]
    if not CELL_NAME.fullmatch(name):
        raise ValueError(f"`{name}` cannot name a pin")
    attributes = group.attributes
    roles = [
        role
        for role in ("clock", "enable", "test", "out")
        if attributes.get(f"clock_gate_{role}_pin") == "true"
    ]
    return Pin(
        name=name,
        direction=attributes.get("direction", ""),
        function=attributes.get("function", ""),
        capacitance_ff=unit_ff * float(attributes.get("capacitance", "0")),
        max_capacitance_ff=unit_ff * float(attributes.get("max_capacitance", "0")),
        clock_gate=roles[0] if roles else "",
    )


def _femtofarads(library: Group) -> float:
    scale, unit = library.attributes["capacitive_load_unit"].split(",")
    return float(scale) * FEMTOFARADS[unit.strip().lower()]


def _plain(function: str) -> str:
    return function.strip("() ")


def _parse(text: str, path: Path) -> list[Group]:
    """Groups of the file; the numbers of tables are dropped unread."""
    outermost = Group("", ())
    open_groups, words = [outermost], []
    for match in TOKEN.finditer(text):
        token = match[0]
        if token.startswith("/*") or token == "\\":
            continue
        if token not in "{};":
            words.append(token)
            continue
        if token == "{":
            group = Group(
                words[0] if words else "", tuple(_unquoted(word) for word in words[2:-1] if word != ",")
            )
            open_groups[-1].groups.append(group)
            open_groups.append(group)
        elif token == "}":
            open_groups.pop()
            if not open_groups:
                raise ConfigError(f"`{path}` closes a group that it did not open")
        if token == ";" and len(words) >= 3 and words[0] != "values":
            _add_attribute(open_groups[-1], words)
        words = []
    if len(open_groups) != 1:
        raise ConfigError(f"`{path}` ends inside a group")
    return outermost.groups


def _add_attribute(group: Group, words: list[str]) -> None:
    """`name : value ;` or `name (value, value) ;`."""
    value = words[2:] if words[1] == ":" else words[2:-1]
    group.attributes[words[0]] = " ".join(_unquoted(word) for word in value)


def _unquoted(word: str) -> str:
    return word[1:-1] if word.startswith('"') else word
