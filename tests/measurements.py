"""Arrays, units and a block as if they had been measured beside a model, and a look into a table."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from packages import DIGEST, I_VIT_T, dump_manifest, synthesized_block, write_document
from quweit_cli.artifacts import open_project
from quweit_cli.documents import (
    ArrayDesign,
    ArrayRun,
    Cell,
    DumpedProduct,
    Implementation,
    ModelShape,
    PaperTable,
    RtlManifest,
    SimResult,
    SimRun,
    SimulatorResult,
    SynthesisReport,
    UnitDesign,
)
from quweit_cli.energy import power, published, workload
from quweit_cli.energy.paper.measured import Block, Hardware, Measured
from quweit_cli.hdl.array.design import render_arrays
from quweit_cli.hdl.units.design import render_units, units_of
from quweit_cli.ir.nodes.products import systolic_cycles

MODEL = power.calibrated()
FILL = 83  # cycles more than the formula, of each product


def array_design(side: int = 32, *, pipelined: bool = False) -> ArrayDesign:
    (array,) = render_arrays("tiny", [], [side], pipelined=pipelined)[1]
    return array


@cache
def unit_designs(shape: ModelShape = I_VIT_T, *, pipelined: bool = False) -> list[UnitDesign]:
    return render_units(units_of(shape, pipelined=pipelined), pipelined=pipelined)[1]


def array_run(
    array: ArrayDesign, shape: ModelShape = I_VIT_T, *, causal: bool = False, **changes: object
) -> ArrayRun:
    """Every product of a layer, of a decoder's attention without masked tiles as well."""
    gemms = [*workload.mlp_gemms(shape), *workload.attention_gemms(shape)]
    if causal:
        gemms += [gemm for made in workload.causal_gemms(shape, array.side).values() for gemm in made]
    steady = {gemm.name: systolic_cycles([gemm._replace(copies=1)], array.side) for gemm in gemms}
    made = ArrayRun(
        design=array.name, form="rtl" if array.pipelined else "xilinx", side=array.side, bit_exact=True, compared=1000,
        different=0, scenarios={"steady": 1000}, cycles={name: cycles + FILL for name, cycles in steady.items()},
        steady_cycles=steady, differences=[], failures=[], build_seconds=1.0, run_seconds=1.0,
    )  # fmt: skip
    return made.model_copy(update=changes)


def unit_run(unit: UnitDesign) -> SimRun:
    """Every row takes as long as the longest."""
    cycles = unit.initiation_interval_cycles
    return SimRun(
        design=unit.name, bit_exact=True, compared=17, different=0, scenarios={"steady": 17}, latency_cycles=cycles + 1,
        initiation_interval_cycles=cycles, average_interval_cycles=cycles, differences=[], failures=[],
        build_seconds=1.0, run_seconds=1.0,
    )  # fmt: skip


def simulated(arrays: list[ArrayRun], units: list[SimRun]) -> SimResult:
    exact = all(run.bit_exact for run in arrays)
    result = SimulatorResult(
        simulator="verilator", version="Verilator 5.048", bit_exact=exact, blocks=0, rows_compared=0, cycles_per_row=[],
        seconds=1.0, runs=[], units=units, arrays=arrays,
    )  # fmt: skip
    return SimResult(name="tiny", rtl=DIGEST, bit_exact=exact, simulators=[result])


def synthesized(design: ArrayDesign | UnitDesign, luts: int = 100, ffs: int = 50) -> Implementation:
    return synthesized_block(design=design.name, kind=design.kind, luts=luts, ffs=ffs)


def hardware(run: ArrayRun, units: list[UnitDesign], made: list[Implementation]) -> Hardware:
    """An array and units, as `made` by synthesis."""
    pipelined = run.form == "rtl"
    array = array_design(run.side, pipelined=pipelined)
    manifest = RtlManifest(name="tiny", dump=DIGEST, blocks=[], arrays=[array], units=units, files={})
    return Hardware(
        manifest,
        simulated([run], [unit_run(unit) for unit in units]),
        SynthesisReport(name="tiny", rtl=DIGEST, designs=made, vivado_project=None),
    )


def on_fpga(run: ArrayRun | None = None, shape: ModelShape = I_VIT_T) -> Hardware:
    """A 32 x 32 array exactly as large as the published one."""
    point, units, array = published.SYSTOLIC[32], unit_designs(shape), array_design()
    made = [synthesized(array, point.luts, point.ffs), *map(synthesized, units)]
    return hardware(run or array_run(array, shape), units, made)


def measured(block: Block | None = None, name: str = "i_vit_t", silicon: Hardware | None = None) -> Measured:
    return Measured(name, I_VIT_T, on_fpga(), silicon, block)


def write_baseline(project: Path, run: ArrayRun, name: str = "i_vit_t", **changes: object) -> Path:
    """What `quweit baseline` leaves for an FPGA, without a block; `changes` are of the dump."""
    folder = open_project(project) / name
    product = DumpedProduct(name="up", left="operands/up.a.npy", right="operands/up.b.npy", copies=1)
    made = on_fpga(run)
    dump = dump_manifest().model_copy(
        update={"name": "i_vit_t", "blocks": [], "products": [product], **changes}
    )
    write_document(folder, "dump", dump)
    write_document(folder, "rtl", made.rtl, made_from=("dump",), name="manifest.json")
    write_document(folder, "sim", made.sim, made_from=("rtl",))
    write_document(folder, "synth", made.synth, made_from=("rtl",))
    return project


BLOCK = Block("block0", "Yosys 0.70", published.DEVICE, luts=15_000, ffs=6_000, brams=0, interval=16)


def cell(table: PaperTable, label: str, column: str) -> Cell:
    (row,) = (one for one in table.rows if one.label == label)
    return row.cells[table.columns.index(column)]
