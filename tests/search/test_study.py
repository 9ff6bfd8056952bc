"""A study remembers what was tried: over kills and interrupts, for several processes, and for its own settings alone."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY
from quweit_cli import config
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.search import space, study
from quweit_cli.search.study import Failed, Figures, Refused, Settings, Study
from waiting import until

CHOICES = config.Search()
# Tries for ever once it has proposed settings for the third time, and says so on stdout.
WORKER = """
import sys, time
from pathlib import Path
from quweit_cli import config
from quweit_cli.search import space
from quweit_cli.search.study import Study
study, most = Study(Path(sys.argv[1]), {"of": "tests"}, seed=0), int(sys.argv[2])
def evaluate(settings):
    if study.begun() > most:
        print("at work", flush=True)
        while True:
            time.sleep(1)
    return {"loss": len(str(settings)), "luts": 9, "energy_uj": 1.0}
for _ in range(int(sys.argv[3])):
    study.try_one(lambda choose: space.proposed(config.Search(), choose), evaluate)
"""


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "GRACE_SECONDS", 1)


def opened(path: Path, seed: int = 0, **made_from: Any) -> Study:
    return Study(path, made_from or {"of": "tests"}, seed=seed)


def propose(choose: space.Choose) -> Settings:
    return space.proposed(CHOICES, choose)


def figures(settings: Settings) -> Figures:
    """Of which trials are better, and which worse, decided by the settings."""
    bits, outputs = settings["model.block.thermometer.bits"], settings["rtl.outputs_per_cycle"]
    assert isinstance(bits, int) and isinstance(outputs, int)
    return {"loss": 1 / bits, "luts": 100 * bits * outputs, "energy_uj": 1 / outputs}


def tried(path: Path, count: int, *, at_once: int = 99, seed: int = 0) -> list[Settings]:
    """Settings of so many trials of a new study that is opened again after every few."""
    found: list[Settings] = []
    while len(found) < count:
        one = opened(path, seed)
        for _ in range(min(at_once, count - len(found))):
            one.try_one(propose, figures)
        found = [trial.settings for trial in one.trials() if trial.state == "tried"]
    return found


def worker(path: Path, most: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, str(path), str(most), str(count)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_what_was_tried_is_there_for_whoever_opens_the_file_next(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite3"
    assert opened(path).trials() == []
    made = opened(path).try_one(propose, figures)
    assert made is not None
    assert (made.state, made.loss) == ("tried", figures(made.settings)["loss"])
    assert opened(path).trials() == [made]
    assert opened(path).begun() == 1


@pytest.mark.slow
def test_the_same_seed_proposes_the_same_however_often_it_is_opened(tmp_path: Path) -> None:
    """Beyond the first ten, which are drawn without a look at what came of others."""
    whole = tried(tmp_path / "whole", 14)
    assert tried(tmp_path / "pieces", 14, at_once=1) == whole
    assert tried(tmp_path / "other", 14, seed=1) != whole


def test_a_killed_process_has_its_settings_proposed_again(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite3"
    process = worker(path, most=2, count=9)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = opened(path)
    assert [one.number for one in left.trials()] == [0, 1]
    until(lambda: left.running() == 0)
    assert left.begun() == 2
    again = left.try_one(propose, figures)
    assert again is not None
    assert again.number == 3  # 2 was ended
    others = [one.settings for one in left.trials()]
    assert others == tried(tmp_path / "uninterrupted", 3)
    assert left.try_one(propose, figures) is not None
    assert [one.number for one in left.trials()] == [0, 1, 3, 4]


def test_processes_share_a_study_and_count_together(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite3"
    processes = [worker(path, most=99, count=4) for _ in range(2)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    trials = opened(path).trials()
    assert [one.number for one in trials] == list(range(8))
    assert opened(path).begun() == sum(one.state == "tried" for one in trials)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ArtifactError("the disk is full"), ZeroDivisionError])
def test_what_ends_a_trial_from_outside_has_it_proposed_again(tmp_path: Path, error: Any) -> None:
    path, seen = tmp_path / "study.sqlite3", []

    def fail(settings: Settings) -> Figures:
        seen.append(settings)
        raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        opened(path).try_one(propose, fail)
    assert opened(path).trials() == []
    assert opened(path).begun() == 0
    again = opened(path).try_one(propose, figures)
    assert again is not None
    assert [again.settings] == seen


def test_settings_that_cannot_be_are_kept_with_the_reason_and_do_not_count(tmp_path: Path) -> None:
    def refuse(settings: Settings) -> Figures:
        raise Refused("groups (4) must divide 6")

    one = opened(tmp_path / "study.sqlite3")
    made = one.try_one(propose, refuse)
    assert made is not None
    assert (made.state, made.reason, made.loss, made.luts) == (
        "refused",
        "groups (4) must divide 6",
        None,
        None,
    )
    assert one.begun() == 0


def test_what_was_tried_in_vain_counts_and_has_no_figures(tmp_path: Path) -> None:
    def fail(settings: Settings) -> Figures:
        raise Failed("the loss is no longer a number")

    one = opened(tmp_path / "study.sqlite3")
    made = one.try_one(propose, fail)
    assert made is not None
    assert (made.state, made.reason, made.energy_uj) == ("failed", "the loss is no longer a number", None)
    assert one.begun() == 1


def test_the_same_settings_are_not_tried_twice(tmp_path: Path) -> None:
    choices = config.Search.model_validate(dict.fromkeys(space.LISTS, (1,)) | {"value_bits": (8,)})
    one = opened(tmp_path / "study.sqlite3")
    for _ in range(2):
        made = one.try_one(lambda choose: space.proposed(choices, choose), figures)
    assert made is not None
    assert (made.state, made.reason) == ("refused", "the same as trial 0")


def test_a_trial_that_another_process_took_over_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite3"

    def taken_over(settings: Settings) -> Figures:
        other = opened(path)
        until(lambda: other.running() == 0)
        return figures(settings)

    assert opened(path).try_one(propose, taken_over) is None
    assert opened(path).trials() == []
    assert opened(path).try_one(propose, figures) is not None


def test_a_study_of_other_settings_is_refused_by_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite3"
    opened(path, options={"training": {"steps": 2}, "seed": 1})
    with pytest.raises(ConfigError, match=r"belongs to other settings: training\.steps$"):
        opened(path, options={"training": {"steps": 3}, "seed": 1})
    assert opened(path, options={"training": {"steps": 2}, "seed": 1}).trials() == []


def broken(statement: str) -> Callable[[Path], None]:
    def breaks(path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.commit()
        connection.close()

    return breaks


def of_others(path: Path) -> None:
    path.unlink()
    broken("create table measurements (x)")(path)


def overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:16384] = b"\x55" * 12288
    path.write_bytes(content)


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text("no database"),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        overwritten,
        a_pipe,
        of_others,
        broken("update studies set study_name = 'mine'"),
        broken("update trial_user_attributes set value_json = '{' where key = 'figures'"),
        broken("update trial_user_attributes set value_json = '{}' where key = 'figures'"),
        broken("update trial_user_attributes set value_json = '7' where key = 'settings'"),
        broken("update trial_user_attributes set value_json = '\"odd\"' where key = 'state'"),
        broken("update trial_params set distribution_json = '[]'"),
        broken("delete from study_user_attributes"),
        broken("update study_user_attributes set value_json = '3'"),
    ],
)
def test_a_damaged_file_or_one_of_others_is_an_error_of_the_file(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    path = tmp_path / "study.sqlite3"
    opened(path).try_one(propose, figures)
    damage(path)
    with pytest.raises((ArtifactError, ConfigError)) as raised:
        opened(path).trials()
    assert "study.sqlite3" in raised.value.message
    assert raised.value.hint


def test_a_database_of_others_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    broken("create table measurements (x)")(path)
    before = path.read_bytes()
    with pytest.raises(ArtifactError, match="holds no study"):
        opened(path)
    assert path.read_bytes() == before
