"""Designs in cells of a library: mapped, and OpenSTA states timing and power.

A block is mapped whole, and runs its own bench while activity is counted. A unit is mapped whole as well: a row waits in
flip-flops, as there is no memory macro, and each of its elements has a clock gate. Of an array each module is mapped once,
with a clock tree of its own, and counted: a cell side² times. Units and modules see what they would see at work
(hdl/units/streams.py, hdl/array/streams.py). A model is taken apart likewise, each module for its engine: its blocks are those of
the package, cells of its array and lanes see random operands, and the rest is vectorless. Its memories are none of it.

No placement: wires are the library's default wire load model, the clock is ideal for timing, and has a buffer
tree for power. Power at the clock asked for, twice: vectorless, 12.5 % activity on every net, and with counted activity.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from quweit_cli import toolbox
from quweit_cli.artifacts import write_text
from quweit_cli.config import Synth
from quweit_cli.documents import (
    ArrayDesign,
    BlockDesign,
    Design,
    Engine,
    Implementation,
    LibraryFigures,
    ModelDesign,
    ModuleInCells,
    Part,
    UnitDesign,
)
from quweit_cli.errors import ConfigError
from quweit_cli.hdl.array import streams as array_streams
from quweit_cli.hdl.array.design import geometry_of
from quweit_cli.hdl.array.streams import Matrices
from quweit_cli.hdl.stimulus import Stream
from quweit_cli.hdl.units import streams as unit_streams
from quweit_cli.progress import Progress, Task
from quweit_cli.synthesizers.base import Package
from quweit_cli.synthesizers.library import activity, mapping, opensta, replay
from quweit_cli.synthesizers.library.clock_tree import clock_gates
from quweit_cli.synthesizers.library.liberty import Library
from quweit_cli.synthesizers.library.mapping import LIBRARY, Mapping, Target, library_at, target_of
from quweit_cli.synthesizers.library.netlist import Netlist
from quweit_cli.synthesizers.library.parameters import with_parameters
from quweit_cli.toolbox import Plan

FOLDER = "asic"
FEW_BITS_ARRAY = "few_bits_array"  # the engine of products with weights of -1, 0 and 1
MEMORIES = "memories"  # the engine of a model that no cells of a library hold
MULTIPLIER = 16  # of the softmax of a model, whose scale is an input: scores in steps of 1/8 octave


class Module(NamedTuple):
    """What is mapped by itself: a design, or a part of one. Modules of one name are the same hardware."""

    name: str  # of its files
    part: Part
    engine: str | None = None  # of a model


class Made(NamedTuple):
    """A module in cells, in the place that it has in a design."""

    times: int  # that the design has it
    mapped: Mapping
    analysis: opensta.Analysis
    counted: activity.Activity | None


def synthesize(package: Package, options: Synth, folder: Path, progress: Progress) -> list[Implementation]:
    """Designs one after the other, as each takes gigabytes; what the tools read and wrote is in `folder/asic`.

    Raises:
        ConfigError: the library cannot be read, or lacks a cell that every design needs.
        ToolNotFound, ToolTooOld, ToolFailed: as every synthesizer.
    """
    work = folder / FOLDER
    work.mkdir()
    flow = _Flow(package, target_of(options), options, work)
    designs = package.manifest.designs
    with (
        library_at(work / LIBRARY, flow.target.library),
        progress.task("synthesis", total=sum(len(modules_of(design)) for design in designs)) as task,
    ):
        return [flow.implementation(design, task) for design in designs]


def modules_of(design: Design) -> list[Module]:
    """Those by which a design is mapped; a block of a model has the name that it has by itself."""
    if isinstance(design, ArrayDesign):
        return [Module(part.name, part) for part in design.parts]
    if isinstance(design, ModelDesign):
        blocks = {engine.name for engine in design.engines if is_block(engine)}
        return [
            Module(engine.name if engine.name in blocks else part.name, part, engine.name)
            for engine in design.engines
            if engine.name != MEMORIES
            for part in engine.parts
        ]
    parameters = design.parameters if isinstance(design, UnitDesign) else {}
    return [Module(design.name, Part(module=design.top, parameters=parameters))]


def is_block(engine: Engine) -> bool:
    """Its module is none of those that every model has."""
    return not any(module.startswith("quweit_") for module in engine.modules)


class _Flow:
    """One package to one library. A module that several designs have is mapped once, and sees other tiles in each."""

    def __init__(self, package: Package, target: Target, options: Synth, work: Path) -> None:
        self.package, self.target, self.options, self.work = package, target, options, work
        self.mapped: dict[str, Mapping] = {}
        self.blocks: dict[str, Made] = {}
        self.matrices: list[Matrices] | None = None

    def implementation(self, design: Design, task: Task) -> Implementation:
        started = time.monotonic()
        made = []
        for module in modules_of(design):
            made.append(self._make(design, module))
            task.advance()
        figures = self._figures(design, made)
        block = isinstance(design, BlockDesign)
        return Implementation(
            design=design.name,
            kind=design.kind,
            tool="yosys",
            version=f"{toolbox.find(toolbox.YOSYS).version}, OpenSTA {toolbox.find(toolbox.OPENSTA).version}",
            device=self.target.library.name,
            clock_mhz=self.options.clock_mhz,
            stage="synthesis",
            ffs=sum(
                one.times * sum(cell.cell.sequential for cell in one.mapped.netlist.instances) for one in made
            ),
            slack_ns=min(one.analysis.slack_ns for one in made),
            power_mw=figures.vectorless_mw if figures.measured_mw is None else figures.measured_mw,
            power_method=figures.measured_method or figures.vectorless_method,
            seconds=round(time.monotonic() - started, 3),
            log=f"{FOLDER}/{modules_of(design)[0].name}.log",
            netlist=f"{FOLDER}/{design.name}.netlist.v" if block else None,
            cell_models=f"{FOLDER}/{design.name}.cells.v" if block else None,
            asic=figures,
        )

    def _make(self, design: Design, module: Module) -> Made:
        name, target = module.name, self.target
        if isinstance(design, ModelDesign) and name in self.blocks:
            return self.blocks[name]
        sources = self._sources(design, module)
        if name not in self.mapped:
            self.mapped[name] = self._map(design, module, sources)
        mapped = self.mapped[name]
        measured = self.options.activity == "measured" and (
            not isinstance(design, ModelDesign) or bool(self._streams(design, module))
        )
        if measured or isinstance(design, BlockDesign):
            write_cell_models(mapped.netlist, target.library, self.work, name)
        counted = self._activity(design, module, mapped.netlist, sources) if measured else None
        analysis = analyse(mapped.netlist, target, self.work, name, counted)
        made = Made(module.part.count, mapped, analysis, counted)
        if isinstance(design, BlockDesign):
            self.blocks[name] = made
        return made

    def _sources(self, design: Design, module: Module) -> list[Path]:
        """Relative to where the tools work. Where parameters stand in a source, it is a file of this module's own."""
        package = self.package.folder
        if isinstance(design, BlockDesign):
            return [Path(os.path.relpath(package / source, self.work)) for source in design.sources]
        top, sources = module.part.module, []
        below = self._below(design, top) if isinstance(design, ModelDesign | ArrayDesign) else None
        for source in design.sources:
            text, stem = (package / source).read_text(), Path(source).stem
            if below is not None and stem not in below:
                continue
            if stem == top:
                text = with_parameters(text, top, module.part.parameters)
            own = Path(f"{module.name}.sv" if stem == top else f"{module.name}.{stem}.sv")
            write_text(self.work / own, text)
            sources.append(own)
        return sources

    def _below(self, design: Design, top: str) -> set[str]:
        """The module and those that it has, by the names that its source instantiates."""
        texts = {Path(source).stem: (self.package.folder / source).read_text() for source in design.sources}
        found, new = {top}, [top]
        while new:
            words = set(re.findall(r"^ *(\w+) (?:#\(|u_\w+ \()", texts[new.pop()], re.MULTILINE))
            more = (words & set(texts)) - found
            found |= more
            new += more
        return found

    def _map(self, design: Design, module: Module, sources: Sequence[Path]) -> Mapping:
        """A block as the settings say; units and modules of arrays, which are small and have multipliers, for speed."""
        options, block = self.options, isinstance(design, BlockDesign)
        fast = options.mapping == "speed" or not block
        share = mapping.ABC_SHARE
        if block:
            share = mapping.ABC_SHARE_FAST if fast else mapping.ABC_SHARE_BLOCK
        top, boxes = module.part.module, []
        if isinstance(design, ModelDesign) and top == design.top:
            sources, boxes = [Path(f"{module.name}.sv")], [one for one in sources if one.stem != module.name]
        contents = [(name, self.package.folder / name) for name in (design.memories if boxes else ())]
        source = mapping.Source(sources, top, module.name, options.clock_gating, share, boxes, contents)
        if fast:
            return mapping.map_fast(source, self.target, self.work)
        return Mapping(mapping.map_to_cells(source, self.target, self.work), "nf")

    def _activity(
        self, design: Design, module: Module, netlist: Netlist, sources: Sequence[Path]
    ) -> activity.Activity:
        if isinstance(design, BlockDesign):
            return _activity(self.package, design, netlist, self.options, self.work)
        return replay.measure(netlist, sources, self._streams(design, module), self.work, module.name)

    def _streams(self, design: Design, module: Module) -> list[Stream]:
        if isinstance(design, ArrayDesign):
            if self.matrices is None:
                self.matrices = array_streams.read_matrices(self.package.folder, design)
            return array_streams.streams(module.part, design.side, geometry_of(design.parts), self.matrices)
        if isinstance(design, ModelDesign):
            return self._streams_of_model(design, module)
        assert isinstance(design, UnitDesign)
        return [unit_streams.stream_of(design)]

    def _streams_of_model(self, design: ModelDesign, module: Module) -> list[Stream]:
        """Of modules of its array, and of its lanes, with random operands; none of the others."""
        part = module.part
        if array_streams.knows(part):
            few_bits = module.engine == FEW_BITS_ARRAY
            shapes = Counter(
                (job.rows, job.inner, job.columns)
                for job in design.schedule
                if job.engine == "product" and job.few_bits == few_bits
            )
            matrices = array_streams.drawn_matrices(shapes, few_bits=few_bits)
            geometry = geometry_of(next(one.parts for one in design.engines if one.name == module.engine))
            return array_streams.streams(part, design.side, geometry, matrices, sums=True)
        kind, parameters = part.module, part.parameters
        lane = unit_streams.lane_stream(kind, int(parameters.get("Elements", 0)), MULTIPLIER, parameters)
        return [lane] if lane else []

    def _figures(self, design: Design, made: Sequence[Made]) -> LibraryFigures:
        library = self.target.library
        netlists = [(one.times, one.mapped.netlist) for one in made]
        cells: Counter[str] = Counter()
        for count, netlist in netlists:
            cells.update({name: count * number for name, number in netlist.cells_by_type().items()})
        counted = [one.counted for one in made if one.counted]
        shortest = max(one.analysis.shortest_period_ns for one in made)
        common, complete = self._method(design, made), len(counted) == len(made)
        parts = [
            ModuleInCells(
                module=module.part.module,
                count=one.times,
                area_um2=one.mapped.netlist.area_um2(),
                vectorless_mw=one.analysis.vectorless_mw,
                measured_mw=one.analysis.measured_mw,
                idle_mw=one.analysis.idle_mw,
                slack_ns=one.analysis.slack_ns,
                engine=module.engine,
                mapper=one.mapped.mapper,
            )
            for module, one in zip(modules_of(design), made, strict=True)
        ]
        return LibraryFigures(
            library=library.name,
            library_sha256=library.sha256,
            cells_left_out=sorted(library.left_out),
            area_mm2=sum(count * netlist.area_um2() for count, netlist in netlists) / 1e6,
            sequential_area_mm2=sum(count * netlist.area_um2(sequential=True) for count, netlist in netlists)
            / 1e6,
            cells=sum(count * len(netlist.instances) for count, netlist in netlists),
            cells_by_type=dict(cells),
            clock_gates=sum(count * len(clock_gates(netlist)) for count, netlist in netlists),
            shortest_period_ns=shortest,
            highest_clock_mhz=1000 / shortest,
            leakage_mw=sum(one.times * one.analysis.leakage_mw for one in made),
            vectorless_mw=sum(one.times * one.analysis.vectorless_mw for one in made),
            vectorless_method=f"{common}; vectorless, {100 * opensta.GLOBAL_ACTIVITY:g} % activity on every net, "
            "gated clocks counted as running",
            measured_mw=sum_of_all([(one.times, one.analysis.measured_mw) for one in made]),
            measured_ungated_mw=sum_of_all([(one.times, one.analysis.ungated_mw) for one in made]),
            measured_method=self._measured_method(common, design, made) if counted and complete else None,
            nets=sum(len(netlist.net_names()) for _, netlist in netlists),
            nets_annotated=sum(len(one.toggles) for one in counted),
            activity_rows=sum(one.rows for one in counted),
            activity_cycles=sum(one.cycles for one in counted),
            modules=parts,
        )

    def _method(self, design: Design, made: Sequence[Made]) -> str:
        library = self.target.library
        wires = f"wires by its model `{library.wire_load}`" if library.wire_load else "no wires"
        how = {
            "block": "clock tree inside",
            "unit": "one lane, its row in flip-flops, clock tree inside",
            "array": "module by module, a clock tree in each",
            "model": "module by module, a clock tree in each, memories left out",
        }[design.kind]
        mapped = ""
        if isinstance(design, BlockDesign) and self.options.mapping == "speed":
            mapped = "; mapped for speed" if made[0].mapped.mapper == "map" else f"; {REFUSED}"
        elif isinstance(design, UnitDesign) and made[0].mapped.mapper != "map":
            mapped = f"; {REFUSED}"
        return f"OpenSTA, {library.supply}, {wires}, {how}, before placement{mapped}"

    def _measured_method(self, common: str, design: Design, made: Sequence[Made]) -> str:
        counted = [one.counted for one in made if one.counted]
        cycles = sum(one.cycles for one in counted)
        if isinstance(design, BlockDesign):
            nets = len(made[0].mapped.netlist.net_names())
            what = (
                f"activity of {len(counted[0].toggles):,} of {nets:,} nets counted in simulation of the netlist "
                f"on {counted[0].rows} golden rows, {cycles:,} cycles"
            )
        elif isinstance(design, ArrayDesign):
            what = (
                f"activity of every net counted in simulation of the netlist of each module, {cycles:,} cycles in all, as "
                "it passes sampled places of tiles of every product, equal to its RTL in each; products weighted by "
                f"their cycles; operands: {self.package.manifest.operands}"
            )
        else:
            what = (
                f"activity of every net counted in simulation of the netlist over {cycles:,} cycles, equal to its RTL in "
                f"each; {unit_streams.SAID}"
            )
        return f"{common}; {what}; without glitches"


