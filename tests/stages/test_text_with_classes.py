"""An encoder of text through the stages: trained, tested, dumped and shown; as hardware its blocks alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import DIGITS
from quweit_cli import artifacts, config
from quweit_cli.documents import DUMP, TRAIN
from quweit_cli.errors import UnsupportedModel
from quweit_cli.stages import dump, evaluate, report, rtl, train


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = artifacts.open_project(tmp_path_factory.mktemp("passages"))
    model = DIGITS["model"] | {"family": "encoder", "arithmetic": "integer", "context": 16}
    raw = DIGITS | {"data": {"source": "library_source"}, "model": model | {"exits": {"after": [1]}}}
    train.run(config.experiment_from_dict(raw, where="test"), path)
    dump.run(path / "train" / "ckpt.pt", path, config.Dump(samples=16, rows=8, golden_samples=2))
    return path


def test_what_is_trained_is_tested_with_its_exits_and_size(project: Path) -> None:
    trained = TRAIN.load(project).models[0]
    scored = evaluate.run(project / "train" / "ckpt.pt")
    assert scored.accuracy == trained.test_accuracy
    assert scored.size == trained.size is not None
    assert scored.exits is not None and trained.exits is not None
    assert scored.exits.head_accuracy == trained.exits.head_accuracy
    assert scored.exits.head_accuracy[-1] == scored.accuracy


def test_the_whole_program_equals_torch_and_reads_tokens(project: Path) -> None:
    dumped = DUMP.load(project)
    assert dumped.whole is not None and dumped.whole.exits is not None
    assert dumped.checks.tensors_compared > 30
    assert dumped.whole.vocabulary is None  # tokens are words, and no characters
    assert dumped.model is not None and not dumped.model.causal


def test_hardware_of_the_whole_is_refused_and_that_of_blocks_rendered(project: Path) -> None:
    with pytest.raises(UnsupportedModel, match="reads tokens and answers once a sample"):
        rtl.run(project, config.Rtl(side=8, directed_rows=0, random_rows=1))
    assert len(rtl.run(project, config.Rtl(directed_rows=0, random_rows=1)).blocks) == 2


def test_the_page_draws_accuracy_over_depth_and_lists_sizes(project: Path) -> None:
    page = report.run(project).read_text()
    assert 'id="leaving-early"' in page and "by the fall of entropy" in page
    assert 'id="size"' in page and "BEExformer" in page
