"""How a model learns: the sections of an experiment file that only training reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from quweit_cli.boundary.quantities import File
from quweit_cli.config.base import Settings

Steps = Annotated[int, Field(ge=1, le=10**9)]


class Distillation(Settings):
    """Learning from the answers of a finished model beside the labels (arXiv 1503.02531)."""

    weight: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the loss of every head that follows the teacher; 0 asks no teacher",
    )
    temperature: float = Field(
        2.0,
        ge=0.01,
        le=1000,
        description="by which the logits of both are divided; the gradient is scaled back",
    )
    states: float = Field(
        0.0,
        ge=0,
        le=10**6,
        description="weight of a further loss: how far the residual stream after each layer is from the teacher's, which then has the same family, width and depth",
    )
    teacher: File | None = Field(
        None,
        description="checkpoint of the teacher, relative to the experiment file, from whom a twin learns as well; absent: the dense twin teaches, and is then trained first (`twin: true`)",
    )

    @model_validator(mode="after")
    def _states_need_a_teacher(self) -> Distillation:
        if self.states and not self.weight:
            raise ValueError("`states` follows a teacher, whom `weight: 0` does not ask")
        return self


class Training(Settings):
    steps: Steps | None = Field(None, description="updates of the weights; either this or `epochs`")
    epochs: float | None = Field(
        None,
        gt=0,
        le=10**6,
        description="passes over the training data, in place of `steps`; rounded up to whole steps",
    )
    batch_size: int = Field(ge=1, le=2**20, description="samples of one step, over all processes together")
    optimizer: Literal["adamw", "muon"] = Field(
        "adamw",
        description="what moves the weights; `muon`: Muon the matrices within the layers and the encoded values, AdamW the rest, by the same rates",
    )
    learning_rate: float = Field(
        1e-3, gt=0, le=1000, description="peak of the base rate (linear warm-up, cosine)"
    )
    final_rate: float = Field(0.1, ge=0, le=1, description="base rate at the end, as a multiple of the peak")
    warmup: int = Field(0, ge=0, le=10**9, description="steps of linear warm-up")
    weight_decay: float = Field(
        0.1, ge=0, le=1000, description="for matrices of the dense parts; never for tables or mapping"
    )
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = Field(
        (0.9, 0.99), description="of AdamW, below 1 each"
    )
    gradient_clip: float = Field(1.0, gt=0, le=10**9, description="largest norm of the gradient")
    average: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="decay a step of the moving average of the weights that is evaluated and kept; 0 keeps the weights themselves",
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="of the cross entropy")
    start_from: File | None = Field(
        None,
        description="checkpoint whose weights training starts from, relative to the experiment file, a twin's training too: of a dense model a weightless one takes all but the MLPs",
    )
    distill: Distillation = Field(Distillation(), description="learning from another model's answers")
    evaluate_every: Steps = Field(250, description="steps between evaluations on held-out data")
    evaluate_samples: int = Field(
        2048, ge=1, le=10**9, description="samples of those evaluations; the one at the end takes all"
    )
    keep: Literal["last", "best"] = Field(
        "last",
        description="which weights the checkpoint holds: the last, or the best evaluated on held-out data (`best` selects on the data it reports)",
    )
    save_every: Steps = Field(
        1000,
        description="steps between states on disk, from which an interrupted training goes on; one is written every two minutes and at an interrupt anyway",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where training runs; `auto` takes a GPU when there is one"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="of the dense layers' products (weights are float32, blocks choose for themselves); `auto`: bfloat16 on a GPU, float32 on a CPU",
    )
    compile: bool = Field(
        False,
        description="compile the layers by torch.compile: half a minute at the start, faster steps afterwards; needs a C++ compiler on a CPU",
    )
    deterministic: bool = Field(
        False,
        description="the same numbers every time on a GPU too, by slower kernels where torch has a choice",
    )
    tensorboard: bool = Field(
        False, description="write the metrics for TensorBoard too (`pip install 'quweit[tensorboard]'`)"
    )
    threads: int | None = Field(
        None, ge=1, le=1024, description="CPU threads that training uses; as many as torch takes when absent"
    )

    @model_validator(mode="after")
    def _one_length(self) -> Training:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give either steps or epochs")
        return self
