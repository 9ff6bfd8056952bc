"""Two projects to set beside one another: whole models with training, energy, a front and a search each. Nothing is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import packages
import whole_models
from quweit_cli import artifacts, config
from quweit_cli.documents import Front, FrontPoint, MeasuredTrial, SearchResult, SearchTrial
from quweit_cli.documents.search import FILE, FOLDER
from quweit_cli.stages import energy, keys

MEASURED = MeasuredTrial(
    project="measured/one", luts=900, ffs=280, sample_cycles=130, energy_uj=0.2, modelled=True, simulators=["Verilator"],
    tools=["Yosys"],
)  # fmt: skip


def write_project(
    path: Path, *, loss: float, luts: int = 0, options: dict[str, object] | None = None
) -> Path:
    """luts: of the model beyond the usual; options: settings of its training."""
    made = whole_models.synthesized()
    whole_models.write_project(path, model=made.model_copy(update={"luts": (made.luts or 0) + luts}))
    train = packages.train_result()
    models = [one.model_copy(update={"test_loss": loss}) for one in train.models]
    packages.write_document(path, "train", train.model_copy(update={"models": models}), options=options)
    energy.run(path, config.Energy())
    inputs, chosen = keys.front(path, "block_0")
    points = [_folding(lanes, luts) for lanes in (1, 4, 48)]
    front = Front(name="tiny", block="block_0", clock_mhz=200.0, points=points)
    with artifacts.writing_stage(path, "front", inputs=inputs, options=chosen) as folder:
        artifacts.save(front, folder / "front.json")
    (path / FOLDER).mkdir()
    trials = [_trial(number, loss, measured=MEASURED if number == 1 else None) for number in range(3)]
    found = SearchResult(name="tiny", seed=0, steps=9, clock_mhz=200.0, choices={"luts": [1]}, trials=trials)
    artifacts.save(found, path / FOLDER / FILE)
    return path


def _folding(lanes: int, luts: int) -> FrontPoint:
    return FrontPoint(
        block="block_0", source="estimated", accounting="counted", outputs_per_cycle=lanes, bits_per_cycle=4.0 * lanes,
        cycles_per_row=192 // lanes, sample_cycles=196 * 192 // lanes, luts=3_000 + luts + 500 * lanes, ffs=1_200,
        power_mw=64.37, power_sources=["model"], energy_uj=28.8 / lanes,
    )  # fmt: skip


def _trial(number: int, loss: float, **kept: Any) -> SearchTrial:
    return SearchTrial(
        number=number, settings={"model.block.groups": 2}, state="tried", loss=loss + 0.1 * number,
        luts=1000 - 100 * number, energy_uj=0.3, sample_cycles=128, on_front=True, **kept,
    )  # fmt: skip
