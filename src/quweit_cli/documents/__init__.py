"""The JSON documents that stages hand to one another: a type an arrow.

    train.json      what training reached               train  -> report
    dump.json       blocks as integers, golden rows     dump   -> rtl, energy
    manifest.json   the RTL package                     rtl    -> sim, synth
    sim.json        equal, or the first differences     sim    -> energy, report
    synth.json      cells of every block                synth  -> energy
    energy.json     rows with their provenance          energy -> report

Units are in the names. A figure that was not obtained is absent (null), never 0.
"""

from __future__ import annotations

from quweit_cli.documents.doctor import Health, ToolHealth
from quweit_cli.documents.dump import DumpChecks, DumpedBlock, DumpManifest
from quweit_cli.documents.energy import (
    Accounting,
    CalibrationPoint,
    EnergyRatio,
    EnergyRow,
    EnergyTable,
    EstimateTable,
    Front,
    FrontPoint,
    PowerModel,
    Scope,
)
from quweit_cli.documents.examples import Example, Examples
from quweit_cli.documents.model import ModelShape
from quweit_cli.documents.package import (
    AxisPort,
    BaselineArray,
    BaselineManifest,
    BaselineProduct,
    RtlBlock,
    RtlEstimate,
    RtlManifest,
    RtlNeighbours,
)
from quweit_cli.documents.summary import DumpSummary, EnergySummary, SimulatorSummary, Summary, TrainSummary
from quweit_cli.documents.synthesis import (
    ArraySilicon,
    AsicFigures,
    BaselineSynthesis,
    BaselineUnits,
    Mapper,
    ModuleCells,
    ModuleSilicon,
    SynthesisReport,
    SynthesizedArray,
    SynthesizedBlock,
    SynthesizedUnit,
    UnitSilicon,
)
from quweit_cli.documents.table import Cell, PaperTable, PaperTables, TableRow
from quweit_cli.documents.training import (
    EvalResult,
    SampleResult,
    TrainedModel,
    TrainResult,
    UnfinishedTraining,
)
from quweit_cli.documents.vectors import RtlVectors, TableEntries, TableEntry, VectorCoverage
from quweit_cli.documents.verdict import (
    ArrayRun,
    BaselineSim,
    Design,
    FormalProof,
    FormalResult,
    ProductDifference,
    SimDifference,
    SimResult,
    SimRun,
    SimulatorResult,
    UnitRun,
    of_reachable,
)

__all__ = [
    "Accounting",
    "ArrayRun",
    "ArraySilicon",
    "AsicFigures",
    "AxisPort",
    "BaselineArray",
    "BaselineManifest",
    "BaselineProduct",
    "BaselineSim",
    "BaselineSynthesis",
    "BaselineUnits",
    "CalibrationPoint",
    "Cell",
    "Design",
    "DumpChecks",
    "DumpManifest",
    "DumpSummary",
    "DumpedBlock",
    "EnergyRatio",
    "EnergyRow",
    "EnergySummary",
    "EnergyTable",
    "EstimateTable",
    "EvalResult",
    "Example",
    "Examples",
    "FormalProof",
    "FormalResult",
    "Front",
    "FrontPoint",
    "Health",
    "Mapper",
    "ModelShape",
    "ModuleCells",
    "ModuleSilicon",
    "PaperTable",
    "PaperTables",
    "PowerModel",
    "ProductDifference",
    "RtlBlock",
    "RtlEstimate",
    "RtlManifest",
    "RtlNeighbours",
    "RtlVectors",
    "SampleResult",
    "Scope",
    "SimDifference",
    "SimResult",
    "SimRun",
    "SimulatorResult",
    "SimulatorSummary",
    "Summary",
    "SynthesisReport",
    "SynthesizedArray",
    "SynthesizedBlock",
    "SynthesizedUnit",
    "TableEntries",
    "TableEntry",
    "TableRow",
    "ToolHealth",
    "TrainResult",
    "TrainSummary",
    "TrainedModel",
    "UnfinishedTraining",
    "UnitRun",
    "UnitSilicon",
    "VectorCoverage",
    "of_reachable",
]
