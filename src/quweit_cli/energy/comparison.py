"""The paper's tables 3 and 4 beside our own figures, each in two accountings that are never mixed.

paper      as published
counted    our circuits, cycles as the paper counts: the steady-state formula, one row of a block a cycle
measured   our circuits, cycles of simulation: filling and draining included, every slot of a row

The attention of a decoder is counted in two ways that are never mixed either:

square     all keys for every query, as the paper seems to count
causal     tiles that its mask makes zero are left out, on both sides alike
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from quweit_cli.baseline_documents import BaselineSim, BaselineSynthesis, BaselineUnits, Cell, SynthesizedUnit
from quweit_cli.documents import ModelShape, PowerModel
from quweit_cli.energy import power, published, workload
from quweit_cli.energy.tables import energy_uj
from quweit_cli.errors import ArtifactError

Accounting = Literal["paper", "counted", "measured"]
Target = Literal["fpga", "silicon"]
Attention = Literal["square", "causal"]
ACCOUNTINGS: tuple[Accounting, ...] = ("paper", "counted", "measured")
TITLES = {"paper": "paper", "counted": "ours, paper's cycles", "measured": "ours, measured"}
CLOCK_MHZ = published.CLOCK_MHZ
NOT_PUBLISHED = "not published"


@dataclass(frozen=True)
class Block:
    """A weightless block as it was synthesized and simulated."""

    name: str
    tool: str
    luts: int
    ffs: int
    brams: float
    interval: int  # cycles a row
    silicon: Silicon | None = None


@dataclass(frozen=True)
class Silicon:
    """A circuit in cells of a library."""

    library: str
    library_sha256: str
    clock_mhz: float
    area_mm2: float
    power_mw: float
    slack_ns: float
    method: str


@dataclass(frozen=True)
class Measured:
    """Everything that was measured beside one model; what is absent stays absent in the tables."""

    name: str
    shape: ModelShape
    sim: BaselineSim
    synth: BaselineSynthesis
    block: Block | None
    units: BaselineUnits
    attention: Attention = "square"

    def countings(self) -> list[Measured]:
        """The same with every counting of its attention: an encoder has one."""
        ways: tuple[Attention, ...] = ("square", "causal") if self.shape.causal else ("square",)
        return [replace(self, attention=way) for way in ways]

    def products(self, side: int) -> dict[str, list[workload.Gemm]]:
        """What an array computes for each operation of a layer."""
        gemms = [*workload.mlp_gemms(self.shape), *workload.attention_gemms(self.shape)]
        made = {gemm.name: [gemm] for gemm in gemms}
        return made | (workload.causal_gemms(self.shape, side) if self.attention == "causal" else {})

    def product_cycles(self, side: int, accounting: Accounting, target: Target = "fpga") -> dict[str, int]:
        """Cycles of each operation of a layer, its copies included; library cells are made of the pipelined arrays.

        Raises:
            ArtifactError: a product was not simulated.
        """
        products = self.products(side)
        if accounting != "measured":
            return {name: workload.systolic_cycles(gemms, side) for name, gemms in products.items()}
        runs = self.sim.pipelined if target == "silicon" and self.sim.pipelined else self.sim.runs
        run = next(one for one in runs if one.side == side)
        absent = sorted({gemm.name for gemms in products.values() for gemm in gemms} - run.cycles.keys())
        if absent:
            raise ArtifactError(
                f"`{run.array}` of `{self.name}` was not simulated on {', '.join(absent)}",
                hint="run `quweit baseline` again",
            )
        return {
            name: sum(run.cycles[gemm.name] * gemm.copies for gemm in gemms)
            for name, gemms in products.items()
        }

    @property
    def sides(self) -> list[int]:
        return sorted(one.side for one in self.synth.arrays)

    def silicon(self, side: int) -> Silicon | None:
        """An array in cells of a library, when one was named.

        Raises:
            ArtifactError: not the library that the block is made of.
        """
        for one in self.synth.silicon:
            if one.side == side:
                made = Silicon(
                    one.library, one.library_sha256, one.clock_mhz, one.area_mm2, one.vectorless_mw, one.slack_ns,
                    one.method,
                )  # fmt: skip
                block = self.block.silicon if self.block else None
                if block is not None and block.library_sha256 != made.library_sha256:
                    raise ArtifactError(
                        f"arrays of `{self.name}` are in cells of {made.library}, its block in those of {block.library}",
                        hint="figures of two libraries are not compared; make both with one",
                    )
                return made
        return None


MLP = ("up", "down")
ATTENTION = ("qkv", "qk", "av", "projection")
BLOCK = "weightless block"
PRODUCTS, GAIN = "products of a layer end to end", "times less"
WHOLE, GAIN_WHOLE = "layer with these units", "times less, with units"
OPERATIONS = {
    "qkv": "QKV projection", "qk": "Q·Kᵀ", "av": "softmax·V", "projection": "output projection",
    "up": "MLP up", "down": "MLP down",
}  # fmt: skip


def accountings(measured: Measured, side: int, target: Target) -> list[Accounting]:
    """The paper's powers are known for its own sides, on an FPGA alone for attention, which it counts as a square."""
    published_here = target == "fpga" and side in published.SYSTOLIC and measured.attention == "square"
    return [one for one in ACCOUNTINGS if one != "paper" or published_here]


