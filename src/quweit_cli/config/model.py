"""The sections of an experiment file about the transformer and its blocks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from quweit_cli.config.base import Options, Settings
from quweit_cli.config.functions import Functions
from quweit_cli.ir.exits import Criterion


class Thermometer(Settings):
    bits: int = Field(8, ge=1, le=255, description="thresholds a feature")
    scheme: Literal["uniform", "gaussian", "distributive"] = Field(
        "gaussian",
        description="initial thresholds: evenly spaced over ±2.5, quantiles of a unit Gaussian, or quantiles of the first batch",
    )
    learnable: bool = Field(False, description="move the thresholds by straight-through gradients")
    window: float = Field(
        0.5,
        gt=0,
        le=1000,
        description="half width, in input standard deviations, in which the straight-through gradient passes a threshold",
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="half width of the uniform noise added to the block's input while training",
    )
    summed: bool = Field(
        False,
        description="its bits own vectors of encoded values too, and are added beside those of the last LUT layer",
    )


ValueBits = Literal[8, 4, 3, "ternary", "binary"]


class Block(Settings):
    """A weightless block: what replaces one MLP."""

    thermometer: Thermometer = Field(Thermometer(), description="how features become bits")
    lut_layers: tuple[Annotated[int, Field(ge=1, le=10**6)], ...] = Field(
        (192,),
        min_length=1,
        max_length=16,
        description="LUTs of each layer, first to last; every LUT of the last layer owns a vector of encoded values",
    )
    fan_in: int = Field(6, ge=2, le=6, description="inputs of a LUT")
    mapping: Literal["random", "learnable"] = Field(
        "random",
        description="wiring of the first layer: drawn once, or learned (the other layers are always drawn)",
    )
    mapping_candidates: int = Field(
        16, ge=2, le=1024, description="with a learnable mapping: inputs that a pin can choose from"
    )
    mapping_freeze: float = Field(
        0.6,
        ge=0,
        le=1,
        description="with a learnable mapping: share of the steps after which the wiring stays as it is",
    )
    rule: str = Field("efd", description="how tables learn; registered rules only")
    tables: Literal["linear_threshold", "uniform"] = Field(
        "linear_threshold",
        description="initial tables: linear threshold units (first-order signal), or uniform random entries",
    )
    epsilon: float = Field(
        0.05, ge=0, lt=0.5, description="noise of the smoothing operator of Extended Finite Difference"
    )
    epsilon_final: float | None = Field(
        None,
        ge=0,
        lt=0.5,
        description="noise at the last step, reached linearly; it stays as it is when absent",
    )
    gradient_scale: float = Field(
        1.0,
        gt=0,
        le=10**6,
        description="factor of the gradient that a LUT layer passes back, which is weaker than the one it receives",
    )
    value_std: float = Field(
        0.002, ge=1e-9, le=1000, description="standard deviation of the initial encoded values"
    )
    dropout: float = Field(0.05, ge=0, lt=1, description="dropout on the block's output while training")
    bit_dropout: float = Field(
        0.0, ge=0, lt=1, description="dropout on the bits that the summation adds, while training"
    )
    table_rate: float = Field(
        10.0,
        gt=0,
        le=10**6,
        description="learning rate of tables and mapping, as a multiple of the base rate",
    )
    value_rate: float = Field(
        0.3, gt=0, le=10**6, description="learning rate of the encoded values, as a multiple of the base rate"
    )
    value_rounding: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the steps after which the encoded values are rounded to their int8 grid while training; what is tested always is",
    )
    value_bits: ValueBits = Field(
        8, description="bits of an encoded value; ternary ones are -1, 0 or 1, binary ones -1 or 1"
    )
    value_step: Literal["rule", "learned"] = Field(
        "rule",
        description="real value of a step of the encoded values: by their size (`rule`: the largest is 127, of fewer bits a multiple of the mean size), or learned",
    )
    groups: int = Field(
        1,
        ge=1,
        le=2**16,
        description="groups of outputs, of which a bit reaches one alone: output e belongs to group e mod groups, the bits are cut into as many runs. Hardware whose outputs a cycle are a multiple of it reads in each lane the bits of one group",
    )
    value_decay: float = Field(0.0, ge=0, le=1000, description="weight decay of the encoded values")
    threshold_rate: float = Field(
        1.0,
        gt=0,
        le=10**6,
        description="learning rate of learnable thresholds, as a multiple of the base rate",
    )


MatrixWeights = Literal["float", "int8", "ternary", "binary"]
Weights = Literal[MatrixWeights, "weightless"]
FEW_BITS: tuple[MatrixWeights, ...] = (
    "ternary",
    "binary",
)  # -1, 0 and 1: an array without multipliers computes with them


class FewBits(Settings):
    """How ternary and binary weights are rounded and learn."""

    gradient: Literal["plain", "second_order"] = Field(
        "plain",
        description="of ternary and binary weights: passed straight through, or by Bi-Real Net's second order (arXiv 1808.00278), which fades to 0 at twice the mean size",
    )
    scale: bool = Field(
        True,
        description="ternary and binary weights have a step an output, the mean size of its weights; without it the step is 1",
    )


class Projections(FewBits):
    """The matrices of attention: what makes queries, keys and values of a row, and what mixes the heads' answers."""

    qkv: Weights = Field(
        "float",
        description="weights of queries, keys and values: float (int8 where the model computes in integers), int8, ternary (-1, 0, 1), binary (-1, 1), or a weightless block of three times the width. All but float read their row without the gain and bias of its normalisation",
    )
    output: Weights = Field("float", description="weights of what joins the residual stream, likewise")
    block: Block | None = Field(
        None, description="the weightless blocks of projections; as `model.block` when absent"
    )


