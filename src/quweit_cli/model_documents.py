"""The documents about models: what training reached, what a checkpoint scores and writes. Used by documents.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.config import Identifier

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$")]


class TrainedModel(Artifact):
    """One trained model: the weightless one, or its dense twin."""

    mlp: Literal["dense", "weightless"]
    checkpoint: FileName
    parameters: int
    steps: int
    seconds: float
    device: str
    test_loss: float
    test_accuracy: float | None = Field(None, description="share of test samples, for classifiers")
    curve: list[dict[str, float]] = Field(
        description="step, train_loss, learning_rate, test_loss (and test_accuracy) at evaluations"
    )


class TrainResult(Artifact):
    schema_name: Literal["quweit.train/1"] = Field("quweit.train/1", alias="schema")
    name: Identifier
    seed: int
    data: str = Field(description="what was learned and tested on, in words, with sample counts")
    models: list[TrainedModel]


class UnfinishedTraining(Artifact):
    """Training that `--stop-after` ended before its last step; the same command goes on from there."""

    schema_name: Literal["quweit.unfinished/1"] = Field("quweit.unfinished/1", alias="schema")
    name: Identifier
    mlp: Literal["dense", "weightless"] = Field(description="the model that was being trained")
    step: int = Field(description="steps done")
    steps: int
    state: FileName = Field(description="folder in the project directory from which training goes on")


class EvalResult(Artifact):
    """A checkpoint tested in PyTorch, and with every block replaced by its integer program."""

    schema_name: Literal["quweit.eval/1"] = Field("quweit.eval/1", alias="schema")
    name: Identifier
    mlp: Literal["dense", "weightless"]
    data: str
    samples: int
    device: str
    loss: float
    accuracy: float | None = Field(None, description="share of test samples, for classifiers")
    integer_loss: float | None = Field(None, description="absent for a dense model, which has no blocks")
    integer_accuracy: float | None = None


class SampleResult(Artifact):
    """Text that a character model wrote."""

    schema_name: Literal["quweit.sample/1"] = Field("quweit.sample/1", alias="schema")
    name: Identifier
    prompt: str
    text: str = Field(description="what follows the prompt")
    seed: int
