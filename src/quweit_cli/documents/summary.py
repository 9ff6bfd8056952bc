"""summary.json: the figures of a whole project in one document, for users' scripts.

The section of a stage that has not run is null.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import Amount, Count, Digest, Identifier, Seed, Share
from quweit_cli.documents.energy import EnergyRatio, EnergyRow
from quweit_cli.documents.synthesis import Implementation


class TrainSummary(Artifact):
    """By kind of MLP: `weightless`, and `dense` where the twin was trained."""

    seed: Seed
    test_accuracy: dict[str, Share | None] = Field(description="share of test samples, for classifiers")
    test_loss: dict[str, Amount]
    parameters: dict[str, Count]
    seconds: dict[str, Amount]


class DumpSummary(Artifact):
    blocks: Count
    digest: Digest = Field(description="identifies the specification: programs and golden rows")
    samples: Count = Field(
        description="test samples on which PyTorch equals the integer program, as `declared` says"
    )
    rows_compared: Count = Field(description="for each block; every one equal")
    logits_equal: bool
    tensors_compared: Count = Field(0, description="of a whole model, on every one of the samples")
    declared: bool = Field(
        description="whether the dump was made elsewhere, so that samples, rows and logits are what it declares"
    )


class ModelSummary(Artifact):
    """Of a whole model, from pixels to logits."""

    bit_exact: bool
    samples: Count = Field(description="compared, over all scenarios")
    tensors_compared: Count | None = Field(
        None, description="of its program, every word that is written; absent where none was"
    )
    cycles_per_sample: Count | None = Field(description="measured; null when it could not be measured")
    decode_latency_cycles: Count | None = Field(None, description="measured, of a step of a decoder")


class SimulatorSummary(Artifact):
    version: str
    bit_exact: bool
    blocks: Count
    rows_compared: Count
    cycles_per_row: list[Count | None] = Field(
        description="measured initiation interval of each block; null when it could not be measured"
    )
    seconds: Amount
    table_entries_read: Count | None = Field(
        None, description="of all rendered LUTs, by the rows that were compared"
    )
    table_entries_reachable: Count | None = Field(
        None, description="all but those of which it is proven that no input row reads them"
    )
    model: ModelSummary | None = Field(None, description="where the whole model was compared")
    not_compared: list[str] = Field(
        [], description="blocks that `quweit sim --block` or `quweit rtl --block` left out"
    )
    steady_only: bool = Field(False, description="without gaps, backpressure, resets and wrappers")


class HardwareSummary(Artifact):
    """Of a whole model in hardware: its proof, its cycles, what it takes and what it spends."""

    side: Count = Field(description="of its array")
    schedule_cycles: Count = Field(description="of all jobs, from the last pixel to the first logit")
    simulators: dict[str, ModelSummary] = Field(description="by simulator; none before `quweit sim`")
    luts: Count | None = None
    ffs: Count | None = None
    brams: Amount | None = Field(None, description="36 kb blocks")
    urams: Count | None = None
    dsps: Count | None = None
    area_mm2: Amount | None = Field(None, description="in cells of a library, without memories")
    energy_uj: dict[str, Amount | None] = Field(
        {},
        description="of one sample by kind of MLP: `weightless`, `dense`; null where a part of it is not known",
    )
    accuracy: dict[str, Share | None] = Field(
        {},
        description="share of test samples by arithmetic: `integer`, and `float` for the same weights; null where it is not known",
    )


class EnergySummary(Artifact):
    rows: list[EnergyRow]
    ratios: list[EnergyRatio]
    multiplications_replaced: Share | None = Field(
        description="share of one layer's multiplications; null where only the blocks of a model are known"
    )
    weights_replaced: Share | None = Field(description="share of one layer's weights")


class Summary(Artifact):
    schema_name: Literal["quweit.summary/3"] = Field("quweit.summary/3", alias="schema")
    name: Identifier
    train: TrainSummary | None = None
    dump: DumpSummary | None = None
    sim: dict[str, SimulatorSummary] | None = Field(None, description="by simulator")
    synth: list[Implementation] | None = Field(None, description="of blocks")
    model: HardwareSummary | None = Field(None, description="where a whole model is rendered")
    energy: EnergySummary | None = None
    skipped: dict[str, str] = Field(
        default_factory=dict, description="simulators of the settings that this machine lacks, and why"
    )
