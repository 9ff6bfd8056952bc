"""`sample`: text from a character model, the same for the same seed, and plain refusals."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from conftest import Outcome
from experiments import tiny_digits, tiny_gpt
from quweit_cli import artifacts
from quweit_cli.errors import ConfigError, UnsupportedModel
from quweit_cli.stages import sample, train
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
