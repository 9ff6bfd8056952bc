"""`sample`: text from a character model, the same for the same seed, and plain refusals."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from conftest import REPOSITORY, Outcome
from experiments import tiny_digits, tiny_gpt
from quweit_cli import artifacts, config
from quweit_cli.errors import CheckFailed, ConfigError, ToolFailed, UnsupportedModel
from quweit_cli.progress import Progress
from quweit_cli.simulators.icarus import Icarus
from quweit_cli.stages import dump, rtl, sample, train
from quweit_cli.training import checkpoint
from quweit_cli.training.sampling import Network, _drawn, continuation

TEXT = "abcdefgh" * 400  # what follows a character is certain


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sampled")
    (folder / "text.txt").write_text(TEXT)
    project = artifacts.open_project(folder / "p")
    overrides = ("training.steps=120", "training.learning_rate=0.02", "model.block.value_rate=1.0")
    train.run(tiny_gpt(str(folder / "text.txt"), *overrides), project)
    return project / "train" / "ckpt.pt"


def test_it_goes_on_as_the_text_does_beyond_the_context(trained: Path) -> None:
    result = sample.run(trained, prompt="cd", tokens=24, temperature=0)
    assert result.text == ("efghabcd" * 3)[:24]  # the context is 16


def test_a_seed_gives_a_text_and_another_seed_another(trained: Path) -> None:
    first, again, other = (
        sample.run(trained, tokens=25, temperature=3.0, seed=seed).text for seed in (1, 1, 2)
    )
    assert first == again != other
    assert set(first) <= set("abcdefgh")


def test_only_the_likeliest_are_chosen_among() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.tensor([0.0, 3.0, 2.9, 1.0])
    drawn = {_drawn(logits, 1.0, 2, generator) for _ in range(200)}
    assert drawn == {1, 2}
    assert {_drawn(logits, 5.0, None, generator) for _ in range(200)} == {0, 1, 2, 3}
    assert _drawn(logits, 0.0, None, generator) == 1


def test_the_model_sees_the_last_tokens_only(trained: Path) -> None:
    model = checkpoint.load(trained).model()
    long, short = [1, 2] * 30, ([1, 2] * 30)[-16:]
    texts = []
    for start in (long, short):
        tokens = continuation(Network(model), start, temperature=1.0, top_k=None, seed=0)
        texts.append([next(tokens) for _ in range(10)])
    assert texts[0] == texts[1]


def test_tokens_that_go_on_leave_early_and_those_of_a_prompt_do_not(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    exits = ("model.exits.after=[1]", "model.exits.criterion=probability", "model.exits.threshold=0.01")
    project = artifacts.open_project(tmp_path / "p")
    train.run(tiny_gpt(str(tmp_path / "text.txt"), "training.steps=2", *exits), project)
    path = project / "train" / "ckpt.pt"
    written = sample.run(path, prompt="abc", tokens=20, device="cpu")
    assert (written.layers, written.steps, written.mean_layers) == (
        2,
        13,
        1.0,
    )  # until the context of 16 is full
    alone = sample.run(path, prompt="abc", tokens=1, device="cpu")
    assert (alone.steps, alone.mean_layers) == (0, None)


def test_a_model_without_exits_says_nothing_of_layers(trained: Path) -> None:
    written = sample.run(trained, prompt="a", tokens=2, device="cpu")
    assert written.layers is written.steps is written.mean_layers is None


def test_a_prompt_of_other_characters_is_refused_and_they_are_named(trained: Path) -> None:
    with pytest.raises(ConfigError, match="never saw: 'X', 'ß'"):
        sample.run(trained, prompt="aXßb")
    with pytest.raises(ConfigError, match="empty"):
        sample.run(trained, prompt="")


def test_a_model_of_images_writes_no_text(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    train.run(tiny_digits(), artifacts.open_project(tmp_path / "p"))
    with pytest.raises(UnsupportedModel, match="vit, which writes no text"):
        sample.run(tmp_path / "p/train/ckpt.pt")
    outcome = quweit("sample", tmp_path / "p/train/ckpt.pt")
    assert outcome.code == 2 and outcome.stdout == ""


def test_the_command_prints_the_text_alone(trained: Path, quweit: Callable[..., Outcome]) -> None:
    arguments = ("sample", trained, "--prompt", "ab", "--tokens", "6", "--temperature", "0")
    assert quweit(*arguments).stdout == "abcdefgh\n"
    assert json.loads(quweit(*arguments, "--json").stdout)["text"] == "cdefgh"


# ---------------------------------------------------------------- from hardware

SIZES = (
    "model.arithmetic=integer", "model.dim=8", "model.depth=1", "model.heads=1", "model.mlp=dense",
    "model.context=6",
)  # fmt: skip


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    (folder / "text.txt").write_text(TEXT)
    project = artifacts.open_project(folder / "p")
    train.run(tiny_gpt(str(folder / "text.txt"), *SIZES), project)
    dump.run(project / "train" / "ckpt.pt", project, config.Dump(samples=8, golden_samples=1))
    rtl.run(project, config.Rtl(side=8))
    return project


@pytest.mark.requires("icarus")
def test_hardware_writes_what_pytorch_writes(rendered: Path, quweit: Callable[..., Outcome]) -> None:
    """A prompt, decode steps, and new prompts once the context of 6 is full."""
    how = ("--prompt", "fa", "--tokens", "6", "--temperature", "1.5", "--seed", "7")
    written = quweit("sample", rendered / "train/ckpt.pt", *how)
    outcome = quweit("sample", rendered, "--on", "rtl", "--simulator", "icarus", *how)
    assert outcome.code == 0 and outcome.stdout == written.stdout


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_hardware_of_a_shrunk_example_writes_the_same_64_characters(tmp_path: Path) -> None:
    experiment = config.with_overrides(
        config.load_experiment(REPOSITORY / "examples" / "pydoc_gpt.yaml"),
        [
            "model.arithmetic=integer", "twin=false", "model.dim=32", "model.depth=2", "model.context=72",
            "model.block.lut_layers=[64]", "training.steps=30", "training.evaluate_every=30",
        ],
    )  # fmt: skip
    project = artifacts.open_project(tmp_path / "p")
    train.run(experiment, project)
    dump.run(project / "train" / "ckpt.pt", project, config.Dump(samples=8, golden_samples=1))
    rtl.run(project, config.Rtl(side=16, directed_rows=0, random_rows=1))
    checkpoint = project / "train" / "ckpt.pt"
    for temperature in (0.0, 1.0):
        expected = sample.run(checkpoint, prompt="The ", tokens=64, temperature=temperature)
        assert sample.run_on_rtl(project, prompt="The ", tokens=64, temperature=temperature) == expected


class Notes(Progress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.mark.requires("icarus")
def test_a_changed_weight_is_noticed_and_changes_the_text(rendered: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(rendered, tmp_path / "p"))
    (weights,) = (project / "rtl" / "rtl").glob("*/weights.hex")
    lines = weights.read_text().splitlines()
    weights.write_text("\n".join("3f" * (len(line) // 2) for line in lines) + "\n")
    notes, how = Notes(), {"prompt": "fa", "tokens": 6, "temperature": 0.0}
    text = sample.run_on_rtl(project, simulator_name="icarus", progress=notes, **how).text
    assert text != sample.run(rendered / "train" / "ckpt.pt", **how).text
    assert any("weights.hex` is not what `quweit rtl` wrote" in note for note in notes.notes)


def test_text_from_hardware_that_there_is_not_is_refused(
    trained: Path,
    rendered: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quweit: Callable[..., Outcome],
) -> None:
    outcome = quweit("sample", trained.parents[1], "--on", "rtl")
    assert outcome.code == 2 and "has no rtl artefact" in outcome.stderr
    dump.run(trained, artifacts.open_project(tmp_path / "blocks"), config.Dump(rows=8, samples=8))
    rtl.run(tmp_path / "blocks", config.Rtl(directed_rows=0, random_rows=1))
    outcome = quweit("sample", tmp_path / "blocks", "--on", "rtl")
    assert outcome.code == 2 and "holds no decoder as hardware" in outcome.stderr
    monkeypatch.setenv("QUWEIT_VERILATOR", str(tmp_path / "nothing"))
    assert quweit("sample", rendered, "--on", "rtl").code == 3


@pytest.mark.requires("icarus")
def test_a_simulator_that_ends_is_a_failed_tool(rendered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Icarus, "command", lambda *_: ["true"])
    with pytest.raises(ToolFailed, match="ended while it was asked"):
        sample.run_on_rtl(rendered, simulator_name="icarus", tokens=2)


@pytest.mark.requires("icarus")
def test_hardware_that_gives_nothing_fails_the_check(rendered: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(rendered, tmp_path / "p"))
    sequencer = project / "rtl/rtl/model/quweit_model_sequencer.sv"
    sequencer.write_text(sequencer.read_text().replace("gives_o = (state_q == Give)", "gives_o = 1'b0"))
    with pytest.raises(CheckFailed, match="no logits for 1 tokens: nothing"):
        sample.run_on_rtl(project, simulator_name="icarus", tokens=2)
