"""A whole model is counted engine by engine, its memories lie in memories, and its blocks are counted once."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from experiments import whole_model
from quweit_cli import config, toolbox
from quweit_cli.documents import RTL, ModelDesign, SynthesisReport
from quweit_cli.errors import ToolFailed
from quweit_cli.hdl.model import accesses
from quweit_cli.hdl.model.schedule import Job
from quweit_cli.stages import synth
from quweit_cli.synthesizers import base, yosys
from quweit_cli.synthesizers.cells import module_cells, resources
from quweit_cli.synthesizers.vivado.flow import write_project
from quweit_cli.technologies import ECP5, SERIES_7, ULTRASCALE_PLUS, Technology
from quweit_cli.templating import static_text


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return whole_model(folder, "model.dim=8", "model.depth=1", "model.block.lut_layers=[8]")


@pytest.fixture(scope="module")
def report(project: Path) -> SynthesisReport:
    return synth.run(project, config.Synth())


def design_of(project: Path) -> ModelDesign:
    design = RTL.load(project).model
    assert design is not None
    return design


@pytest.mark.slow
@pytest.mark.requires("yosys")
def test_every_module_belongs_to_an_engine_and_they_sum_up(project: Path, report: SynthesisReport) -> None:
    model = report.model
    assert model is not None
    engines = [engine.name for engine in design_of(project).engines]
    assert set(model.modules_by_engine) == set(engines)
    for name in ("luts", "ffs", "carries", "muxes", "brams", "urams", "dsps"):
        assert getattr(model, name) == sum(of[name] for of in model.modules_by_engine.values())
    assert model.dsps == 0 and model.urams == 0
    cells = next(one for one in model.modules if one.module == "quweit_systolic_cell")
    assert (cells.engine, cells.count) == ("array", 64)
    lanes = next(one for one in model.modules if one.module == "quweit_layer_norm")
    assert (lanes.engine, lanes.count) == ("norm", 8)
    dividers = {one.engine: one.count for one in model.modules if one.module == "quweit_divider"}
    assert dividers == {"norm": 8, "softmax": 8}


@pytest.fixture(scope="module")
def in_pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pieces = [f"model.functions.{one}={{segments: 2}}" for one in ("root", "exponential", "reciprocal")]
    small = ("model.mlp=dense", "model.dim=8", "model.depth=1", "model.mlp_ratio=1", "model.heads=1")
    return whole_model(tmp_path_factory.mktemp("pieces"), *small, *pieces)


def test_units_are_read_when_a_lane_wants_them(project: Path) -> None:
    """A package lacks the parts of a lane that its parameters leave out."""
    lines = yosys.script(design_of(project), ULTRASCALE_PLUS, Path("rtl")).splitlines()
    units = [line for line in lines if "/units/" in line]
    assert len(units) > 5 and all(line.startswith("read_verilog -sv -defer ") for line in units)


@pytest.mark.slow
@pytest.mark.requires("yosys")
def test_a_model_in_pieces_is_whole_without_the_parts_that_they_replace(in_pieces: Path) -> None:
    """Up to where it is mapped."""
    lines = yosys.script(design_of(in_pieces), ULTRASCALE_PLUS, Path("rtl")).splitlines()
    mapping = next(place for place, line in enumerate(lines) if line.startswith(ULTRASCALE_PLUS.command))
    (in_pieces / "read.ys").write_text("\n".join([*lines[:mapping], "check -assert"]) + "\n")
    command = [*toolbox.find(toolbox.YOSYS).command, "read.ys"]
    read = toolbox.run(command, cwd=in_pieces, log=in_pieces / "read.log", name="yosys")
    assert "quweit_root_factor_pieces" in read


@pytest.mark.slow
@pytest.mark.requires("yosys")
def test_lanes_in_pieces_are_counted_without_the_parts_that_they_replace(in_pieces: Path) -> None:
    report = synth.run(in_pieces, config.Synth())
    assert report.model is not None
    modules = {one.module for one in report.model.modules}
    assert {"quweit_root_factor_pieces", "quweit_piece_exponential", "quweit_layer_norm"} <= modules
    assert not {"quweit_root_factor", "quweit_root"} & modules


@pytest.mark.slow
@pytest.mark.requires("yosys")
def test_block_ram_is_that_of_memories_alone(project: Path, report: SynthesisReport) -> None:
    model = report.model
    assert model is not None and model.brams
    assert model.brams == model.modules_by_engine["memories"]["brams"]
    banks = {bank.name: bank for bank in design_of(project).banks}
    found = {one.memory: one for one in model.modules if one.memory}
    assert set(found) == set(banks)
    for name, one in found.items():
        assert (one.brams > 0) == (banks[name].words > 64), name


@pytest.mark.slow
@pytest.mark.requires("yosys")
def test_a_block_of_a_model_is_counted_as_it_is_by_itself(report: SynthesisReport) -> None:
    model, (block,) = report.model, report.blocks
    assert model is not None
    (own,) = (one for one in model.modules if one.engine == "block0")
    assert (own.luts, own.ffs, own.carries) == (block.luts, block.ffs, block.carries)


# ---------------------------------------------------------------- memories by themselves

MEMORY = """\
module top (input logic clk_i, input logic [7:0] write_i, input logic [15:0] to_i, from_i, input logic [63:0] data_i,
            output logic [63:0] data_o);
  {module} #(.Words ({words}), {more}) u_one (.clk_i, {ports}, .{data}_o (data_o));
