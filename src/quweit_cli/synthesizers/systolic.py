"""Cells of systolic arrays by Yosys, module by module: a cell is synthesized once and multiplied.

Without that, an array of 64 x 64 cells takes hours. Nothing is optimised across the faces of a module,
where there is little to gain: flat, an array of 8 x 8 takes 8,267 LUTs and 4,464 flip-flops, by modules
8,063 and 4,709.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

from quweit_cli import toolbox
from quweit_cli.config import Baseline
from quweit_cli.documents import BaselineArray, BaselineManifest, ModuleCells, SynthesizedArray
from quweit_cli.errors import ToolFailed
from quweit_cli.hdl.words import yosys_word
from quweit_cli.progress import Progress
from quweit_cli.synthesizers.base import sources_for
from quweit_cli.synthesizers.cells import resources
from quweit_cli.technologies import Technology, technology_of

STEP = "yosys"


def synthesize(
    package: Path, manifest: BaselineManifest, options: Baseline, folder: Path, progress: Progress
) -> list[SynthesizedArray]:
    """Arrays side by side, one process each; scripts and logs are left in `folder/yosys`."""
    technology = technology_of(options.device)
    found = toolbox.find(toolbox.YOSYS)
    (folder / STEP).mkdir()
    sources = Path(os.path.relpath(package, folder))
    with progress.task("synthesis of arrays", total=len(manifest.arrays)) as task:

        def run(array: BaselineArray) -> SynthesizedArray:
            made = _synthesize_array(found, array, script(array, technology, sources), options, folder)
            task.advance()
            return made

        return toolbox.side_by_side(run, manifest.arrays)


def script(array: BaselineArray, technology: Technology, sources: Path, *, flat: bool = False) -> str:
    """The Yosys script of one array; it runs in the folder of the stage."""
    reads = "\n".join(
        f"read_verilog -sv {yosys_word(sources / name)}" for name in sources_for(array, technology)
    )
    return f"""\
{reads}
{technology.synthesis(array.top, flatten=flat, block_rams=True)}
delete t:$scopeinfo
check -assert
tee -q -o {STEP}/{array.name}.stat.json stat -json -top {array.top}
"""


def module_cells(statistics: Any, top: str) -> dict[str, tuple[int, dict[str, int]]]:
    """Module -> instances in the design and its own cells by type, from what `stat -json` wrote.

    Raises:
        ToolFailed: the statistics are not of this design.
    """
    try:
        modules = {
            name.lstrip("\\"): value["num_cells_by_type"] for name, value in statistics["modules"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ToolFailed(f"Yosys left no cell counts of modules: {error!r}") from None
    if top not in modules:
        raise ToolFailed(f"the statistics have no module `{top}`")
    instances: Counter[str] = Counter()

    def visit(name: str, times: int) -> None:
        instances[name] += times
        for kind, count in modules[name].items():
            if kind.lstrip("\\") in modules:
                visit(kind.lstrip("\\"), times * count)

    visit(top, 1)
    return {
        name: (
            times,
            {kind: count for kind, count in modules[name].items() if kind.lstrip("\\") not in modules},
        )
        for name, times in instances.items()
    }


def _synthesize_array(
    found: toolbox.Found, array: BaselineArray, text: str, options: Baseline, folder: Path
) -> SynthesizedArray:
    started = time.monotonic()
    path = folder / STEP / f"{array.name}.ys"
    path.write_text(text)
    log = path.with_suffix(".log")
    command = [*found.command, path.relative_to(folder).as_posix()]
    toolbox.run(command, cwd=folder, log=log, name=f"yosys on {array.name}")
    try:
        statistics = json.loads(path.with_suffix(".stat.json").read_text())
    except (OSError, ValueError) as error:
        raise ToolFailed(f"Yosys left no cell counts of `{array.name}`: {error}") from None
    modules = []
    total: Counter[str] = Counter()
    for name, (count, cells) in module_cells(statistics, array.top).items():
        used = resources(cells, technology_of(options.device))
        total.update({resource: count * amount for resource, amount in used.items()})
        modules.append(
            ModuleCells(
                module=_plain(name),
                count=count,
                luts=int(used["luts"]),
                ffs=int(used["ffs"]),
                carries=int(used["carries"]),
                muxes=int(used["muxes"]),
            )
        )
    return SynthesizedArray(
        array=array.name,
        side=array.side,
        tool="yosys",
        version=found.version,
        device=options.device,
        luts=int(total["luts"]),
        ffs=int(total["ffs"]),
        carries=int(total["carries"]),
        muxes=int(total["muxes"]),
        brams=float(total["brams"]),
        dsps=int(total["dsps"]),
        modules=sorted(modules, key=lambda one: (one.module, one.luts)),
        seconds=round(time.monotonic() - started, 3),
        log=log.relative_to(folder).as_posix(),
    )


def _plain(name: str) -> str:
    """`$paramod$<digest>\\\\quweit_skew` as `quweit_skew`."""
    found = re.search(r"quweit_\w+", name)
    return found[0] if found else name
