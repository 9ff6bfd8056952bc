"""What lets others use a package without reading our code: file lists, constraints, FuseSoC core, Tcl, README."""

from __future__ import annotations

from quweit_cli import __version__
from quweit_cli.documents import BlockDesign, DumpManifest
from quweit_cli.templating import render

BENCH_MODULES = ("tb/quweit_row_source.sv", "tb/quweit_row_sink.sv")
PERIOD_NS = 5.0  # of the constraints; the user's own clock takes its place
PORT_SHARE = 0.2  # of it that passes outside of the block, on each side


def render_handover(design: str, dump: DumpManifest, blocks: list[BlockDesign]) -> dict[str, str]:
    """Name -> text of everything beside the hardware and its benches."""
    files = {
        "README.md": render(
            "package/readme.md.mako", design=design, dump=dump, blocks=blocks, version=__version__
        ),
        f"{design}.core": render("package/core.mako", design=design, blocks=blocks, version=__version__),
        "lint/waivers.vlt": render("package/waivers.vlt.mako"),
    }
    for block in blocks:
        times = {"period": f"{PERIOD_NS:.3f}", "delay": f"{PORT_SHARE * PERIOD_NS:.3f}"}
        for kind in ("xdc", "sdc"):
            text = render(f"package/constraints.{kind}.mako", block=block, **times)
            files[f"constraints/{block.axis.top}.{kind}"] = text
        files |= _filelists(block) | _vivado(block)
    return files


def _vivado(block: BlockDesign) -> dict[str, str]:
    """Scripts that add a wrapper to a project, and make an IP of it."""
    sources = [*block.sources_xilinx, *block.axis.sources]
    return {
        f"vivado/{block.axis.top}_add.tcl": render(
            "package/add_sources.tcl.mako", block=block, sources=sources
        ),
        f"vivado/{block.axis.top}_ip.tcl": render("package/package_ip.tcl.mako", block=block),
    }


def _filelists(block: BlockDesign) -> dict[str, str]:
    """Names relative to the package's folder, in compile order."""
    axis = block.axis
    lists = {
        block.top: block.sources,
        f"{block.top}_xilinx": block.sources_xilinx,
        axis.top: [*block.sources, *axis.sources],
        f"{axis.top}_xilinx": [*block.sources_xilinx, *axis.sources],
        block.testbench: [*block.sources, *BENCH_MODULES, f"tb/{block.testbench}.sv"],
        block.check: [*block.sources, *BENCH_MODULES, f"tb/{block.testbench}.sv", f"tb/{block.check}.sv"],
        axis.check: [
            *block.sources, *axis.sources, *BENCH_MODULES, f"tb/{axis.testbench}.sv", f"tb/{axis.check}.sv",
        ],
    }  # fmt: skip
    return {f"filelists/{name}.f": "\n".join(sources) + "\n" for name, sources in lists.items()}