REFUSED = "mapped by `&nf`, as `map` of ABC refused it"


def sum_of_all(parts: Sequence[tuple[int, float | None]]) -> float | None:
    """None when one is missing."""
    if any(power is None for _, power in parts):
        return None
    return sum(count * power for count, power in parts if power is not None)


def analyse(
    netlist: Netlist, target: Target, work: Path, name: str, counted: activity.Activity | None = None
) -> opensta.Analysis:
    """Timing and power of what `map_to_cells` left of `name`; without counted activity the power is vectorless alone.

    OpenSTA sees the cells that are used: what it says against another is of no concern.
    """
    cells, library = {*netlist.cells_by_type(), target.driver}, f"{name}.sta.lib"
    with library_at(work / library, target.library, cells):
        return opensta.analyse(
            toolbox.find(toolbox.OPENSTA),
            netlist,
            work,
            name,
            library,
            period_ns=target.period_ns,
            driver=target.driver,
            load_ff=target.load_ff,
            activity=counted,
        )


def write_cell_models(netlist: Netlist, library: Library, work: Path, name: str) -> None:
    """`<name>.cells.v`: the cells used, from their functions in the library."""
    output = f"{name}.cells.v"
    with library_at(work / f"{name}.cells.lib", library, netlist.cells_by_type()):
        script = activity.cell_models_script(netlist, f"{name}.cells.lib", output)
        plan = Plan(
            tool=toolbox.YOSYS,
            name="yosys on the cell models",
            files={f"{name}.cells.ys": script, f"{name}.cells.lib": work / f"{name}.cells.lib"},
            arguments=(f"{name}.cells.ys",),
            log=f"{name}.cells.log",
        )
        plan.run(toolbox.find(toolbox.YOSYS), work)
    gates = {gate.cell.name: gate.cell for gate in clock_gates(netlist).values()}
    models = (work / output).read_text() + "".join(activity.clock_gate_model(cell) for cell in gates.values())
    write_text(work / output, models)


