"""What lets others use a package without reading our code: file lists, constraints, FuseSoC core, IP-XACT, Tcl, the host's side, README."""

from __future__ import annotations

from quweit_cli import __version__
from quweit_cli.documents import BlockDesign, DumpManifest, ModelDesign, PortedDesign
from quweit_cli.hdl.host import render_host
from quweit_cli.hdl.ipxact import render_component
from quweit_cli.hdl.vectors import BENCH_MODULES
from quweit_cli.templating import render

PERIOD_NS = 5.0  # of the constraints; the user's own clock takes its place
PORT_SHARE = 0.2  # of it that passes outside of the design, on each side


def render_handover(
    name: str, dump: DumpManifest, blocks: list[BlockDesign], model: ModelDesign | None
) -> dict[str, str]:
    """Name -> text of everything beside the hardware and its benches; nothing where there is neither block nor model."""
    designs: list[PortedDesign] = [*blocks, *([model] if model else [])]
    if not designs:
        return {}
    pages = (
        [render("package/readme.md.mako", design=name, dump=dump, blocks=blocks, version=__version__)]
        if blocks
        else []
    )
    if model:
        pages.append(
            render("package/readme_model.md.mako", name=name, dump=dump, design=model, version=__version__)
        )
    files = {
        "README.md": "\n".join(pages),
        f"{name}.core": render("package/core.mako", name=name, designs=designs, version=__version__),
        "lint/waivers.vlt": render("package/waivers.vlt.mako"),
    }
    for design in designs:
        times = {"period": f"{PERIOD_NS:.3f}", "delay": f"{PORT_SHARE * PERIOD_NS:.3f}"}
        for kind in ("xdc", "sdc"):
            text = render(f"package/constraints.{kind}.mako", design=design, **times)
            files[f"constraints/{design.axis.top}.{kind}"] = text
        files |= _filelists(design) | render_component(name, design)
        if design.sources_xilinx:
            files |= vivado_scripts(design)
    return files | render_host(name, dump, designs)


def vivado_scripts(design: PortedDesign) -> dict[str, str]:
    """Scripts that add a wrapper to a project, and make an IP of it."""
    sources = [*design.sources_xilinx, *design.axis.sources]
    return {
        f"vivado/{design.axis.top}_add.tcl": render(
            "package/add_sources.tcl.mako", design=design, sources=sources
        ),
        f"vivado/{design.axis.top}_ip.tcl": render("package/package_ip.tcl.mako", design=design),
    }


def _filelists(design: PortedDesign) -> dict[str, str]:
    """Names relative to the package's folder, in compile order."""
    axis = design.axis
    lists = {
        design.top: design.sources,
        f"{design.top}_xilinx": design.sources_xilinx,
        axis.top: [*design.sources, *axis.sources],
        f"{axis.top}_xilinx": [*design.sources_xilinx, *axis.sources] if design.sources_xilinx else [],
        design.testbench: [*design.sources, *BENCH_MODULES, f"tb/{design.testbench}.sv"],
        design.check: [
            *design.sources, *BENCH_MODULES, f"tb/{design.testbench}.sv", f"tb/{design.check}.sv",
        ],
        axis.check: [
            *design.sources, *axis.sources, *BENCH_MODULES, f"tb/{axis.testbench}.sv", f"tb/{axis.check}.sv",
        ],
    }  # fmt: skip
    return {f"filelists/{name}.f": "\n".join(sources) + "\n" for name, sources in lists.items() if sources}
