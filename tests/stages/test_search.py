"""A search trains, counts and measures as the other stages do, goes on after a kill, and says what it cannot do."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import REPOSITORY, Outcome
from experiments import DIGITS
from quweit_cli import artifacts, config
from quweit_cli.documents import RTL, SYNTH, SearchResult, find_search
from quweit_cli.errors import QuweitError
from quweit_cli.progress import Lines
from quweit_cli.search import space, study
from quweit_cli.search.study import Study
from quweit_cli.stages import dump, rtl, search, train
from waiting import until

Quweit = Callable[..., Outcome]
MODEL = DIGITS["model"] | {"dim": 8, "depth": 1, "heads": 1}
CHOICES = {
    "thermometer_bits": [2, 3],
    "layers": [1, 2],
    "luts": [8, 12],
    "groups": [1, 2, 3],
    "value_bits": [8, "ternary"],
    "outputs_per_cycle": [1, 8, 16],
    "steps": 3,
    "trials": 4,
}
TINY: dict[str, Any] = {
    **DIGITS,
    "name": "tiny",
    "model": MODEL,
    "dump": {"rows": 16, "samples": 16},
    "rtl": {"random_rows": 8, "directed_rows": 0},
    "sim": {"simulators": ["verilator"]},
    "search": CHOICES,
}


def tiny(**choices: Any) -> config.Experiment:
    return config.experiment_from_dict({**TINY, "search": CHOICES | choices}, where="test")


def open_study(project: Path, experiment: config.Experiment) -> Study:
    shared = space.base(experiment)
    key = search.keys.search(shared, experiment.search)
    made_from = {"quweit": search.__version__, **key._asdict()}
    return Study(project / "search" / search.STORAGE, made_from, seed=experiment.search.seed)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of four trials that is finished."""
    made = artifacts.open_project(tmp_path_factory.mktemp("search") / "project")
    search.run(tiny(), made)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY))
    return path


def found(project: Path) -> SearchResult:
    result = find_search(project)
    assert result is not None
    return result


def test_every_trial_has_the_figures_that_its_model_gives(project: Path, tmp_path: Path) -> None:
    """By the stages one after another, as a user would run them."""
    trial = found(project).tried[0]
    candidate = space.candidate(space.base(tiny()), trial.settings)
    own = artifacts.open_project(tmp_path / "own")
    trained = train.run(candidate, own)
    dump.run(own / "train" / "ckpt.pt", own, candidate.dump)
    made = rtl.run(own, candidate.rtl)
    assert trained.models[0].test_loss == trial.loss  # type: ignore[union-attr]
    assert trained.models[0].test_accuracy == trial.accuracy  # type: ignore[union-attr]
    assert sum(block.estimate.luts for block in made.blocks if block.estimate) == trial.luts
    assert sum(block.estimate.ffs for block in made.blocks if block.estimate) == trial.ffs


def test_a_trial_tells_how_far_its_training_is_and_leaves_its_figures_alone(tmp_path: Path) -> None:
    told: list[str] = []

    class Looking(Lines):
        def look(self) -> None:
            told.append("; ".join(task.line(self.clock()) for task in self.tasks))

    lines = Looking(told.append)
    step = train.fit.__globals__["_Run"]._step

    def looked(run: object, number: int) -> object:
        lines.look()
        return step(run, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.fit.__globals__["_Run"], "_step", looked)
        search.run(tiny(trials=2, minutes=5), artifacts.open_project(tmp_path / "p"), progress=lines)
    looks = [line for line in told if "train weightless" in line]
    assert looks and all(line.startswith("search: ") and "left; train weightless: " in line for line in looks)
    left = [line for line in told if line not in looks]
    assert [line.split()[0] for line in left] == ["trial", "trial", "search"]


def test_a_front_a_table_and_a_plot_are_written(project: Path) -> None:
    result = found(project)
    assert len(result.tried) == 4
    assert 1 <= len(result.front) <= 4
    for one in result.tried:
        beaten = [
            other
            for other in result.tried
            if other is not one and all(a <= b for a, b in zip(other.figures, one.figures, strict=True))
        ]
        assert bool(beaten) != one.on_front or [o.figures for o in beaten] == [one.figures]
    rows = list(csv.DictReader((project / "search" / "search.csv").open()))
    assert [row["state"] for row in rows] == [one.state for one in result.trials]
    assert [row["luts"] for row in rows] == ["" if o.luts is None else str(o.luts) for o in result.trials]
    assert {row["measured_luts"] for row in rows} == {""}
    assert (project / "search" / "front.svg").read_text().startswith("<svg")


