"""Tools work whatever a project and the folder for temporary files are called, and whatever the shell has set for others."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Outcome
from programs import project_with_dump, random_block
from quweit_cli import config, toolbox
from quweit_cli.errors import ConfigError, ToolFailed, ToolNotFound
from quweit_cli.stages import formal, rtl, sim, synth

ODD = "p é漢:a;b c$HOME%d#e\"f'g&h(i)`j\\k"
NAMES = ["projet_é_漢", "a b", "a:b", "a;b", "$HOME", "100%", "a#b", "it's", 'a"b', ODD]
HOSTILE = {
    "VERILATOR_ROOT": "/nowhere",
    "VERILATOR_BIN": "nothing",
    "MAKEFLAGS": "-n",
    "MAKELEVEL": "7",
    "MFLAGS": "-n",
    "OBJCACHE": "nothing",
    "OPT": "--nonsense",
    "CXXFLAGS": "--nonsense",
    "PYTHONHOME": "/nowhere",
    "COCOTB_TEST_FILTER": "nothing",
    "COCOTB_TESTCASE": "nothing",
    "COCOTB_PLUSARGS": "x",
    "LIBPYTHON_LOC": "/nowhere",
    "GPI_EXTRA": "nothing:nothing",
    "GPI_USERS": "nothing",
    "IVERILOG_VPI_MODULE_PATH": "/nowhere",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = random_block(26, layers=(8,), outputs=1)
    project = project_with_dump(tmp_path_factory.mktemp("plain") / "p", program, rows=4)
    rtl.run(project, config.Rtl(random_rows=0))
    return project


@pytest.fixture
def odd_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / f"temporary {ODD}"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert tempfile.gettempdir() == str(folder)
    return folder


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("name", NAMES)
def test_icarus_simulates_a_project_of_any_name(name: str, package: Path, tmp_path: Path) -> None:
    shutil.copytree(package, tmp_path / name)
    assert sim.run(tmp_path / name, config.Sim(simulators=("icarus",))).bit_exact


@pytest.mark.requires("icarus", "verilator", "yosys")
def test_every_tool_works_in_folders_of_the_oddest_names(
    package: Path, tmp_path: Path, odd_temporary: Path
) -> None:
    project = tmp_path / ODD
    shutil.copytree(package, project)
    both = config.Sim(simulators=("icarus", "verilator"))
    assert sim.run(project, both).bit_exact
    assert all(proof.proven for proof in formal.run(project).proofs)
    synth.run(project, config.Synth(cache=False))
    assert sim.run(project, config.Sim(simulators=("icarus",)), netlist=True).bit_exact
    assert not list(odd_temporary.iterdir())


def test_temporary_files_without_a_place_are_refused_before_anything_runs(
    odd_temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda place, mode: False)
    with pytest.raises(ConfigError, match="no folder for temporary files"), toolbox.scratch("x-"):
        pass


@pytest.mark.requires("icarus", "verilator", "yosys")
def test_variables_of_the_shell_do_not_reach_the_tools(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "p"
    shutil.copytree(package, project)
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    assert sim.run(project, config.Sim(simulators=("icarus", "verilator"))).bit_exact
    assert all(proof.proven for proof in formal.run(project).proofs)


def test_a_tool_gets_what_is_not_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XILINXD_LICENSE_FILE", "2100@server")
    monkeypatch.setenv("MODULEPATH", "/modules")
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    environment = toolbox.tool_environment()
    assert environment["XILINXD_LICENSE_FILE"] == "2100@server" and environment["MODULEPATH"] == "/modules"
    assert not set(HOSTILE) & set(environment)


def _installation(
    folder: Path, monkeypatch: pytest.MonkeyPatch, version: str, **runtime: str
) -> toolbox.Found:
    """An `iverilog` of this version, and what else of name -> version is named."""
    folder.mkdir()
    for name, text in {"iverilog": f"Icarus Verilog version {version}", **{
        name: f"Icarus Verilog runtime version {number}" for name, number in runtime.items()
    }}.items():  # fmt: skip
        (folder / name).write_text(f"#!/bin/sh\necho '{text} (stable)'\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("QUWEIT_ICARUS", str(folder / "iverilog"))
    return toolbox.find(toolbox.ICARUS)


def test_vvp_comes_from_beside_the_iverilog_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _installation(tmp_path / "twelve", monkeypatch, "12.0", vvp="12.0")
    assert toolbox.icarus_runtime(found) == str(tmp_path / "twelve/vvp")


def test_a_vvp_of_another_version_or_none_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quweit: Callable[..., Outcome], package: Path
) -> None:
    found = _installation(tmp_path / "mixed", monkeypatch, "12.0", vvp="11.0")
    with pytest.raises(ToolFailed, match=r"vvp` is version 11.0, .* is .*12\.0"):
        toolbox.icarus_runtime(found)
    found = _installation(tmp_path / "lonely", monkeypatch, "12.0")
    monkeypatch.setenv("PATH", str(tmp_path / "lonely"))
    with pytest.raises(ToolNotFound, match="`vvp` is neither beside"):
        toolbox.icarus_runtime(found)
    shutil.copytree(package, tmp_path / "p")
    assert quweit("sim", tmp_path / "p", "--simulator", "icarus").code == 3
