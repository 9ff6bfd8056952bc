"""GELU, softmax and layer normalisation in cells of a library: mapped, and in the rows of table 4."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cell_library
from packages import DIGEST, I_VIT_T
from quweit_cli.baseline_documents import ArraySilicon, BaselineUnits, SynthesizedUnit, UnitSilicon
from quweit_cli.baseline_settings import Baseline
from quweit_cli.documents import ModelShape
from quweit_cli.energy import comparison, power, table4
from quweit_cli.energy.comparison import Block, Measured, Silicon
from quweit_cli.errors import ArtifactError, ToolFailed
from quweit_cli.hdl.units import units_of
from quweit_cli.progress import SILENT
from quweit_cli.synthesizers import units_silicon
from quweit_cli.synthesizers.liberty import read_library
from quweit_cli.synthesizers.parameters import with_parameters
from test_paper_tables import cell, measured

TINY = ModelShape(family="vit", layers=1, dim=4, heads=1, tokens=4, mlp_hidden=8)
SLACK = {"quweit_gelu": 0.2, "quweit_softmax": -1.5, "quweit_layer_norm": -2.25}


@pytest.mark.requires("yosys", "opensta")
def test_a_unit_is_mapped_with_its_parameters_and_every_figure_is_there(tmp_path: Path) -> None:
    liberty = cell_library.write(tmp_path)
    units = [unit for unit in units_of(TINY) if unit.module != "quweit_layer_norm"]
    made = units_silicon.synthesize(units, Baseline(liberty=liberty, clock_ghz=0.1), tmp_path, SILENT)
    assert set(made) == {"quweit_gelu", "quweit_softmax"}
    for one in made.values():
        assert (one.library, one.library_sha256) == ("tiny", read_library(liberty)[0].sha256)
        assert one.clock_mhz == pytest.approx(100)
        assert one.area_mm2 > 0 and one.vectorless_mw > 0
        assert "12.5 % activity on every net" in one.method and "OpenSTA" in one.method
    source = (tmp_path / "silicon" / "quweit_softmax.quweit_softmax.sv").read_text()
    assert re.search(r"parameter integer Elements += 4,", source)
    assert not (tmp_path / "silicon" / "library.lib").exists()


def test_a_parameter_that_a_unit_lacks_is_an_error() -> None:
    (gelu, *_) = units_of(TINY)
    text = "module quweit_gelu #(\n  parameter logic [2047:0] Table = '0\n) ("
    assert f"Table = {gelu.parameters['Table']}\n)" in with_parameters(text, gelu.module, gelu.parameters)
    with pytest.raises(ToolFailed, match="no parameter `Table`"):
        with_parameters(text.replace("Table", "Entries"), gelu.module, gelu.parameters)


def silicon_of(module: str, library_sha256: str = DIGEST) -> UnitSilicon:
    return UnitSilicon(
        library="tiny", library_sha256=library_sha256, clock_mhz=1000, area_mm2=0.01, vectorless_mw=2.0,
        slack_ns=SLACK[module], method="by hand",
    )  # fmt: skip


def in_library_cells(unit_sha256: str = DIGEST) -> Measured:
    """An array of 1 W and a block of 100 mW."""
    block = Silicon("tiny", DIGEST, 1000, 0.1, 100, 0.1, "by hand")
    made = measured(Block("block0", "Yosys 0.70", 1, 1, 0, 16, block))
    array = ArraySilicon(
        array="systolic_32", side=32, library="tiny", library_sha256=DIGEST, clock_mhz=1000, area_mm2=1,
        cell_area_mm2=1, vectorless_mw=1000, cell_vectorless_mw=900, slack_ns=-0.5, modules=[], method="by hand",
        seconds=1,
    )  # fmt: skip
    units = [
        SynthesizedUnit(
            unit=unit.name, module=unit.module, version="Yosys 0.70", device="tiny", luts=1, ffs=1, cycles=unit.cycles,
            dense_only=unit.dense_only, log="a.log", silicon=silicon_of(unit.module, unit_sha256),
        )
        for unit in units_of(I_VIT_T)
    ]  # fmt: skip
    synth = made.synth.model_copy(update={"silicon": [array]})
    return Measured(made.name, made.shape, made.sim, synth, made.block, BaselineUnits(units=units))


def test_energy_is_vectorless_power_over_cycles_at_the_clock_asked_for() -> None:
    table = table4.table4(in_library_cells(), power.calibrated(), "silicon")
    softmax = cell(table, "softmax", "32×32 weightless, ours, measured")
    assert softmax.value == pytest.approx(
        2.0 * 196 * 3 * (3 * 196 + 34) / 1000 / 1000
    )  # mW · cycles / MHz is nJ
    assert "slack -1.50 ns: by hand" in softmax.method
    for kind in ("dense", "weightless"):
        products, whole = (
            cell(table, label, f"32×32 {kind}, ours, measured").value
            for label in (comparison.PRODUCTS, comparison.WHOLE)
        )
        assert isinstance(products, float) and isinstance(whole, float) and whole > products
    assert cell(table, comparison.GAIN_WHOLE, "32×32 weightless, ours, measured").value is not None
    assert cell(table, "GELU", "32×32 weightless, ours, measured").value is None


def test_what_misses_the_clock_is_named_with_its_slack() -> None:
    notes = "\n".join(table4.table4(in_library_cells(), power.calibrated(), "silicon").notes)
    assert "array 32×32 -0.50 ns, softmax -1.50 ns, layer normalisation, twice -2.25 ns." in notes
    assert "GELU 0.20" not in notes


def test_units_of_another_library_are_refused() -> None:
    with pytest.raises(ArtifactError, match="arrays of `i_vit_t` are in cells of tiny, its GELU"):
        table4.table4(in_library_cells("1" * 64), power.calibrated(), "silicon")
