"""Yosys for FPGAs: cells of each design after mapping, without placement, timing or power.

No DSP and no block RAM, as in the paper's comparison (section 5); no I/O and clock buffers, as for a
design inside a larger one. Yosys counts every LUT cell as one, while Vivado packs two small ones
into a LUT6 where it can: the counts are on the high side.

A block is counted flat, a unit too. An array is counted module by module, a cell once and multiplied: flat, one of
64 x 64 cells takes hours. Nothing is optimised across the faces of a module, where there is little to gain: flat, an
array of 8 x 8 takes 8,267 LUTs and 4,464 flip-flops, by modules 8,063 and 4,709.

A model is counted module by module as well, each for its engine. Its blocks are empty boxes there, and are counted as they are
by themselves. Its memories alone may be block RAM, since they say so (`quweit_memory`, `quweit_rom`). Its netlist has both as
instances: blocks have netlists of their own, and memories are the modules of the package.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import inside
from quweit_cli.config import Synth
from quweit_cli.documents import (
    ArrayDesign,
    Bank,
    BlockDesign,
    Design,
    Implementation,
    ModelDesign,
    ModuleCells,
    UnitDesign,
)
from quweit_cli.hdl.units.design import FOLDER as UNITS
from quweit_cli.hdl.words import yosys_word
from quweit_cli.progress import Progress
from quweit_cli.synthesizers import cache
from quweit_cli.synthesizers.base import Package, sources_for
from quweit_cli.synthesizers.cells import RESOURCES, ModuleCount, cell_counts, module_cells, resources
from quweit_cli.synthesizers.library import flow as library
from quweit_cli.technologies import Technology, technology_of
from quweit_cli.toolbox import Plan

FOLDER = "yosys"
MEMORIES = ("quweit_memory", "quweit_rom")


class Yosys:
    def tools(self, options: Synth) -> tuple[toolbox.Tool, ...]:
        return (toolbox.YOSYS,)

    def plans(self, package: Package, options: Synth, folder: Path) -> list[Plan]:
        """What Yosys does in `folder`, a design each.

        Raises:
            ConfigError: a device of no family that is known, or a design that is rendered for library cells alone.
            ArtifactError: a source is outside of the package.
        """
        technology, blocks = technology_of(options.device), package.manifest.blocks
        sources = Path(os.path.relpath(package.folder, folder))
        return [
            Plan(
                tool=toolbox.YOSYS,
                name=f"yosys on {design.kind} {design.name}",
                files={
                    f"{FOLDER}/{design.name}.ys": script(design, technology, sources, blocks),
                    **{
                        (sources / name).as_posix(): inside(package.folder, name)
                        for name in [*read_by(design, technology, blocks), *design.memories]
                    },
                },
                arguments=(f"{FOLDER}/{design.name}.ys",),
                log=f"{FOLDER}/{design.name}.log",
            )
            for design in package.manifest.designs
        ]

    def synthesize(
        self, package: Package, options: Synth, folder: Path, progress: Progress
    ) -> list[Implementation]:
        """Designs side by side, one process each, at most one a core; with a cell library, see `library.flow`."""
        if options.liberty:
            return library.synthesize(package, options, folder, progress)
        wanted = list(zip(package.manifest.designs, self.plans(package, options, folder), strict=True))
        found = toolbox.find(toolbox.YOSYS)
        with progress.task("synthesis", total=len(wanted)) as task:

            def run(item: tuple[Design, Plan]) -> Implementation:
                made = _synthesize(found, *item, options, folder)
                task.advance()
                return made

            made = toolbox.side_by_side(run, wanted)
        blocks = [one for one in made if one.kind == "block"]
        tops = [block.top for block in package.manifest.blocks]
        return [_with_blocks(one, tops, blocks) if one.kind == "model" else one for one in made]


def read_by(design: Design, technology: Technology, blocks: Sequence[BlockDesign]) -> dict[str, str]:
    """Sources of a design in compile order, and what is read of each: of a model's blocks the ports alone."""
    sources = sources_for(design, technology)
    if not isinstance(design, ModelDesign):
        return dict.fromkeys(sources, "whole")
    inside_blocks = {name for block in blocks for name in sources_for(block, technology)}
    tops = {block.top for block in blocks}
    faces = [name for name in sources if name in inside_blocks and Path(name).stem in tops]
    rest = [name for name in sources if name not in inside_blocks]
    return dict.fromkeys(faces, "ports") | dict.fromkeys(rest, "whole")


