"""The wheel holds all that it needs: in a fresh environment, away from the checkout, it renders RTL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from conftest import REPOSITORY

pytest.importorskip("hatchling")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the wheel, and with the dependencies of this one but not its quweit.

    The dependencies are named in a .pth file: such a folder's own .pth files, among them the one of an
    editable install, are not read.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next((folder / "lib").glob("python*")) / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = folder / "bin" / "python"
    command = [
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
        "--quiet",
        str(wheel),
    ]
    subprocess.run([sys.executable, *command, "--disable-pip-version-check"], check=True)
    return folder / "bin"


def test_the_wheel_holds_templates_and_examples_and_nothing_that_is_not_of_the_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("templates", "examples"):
        wanted = {path.relative_to(REPOSITORY / folder).as_posix() for path in files_of(folder)}
        inside = f"quweit_cli/_{folder}/"
        assert wanted <= {name.removeprefix(inside) for name in names if name.startswith(inside)}
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"quweit_cli"}
    assert "quweit_cli/py.typed" in names
    assert not [name for name in names if "__pycache__" in name]


def test_the_installed_command_renders_the_worked_example(installed: Path, tmp_path: Path) -> None:
    dump = REPOSITORY / "docs" / "example" / "dump"
    run(installed, tmp_path, "rtl", str(dump), "--out", "project")
    manifest = json.loads((tmp_path / "project" / "rtl" / "manifest.json").read_text())
    assert manifest["blocks"][0]["features"] == 2
    code = "from quweit_cli.templating import template_root; print(template_root())"
    done = subprocess.run(
        [installed / "python", "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).is_relative_to(installed.parent)


def test_the_installed_init_writes_an_example_that_trains(installed: Path, tmp_path: Path) -> None:
    assert "quweit run examples/digits.yaml --out build/digits" in run(installed, tmp_path, "init", "digits")
    options = ["--set", "training.steps=2", "--set", "twin=false", "--json"]
    done = run(installed, tmp_path, "train", "examples/digits.yaml", "--out", "build/digits", *options)
    assert json.loads(done)["models"][0]["steps"] == 2


def test_the_installed_doctor_answers(installed: Path, tmp_path: Path) -> None:
    health = json.loads(run(installed, tmp_path, "doctor", "--json"))
    assert {tool["name"] for tool in health["tools"]} >= {"verilator", "yosys"}


def run(installed: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [installed / "quweit", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def files_of(folder: str) -> list[Path]:
    return [
        path
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
