"""Library cells in the tables: units mapped and measured; power of one method, the same for both sides."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import cell_library
from measurements import cell, measured
from packages import DIGEST, I_VIT_T
from quweit_cli import toolbox
from quweit_cli.config import Baseline
from quweit_cli.documents import (
    ArraySilicon,
    BaselineSim,
    BaselineUnits,
    Mapper,
    ModelShape,
    ModuleSilicon,
    SynthesizedUnit,
    UnitRun,
    UnitSilicon,
)
from quweit_cli.energy import power, published
from quweit_cli.energy.paper import comparison, table3, table4
from quweit_cli.energy.paper.measured import IN_CELLS, Block, Measured, Power, Silicon, Target
from quweit_cli.errors import ArtifactError, ToolFailed
from quweit_cli.hdl.units import streams as unit_streams
from quweit_cli.hdl.units.design import FOLDER, PIPELINED, Unit, softmax_cycles, units_of
from quweit_cli.ir.nodes.functions import layer_norm, shiftmax
from quweit_cli.progress import SILENT
from quweit_cli.synthesizers.library import mapping
from quweit_cli.synthesizers.library import units as units_silicon
from quweit_cli.synthesizers.library.liberty import read_libraries
from quweit_cli.synthesizers.library.parameters import with_parameters
from quweit_cli.templating import template_root

TINY = ModelShape(family="vit", layers=1, dim=4, heads=1, tokens=4, mlp_hidden=8)
SLACK = {"quweit_gelu": 0.2, "quweit_softmax": -1.5, "quweit_layer_norm": -2.25}


@pytest.mark.requires("yosys", "opensta", "icarus")
def test_a_unit_is_mapped_with_its_parameters_and_every_figure_is_there(tmp_path: Path) -> None:
    liberty = cell_library.write(tmp_path)
    units = [unit for unit in units_of(TINY) if unit.module != "quweit_layer_norm"]
    sim = simulated(units)
    options = Baseline(liberty=liberty, clock_ghz=0.1)
    made = units_silicon.synthesize(units, sim, options, tmp_path, SILENT)
    assert set(made) == {"quweit_gelu", "quweit_softmax"}
    for one in made.values():
        assert (one.library, one.library_sha256) == ("tiny", read_libraries([liberty]).sha256)
        assert one.clock_mhz == pytest.approx(100)
        assert one.area_mm2 > 0 and one.vectorless_mw > 0 and one.measured_mw is not None
        assert "12.5 % activity on every net" in one.method and "OpenSTA" in one.method
        assert f"{one.activity_cycles:,} cycles, equal to its RTL" in (one.measured_method or "")
    softmax = made["quweit_softmax"]
    assert softmax.cycles == sim.unit_cycles("quweit_softmax", "pipelined")
    assert softmax.activity_cycles == unit_streams.ROWS * softmax_cycles(4, pipelined=True)
    assert softmax.measured_mw is not None and softmax.measured_mw < softmax.vectorless_mw  # its gates hold
    source = (tmp_path / "silicon" / "quweit_softmax.quweit_softmax.sv").read_text()
    assert re.search(r"parameter integer Elements += 4,", source)
    assert not (tmp_path / "silicon" / "library.lib").exists()


@pytest.mark.requires("yosys", "opensta")
def test_a_mapper_that_refuses_is_named_and_its_log_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "ABC_SCRIPT_FAST", "strash;no_such_command")
    options = Baseline(liberty=cell_library.write(tmp_path), clock_ghz=0.1, activity="vectorless")
    made = units_silicon.synthesize(units_of(TINY)[:1], simulated(units_of(TINY)), options, tmp_path, SILENT)[
        "quweit_gelu"
    ]
    assert (made.mapper, made.measured_mw) == ("nf", None)
    assert "no_such_command" in (tmp_path / "silicon" / "quweit_gelu.map.log").read_text()
    assert (tmp_path / "silicon" / "quweit_gelu.log").is_file()


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("place", [1, 2])
def test_rows_of_a_stream_are_taken_when_the_unit_takes_them(tmp_path: Path, place: int) -> None:
    """Played as it is, without looking at `x_ready_o`, the RTL gives the results of those rows."""
    unit = units_of(ModelShape(family="vit", layers=1, dim=20, heads=1, tokens=18, mlp_hidden=8))[place]
    stream, elements, bits = unit_streams.stream_of(unit), int(unit.parameters["Elements"]), 8 * place
    words = [
        f"{a}{b}{c}{d:04x}"
        for a, b, c, d in zip(
            *(stream.ports[name] for name in ("rst_ni", "x_valid_i", "y_ready_i", "x_data_i")), strict=True
        )
    ]
    (tmp_path / "words.hex").write_text("\n".join(words) + "\n")
    parameters = ", ".join(f".{key}({value})" for key, value in unit.parameters.items())
    (tmp_path / "bench.sv").write_text(
        PLAYER.format(unit=unit.module, parameters=parameters, bits=bits, cycles=len(words))
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
    rows_RN = unit_streams.drawn(1 + unit_streams.ROWS, elements, bits)
    expected = layer_norm(rows_RN) if place == 2 else shiftmax(rows_RN, int(unit.parameters["Multiplier"]))
    assert np.array_equal(given.reshape(rows_RN.shape), expected)


PLAYER = """\
module bench;
  logic clk = 0, x_ready, y_valid;
  logic [27:0] words [0:{cycles}-1];
  logic [27:0] word;
  logic [7:0] y;
  {unit} #({parameters}) u (
    .clk_i(clk), .rst_ni(word[24]), .x_valid_i(word[20]), .x_ready_o(x_ready), .x_data_i(word[{bits}-1:0]),
    .y_valid_o(y_valid), .y_ready_i(word[16]), .y_data_o(y));
  initial begin
    $readmemh("words.hex", words);
    for (int n = 0; n < {cycles}; n++) begin
      word = words[n];
      #1 if (word[24] && y_valid) $display("y %0d", $signed(y));
      #1 clk = 1; #1 clk = 0;
    end
  end
