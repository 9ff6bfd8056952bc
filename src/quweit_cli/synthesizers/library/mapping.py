"""A design in cells of a library: Yosys flattens and gates, ABC maps, buffers and sizes.

The behavioural rendering is flattened, flip-flops with an enable get clock gates where the library has them, and ABC
maps against a delay target with a driving cell and a load.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from quweit_cli import toolbox
from quweit_cli.artifacts import write_text
from quweit_cli.config import Synth
from quweit_cli.documents import Mapper
from quweit_cli.errors import ToolFailed
from quweit_cli.hdl.words import yosys_word
from quweit_cli.synthesizers.library.clock_tree import add_clock_tree
from quweit_cli.synthesizers.library.flip_flop_loads import buffer_flip_flops
from quweit_cli.synthesizers.library.liberty import Library, read_libraries
from quweit_cli.synthesizers.library.netlist import Netlist, read_netlist, verilog
from quweit_cli.toolbox import Plan

LIBRARY = "library.lib"  # there while the tools run; the library itself is not part of the artefact
ABC_SHARE = (
    0.8  # of the period is left to logic: a flip-flop takes the rest from clock to output and to set up
)
# For blocks: ABC knows no wires, and the bits of a time slot drive hundreds of cells. With 0.8 a block of 192 features at
# one output a cycle, which ABC took for met, missed 1 GHz by 16 ps in Nangate 45 nm with trained contents and by 10 ps
# with random ones, at pipeline depth 6; with this it has 132 and 136 ps to spare, for 0.1 % of area.
ABC_SHARE_BLOCK = 0.65
# For blocks that are mapped for speed: on their nets of a thousand sinks ABC is further off. At 16 cycles a row the I-ViT-T
# block misses 1 GHz in Nangate 45 nm by 0.027 ns with 0.8, and meets it by 0.076 ns with 0.7, in 0.06 % more area.
ABC_SHARE_FAST = 0.7
CLOCK = "clk_i"
BETWEEN = "__"  # the instance of a module that is left out and its port, in the name of a port of the top
FANOUT_LOAD = 4  # inputs of the driving cell that every output is taken to drive
SMALLEST_GATED = 4  # flip-flops with one enable for which a clock gate is smaller than their multiplexers
# What Yosys runs by itself, but for `buffer -c`: without it a net of a thousand sinks gets a chain of buffers
# in place of a tree, eight of them in a row on the critical path of the I-ViT-T block.
ABC_SCRIPT = (
    "strash;&get -n;&fraig -x;&put;scorr;dc2;dretime;strash;&get -n;&dch -f;&nf {D};&put;"
    "buffer -c;upsize {D};dnsize {D};stime -p"
)
# For small modules with multipliers: `dc2` would take prefix adders apart, which makes them 5 % smaller and late
# (the cell of the systolic array at 1 GHz in Nangate 45 nm: 957 um² and 0.06 ns to spare with this script).
ABC_SCRIPT_FAST = (
    "strash;&get -n;&fraig -x;&put;scorr;dch;dch;map -B 0.9 {D};topo;buffer -c;upsize {D};dnsize {D};stime -p"
)
FLIP_FLOPS = "$_DFF_P_ $_DFFE_PP_ $_DFF_PN0_ $_DFF_PN1_ $_DFFE_PN0P_ $_DFFE_PN1P_"


class Target(NamedTuple):
    """What every block is mapped to."""

    library: Library
    driver: str
    load_ff: float
    period_ns: float


class Source(NamedTuple):
    """What is mapped: `name` names the files, `logic_share` is the part of the period that logic may take.

    boxes: modules below the top that are left out, so that their ports become ports of the top. contents: what they read, by the
    name that they have for it.
    """

    sources: Sequence[Path]
    top: str
    name: str
    clock_gating: bool = True
    logic_share: float = ABC_SHARE
    boxes: Sequence[Path] = ()
    contents: Sequence[tuple[str, Path]] = ()


class Mapping(NamedTuple):
    netlist: Netlist
    mapper: Mapper


def target_of(options: Synth) -> Target:
    """The library with its driving cell and load, found in it or given.

    Raises:
        ConfigError: the library cannot be read, or lacks such a cell.
    """
    library = read_libraries(options.liberty, options.dont_use)
    driver = library.buffer() if options.driving_cell is None else library.cell(options.driving_cell)
    load_ff = options.load_ff
    if load_ff is None:
        load_ff = FANOUT_LOAD * max(pin.capacitance_ff for pin in driver.inputs)
    return Target(library, driver.name, load_ff, 1000 / options.clock_mhz)


def map_fast(design: Source, target: Target, work: Path) -> Mapping:
    """`map` of ABC ends at an assertion when a gate has no delay by its reckoning; `&nf` takes every library.

    The log of a mapper that refused stays beside the other, as `<name>.map.log`.
    """
    try:
        return Mapping(map_to_cells(design, target, work, ABC_SCRIPT_FAST), "map")
    except ToolFailed:
        log = work / f"{design.name}.log"
        if log.is_file():
            log.replace(work / f"{design.name}.map.log")
        return Mapping(map_to_cells(design, target, work), "nf")


def map_to_cells(design: Source, target: Target, work: Path, abc_script: str = ABC_SCRIPT) -> Netlist:
    """Yosys and ABC on the sources of one flat design; leaves `<name>.netlist.v`, with a clock tree.

    Raises:
        ToolFailed: Yosys refused the design, or could not map all of it.
    """
    library, name = target.library, design.name
    plan = Plan(
        tool=toolbox.YOSYS,
        name=f"yosys on {name}",
        files={
            f"{name}.constr": f"set_driving_cell {target.driver}\nset_load {target.load_ff:.6g}\n",
            f"{name}.ys": script(design, target, abc_script),
            **dict(design.contents),
            **{str(read): work / read for read in (*design.boxes, *design.sources, Path(LIBRARY))},
        },
        arguments=(f"{name}.ys",),
        log=f"{name}.log",
    )
    plan.write(work)
    with plain_folder(map(Path, plan.files)) as place:
        plan.lay_out(place)
        alone = replace(
            plan, environment={"TMPDIR": str(place)}
        )  # else ABC keeps every library that it saw, for good
        alone.run(toolbox.find(toolbox.YOSYS), place, work / plan.log)
        netlist = read_netlist(place / f"{name}.json", design.top, library)
    buffer_flip_flops(netlist, library)
    add_clock_tree(netlist, library, CLOCK)
    write_text(work / f"{name}.netlist.v", verilog(netlist, f"// {design.top} in cells of {library.name}"))
    return netlist


def script(design: Source, target: Target, abc_script: str) -> str:
    """The Yosys script of one design; it runs where `library_at` left the library."""
    library, name = target.library, design.name
    gates = design.clock_gating and library.clock_gates()
    avoid = "".join(f" -dont_use {yosys_word(cell)}" for cell in library.refused())
    legal = " ".join(f"-cell {kind} x" for kind in FLIP_FLOPS.split())
    gate = f"clockgate -liberty {LIBRARY}{avoid} -min_net_size {SMALLEST_GATED}\n" if gates else ""
    high, low = (" ".join(library.tie(value)) for value in (1, 0))
    top = yosys_word(design.top)
    reads = [f"read_verilog -sv -defer {yosys_word(source)}" for source in design.boxes]
    reads += [f"read_verilog -sv {yosys_word(source)}" for source in design.sources]
    if design.boxes:
        reads += _left_out(top)
    lines = "\n".join(reads)
    return f"""\
{lines}
synth -flatten -noabc -top {top}
check -assert
dfflegalize {legal}
opt_clean
{gate}dfflibmap{avoid} -liberty {LIBRARY}
setundef -zero
abc{avoid} -liberty {LIBRARY} -constr {yosys_word(f"{name}.constr")} -D {round(1000 * design.logic_share * target.period_ns)} -script +{abc_script.replace(" ", ",")}
hilomap -hicell {high} -locell {low}
delete t:$scopeinfo
opt_clean -purge
write_json {yosys_word(f"{name}.json")}
"""


def _left_out(top: str) -> list[str]:
    """Nothing is counted of the clocks of modules that are left out: each has a tree of its own."""
    return [
        f"hierarchy -check -top {top}",
        f"expose -evert -sep {BETWEEN} {top}",
        f"delete -port {top}/o:*{BETWEEN}{CLOCK}",
    ]


@contextlib.contextmanager
def plain_folder(names: Iterable[Path]) -> Iterator[Path]:
    """A folder of a plain name, deep enough that `names` lead to places below a scratch folder.

    ABC is given whole paths, and takes none with a semicolon or a quote in it.

    Raises:
        ToolFailed: the folder of this machine for such things has one itself.
    """
    above = max(name.parts.count("..") for name in names)
    with tempfile.TemporaryDirectory(prefix="quweit-") as scratch:
        if set(scratch) & set(";'\""):
            raise ToolFailed(f"ABC cannot work in `{scratch}`", hint="set TMPDIR to a folder of a plain name")
        place = Path(scratch, *["work"] * (above + 1))
        place.mkdir(parents=True)
        yield place


@contextlib.contextmanager
def library_at(path: Path, library: Library, cells: Collection[str] | None = None) -> Iterator[None]:
    """The library, all cells or these, beside the scripts while they run: no path of this machine stands in them."""
    write_text(path, library.text(library.cells if cells is None else cells))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
