"""The settings of an experiment, section by section; `from quweit_cli import config`, then `config.Rtl`."""

from __future__ import annotations

from quweit_cli.config.base import Settings
from quweit_cli.config.data import Data, Deit
from quweit_cli.config.experiment import (
    AnySettings,
    Experiment,
    assignments,
    experiment_from_dict,
    load_experiment,
    settings,
    with_overrides,
)
from quweit_cli.config.functions import Approximate, Functions, Pieces
from quweit_cli.config.hardware import Baseline, Dump, Energy, Fold, Libraries, Part, Pattern, Rtl, Sim, Synth
from quweit_cli.config.model import (
    FEW_BITS,
    Attention,
    Block,
    Exits,
    FewBits,
    LearnForget,
    MatrixWeights,
    Mlp,
    Model,
    Projections,
    Thermometer,
    ValueBits,
    Weights,
)
from quweit_cli.config.search import Search
from quweit_cli.config.training import Distillation, Steps, Training

__all__ = [
    "FEW_BITS",
    "AnySettings",
    "Approximate",
    "Attention",
    "Baseline",
    "Block",
    "Data",
    "Deit",
    "Distillation",
    "Dump",
    "Energy",
    "Exits",
    "Experiment",
    "FewBits",
    "Fold",
    "Functions",
    "LearnForget",
    "Libraries",
    "MatrixWeights",
    "Mlp",
    "Model",
    "Part",
    "Pattern",
    "Pieces",
    "Projections",
    "Rtl",
    "Search",
    "Settings",
    "Sim",
    "Steps",
    "Synth",
    "Thermometer",
    "Training",
    "ValueBits",
    "Weights",
    "assignments",
    "experiment_from_dict",
    "load_experiment",
    "settings",
    "with_overrides",
]
