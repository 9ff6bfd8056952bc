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
from quweit_cli.documents.dump import (
    DumpChecks,
    DumpedBlock,
    DumpedHead,
    DumpedModel,
    DumpedProduct,
    DumpedTensor,
    DumpManifest,
)
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
from quweit_cli.documents.functions import Approximation, Errors, FunctionRow, FunctionTable, WideErrors
from quweit_cli.documents.model import ModelShape
from quweit_cli.documents.package import (
    ArrayDesign,
    AxisPort,
    BlockDesign,
    Design,
    ModelDesign,
    Part,
    Product,
    RowDesign,
    RtlEstimate,
    RtlManifest,
    RtlNeighbours,
    ScheduledJob,
    UnitDesign,
)
from quweit_cli.documents.stages import DUMP, ENERGY, FORMAL, FRONT, NETLIST, RTL, SIM, SYNTH, TRAIN, Stage
from quweit_cli.documents.summary import (
    DumpSummary,
    EnergySummary,
    ModelSummary,
    SimulatorSummary,
    Summary,
    TrainSummary,
)
from quweit_cli.documents.synthesis import (
    Implementation,
    LibraryFigures,
    Mapper,
    ModuleCells,
    ModuleInCells,
    SynthesisReport,
)
from quweit_cli.documents.table import Cell, PaperTable, PaperTables, TableRow
from quweit_cli.documents.training import (
    EvalResult,
    SampleResult,
    TrainedModel,
    TrainResult,
    UnfinishedTraining,
)
from quweit_cli.documents.vectors import GoldenRows, RtlVectors, TableEntries, TableEntry, VectorCoverage
from quweit_cli.documents.verdict import (
    ArrayRun,
    Form,
    FormalProof,
    FormalResult,
    ProductDifference,
    Run,
    SimDifference,
    SimResult,
    SimRun,
    SimulatorResult,
    of_reachable,
)

__all__ = [
    "DUMP",
    "ENERGY",
    "FORMAL",
    "FRONT",
    "NETLIST",
    "RTL",
    "SIM",
    "SYNTH",
    "TRAIN",
    "Accounting",
    "Approximation",
    "ArrayDesign",
    "ArrayRun",
    "AxisPort",
    "BlockDesign",
    "CalibrationPoint",
    "Cell",
    "Design",
    "DumpChecks",
    "DumpManifest",
    "DumpSummary",
    "DumpedBlock",
    "DumpedHead",
    "DumpedModel",
    "DumpedProduct",
    "DumpedTensor",
    "EnergyRatio",
    "EnergyRow",
    "EnergySummary",
    "EnergyTable",
    "Errors",
    "EstimateTable",
    "EvalResult",
    "Example",
    "Examples",
    "Form",
    "FormalProof",
    "FormalResult",
    "Front",
    "FrontPoint",
    "FunctionRow",
    "FunctionTable",
    "GoldenRows",
    "Health",
    "Implementation",
    "LibraryFigures",
    "Mapper",
    "ModelDesign",
    "ModelShape",
    "ModelSummary",
    "ModuleCells",
    "ModuleInCells",
    "PaperTable",
    "PaperTables",
    "Part",
    "PowerModel",
    "Product",
    "ProductDifference",
    "RowDesign",
    "RtlEstimate",
    "RtlManifest",
    "RtlNeighbours",
    "RtlVectors",
    "Run",
    "SampleResult",
    "ScheduledJob",
    "Scope",
    "SimDifference",
    "SimResult",
    "SimRun",
    "SimulatorResult",
    "SimulatorSummary",
    "Stage",
    "Summary",
    "SynthesisReport",
    "TableEntries",
    "TableEntry",
    "TableRow",
    "ToolHealth",
    "TrainResult",
    "TrainSummary",
    "TrainedModel",
    "UnfinishedTraining",
    "UnitDesign",
    "VectorCoverage",
    "WideErrors",
    "of_reachable",
]