def test_what_cannot_be_is_refused_with_the_reason_and_counts_for_nothing(tmp_path: Path) -> None:
    project = artifacts.open_project(tmp_path / "project")
    result = search.run(tiny(groups=[3, 4], outputs_per_cycle=[4, 16], trials=2), project)
    refused = [one for one in result.trials if one.state == "refused"]
    assert len(result.tried) == 2
    assert refused
    for one in refused:
        assert one.reason is not None
        assert (
            "must divide dim (8)" in one.reason
            or "has only 8 outputs" in one.reason
            or "same as" in one.reason
        )
        assert (one.loss, one.luts, one.energy_uj) == (None, None, None)


def test_a_search_of_which_nothing_can_be_is_the_users_to_mend(
    quweit: Quweit, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PROPOSALS", 5)
    done = quweit("search", file, "--out", tmp_path / "p", "--set", "search.groups=[3]")
    assert done.code == 2
    assert (
        "no trial of the search has figures; of the last one: settings of a trial: `model`: " in done.stderr
    )
    assert found(tmp_path / "p").tried == []


def test_trials_that_differ_in_folding_alone_share_a_model(tmp_path: Path) -> None:
    project = artifacts.open_project(tmp_path / "project")
    alone = {"thermometer_bits": [2], "layers": [1], "luts": [8], "groups": [1], "value_bits": [8]}
    result = search.run(tiny(**alone, outputs_per_cycle=[1, 2, 8], trials=3), project)
    assert sorted(str(one.settings["rtl.outputs_per_cycle"]) for one in result.tried) == ["1", "2", "8"]
    assert len(list((project / "search" / "models").iterdir())) == 1
    assert len({one.loss for one in result.tried}) == 1
    assert len({one.luts for one in result.tried}) == 3


def test_a_search_ends_where_nothing_new_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PROPOSALS", 5)
    only = {name: [CHOICES[name][0]] for name in space.LISTS}  # type: ignore[index]
    result = search.run(tiny(**only, trials=9), artifacts.open_project(tmp_path / "project"))
    assert len(result.tried) == 1
    assert {one.reason for one in result.trials[1:]} == {"the same as trial 0"}


def test_a_search_goes_on_with_more_time_and_keeps_what_it_has(project: Path, tmp_path: Path) -> None:
    own = artifacts.open_project(tmp_path / "own")
    first = search.run(tiny(trials=2), own)
    both = search.run(tiny(), own)
    assert both.trials[: len(first.trials)] == [
        one.model_copy(update={"on_front": again.on_front})
        for one, again in zip(first.trials, both.trials, strict=False)
    ]
    assert [one.settings for one in both.trials] == [one.settings for one in found(project).trials]


def test_a_search_that_was_killed_goes_on_and_gives_what_an_uninterrupted_one_gives(
    project: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL in the middle of the third training."""
    own = tmp_path / "own"
    script = (
        "from quweit_cli.training import loop\n"
        "import quweit_cli.stages.train as stage, sys, time\n"
        "from quweit_cli.__main__ import main\n"
        "fit, begun = stage.fit, []\n"
        "def slow(*arguments, **options):\n"
        "    begun.append(1)\n"
        "    while len(begun) == 3:\n"
        "        print('at work', flush=True)\n"
        "        time.sleep(1)\n"
        "    return fit(*arguments, **options)\n"
        "stage.fit = slow\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script, "search", str(file), "--out", str(own)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGKILL)
    monkeypatch.setattr(study, "GRACE_SECONDS", 1)
    left = open_study(own, tiny())
    before = left.trials()
    assert sum(one.state == "tried" for one in before) >= 2
    until(lambda: left.running() == 0)
    result = search.run(tiny(), own)
    assert [one.settings for one in result.tried] == [one.settings for one in found(project).tried]
    assert [one.figures for one in result.tried] == [one.figures for one in found(project).tried]
    assert [one.number for one in result.trials[: len(before)]] == [one.number for one in before]


def test_an_interrupt_keeps_what_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, fit = artifacts.open_project(tmp_path / "project"), train.fit
    begun: list[int] = []

    def interrupted(*arguments: Any, **options: Any) -> Any:
        begun.append(1)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return fit(*arguments, **options)

    monkeypatch.setattr(train, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        search.run(tiny(), project)
    assert any("run the same command again" in note for note in raised.value.__notes__)
    assert len(found(project).tried) >= 1
    assert len(search.run(tiny(), project).tried) == 4


def test_a_training_that_comes_to_nothing_is_a_trial_without_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverges(*arguments: Any, **options: Any) -> Any:
        raise QuweitError("the loss is no longer a number")

    monkeypatch.setattr(train, "fit", diverges)
    project = artifacts.open_project(tmp_path / "project")
    with pytest.raises(QuweitError, match="no trial of the search has figures"):
        search.run(tiny(trials=2), project)
    failed = [one for one in found(project).trials if one.state == "failed"]
    assert [one.reason for one in failed] == ["the loss is no longer a number"] * 2


@pytest.mark.slow
@pytest.mark.requires("verilator", "yosys")
def test_what_is_measured_is_what_simulator_and_synthesizer_say(tmp_path: Path) -> None:
    project = artifacts.open_project(tmp_path / "project")
    result = search.run(tiny(trials=2), project, measure=1)
    (measured,) = (one for one in result.trials if one.measured)
    assert measured.on_front
    assert measured.measured is not None
    own = project / "search" / measured.measured.project
    assert measured.measured.luts == sum(block.luts or 0 for block in SYNTH.load(own).blocks)
    assert measured.measured.ffs == sum(block.ffs for block in SYNTH.load(own).blocks)
    tokens, blocks = 4, RTL.load(own).blocks  # 8 x 8 pixels in patches of 4 x 4
    cycles = sum(block.initiation_interval_cycles for block in blocks)
    assert measured.measured.sample_cycles == tokens * cycles == measured.sample_cycles
    assert [block.outputs_per_beat for block in blocks] == [measured.settings["rtl.outputs_per_cycle"]]
    assert (own / "report" / "index.html").is_file()
    others = [one for one in result.trials if one is not measured]
    assert all(one.measured is None for one in others)
    again = search.run(tiny(trials=2), project)  # without measuring, what was measured stays
    assert again == result


def test_the_command_prints_the_front_or_the_document(quweit: Quweit, file: Path, project: Path) -> None:
    done = quweit("search", file, "--out", project)
    assert done.code == 0
    assert "tiny: the front" in done.stdout
    assert "4 trials with figures" in done.stdout
    assert str(project / "search" / "front.svg") in done.stdout
    printed = quweit("search", file, "--out", project, "--json")
    assert json.loads(printed.stdout) == json.loads((project / "search" / "search.json").read_text())
    assert json.loads(printed.stdout)["schema"] == "quweit.search/1"


def test_several_projects_can_name_one_study(
    quweit: Quweit, file: Path, project: Path, tmp_path: Path
) -> None:
    storage = project / "search" / search.STORAGE
    done = quweit("search", file, "--out", tmp_path / "other", "--storage", storage, "--json")
    assert done.code == 0, done.stderr
    assert SearchResult.model_validate_json(done.stdout).trials == found(project).trials
    assert not (tmp_path / "other" / "search" / search.STORAGE).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--budget", "0"], "leaves nothing to search"),
        (["--budget", "0m"], "leaves nothing to search"),
        (["--budget", "soon"], "is no budget"),
        (["--budget", "4", "--budget", "5"], "how many trials twice"),
        (["--set", "search.luts=[]"], "search.luts"),
        (["--set", "search.bits=[2]"], "search.bits"),
        (["--set", "model.mlp=dense"], "`model.mlp` is dense"),
        (["--storage", "no/such/folder/study.sqlite3"], "cannot use the folder"),
    ],
)
def test_what_cannot_be_used_is_an_error_of_the_user(
    quweit: Quweit, file: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = quweit("search", file, "--out", tmp_path / "p", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "override", ["search.luts=[8]", "training.learning_rate=0.1", "search.seed=2", "seed=1"]
)
def test_a_study_of_other_settings_is_refused(
    quweit: Quweit, file: Path, project: Path, override: str
) -> None:
    done = quweit("search", file, "--out", project, "--set", override)
    assert done.code == 2
    assert override.partition("=")[0] in done.stderr


def test_a_budget_is_trials_or_time(quweit: Quweit, file: Path, project: Path) -> None:
    for budget in (["--budget", "4"], ["--budget", "4", "--budget", "2h"], ["--budget", "0.001m"]):
        done = quweit("search", file, "--out", project, *budget, "--json")
        assert done.code == 0, done.stderr
        assert len(SearchResult.model_validate_json(done.stdout).tried) == 4


@pytest.mark.usefixtures("stand_in_tools")
def test_tools_are_looked_for_before_anything_is_trained(
    quweit: Quweit, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUWEIT_VERILATOR", str(tmp_path / "none"))
    done = quweit("search", file, "--out", tmp_path / "p", "--measure", "1")
    assert done.code == 3
    assert find_search(tmp_path / "p") is None


def test_a_damaged_study_or_document_is_no_bug(quweit: Quweit, file: Path, tmp_path: Path) -> None:
    own = artifacts.open_project(tmp_path / "p")
    (own / "search").mkdir()
    (own / "search" / search.STORAGE).write_bytes(b"SQLite format 3\0 and no more")
    done = quweit("search", file, "--out", own)
    assert done.code == 2
    assert "study.sqlite3" in done.stderr
    (own / "search" / "search.json").write_text("{}")
    assert quweit("report", own).code == 2


def test_a_report_has_a_section_of_the_search(quweit: Quweit, project: Path, tmp_path: Path) -> None:
    assert quweit("report", project).code == 0
    page = (project / "report" / "index.html").read_text()
    assert ">Search</h2>" in page
    assert "4 trials with figures" in page
