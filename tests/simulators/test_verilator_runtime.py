"""What stands before the compiler: Verilator's runtime is compiled once, a design always."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from quweit_cli.simulators import verilator_runtime

COMPILER = """#!/bin/sh
for word; do [ "$before" = -o ] && object=$word; before=$word; done
echo "$@" >> {log}
[ -e {fails} ] && exit 1
echo "$@" > "$object"
"""


class Compiler:
    """Writes its own words as the object, and notes each call."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.fails = folder, folder / "log", folder / "fails"
        self.path = folder / "compiler"
        self.path.write_text(COMPILER.format(log=self.log, fails=self.fails))
        self.path.chmod(0o755)
        self.keeper = verilator_runtime.keeper_in(folder)

    def __call__(self, source: str, *options: str) -> int:
        words = [self.keeper, self.path, *options, "-c", "-o", "one.o", source]
        return subprocess.run(words, cwd=self.folder, check=False).returncode

    @property
    def calls(self) -> int:
        return len(self.log.read_text().splitlines())


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    return Compiler(tmp_path)


RUNTIME = "/usr/share/verilator/include/verilated.cpp"


def test_a_file_of_the_runtime_is_compiled_once_with_the_same_options(compiler: Compiler) -> None:
    assert compiler(RUNTIME) == 0
    made = (compiler.folder / "one.o").read_text()
    (compiler.folder / "one.o").unlink()
    assert compiler(RUNTIME) == 0 and compiler.calls == 1
    assert (compiler.folder / "one.o").read_text() == made
    assert compiler(RUNTIME, "-O3") == 0 and compiler.calls == 2
    assert (compiler.folder / "one.o").read_text() != made


def test_a_design_is_always_compiled(compiler: Compiler) -> None:
    assert [compiler("Vtop.cpp"), compiler("Vtop.cpp")] == [0, 0] and compiler.calls == 2


def test_a_compiler_that_fails_leaves_nothing_to_give_again(compiler: Compiler) -> None:
    compiler.fails.touch()
    assert compiler(RUNTIME) != 0
    compiler.fails.unlink()
    assert compiler(RUNTIME) == 0 and compiler.calls == 2
