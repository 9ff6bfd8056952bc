"""The energy of one layer by operation, dense on an array or with a block in place of its MLP."""

from __future__ import annotations

from collections.abc import Sequence

from quweit_cli.documents import Accounting, Cell, Implementation, PowerModel, UnitDesign
from quweit_cli.energy import power, published
from quweit_cli.energy.paper.measured import ACCOUNTINGS, IN_CELLS, Measured, Silicon, Target
from quweit_cli.energy.power import energy_uj
from quweit_cli.errors import ArtifactError

CLOCK_MHZ = published.CLOCK_MHZ
NOT_PUBLISHED = "not published"
NOT_COUNTED = "its activity was not counted in simulation"
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
    return [one for one in ACCOUNTINGS if one != "published" or published_here]


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
    products = _products(measured, side, accounting, model, target)
    units = {one.unit: _unit_cell(measured, one, accounting, model, target) for one in measured.units}
    block = _block_cell(measured, accounting, model, target)
    kept = {one.unit: units[one.unit] for one in measured.units if not one.dense_only}
    attention = {OPERATIONS[name]: products[OPERATIONS[name]] for name in ATTENTION}
    dense = products | units
    hybrid = attention | kept | {BLOCK: block}
    for cells, parts, between in (
        (dense, [*products.values()], units),
        (hybrid, [*attention.values(), block], kept),
    ):
        cells[PRODUCTS] = _sum(parts)
        cells[WHOLE] = _sum([cells[PRODUCTS], *between.values()])
    paper = published.END_TO_END.get(measured.name) if side == 32 else None
    for total, gained in ((PRODUCTS, GAIN), (WHOLE, GAIN_WHOLE)):
        dense[gained] = _over(dense[total], dense[total], None)
        hybrid[gained] = _over(dense[total], hybrid[total], paper)
    return dense, hybrid


def _products(
    measured: Measured, side: int, accounting: Accounting, model: PowerModel, target: Target
) -> dict[str, Cell]:
    cycles = measured.product_cycles(side, accounting, target)
    if target in IN_CELLS:
        silicon = measured.array_silicon(side)
        if silicon is None:
            raise ArtifactError(f"the array of side {side} was not made of library cells")
        return {
            label: silicon_energy(
                silicon, cycles[name], target, _source(measured, name, cycles[name], accounting)
            )
            for name, label in OPERATIONS.items()
        }
    power_mw, source = _array_power(measured, side, accounting, model)
    return {
        label: Cell(
            value=energy_uj(cycles[name], power_mw, CLOCK_MHZ),
            unit="µJ",
            method=f"{_source(measured, name, cycles[name], accounting)} at {power_mw:.0f} mW, {source}",
        )
        for name, label in OPERATIONS.items()
    }


def _source(measured: Measured, operation: str, cycles: int, accounting: Accounting) -> str:
    left_out = measured.attention == "causal" and operation in ("qk", "av")
    masked = ", masked tiles left out, a product a row of tiles" if left_out else ""
    return f"{cycles} cycles ({cycles_source(accounting)}{masked})"


def silicon_energy(silicon: Silicon, cycles: int, target: Target, source: str) -> Cell:
    """At the clock asked for, whether it is met or not: dynamic energy does not depend on it."""
    power_of = silicon.power(target)
    if power_of is None:
        return Cell(value=None, unit="µJ", method=NOT_COUNTED)
    return Cell(
        value=energy_uj(cycles, power_of.milliwatts, silicon.clock_mhz),
        unit="µJ",
        method=f"{source} at {power_of.milliwatts:.4g} mW and {silicon.clock_mhz:g} MHz, slack "
        f"{silicon.slack_ns:.3f} ns: {power_of.method}",
    )


def _unit_cell(
    measured: Measured, unit: UnitDesign, accounting: Accounting, model: PowerModel, target: Target
) -> Cell:
    """GELU, softmax or layer normalisation; the paper leaves them out."""
    if accounting == "published":
        return Cell(value=None, unit="µJ", method="left out by the paper")
    if target in IN_CELLS:
        silicon = measured.unit_silicon(unit)
        if silicon is None:
            return Cell(value=None, unit="µJ", method="not made of library cells")
        cycles = measured.unit_cycles(unit, target)
        return silicon_energy(silicon, cycles, target, f"{cycles} cycles of one lane")
    cycles = measured.unit_cycles(unit, target)
    estimate = on_fpga(model, measured.fpga.synth.of(unit.name))
    return Cell(
        value=energy_uj(cycles, estimate.power_mw, CLOCK_MHZ),
        unit="µJ",
        method=f"{cycles} cycles of one lane at {estimate.power_mw:.1f} mW, {estimate.method}",
    )


def on_fpga(model: PowerModel, made: Implementation) -> power.Estimate:
    """Raises ArtifactError for a design whose LUTs were not counted."""
    return power.estimate(model, luts=made.luts or 0, ffs=made.ffs, clock_mhz=CLOCK_MHZ, device=made.device)


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
    measured: Measured, side: int, accounting: Accounting, model: PowerModel
) -> tuple[float, str]:
    """Power in mW on an FPGA, and where it comes from."""
    if accounting == "published":
        point = published.SYSTOLIC[side]
        return point.power_mw, "published energy · clock / cycles"
    estimate = on_fpga(model, measured.fpga.array(side))
    return estimate.power_mw, estimate.method


def _block_cell(measured: Measured, accounting: Accounting, model: PowerModel, target: Target) -> Cell:
    if accounting == "published":
        if measured.name != "i_vit_t":
            return Cell(value=None, unit="µJ", method=NOT_PUBLISHED)
        return Cell(
            value=published.BLOCK.energy_uj,
            unit="µJ",
            method=published.SOURCE,
            paper=published.BLOCK.energy_uj,
        )
    block = measured.block
    if block is None or (target in IN_CELLS and block.silicon is None):
        return Cell(value=None, unit="µJ", method="no block was synthesized and simulated")
    cycles = measured.shape.tokens * (block.interval if accounting == "measured" else 1)
    source = f"{cycles} cycles ({block_cycles_source(measured, accounting)})"
    if target in IN_CELLS and block.silicon is not None:
        return silicon_energy(block.silicon, cycles, target, source)
    estimate = power.estimate(model, luts=block.luts, ffs=block.ffs, clock_mhz=CLOCK_MHZ, device=block.device)
    return Cell(
        value=energy_uj(cycles, estimate.power_mw, CLOCK_MHZ),
        unit="µJ",
        method=f"{source} at {estimate.power_mw:.0f} mW, {estimate.method}",
    )


def cycles_source(accounting: Accounting) -> str:
    return "simulation" if accounting == "measured" else "steady-state formula"


def block_cycles_source(measured: Measured, accounting: Accounting) -> str:
    assert measured.block is not None
    tokens = measured.shape.tokens
    if accounting == "measured":
        return f"simulation: {tokens} rows of {measured.block.interval} cycles"
    return f"the paper's one row a cycle: {tokens} rows; this structure takes {measured.block.interval} cycles a row"
