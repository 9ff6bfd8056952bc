"""Families and datasets of other packages (docs/extensions.md): found by metadata, trained and rendered, and missed by name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import own_packages
from conftest import REPOSITORY, Outcome
from experiments import DIGITS
from quweit_cli import config
from quweit_cli.config import extensions
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.models import FAMILIES, build
from quweit_cli.stages import doctor, keys
from quweit_cli.training import checkpoint, datasets

Quweit = Callable[..., Outcome]
META = {"kind": "images", "side": 8, "channels": 1, "classes": ["0", "1"], "mean": [0.0], "std": [1.0]}
PAGE = (REPOSITORY / "docs" / "extensions.md").read_text()


def shown(language: str) -> str:
    """The only example of that language on the page."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)
    return text


def project(families: str = "", sources: str = "", name: str = "other", version: str = "1.0") -> str:
    groups = {"families": families, "datasets": sources}
    return f'[project]\nname = "{name}"\nversion = "{version}"\n' + "".join(
        f'[project.entry-points."quweit.{group}"]\n{entries}\n' for group, entries in groups.items()
    )


def settings(**model: Any) -> config.Model:
    return config.Model.model_validate({**DIGITS["model"], **model})


def test_what_is_said_to_be_ours_are_the_registries() -> None:
    assert {
        extensions.FAMILIES: tuple(FAMILIES),
        extensions.DATASETS: tuple(datasets.SOURCES),
    } == extensions.OWN


