"""Templates are strict, and the same dump gives the same bytes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import quweit_cli
from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli import templating as rendering
from quweit_cli.artifacts import load
from quweit_cli.documents import DumpManifest, ModelShape
from quweit_cli.errors import ArtifactError, QuweitError, UnsupportedModel
from quweit_cli.hdl.array.causal import causal_products
from quweit_cli.hdl.array.design import BENCH, ONCE, TWICE, render_arrays
from quweit_cli.hdl.units.design import render_units, units_of
from quweit_cli.ir.nodes.products import Head, Operands
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.stages import keys, rtl
from quweit_cli.stages.sources import read_block

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


@pytest.mark.parametrize("engine", ["block", "neighbours", "array", "units"])
def test_rendered_text_is_the_golden_text(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """`make goldens` writes them anew; the difference is then read by a person."""
    generated, goldens = RENDERED[engine](tmp_path), GOLDENS / engine
    if request.config.getoption("--write-goldens"):
        shutil.rmtree(goldens, ignore_errors=True)
        for name, text in generated.items():
            path = goldens / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    golden = {
        path.relative_to(goldens).as_posix(): path.read_text()
        for path in sorted(goldens.rglob("*"))
        if path.is_file()
    }
    assert generated == golden


def _block(folder: Path) -> dict[str, str]:
    """Both renderings, wrapper, benches, and what hands the package over; of the host's side the sizes."""
    files = _files(project_with_dump(folder / "p", random_block(1, **EXAMPLE), rows=3))  # type: ignore[arg-type]
    return {
        name: text
        for name, text in files.items()
        if "toy_block0" in name
        or "toy_host" in name
        or name.endswith((".core", ".sdc", ".xdc", ".vlt", ".tcl"))
    }


def _neighbours(folder: Path) -> dict[str, str]:
    """The memory of a block of patches, and of one of text."""
    files = {}
    for name, tokens, causal in (("patches", 4, False), ("text", 3, True)):
        program = random_block(2, name=name, features=4, thresholds=1, layers=(6,), outputs=2)
        project = project_with_dump(
            folder / name, program, rows=2 * tokens, around=Neighbourhood(tokens, causal)
        )
        files |= {file: text for file, text in _files(project).items() if "_neighbours" in file}
    return files


def _array(_: Path) -> dict[str, str]:
    """An array of side 8 and its pipelined rendering, with one product and one masked one."""
    head = Head(*np.random.default_rng(1).integers(-9, 9, (4, 8, 8)))
    product = Operands("product", *np.random.default_rng(0).integers(-9, 9, (2, 8, 8)))
    causal = {8: causal_products([head], 8)}
    pipelined, plain = (
        render_arrays("tiny", [product], [8], causal, pipelined=one)[0] for one in (True, False)
    )
    static = {f"rtl/{part}{name}" for part in ("", "xilinx/", "pipelined/") for name in (*TWICE, *ONCE)}
    left_out = {*static, *BENCH, "tb/test_systolic.py"}
    return {name: text for name, text in (pipelined | plain).items() if name not in left_out}


def _units(_: Path) -> dict[str, str]:
    """Benches and rows of what a layer needs between its products, and what the manifest says of them."""
    shape = ModelShape(family="vit", layers=1, dim=8, heads=2, tokens=4, mlp_hidden=32)
    made: dict[str, str] = {}
    for pipelined in (False, True):
        files, designs = render_units(units_of(shape, pipelined=pipelined), pipelined=pipelined)
        described = [design.model_dump(mode="json") for design in designs]
        made[f"units{'_pipelined' * pipelined}.json"] = json.dumps(described, indent=1) + "\n"
        made |= {name: text for name, text in files.items() if name.startswith(("tb/tb_", "tb/vectors/"))}
    return made


RENDERED = {"block": _block, "neighbours": _neighbours, "array": _array, "units": _units}


def test_no_literal_is_wider_than_a_simulator_reads(tmp_path: Path) -> None:
    """Verilator stops at 65,536 bits; the terms of one slot of this block are more than is written as one."""
    wide = random_block(1, features=40, thresholds=32, layers=(8,), outputs=66, summed=True)
    files = _files(project_with_dump(tmp_path / "p", wide, rows=2), config.Rtl(cycles_per_row=66))
    sources = [text for name, text in files.items() if name.endswith(".sv")]
    assert max(int(width) for text in sources for width in LITERAL.findall(text)) <= 4096
    assert "values1 = " in files["rtl/toy_block0_value_table.sv"]


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
        read_block(project / "dump", dump, dump.blocks[0], config.Rtl())


def _files(project: Path, options: config.Rtl | None = None) -> dict[str, str]:
    rtl.run(project, options or config.Rtl())
    folder = project / "rtl"
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "stage.json"
    }


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("quweit_cli/hdl/units/design.py", True),
        ("quweit_cli/hdl/deeper/new.py", True),
        ("quweit_cli/ir/liveness.py", True),
        ("quweit_cli/technologies/amd.py", True),
        ("quweit_cli/report/page.py", False),
        ("templates/block/xilinx/encoder.sv.mako", True),
        ("templates/report/style.css", False),
    ],
)
def test_a_package_is_rendered_anew_when_what_makes_it_changed(
    file: str, changes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(Path(quweit_cli.__file__).parent, tmp_path / "quweit_cli")
    shutil.copytree(rendering.template_root(), tmp_path / "templates")
    monkeypatch.setattr(keys, "__file__", str(tmp_path / "quweit_cli/stages/keys.py"))
    monkeypatch.setattr(keys, "template_root", lambda: tmp_path / "templates")
    before = keys.renderer_digest.__wrapped__()
    changed = tmp_path / file
    changed.parent.mkdir(exist_ok=True)
    changed.write_text((changed.read_text() if changed.exists() else "") + "\n")
    assert (keys.renderer_digest.__wrapped__() != before) == changes
