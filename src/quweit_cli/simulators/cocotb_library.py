"""Where cocotb's simulator libraries lie, and the environment that starts Python inside a simulator.

Only the names that cocotb documents for custom flows are used; its own runner is not, because it
makes every signal of the design public, which costs Verilator most of its speed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cocotb_tools.config
import find_libpython

from quweit_cli import toolbox
from quweit_cli.errors import ToolNotFound


def path(simulator: str) -> Path:
    """The VPI library for a simulator.

    Raises:
        ToolNotFound: this cocotb has none for it.
    """
    library = Path(cocotb_tools.config.lib_name_path("vpi", simulator))
    if not library.is_file():
        raise ToolNotFound(f"cocotb has no library for {simulator}", hint="pip install 'cocotb>=2.1,<3'")
    return library


def verilator_main() -> Path:
    """The C++ main function that cocotb ships for Verilator."""
    return Path(cocotb_tools.config.share_dir) / "lib" / "verilator" / "verilator.cpp"


def environment(*, top: str, module: str, module_folder: str, results: str) -> dict[str, str]:
    """Variables for a simulation of `top` with the tests of `module`; names are relative to where it runs.

    Raises:
        ToolNotFound: this Python has no shared library that a simulator could load.
    """
    python = find_libpython.find_libpython()
    if python is None:
        raise ToolNotFound(
            f"`{sys.executable}` has no shared libpython, so simulators cannot load it",
            hint="apt-get install libpython3-dev, or use a Python built with --enable-shared",
        )
    return {
        "COCOTB_TOPLEVEL": top,
        "COCOTB_TEST_MODULES": module,
        "TOPLEVEL_LANG": "verilog",
        "COCOTB_RESULTS_FILE": results,
        "COCOTB_RANDOM_SEED": "1",
        "COCOTB_ANSI_OUTPUT": "0",
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "PYGPI_PYTHON_BIN": sys.executable,
        "GPI_USERS": f"{python};{cocotb_tools.config.pygpi_entry_point()}",
        "PYTHONPATH": toolbox.python_path(module_folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