def test_the_package_of_the_page_is_trained_dumped_and_rendered(
    quweit: Quweit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, out = tmp_path / "stripes.yaml", tmp_path / "project"
    experiment.write_text(shown("yaml"))
    with monkeypatch.context() as patch:
        own_packages.install(tmp_path / "site", patch, shown("toml"), {"stripes_and_mixer": shown("python")})
        for command in (["train", experiment], ["dump", out / "train" / "ckpt.pt"], ["rtl", out]):
            outcome = quweit(*command, "--out", out)
            assert outcome.code == 0, outcome.stderr
        assert quweit("train", experiment, "--out", out, "--set", "data.options.images=three").code == 2
        listed = json.loads(quweit("doctor", "--json").stdout)["extensions"]
        assert [(one["name"], one["package"], one["problem"]) for one in listed] == [
            ("mixer", "stripes-and-mixer", None),
            ("stripes", "stripes-and-mixer", None),
        ]
        assert "stripes-and-mixer 1.0" in quweit("doctor").stdout
    dump = json.loads((out / "dump" / "dump.json").read_text())
    assert [(one["name"], one["site"]["module"], one["site"]["rows"]) for one in dump["blocks"]] == [
        ("block0", "layers.0.mlp", 8),
        ("block1", "layers.1.mlp", 8),
    ]
    assert (dump["model"], dump["checks"]["logits_equal"]) == (None, True)
    missed = quweit("dump", out / "train" / "ckpt.pt", "--out", tmp_path / "again")
    assert missed.code == 3
    assert (
        "model family `mixer` is of the package stripes-and-mixer 1.0, which is not installed"
        in missed.stderr
    )
    assert "install stripes-and-mixer 1.0" in missed.stderr


def test_a_dataset_that_is_missing_is_missed_only_when_it_is_to_be_read(
    quweit: Quweit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = {**DIGITS, "data": {"source": "stripes"}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(raw))
    with monkeypatch.context() as patch:
        own_packages.install(tmp_path / "site", patch, shown("toml"), {"stripes_and_mixer": shown("python")})
        assert quweit("train", tmp_path / "own.yaml", "--out", tmp_path / "p").code == 0
    path = tmp_path / "p" / "train" / "ckpt.pt"
    assert checkpoint.load(path).packages == {"data.source": ("stripes-and-mixer", "1.0")}
    assert quweit("dump", path, "--out", tmp_path / "p", "--rows", 8).code == 0
    content = torch.load(path, weights_only=True)
    checkpoint.write_whole(
        content | {"packages": {"data.source": "stripes-and-mixer"}}, tmp_path / "damaged.pt"
    )
    with pytest.raises(ArtifactError, match="damaged.*`data.source`"):
        checkpoint.load(tmp_path / "damaged.pt")
    missed = quweit("eval", path, "--data", tmp_path)
    assert missed.code == 3 and "dataset `stripes` is of the package stripes-and-mixer 1.0" in missed.stderr


def test_another_version_of_the_package_is_another_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    raw = {**DIGITS, "data": {"source": "stripes"}}
    experiment = config.experiment_from_dict(raw, where="test")
    for version in ("1.0", "1.1"):
        with monkeypatch.context() as patch:
            own_packages.install(
                tmp_path / version, patch, project(sources='stripes = "a:b"', version=version)
            )
            found.append(keys.train(experiment))
    assert found[0] != found[1] and found[0].options["packages"] == {"data.source": ["other", "1.0"]}
    assert "packages" not in keys.train(config.experiment_from_dict(DIGITS, where="test")).options


def test_a_name_that_nobody_has_is_refused_with_all_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_packages.install(tmp_path, monkeypatch, project('mixer = "a:b"', 'stripes = "a:b"'))
    with pytest.raises(ConfigError, match="no model family `mixr`") as caught:
        build(settings(family="mixr"), META)
    assert "vit, encoder, gpt, resnet, mixer (of other)" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="no dataset `stripe`") as caught:
        datasets.load(config.Data(source="stripe"))
    assert "csv, stripes (of other)" in str(caught.value.hint)


def test_a_name_of_ours_is_ours_and_one_that_two_packages_have_is_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_packages.install(tmp_path / "1", monkeypatch, project('vit = "a:b"\nmixer = "a:b"', name="one"))
    own_packages.install(tmp_path / "2", monkeypatch, project('mixer = "c:d"', name="two"))
    assert isinstance(build(settings(), META), FAMILIES["vit"])
    with pytest.raises(ConfigError, match="several packages offer the model family `mixer`: one, two"):
        build(settings(family="mixer"), META)
    problems = {(one.name, one.package): one.problem for one in doctor.run().extensions}
    assert problems == {
        ("mixer", "one"): "several packages have one of that name",
        ("mixer", "two"): "several packages have one of that name",
        ("vit", "one"): "quweit has one of that name itself",
    }


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("import no_such_module", "cannot be imported: ModuleNotFoundError"),
        ("other = 1", "cannot be imported: AttributeError"),
        ("def make(settings, meta): return 1 / 0", "cannot be built: ZeroDivisionError"),
        (
            "def make(settings, meta): return settings",
            "is no family: TypeError: a torch.nn.Module with `layers`",
        ),
        (
            "from torch import nn\ndef make(settings, meta):\n    made = nn.Module()\n"
            "    made.layers = nn.ModuleList([nn.Linear(1, 1)])\n    return made",
            "is no family: TypeError: `tokens` says",
        ),
    ],
)
def test_a_family_that_does_not_work_is_of_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, words: str
) -> None:
    own_packages.install(tmp_path, monkeypatch, project('odd = "odd_family:make"'), {"odd_family": module})
    with pytest.raises(ConfigError, match=f"the model family `odd` of the package other 1.0 {words}"):
        build(settings(family="odd"), META)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("def read(settings): raise KeyError(1)", "cannot be read: KeyError"),
        (
            "def read(settings): return [1]",
            "is none: TypeError: Images or Text of quweit_cli are wanted, not list",
        ),
    ],
)
def test_a_dataset_that_does_not_work_is_of_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, words: str
) -> None:
    own_packages.install(
        tmp_path, monkeypatch, project(sources='odd = "odd_data:read"'), {"odd_data": module}
    )
    with pytest.raises(ConfigError, match=f"the dataset `odd` of the package other 1.0 {words}"):
        datasets.load(config.Data(source="odd"))


def test_options_and_integers_are_refused_where_they_mean_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"`model\.options` are for families of other packages"):
        build(settings(options={"a": 1}), META)
    with pytest.raises(ConfigError, match=r"`data\.options` are for datasets of other packages"):
        datasets.load(config.Data(source="digits", options={"a": 1}))
    own_packages.install(tmp_path, monkeypatch, project('odd = "odd_family:make"'))
    with pytest.raises(ConfigError, match="`odd` computes in floating point alone"):
        build(settings(family="odd", arithmetic="integer"), META)


def test_finding_them_imports_neither_them_nor_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_packages.install(tmp_path, monkeypatch, project('odd = "no_such_module:make"'))
    program = (
        "import sys; from quweit_cli.config import extensions; "
        "assert extensions.named(extensions.FAMILIES, 'odd'); print('torch' in sys.modules)"
    )
    path = f"{tmp_path}:{REPOSITORY / 'src'}"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
