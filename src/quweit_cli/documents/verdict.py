"""What simulation compared, and what was proven: of blocks, arrays and units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import (
    Amount,
    Count,
    Digest,
    Identifier,
    Integer,
    Positive,
    PositiveAmount,
)
from quweit_cli.documents.package import UnitDesign
from quweit_cli.errors import ArtifactError


class SimDifference(Artifact):
    """Of rows that a block or a unit answers."""

    design: str
    scenario: str
    row: Count
    output: Count
    cycle: Count
    expected: Integer
    got: Integer | None = Field(description="null when the RTL answered unknown bits (X or Z)")

    @property
    def place(self) -> tuple[str, int, int]:
        """Scenario, row and output."""
        return self.scenario, self.row, self.output

    def __str__(self) -> str:
        return (
            f"scenario {self.scenario}, row {self.row}, output {self.output}, cycle {self.cycle}: "
            f"expected {self.expected}, got {_said(self.got)}"
        )


class TensorDifference(Artifact):
    """Of the words that a model writes into its memories: the first that is not what its program computes."""

    job: str = Field(description="of the schedule, which writes the word")
    scenario: str
    sample: Count
    cycle: Count
    tensor: str | None = Field(None, description="of the program; absent where the word itself is amiss")
    place: list[Count] = Field(
        [], description="in the tensor: token and feature; head, token and token of scores"
    )
    expected: Integer | None = None
    got: Integer | None = Field(None, description="absent when the RTL wrote unknown bits (X or Z)")
    amiss: str | None = Field(None, description="what is wrong with the word, where it is not its value")

    def __str__(self) -> str:
        where = f"scenario {self.scenario}, sample {self.sample}, cycle {self.cycle}, "
        if self.amiss is not None:
            return f"{where}job `{self.job}`: {self.amiss}"
        axes = {1: ("feature",), 2: ("token", "feature"), 3: ("head", "token", "token")}[len(self.place)]
        place = ", ".join(f"{axis} {number}" for axis, number in zip(axes, self.place, strict=True))
        return f"{where}tensor `{self.tensor}`, {place}: expected {self.expected}, got {_said(self.got)}"


class ProductDifference(Artifact):
    """Of a product that an array computes."""

    product: str
    scenario: str
    row: Count
    column: Count
    cycle: Count
    expected: Integer
    got: Integer | None = Field(description="null when the array answered unknown bits (X or Z)")

    @property
    def place(self) -> tuple[str, int, int]:
        """Scenario and product, row and column."""
        return f"{self.scenario}, {self.product}", self.row, self.column

    def __str__(self) -> str:
        return (
            f"scenario {self.scenario}, product {self.product}, row {self.row}, column {self.column}, "
            f"cycle {self.cycle}: expected {self.expected}, got {_said(self.got)}"
        )


def _said(got: int | None) -> str:
    return "unknown bits (X or Z)" if got is None else str(got)


Form = Literal["rtl", "xilinx", "wrapper", "netlist", "routed"]


class Run(Artifact):
    """One design on one simulator."""

    design: str
    form: Form = Field(
        "rtl",
        description="what of it was simulated: its RTL, that in an FPGA's cells, its AXI-Stream wrapper, its netlist",
    )
    bit_exact: bool
    compared: Count = Field(description="rows, or elements of an array's results, over all scenarios")
    different: Count = Field(description="of those that were compared")
    scenarios: dict[str, Count] = Field(
        description="name (steady, gaps, backpressure, gaps_and_backpressure, reset) -> how many compared"
    )
    failures: list[str] = Field(description="broken promises of latency, interval, handshake or reset")
    build_seconds: Amount
    run_seconds: Amount

    @property
    def subject(self) -> str:
        """The design, or what of it was simulated."""
        return f"{self.design} ({self.form})" if self.form in ("wrapper", "xilinx") else self.design


class SimRun(Run):
    """A block or a unit."""

    latency_cycles: Count | None
    initiation_interval_cycles: Positive | None = Field(
        description="the most where it varies from row to row"
    )
    decode_latency_cycles: Count | None = Field(
        None, description="of a decoder: of a token that goes on from what is cached"
    )
    average_interval_cycles: PositiveAmount | None = Field(
        None, description="over random rows, where it varies"
    )
    differences: list[SimDifference] = Field(description="the first few")
    tensors_compared: Count | None = Field(
        None, description="of a model's program, every word that is written; absent where none was"
    )
    words_compared: Count | None = Field(None, description="of memories, over all scenarios; absent likewise")
    tensor_differences: list[TensorDifference] = Field([], description="the first of each pass")
    table_entries_read: Count | None = Field(
        None, description="of all rendered LUTs, by the rows that were compared; absent of a unit"
    )
    table_entries_reachable: Count | None = Field(
        None, description="all but those of which it is proven that no input row reads them"
    )


class ArrayRun(Run):
    """A systolic array."""

    side: Positive
    cycles: dict[str, Count] = Field(
        description="product -> from the cycle in which it was taken through that of its last row, without gaps and stalls"
    )
    steady_cycles: dict[str, Count] = Field(description="product -> by the formula")
    differences: list[ProductDifference] = Field(description="the first one")

    @property
    def fill_and_drain(self) -> dict[str, Count]:
        return {name: cycles - self.steady_cycles[name] for name, cycles in self.cycles.items()}


class SimulatorResult(Artifact):
    simulator: str
    version: str
    bit_exact: bool
    blocks: Count
    rows_compared: Count
    cycles_per_row: list[Count | None] = Field(
        description="measured initiation interval of each block; null when it could not be measured"
    )
    seconds: Amount
    runs: list[SimRun] = Field(description="a block each")
    further_runs: list[SimRun] = Field(
        [],
        description="of wrappers, with fewer rows, on one of the simulators",
    )
    units: list[SimRun] = Field([], description="of what stands between products")
    models: list[SimRun] = Field(
        [], description="of a whole model, a sample a row; on one of the simulators in its wrapper"
    )
    arrays: list[ArrayRun] = Field([], description="in both renderings, where an array has two")

    @property
    def all_runs(self) -> Sequence[SimRun | ArrayRun]:
        return [*self.runs, *self.models, *self.further_runs, *self.units, *self.arrays]

    @property
    def table_entries_read(self) -> int | None:
        """Of all blocks; None where one does not say."""
        return _sum([run.table_entries_read for run in self.runs])

    @property
    def table_entries_reachable(self) -> int | None:
        return _sum([run.table_entries_reachable for run in self.runs])


def _sum(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def of_reachable(read: int | None, reachable: int | None) -> str | None:
    """The coverage of a proof in words; None where it is not known."""
    if read is None or reachable is None:
        return None
    return f"all {reachable:,}" if read == reachable else f"{read:,} of {reachable:,}"


class SimResult(Artifact):
    schema_name: Literal["quweit.sim/2"] = Field("quweit.sim/2", alias="schema")
    name: Identifier
    rtl: Digest = Field(description="stage digest of the RTL that was simulated")
    synth: Digest | None = Field(
        None,
        description="stage digest of the synthesis, when its netlists were simulated in place of the RTL",
    )
    bit_exact: bool = Field(description="of the designs that were compared")
    simulators: list[SimulatorResult]
    not_compared: list[str] = Field(
        [], description="blocks of the dump that nobody asked for, by `quweit sim` or `quweit rtl`"
    )
    compiled_only: list[str] = Field(
        [],
        description="files in an FPGA's cells, which were compiled and not simulated: `sim --formal` and `sim --netlist` compare them",
    )
    steady_only: bool = Field(
        False,
        description="whether rows came one after another alone, without gaps, backpressure, resets and wrappers",
    )

    def array_run(self, side: int) -> ArrayRun:
        """The run of the array of this side, on the first simulator that had it.

        Raises:
            ArtifactError: there is none.
        """
        for run in (run for one in self.simulators for run in one.arrays if run.side == side):
            return run
        raise ArtifactError(f"no array of side {side} was simulated", hint="run `quweit sim` again")

    def unit_cycles(self, unit: UnitDesign) -> int:
        """Of one layer and sample.

        Raises:
            ArtifactError: the unit was not simulated.
        """
        for run in (run for one in self.simulators for run in one.units if run.design == unit.name):
            if run.average_interval_cycles is not None:
                return round(unit.rows_of_layer * run.average_interval_cycles)
        raise ArtifactError(
            f"no simulation measured the cycles of `{unit.name}`", hint="run `quweit sim` again"
        )


# ---------------------------------------------------------------- formal


class FormalProof(Artifact):
    """Both renderings of one module, for all inputs."""

    block: str
    module: str
    proven: Count = Field(description="outputs proven equal")
    unproven: Count
    first: list[str] = Field(description="the first outputs that are not")
    seconds: Amount


class FormalResult(Artifact):
    schema_name: Literal["quweit.formal/1"] = Field("quweit.formal/1", alias="schema")
    name: Identifier
    rtl: Digest = Field(description="digest of the RTL files that were compared")
    tool: str
    proofs: list[FormalProof]
    not_rendered: list[str] = Field(
        [], description="blocks that `quweit rtl --block` left out: nothing is proven of them"
    )
