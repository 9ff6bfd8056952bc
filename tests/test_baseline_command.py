"""`quweit baseline` and the tables that it leads to, from nothing, at the size of a toy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Outcome

TINY = ("baseline", "--model", "tiny=2,16,2,10,32,causal", "--array", "8", "--cycles-per-row", "4")


@pytest.mark.slow  # a minute of one core
@pytest.mark.requires("verilator", "yosys")
def test_the_tables_are_made_from_nothing_and_reused(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    done = quweit(*TINY, "--out", tmp_path / "p")
    assert done.code == 0, done.stderr
    assert quweit("energy", tmp_path / "p", "--tables").code == 0
    tables = json.loads((tmp_path / "p" / "tables.json").read_text())["tables"]
    for key in ("table4_tiny", "table4_tiny_causal"):
        table4 = next(table for table in tables if table["key"] == key)
        gains = next(row for row in table4["rows"] if row["label"] == "times less")["cells"]
        ours = [gain for column, gain in zip(table4["columns"], gains, strict=True) if ", ours" in column]
        assert len(ours) == 4
        assert all(gain["value"] is not None for gain in ours)
    before = (tmp_path / "p" / "tiny" / "synth" / "stage.json").read_bytes()
    assert quweit(*TINY, "--out", tmp_path / "p").code == 0
    assert (tmp_path / "p" / "tiny" / "synth" / "stage.json").read_bytes() == before


def test_a_model_that_is_not_known_is_refused(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    done = quweit("baseline", "--model", "i_vit", "--out", tmp_path / "p")
    assert done.code == 2
    assert "did you mean `i_vit_t`?" in done.stderr
    assert not (tmp_path / "p").exists()
