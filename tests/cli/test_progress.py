"""What a person sees while something runs: how far, how fast, how long still; in a log every half minute."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

import standins
from conftest import Outcome
from experiments import tiny_digits
from quweit_cli import artifacts
from quweit_cli.cli import console
from quweit_cli.progress import TELL_SECONDS, Lines, Passing
from quweit_cli.stages import train


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_bar_shows_loss_speed_and_time_left(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=160)
    monkeypatch.setattr(console, "_stderr", lambda: terminal)
    progress = console.TerminalProgress(clock)
    with progress.task("train dense", total=100, done=10) as task:
        for _ in range(3):
            clock.now += 2
            task.advance(10, loss=1.4712345, tokens_per_s=1234567.0)
        assert progress._bars is not None
        progress._bars.refresh()
    shown = screen.getvalue()
    for words in ("train dense", "40/100", "loss 1.471", "tokens_per_s 1,234,567", "5 a second", "0:12 left"):
        assert words in shown, words


def test_elsewhere_a_line_says_how_long_it_took(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    with console.TerminalProgress(clock).task("train dense", total=100) as task:
        task.advance(100, loss=1.0)
        clock.now += 2.5
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "  train dense (2.5 s)\n"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def lines(told: list[str], clock: Clock) -> Lines:
    return Lines(told.append, clock)


def looked_at(lines: Lines, clock: Clock, seconds: int) -> None:
    for _ in range(seconds):
        clock.now += 1
        lines.look()


def test_a_log_says_step_rate_and_time_left_every_half_minute(
    lines: Lines, clock: Clock, told: list[str]
) -> None:
    with lines.task("train dense", total=500, done=100) as task:
        for _ in range(90):
            looked_at(lines, clock, 1)
            task.advance(2)
            task.advance(0, loss=1.4712345, samples_per_s=4321.0)
    assert told == [
        "  train dense: 158 of 500, loss 1.471, samples_per_s 4,321, 1.93 a second, 0:30 gone, 2:57 left",
        "  train dense: 218 of 500, loss 1.471, samples_per_s 4,321, 1.97 a second, 1:00 gone, 2:23 left",
        "  train dense: 278 of 500, loss 1.471, samples_per_s 4,321, 1.98 a second, 1:30 gone, 1:52 left",
        "  train dense (90.0 s)",
    ]


def test_work_that_gets_nowhere_for_an_hour_is_told_of_too(
    lines: Lines, clock: Clock, told: list[str]
) -> None:
    looked_at(lines, clock, 30)
    with lines.task("synthesis", total=3) as task:
        looked_at(lines, clock, 3570)
        task.advance()
        looked_at(lines, clock, 60)
        with lines.task("rendering"):
            looked_at(lines, clock, 30)
    assert told[:2] == ["  at work, 0:30 gone", "  synthesis: 0 of 3, 0:30 gone"]
    assert told[-5:-2] == [
        "  synthesis: 1 of 3, 3.6e+03 s each, 1:00:00 gone, 2:00:00 left",
        "  synthesis: 1 of 3, 3.63e+03 s each, 1:00:30 gone, 2:01:00 left",
        "  synthesis: 1 of 3, 3.66e+03 s each, 1:01:00 gone, 2:02:00 left; rendering: 0:30 gone",
    ]
    assert len(told) == 1 + 3630 / TELL_SECONDS + 1 + 2


def test_a_bar_knows_what_is_left_when_a_step_takes_minutes(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """As a trial of a search does; what is trained within it has a bar of its own."""
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=160)
    monkeypatch.setattr(console, "_stderr", lambda: terminal)
    progress = console.TerminalProgress(clock)
    with progress.task("search", total=3) as search, Passing(progress).task("train", total=200) as training:
        clock.now += 140
        search.advance()
        training.advance(50)
        assert progress._bars is not None
        progress._bars.refresh()
    shown = screen.getvalue()
    for words in ("search", "1/3", "140 s each, 4:40 left", "train", "50/200", "2.8 s each, 7:00 left"):
        assert words in shown, words


def test_a_terminal_of_80_columns_cuts_the_bar_and_not_what_it_says(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(console, "_stderr", lambda: terminal)
    progress = console.TerminalProgress(clock)
    with (
        progress.task("search", total=24) as search,
        progress.task("train weightless", total=2000) as training,
    ):
        clock.now += 100
        search.advance()
        training.advance(500, loss=1.2345, samples_per_s=1234.5)
        assert progress._bars is not None
        progress._bars.refresh()
    shown = screen.getvalue()
    for words in (
        "1/24",
        "0:01:40",
        "100 s each, 38:20 left",
        "500/2000",
        "5 a second, 5:00 left",
        "loss 1.23",
    ):
        assert words in shown, words


def test_what_time_ends_has_that_time_left(lines: Lines, clock: Clock, told: list[str]) -> None:
    with lines.task("search", seconds=600) as task:
        looked_at(lines, clock, 30)
        task.advance(2)
        looked_at(lines, clock, 30)
    with lines.task("search", total=100, seconds=60) as task:
        task.advance()
        looked_at(lines, clock, 30)
    assert told[:2] == [
        "  search: 0:30 gone, 9:30 left",
        "  search: 2 done, 30 s each, 1:00 gone, 9:00 left",
    ]
    assert told[3] == "  search: 1 of 100, 30 s each, 0:30 gone, 0:30 left"


def test_what_passes_is_told_of_while_it_is_at_work_alone(
    lines: Lines, clock: Clock, told: list[str]
) -> None:
    passing = Passing(lines)
    with lines.task("search", total=3) as task:
        task.advance()
        with passing.task("train weightless", total=200) as training:
            training.advance(15)
            passing.note("weightless, step 15 of 200: loss 1.2")
            looked_at(lines, clock, 30)
    assert told == [
        "  search: 1 of 3, 30 s each, 0:30 gone, 1:00 left; train weightless: 15 of 200, 2 s each, 0:30 gone, 6:10 left",
        "  search (30.0 s)",
    ]


def test_what_is_told_meanwhile_breaks_the_silence_too(lines: Lines, clock: Clock, told: list[str]) -> None:
    for _ in range(4):
        looked_at(lines, clock, 20)
        lines.note("rtl     done in 3.1 s")
    assert set(told) == {"rtl     done in 3.1 s"}


def test_a_thread_looks_while_the_work_says_nothing(clock: Clock) -> None:
    told = threading.Event()
    lines = Lines(lambda line: told.set(), clock)
    with lines.watched(every=0.001), lines.task("rendering"):
        clock.now += 31
        assert told.wait(300)
    assert "progress" not in {thread.name for thread in threading.enumerate()}


def test_every_command_is_watched_and_a_quiet_one_is_not(
    quweit: Callable[..., Outcome], experiment_file: Path, tmp_path: Path
) -> None:
    """A stage that opens no task at all: its command tells that it is at work."""
    names: list[set[str]] = []

    def stage(*arguments: object, **options: object) -> object:
        names.append({thread.name for thread in threading.enumerate()})
        return standins.train(*arguments, **options)  # type: ignore[arg-type]

    standins.install(train=stage)
    try:
        for options in ((), ("--quiet",)):
            assert quweit("train", experiment_file, "--out", tmp_path / "p", *options).code == 0
    finally:
        standins.remove()
    assert ["progress" in one for one in names] == [True, False]


def test_training_counts_every_step(tmp_path: Path) -> None:
    counts = []

    class Counting(Lines):
        def look(self) -> None:
            counts.append(self.tasks[-1].done)

    lines = Counting(lambda line: None)
    project = artifacts.open_project(tmp_path / "p")
    step = train.fit.__globals__["_Run"]._step

    def looked(run: object, number: int) -> object:
        lines.look()
        return step(run, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.fit.__globals__["_Run"], "_step", looked)
        train.run(tiny_digits(), project, progress=lines)
    assert counts == [0, 1, 2, 3, 4, 5]
