"""A run of a tool is a value: it has a digest, and an archive of it gives elsewhere what the tool gives here."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import cell_library
import packages
from conftest import Outcome
from quweit_cli import config, toolbox
from quweit_cli.errors import ArtifactError
from quweit_cli.stages import synth
from quweit_cli.synthesizers.cells import cell_counts
from quweit_cli.toolbox import Found, Plan, write_archive

YOSYS = Found(toolbox.YOSYS, ("yosys",), "Yosys 0.70")


def plan(
    folder: Path, script: str = "stat", source: str = "module top; endmodule", **changes: object
) -> Plan:
    (folder / "top.v").write_text(source)
    given: dict[str, object] = {"arguments": ("run.ys",), "log": "logs/run.log", **changes}
    files = {"run.ys": script, "../top.v": folder / "top.v"}
    return Plan(toolbox.YOSYS, "yosys on top", files, **given)  # type: ignore[arg-type]


def test_the_digest_is_of_version_words_and_contents(tmp_path: Path) -> None:
    first = plan(tmp_path).digest(YOSYS)
    assert plan(tmp_path, log="elsewhere.log").digest(YOSYS) == first
    others = [
        plan(tmp_path, script="stat -json").digest(YOSYS),
        plan(tmp_path, arguments=("-q", "run.ys")).digest(YOSYS),
        plan(tmp_path).digest(Found(toolbox.YOSYS, ("yosys",), "Yosys 0.71")),
        plan(tmp_path, source="module other; endmodule").digest(YOSYS),
    ]
    assert len({first, *others}) == 5


def test_a_file_that_is_not_there_has_no_digest_and_no_archive(tmp_path: Path) -> None:
    made = plan(tmp_path)
    (tmp_path / "top.v").unlink()
    with pytest.raises(ArtifactError, match=r"top\.v"):
        made.digest(YOSYS)
    with pytest.raises(ArtifactError, match="cannot write the archive"):
        write_archive([made], tmp_path / "plan.zip", "synth")
    assert [path.name for path in tmp_path.iterdir()] == []


def test_what_lies_beside_the_folder_lies_beside_it_in_the_archive(tmp_path: Path) -> None:
    write_archive([plan(tmp_path, folders=("reports",))], tmp_path / "plan.zip", "synth")
    with zipfile.ZipFile(tmp_path / "plan.zip") as archive:
        assert archive.namelist() == ["synth/run.ys", "top.v", "run.sh"]
        text = archive.read("run.sh").decode()
    assert "mkdir -p reports logs\nyosys run.ys > logs/run.log 2>&1\n" in text


@pytest.mark.requires("yosys")
def test_the_archive_of_a_synthesis_gives_the_same_cells_elsewhere(
    tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = tmp_path / "p"
    packages.write_rtl(project, layers=2)
    assert quweit("synth", project, "--plan", tmp_path / "plan.zip").code == 0
    assert not (project / "synth").exists()
    yosys = tmp_path / "bin" / "yosys"
    yosys.parent.mkdir()
    yosys.write_text(f'#!/bin/sh\nexec {sys.executable} -m quweit_cli.synthesizers.packaged_yosys "$@"\n')
    yosys.chmod(0o755)
    with zipfile.ZipFile(tmp_path / "plan.zip") as archive:
        archive.extractall(tmp_path / "elsewhere")
    environment = {"PATH": f"{yosys.parent}:/usr/bin:/bin"}
    subprocess.run(["sh", tmp_path / "elsewhere" / "run.sh"], env=environment, check=True)
    synth.run(project, config.Synth(cache=False))
    for name in ("block_0", "block_1"):
        here, there = (
            folder / f"synth/yosys/{name}.stat.json" for folder in (project, tmp_path / "elsewhere")
        )
        assert cell_counts(here) == cell_counts(there)


def test_a_plan_for_library_cells_or_of_a_changed_package_is_refused(
    tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    packages.write_rtl(tmp_path / "p")
    words = ("synth", tmp_path / "p", "--plan", tmp_path / "plan.zip")
    refused = quweit(*words, "--liberty", cell_library.write(tmp_path))
    assert refused.code == 2 and "there is no plan without it" in refused.stderr.replace("\n", " ")
    (tmp_path / "p/rtl/block_0.sv").write_text("")
    refused = quweit(*words)
    assert refused.code == 2 and "is not what `quweit rtl` wrote" in refused.stderr.replace("\n", " ")
    assert not (tmp_path / "plan.zip").exists()


def test_vivado_has_a_plan_without_vivado(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    packages.write_rtl(tmp_path / "p")
    done = quweit("synth", tmp_path / "p", "--tool", "vivado", "--plan", tmp_path / "plan.zip")
    assert done.code == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "plan.zip") as archive:
        assert "vivado -mode batch -nojournal -nolog -source block_0.tcl" in archive.read("run.sh").decode()
        assert "synth/sources/block_0.sv" in archive.namelist()
