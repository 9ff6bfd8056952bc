"""Functions that a model has in pieces: what settings may say, and what becomes of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from conftest import Outcome
from experiments import DIGITS, tiny_digits
from quweit_cli import config
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.ir.nodes.functions import LayerNormalisation, gelu_pieces, layer_norm, shiftmax
from quweit_cli.ir.nodes.piecewise import PiecesRecord
from quweit_cli.models.integer.pieces import RealPieces
from quweit_cli.stages import keys, parts
from quweit_cli.training import checkpoint

Quweit = Callable[..., Outcome]


def experiment(*overrides: str) -> config.Experiment:
    return tiny_digits("model.arithmetic=integer", *overrides)


def rows() -> np.ndarray:
    deviations = np.geomspace(2, 8000, 200)[:, None]
    drawn = np.random.default_rng(0).normal(0, 1, (200, 48)) * deviations
    return np.rint(drawn).clip(-32768, 32767).astype(np.int64)


@pytest.mark.parametrize("method", ["exact", pytest.param("genetic", marks=pytest.mark.slow)])
def test_a_root_that_is_searched_is_nearly_exact(method: str) -> None:
    made = parts.with_pieces(experiment(f"model.functions.root={{segments: 8, bits: 9, method: {method}}}"))
    found = made.model.functions.root
    assert isinstance(found, PiecesRecord)
    off = layer_norm(rows(), found.pieces()) - layer_norm(rows())
    assert np.abs(off).max() <= 3 and np.abs(off).mean() < 0.3
    again = config.experiment_from_dict(made.model_dump(mode="json"), where="test")
    assert again == made and parts.with_pieces(again) is again


def test_settings_without_pieces_stay_as_they_are() -> None:
    plain = experiment()
    assert parts.with_pieces(plain) is plain


def test_a_document_counts_by_its_content_and_a_checkpoint_holds_its_pieces(
    quweit: Quweit, tmp_path: Path
) -> None:
    assert quweit("approximate", *parts.ROLES["root"].command.split()[2:], "--out", str(tmp_path)).code == 0
    (document,) = tmp_path.glob("[gr]*.json")
    raw = DIGITS | {
        "model": DIGITS["model"] | {"arithmetic": "integer", "functions": {"root": document.name}}
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(raw))
    named = config.load_experiment(tmp_path / "tiny.yaml")
    assert named.model.functions.root == document
    key = keys.train(named)
    elsewhere = document.rename(tmp_path / "moved.json")
    raw["model"]["functions"]["root"] = "moved.json"
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(raw))
    assert keys.train(config.load_experiment(tmp_path / "tiny.yaml")) == key
    outcome = quweit("train", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "p"))
    assert outcome.code == 0, outcome.stderr
    elsewhere.unlink()
    loaded = checkpoint.load(tmp_path / "p/train/ckpt.pt")
    assert isinstance(loaded.experiment.model.functions.root, PiecesRecord)
    norm = loaded.model().normalisation.node()  # type: ignore[union-attr, operator]
    assert isinstance(norm, LayerNormalisation) and norm.root is not None


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("exakt", "`exact`, a number of `segments` and `bits`, or a document"),
        ("{segments: 1}", "greater than or equal to 2"),
        ("{segments: 8, bits: 13}", "less than or equal to 12"),
        ("{segments: 8, piecs: 9}", "piecs"),
        ("{segments: 8, method: best}", "'exact' or 'genetic'"),
        (
            "{breakpoints: [], slopes: [1], intercepts: [1], align: 0, shift: 1, low: -128, high: 127}",
            "the root scales no ranges",
        ),
    ],
)
def test_choices_that_make_no_sense_are_refused(choice: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        experiment(f"model.functions.root={choice}")


def test_a_model_in_floating_point_has_no_pieces() -> None:
    with pytest.raises(ConfigError, match="`arithmetic: integer`"):
        tiny_digits("model.functions.root={bits: 9}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (None, "cannot read the function `root`"),
        ("gelu", "is `gelu`, and `model.functions.root` is `reciprocal_root`"),
        ("reciprocal_root --bits 9", "scale no ranges"),
        ("reciprocal_root --bits 9 --fraction 0 --scale 0.25 --wide-bits 16", "does not fit a model"),
    ],
)
def test_documents_that_do_not_fit_end_with_code_2(
    quweit: Quweit, tmp_path: Path, words: str | None, message: str
) -> None:
    document = tmp_path / "none.json"
    if words is not None:
        outcome = quweit("approximate", *words.split(), "--out", str(tmp_path / "f"))
        assert outcome.code == 0, outcome.stderr
        (document,) = (tmp_path / "f").glob("[gr]*.json")
    (tmp_path / "tiny.yaml").write_text(
        yaml.safe_dump(DIGITS | {"model": DIGITS["model"] | {"arithmetic": "integer"}})
    )
    outcome = quweit(
        "train",
        str(tmp_path / "tiny.yaml"),
        "--set",
        f"model.functions.root={document}",
        "--out",
        str(tmp_path / "p"),
    )
    assert outcome.code == 2 and message in outcome.stderr.replace("\n", " ")
    assert "hint" in outcome.stderr


@pytest.mark.parametrize(
    ("method", "roles"),
    [
        ("exact", ("exponential",)),
        ("exact", ("reciprocal",)),
        pytest.param("genetic", ("exponential", "reciprocal"), marks=pytest.mark.slow),
    ],
)
def test_a_softmax_that_is_searched_is_near_the_real_one(method: str, roles: tuple[str, ...]) -> None:
    overrides = [f"model.functions.{role}={{segments: 8, bits: 9, method: {method}}}" for role in roles]
    made = parts.with_pieces(experiment(*overrides)).model.functions
    pieces = [
        one.pieces() if isinstance(one, PiecesRecord) else None for one in (made.exponential, made.reciprocal)
    ]
    assert [one is not None for one in pieces] == [role in roles for role in ("exponential", "reciprocal")]
    scores = np.random.default_rng(0).normal(0, 30, (300, 16)).round().clip(-128, 127).astype(np.int64)
    multiplier = 2 if "exponential" in roles else 23  # of scores in steps of 1/16
    got = shiftmax(scores, multiplier, None, *pieces) / 128
    real = np.exp(scores / 16 - scores.max(axis=1, keepdims=True) / 16)
    real /= real.sum(axis=1, keepdims=True)
    worst = 0.05 if "exponential" in roles else 0.08  # that of shifts is 6 % by itself
    assert np.abs(got - real).max() < worst


@pytest.mark.parametrize(
    ("role", "words", "message"),
    [
        ("exponential", "exp", "codes of scores are 2^-5"),
        (
            "exponential",
            "exp --scale 0.03125 --input-bits 9 --output-scale 0.0078125",
            "are not rounded to them",
        ),
        ("exponential", "reciprocal", "is `reciprocal`"),
        ("reciprocal", "reciprocal --bits 9", "scale no ranges"),
        (
            "reciprocal",
            "reciprocal --bits 9 --fraction 0 --scale 0.25 --wide-bits 16",
            "bits below the point",
        ),
    ],
)
def test_documents_of_a_softmax_that_do_not_fit_are_refused(
    quweit: Quweit, tmp_path: Path, role: str, words: str, message: str
) -> None:
    outcome = quweit("approximate", *words.split(), "--out", str(tmp_path))
    assert outcome.code == 0, outcome.stderr
    (document,) = tmp_path.glob("[er]*.json")
    with pytest.raises((ConfigError, ArtifactError), match=re.escape(message)):
        parts.with_pieces(experiment(f"model.functions.{role}={document}"))


@pytest.mark.parametrize("fraction", [0, 7])
@pytest.mark.parametrize("output_fraction", [3, 5])
def test_a_gelu_that_is_searched_is_the_same_function_of_coarser_and_finer_codes(
    fraction: int, output_fraction: int
) -> None:
    made = parts.with_pieces(experiment("model.functions.gelu={segments: 16, bits: 9}"))
    found = made.model.functions.gelu
    assert isinstance(found, PiecesRecord)
    codes = np.arange(-128, 128)
    answers = gelu_pieces(found.pieces(), fraction, output_fraction).evaluate(codes)
    x = codes / 2.0**fraction
    line = RealPieces(found.pieces())(torch.from_numpy(x)).numpy()
    assert np.array_equal(answers, np.floor(line * 2.0**output_fraction + 0.5).clip(-128, 127))
    real = np.array([one * (1 + math.erf(one / math.sqrt(2))) / 2 for one in x])
    step = 2.0**-output_fraction
    inside = (real > -127 * step) & (real < 126 * step)
    assert np.abs(answers * step - real)[inside].max() <= step / 2 + 0.03


def test_a_gelu_that_is_rounded_to_one_scale_is_refused(quweit: Quweit, tmp_path: Path) -> None:
    words = [*parts.ROLES["gelu"].command.split()[2:], "--output-scale", "0.0625", "--out", str(tmp_path)]
    assert quweit("approximate", *words).code == 0
    (document,) = tmp_path.glob("gelu*.json")
    with pytest.raises(ConfigError, match="every layer has its own"):
        parts.with_pieces(experiment(f"model.functions.gelu={document}"))
