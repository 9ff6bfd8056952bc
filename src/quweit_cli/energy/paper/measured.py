"""What was measured beside one model: arrays, units, and a block, on an FPGA and in cells of a library.

Figures come in accountings that are never mixed:

published  as the paper has it
counted    our circuits, cycles as the paper counts: the steady-state formula, one row of a block a cycle
measured   our circuits, cycles of simulation: filling and draining included, every slot of a row

on targets that are never mixed, as a power of one kind is compared with its own kind alone:

fpga                 the power model
silicon              library cells, activity of every net counted in simulation
silicon_vectorless   library cells, one activity on every net

and the attention of a decoder is counted in two ways that are never mixed either:

square     all keys for every query, as the paper seems to count
causal     tiles that its mask makes zero are left out, on both sides alike
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from quweit_cli.documents import (
    Accounting,
    ArrayRun,
    Implementation,
    ModelShape,
    RtlManifest,
    SimResult,
    SynthesisReport,
    UnitDesign,
)
from quweit_cli.energy import workload
from quweit_cli.errors import ArtifactError
from quweit_cli.ir.nodes.products import Gemm, systolic_cycles

Target = Literal["fpga", "silicon", "silicon_vectorless"]
Attention = Literal["square", "causal"]
ACCOUNTINGS: tuple[Accounting, ...] = ("published", "counted", "measured")
TITLES: dict[Accounting, str] = {
    "published": "paper",
    "counted": "ours, paper's cycles",
    "measured": "ours, measured",
}
IN_CELLS: tuple[Target, ...] = ("silicon", "silicon_vectorless")


class Power(NamedTuple):
    milliwatts: float
    method: str


@dataclass(frozen=True)
class Silicon:
    """A circuit in cells of a library, with its power by two methods; measured activity may be absent."""

    library: str
    library_sha256: str
    clock_mhz: float
    area_mm2: float
    slack_ns: float
    vectorless: Power
    measured: Power | None = None

    def power(self, target: Target) -> Power | None:
        return self.measured if target == "silicon" else self.vectorless


@dataclass(frozen=True)
class Block:
    """A weightless block as it was synthesized and simulated."""

    name: str
    tool: str
    device: str
    luts: int
    ffs: int
    brams: float
    interval: int  # cycles a row
    silicon: Silicon | None = None


class Hardware(NamedTuple):
    """What the stages of one project say of its designs."""

    rtl: RtlManifest
    sim: SimResult
    synth: SynthesisReport

    @property
    def runs(self) -> list[ArrayRun]:
        return [run for one in self.sim.simulators[:1] for run in one.arrays]

    def array(self, side: int) -> Implementation:
        """Raises ArtifactError where there is none."""
        for array in self.rtl.arrays:
            if array.side == side:
                return self.synth.of(array.name)
        raise ArtifactError(f"there is no array of side {side}", hint="run `quweit baseline` again")

    def unit(self, words: str) -> UnitDesign:
        """Raises ArtifactError where there is none."""
        for unit in self.rtl.units:
            if unit.unit == words:
                return unit
        raise ArtifactError(f"there is no unit for {words}", hint="run `quweit baseline` again")


@dataclass(frozen=True)
class Measured:
    """Everything that was measured beside one model; what is absent stays absent in the tables."""

    name: str
    shape: ModelShape
    fpga: Hardware
    silicon: Hardware | None  # in cells of a library, pipelined, where one was named
    block: Block | None
    attention: Attention = "square"

    @property
    def sides(self) -> list[int]:
        return sorted(array.side for array in self.fpga.rtl.arrays)

    @property
    def units(self) -> list[UnitDesign]:
        return self.fpga.rtl.units

    @property
    def targets(self) -> list[Target]:
        """Library cells when arrays were made of them, with measured activity when that was counted."""
        made: list[Target] = ["fpga"]
        if self.silicon is None:
            return made
        if any(one.asic and one.asic.measured_mw is not None for one in self.silicon.synth.arrays):
            made.append("silicon")
        return [*made, "silicon_vectorless"]

    def countings(self) -> list[Measured]:
        """The same with every counting of its attention: an encoder has one."""
        ways: tuple[Attention, ...] = ("square", "causal") if self.shape.causal else ("square",)
        return [replace(self, attention=way) for way in ways]

    def products(self, side: int) -> dict[str, list[Gemm]]:
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
            return {name: systolic_cycles(gemms, side) for name, gemms in products.items()}
        hardware = self.silicon if target in IN_CELLS and self.silicon else self.fpga
        run = hardware.sim.array_run(side)
        absent = sorted({gemm.name for gemms in products.values() for gemm in gemms} - run.cycles.keys())
        if absent:
            raise ArtifactError(
                f"`{run.design}` of `{self.name}` was not simulated on {', '.join(absent)}",
                hint="run `quweit baseline` again",
            )
        return {
            name: sum(run.cycles[gemm.name] * gemm.copies for gemm in gemms)
            for name, gemms in products.items()
        }

    def array_silicon(self, side: int) -> Silicon | None:
        """An array in cells of a library, when one was named.

        Raises:
            ArtifactError: not the library that the block is made of.
        """
        made = silicon_of(self.silicon.array(side)) if self.silicon else None
        block = self.block.silicon if self.block else None
        if made is not None and block is not None and block.library_sha256 != made.library_sha256:
            raise ArtifactError(
                f"arrays of `{self.name}` are in cells of {made.library}, its block in those of {block.library}",
                hint="figures of two libraries are not compared; make both with one",
            )
        return made

    def unit_silicon(self, unit: UnitDesign) -> Silicon | None:
        """A unit in cells of a library, when one was named."""
        if self.silicon is None:
            return None
        return silicon_of(self.silicon.synth.of(self.silicon.unit(unit.unit).name))

    def unit_cycles(self, unit: UnitDesign, target: Target) -> int:
        """Of one layer and sample."""
        if target in IN_CELLS and self.silicon:
            return self.silicon.sim.unit_cycles(self.silicon.unit(unit.unit))
        return self.fpga.sim.unit_cycles(unit)


def silicon_of(made: Implementation) -> Silicon | None:
    """None for a design on an FPGA."""
    asic = made.asic
    if asic is None or made.slack_ns is None:
        return None
    measured = None
    if asic.measured_mw is not None:
        measured = Power(asic.measured_mw, f"{made.version}: {asic.measured_method}")
    return Silicon(
        asic.library,
        asic.library_sha256,
        made.clock_mhz,
        asic.area_mm2,
        made.slack_ns,
        Power(asic.vectorless_mw, f"{made.version}: {asic.vectorless_method}"),
        measured,
    )
