"""A second run redoes nothing, and a changed setting redoes only what depends on it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import standins
from quweit_cli import config, toolbox
from quweit_cli.errors import ConfigError, Mismatch, ToolNotFound
from quweit_cli.progress import Progress
from quweit_cli.stages import pipeline

ALL = ["train", "dump", "rtl", "sim", "synth", "front", "energy", "report"]
pytestmark = pytest.mark.usefixtures("stand_in_tools")
Run = Callable[..., list[str]]


class Notes(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, message: str) -> None:
        self.lines.append(message)


@pytest.fixture
def run(stand_in_stages: list[str], experiment_file: Path, tmp_path: Path) -> Run:
    """Runs the pipeline with changed settings; gives the stages that did work."""

    def invoke(*overrides: str, notes: Notes | None = None) -> list[str]:
        stand_in_stages.clear()
        experiment = config.with_overrides(config.load_experiment(experiment_file), list(overrides))
        pipeline.run(experiment, tmp_path / "project", progress=notes or Progress())
        return list(stand_in_stages)

    return invoke


def test_the_second_run_redoes_nothing(run: Run) -> None:
    assert run() == ALL
    notes = Notes()
    assert run(notes=notes) == []
    assert notes.lines == [f"{stage:<7} up to date" for stage in ALL]


@pytest.mark.parametrize(
    ("override", "redone"),
    [
        ("training.steps=2", ALL),
        ("model.block.fan_in=4", ALL),
        ("seed=1", ALL),
        ("dump.rows=7", ALL[1:]),
        ("rtl.outputs_per_cycle=2", ALL[2:]),
        ("sim.rows={verilator: 3}", ["sim", "front", "energy", "report"]),
        ("synth.clock_mhz=150", ["synth", "front", "energy", "report"]),
        ("energy.arrays=[8]", ["energy", "report"]),
    ],
)
def test_a_setting_redoes_what_depends_on_it(run: Run, override: str, redone: list[str]) -> None:
    run()
    assert run(override) == redone


def test_what_comes_out_the_same_stops_the_redoing(run: Run) -> None:
    """The stand-in's weights do not depend on the rate: training runs, and all after it stays."""
    run()
    assert run("training.learning_rate=0.01") == ["train"]


def test_a_changed_file_is_noticed(run: Run, tmp_path: Path) -> None:
    run()
    manifest = tmp_path / "project" / "rtl" / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    assert run() == ["rtl"]


def test_a_removed_stage_is_made_again(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "project" / "synth" / "synth.json").unlink()
    assert run() == ["synth"]


def test_a_data_file_counts_by_its_content(
    stand_in_stages: list[str], experiment_file: Path, tmp_path: Path
) -> None:
    def again(place: str, content: str) -> list[str]:
        stand_in_stages.clear()
        (tmp_path / place).write_text(content)
        experiment = config.with_overrides(
            config.load_experiment(experiment_file), [f"data.path={tmp_path / place}"]
        )
        pipeline.run(experiment, tmp_path / "project")
        return list(stand_in_stages)

    assert again("text.txt", "to be") == ALL
    assert again("elsewhere.txt", "to be") == []
    assert again("text.txt", "or not") == ["train", "dump"]


def test_a_dense_baseline_is_trained_and_reported_only(run: Run, tmp_path: Path) -> None:
    assert run("model.mlp=dense") == ["train", "report"]
    summary = json.loads((tmp_path / "project" / "summary.json").read_text())
    assert summary["train"]["test_accuracy"] == {"dense": 0.97}
    assert summary["sim"] is None


@pytest.mark.parametrize("mlp", ["dense", "learn_forget"])
def test_a_model_without_blocks_goes_through_all_stages_but_the_front_where_hardware_of_it_is_asked_for(
    run: Run, mlp: str
) -> None:
    stages = run(f"model.mlp={mlp}", "model.arithmetic=integer", "rtl.side=8")
    assert stages == ["train", "dump", "rtl", "sim", "synth", "energy", "report"]