def gain(
    measured: Measured, side: int, accounting: Accounting, model: PowerModel, target: Target = "fpga"
) -> float | None:
    """How many times less a layer takes with a block; absent without one."""
    value = layer(measured, side, accounting, model, target)[1][GAIN].value
    return float(value) if isinstance(value, int | float) else None


def bound(measured: Measured, side: int, accounting: Accounting, target: Target = "fpga") -> float:
    """The gain of a block that took no energy at all: all products over those of the attention."""
    cycles = measured.product_cycles(side, accounting, target)
    return sum(cycles.values()) / sum(cycles[name] for name in ATTENTION)


def layer(
    measured: Measured, side: int, accounting: Accounting, model: PowerModel, target: Target
) -> tuple[dict[str, Cell], dict[str, Cell]]:
    """Cells by label: dense, and with a block."""
    power_mw, clock_mhz, source = _array_power(measured, side, accounting, model, target)
    cycles = measured.product_cycles(side, accounting, target)
    cells = {
        label: Cell(
            value=energy_uj(cycles[name], power_mw, clock_mhz),
            unit="µJ",
            method=f"{cycles[name]} cycles ({cycles_source(accounting)}{_masked(measured, name)}) at {source}",
        )
        for name, label in OPERATIONS.items()
    }
    units = _units(measured, accounting, model, target)
    block = _block_cell(measured, accounting, model, target)
    kept = {one.unit: units[one.unit] for one in measured.units.units if not one.dense_only}
    attention = {OPERATIONS[name]: cells[OPERATIONS[name]] for name in ATTENTION}
    dense = cells | units
    hybrid = attention | kept | {BLOCK: block}
    for side_of, products in ((dense, [*cells.values()]), (hybrid, [*attention.values(), block])):
        side_of[PRODUCTS] = _sum(products)
        side_of[WHOLE] = _sum([side_of[PRODUCTS], *(units if side_of is dense else kept).values()])
    paper = published.END_TO_END.get(measured.name) if side == 32 else None
    for total, gained in ((PRODUCTS, GAIN), (WHOLE, GAIN_WHOLE)):
        dense[gained] = _over(dense[total], dense[total], None)
        hybrid[gained] = _over(dense[total], hybrid[total], paper)
    return dense, hybrid


def _masked(measured: Measured, operation: str) -> str:
    left_out = measured.attention == "causal" and operation in ("qk", "av")
    return ", masked tiles left out, a product a row of tiles" if left_out else ""


def _units(measured: Measured, accounting: Accounting, model: PowerModel, target: Target) -> dict[str, Cell]:
    """GELU, softmax and layer normalisation, where they were synthesized; the paper leaves them out."""
    made = {}
    for one in measured.units.units:
        if accounting == "paper":
            made[one.unit] = Cell(value=None, unit="µJ", method="left out by the paper")
        elif target == "silicon":
            made[one.unit] = _unit_in_library_cells(measured, one)
        else:
            estimate = power.estimate(model, luts=one.luts, ffs=one.ffs, clock_mhz=CLOCK_MHZ)
            made[one.unit] = Cell(
                value=energy_uj(one.cycles, estimate.power_mw, CLOCK_MHZ),
                unit="µJ",
                method=f"{one.cycles} cycles of one lane at {estimate.power_mw:.1f} mW, {estimate.source}",
            )
    return made


