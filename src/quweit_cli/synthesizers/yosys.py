"""Yosys for FPGAs: cells of each design after mapping, without placement, timing or power.

No DSP and no block RAM, as in the paper's comparison (section 5); no I/O and clock buffers, as for a
design inside a larger one. Yosys counts every LUT cell as one, while Vivado packs two small ones
into a LUT6 where it can: the counts are on the high side.

A block is counted flat, a unit too. An array is counted module by module, a cell once and multiplied: flat, one of
64 x 64 cells takes hours. Nothing is optimised across the faces of a module, where there is little to gain: flat, an
array of 8 x 8 takes 8,267 LUTs and 4,464 flip-flops, by modules 8,063 and 4,709.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import inside
from quweit_cli.config import Synth
from quweit_cli.documents import (
    ArrayDesign,
    BlockDesign,
    Design,
    Implementation,
    ModuleCells,
    UnitDesign,
)
from quweit_cli.hdl.words import yosys_word
from quweit_cli.progress import Progress
from quweit_cli.synthesizers import cache
from quweit_cli.synthesizers.base import Package, sources_for
from quweit_cli.synthesizers.cells import cell_counts, module_cells, resources
from quweit_cli.synthesizers.library import flow as library
from quweit_cli.technologies import Technology, technology_of
from quweit_cli.toolbox import Plan

FOLDER = "yosys"


class Yosys:
    tool = toolbox.YOSYS

    def plans(self, package: Package, options: Synth, folder: Path) -> list[Plan]:
        """What Yosys does in `folder`, a design each.

        Raises:
            ConfigError: a device of no family that is known, or a design that is rendered for library cells alone.
            ArtifactError: a source is outside of the package.
        """
        technology = technology_of(options.device)
        sources = Path(os.path.relpath(package.folder, folder))
        return [
            Plan(
                tool=toolbox.YOSYS,
                name=f"yosys on {design.kind} {design.name}",
                files={
                    f"{FOLDER}/{design.name}.ys": script(design, technology, sources),
                    **{
                        (sources / name).as_posix(): inside(package.folder, name)
                        for name in sources_for(design, technology)
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
        found = toolbox.find(self.tool)
        with progress.task("synthesis", total=len(wanted)) as task:

            def run(item: tuple[Design, Plan]) -> Implementation:
                made = _synthesize(found, *item, options, folder)
                task.advance()
                return made

            return toolbox.side_by_side(run, wanted)


def script(design: Design, technology: Technology, sources: Path, *, flat: bool = False) -> str:
    """The Yosys script of one design; it runs in the folder of the stage.

    flat: an array, too.

    Of a block, modules are mapped one by one and put together at the end. Those that are cells already are empty
    boxes until then: mapping 15,000 cells to themselves took two thirds of the time. A block without them is mapped flat:
    that of I-ViT-T takes 30,054 LUT4s of an ECP5 so, and 34,881 module by module. $scopeinfo cells are no hardware: they remember the hierarchy that flattening took away. The netlist has scalar wires, one a
    net: where a simulator sees a vector of 70,000 terms, every table seems to drive every adder, and Verilator
    took a quarter of an hour and 7 GB on the false loops of a block at one row a cycle.
    """
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


def _synthesize(
    found: toolbox.Found, design: Design, plan: Plan, options: Synth, folder: Path
) -> Implementation:
    stem = folder / FOLDER / design.name
    statistics, netlist = stem.with_name(f"{stem.name}.stat.json"), stem.with_name(f"{stem.name}.netlist.v")
    key, technology = plan.digest(found), technology_of(options.device)
    plan.write(folder)
    seconds = cache.fetch(key, stem.parent) if options.cache else None
    cached = seconds is not None
    if seconds is None:
        started = time.monotonic()
        plan.run(found, folder)
        seconds = round(time.monotonic() - started, 3)
    modules, used = [], Counter(resources({}, technology))
    for name, count, cells in _parts(statistics, design):
        own = resources(cells, technology)
        used.update({resource: count * amount for resource, amount in own.items()})
        modules.append(
            ModuleCells(
                module=name,
                count=count,
                luts=int(own["luts"]),
                ffs=int(own["ffs"]),
                carries=int(own["carries"]),
                muxes=int(own["muxes"]),
            )
        )
    if options.cache and not cached:
        left = (folder / plan.log, statistics, netlist)
        cache.store(key, [path for path in left if path.is_file()], seconds)
    return Implementation(
        design=design.name,
        kind=design.kind,
        tool="yosys",
        version=found.version,
        device=options.device,
        clock_mhz=options.clock_mhz,
        stage="synthesis",
        luts=int(used["luts"]),
        ffs=int(used["ffs"]),
        carries=int(used["carries"]),
        muxes=int(used["muxes"]),
        brams=float(used["brams"]),
        dsps=int(used["dsps"]),
        modules=sorted(modules, key=lambda one: (one.module, one.luts)) if len(modules) > 1 else [],
        seconds=seconds,
        estimate=design.estimate if technology.vendor_cells and isinstance(design, BlockDesign) else None,
        cached=cached,
        log=plan.log,
        netlist=netlist.relative_to(folder).as_posix() if netlist.is_file() else None,
    )


def _parts(statistics: Path, design: Design) -> list[tuple[str, int, dict[str, int]]]:
    """Modules, their instances and own cells; a design that was flattened is one module."""
    if isinstance(design, ArrayDesign):
        return module_cells(statistics, design.top)
    return [(design.top, 1, cell_counts(statistics))]
