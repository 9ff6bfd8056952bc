"""A whole model in cells of a library: taken apart by its engines, blocks as they are, memories left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cell_library
import packages
import whole_models
from experiments import whole_model
from quweit_cli import config
from quweit_cli.documents import RTL, Engine, Part
from quweit_cli.hdl.array import streams as array_streams
from quweit_cli.hdl.array.design import Geometry, geometry_of, parts_of_array, render_arrays
from quweit_cli.hdl.units import streams as unit_streams
from quweit_cli.ir.nodes.products import Operands
from quweit_cli.report import tables
from quweit_cli.stages import synth
from quweit_cli.synthesizers.base import Package
from quweit_cli.synthesizers.library import flow, mapping

CHILD = """\
module quweit_child #(parameter integer Bits = 4) (
  input logic clk_i, input logic [Bits-1:0] x_i, output logic [Bits-1:0] y_o
);
  always_ff @(posedge clk_i) y_o <= x_i + 1'b1;
endmodule
"""
PARENT = """\
module tiny_model (input logic clk_i, input logic [2:0] x_i, output logic [2:0] y_o);
  logic [2:0] own_q;
  always_ff @(posedge clk_i) own_q <= x_i;
  for (genvar lane = 0; lane < 2; lane++) begin : gen_lane
    logic [2:0] y;
    quweit_child #(.Bits (3)) u_child (.clk_i, .x_i (own_q), .y_o (y));
  end
  assign y_o = gen_lane[0].y ^ gen_lane[1].y;
