"""What a person sees while something runs: how far, how fast, how long still."""

import io
import time

import pytest
from rich.console import Console

from quweit_cli import console


def test_a_bar_shows_loss_speed_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=160)
    monkeypatch.setattr(console, "_stderr", lambda: terminal)
    with console.TerminalProgress().task("train dense", total=100) as task:
        for _ in range(4):
            time.sleep(0.15)
            task.advance(10, loss=1.4712345, tokens_per_s=1234567.0)
        time.sleep(0.3)
    shown = screen.getvalue()
    for words in ("train dense", "40/100", "loss 1.471", "tokens_per_s 1,234,567", "left", "0:00:0"):
        assert words in shown, words


def test_elsewhere_a_line_says_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    with console.TerminalProgress().task("train dense", total=100) as task:
        task.advance(100, loss=1.0)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("  train dense (0.0 s)")
