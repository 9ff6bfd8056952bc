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
    BaselineSim,
    BaselineSynthesis,
    BaselineUnits,
    ModelShape,
    SynthesizedUnit,
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

    @property
    def sides(self) -> list[int]:
        return sorted(one.side for one in self.synth.arrays)

    @property
    def targets(self) -> list[Target]:
        """Library cells when arrays were made of them, with measured activity when that was counted."""
        made: list[Target] = ["fpga"]
        if any(one.measured_mw is not None for one in self.synth.silicon):
            made.append("silicon")
        return [*made, "silicon_vectorless"] if self.synth.silicon else made

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
        runs = self.sim.pipelined if target in IN_CELLS and self.sim.pipelined else self.sim.runs
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

    def array_silicon(self, side: int) -> Silicon | None:
        """An array in cells of a library, when one was named.

        Raises:
            ArtifactError: not the library that the block is made of.
        """
        for one in self.synth.silicon:
            if one.side == side:
                block = self.block.silicon if self.block else None
                if block is not None:
                    self._same_library("block", block.library, block.library_sha256)
                return Silicon(
                    one.library, one.library_sha256, one.clock_mhz, one.area_mm2, one.slack_ns,
                    Power(one.vectorless_mw, one.method), _power(one.measured_mw, one.measured_method),
                )  # fmt: skip
        return None

    def unit_silicon(self, unit: SynthesizedUnit) -> Silicon | None:
        """A unit in cells of a library, when one was named.

        Raises:
            ArtifactError: not the library that the arrays are made of.
        """
        made = unit.silicon
        if made is None:
            return None
        self._same_library(unit.unit, made.library, made.library_sha256)
        return Silicon(
            made.library, made.library_sha256, made.clock_mhz, made.area_mm2, made.slack_ns,
            Power(made.vectorless_mw, made.method), _power(made.measured_mw, made.measured_method),
        )  # fmt: skip

    def _same_library(self, what: str, library: str, sha256: str) -> None:
        for array in self.synth.silicon:
            if array.library_sha256 != sha256:
                raise ArtifactError(
                    f"arrays of `{self.name}` are in cells of {array.library}, its {what} in those of {library}",
                    hint="figures of two libraries are not compared; make both with one",
                )


def _power(milliwatts: float | None, method: str | None) -> Power | None:
    return None if milliwatts is None or method is None else Power(milliwatts, method)
