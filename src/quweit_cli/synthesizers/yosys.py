"""Yosys for AMD FPGAs: cells of each block after mapping, without placement, timing or power.

No DSP and no block RAM, as in the paper's comparison (section 5); no I/O and clock buffers, as for a
block inside a larger design. Yosys counts every LUT cell as one, while Vivado packs two small ones
into a LUT6 where it can: the counts are on the high side.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import digest_of, digest_of_file
from quweit_cli.config import Synth
from quweit_cli.documents import RtlBlock, SynthesizedBlock, inside
from quweit_cli.errors import ToolFailed
from quweit_cli.hdl.words import yosys_word
from quweit_cli.progress import Progress
from quweit_cli.synthesizers import asic, cache
from quweit_cli.synthesizers.base import Package
from quweit_cli.synthesizers.parts import family_of

# How many units of each resource a cell takes. RAM and SRL cells sit in LUTs (UG574, table 2-2).
LUTS = {
    **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
    **{"LUT6_2": 1, "INV": 1, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1, "CFGLUT5": 1},
    **{"RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8},
    **{"RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8},
    **{"RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8},
}
FFS = {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1}
CARRIES = {"CARRY4": 1, "CARRY8": 1}
MUXES = {"MUXF7": 1, "MUXF8": 1, "MUXF9": 1}
BRAMS = {"RAMB36E1": 1.0, "RAMB36E2": 1.0, "RAMB18E1": 0.5, "RAMB18E2": 0.5}
DSPS = {"DSP48E1": 1, "DSP48E2": 1}


class Yosys:
    tool = toolbox.YOSYS

    def synthesize(
        self, package: Package, options: Synth, folder: Path, progress: Progress
    ) -> list[SynthesizedBlock]:
        """Blocks side by side, one process each, at most one a core; with a cell library, see `asic`."""
        if options.liberty:
            return asic.synthesize(package, options, folder, progress)
        family = family_of(options.device).yosys
        found = toolbox.find(self.tool)
        (folder / "yosys").mkdir()
        blocks = package.manifest.blocks
        sources = Path(os.path.relpath(package.folder, folder))
        with progress.task("synthesis", total=len(blocks)) as task:

            def run(block: RtlBlock) -> SynthesizedBlock:
                text = script(block, family, sources)
                made = _synthesize_block(found, package, block, text, options, folder)
                task.advance()
                return made

            return toolbox.side_by_side(run, blocks)


def script(block: RtlBlock, family: str, sources: Path) -> str:
    """The Yosys script of one block; it runs in the folder of the stage and leaves a netlist there.

    Modules are mapped one by one and put together at the end. Those that are cells already are empty
    boxes until then: mapping 15,000 cells to themselves took two thirds of the time. $scopeinfo cells
    are no hardware: they remember the hierarchy that flattening took away. The netlist has scalar wires, one a
    net: where a simulator sees a vector of 70,000 terms, every table seems to drive every adder, and Verilator
    took a quarter of an hour and 7 GB on the false loops of a block at one row a cycle.
    """
    cells = "\n".join(f"read_verilog -sv -lib {yosys_word(sources / name)}" for name in block.cells_xilinx)
    logic = "\n".join(
        f"read_verilog -sv {yosys_word(sources / name)}"
        for name in block.sources_xilinx
        if name not in block.cells_xilinx
    )
    contents = "\n".join(
        f"read_verilog -sv -overwrite {yosys_word(sources / name)}" for name in block.cells_xilinx
    )
    top, name = yosys_word(block.top), block.name
    return f"""\
{cells}
{logic}
synth_xilinx -family {family} -top {top} -nodsp -nobram -noiopad -noclkbuf
{contents}
hierarchy -check -top {top}
flatten
opt_merge
opt_clean
delete t:$scopeinfo
check -assert
tee -q -o {yosys_word(f"yosys/{name}.stat.json")} stat -json -top {top}
splitnets
opt_clean -purge
write_verilog -noattr {yosys_word(f"yosys/{name}.netlist.v")}
"""


def cell_counts(path: Path) -> dict[str, int]:
    """Cells of the flattened design by type, from what `stat -json` wrote.

    Raises:
        ToolFailed: no such file, no `design` section, or a design without cells.
    """
    try:
        counts = json.loads(path.read_text())["design"]["num_cells_by_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ToolFailed(f"Yosys left no cell counts of the design in `{path.name}`: {error!r}") from None
    if not counts:
        raise ToolFailed(f"the synthesized design of `{path.name}` is empty")
    return {str(name): int(count) for name, count in counts.items()}


def resources(counts: Mapping[str, int]) -> dict[str, float]:
    """Cell counts as LUTs, FFs, carries, muxes, BRAMs and DSPs.

    Raises:
        ToolFailed: a cell type that belongs to none of them; dropping it would be a silent error.
    """
    kinds: dict[str, Mapping[str, float]] = {
        "luts": LUTS,
        "ffs": FFS,
        "carries": CARRIES,
        "muxes": MUXES,
        "brams": BRAMS,
        "dsps": DSPS,
    }
    unknown = sorted(set(counts) - {name for kind in kinds.values() for name in kind})
    if unknown:
        raise ToolFailed(
            f"the netlist has cells that are counted as no resource: {', '.join(unknown)}",
            hint="latches and tri-states are design errors; a new primitive belongs into synthesizers/yosys.py",
        )
    return {
        resource: sum(count * weight[name] for name, count in counts.items() if name in weight)
        for resource, weight in kinds.items()
    }


def _synthesize_block(
    found: toolbox.Found, package: Package, block: RtlBlock, text: str, options: Synth, folder: Path
) -> SynthesizedBlock:
    path = folder / "yosys" / f"{block.name}.ys"
    path.write_text(text)
    log = path.with_suffix(".log")
    made = (log, path.with_suffix(".stat.json"), path.with_suffix(".netlist.v"))
    sources = {name: digest_of_file(inside(package.folder, name)) for name in block.sources_xilinx}
    key = digest_of([found.version, text, sources])
    seconds = cache.fetch(key, path.parent) if options.cache else None
    cached = seconds is not None
    if seconds is None:
        started = time.monotonic()
        command = [*found.command, path.relative_to(folder).as_posix()]
        toolbox.run(command, cwd=folder, log=log, name=f"yosys on block {block.name}")
        seconds = round(time.monotonic() - started, 3)
    counted = resources(cell_counts(path.with_suffix(".stat.json")))
    if options.cache and not cached:
        cache.store(key, made, seconds)
    return SynthesizedBlock(
        block=block.name,
        tool="yosys",
        version=found.version,
        device=options.device,
        clock_mhz=options.clock_mhz,
        stage="synthesis",
        luts=int(counted["luts"]),
        ffs=int(counted["ffs"]),
        carries=int(counted["carries"]),
        muxes=int(counted["muxes"]),
        brams=counted["brams"],
        dsps=int(counted["dsps"]),
        slack_ns=None,
        power_mw=None,
        power_method=None,
        seconds=seconds,
        estimate=block.estimate,
        cached=cached,
        log=log.relative_to(folder).as_posix(),
        netlist=path.with_suffix(".netlist.v").relative_to(folder).as_posix(),
    )
