"""Passages of words with classes: cut within their class, held out file by file, the same every time."""

import pytest
import torch

from quweit_cli import config
from quweit_cli.errors import ConfigError, DataUnavailable
from quweit_cli.training import datasets
from quweit_cli.training.datasets import passages
from quweit_cli.training.datasets.order import Share
from quweit_cli.training.datasets.passages import PACKAGES, WORDS, Part, Passages


def counting(*lengths: int) -> Passages:
    """The word at place n of class c is 100 c + n."""
    words = torch.cat([100 * number + torch.arange(length) for number, length in enumerate(lengths)])
    part = Part(words, lengths)
    return Passages(
        "numbers", [str(n) for n in range(len(lengths))], [str(n) for n in range(300)], part, part
    )


def test_a_training_passage_stays_within_its_class_and_may_start_anywhere() -> None:
    data = counting(9, 5, 12)
    inputs, labels = data.batch(0, 4000, 5, seed=0)
    assert torch.equal(inputs // 100, labels[:, None].expand(-1, 5))
    assert torch.equal(inputs, inputs[:, :1] + torch.arange(5))
    starts = {(int(label), int(row[0]) % 100) for row, label in zip(inputs, labels, strict=True)}
    assert starts == {(0, n) for n in range(5)} | {(1, 0)} | {(2, n) for n in range(8)}


def test_processes_share_one_batch() -> None:
    data = counting(30, 30)
    whole, _ = data.batch(3, 8, 5, seed=1)
    parts = [data.batch(3, 8, 5, seed=1, share=Share(index, 2))[0] for index in range(2)]
    assert torch.equal(torch.cat(parts), whole)


def test_test_passages_adjoin_and_end_with_their_class() -> None:
    inputs, labels = counting(9, 5, 12).test(4)
    assert inputs[:, 0].tolist() == [0, 4, 100, 200, 204, 208]
    assert labels.tolist() == [0, 0, 1, 2, 2, 2]
    some, labels = counting(9, 5, 12).test(4, 3)
    assert some[:, 0].tolist() == [0, 100, 204] and labels.tolist() == [0, 1, 2]


def test_a_class_shorter_than_a_passage_is_refused() -> None:
    with pytest.raises(ConfigError, match="a part of 5 words, too short for passages of 6"):
        counting(9, 5).check(6)


def test_the_library_s_source_has_every_class_and_is_the_same_every_time() -> None:
    data, again = (datasets.load(config.Data(source="library_source")) for _ in range(2))
    assert isinstance(data, Passages) and isinstance(again, Passages)
    assert data.classes == list(PACKAGES) and len(data.vocabulary) == WORDS + 1
    assert torch.equal(data.train.tokens, again.train.tokens)
    learned, held_out = len(data.train.tokens), len(data.held_out.tokens)
    assert held_out / (learned + held_out) == pytest.approx(passages.HELD_OUT, abs=0.01)
    unknown = float((data.train.tokens == 0).float().mean())
    assert 0.05 < unknown < 0.4
    _, labels = data.test(32)
    assert set(labels.tolist()) == set(range(len(PACKAGES)))


def test_a_python_without_source_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataUnavailable, match="no source of its package `asyncio`"):
        datasets.load(config.Data(source="library_source"))
