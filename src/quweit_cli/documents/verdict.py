"""What simulation compared, and what was proven: of blocks, arrays and units."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import (
    Amount,
    Count,
    Digest,
    Identifier,
    Integer,
    ModuleName,
    Positive,
    PositiveAmount,
)
from quweit_cli.errors import ArtifactError


class ProductDifference(Artifact):
    product: str
    scenario: str
    row: Count
    column: Count
    cycle: Count
    expected: Integer
    got: Integer | None = Field(description="null when the array answered unknown bits (X or Z)")


class ArrayRun(Artifact):
    """One array on one simulator."""

    array: str
    side: Positive
    simulator: str
    version: str
    rendering: Literal["behavioural", "xilinx"]
    bit_exact: bool
    elements_compared: Count = Field(description="over all scenarios")
    different_elements: Count
    cycles: dict[str, Count] = Field(
        description="product -> from the cycle in which it was taken through that of its last row, without gaps and stalls"
    )
    steady_cycles: dict[str, Count] = Field(description="product -> by the formula")
    difference: ProductDifference | None = Field(description="the first one")
    failures: list[str]
    build_seconds: Amount
    run_seconds: Amount

    @property
    def fill_and_drain(self) -> dict[str, Count]:
        return {name: cycles - self.steady_cycles[name] for name, cycles in self.cycles.items()}


class UnitRun(Artifact):
    """A unit between products on one simulator, on rows that are drawn for it."""

    unit: str
    module: ModuleName
    rendering: Literal["behavioural", "pipelined"]
    simulator: str
    version: str
    bit_exact: bool
    rows_compared: Count = Field(description="over all scenarios")
    different_rows: Count
    scenarios: dict[str, Count] = Field(description="as of blocks")
    cycles_per_row: PositiveAmount | None = Field(
        description="from a row to the next without gaps and stalls, the average of random rows; null when not measured"
    )
    most_cycles_per_row: Positive | None = Field(description="of any row")
    layer_cycles: Count | None = Field(
        description="of one layer and sample: its rows, times `cycles_per_row`"
    )
    differences: list[SimDifference] = Field(description="the first few")
    failures: list[str]
    build_seconds: Amount
    run_seconds: Amount


class BaselineSim(Artifact):
    schema_name: Literal["quweit.baseline_sim/1"] = Field("quweit.baseline_sim/1", alias="schema")
    rtl: Digest
    bit_exact: bool
    runs: list[ArrayRun]
    pipelined: list[ArrayRun] = Field([], description="of what library cells are made of, when one was named")
    units: list[UnitRun] = Field(
        [], description="GELU, softmax, layer normalisation; pipelined too, when a library was named"
    )

    def unit_cycles(self, module: str, rendering: Literal["behavioural", "pipelined"]) -> int:
        """Of one layer and sample.

        Raises:
            ArtifactError: the unit was not simulated.
        """
        for one in self.units:
            if (one.module, one.rendering) == (module, rendering) and one.layer_cycles is not None:
                return one.layer_cycles
        raise ArtifactError(
            f"no simulation measured the cycles of `{module}` ({rendering})",
            hint="run `quweit baseline` again",
        )


class SimDifference(Artifact):
    block: str
    scenario: str
    row: Count
    output: Count
    cycle: Count
    expected: Integer
    got: Integer | None = Field(description="null when the RTL answered unknown bits (X or Z)")

    def __str__(self) -> str:
        got = "unknown bits (X or Z)" if self.got is None else str(self.got)
        return (
            f"scenario {self.scenario}, row {self.row}, output {self.output}, cycle {self.cycle}: "
            f"expected {self.expected}, got {got}"
        )


Design = Literal["block", "wrapper", "netlist"]


class SimRun(Artifact):
    """One block on one simulator."""

    block: str
    design: Design = Field(
        "block", description="what of it was simulated: its RTL, its AXI-Stream wrapper, its netlist"
    )
    bit_exact: bool
    rows_compared: Count = Field(description="over all scenarios")
    scenarios: dict[str, Count] = Field(
        description="name (steady, gaps, backpressure, gaps_and_backpressure, reset) -> rows compared"
    )
    latency_cycles: Count | None
    initiation_interval_cycles: Positive | None
    different_rows: Count
    differences: list[SimDifference] = Field(description="the first few")
    failures: list[str] = Field(description="broken promises of latency, interval, handshake or reset")
    table_entries_read: Count | None = Field(
        None, description="of all rendered LUTs, by the rows that were compared; absent in older results"
    )
    table_entries_reachable: Count | None = Field(
        None, description="all but those of which it is proven that no input row reads them"
    )
    build_seconds: Amount
    run_seconds: Amount

    @property
    def subject(self) -> str:
        """The block, or what of it was simulated."""
        return f"{self.block} (wrapper)" if self.design == "wrapper" else self.block


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
        description="of wrappers and of renderings in an FPGA's cells, with fewer rows, on one of the simulators",
    )

    @property
    def all_runs(self) -> list[SimRun]:
        return [*self.runs, *self.further_runs]

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
    schema_name: Literal["quweit.sim/1"] = Field("quweit.sim/1", alias="schema")
    name: Identifier
    rtl: Digest = Field(description="stage digest of the RTL that was simulated")
    synth: Digest | None = Field(
        None,
        description="stage digest of the synthesis, when its netlists were simulated in place of the RTL",
    )
    bit_exact: bool = Field(description="of the blocks that were compared")
    simulators: list[SimulatorResult]
    not_compared: list[str] = Field(
        [], description="blocks of the dump that nobody asked for, by `quweit sim` or `quweit rtl`"
    )
    compiled_only: list[str] = Field(
        [],
        description="files in an FPGA's cells, which were compiled and not simulated: `sim --formal` and `sim --netlist` compare them",
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