def script(
    design: Design,
    technology: Technology,
    sources: Path,
    blocks: Sequence[BlockDesign] = (),
    *,
    flat: bool = False,
) -> str:
    """The Yosys script of one design; it runs in the folder of the stage.

    blocks: of the package, which a model has. flat: an array, too.

    Of a block, modules are mapped one by one and put together at the end. Those that are cells already are empty
    boxes until then: mapping 15,000 cells to themselves took two thirds of the time. A block without them is mapped flat:
    that of I-ViT-T takes 30,054 LUT4s of an ECP5 so, and 34,881 module by module. $scopeinfo cells are no hardware: they remember the hierarchy that flattening took away. The netlist has scalar wires, one a
    net: where a simulator sees a vector of 70,000 terms, every table seems to drive every adder, and Verilator
    took a quarter of an hour and 7 GB on the false loops of a block at one row a cycle.
    """
    if isinstance(design, ModelDesign):
        return _script_of_model(design, technology, sources, blocks)
    vendor = technology.vendor_cells
    boxes = design.cells_xilinx if vendor and isinstance(design, BlockDesign) else []
    logic = [name for name in sources_for(design, technology) if name not in boxes]
    parameters = design.parameters if isinstance(design, UnitDesign) else {}
    block = isinstance(design, BlockDesign)
    flatten = flat or isinstance(design, UnitDesign) or (block and not vendor)
    top, stem = yosys_word(design.top), f"{FOLDER}/{design.name}"
    lines = [
        *(f"read_verilog -sv -lib {yosys_word(sources / name)}" for name in boxes),
        *(f"read_verilog -sv {yosys_word(sources / name)}" for name in logic),
        *(f"chparam -set {name} {value} {top}" for name, value in parameters.items()),
        technology.synthesis(top, flatten=flatten),
        *(f"read_verilog -sv -overwrite {yosys_word(sources / name)}" for name in boxes),
        *([f"hierarchy -check -top {top}", "flatten", "opt_merge", "opt_clean"] if block else []),
        "delete t:$scopeinfo",
        "check -assert",
        f"tee -q -o {yosys_word(f'{stem}.stat.json')} stat -json -top {top}",
    ]
    if block:
        lines += [
            "splitnets",
            "opt_clean -purge",
            f"write_verilog -noattr {yosys_word(f'{stem}.netlist.v')}",
        ]
    return "\n".join(lines) + "\n"


def _script_of_model(
    design: ModelDesign, technology: Technology, sources: Path, blocks: Sequence[BlockDesign]
) -> str:
    """Memories are read when they are needed, with their parameters: a ROM has no contents without. So are units, as which parts
    a lane has is a parameter, and a package lacks those of the others. What remains is read before the top, which Yosys would
    else take anew once it knows them, and with it the names of contents.

    Contents of memories are found from the folder of the stage. Each memory is a module of its own, so that its block RAM is
    known. Yosys has a name of its own for a ROM in LUTs, and takes no UltraRAM for block RAM where the part has none.
    """
    top, stem = yosys_word(design.top), f"{FOLDER}/{design.name}"

    def read(name: str, part: str) -> str:
        later = Path(name).stem in MEMORIES or UNITS in Path(name).parts
        option = "-lib " if part == "ports" else "-defer " if later else ""
        return f"read_verilog -sv {option}{yosys_word(sources / name)}"

    lines = [
        *(read(name, part) for name, part in read_by(design, technology, blocks).items()),
        *(
            f'setparam -set Contents "{sources / name}" {top}/r:Contents={yosys_word(name)}'
            for name in design.memories
        ),
        f"hierarchy -check -top {top}",
        *(f"uniquify {top}/t:*{module}*" for module in MEMORIES),
        'setattr -set rom_style "logic" a:rom_style=distributed',
        *([] if technology.ultra_rams else ['setattr -set ram_style "block" a:ram_style=ultra']),
        technology.synthesis(top),
        "delete t:$scopeinfo",
        "check -assert",
        f"tee -q -o {yosys_word(f'{stem}.stat.json')} stat -json -top {top}",
        *_netlist_of_model(design),
    ]
    return "\n".join(lines) + "\n"


