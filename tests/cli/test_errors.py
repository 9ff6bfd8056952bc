"""What a user gets wrong with the real stages: a clear message, the right exit code, nothing lost."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import REPOSITORY, Outcome
from programs import seal

Quweit = Callable[..., Outcome]
StandIn = Callable[[str, str], Path]
EXAMPLE_DUMP = REPOSITORY / "docs" / "example" / "dump"


class Boom:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, (f"open({str(self.path)!r}, 'w').write('owned')",))


def not_a_checkpoint(path: Path) -> None:
    path.write_text("# My notes\n")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_zip_of_something_else(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thesis.tex", "all my work")


def a_pickle_that_runs_code(path: Path) -> None:
    path.write_bytes(pickle.dumps(Boom(path.with_name("owned"))))


def a_state_dict_of_another_project(path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"weight": torch.zeros(3)}, path)


def another_version(path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"format": "quweit.checkpoint", "version": 99}, path)


@pytest.mark.parametrize("command", ["dump", "rtl", "eval"])
@pytest.mark.parametrize(
    "make",
    [
        not_a_checkpoint,
        empty,
        a_zip_of_something_else,
        a_pickle_that_runs_code,
        a_state_dict_of_another_project,
        another_version,
    ],
)
def test_a_file_that_is_no_checkpoint_of_ours_is_2_and_never_runs(
    quweit: Quweit, tmp_path: Path, command: str, make: Callable[[Path], None]
) -> None:
    checkpoint = tmp_path / "ckpt.pt"
    make(checkpoint)
    out = [] if command == "eval" else ["--out", tmp_path / "project"]
    outcome = quweit(command, checkpoint, *out)
    assert outcome.code == 2, outcome.stderr
    assert outcome.stderr.startswith("error: ")
    assert str(checkpoint) in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "project" / "dump").exists()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_damaged_checkpoint_is_2(quweit: Quweit, trained: Path, tmp_path: Path, share: float) -> None:
    whole = trained.read_bytes()
    checkpoint = tmp_path / "ckpt.pt"
    checkpoint.write_bytes(whole[: int(len(whole) * share)])
    outcome = quweit("dump", checkpoint, "--out", tmp_path / "project")
    assert outcome.code == 2, outcome.stderr
    assert str(checkpoint) in outcome.stderr


@pytest.mark.parametrize("command", ["dump", "eval"])
def test_a_checkpoint_that_is_not_there_is_2(quweit: Quweit, tmp_path: Path, command: str) -> None:
    out = [] if command == "eval" else ["--out", tmp_path / "project"]
    outcome = quweit(command, tmp_path / "none.pt", *out)
    assert outcome.code == 2
    assert "none.pt" in outcome.stderr


def test_a_dense_checkpoint_has_nothing_to_dump(quweit: Quweit, tiny: Path, tmp_path: Path) -> None:
    dense = tmp_path / "dense"
    assert quweit("train", tiny, "--out", dense, "--set", "model.mlp=dense").code == 0
    outcome = quweit("dump", dense / "train" / "ckpt.pt", "--out", dense)
    assert outcome.code == 2
    assert "dense" in outcome.stderr


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.source=mnist", "digits"),
        ("model.family=cnn", "vit"),
        ("model.block.rule=magic", "efd"),
    ],
)
def test_a_name_that_no_registry_knows_lists_those_that_are(
    quweit: Quweit, tiny: Path, tmp_path: Path, override: str, words: str
) -> None:
    outcome = quweit("train", tiny, "--out", tmp_path / "project", "--set", override)
    assert outcome.code == 2
    assert words in outcome.stderr
    assert not (tmp_path / "project" / "train").exists()


def test_a_data_file_that_is_not_there_is_2(quweit: Quweit, tiny: Path, tmp_path: Path) -> None:
    arguments = ["--set", "data.source=shakespeare_char", "--set", "model.family=gpt"]
    outcome = quweit("train", tiny, "--out", tmp_path / "p", *arguments, "--data", tmp_path / "none.txt")
    assert outcome.code == 2, outcome.stderr
    assert "none.txt" in outcome.stderr


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_a_missing_simulator_is_3_and_says_how_to_get_it(
    quweit: Quweit, rendered: Path, simulator: str
) -> None:
    variable = f"QUWEIT_{simulator.upper()}"
    outcome = quweit("sim", rendered, "--simulator", simulator, **{variable: "/no/such/tool"})
    assert outcome.code == 3, outcome.stderr
    assert variable in outcome.stderr
    assert not (rendered / "sim").exists()


@pytest.mark.parametrize(
    ("simulator", "line"),
    [("icarus", "Icarus Verilog version 10.3 (stable)"), ("verilator", "Verilator 5.006 2023-01-22")],
)
def test_a_simulator_that_is_too_old_is_3(
    quweit: Quweit, rendered: Path, stand_in_tool: StandIn, simulator: str, line: str
) -> None:
    stand_in_tool(simulator, line)
    outcome = quweit("sim", rendered, "--simulator", simulator)
    assert outcome.code == 3, outcome.stderr
    assert "or newer" in outcome.stderr


@pytest.mark.parametrize("tool", ["yosys", "vivado"])
def test_a_missing_synthesizer_is_3(quweit: Quweit, rendered: Path, tool: str) -> None:
    variable = f"QUWEIT_{tool.upper()}"
    outcome = quweit("synth", rendered, "--tool", tool, **{variable: "/no/such/tool"})
    assert outcome.code == 3, outcome.stderr
    assert variable in outcome.stderr
    assert not (rendered / "synth").exists()


def test_a_value_that_does_not_fit_the_design_is_2(quweit: Quweit, rendered: Path) -> None:
    for value in ("0", "3", "many"):
        outcome = quweit("rtl", rendered, "--out", rendered, "--outputs-per-cycle", value)
        assert outcome.code == 2, f"{value}: {outcome.stderr}"
        assert "outputs_per_cycle" in outcome.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"op": "thermometer", "thresholds": [[-1], [0, 5]]}, "block0.json"),
        ({"op": "lut_layer", "pins": [[0, 2], [1, 4]]}, "pin"),
        ({"op": "lut_layer", "tables": ["8", "16"]}, "table"),
        ({"op": "conditional_summation", "values": [[3, -2], [5, 700]]}, "int8"),
        ({"op": "requantize", "shift": 99}, "shift"),
        ({"op": "softmax"}, "steps"),
    ],
)
def test_a_dump_with_a_program_that_does_not_hold_together_is_2(
    quweit: Quweit, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    dump = tmp_path / "dump"
    shutil.copytree(EXAMPLE_DUMP, dump)
    path = dump / "blocks" / "block0.json"
    program = json.loads(path.read_text())
    step = next((step for step in program["steps"] if step["op"] == change["op"]), program["steps"][0])
    step.update(change)
    path.write_text(json.dumps(program))
    seal(dump)
    outcome = quweit("rtl", dump, "--out", tmp_path / "project")
    assert outcome.code == 2, outcome.stderr
    assert words in outcome.stderr
    assert not (tmp_path / "project" / "rtl").exists()


@pytest.mark.parametrize("name", ["block0.x.npy", "block0.y.npy", "block0.json"])
@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_a_dump_with_a_damaged_or_missing_file_is_2(
    quweit: Quweit, tmp_path: Path, name: str, content: bytes | None
) -> None:
    dump = tmp_path / "dump"
    shutil.copytree(EXAMPLE_DUMP, dump)
    path = dump / "blocks" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    seal(dump)
    outcome = quweit("rtl", dump, "--out", tmp_path / "project")
    assert outcome.code == 2, outcome.stderr
    assert name in outcome.stderr


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(
        "name: tiny\ndata: {source: digits}\n"
        "model: {family: vit, dim: 8, depth: 1, heads: 1, block: {lut_layers: [8], fan_in: 2}}\n"
        "training: {steps: 1, batch_size: 4}\n"
    )
    return path


@pytest.fixture
def trained(quweit: Quweit, tiny: Path, tmp_path: Path) -> Path:
    outcome = quweit("train", tiny, "--out", tmp_path / "trained")
    assert outcome.code == 0, outcome.stderr
    return tmp_path / "trained" / "train" / "ckpt.pt"


@pytest.fixture
def rendered(quweit: Quweit, tmp_path: Path) -> Path:
    """A project with the RTL of the worked example."""
    outcome = quweit("rtl", EXAMPLE_DUMP, "--out", tmp_path / "rendered")
    assert outcome.code == 0, outcome.stderr
    return tmp_path / "rendered"
