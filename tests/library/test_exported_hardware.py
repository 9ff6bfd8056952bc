"""A model of somebody else's, all the way: exported, rendered, simulated, synthesized, its energy stated as far as it is known."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from conftest import Outcome
from quweit_cli import artifacts, export_blocks, replace_mlps
from quweit_cli.documents import DumpManifest


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLP that is no layer of a transformer."""
    torch.manual_seed(0)
    mlp = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 6))
    model = nn.Sequential(nn.Linear(4, 6), mlp)
    replace_mlps(model, luts=8, fan_in=3, thermometer={"bits": 2}, value_std=0.5)
    out = tmp_path_factory.mktemp("exported") / "mine"
    export_blocks(model.eval(), torch.randn(20, 5, 4), out, name="mine", data="noise")
    return out


@pytest.mark.requires("icarus")
def test_its_rtl_equals_its_program(exported: Path, tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    project = tmp_path / "p"
    assert quweit("-q", "rtl", exported, "--out", project).code == 0
    done = quweit("-q", "sim", project, "--simulator", "icarus", "--rows", 4, "--steady-only")
    assert done.code == 0, done.stderr
    assert json.loads((project / "sim/sim.json").read_text())["bit_exact"] is True


@pytest.mark.slow
@pytest.mark.requires("icarus", "yosys")
def test_the_commands_take_it_as_one_of_ours(exported: Path, quweit: Callable[..., Outcome]) -> None:
    for words in (
        ("rtl", exported, "--out", exported),
        ("sim", exported, "--simulator", "icarus", "--rows", 4),
        ("synth", exported),
        ("energy", exported, "--all"),
    ):
        done = quweit("-q", *words)
        assert done.code == 0, f"{words}: {done.stdout}{done.stderr}"
        assert "end to end" not in done.stdout and "attention" not in done.stdout
    assert json.loads((exported / "sim/sim.json").read_text())["bit_exact"] is True
    table = json.loads((exported / "energy/energy.json").read_text())
    assert {row["scope"] for row in table["rows"]} == {"block", "mlp", "mlps"}
    assert {row["operation"] for row in table["rows"] if row["scope"] == "mlp"} == {
        "MLP 6 -> 9 -> 6 on 5 rows"
    }


def test_the_package_says_what_goes_in_and_what_comes_out(
    exported: Path, tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    assert quweit("-q", "rtl", exported, "--out", tmp_path / "p").code == 0
    page = (tmp_path / "p/rtl/README.md").read_text()
    assert "| block0 | `1` | 5 | yes |" in page
    assert "normalised once more on the host" in page and "residual stream" not in page


def test_a_fold_that_keeps_pace_with_attention_is_refused(
    exported: Path, tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    done = quweit("-q", "rtl", exported, "--out", tmp_path / "p", "--outputs-per-cycle", "auto")
    assert done.code == 2
    assert "of this model none is known" in done.stderr


def test_rows_of_another_width_than_the_site_says_are_refused(
    exported: Path, tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    manifest = artifacts.load(DumpManifest, exported / "dump/dump.json")
    site = manifest.blocks[0].site
    assert site is not None
    block = manifest.blocks[0].model_copy(update={"site": site.model_copy(update={"features": 7})})
    folder = tmp_path / "dump"
    for name in manifest.file_names():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((exported / "dump" / name).read_bytes())
    artifacts.save(
        manifest.model_copy(update={"blocks": [block, *manifest.blocks[1:]]}), folder / "dump.json"
    )
    done = quweit("-q", "rtl", folder, "--out", tmp_path / "p")
    assert done.code == 2
    assert "takes rows of 6, and the model of `dump.json` gives rows of 7" in done.stderr
