"""Every tool takes the RTL without a warning, in both renderings and every kind of folding."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import slang
from programs import SHAPES, project_with_dump, random_block
from quweit_cli import config, toolbox
from quweit_cli.documents import BlockDesign
from quweit_cli.stages import rtl


@pytest.fixture(params=SHAPES, scope="module")
def package(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, BlockDesign]:
    shape, outputs_per_cycle = SHAPES[request.param]
    project = project_with_dump(tmp_path_factory.mktemp("accepted") / "p", random_block(11, **shape), rows=2)  # type: ignore[arg-type]
    manifest = rtl.run(project, config.Rtl(outputs_per_cycle=outputs_per_cycle))  # type: ignore[arg-type]
    return project / "rtl", manifest.blocks[0]


@pytest.mark.requires("verilator")
def test_verilator_lints_design_and_bench_without_a_warning(package: tuple[Path, BlockDesign]) -> None:
    folder, block = package
    for top, files in ((block.top, f"{block.top}.f"), (block.testbench, f"{block.testbench}.f")):
        words = toolbox.find(toolbox.VERILATOR).command
        output = toolbox.run(
            [*words, "--lint-only", "-Wall", "--top-module", top, "-f", f"filelists/{files}"],
            cwd=folder,
            log=folder.parent / "lint.log",
            name="verilator",
        )
        assert "%Warning" not in output and "%Error" not in output


@pytest.mark.requires("icarus")
def test_icarus_compiles_the_bench_without_a_warning(package: tuple[Path, BlockDesign]) -> None:
    folder, block = package
    output = toolbox.run(
        ["iverilog", "-g2012", "-Wall", "-s", block.testbench, "-o", str(folder.parent / "b.vvp")]
        + ["-c", f"filelists/{block.testbench}.f"],
        cwd=folder,
        log=folder.parent / "compile.log",
        name="iverilog",
    )
    # The bench has no time unit of its own; the command line of a simulation gives it one.
    assert [line for line in output.splitlines() if "timescale" not in line] == []


@pytest.mark.requires("yosys")
@pytest.mark.parametrize("rendering", [pytest.param("", marks=pytest.mark.slow), "_xilinx"])
def test_yosys_elaborates_both_renderings(package: tuple[Path, BlockDesign], rendering: str) -> None:
    folder, block = package
    sources = (folder / f"filelists/{block.top}{rendering}.f").read_text().split()
    library = "read_verilog -lib +/xilinx/cells_sim.v\n" if rendering else ""
    script = folder.parent / "elaborate.ys"
    reads = "".join(f"read_verilog -sv {source}\n" for source in sources)
    script.write_text(
        f"{library}{reads}hierarchy -check -top {block.top}\nproc\nflatten\nopt\ncheck -assert\n"
    )
    output = toolbox.run(
        [*toolbox.find(toolbox.YOSYS).command, str(script)],
        cwd=folder,
        log=folder.parent / "yosys.log",
        name="yosys",
    )
    assert "Warning" not in output


def test_slang_reads_both_renderings_wrapper_and_benches(
    package: tuple[Path, BlockDesign], tmp_path: Path
) -> None:
    folder, _ = package
    cells = slang.vendor_cells(tmp_path)
    for files in sorted(folder.glob("filelists/*.f")):
        sources = [folder / name for name in files.read_text().split()]
        assert slang.complaints([*sources, cells], files.stem.removesuffix("_xilinx")) == "", files.name


@pytest.mark.parametrize("package", ["one_layer"], indirect=True)
def test_slang_finds_what_the_language_forbids(package: tuple[Path, BlockDesign]) -> None:
    """Each of these is taken by one of the other readers."""
    folder, block = package
    sources = [folder / name for name in (folder / f"filelists/{block.check}.f").read_text().split()]
    for path, old, new, what in (
        (folder / "rtl/quweit_sequencer.sv", "valid_d[Stages-1:0]", "valid_q[Stages:0]", "valid_q"),
        (folder / f"tb/{block.check}.sv", "string              path;", "logic [799:0] path;", "dumpfile"),
    ):
        text = path.read_text()
        path.write_text(text.replace(old, new))
        assert what in slang.complaints(sources, block.check)
        path.write_text(text)


@pytest.mark.requires("verilator")
@pytest.mark.parametrize("package", ["one_layer"], indirect=True)
def test_the_lint_finds_a_width_error(package: tuple[Path, BlockDesign], tmp_path: Path) -> None:
    """The check above can fail: one bit too many in the design is reported."""
    made, block = package
    folder = shutil.copytree(made, tmp_path / "rtl")
    path = folder / f"rtl/{block.top}.sv"
    path.write_text(
        path.read_text().replace("endmodule", "  logic [1:0] wide;\n  assign wide = 3'd5;\nendmodule")
    )
    with pytest.raises(Exception, match="WIDTHTRUNC|UNUSEDSIGNAL"):
        toolbox.run(
            [*toolbox.find(toolbox.VERILATOR).command, "--lint-only", "-Wall", "--top-module", block.top]
            + ["-f", f"filelists/{block.top}.f"],
            cwd=folder,
            log=folder.parent / "lint.log",
            name="verilator",
        )
