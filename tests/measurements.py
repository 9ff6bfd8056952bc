"""Arrays, units and a block as if they had been measured beside I-ViT-T, and a look into a table."""

from __future__ import annotations

from packages import DIGEST, I_VIT_T
from quweit_cli.documents import (
    ArrayRun,
    BaselineSim,
    BaselineSynthesis,
    BaselineUnits,
    Cell,
    PaperTable,
    SynthesizedArray,
    SynthesizedUnit,
)
from quweit_cli.energy import power, published, workload
from quweit_cli.energy.paper.measured import Block, Measured
from quweit_cli.hdl.units.design import units_of
from quweit_cli.ir.nodes.products import systolic_cycles

MODEL = power.calibrated()
FILL = 83  # cycles more than the formula, of each product


def array_run(side: int, **changes: object) -> ArrayRun:
    gemms = [*workload.mlp_gemms(I_VIT_T), *workload.attention_gemms(I_VIT_T)]
    steady = {gemm.name: systolic_cycles([gemm._replace(copies=1)], side) for gemm in gemms}
    made = ArrayRun(
        array=f"systolic_{side}", side=side, simulator="verilator", version="Verilator 5.048", rendering="xilinx",
        bit_exact=True, elements_compared=1000, different_elements=0,
        cycles={name: cycles + FILL for name, cycles in steady.items()}, steady_cycles=steady,
        difference=None, failures=[], build_seconds=1.0, run_seconds=1.0,
    )  # fmt: skip
    return made.model_copy(update=changes)


def synthesized_array(side: int, luts: int, ffs: int) -> SynthesizedArray:
    return SynthesizedArray(
        array=f"systolic_{side}", side=side, tool="yosys", version="Yosys 0.70", device=published.DEVICE, luts=luts,
        ffs=ffs, carries=0, muxes=0, brams=0, dsps=0, modules=[], seconds=1.0, log="yosys/a.log",
    )  # fmt: skip


UNITS = [
    SynthesizedUnit(
        unit=unit.name, module=unit.module, version="Yosys 0.70", device=published.DEVICE, luts=100, ffs=50,
        cycles=unit.rows * unit.most_cycles, dense_only=unit.dense_only, log="unit.log",
    )
    for unit in units_of(I_VIT_T)
]  # fmt: skip


def measured(block: Block | None = None, name: str = "i_vit_t") -> Measured:
    """A 32 x 32 array exactly as large as the published one."""
    point = published.SYSTOLIC[32]
    sim = BaselineSim(rtl=DIGEST, bit_exact=True, runs=[array_run(32)])
    synth = BaselineSynthesis(rtl=DIGEST, arrays=[synthesized_array(32, point.luts, point.ffs)])
    return Measured(name, I_VIT_T, sim, synth, block, BaselineUnits(units=UNITS))


BLOCK = Block("block0", "Yosys 0.70", published.DEVICE, luts=15_000, ffs=6_000, brams=0, interval=16)


def cell(table: PaperTable, label: str, column: str) -> Cell:
    (row,) = (one for one in table.rows if one.label == label)
    return row.cells[table.columns.index(column)]
