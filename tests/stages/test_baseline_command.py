"""`quweit baseline` and the tables that it leads to, from nothing, at the size of a toy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cell_library
import packages
from conftest import Outcome
from quweit_cli import config
from quweit_cli.artifacts import digest_of, digest_of_file, open_project
from quweit_cli.documents import BlockDesign, Design, DumpManifest, SimResult
from quweit_cli.stages import reference
from quweit_cli.synthesizers import yosys
from quweit_cli.toolbox import Found, Plan

TINY = ("baseline", "--model", "tiny=2,16,2,10,32,causal", "--array", "8", "--cycles-per-row", "4")


@pytest.mark.slow  # two minutes of one core
@pytest.mark.requires("verilator", "yosys", "opensta", "icarus")
def test_the_tables_are_made_from_nothing_and_reused(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    cells = ("--liberty", cell_library.write(tmp_path), "--clock-ghz", "0.05")
    done = quweit(*TINY, *cells, "--out", tmp_path / "p")
    assert done.code == 0, done.stderr
    assert quweit("energy", tmp_path / "p", "--tables").code == 0
    tables = json.loads((tmp_path / "p" / "tables.json").read_text())["tables"]
    by_key = {table["key"]: table for table in tables}
    for counting in ("", "_causal"):
        gains = [
            gains_of(by_key[f"table4_tiny{counting}{target}"])
            for target in ("", "_silicon", "_silicon_vectorless")
        ]
        assert all(len(made) == 4 and None not in made for made in gains)
        assert gains[1] != gains[2]  # of two kinds of power
    before = (tmp_path / "p" / "tiny" / "synth" / "stage.json").read_bytes()
    assert quweit(*TINY, *cells, "--out", tmp_path / "p").code == 0
    assert (tmp_path / "p" / "tiny" / "synth" / "stage.json").read_bytes() == before


def gains_of(table4: dict[str, Any]) -> list[float | None]:
    """At our own cycles, the paper's and measured, dense and weightless."""
    gains = next(row for row in table4["rows"] if row["label"] == "times less")["cells"]
    return [
        gain["value"] for column, gain in zip(table4["columns"], gains, strict=True) if ", ours" in column
    ]


def test_what_is_of_blocks_is_refused_where_there_is_none(
    tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = open_project(tmp_path / "p")
    options = config.settings(config.Baseline, model="tiny=1,8,1,4,16", arrays=(8,), cycles_per_row=None)
    reference.write_dump(project, options)
    assert quweit("rtl", project, "--out", project, "--set", "arrays=[8]").code == 0
    for words in (
        ("front", project),
        ("rtl", project, "--out", project, "--estimate"),
        ("sim", project, "--formal"),
    ):
        done = quweit(*words)
        assert done.code == 2 and "has no block" in done.stderr, words
    done = quweit("sim", project, "--netlist")
    assert done.code == 2


@pytest.mark.requires("yosys", "icarus")
def test_netlists_of_arrays_and_units_are_not_said_to_be_equal(
    tmp_path: Path, quweit: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block is synthesized; for the array and the units stands what a synthesis leaves."""

    def synthesized(found: Found, design: Design, plan: Plan, options: config.Synth, folder: Path) -> Any:
        if isinstance(design, BlockDesign):
            return of_block(found, design, plan, options, folder)
        netlist = folder / f"yosys/{design.name}.netlist.v"
        netlist.parent.mkdir(parents=True, exist_ok=True)  # it may be the first
        netlist.write_text("")
        name = netlist.relative_to(folder).as_posix()
        return packages.synthesized_block(design=design.name, netlist=name)

    of_block = yosys._synthesize
    monkeypatch.setattr(yosys, "_synthesize", synthesized)
    project = open_project(tmp_path / "p")
    options = config.settings(config.Baseline, model="tiny=1,8,1,4,16", arrays=(8,), cycles_per_row=8)
    reference.write_dump(project, options)
    words = ("--cycles-per-row", "8", "--set", "arrays=[8]")
    assert quweit("rtl", project, "--out", project, *words).code == 0
    assert quweit("synth", project).code == 0
    done = quweit("sim", project, "--netlist", "--simulator", "icarus", "--json")
    assert done.code == 0, done.stderr
    result = SimResult.model_validate_json(done.stdout)
    assert [run.design for run in result.simulators[0].all_runs] == ["block0"]
    assert result.not_compared == ["gelu", "softmax", "layer_norm", "systolic_8"]
    refused = quweit("sim", project, "--netlist", "--block", "softmax")
    assert refused.code == 2 and "none of these has a netlist" in refused.stderr


def test_a_dump_of_operands_that_do_not_fit_is_refused(
    tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = open_project(tmp_path / "p")
    reference.write_dump(
        project, config.settings(config.Baseline, model="tiny=1,8,1,4,16", cycles_per_row=None)
    )
    dump = project / "dump"
    np.save(dump / "operands/up.b.npy", np.zeros((3, 5), np.int8))
    refused = quweit("rtl", dump, "--out", tmp_path / "q")
    assert refused.code == 2 and "something was changed since" in refused.stderr
    manifest = json.loads((dump / "dump.json").read_text())
    names = DumpManifest.model_validate(manifest).file_names()
    manifest["digest"] = digest_of({name: digest_of_file(dump / name) for name in names})
    (dump / "dump.json").write_text(json.dumps(manifest))
    refused = quweit("rtl", dump, "--out", tmp_path / "q")
    assert refused.code == 2 and "multiplies (4, 8) by (3, 5)" in refused.stderr.replace("\n", " ")


def test_a_model_that_is_not_known_is_refused(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    done = quweit("baseline", "--model", "i_vit", "--out", tmp_path / "p")
    assert done.code == 2
    assert "did you mean `i_vit_t`?" in done.stderr
    assert not (tmp_path / "p").exists()
