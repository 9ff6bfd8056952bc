"""A table of a user's own: columns encoded, rows split, bounded, and refused in words that name line and column."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import own_tables
from conftest import REPOSITORY, Outcome
from experiments import DIGITS
from quweit_cli import config
from quweit_cli.boundary import tables
from quweit_cli.errors import ConfigError, DataUnavailable
from quweit_cli.models import build
from quweit_cli.stages import keys
from quweit_cli.training import datasets
from quweit_cli.training.datasets.table import STEPS, ZERO, Rows

Quweit = Callable[..., Outcome]
KIND = {"label": "kind"}
SMALL = ("--set", "side=8", "--set", "directed_rows=0", "--set", "random_rows=1")


def load(path: Path, **settings: Any) -> Rows:
    raw = {"source": "csv", "path": path, "table": KIND, **settings}
    data = datasets.load(config.Data.model_validate(raw))
    assert isinstance(data, Rows)
    return data


def refused(path: Path, words: str, **settings: Any) -> None:
    with pytest.raises(DataUnavailable) as caught:
        load(path, **settings)
    assert str(path) in caught.value.message and words in caught.value.message, caught.value.message
    assert caught.value.hint is not None


def test_numbers_are_normalised_by_the_training_rows_and_categories_are_one_of_many(tmp_path: Path) -> None:
    data = load(own_tables.write(tmp_path / "own.csv"))
    assert data.classes == ["apple", "plum"]
    assert (data.train_pixels.shape, data.test_pixels.shape) == (
        (18, 5),
        (6, 5),
    )  # red and blue are two values
    values = (data.train_pixels.float() - ZERO) / STEPS
    for column in (0, 1, 4):
        assert (
            values[:, column].mean().abs() < 0.02
            and abs(float(values[:, column].std(correction=0)) - 1) < 0.05
        )
    assert set(map(tuple, values[:, 2:4].tolist())) == {(0, 1), (1, 0)}
    assert data.description == (
        "`own.csv`, 18 training and 6 test rows of 4 columns and 2 classes, stratified split of seed 0"
    )


def test_every_column_is_a_token_with_values_of_its_own(tmp_path: Path) -> None:
    data = load(own_tables.write(tmp_path / "own.csv"))
    inputs, _ = data.test(4)
    assert inputs.shape == (6, 5, 2, 2)
    tokens_BNE = inputs.flatten(2).transpose(1, 2)
    value_BE = (data.test_pixels.float() - ZERO) / STEPS
    for token, values in enumerate([[0], [1], [2, 3], [4]]):
        others = [value for value in range(5) if value not in values]
        assert torch.equal(tokens_BNE[:, token, values], value_BE[:, values])
        assert (tokens_BNE[:, token, others] == 0).all()


def test_what_lies_beyond_four_deviations_is_clamped(tmp_path: Path) -> None:
    def outlier(found: list[list[str]]) -> None:
        found[1][0] = "1e9"

    data = load(own_tables.write(tmp_path / "own.csv", outlier, each=40))
    assert {0, 255} & set(torch.cat([data.train_pixels, data.test_pixels])[:, 0].tolist()) == {255}


def test_columns_are_what_the_settings_say(tmp_path: Path) -> None:
    path = own_tables.write(tmp_path / "own.csv", separator="\t")
    table = {**KIND, "categorical": ["shelf"], "leave_out": ["width", "colour"], "separator": "tab"}
    data = load(path, table=table)
    assert [column.name for column in data.columns] == ["height", "shelf"]
    assert data.columns[1].categories == ("0", "1", "2")
    assert data.meta["columns"][1] == {"name": "shelf", "categories": ["0", "1", "2"]}


def test_classes_that_are_numbers_are_in_their_order(tmp_path: Path) -> None:
    def numbered(found: list[list[str]]) -> None:
        for place, line in enumerate(found[1:]):
            line[4] = str(place % 11)

    assert load(own_tables.write(tmp_path / "own.csv", numbered, each=40)).classes == [
        str(n) for n in range(11)
    ]


def test_a_split_goes_by_its_own_seed(tmp_path: Path) -> None:
    path = own_tables.write(tmp_path / "own.csv")
    first, again, other = (load(path, split_seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.test_pixels, again.test_pixels)
    assert not torch.equal(first.test_pixels, other.test_pixels)


def test_a_folder_with_both_parts_is_not_split_and_counts_by_its_content(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    own_tables.write(folder / "train.csv")
    own_tables.write(
        folder / "test.csv", lambda found: found.reverse() or found.insert(0, found.pop()), each=3
    )  # type: ignore[func-returns-value]
    data = load(folder)
    assert (len(data.train_labels), data.test_labels.tolist()) == (24, [0, 1, 0, 1, 0, 1])
    raw = {**DIGITS, "data": {"source": "csv", "path": str(folder), "table": KIND}}
    settings = config.experiment_from_dict(raw, where="test")
    before = keys.train(settings).inputs["data"]
    own_tables.write(folder / "test.csv", each=4)
    assert keys.train(settings).inputs["data"] != before


def cell(row: int, column: int, text: str) -> own_tables.Change:
    return lambda found: found[row].__setitem__(column, text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (cell(3, 0, "wide"), "line 4, column `width`: 'wide' is no number, as 23 of the 24 cells"),
        (cell(3, 0, "1_0"), "line 4, column `width`: '1_0' is no number"),
        (cell(3, 0, "inf"), "line 4, column `width`: 'inf' is no number"),
        (cell(2, 1, ""), "line 3, column `height`: the value is missing ('')"),
        (cell(2, 2, "?"), "line 3, column `colour`: the value is missing ('?')"),
        (cell(24, 4, "NA"), "line 25, column `kind`: the value is missing ('NA')"),
        (lambda found: found[5].pop(), "line 6 has 4 cells, and the first line 5"),
        (lambda found: found[5].append("7"), "line 6 has 6 cells"),
        (cell(4, 2, '"re'), "line 25 is not CSV"),
        (cell(0, 1, "width"), "column `width` stands twice"),
        (cell(0, 1, ""), "column 2 has no name"),
        (cell(0, 1, "wi\x1bdth"), "the name of column 2, 'wi\\x1bdth'"),
        (lambda found: found.__delitem__(slice(1, None)), "no rows below a line of names"),
        (lambda found: found.clear(), "no rows below a line of names"),
        (lambda found: found.__delitem__(slice(1, None, 2)), "the column of classes has 1 different values"),
    ],
)
def test_a_table_that_says_too_little_is_refused_by_line_and_column(
    tmp_path: Path, change: own_tables.Change, words: str
) -> None:
    refused(own_tables.write(tmp_path / "own.csv", change), words)


def test_a_test_part_of_other_columns_or_categories_is_refused(tmp_path: Path) -> None:
    own_tables.write(tmp_path / "own" / "train.csv")
    own_tables.write(tmp_path / "own" / "test.csv", cell(2, 2, "green"))
    refused(tmp_path / "own", "line 3, column `colour`: no row that is learned has 'green'")
    own_tables.write(tmp_path / "own" / "test.csv", cell(0, 1, "depth"))
    refused(tmp_path / "own", "one of train.csv and test.csv has a column `depth`, and the other has not")
    (tmp_path / "own" / "test.csv").unlink()
    refused(tmp_path / "own", "`test.csv`: No such file")


def test_more_than_the_bounds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = own_tables.write(tmp_path / "own.csv")
    for name, most, words in (
        ("MOST_ROWS", 23, "more than 23 rows"),
        ("MOST_COLUMNS", 4, "5 columns, more than 4"),
        ("TABLE_BYTES", 100, "more than 100 bytes"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(tables, name, most)
            refused(path, words)
    own_tables.write(
        path,
        lambda found: [line.__setitem__(2, f"c{n}") for n, line in enumerate(found[1:])] and None,
        each=130,
    )
    refused(path, "the column `colour` has 260 categories, more than 256")


def test_settings_that_do_not_fit_a_table_are_refused(tmp_path: Path) -> None:
    path = own_tables.write(tmp_path / "own.csv")
    with pytest.raises(
        ConfigError, match=r"`data\.table\.label` names the column `knd`.*did you mean `kind`"
    ) as caught:
        load(path, table={"label": "knd"})
    assert caught.value.hint == "its columns are: width, height, colour, shelf, kind"
    with pytest.raises(ConfigError, match=r"`data\.table\.leave_out` names the column `depth`"):
        load(path, table={**KIND, "leave_out": ["depth"]})
    with pytest.raises(ConfigError, match=r"needs `data\.table\.label`"):
        load(path, table={})
    with pytest.raises(ConfigError, match=r"needs `data\.path`"):
        datasets.load(config.Data.model_validate({"source": "csv", "table": KIND}))
    with pytest.raises(ConfigError, match="augment: shift"):
        load(path, augment="shift")
    own_tables.write(path, cell(1, 4, "quince"))
    with pytest.raises(ConfigError, match="class `quince` has only one of the rows"):
        load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"patch": 3}, "4 columns lie on 2 x 2 places"),
        ({"image": 8}, "enlarges images"),
        ({"family": "resnet", "mlp": "dense"}, "`resnet` learns from images, and this dataset is of table"),
        ({"family": "gpt"}, "`gpt` learns from text, and this dataset is of table"),
    ],
)
def test_models_that_do_not_fit_a_table_are_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    data = load(own_tables.write(tmp_path / "own.csv"))
    settings = config.Model.model_validate({**DIGITS["model"], "patch": 1, **change})
    with pytest.raises(ConfigError, match=words):
        build(settings, data.meta)


def test_the_experiment_of_the_page_learns_its_table(quweit: Quweit, tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "data.md").read_text()
    (text,) = (one for one in re.findall(r"```yaml\n(.*?)```", page, re.S) if "source: csv" in one)
    (tmp_path / "fruit.yaml").write_text(text)
    own_tables.write(tmp_path / "fruit.csv", each=60)
    done = quweit("train", tmp_path / "fruit.yaml", "--out", tmp_path / "project", "--json")
    assert done.code == 0, done.stderr
    assert json.loads(done.stdout)["models"][0]["test_accuracy"] > 0.9


def test_a_model_of_rows_is_trained_dumped_and_evaluated_whole(quweit: Quweit, tmp_path: Path) -> None:
    path = own_tables.write(tmp_path / "own.csv", each=20)
    raw = {**DIGITS, "data": {"source": "csv", "path": "own.csv", "table": KIND}}
    raw["model"] = {**DIGITS["model"], "patch": 1, "arithmetic": "integer"}
    raw["training"] = {**DIGITS["training"], "batch_size": 8}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(raw))
    project = tmp_path / "project"
    done = quweit("train", tmp_path / "own.yaml", "--out", project)
    assert done.code == 0, done.stderr
    checkpoint = project / "train" / "ckpt.pt"
    dumped = quweit("dump", checkpoint, "--out", project, "--data", path, "--rows", 8, "--json")
    assert dumped.code == 0, dumped.stderr
    document = json.loads(dumped.stdout)
    assert document["checks"]["logits_equal"] is True and document["whole"] is not None
    assert document["readings"]["classes"] == ["apple", "plum"] and document["readings"]["images"] is None
    pixels = np.load(project / "dump" / document["whole"]["inputs"])
    assert pixels.shape == (10, 5, 2, 2)
    rendered = quweit("rtl", project, "--out", project, *SMALL, "--json")
    assert rendered.code == 0, rendered.stderr
    assert json.loads(rendered.stdout)["model"] is not None
    scored = json.loads(quweit("eval", checkpoint, "--json").stdout)  # on the samples that it carries
    assert scored["samples"] == 10 and scored["integer_accuracy"] == scored["accuracy"]
    other = own_tables.write(tmp_path / "other.csv", each=21)
    refusal = quweit("eval", checkpoint, "--data", other)
    assert refusal.code == 2 and "Traceback" not in refusal.stderr


@pytest.mark.slow
@pytest.mark.requires("verilator", "yosys")
def test_the_whole_flow_takes_a_table_to_hardware_that_is_equal(quweit: Quweit, tmp_path: Path) -> None:
    own_tables.write(tmp_path / "own.csv", each=20)
    raw = {**DIGITS, "data": {"source": "csv", "path": "own.csv", "table": KIND}}
    raw["model"] = {**DIGITS["model"], "depth": 1, "patch": 1, "arithmetic": "integer"}
    raw |= {"rtl": {"side": 8, "directed_rows": 0}, "sim": {"simulators": ["verilator"]}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(raw))
    done = quweit("run", tmp_path / "own.yaml", "--out", tmp_path / "project", "--json")
    assert done.code == 0, done.stderr
    summary = json.loads(done.stdout)
    verdict = summary["sim"]["verilator"]
    assert verdict["bit_exact"] is True and verdict["model"]["bit_exact"] is True
    assert summary["energy"]["ratios"] and (tmp_path / "project" / "report" / "index.html").is_file()
