"""What would fail after the last step of a training is refused before the first one."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

import cell_library
from conftest import Outcome
from experiments import tiny_digits, tiny_gpt
from quweit_cli import artifacts, config
from quweit_cli.errors import ArtifactError, ConfigError, QuweitError, ToolNotFound
from quweit_cli.stages import pipeline, train, unfinished
from quweit_cli.training import loop

TEXT = "the quick brown fox jumps over the lazy dog. "


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return artifacts.open_project(tmp_path / "project")


@pytest.fixture
def no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("a step was taken")

    monkeypatch.setattr(loop._Run, "_step", fail)
    monkeypatch.setattr(train, "fit", fail)


@pytest.mark.usefixtures("no_step")
@pytest.mark.parametrize("characters", [1, 20, 160, 169])
def test_a_text_too_short_to_be_tested_is_refused_and_says_how_many_characters_it_takes(
    characters: int, tmp_path: Path, project: Path
) -> None:
    path = tmp_path / "short.txt"
    path.write_text((TEXT * 9)[:characters])
    with pytest.raises(ConfigError, match=r"too short for a context of 16: 170 characters are needed in all"):
        train.run(tiny_gpt(str(path)), project)
    assert not (project / unfinished.FOLDER).exists()


def test_as_many_characters_as_were_said_are_enough(tmp_path: Path, project: Path) -> None:
    path = tmp_path / "enough.txt"
    path.write_text((TEXT * 9)[:170])
    train.run(tiny_gpt(str(path), "training.steps=1", "training.batch_size=2"), project)


def test_the_command_refuses_a_short_text_as_input(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    (tmp_path / "short.txt").write_text("abc")
    (tmp_path / "x.yaml").write_text(
        "name: x\ndata: {source: text_file, path: short.txt}\nmodel: {family: gpt, dim: 8, depth: 1, heads: 1}\n"
        "training: {steps: 5, batch_size: 2}\n"
    )
    outcome = quweit("train", tmp_path / "x.yaml", "--out", tmp_path / "p")
    assert outcome.code == 2 and "2,570 characters are needed" in outcome.stderr


@pytest.mark.usefixtures("no_step")
def test_a_disk_without_room_for_the_states_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10_000))
    with pytest.raises(ArtifactError, match=r"this training take 0\.\d MB, and .* has 0\.0 MB left"):
        train.run(tiny_digits(), project)


def test_the_room_that_is_asked_for_is_what_a_state_and_its_successor_take(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enough for what is written, and not many times as much."""
    asked = []
    usage = namedtuple("usage", "free")

    class Free(float):
        def __lt__(self, needed: float) -> bool:
            asked.append(needed)
            return False

    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(Free(0)))
    experiment = tiny_digits(
        "training.steps=20", "model.dim=64", "training.average=0.9", "model.block.lut_layers=[300]"
    )
    train.run(experiment, project, stop_after_minutes=0)
    written = (project / unfinished.FOLDER / "weightless.pt").stat().st_size
    assert 1.5 * written < asked[0] < 4 * written


@pytest.mark.usefixtures("no_step")
def test_a_twin_that_cannot_start_from_the_checkpoint_is_refused_before_the_model_is_trained(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dense model with MLPs of another width: the weightless model takes the rest, its twin cannot."""
    monkeypatch.undo()
    source = artifacts.open_project(tmp_path / "source")
    train.run(tiny_digits("model.mlp=dense", "model.mlp_ratio=2", "training.steps=1"), source)
    calls: list[object] = []
    monkeypatch.setattr(train, "fit", lambda *given, **options: calls.append(given))
    with pytest.raises(ConfigError, match=r"cannot start from that checkpoint: `layers\.0\.mlp"):
        train.run(tiny_digits("twin=true", f"training.start_from={source / 'train/ckpt.pt'}"), project)
    assert calls == []


@pytest.mark.usefixtures("stand_in_tools")
@pytest.mark.parametrize(
    ("override", "kind", "words"),
    [
        ("energy.arrays=[8, 12]", ConfigError, "systolic array of side 12; known: 8, 16, 32, 64"),
        ("rtl.outputs_per_cycle=9", ConfigError, "a block has only 8 outputs"),
        ("rtl.blocks={block0: {outputs_per_cycle: 9}}", ConfigError, "a block has only 8 outputs"),
        (
            "rtl.blocks={block7: {outputs_per_cycle: 1}}",
            ConfigError,
            "`block7`, which the model will not have",
        ),
        ("synth.device=ep4ce6", ConfigError, "of no family that is known"),
        ("synth.liberty=/no/such.lib", ConfigError, "cannot read the cell library"),
        ("sim.simulators=[modelsim]", ConfigError, "there is no simulator `modelsim`"),
        ("synth.tool=quartus", ConfigError, "unknown synthesizer `quartus`"),
    ],
)
def test_settings_of_later_stages_are_refused_before_training(
    override: str,
    kind: type[QuweitError],
    words: str,
    stand_in_stages: list[str],
    experiment_file: Path,
    tmp_path: Path,
) -> None:
    experiment = config.with_overrides(config.load_experiment(experiment_file), [override])
    with pytest.raises(kind, match=words):
        pipeline.run(experiment, tmp_path / "project")
    assert stand_in_stages == []


@pytest.mark.usefixtures("stand_in_tools")
def test_what_library_cells_need_is_looked_for_before_training(
    stand_in_stages: list[str],
    experiment_file: Path,
    tmp_path: Path,
    stand_in_tool: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = cell_library.write(tmp_path)
    wanted = [f"synth.liberty={library}", "dump.rows=3"]
    experiment = config.with_overrides(config.load_experiment(experiment_file), wanted)
    monkeypatch.setenv("QUWEIT_OPENSTA", "/no/such/sta")
    with pytest.raises(ToolNotFound, match="QUWEIT_OPENSTA"):
        pipeline.run(experiment, tmp_path / "project")
    stand_in_tool("opensta", "2.4.0")
    stand_in_tool("icarus", "Icarus Verilog version 11.0")
    with pytest.raises(ConfigError, match=r"`dump.rows` is 3, and activity takes 4"):
        pipeline.run(experiment, tmp_path / "project")
    assert stand_in_stages == []