def _activity(
    package: Package, block: BlockDesign, netlist: Netlist, options: Synth, work: Path
) -> activity.Activity:
    """The netlist in the package's own bench, on golden rows.

    Raises:
        ConfigError: the package has too few golden rows for it.
    """
    golden = block.vectors.golden_rows
    rows = min(options.activity_rows, golden - activity.ROWS_AROUND)
    if rows < 1:
        raise ConfigError(
            f"block `{block.name}` has {golden} golden rows, activity takes {activity.ROWS_AROUND + 1} at least",
            hint="dump more rows, or set activity to vectorless",
        )
    root = Path(os.path.relpath(package.folder, work))  # Icarus opens no file by a name beyond ASCII
    return activity.simulate(
        netlist,
        [
            Path(f"{block.name}.cells.v"),
            Path(f"{block.name}.netlist.v"),
            *(root / name for name in block.bench_sources),
        ],
        (
            _golden_first(package.folder / block.vectors.inputs, golden * block.input_beats, work),
            _golden_first(package.folder / block.vectors.outputs, golden, work),
        ),
        block.check,
        rows,
        work,
        block.name,
    )


def _golden_first(vectors: Path, lines: int, work: Path) -> Path:
    """A file in `work` of the same vectors, with those of real activations, which stand at the end, at the front."""
    text = vectors.read_text().splitlines(keepends=True)
    write_text(work / vectors.name, "".join([*text[-lines:], *text[:-lines]]))
    return Path(vectors.name)
