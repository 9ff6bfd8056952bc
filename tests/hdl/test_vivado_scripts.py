"""Tcl of a package adds its files to a Vivado project, and makes an IP: run by tclsh, with stand-ins for the commands of Vivado."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from conftest import TCLSH
from programs import project_with_dump, random_block
from quweit_cli import config, toolbox
from quweit_cli.documents import PortedDesign
from quweit_cli.hdl.handover import vivado_scripts
from quweit_cli.stages import rtl
from whole_models import model_design

PART = "xcvu9p-flgb2104-2-i"
STAND_INS = Path(__file__).parent / "data" / "vivado.tcl"
pytestmark = pytest.mark.requires("tclsh")


@pytest.fixture
def package(tmp_path: Path) -> tuple[Path, PortedDesign]:
    """In a folder whose name Tcl would take apart."""
    project = project_with_dump(tmp_path / "a b$c", random_block(3), rows=2)
    return project / "rtl", rtl.run(project, config.Rtl(directed_rows=0, random_rows=1)).blocks[0]


def run(script: Path, *arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """As `vivado -source` does, in another folder; `before` are commands in front."""
    starter = script.parents[2] / "starter.tcl"
    starter.write_text(
        f'source "{STAND_INS}"\n{before}\nset script [lindex $argv 0]\nset argv [lrange $argv 1 end]\nsource $script\n'
    )
    command = [*toolbox.find(TCLSH).command, str(starter), str(script), *arguments]
    return subprocess.run(command, cwd="/", check=False, capture_output=True, text=True)


def said(done: subprocess.CompletedProcess[str], command: str) -> list[list[str]]:
    """Arguments of each call of a command."""
    assert done.returncode == 0, done.stderr
    calls = [line[2:].split(" | ") for line in done.stdout.splitlines() if line.startswith("> ")]
    return [arguments for name, *arguments in calls if name == command]


def test_every_source_is_added_and_the_wrapper_is_the_top(package: tuple[Path, PortedDesign]) -> None:
    root, block = package
    done = run(root / f"vivado/{block.axis.top}_add.tcl")
    constraints = str(root / f"constraints/{block.axis.top}.xdc")
    listed = (root / f"filelists/{block.axis.top}_xilinx.f").read_text().split()
    assert said(done, "add_files") == [
        *(["sources_1", str(root / name)] for name in listed),
        ["constrs_1", constraints],
    ]
    assert said(done, "set_property") == [
        ["top", block.axis.top, "sources_1"],
        ["used_in", "synthesis implementation out_of_context", constraints],
    ]
    assert said(done, "update_compile_order") == [["sources_1"]]


def test_memories_of_a_model_are_added_as_such(tmp_path: Path) -> None:
    root, design = tmp_path / "rtl", model_design().model_copy(update={"memories": ["rtl/m/weights.hex"]})
    files = vivado_scripts(design)
    names = [
        *design.sources_xilinx,
        *design.axis.sources,
        *design.memories,
        "constraints/tiny_model_axis.xdc",
    ]
    for name, text in (files | dict.fromkeys(names, "")).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    done = run(root / "vivado/tiny_model_axis_add.tcl")
    memory = str(root / "rtl/m/weights.hex")
    assert ["sources_1", memory] in said(done, "add_files")
    assert ["file_type", "Memory Initialization Files", memory] in said(done, "set_property")


def test_an_ip_has_name_version_and_place(package: tuple[Path, PortedDesign]) -> None:
    root, block = package
    done = run(root / f"vivado/{block.axis.top}_ip.tcl", PART)
    assert said(done, "create_project") == [[PART]]
    assert said(done, "package_project") == [["quweit", "block", str(root / "ip" / block.axis.top)]]
    properties = {name: value for name, value, owner in said(done, "set_property") if owner == "core"}
    assert properties["name"] == block.axis.top and properties["version"] == "1.0"
    assert (
        "6 bytes in" in properties["description"] and "6 numbers of 2 bytes out" in properties["description"]
    )
    order = re.findall(r"^> (\w+)", done.stdout, re.MULTILINE)
    assert order[-5:] == [
        "create_xgui_files",
        "update_checksums",
        "check_integrity",
        "save_core",
        "close_project",
    ]


@pytest.mark.parametrize(
    ("arguments", "before", "message"),
    [
        ((), "", "name the part"),
        ((PART,), "set interfaces {s_axis}", "no interface m_axis was inferred"),
        ((PART,), 'proc ipx::check_integrity core {error "integrity"}', "integrity"),
    ],
)
def test_an_ip_that_cannot_be_made_is_an_error(
    package: tuple[Path, PortedDesign], arguments: tuple[str, ...], before: str, message: str
) -> None:
    root, block = package
    done = run(root / f"vivado/{block.axis.top}_ip.tcl", *arguments, before=before)
    assert done.returncode != 0 and message in done.stderr and "save_core" not in done.stdout


def test_a_name_with_a_space_that_is_no_list_is_found(package: tuple[Path, PortedDesign]) -> None:
    root, block = package
    script = root / f"vivado/{block.axis.top}_add.tcl"
    text, count = re.subn(r"set constraints \[list (.*)\]", r"set constraints \1", script.read_text())
    assert count == 1
    script.write_text(text)
    done = run(script)
    assert done.returncode != 0 and "no file" in done.stderr


def test_a_file_that_is_not_there_is_an_error(package: tuple[Path, PortedDesign]) -> None:
    root, block = package
    (root / block.axis.sources[0]).unlink()
    done = run(root / f"vivado/{block.axis.top}_add.tcl")
    assert done.returncode != 0 and "quweit_gearbox.v" in done.stderr
