"""Library cells in the tables: units mapped and measured; power of one method, the same for both sides."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import cell_library
from measurements import (
    array_design,
    array_run,
    cell,
    hardware,
    measured,
    unit_designs,
)
from packages import DIGEST, library_block, write_package
from quweit_cli import config, toolbox
from quweit_cli.documents import LibraryFigures, Mapper, ModelShape, ModuleInCells, SynthesisReport
from quweit_cli.energy import power, published
from quweit_cli.energy.paper import comparison, table3, table4
from quweit_cli.energy.paper.measured import IN_CELLS, Block, Measured, Power, Silicon, Target
from quweit_cli.errors import ArtifactError, ToolFailed
from quweit_cli.hdl.units import streams as unit_streams
from quweit_cli.hdl.units.cycles import softmax_cycles
from quweit_cli.hdl.units.design import FOLDER, PIPELINED, render_units, units_of
from quweit_cli.hdl.units.rows import drawn
from quweit_cli.stages import synth
from quweit_cli.synthesizers.library import flow, mapping
from quweit_cli.synthesizers.library.liberty import read_libraries
from quweit_cli.synthesizers.library.parameters import with_parameters
from quweit_cli.templating import template_root

TINY = ModelShape(family="vit", layers=1, dim=4, heads=1, tokens=4, mlp_hidden=8)
SLACK = {"gelu": 0.2, "softmax": -1.5, "layer_norm": -2.25}


def synthesize(project: Path, *names: str, **options: object) -> SynthesisReport:
    """These units of a tiny model at 100 MHz."""
    units = [unit for unit in units_of(TINY, pipelined=True) if unit.name in names]
    files, designs = render_units(units, pipelined=True)
    write_package(project, files, *designs)
    liberty = cell_library.write(project)
    chosen = {"liberty": liberty, "clock_mhz": 100, "mapping": "speed", "allow_negative_slack": True}
    return synth.run(project, config.Synth.model_validate(chosen | options))


def figures(report: SynthesisReport, design: str) -> LibraryFigures:
    found = report.of(design).asic
    assert found is not None
    return found


@pytest.mark.requires("yosys", "opensta", "icarus")
def test_a_unit_is_mapped_with_its_parameters_and_every_figure_is_there(tmp_path: Path) -> None:
    report = synthesize(tmp_path / "p", "gelu", "softmax")
    assert [one.design for one in report.units] == ["gelu_pipelined", "softmax_pipelined"]
    for unit in report.units:
        one = figures(report, unit.design)
        sha256 = read_libraries([tmp_path / "p" / "tiny.lib"]).sha256
        assert (one.library, one.library_sha256) == ("tiny", sha256)
        assert (unit.clock_mhz, unit.power_mw) == (100, one.measured_mw)
        assert one.area_mm2 > 0 and one.vectorless_mw > 0 and one.measured_mw is not None
        assert unit.slack_ns is not None and unit.ffs > 0
        assert "12.5 % activity on every net" in one.vectorless_method
        assert "Yosys" in unit.version and "OpenSTA" in unit.version
        assert f"{one.activity_cycles:,} cycles, equal to its RTL" in (one.measured_method or "")
    softmax = figures(report, "softmax_pipelined")
    assert softmax.activity_cycles == unit_streams.ROWS * softmax_cycles(4, pipelined=True)
    assert softmax.measured_mw is not None and softmax.measured_mw < softmax.vectorless_mw  # its gates hold
    work = tmp_path / "p" / "synth" / "asic"
    assert re.search(r"parameter integer Elements += 4,", (work / "softmax_pipelined.sv").read_text())
    assert not (work / "library.lib").exists()


@pytest.mark.requires("yosys", "opensta")
def test_a_mapper_that_refuses_is_named_and_its_log_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "ABC_SCRIPT_FAST", "strash;no_such_command")
    made = figures(synthesize(tmp_path / "p", "gelu", activity="vectorless"), "gelu_pipelined")
    assert flow.REFUSED in made.vectorless_method and made.measured_mw is None
    work = tmp_path / "p" / "synth" / "asic"
    assert "no_such_command" in (work / "gelu_pipelined.map.log").read_text()
    assert (work / "gelu_pipelined.log").is_file()


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("place", [0, 1, 2])
def test_rows_of_a_stream_are_taken_when_the_unit_takes_them(tmp_path: Path, place: int) -> None:
    """Played as it is, without looking at `x_ready_o`, the RTL gives the results of those rows."""
    shape = ModelShape(family="vit", layers=1, dim=20, heads=1, tokens=18, mlp_hidden=8)
    unit = unit_designs(shape, pipelined=True)[place]
    stream, bits = unit_streams.stream_of(unit), unit.input_bits
    ports = ("rst_ni", "x_valid_i", "x_last_i", "y_ready_i", "x_data_i")
    words = [
        f"{a}{b}{c}{d}{e:04x}" for a, b, c, d, e in zip(*(stream.ports[name] for name in ports), strict=True)
    ]
    (tmp_path / "words.hex").write_text("\n".join(words) + "\n")
    parameters = ", ".join(f".{key}({value})" for key, value in unit.parameters.items())
    (tmp_path / "bench.sv").write_text(
        PLAYER.format(unit=unit.top, parameters=parameters, bits=bits, cycles=len(words))
    )
    sources = [str(template_root() / FOLDER / name) for name in PIPELINED]
    command = [
        *toolbox.find(toolbox.ICARUS).command,
        "-g2012",
        "-o",
        "b.vvp",
        "-s",
        "bench",
        *sources,
        "bench.sv",
    ]
    toolbox.run(command, cwd=tmp_path, log=tmp_path / "build.log", name="iverilog")
    output = toolbox.run(["vvp", "b.vvp"], cwd=tmp_path, log=tmp_path / "run.log", name="vvp")
    given = np.array([int(one) for one in re.findall(r"^y (-?\d+)$", output, re.MULTILINE)])
    rows_RN = drawn(1 + (unit_streams.ROWS if place else unit_streams.GELU_CYCLES), unit.features, bits)
    expected_RN = units_of(shape, pipelined=True)[place].node.evaluate(rows_RN)
    assert np.array_equal(given.reshape(rows_RN.shape), expected_RN)


PLAYER = """\
module bench;
  logic clk = 0, x_ready, y_valid, y_last;
  logic [31:0] words [0:{cycles}-1];
  logic [31:0] word;
  logic [7:0] y;
  {unit} #({parameters}) u (
    .clk_i(clk), .rst_ni(word[28]), .x_valid_i(word[24]), .x_ready_o(x_ready), .x_data_i(word[{bits}-1:0]),
    .x_last_i(word[20]), .y_valid_o(y_valid), .y_ready_i(word[16]), .y_data_o(y), .y_last_o(y_last));
  initial begin
    $readmemh("words.hex", words);
    for (int n = 0; n < {cycles}; n++) begin
      word = words[n];
      #1 clk = 1;
      #1 if (y_valid) $display("y %0d", $signed(y));  // taken at the next edge
      clk = 0;
    end
  end