endmodule
"""


def test_a_parameter_that_a_unit_lacks_is_an_error() -> None:
    (gelu, *_) = units_of(TINY)
    text = "module quweit_gelu #(\n  parameter logic [2047:0] Table = '0\n) ("
    assert f"Table = {gelu.parameters['Table']}\n)" in with_parameters(text, gelu.module, gelu.parameters)
    with pytest.raises(ToolFailed, match="no parameter `Table`"):
        with_parameters(text.replace("Table", "Entries"), gelu.module, gelu.parameters)


def simulated(units: list[Unit]) -> BaselineSim:
    runs = [unit_run(unit, unit.most_cycles_pipelined) for unit in units]
    return BaselineSim(rtl=DIGEST, bit_exact=True, runs=[], units=runs)


def unit_run(unit: Unit, cycles: int) -> UnitRun:
    return UnitRun(
        unit=unit.name, module=unit.module, rendering="pipelined", simulator="icarus", version="Icarus 11", bit_exact=True,
        rows_compared=1, different_rows=0, scenarios={"steady": 1}, cycles_per_row=cycles, most_cycles_per_row=cycles,
        layer_cycles=unit.rows * cycles, differences=[], failures=[], build_seconds=0, run_seconds=0,
    )  # fmt: skip


def silicon_of(unit: Unit, library_sha256: str, measured_mw: float | None) -> UnitSilicon:
    return UnitSilicon(
        library="tiny", library_sha256=library_sha256, clock_mhz=1000, area_mm2=0.01, vectorless_mw=2.0,
        measured_mw=measured_mw, measured_method=measured_mw and "played", slack_ns=SLACK[unit.module],
        cycles=unit.rows * unit.most_cycles_pipelined, method="by hand",
    )  # fmt: skip


def in_library_cells(
    unit_sha256: str = DIGEST,
    *,
    block_mw: float | None = 50,
    unit_mw: float | None = 1,
    mapper: Mapper = "map",
) -> Measured:
    """Vectorless an array of 1 W, a block of 100 mW and units of 2 mW; measured of 1.5 W, 50 mW and 1 mW."""
    counted = None if block_mw is None else Power(block_mw, "played")
    block = Silicon("tiny", DIGEST, 1000, 0.1, 0.1, Power(100, "by hand"), counted)
    made = measured(Block("block0", "Yosys 0.70", published.DEVICE, 1, 1, 0, 16, block))
    cells = ModuleSilicon(
        module="quweit_skew", count=1, area_um2=1, vectorless_mw=1, slack_ns=0.1, mapper=mapper
    )
    array = ArraySilicon(
        array="systolic_32", side=32, library="tiny", library_sha256=DIGEST, clock_mhz=1000, area_mm2=1,
        cell_area_mm2=1, vectorless_mw=1000, cell_vectorless_mw=900, measured_mw=1500, measured_method="played",
        slack_ns=-0.5, modules=[cells], method="by hand", seconds=1,
    )  # fmt: skip
    units = [
        SynthesizedUnit(
            unit=unit.name, module=unit.module, version="Yosys 0.70", device="tiny", luts=1, ffs=1, cycles=unit.rows * unit.most_cycles,
            dense_only=unit.dense_only, log="a.log", silicon=silicon_of(unit, unit_sha256, unit_mw),
        )
        for unit in units_of(I_VIT_T)
    ]  # fmt: skip
    synth = made.synth.model_copy(update={"silicon": [array]})
    return Measured(made.name, made.shape, made.sim, synth, made.block, BaselineUnits(units=units))


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
    said = "quweit_skew of systolic_32 was mapped by `&nf`, as `map` of ABC refused it"
    made = [in_library_cells(mapper=mapper) for mapper in ("map", "nf")]
    assert [said in table4.table4(one, power.calibrated(), "silicon").notes for one in made] == [False, True]


def test_units_of_another_library_are_refused() -> None:
    with pytest.raises(ArtifactError, match="arrays of `i_vit_t` are in cells of tiny, its GELU"):
        table4.table4(in_library_cells("1" * 64), power.calibrated(), "silicon")
