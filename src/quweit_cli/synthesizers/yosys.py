"""Yosys for FPGAs: cells of each block after mapping, without placement, timing or power.

No DSP and no block RAM, as in the paper's comparison (section 5); no I/O and clock buffers, as for a
block inside a larger design. Yosys counts every LUT cell as one, while Vivado packs two small ones
into a LUT6 where it can: the counts are on the high side.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import digest_of, digest_of_file, inside
from quweit_cli.config import Synth
from quweit_cli.documents import RtlBlock, SynthesizedBlock
from quweit_cli.hdl.words import yosys_word
from quweit_cli.progress import Progress
from quweit_cli.synthesizers import cache
from quweit_cli.synthesizers.base import Package, sources_for
from quweit_cli.synthesizers.cells import cell_counts, resources
from quweit_cli.synthesizers.library import flow as asic
from quweit_cli.technologies import Technology, technology_of


class Yosys:
    tool = toolbox.YOSYS

    def synthesize(
        self, package: Package, options: Synth, folder: Path, progress: Progress
    ) -> list[SynthesizedBlock]:
        """Blocks side by side, one process each, at most one a core; with a cell library, see `asic`."""
        if options.liberty:
            return asic.synthesize(package, options, folder, progress)
        technology = technology_of(options.device)
        found = toolbox.find(self.tool)
        (folder / "yosys").mkdir()
        blocks = package.manifest.blocks
        sources = Path(os.path.relpath(package.folder, folder))
        with progress.task("synthesis", total=len(blocks)) as task:

            def run(block: RtlBlock) -> SynthesizedBlock:
                text = script(block, technology, sources)
                made = _synthesize_block(found, package, block, text, options, folder)
                task.advance()
                return made

            return toolbox.side_by_side(run, blocks)


def script(block: RtlBlock, technology: Technology, sources: Path) -> str:
    """The Yosys script of one block; it runs in the folder of the stage and leaves a netlist there.

    Modules are mapped one by one and put together at the end. Those that are cells already are empty
    boxes until then: mapping 15,000 cells to themselves took two thirds of the time. A design without them is mapped flat:
    the I-ViT-T block takes 30,054 LUT4s of an ECP5 so, and 34,881 module by module. $scopeinfo cells
    are no hardware: they remember the hierarchy that flattening took away. The netlist has scalar wires, one a
    net: where a simulator sees a vector of 70,000 terms, every table seems to drive every adder, and Verilator
    took a quarter of an hour and 7 GB on the false loops of a block at one row a cycle.
    """
    given = block.cells_xilinx if technology.vendor_cells else []
    cells = "\n".join(f"read_verilog -sv -lib {yosys_word(sources / name)}" for name in given)
    logic = "\n".join(
        f"read_verilog -sv {yosys_word(sources / name)}"
        for name in sources_for(block, technology)
        if name not in given
    )
    contents = "\n".join(f"read_verilog -sv -overwrite {yosys_word(sources / name)}" for name in given)
    top, name = yosys_word(block.top), block.name
    return f"""\
{cells}
{logic}
{technology.synthesis(top, flatten=not technology.vendor_cells)}
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


def _synthesize_block(
    found: toolbox.Found, package: Package, block: RtlBlock, text: str, options: Synth, folder: Path
) -> SynthesizedBlock:
    path = folder / "yosys" / f"{block.name}.ys"
    path.write_text(text)
    log = path.with_suffix(".log")
    made = (log, path.with_suffix(".stat.json"), path.with_suffix(".netlist.v"))
    technology = technology_of(options.device)
    names = sources_for(block, technology)
    sources = {name: digest_of_file(inside(package.folder, name)) for name in names}
    key = digest_of([found.version, text, sources])
    seconds = cache.fetch(key, path.parent) if options.cache else None
    cached = seconds is not None
    if seconds is None:
        started = time.monotonic()
        command = [*found.command, path.relative_to(folder).as_posix()]
        toolbox.run(command, cwd=folder, log=log, name=f"yosys on block {block.name}")
        seconds = round(time.monotonic() - started, 3)
    counted = resources(cell_counts(path.with_suffix(".stat.json")), technology)
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
        estimate=block.estimate if technology.vendor_cells else None,
        cached=cached,
        log=log.relative_to(folder).as_posix(),
        netlist=path.with_suffix(".netlist.v").relative_to(folder).as_posix(),
    )
