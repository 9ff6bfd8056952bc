"""Templates are strict, and the same dump gives the same bytes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.artifacts import load
from quweit_cli.documents import DumpManifest
from quweit_cli.errors import ArtifactError, QuweitError, UnsupportedModel
from quweit_cli.hdl import render as rendering
from quweit_cli.stages import rtl

LITERAL = re.compile(r"\b(\d+)'[hbd]")
GOLDENS = Path(__file__).parent / "goldens"
EXAMPLE = {"features": 3, "thresholds": 2, "layers": (4,), "fan_in": 3}


def test_an_unknown_name_is_an_error_with_template_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.sv.mako").write_text("line one\n${missing}\n")
    monkeypatch.setattr(rendering, "template_root", lambda: tmp_path)
    rendering._lookup.cache_clear()
    try:
        with pytest.raises(QuweitError, match=r"bad\.sv\.mako.*line 2"):
            rendering.render("bad.sv.mako")
        with pytest.raises(QuweitError, match="no template"):
            rendering.render("absent.sv.mako")
    finally:
        rendering._lookup.cache_clear()


def test_the_same_dump_gives_the_same_bytes_anywhere(tmp_path: Path) -> None:
    program = random_block(7, layers=(9, 5))
    first = _files(project_with_dump(tmp_path / "one", program))
    second = _files(project_with_dump(tmp_path / "elsewhere" / "two", program))
    assert first == second
    assert str(tmp_path) not in "".join(first.values())


def test_rendered_text_is_the_golden_text(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """`make goldens` writes them anew; the difference is then read by a person."""
    files = _files(project_with_dump(tmp_path / "p", random_block(1, **EXAMPLE), rows=3))  # type: ignore[arg-type]
    generated = {
        name: text
        for name, text in files.items()
        if name.startswith(("rtl/toy", "rtl/xilinx/toy", "tb/tb_", "tb/check_"))
    }
    if request.config.getoption("--write-goldens"):
        shutil.rmtree(GOLDENS)
        for name, text in generated.items():
            path = GOLDENS / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    golden = {path.relative_to(GOLDENS).as_posix(): path.read_text() for path in GOLDENS.rglob("*.sv")}
    assert generated == golden


def test_no_literal_is_wider_than_a_simulator_reads(tmp_path: Path) -> None:
    """Verilator stops at 65,536 bits, which a wide block's terms of one slot are more than."""
    wide = random_block(1, features=300, thresholds=32, layers=(8,), outputs=66, summed=True)
    files = _files(project_with_dump(tmp_path / "p", wide, rows=2), config.Rtl(cycles_per_row=66))
    sources = [text for name, text in files.items() if name.endswith(".sv")]
    assert max(int(width) for text in sources for width in LITERAL.findall(text)) <= 4096


def test_every_file_that_a_block_names_is_in_the_package(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(1), random_block(2, name="block1"))
    manifest = rtl.run(project, config.Rtl())
    for block in manifest.blocks:
        for name in (*block.sources, *block.sources_xilinx, block.vectors.inputs, block.vectors.outputs):
            assert (project / "rtl" / name).is_file()
            assert name in manifest.files


def test_a_block_that_ignores_its_input_is_refused(tmp_path: Path) -> None:
    program = random_block(1)
    program.steps[2].node.values_KE[:] = 0  # type: ignore[attr-defined]
    project = project_with_dump(tmp_path / "p", program)
    with pytest.raises(UnsupportedModel, match="does not depend on its input"):
        rtl.run(project, config.Rtl())


def test_more_outputs_a_cycle_than_there_are_is_refused(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(1, layers=(10,)))
    with pytest.raises(UnsupportedModel, match="has only 6 outputs"):
        rtl.run(project, config.Rtl(outputs_per_cycle=11))


def test_golden_rows_that_contradict_the_program_are_refused(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(1))
    rows = project / "dump/blocks/block0.y.npy"
    outputs = np.load(rows)
    outputs[3, 2] += 1
    np.save(rows, outputs)
    dump = load(DumpManifest, project / "dump/dump.json")
    with pytest.raises(ArtifactError, match="not what its program computes"):
        rtl.read_block(project / "dump", dump.blocks[0], dump.model, config.Rtl())


def _files(project: Path, options: config.Rtl | None = None) -> dict[str, str]:
    rtl.run(project, options or config.Rtl())
    folder = project / "rtl"
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "stage.json"
    }