endmodule
"""


def test_a_parameter_that_a_unit_lacks_is_an_error() -> None:
    (gelu, *_) = units_of(TINY)
    text = (
        "module quweit_gelu #(\n  parameter integer Elements = 4,\n  parameter logic [2047:0] Table = '0\n) ("
    )
    assert f"Table = {gelu.parameters['Table']}\n)" in with_parameters(text, gelu.module, gelu.parameters)
    with pytest.raises(ToolFailed, match="no parameter `Table`"):
        with_parameters(text.replace("Table", "Entries"), gelu.module, gelu.parameters)


def in_library_cells(
    block_sha256: str = DIGEST,
    *,
    block_mw: float | None = 50,
    unit_mw: float | None = 1,
    mapper: Mapper = "map",
) -> Measured:
    """Vectorless an array of 1 W, a block of 100 mW and units of 2 mW; measured of 1.5 W, 50 mW and 1 mW."""
    counted = None if block_mw is None else Power(block_mw, "played")
    block = Silicon("tiny", block_sha256, 1000, 0.1, 0.1, Power(100, "by hand"), counted)
    skew = ModuleInCells(
        module="quweit_skew", count=1, area_um2=1, vectorless_mw=1, slack_ns=0.1, mapper=mapper
    )
    array, units = array_design(pipelined=True), unit_designs(pipelined=True)
    made = [
        library_block(
            vectorless_mw=1000, measured_mw=1500, vectorless_method="by hand", measured_method="played", modules=[skew]
        ).model_copy(update={"design": array.name, "kind": "array", "slack_ns": -0.5})
    ]  # fmt: skip
    for unit in unit_designs():
        figures = library_block(
            vectorless_mw=2, measured_mw=unit_mw, vectorless_method="by hand", measured_method=unit_mw and "played"
        )  # fmt: skip
        name = f"{unit.name}_pipelined"
        made.append(figures.model_copy(update={"design": name, "kind": "unit", "slack_ns": SLACK[unit.name]}))
    silicon = hardware(array_run(array), units, made)
    return measured(Block("block0", "Yosys 0.70", published.DEVICE, 1, 1, 0, 16, block), silicon=silicon)


COLUMN = "32×32 weightless, ours, measured"
DENSE = "32×32 dense, ours, measured"


@pytest.mark.parametrize(
    ("target", "unit_mw", "block_mw", "array_mw", "said"),
    [("silicon", 1, 50, 1500, "played"), ("silicon_vectorless", 2, 100, 1000, "by hand")],
)
def test_every_energy_of_a_table_is_of_one_method_of_power(
    target: Target, unit_mw: float, block_mw: float, array_mw: float, said: str
) -> None:
    """mW · cycles / MHz is nJ; the cycles of a unit are those of its pipelined rendering."""
    table = table4.table4(in_library_cells(), power.calibrated(), target)
    softmax, block, up = (
        cell(table, label, column)
        for label, column in (("softmax", COLUMN), (comparison.BLOCK, COLUMN), ("MLP up", DENSE))
    )
    rows = 196 * 3 * softmax_cycles(196, pipelined=True)
    assert softmax.value == pytest.approx(unit_mw * rows / 1000 / 1000)
    assert "slack -1.500 ns" in softmax.method
    assert block.value == pytest.approx(block_mw * 196 * 16 / 1000 / 1000)
    assert up.value == pytest.approx(array_mw * (7 * 24 * 192 + 83) / 1000 / 1000)
    for one in (softmax, block, up):
        assert one.method.endswith(f": {said}")
    for column in (DENSE, COLUMN):
        products, whole = (
            cell(table, label, column).value for label in (comparison.PRODUCTS, comparison.WHOLE)
        )
        assert isinstance(products, float) and isinstance(whole, float) and whole > products
    assert cell(table, comparison.GAIN_WHOLE, COLUMN).value is not None
    assert cell(table, "GELU", COLUMN).value is None


@pytest.mark.parametrize("absent", ["block_mw", "unit_mw"])
def test_a_ratio_never_mixes_measured_and_vectorless_power(absent: str) -> None:
    made = in_library_cells(**{absent: None})  # type: ignore[arg-type]
    label = comparison.GAIN if absent == "block_mw" else comparison.GAIN_WHOLE
    counted, vectorless = (table4.table4(made, power.calibrated(), target) for target in IN_CELLS)
    assert cell(counted, label, COLUMN).value is None
    assert "not counted" in cell(counted, label, COLUMN).method
    assert cell(vectorless, label, COLUMN).value is not None


def test_table_3_states_both_powers_each_with_its_method() -> None:
    table = table3.table3(in_library_cells(), power.calibrated())
    row = "weightless block: ours, measured"
    made = {name: cell(table, row, f"ASIC mW{name}") for name in ("", ", vectorless")}
    assert [one.value for one in made.values()] == [50, 100]
    assert [one.method for one in made.values()] == ["played", "by hand"]
    assert [one.paper for one in made.values()] == [None, pytest.approx(5.1, abs=0.01)]


def test_what_misses_the_clock_is_named_with_its_slack() -> None:
    notes = "\n".join(table4.table4(in_library_cells(), power.calibrated(), "silicon").notes)
    assert "array 32×32 -0.500 ns, softmax -1.500 ns, layer normalisation, twice -2.250 ns." in notes
    assert "GELU 0.2" not in notes


def test_a_module_that_another_mapper_took_is_named_under_the_table() -> None:
    said = "quweit_skew of systolic_32_pipelined was mapped by `&nf`, as `map` of ABC refused it"
    made = [in_library_cells(mapper=mapper) for mapper in ("map", "nf")]
    assert [said in table4.table4(one, power.calibrated(), "silicon").notes for one in made] == [False, True]


def test_a_block_of_another_library_is_refused() -> None:
    with pytest.raises(
        ArtifactError, match="arrays of `i_vit_t` are in cells of tiny, its block in those of"
    ):
        table4.table4(in_library_cells("1" * 64), power.calibrated(), "silicon")