endmodule
"""
WRITTEN = (
    ".write_i, .write_address_i (to_i[{bits}:0]), .write_data_i (data_i), .read_address_i (from_i[{bits}:0])"
)


def mapped(folder: Path, words: int, technology: Technology, *, written: bool) -> dict[str, int]:
    """Cells of one memory of 64 bits a word, by the very lines of the script of a model."""
    bits = (words - 1).bit_length() - 1
    ports = (WRITTEN if written else ".address_i (from_i[{bits}:0])").format(bits=bits)
    module = "quweit_memory" if written else "quweit_rom"
    more = ".Lanes (8)" if written else '.Bits (64), .Contents ("rtl/words.hex")'
    data = "read_data" if written else "data"
    (folder / "package/rtl").mkdir(parents=True)
    (folder / "work/yosys").mkdir(parents=True)
    (folder / "package/rtl/top.sv").write_text(
        MEMORY.format(module=module, words=words, more=more, ports=ports, data=data)
    )
    (folder / f"package/rtl/{module}.sv").write_text(static_text(f"model/{module}.sv"))
    (folder / "package/rtl/words.hex").write_text(
        "".join(f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}\n" for n in range(1, words + 1))
    )
    design = ModelDesign.model_construct(
        name="top", top="top", sources=[f"rtl/{module}.sv", "rtl/top.sv"], sources_xilinx=[f"rtl/{module}.sv", "rtl/top.sv"],
        memories=[] if written else ["rtl/words.hex"],
    )  # fmt: skip
    script = yosys.script(design, technology, Path("../package")) + "write_verilog -noattr netlist.v\n"
    (folder / "work/top.ys").write_text(script)
    toolbox.run(
        [*toolbox.find(toolbox.YOSYS).command, "top.ys"],
        cwd=folder / "work",
        log=folder / "log",
        name="yosys",
    )
    counts: Counter[str] = Counter()
    for one in module_cells(folder / "work/yosys/top.stat.json", "top"):
        counts.update(one.cells)
    return dict(counts)


CASES = {
    "64 words that are written": (ULTRASCALE_PLUS, 64, True, {"brams": 0, "urams": 0}, "RAM64M8"),
    "65 words that are written": (ULTRASCALE_PLUS, 65, True, {"brams": 1, "urams": 0}, "RAMB36E2"),
    "4,096 words that are written": (ULTRASCALE_PLUS, 4096, True, {"brams": 0, "urams": 1}, "URAM288"),
    "4,096 words where there is no UltraRAM": (SERIES_7, 4096, True, {"brams": 8}, "RAMB36E1"),
    "64 words of a file": (ULTRASCALE_PLUS, 64, False, {"brams": 0, "urams": 0}, "LUT6"),
    "512 words of a file": (ULTRASCALE_PLUS, 512, False, {"brams": 1}, "RAMB36E2"),
    "512 words of a file on another vendor's part": (ECP5, 512, False, {"brams": 1}, "DP16KD"),
}


@pytest.mark.requires("yosys")
@pytest.mark.parametrize(
    "case", [pytest.param(one, marks=() if "64 words" in one else pytest.mark.slow) for one in CASES]
)
def test_a_memory_lies_where_its_rule_says(tmp_path: Path, case: str) -> None:
    technology, words, written, wanted, cell = CASES[case]
    cells = mapped(tmp_path, words, technology, written=written)
    assert cell in cells
    used = resources(cells, technology)
    assert {name: used[name] for name in wanted} == wanted
    if cell.startswith("RAMB") and not written:  # bits of the file, in place of zeros or unknown ones
        inits = re.findall(r"\.INITP?_\w\w\(256'b([01x]+)\)", (tmp_path / "work/netlist.v").read_text())
        lines = (tmp_path / "package/rtl/words.hex").read_text().split()
        assert sum(one.count("1") for one in inits) == sum(int(one, 16).bit_count() for one in lines)


@pytest.mark.requires("yosys")
def test_contents_that_are_missing_are_an_error(tmp_path: Path) -> None:
    mapped(tmp_path, 2, ULTRASCALE_PLUS, written=False)
    (tmp_path / "package/rtl/words.hex").unlink()
    with pytest.raises(ToolFailed, match=r"words\.hex"):
        toolbox.run(
            [*toolbox.find(toolbox.YOSYS).command, "top.ys"],
            cwd=tmp_path / "work",
            log=tmp_path / "log",
            name="yosys",
        )


# ---------------------------------------------------------------- texts


def test_the_script_reads_the_ports_of_blocks_alone_and_contents_where_they_lie(project: Path) -> None:
    manifest, design = RTL.load(project), design_of(project)
    text = yosys.script(design, ULTRASCALE_PLUS, Path("../rtl"), manifest.blocks)
    assert re.findall(r"^read_verilog -sv -lib (\S+)$", text, re.M) == ["../rtl/rtl/tiny_digits_block0.sv"]
    assert "_encoder" not in text
    for name in design.memories:
        assert f'setparam -set Contents "../rtl/{name}" {design.top}/r:Contents={name}\n' in text
    assert "-nodsp -nobram" in text and "ram_style=ultra" not in text
    assert "ram_style=ultra" in yosys.script(design, SERIES_7, Path("../rtl"), manifest.blocks)


def test_the_vivado_project_has_the_model_with_its_memories(project: Path, tmp_path: Path) -> None:
    package, design = base.Package(project / "rtl", RTL.load(project)), design_of(project)
    write_project(package, config.Synth(), tmp_path / "vivado")
    text = (tmp_path / "vivado/model.tcl").read_text()
    assert f"synth_design -mode out_of_context -top {design.top} " in text
    assert "-max_dsp 0" in text and "-max_bram" not in text
    assert "-max_bram 0" in (tmp_path / "vivado/block0.tcl").read_text()
    assert "source model.tcl" in (tmp_path / "vivado/run_all.tcl").read_text()
    assert re.findall(r"^read_mem (\S+)$", text, re.M) == design.memories
    for name in design.memories:  # where $readmemh of the RTL looks for it
        assert (tmp_path / "vivado" / name).read_text() == (project / "rtl" / name).read_text()
    for source in re.findall(r"^read_verilog -sv (\S+)$", text, re.M):
        assert (tmp_path / "vivado" / source).is_file()


# ---------------------------------------------------------------- accesses


def test_accesses_of_a_product_are_counted_by_hand() -> None:
    """10 x 5 times 5 x 9 on an array of side 8: four tiles of five beats; ten rows leave it for each of two column tiles."""
    job = Job("x", "product", 99, rows=10, inner=5, columns=9, a_weights=True, sink="residual")
    used = accesses._of(job, 8)
    assert used == {
        accesses.Access("weights"): 20,
        accesses.Access("activations_b"): 20,
        accesses.Access("scales"): 20,
        accesses.Access("residual"): 20,
        accesses.Access("residual", writes=True): 20,
    }


def test_every_pixel_is_written_once_into_both_copies_and_all_weights_are_read(project: Path) -> None:
    banks = {bank.name: bank for bank in design_of(project).banks}
    assert banks["activations_a"].writes == banks["activations_b"].writes > design_of(project).features
    assert banks["weights"].reads >= banks["weights"].words
    assert banks["jobs"].reads == banks["jobs"].words
    assert banks["weights"].writes == 0
    assert "tables" not in banks


def test_statistics_give_each_module_its_engine(tmp_path: Path) -> None:
    modules = {
        "\\top": {"num_cells_by_type": {"one": 2, "two": 1, "LUT2": 3}},
        "\\one": {"num_cells_by_type": {"both": 4, "FDRE": 1}},
        "\\two": {"num_cells_by_type": {"both": 1}},
        "\\both": {"num_cells_by_type": {"LUT6": 5}},
    }
    (tmp_path / "s.json").write_text(json.dumps({"modules": modules}))
    found = module_cells(tmp_path / "s.json", "top", {"top": "rest", "one": "a", "two": "b"})
    assert [(one.module, one.engine, one.times) for one in found] == [
        ("top", "rest", 1), ("one", "a", 2), ("both", "a", 8), ("two", "b", 1), ("both", "b", 1)
    ]  # fmt: skip
