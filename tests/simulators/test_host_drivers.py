"""The Python driver of a package moves golden rows through a block's simulated wrapper and gets the golden answers; a wrong one is found.

That of a whole model is in test_whole_model.py, that of a decoder in test_decoders.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hosts import golden_of, passes
from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.documents import PortedDesign
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.stages import rtl

pytestmark = pytest.mark.requires("icarus")


def package(folder: Path, bus: int | str) -> tuple[Path, PortedDesign]:
    project = project_with_dump(folder / "p", random_block(3, features=7, outputs=5), rows=6)
    options = {"bus_bytes": bus, "directed_rows": 0, "random_rows": 1}
    return project, rtl.run(project, config.Rtl.model_validate(options)).blocks[0]


@pytest.mark.parametrize(("bus", "most_bytes"), [("auto", 2**14 - 1), (4, 20)])
def test_rows_go_through_in_one_transfer_and_in_several(
    tmp_path: Path, bus: int | str, most_bytes: int
) -> None:
    project, block = package(tmp_path, bus)
    assert passes(project, block, most_bytes, **golden_of(project, block, 6))


@pytest.mark.parametrize(
    ("file", "pattern", "replacement"),
    [
        ("toy_host.py", r"row_bytes=8", "row_bytes=12"),
        ("quweit_stream.py", r'"<i\{self.output_bytes\}"', '">i{self.output_bytes}"'),
    ],
)
def test_a_wrong_size_or_order_is_found(tmp_path: Path, file: str, pattern: str, replacement: str) -> None:
    project, block = package(tmp_path, 4)
    path = project / "rtl/host" / file
    text, count = re.subn(pattern, lambda _: replacement, path.read_text())
    assert count == 1
    path.write_text(text)
    assert not passes(project, block, **golden_of(project, block, 4))


def test_a_block_that_reads_the_tokens_around_gets_whole_samples(tmp_path: Path) -> None:
    program = random_block(2, features=4, thresholds=1, layers=(6,), outputs=2)
    project = project_with_dump(tmp_path / "p", program, rows=8, around=Neighbourhood(4, causal=False))
    (block,) = rtl.run(project, config.Rtl(directed_rows=0, random_rows=1)).blocks
    assert passes(project, block, 12, **golden_of(project, block, 8))