def _unit_in_library_cells(measured: Measured, unit: SynthesizedUnit) -> Cell:
    """At the clock asked for, whether it is met or not: dynamic energy does not depend on it.

    Raises:
        ArtifactError: not the library that the arrays are made of.
    """
    made = unit.silicon
    if made is None:
        return Cell(value=None, unit="µJ", method="not made of library cells")
    for array in measured.synth.silicon:
        if array.library_sha256 != made.library_sha256:
            raise ArtifactError(
                f"arrays of `{measured.name}` are in cells of {array.library}, its {unit.unit} in those of {made.library}",
                hint="figures of two libraries are not compared; make both with one",
            )
    return Cell(
        value=energy_uj(unit.cycles, made.vectorless_mw, made.clock_mhz),
        unit="µJ",
        method=f"{unit.cycles} cycles of one lane at {made.vectorless_mw:.3g} mW and {made.clock_mhz:g} MHz, slack "
        f"{made.slack_ns:.2f} ns: {made.method}",
    )


def _sum(cells: Sequence[Cell]) -> Cell:
    """Absent when a part is."""
    missing = next((cell for cell in cells if not isinstance(cell.value, int | float)), None)
    if missing is not None:
        return Cell(value=None, unit="µJ", method=missing.method)
    return Cell(
        value=sum(float(cell.value or 0) for cell in cells), unit="µJ", method="sum of its parts above"
    )


def _over(dense: Cell, other: Cell, paper: float | None) -> Cell:
    if not isinstance(dense.value, int | float) or not isinstance(other.value, int | float):
        return Cell(value=None, method=dense.method if dense.value is None else other.method, paper=paper)
    return Cell(value=dense.value / other.value, method="dense over this column", paper=paper)


def _array_power(
    measured: Measured, side: int, accounting: Accounting, model: PowerModel, target: Target
) -> tuple[float, float, str]:
    """Power in mW at a clock in MHz, and where it comes from."""
    if target == "silicon":
        silicon = measured.silicon(side)
        if silicon is None:
            raise ArtifactError(f"the array of side {side} was not made of library cells")
        return silicon.power_mw, silicon.clock_mhz, f"{silicon.power_mw:.0f} mW, {silicon.method}"
    if accounting == "paper":
        point = published.SYSTOLIC[side]
        return point.power_mw, CLOCK_MHZ, f"{point.power_mw:.0f} mW, published energy · clock / cycles"
    array = next(one for one in measured.synth.arrays if one.side == side)
    estimate = power.estimate(model, luts=array.luts, ffs=array.ffs, clock_mhz=CLOCK_MHZ)
    return estimate.power_mw, CLOCK_MHZ, f"{estimate.power_mw:.0f} mW, {estimate.source}"


def _block_cell(measured: Measured, accounting: Accounting, model: PowerModel, target: Target) -> Cell:
    if accounting == "paper":
        if measured.name != "i_vit_t":
            return Cell(value=None, unit="µJ", method=NOT_PUBLISHED)
        return Cell(
            value=published.BLOCK.energy_uj,
            unit="µJ",
            method=published.SOURCE,
            paper=published.BLOCK.energy_uj,
        )
    block = measured.block
    if block is None or (target == "silicon" and block.silicon is None):
        return Cell(value=None, unit="µJ", method="no block was synthesized and simulated")
    cycles = measured.shape.tokens * (block.interval if accounting == "measured" else 1)
    clock_mhz = CLOCK_MHZ
    if target == "silicon" and block.silicon is not None:
        power_mw, clock_mhz, source = block.silicon.power_mw, block.silicon.clock_mhz, block.silicon.method
    else:
        power_mw, source = power.estimate(model, luts=block.luts, ffs=block.ffs, clock_mhz=CLOCK_MHZ)
    return Cell(
        value=energy_uj(cycles, power_mw, clock_mhz),
        unit="µJ",
        method=f"{cycles} cycles ({block_cycles_source(measured, accounting)}) at {power_mw:.0f} mW, {source}",
    )


def cycles_source(accounting: Accounting) -> str:
    return "simulation" if accounting == "measured" else "steady-state formula"


def block_cycles_source(measured: Measured, accounting: Accounting) -> str:
    assert measured.block is not None
    tokens = measured.shape.tokens
    if accounting == "measured":
        return f"simulation: {tokens} rows of {measured.block.interval} cycles"
    return f"the paper's one row a cycle: {tokens} rows; this structure takes {measured.block.interval} cycles a row"
