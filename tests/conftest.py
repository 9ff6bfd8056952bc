"""Tools that a test needs: skipped visibly where they are missing, failed where they are demanded.

    @pytest.mark.requires("icarus")

QUWEIT_REQUIRE=icarus,verilator makes a missing tool a failure, so that a machine which is meant to
have everything cannot pass by skipping.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest
from typer.testing import CliRunner

import standins
from quweit_cli import toolbox
from quweit_cli.cli import app
from quweit_cli.errors import ToolError
from quweit_cli.simulators import verilator_runtime

hypothesis.settings.register_profile("patient", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("patient")

REPOSITORY = Path(__file__).resolve().parent.parent
# What tests run and the product does not.
CHROMIUM = toolbox.Tool(
    name="chromium",
    executable="chromium",
    unlocks="the report as a browser lays it out",
    install="apt-get install chromium",
    minimum=(100, 0),
    version_arguments=("--version",),
    version_pattern=r"Chromium (\d+)\.(\d+)",
)
CHROMEDRIVER = toolbox.Tool(
    name="chromedriver",
    executable="chromedriver",
    unlocks="the report as a browser lays it out",
    install="apt-get install chromium-driver",
    minimum=(100, 0),
    version_arguments=("--version",),
    version_pattern=r"ChromeDriver (\d+)\.(\d+)",
)
TCLSH = toolbox.Tool(
    name="tclsh",
    executable="tclsh",
    unlocks="scripts of packages for Vivado, with stand-ins for its commands",
    install="apt-get install tcl",
    minimum=(8, 5),
    version_arguments=(str(REPOSITORY / "tests/hdl/data/vivado.tcl"),),
    version_pattern=r"Tcl (\d+)\.(\d+)",
)
LONGEST = ("test_documentation.py", "test_site.py")
TOOLS = toolbox.TOOLS | {tool.name: tool for tool in (CHROMIUM, CHROMEDRIVER, TCLSH)}


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


# A shell that starts tests in the background has interrupts ignored, and Python then leaves them so.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-goldens", action="store_true", help="write tests/hdl/goldens/ anew")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requires(*tools): tools of this machine that the test runs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of minutes start first, so that no worker is left with one of them at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("requires"):
        for name in marker.args:
            _check_tool(name)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Synthesis results of the tests neither come from the user's cache nor go there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUWEIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def one_runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All processes of these tests share what was compiled of Verilator's runtime."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "verilator-runtime"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        if toolbox.PLAIN_PATH.fullmatch(str(folder)):
            script = verilator_runtime.keeper_in(folder)
            patch.setattr(verilator_runtime, "keeper", lambda: script)
        yield


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium; `browser.get_log("browser")` has what its console says."""
    from selenium import webdriver  # noqa: PLC0415  (of the `dev` extra)
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415

    options = webdriver.ChromeOptions()
    options.binary_location = toolbox.find(CHROMIUM).command[0]
    for flag in (
        "headless", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "no-first-run",
        "disable-background-networking", "disable-component-update", "disable-sync",
        f"user-data-dir={tmp_path_factory.mktemp('browser')}",
    ):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(toolbox.find(CHROMEDRIVER).command[0]))
    yield driver
    driver.quit()


@pytest.fixture
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture
def stand_in_stages() -> Iterator[list[str]]:
    """Stages that write small artefacts at once; the list names those that did work."""
    standins.install()
    yield standins.CALLS
    standins.remove()


@pytest.fixture
def experiment_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(standins.EXPERIMENT)
    return path


@pytest.fixture
def quweit() -> Callable[..., Outcome]:
    """Runs the command line in this process: `quweit("sim", project)`."""

    def invoke(*arguments: object, **environment: str) -> Outcome:
        result = CliRunner().invoke(app, [str(one) for one in arguments], env=environment)
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return invoke


@pytest.fixture
def stand_in_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """An executable that prints one line, found in place of a tool: `stand_in_tool("icarus", "...")`."""

    def make(name: str, line: str) -> Path:
        path = tmp_path / f"stand_in_{name}"
        path.write_text(f"#!/bin/sh\necho '{line}'\n")
        path.chmod(0o755)
        monkeypatch.setenv(f"QUWEIT_{name.upper()}", str(path))
        return path

    return make


@pytest.fixture
def stand_in_tools(stand_in_tool: Callable[[str, str], Path]) -> None:
    """Tools that every `quweit run` looks for, so that stand-in stages need no real ones."""
    stand_in_tool("verilator", "Verilator 5.48 stand-in")
    stand_in_tool("yosys", "Yosys 0.70 stand-in")


def _check_tool(name: str) -> None:
    try:
        toolbox.find(TOOLS[name])
    except ToolError as error:
        message = f"needs {name}: {error.message} ({error.hint})"
        if name in os.environ.get("QUWEIT_REQUIRE", "").split(","):
            pytest.fail(f"{message}; QUWEIT_REQUIRE names it", pytrace=False)
        pytest.skip(message)