def _netlist_of_model(design: ModelDesign) -> list[str]:
    """Lines that write what was synthesized, module by module, with memories as instances of the modules of the package.

    None of a package of an earlier version, which does not say how its memories are written.
    """
    top = yosys_word(design.top)
    contents = {Path(name).stem: name for name in design.memories}
    lines = []
    for bank in design.banks:
        instances = f"{top}/t:{design.top}.*u_{bank.name}"
        size = {"Words": str(bank.words)}
        if bank.writes == 0:
            size |= {"Bits": str(bank.bits), "Contents": f'"{contents[bank.name]}"'}
        elif bank.lanes is not None:
            size |= {"Lanes": str(bank.lanes), "Bits": str(bank.bits // bank.lanes)}
        else:
            return []
        sizes = " ".join(f"-set {name} {value}" for name, value in size.items())
        lines += [
            f"setparam {sizes} {instances}",
            f"chtype -set {MEMORIES[bank.writes == 0]} {instances}",
            f"delete ={design.top}.*u_{bank.name}",
        ]
    netlist = yosys_word(f"{FOLDER}/{design.name}.netlist.v")
    return ["splitnets", "opt_clean -purge", *lines, f"write_verilog -noattr {netlist}"]


def _synthesize(
    found: toolbox.Found, design: Design, plan: Plan, options: Synth, folder: Path
) -> Implementation:
    stem = folder / FOLDER / design.name
    statistics, netlist = stem.with_name(f"{stem.name}.stat.json"), stem.with_name(f"{stem.name}.netlist.v")
    technology = technology_of(options.device)
    run = cache.run(plan, found, folder, (folder / plan.log, statistics, netlist), use=options.cache)
    modules, used = [], Counter(resources({}, technology))
    banks = _instances(design)
    for one in _parts(statistics, design):
        own = resources(one.cells, technology)
        used.update({resource: one.times * amount for resource, amount in own.items()})
        if isinstance(design, ModelDesign) and not any(own.values()):
            continue  # it joins others
        bank = banks.get(one.module)
        modules.append(
            ModuleCells(
                module=MEMORIES[bank.writes == 0] if bank else one.module,
                memory=bank.name if bank else None,
                engine=one.engine,
                count=one.times,
                brams=own["brams"],
                **{name: int(own[name]) for name in RESOURCES},
            )
        )
    return Implementation(
        design=design.name,
        kind=design.kind,
        tool="yosys",
        version=found.version,
        device=options.device,
        clock_mhz=options.clock_mhz,
        stage="synthesis",
        brams=float(used["brams"]),
        **{name: int(used[name]) for name in RESOURCES},
        modules=sorted(modules, key=_place_of_module) if len(modules) > 1 else [],
        seconds=run.seconds,
        estimate=design.estimate if technology.vendor_cells and isinstance(design, BlockDesign) else None,
        cached=run.cached,
        log=plan.log,
        netlist=netlist.relative_to(folder).as_posix() if netlist.is_file() else None,
    )


def _place_of_module(one: ModuleCells) -> tuple[str, str, int]:
    return one.engine or "", one.module, one.luts


def _parts(statistics: Path, design: Design) -> list[ModuleCount]:
    """Modules, their instances and own cells; a design that was flattened is one module. Blocks of a model are none of it."""
    if isinstance(design, ArrayDesign):
        return module_cells(statistics, design.top)
    if isinstance(design, ModelDesign):
        engines = {module: engine.name for engine in design.engines for module in engine.modules}
        engines |= {part.module: engine.name for engine in design.engines for part in engine.parts}
        engines |= dict.fromkeys(_instances(design), engines[MEMORIES[0]])
        found: Counter[tuple[str, str | None, frozenset[tuple[str, int]]]] = Counter()
        for one in module_cells(statistics, design.top, engines):
            own = frozenset((name, count) for name, count in one.cells.items() if name not in engines)
            found[one.module, one.engine, own] += one.times
        return [
            ModuleCount(module, engine, times, dict(own)) for (module, engine, own), times in found.items()
        ]
    return [ModuleCount(design.top, None, 1, cell_counts(statistics))]


def _instances(design: Design) -> dict[str, Bank]:
    """Memories of a model by their instances, each of which is a module of its own."""
    return {f"u_{bank.name}": bank for bank in design.banks} if isinstance(design, ModelDesign) else {}


def _with_blocks(
    model: Implementation, tops: Sequence[str], blocks: Sequence[Implementation]
) -> Implementation:
    """The blocks of a model as they were counted by themselves, beside its other modules."""
    added = [
        ModuleCells(
            module=top,
            engine=one.design,
            count=1,
            brams=one.brams or 0,
            **{name: getattr(one, name) or 0 for name in RESOURCES},
        )
        for top, one in zip(tops, blocks, strict=True)
    ]
    modules = sorted([*model.modules, *added], key=_place_of_module)
    sums = {name: sum(one.count * getattr(one, name) for one in modules) for name in ("brams", *RESOURCES)}
    return model.model_copy(update={"modules": modules, **sums})
