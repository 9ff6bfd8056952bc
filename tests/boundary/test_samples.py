"""Samples of a function from CSV and JSON: what is read, and what is refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from quweit_cli.boundary import samples
from quweit_cli.boundary.readers import Unreadable
from quweit_cli.boundary.samples import read_samples


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.csv", "x,y\n-1,2\n0.5,1e-3\n"),
        ("f.csv", "-1,2\r\n\r\n0.5,0.001"),
        ("f.json", "[[-1, 2], [0.5, 1e-3]]"),
    ],
)
def test_pairs_are_read(name: str, text: str, tmp_path: Path) -> None:
    assert read_samples(written(tmp_path, name, text)) == ([-1, 0.5], [2, 1e-3])


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("f.csv", "x,y\n1,2\n3\n", r"sample 2 is \['3'\], not two numbers"),
        ("f.csv", "1,2\n3,four\n", "sample 2 is .*, not two numbers"),
        ("f.csv", "1,nan\n", "sample 1 is .*, which is not finite"),
        ("f.csv", '1,"2\n', "it is not CSV"),
        ("f.json", "{}", "not a list of pairs"),
        ("f.json", "[[1, 2], 3]", "sample 2 is 3, not two numbers"),
        ("f.json", "[[1, true]]", "sample 1 is .*, not two numbers"),
        ("f.json", "[[1, Infinity]]", "it holds Infinity, which is no number"),
        ("f.json", "[[1, 2]", "it is not JSON"),
        ("f.json", f"[[1, {'9' * 400}]]", "sample 1 is .*, not two numbers"),
    ],
)
def test_what_is_no_pair_is_refused(name: str, text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_samples(written(tmp_path, name, text))


def test_more_samples_than_anyone_needs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MOST_SAMPLES", 2)
    with pytest.raises(Unreadable, match="it has 3 samples, more than 2"):
        read_samples(written(tmp_path, "f.csv", "1,2\n2,3\n3,4\n"))
