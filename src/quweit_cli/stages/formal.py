"""RTL package -> formal result: Yosys proves the two renderings of every module equal, for all inputs.

What is written twice, behavioural and as cells, are the thermometer, the LUT layers, the encoded values, the registers
that their bits gate and the adder trees. Each output and each input of a register is an equation of a few inputs, which a
SAT solver decides at once; equal registers at equal names stay equal. What is written once is compared by simulation.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import check_fresh, digest_of, file_digests, inside, load, writing_stage
from quweit_cli.documents import FORMAL, RTL, BlockDesign, FormalProof, FormalResult, RtlManifest
from quweit_cli.errors import Mismatch, ToolFailed
from quweit_cli.hdl.words import yosys_word
from quweit_cli.progress import SILENT, Progress
from quweit_cli.simulators.cell_models import vendor_file
from quweit_cli.stages.sources import check_blocks
from quweit_cli.technologies.amd import LUT6
from quweit_cli.toolbox import Found, Plan

SECONDS = 1800.0
MODELS = "cells_sim.v"  # of the vendor
# A table is proven bit by bit, from gates, which its words for all bits would make as large a problem each; a sum by words.
TABLE = re.compile(r"_(encoder|lut_layer\d+|value_table)$")


def run(project: Path, *, progress: Progress = SILENT) -> FormalResult:
    """Prove what lies in `project/rtl`, changed by hand or not.

    Raises:
        Mismatch: an output of a module is not proven equal; `formal.json` names the first ones.
        ArtifactError: no RTL package here.
        ToolError: Yosys is missing or refuses a module.
    """
    check_fresh(project, "rtl")
    found = toolbox.find(toolbox.YOSYS)
    package = (project / "rtl").resolve()
    manifest = load(RtlManifest, package / RTL.file)
    check_blocks(manifest)
    digest = digest_of(file_digests(package))
    work = [
        (block, module)
        for block in manifest.blocks
        for module in modules(block)
        if parameters(package, block, module) is not None
    ]
    with (
        writing_stage(project, "formal", inputs={"rtl": digest}, options={}) as folder,
        progress.task("proving", len(work)) as task,
    ):

        def prove_one(item: tuple[BlockDesign, str]) -> FormalProof:
            proof = prove(found, package, *item, folder)
            task.advance()
            return proof

        result = FormalResult(
            name=manifest.name,
            rtl=digest,
            tool=found.version,
            proofs=toolbox.side_by_side(prove_one, work),
            not_rendered=manifest.not_rendered,
        )
        FORMAL.save(result, folder)
    _verdict(result)
    return result


def modules(block: BlockDesign) -> list[str]:
    """Modules of a block that exist in both renderings."""
    names = {Path(name).stem for name in set(block.sources_xilinx) - set(block.sources)}
    return [Path(name).stem for name in block.sources if Path(name).stem in names]


def parameters(package: Path, block: BlockDesign, module: str) -> str | None:
    """With what the block has an instance of a module: words for Yosys, none for a module of its own; None without one."""
    if module.startswith(block.top):
        return ""
    text = (package / "rtl" / f"{block.top}.sv").read_text(errors="replace")
    made = instances(module, text)
    return "".join(f" -chparam {name} {value}" for name, value in made[0].items()) if made else None


def instances(module: str, text: str) -> list[dict[str, str]]:
    """The parameters of every instance of a module that stands in a text as we render it."""
    found = re.findall(rf"^ *{module} #\(\n((?: *\.\w+ *\([-\w']+\),?\n)*) *\) u_\w+ \(", text, re.MULTILINE)
    return [dict(re.findall(r"\.(\w+) *\(([-\w']+)\)", one)) for one in found]


def script(module: str, cells: list[str], given: str = "") -> str:
    """Both renderings, every output of one against its twin; unproven ones are listed and no error.

    It runs in a folder with `MODULE.sv`, the files named in `cells` and the vendor's models: so neither script
    nor log names a path of this machine.

    given: parameters, as `parameters` writes them.
    """
    table = TABLE.search(module) is not None
    lines = [
        f"hierarchy -check -top {yosys_word(module)}{given}",
        "proc -norom",
        "flatten",
        "opt_expr",
        "opt_clean",
    ]
    elaborate = "\n".join([*lines, *(["simplemap", "opt -fast"] if table else []), "rename -top twin"])
    return f"""\
read_verilog -sv {yosys_word(f"{module}.sv")}
{elaborate}
design -stash behavioural
read_verilog -sv {" ".join(map(yosys_word, cells))}
read_verilog {MODELS}
{elaborate}
design -stash cells
design -copy-from behavioural -as behavioural twin
design -copy-from cells -as cells twin
equiv_make behavioural cells both
hierarchy -top both
equiv_simple{" -nogroup" if table else ""}
equiv_status
"""


def prove(found: Found, package: Path, block: BlockDesign, module: str, folder: Path) -> FormalProof:
    """One module of a block, `package/rtl/<module>.sv` against its twin in cells; the log is kept in `folder`."""
    started = time.monotonic()
    cells_only = set(block.sources_xilinx) - set(block.sources)
    twice = set(modules(block))
    helpers = [name for name in block.sources_xilinx if name in cells_only and Path(name).stem not in twice]
    own = [name for name in block.sources_xilinx if name in cells_only and Path(name).stem == module]
    called = module if module.startswith(block.top) else f"{block.top}_{module}"
    log = folder / f"{called}.log"
    cells = {f"cells_{Path(name).name}": inside(package, name) for name in (*helpers, *own)}
    text = script(module, list(cells), parameters(package, block, module) or "")
    plan = Plan(
        tool=toolbox.YOSYS,
        name=f"yosys on {module}",
        files={
            "prove.ys": text,
            f"{module}.sv": package / "rtl" / f"{module}.sv",
            MODELS: vendor_file(LUT6),
            **cells,
        },
        arguments=("prove.ys",),
        log="prove.log",
        timeout=SECONDS,
    )
    with toolbox.scratch("quweit-formal-") as scratch:
        plan.lay_out(scratch)
        text = plan.run(found, scratch, log)
    counted = re.search(r"Of those cells (\d+) are proven and (\d+) are unproven", text)
    if counted is None:
        raise ToolFailed(f"yosys ended well and proved nothing about `{module}`", hint=f"its log: {log}")
    unproven = sorted(set(re.findall(r"Unproven \$equiv \S+: \\(\S+)_gold", text)))
    return FormalProof(
        block=block.name,
        module=called,
        proven=int(counted[1]),
        unproven=int(counted[2]),
        first=unproven[:5],
        seconds=round(time.monotonic() - started, 3),
    )


def _verdict(result: FormalResult) -> None:
    for proof in result.proofs:
        if proof.unproven:
            raise Mismatch(
                f"the two renderings of `{proof.module}` are not proven equal: {proof.unproven} of "
                f"{proof.proven + proof.unproven} equations, first {', '.join(proof.first) or 'unnamed'}",
                hint="formal.json of the stage names the first ones; `quweit rtl` writes both anew",
            )