endmodule
"""


@pytest.mark.requires("yosys")
def test_modules_that_are_left_out_become_ports_and_no_cells(tmp_path: Path) -> None:
    for name, text in (("parent", PARENT), ("child", CHILD)):
        (tmp_path / f"{name}.sv").write_text(text)
    target = mapping.target_of(config.Synth.model_validate({"liberty": cell_library.write(tmp_path)}))
    source = mapping.Source([Path("parent.sv")], "tiny_model", "parent", boxes=[Path("child.sv")])
    with mapping.library_at(tmp_path / mapping.LIBRARY, target.library):
        netlist = mapping.map_to_cells(source, target, tmp_path)
    assert sum(one.cell.sequential for one in netlist.instances) == 3  # those of the parent alone
    widths = {name: (direction, len(bits)) for name, (direction, bits) in netlist.ports.items()}
    for lane in range(2):
        assert widths[f"gen_lane_{lane}__u_child__x_i"] == ("output", 3)
        assert widths[f"gen_lane_{lane}__u_child__y_o"] == ("input", 3)
    assert [name for name in widths if "clk" in name] == ["clk_i"]


def test_each_module_goes_to_its_engine_and_memories_to_none() -> None:
    design = whole_models.model_design()
    block = Engine(name="block_0", modules=["tiny_block0"], parts=[Part(module="tiny_block0")], cycles=1)
    array = Engine(name="array", modules=["quweit_systolic"], parts=parts_of_array(8, sums=True), cycles=1)
    rest = [one for one in design.engines if one.name in ("norm", "memories")]
    modules = flow.modules_of(design.model_copy(update={"engines": [array, block, *rest]}))
    assert [one.name for one in modules if one.engine == "block_0"] == ["block_0"]
    assert {one.engine for one in modules} == {"array", "block_0", "norm"}
    counts = {one.part.module: one.part.count for one in modules if one.engine == "array"}
    assert counts["quweit_systolic_cell"] == 64 and counts["quweit_sum_column"] == 8
    assert counts["quweit_skew"] == 28
    (skew,) = (one.part for one in modules if one.part.module == "quweit_skew")
    assert skew.parameters["Bits"] == "49"


def test_random_operands_have_the_shapes_of_the_schedule_and_their_share() -> None:
    one, two = array_streams.drawn_matrices({(16, 8, 8): 3, (8, 48, 8): 1})
    assert np.array_equal(one.y_MN, one.a_MK @ one.b_KN)
    array = array_streams.Sampled(8, Geometry(), 32)
    shares = array_streams.shares([one.product, two.product], array)
    assert shares == [0.5, 0.5]  # 3 x 2 tiles of 8 cycles, a tile of 48
    parts = {part.module: part for part in parts_of_array(8, sums=True)}
    for kind in ("quweit_sum_column", "quweit_skew", "quweit_systolic_cell"):
        made = array_streams.streams(parts[kind], 8, Geometry(), [one, two], sums=True)
        assert [stream.share for stream in made] == [0.5, 0.5]
        assert all(len(set(map(len, stream.ports.values()))) == 1 for stream in made)
    lanes = array_streams.streams(parts["quweit_skew"], 8, Geometry(), [one], sums=True)[0].ports["lanes_i"]
    assert max(lanes) >= 2**80 and max(lanes) < 2**98  # lane 1 of two, of 49 bits each


def test_a_module_of_an_array_is_mapped_with_those_inside_of_it(tmp_path: Path) -> None:
    files, (array,) = render_arrays("tiny", [], [8])
    manifest = packages.write_package(tmp_path / "p", files, array)
    work = tmp_path / "work"
    work.mkdir()
    target = mapping.target_of(config.Synth.model_validate({"liberty": cell_library.write(tmp_path)}))
    made = flow._Flow(Package(tmp_path / "p" / "rtl", manifest), target, config.Synth(), work)
    sources = {
        module.part.module: {path.name for path in made._sources(array, module)}
        for module in flow.modules_of(array)
    }
    assert sources["quweit_systolic_column"] == {
        "quweit_systolic_column_side8.sv", "quweit_systolic_column_side8.quweit_scale.sv",
    }  # fmt: skip
    assert sources["quweit_systolic_cell"] == {"quweit_systolic_cell.sv"}


def test_sums_of_few_bits_hold_those_of_a_beat_however_few_inputs_there_are() -> None:
    weights, codes = np.full((8, 1), -1, np.int64), np.full((1, 8), -128, np.int64)
    _, (array,) = render_arrays("tiny", [Operands("one", weights, codes)], [8], few_bits=True)
    assert array.few_bits == 11  # -512 ... 512


def test_an_array_of_few_bits_has_strips_of_columns_and_several_steps_a_cycle() -> None:
    (product,) = array_streams.drawn_matrices({(16, 20, 8): 1}, few_bits=True)
    for swaps, left in ((False, 2), (True, 8)):
        parts = parts_of_array(8, few_bits=13, swaps=swaps)
        geometry = geometry_of(parts)
        assert geometry == Geometry(steps=4, columns=4, left_step_bits=left, weight_bits=2)
        assert sum(part.count for part in parts if part.module == "quweit_few_bits_cell") == 64 // 4
        skews = [part for part in parts if part.module == "quweit_skew"]
        assert [part.count for part in skews] == [28, 1]  # of 8 rows, of 2 strips
        for part in parts:
            (stream,) = array_streams.streams(part, 8, geometry, [product])
            assert len(set(map(len, stream.ports.values()))) == 1
        cell = next(part for part in parts if part.module == "quweit_few_bits_cell")
        (stream,) = array_streams.streams(cell, 8, geometry, [product])
        words = stream.ports["a_i"][stream.lead :]
        row = [weight for beat in range(5) for weight in _weights(words[beat], left)]
        assert any(row == (line & 3).tolist() for line in product.a_MK)


def _weights(word: int, bits: int) -> list[int]:
    return [word >> bits * step & 3 for step in range(4)]


def test_lanes_have_streams_of_their_own_and_other_modules_none() -> None:
    softmax = unit_streams.lane_stream("quweit_softmax_rows", 16, 5)
    assert softmax is not None and set(softmax.ports["multiplier_i"]) == {5}
    assert unit_streams.lane_stream("quweit_layer_norm", 48, 5) is not None
    assert unit_streams.lane_stream("quweit_rescale", 0, 5) is None


@pytest.mark.slow
@pytest.mark.requires("yosys", "opensta", "icarus")
def test_a_whole_model_is_mapped_engine_by_engine(tmp_path: Path) -> None:
    project = whole_model(tmp_path / "p", "model.dim=8", "model.depth=1", "model.block.lut_layers=[8]")
    options = {"liberty": cell_library.write(tmp_path), "clock_mhz": 10, "allow_negative_slack": True}
    report = synth.run(project, config.Synth.model_validate(options))
    model, design = report.model, RTL.load(project).model
    assert model is not None and design is not None and model.asic is not None
    engines = {one.name for one in design.engines} - {"memories"}
    assert set(model.modules_by_engine) == engines
    assert model.asic.area_mm2 == pytest.approx(
        sum(of["area_mm2"] for of in model.modules_by_engine.values())
    )
    (block,) = (one for one in model.asic.modules if one.engine == "block0")
    assert report.blocks[0].asic is not None
    assert block.area_um2 / 1e6 == pytest.approx(report.blocks[0].asic.area_mm2)
    measured = {one.module for one in model.asic.modules if one.measured_mw is not None}
    assert {"quweit_systolic_cell", "quweit_layer_norm", "quweit_softmax_rows", block.module} <= measured
    assert "quweit_rescale" not in measured and design.top not in measured
    assert model.asic.measured_mw is None and "memories left out" in model.asic.vectorless_method
    assert all(one.idle_mw is not None and one.idle_mw > 0 for one in model.asic.modules)
    assert tables.synth(report)
