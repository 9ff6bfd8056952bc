"""What training reached, what a checkpoint scores, and what it writes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import Amount, Count, Figure, FileName, Identifier, Seed, Share
from quweit_cli.config import Mlp
from quweit_cli.documents.size import ModelSize
from quweit_cli.ir.exits import Criterion


class ExitRow(Artifact):
    """What a rule for leaving early gives over all test samples, or over tokens of a text."""

    criterion: Criterion
    threshold: Figure = Field(description="a share, bits, or a probability")
    accuracy: Share = Field(description="share of samples, or of next tokens")
    loss: Amount | None = Field(None, description="of a text: mean over tokens, in nats")
    mean_layers: Amount = Field(description="that a sample or token goes through")
    layers_saved: Share = Field(
        description="share of all layers of all samples or tokens that is not computed; of tokens but for keys and values"
    )
    operations_saved: Annotated[float, Field(le=1, ge=-1e6)] | None = Field(
        None,
        description="share of a model without exits; the heads that are asked cost some, so it may be negative",
    )
    leaving: list[Share] = Field(
        description="share of samples or tokens by exit; the last are those that go to the end"
    )
    chosen: bool = Field(False, description="whether it is the rule of the settings")

    def saved(self) -> float:
        """Share of the operations, or of the layers where those were not counted."""
        return self.layers_saved if self.operations_saved is None else self.operations_saved


class ExitTable(Artifact):
    """Exits of a model over all test samples, or over tokens of a text."""

    after: list[Count] = Field(description="layers before each exit")
    layers: Count
    tokens: Count | None = Field(None, description="of a text: on which rules are compared")
    head_accuracy: list[Share] = Field(description="of every head by itself, the last one included")
    head_loss: list[Amount] = Field([], description="of a text: likewise, in nats")
    operations: list[Count] = Field(
        [],
        description="of a sample that leaves by each exit, and of one that goes to the end, past all of them: multiplications and additions of products; comparisons, reads of tables and additions of blocks",
    )
    operations_without_exits: Count | None = None
    rules: list[ExitRow]

    def free_of_loss(self) -> list[ExitRow]:
        """Of each criterion the rule that saves most and is as good as the last head, a text by its loss; none where all rules lose."""
        kept = [
            one
            for one in self.rules
            if (
                one.accuracy >= self.head_accuracy[-1] if one.loss is None else one.loss <= self.head_loss[-1]
            )
        ]
        criteria = dict.fromkeys(one.criterion for one in kept)
        return [
            max((one for one in kept if one.criterion == criterion), key=ExitRow.saved)
            for criterion in criteria
        ]


class TrainedModel(Artifact):
    """One trained model: that of the settings, or its dense twin."""

    mlp: Mlp
    checkpoint: FileName
    parameters: Count
    steps: Count
    seconds: Amount
    device: str
    test_loss: Amount
    test_accuracy: Share | None = Field(None, description="share of test samples, for classifiers")
    float_loss: Amount | None = Field(
        None, description="of a model in integers: that of its weights in float arithmetic"
    )
    float_accuracy: Share | None = Field(None, description="the same, for classifiers")
    exits: ExitTable | None = Field(None, description="of a model that samples can leave early")
    size: ModelSize | None = None
    curve: list[dict[str, Figure]] = Field(
        description="step, train_loss, learning_rate, test_loss (and test_accuracy) at evaluations"
    )

    @field_validator("curve")
    @classmethod
    def _has_what_is_drawn(cls, curve: list[dict[str, float]]) -> list[dict[str, float]]:
        for point in curve:
            if missing := {"step", "train_loss", "learning_rate", "test_loss"} - point.keys():
                raise ValueError(f"an evaluation has no {sorted(missing)[0]}")
        return curve


class TrainResult(Artifact):
    schema_name: Literal["quweit.train/1"] = Field("quweit.train/1", alias="schema")
    name: Identifier
    seed: Seed
    data: str = Field(description="what was learned and tested on, in words, with sample counts")
    models: list[TrainedModel] = Field(min_length=1)

    @property
    def main(self) -> TrainedModel:
        """The weightless one, where there is one."""
        return next((one for one in self.models if one.mlp == "weightless"), self.models[0])


class UnfinishedTraining(Artifact):
    """Training that `--stop-after` ended before its last step; the same command goes on from there."""

    schema_name: Literal["quweit.unfinished/1"] = Field("quweit.unfinished/1", alias="schema")
    name: Identifier
    mlp: Mlp = Field(description="the model that was being trained")
    step: Count = Field(description="steps done")
    steps: Count
    state: FileName = Field(description="folder in the project directory from which training goes on")


class EvalResult(Artifact):
    """A checkpoint tested in PyTorch, and with every block replaced by its integer program."""

    schema_name: Literal["quweit.eval/1"] = Field("quweit.eval/1", alias="schema")
    name: Identifier
    mlp: Mlp
    data: str
    samples: Count
    device: str
    loss: Amount
    accuracy: Share | None = Field(None, description="share of test samples, for classifiers")
    integer_loss: Amount | None = Field(None, description="absent for a model that has no blocks")
    integer_accuracy: Share | None = None
    exits: ExitTable | None = Field(None, description="of a model that samples or tokens can leave early")
    size: ModelSize | None = None


class SampleResult(Artifact):
    """Text that a character model wrote."""

    model_config = ConfigDict(str_max_length=None)

    schema_name: Literal["quweit.sample/1"] = Field("quweit.sample/1", alias="schema")
    name: Identifier
    prompt: str
    text: str = Field(description="what follows the prompt")
    layers: Count | None = Field(None, description="of a model whose tokens can leave early")
    steps: Count | None = Field(
        None,
        description="of such a model: tokens that went on from what was cached; all others came as a prompt, through all layers",
    )
    mean_layers: Amount | None = Field(None, description="that those went through; absent without any")
    seed: Seed