@pytest.mark.parametrize("mlp", ["dense", "learn_forget"])
def test_a_model_without_blocks_does_not_mix_with_hardware(run: Run, mlp: str) -> None:
    run()
    with pytest.raises(
        ConfigError, match=f"holds the hardware of a weightless model, and `model.mlp` is {mlp}"
    ):
        run(f"model.mlp={mlp}")


def test_a_missing_simulator_is_skipped_visibly(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUWEIT_ICARUS", "/no/such/iverilog")
    notes = Notes()
    run("sim.simulators=[verilator, icarus]", notes=notes)
    assert notes.lines[0].startswith("skipping icarus: ")
    summary = json.loads((tmp_path / "project" / "summary.json").read_text())
    assert list(summary["sim"]) == ["verilator"]
    assert "/no/such/iverilog" in summary["skipped"]["icarus"]


@pytest.mark.parametrize("variable", ["QUWEIT_VERILATOR", "QUWEIT_YOSYS"])
def test_a_tool_that_nothing_replaces_is_missed_before_training(
    run: Run, stand_in_stages: list[str], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "/no/such/tool")
    with pytest.raises(ToolNotFound, match=variable):
        run()
    assert stand_in_stages == []


def test_an_unknown_simulator_is_refused_before_training(run: Run, stand_in_stages: list[str]) -> None:
    with pytest.raises(ConfigError, match="modelsim"):
        run("sim.simulators=[modelsim]")
    assert stand_in_stages == []


def test_a_verdict_counts_again_when_nothing_has_changed(
    stand_in_stages: list[str], experiment_file: Path, tmp_path: Path
) -> None:
    asked: list[bool] = []

    def differ(*arguments: Any, reuse: bool = False, **options: Any) -> None:
        asked.append(reuse)
        standins.sim(*arguments, reuse=reuse, **options)
        raise Mismatch("not equal")

    standins.install(sim=differ)
    for _ in range(2):
        with pytest.raises(Mismatch):
            pipeline.run(config.load_experiment(experiment_file), tmp_path / "project")
    assert asked == [True, True]
    assert standins.CALLS == ["train", "dump", "rtl", "sim"]


def test_the_summary_holds_the_figures_of_every_stage(run: Run, tmp_path: Path) -> None:
    run()
    summary = json.loads((tmp_path / "project" / "summary.json").read_text())
    assert summary["schema"] == "quweit.summary/3"
    assert summary["train"]["test_accuracy"] == {"weightless": 0.97}
    assert summary["train"]["parameters"] == {"weightless": 10}
    assert summary["train"]["seed"] == 0
    assert summary["dump"]["blocks"] == 1
    assert summary["sim"]["verilator"] == {
        "version": "1.0",
        "bit_exact": True,
        "blocks": 1,
        "rows_compared": 4,
        "cycles_per_row": [8],
        "seconds": 0.0,
        "table_entries_read": None,
        "table_entries_reachable": None,
        "model": None,
        "not_compared": [],
        "steady_only": False,
    }
    assert {"design", "kind", "tool", "version", "device", "luts", "ffs", "brams", "dsps", "seconds"} <= set(
        summary["synth"][0]
    )
    assert {"value", "unit", "cycles", "cycles_sources", "power_mw", "power_sources"} <= set(
        summary["energy"]["rows"][0]
    )


def test_a_finished_training_is_recognised_without_torch(run: Run, tmp_path: Path) -> None:
    run()
    code = (
        "import sys; from pathlib import Path; from quweit_cli import artifacts, config;"
        "from quweit_cli.stages import keys, pipeline;"
        f"key = keys.train(config.load_experiment(Path({str(tmp_path / 'tiny.yaml')!r})));"
        f"project = Path({str(tmp_path / 'project')!r});"
        "assert artifacts.is_current(project, 'train', inputs=key.inputs, options=key.options);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_simulators_of_the_defaults_are_tools() -> None:
    assert set(config.Sim().simulators) <= set(toolbox.TOOLS)