class LearnForget(FewBits):
    """BEExformer's selective learn-forget network: a branch through a sigmoid times one through a tanh (arXiv 2412.05225)."""

    weights: MatrixWeights = Field(
        "float",
        description="of its four matrices: float (int8 where the model computes in integers), int8, ternary (-1, 0, 1) or binary (-1, 1). All but float read their row without the gain and bias of its normalisation",
    )


class Attention(Settings):
    projections: Projections = Field(Projections(), description="the matrices of attention")


class Exits(Settings):
    """Heads after layers before the last, by which samples leave early, or the tokens of a text."""

    after: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        (), max_length=64, description="layers after which there is one, counted from 1, in rising order"
    )
    weights: Literal["equal", "depth"] = Field(
        "equal",
        description="of the losses of all heads, the last one included: equal, or rising with the number of layers before",
    )
    criterion: Criterion = Field(
        "fall",
        description="what lets a sample or token leave: its entropy falls by less than a share from one exit to the next, is below a number of bits, or its largest probability reaches a number",
    )
    threshold: float = Field(
        0.125,
        gt=0,
        le=64,
        description="that share (rounded to a power of two), these bits, or this probability",
    )


Mlp = Literal["dense", "weightless", "learn_forget"]
ONE_ANSWER = ("vit", "encoder")  # families that answer once a sample


class Model(Settings):
    family: str = Field(
        description="vit, gpt or encoder; resnet, a convolutional network that teaches; or one of another package (docs/extensions.md)"
    )
    mlp: Mlp = Field(
        "weightless",
        description="what follows the attention of each layer: an MLP of two matrices, a weightless block, or a selective learn-forget network",
    )
    arithmetic: Literal["float", "integer"] = Field(
        "float",
        description="of all but the blocks, which compute in integers always; `integer`: from pixels or tokens to logits (all but resnet)",
    )
    dim: int = Field(
        ge=1, le=2**16, description="width of the residual stream; resnet: channels of the first stage"
    )
    depth: int = Field(
        ge=1, le=1024, description="encoder or decoder layers; resnet: layers in each of its four stages"
    )
    heads: int = Field(
        ge=1, le=2**16, description="attention heads; they divide dim. A resnet has none, and says 1"
    )
    mlp_ratio: int = Field(
        4,
        ge=1,
        le=256,
        description="hidden width of a dense MLP, or of either branch of a learn-forget network, over dim",
    )
    neighbours: bool = Field(
        False,
        description="the MLP or block reads a second row beside its token's: an eighth of the features of each of the eight patches around (vit), or half of those of the token before and a quarter each of the two before that (gpt)",
    )
    image: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="vit: pixels along the side that images are enlarged to before they are cut; as they are when absent",
    )
    patch: int = Field(2, ge=1, le=4096, description="vit: pixels along the side of a patch")
    # 0.3 and not the usual 0.02: a patch of few pixels says little, its place much. On digits a weightless model was
    # five points better for it after 500 steps (one seed); on CIFAR-10 it costs 1.6 points after 10 epochs.
    position_std: float = Field(
        0.3,
        ge=0,
        le=1000,
        description="vit and encoder: standard deviation of the initial embeddings of positions",
    )
    context: int = Field(
        256, ge=1, le=2**16, description="gpt: tokens that the decoder sees; encoder: those of a passage"
    )
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="dropout of embeddings, attention's weights, and what attention and an MLP of matrices add to the residual",
    )
    attention_dropout: float | None = Field(
        None, ge=0, lt=1, description="in place of `dropout`: of attention's weights"
    )
    residual_dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="in place of `dropout`: of what attention and an MLP of matrices add to the residual",
    )
    projection_dropout: float = Field(
        0.0, ge=0, lt=1, description="dropout before the last matrix of attention and of an MLP"
    )
    drop_path: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="stochastic depth: chance that a sample skips an attention, an MLP or a block while training, rising linearly from 0 in the first layer to this in the last",
    )
    attention: Attention = Field(Attention(), description="what mixes tokens")
    exits: Exits = Field(
        Exits(), description="heads by which samples (vit and encoder) or tokens (gpt) leave early"
    )
    functions: Functions = Field(Functions(), description="functions in pieces, in place of exact arithmetic")
    block: Block = Field(Block(), description="the weightless block that replaces each MLP")
    options: Options = Field({}, description="settings of a family of another package")
    learn_forget: LearnForget = Field(
        LearnForget(), description="the selective learn-forget network that replaces each MLP"
    )

    @property
    def mlp_weights(self) -> MatrixWeights:
        """Of its matrices, where an MLP has some."""
        return self.learn_forget.weights if self.mlp == "learn_forget" else "float"

    @property
    def dense_twin(self) -> Model:
        """The same transformer with dense MLPs and projections that multiply."""
        return self.model_copy(update={"mlp": "dense", "attention": Attention()})

    @property
    def projection_block(self) -> Block:
        """The weightless block of a projection."""
        return self.attention.projections.block or self.block

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> Model:
        if self.dim % self.heads:
            raise ValueError(f"dim ({self.dim}) must be a multiple of heads ({self.heads})")
        return self

    @model_validator(mode="after")
    def _exits_are_in_order(self) -> Model:
        after = self.exits.after
        if list(after) != sorted(set(after)) or (after and after[-1] >= self.depth):
            raise ValueError(
                f"exits.after ({', '.join(map(str, after))}) must rise, and be below depth ({self.depth}): the last layer has its head"
            )
        if after and self.family not in (*ONE_ANSWER, "gpt"):
            raise ValueError(
                f"exits are for the families {', '.join(ONE_ANSWER)}, by sample, and `gpt`, by token"
            )
        if len(after) == 1 and self.family == "gpt" and self.exits.criterion == "fall":
            raise ValueError(
                "exits.criterion `fall` compares an exit with the one before: of a gpt name two in `exits.after`, or take another criterion"
            )
        if after and self.family == "gpt" and self.neighbours:
            raise ValueError(
                "`exits` of a gpt do not go with `neighbours`: the token after one that has left would read what its MLP did not"
            )
        return self

    @model_validator(mode="after")
    def _neighbours_are_known(self) -> Model:
        if self.neighbours and self.family == "encoder":
            raise ValueError(
                "neighbours are those of patches (vit) or the tokens before (gpt), and an encoder has neither"
            )
        return self

    @model_validator(mode="after")
    def _groups_divide_the_blocks(self) -> Model:
        for where, block in {
            "block": self.block,
            "attention.projections.block": self.projection_block,
        }.items():
            groups, luts = block.groups, block.lut_layers[-1]
            if self.dim % groups or luts % groups:
                raise ValueError(
                    f"{where}.groups ({groups}) must divide dim ({self.dim}) and the LUTs of the last layer ({luts:,})"
                )
        return self

    @model_validator(mode="after")
    def _pieces_are_integers(self) -> Model:
        if self.arithmetic == "float" and self.functions != Functions():
            raise ValueError(
                "`functions` are in pieces where a model computes in integers: `arithmetic: integer`"
            )
        return self
