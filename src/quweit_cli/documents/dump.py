"""`dump.json`: the blocks of a model as integers, their golden rows, and what was checked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import (
    Count,
    Digest,
    FileName,
    Identifier,
    ModulePath,
    Positive,
    PositiveAmount,
    Size,
)
from quweit_cli.documents.model import ModelShape
from quweit_cli.errors import ArtifactError
from quweit_cli.ir.exits import Criterion

Role = Literal["block", "qkv", "projection"]


class BlockSite(Artifact):
    """Where a block stands in a model of which nothing else is known."""

    module: ModulePath = Field(description="its path in the model, such as `blocks.0.mlp`")
    rows: Size = Field(description="that a sample gives it")
    features: Size = Field(description="of a row")
    outputs: Size
    hidden: Size | None = Field(
        description="hidden width of the dense MLP whose place it took; absent where it took none of two matrices"
    )
    normalised: bool = Field(
        description="whether rows are normalised before they reach it: LayerNorm without gain and bias, epsilon 1e-5"
    )


class DumpedBlock(Artifact):
    name: Identifier
    layer: Count
    role: Role = Field(
        "block",
        description="what it replaces in its layer: the MLP (block), the matrices of queries, keys and values (qkv), or the one after attention (projection)",
    )
    program: FileName = Field(description="integer program, quweit.program/1")
    inputs: FileName = Field(description="golden input rows, .npy int8 rows x features")
    outputs: FileName = Field(description="golden output rows, .npy int16 rows x features")
    rows: Positive = Field(description="of either file")
    input_scale: PositiveAmount = Field(description="real value of one step of the input")
    output_scale: PositiveAmount = Field(description="real value of one step of the output")
    site: BlockSite | None = Field(None, description="in a model that is not one of quweit's own")


class DumpedProduct(Artifact):
    """Operands of one product of a dense layer."""

    name: Identifier
    left: FileName = Field(description=".npy int8 rows x inner")
    right: FileName = Field(description=".npy int8 inner x columns")
    copies: Positive = Field(description="how often a layer does it, such as once a head")


class DumpedHead(Artifact):
    """Operands of a head's causal attention, of tokens T and features D: .npy int8."""

    queries: FileName = Field(description="T x D")
    keys: FileName = Field(description="D x T")
    weights: FileName = Field(description="T x T, zero above the diagonal")
    values: FileName = Field(description="T x D")


class DumpedTensor(Artifact):
    """One tensor on the way from the input to the logits."""

    name: FileName = Field(description="within programs by path, such as `layer0/score`")
    shape: list[Positive] = Field(max_length=8, description="of one sample")
    low: int = Field(description="that it can have in the worst case")
    high: int
    sha256: Digest = Field(description="of its values on all golden samples, int64, little endian")


class DumpedExits(Artifact):
    """By which samples leave a model early: exit `k` is the program `exit<k>` within, whose answer is its entropy."""

    criterion: Criterion = Field(
        description="entropy below `steps`; largest probability at least `steps`; or fall: entropy before, less itself shifted right by `steps`, below the entropy"
    )
    steps: Count = Field(description="of 1/128 bit or of a probability of 1/128; of `fall` the shift")
    after: list[Positive] = Field(min_length=1, max_length=64, description="layers before each exit")
    leaving: list[Count] = Field(
        description="test samples that take each exit; the last are those that go to the end"
    )

    @model_validator(mode="after")
    def _every_exit_is_counted(self) -> DumpedExits:
        if len(self.leaving) != len(self.after) + 1 or not sum(self.leaving):
            raise ValueError(
                f"`leaving` counts {len(self.leaving)} ways out, and there are {len(self.after) + 1}"
            )
        return self


class DumpedModel(Artifact):
    """The whole model as one program, where its arithmetic is of integers: from pixels or tokens to logits."""

    program: FileName = Field(description="quweit.program/2, with layers and blocks as programs within")
    inputs: FileName = Field(description="golden samples: .npy int8 pixels less 128, or int32 tokens")
    logits: FileName = Field(description="what they give: .npy int32")
    samples: Positive = Field(description="of either file")
    exits: DumpedExits | None = Field(
        None, description="by which samples leave early: logits are those of the exit that a sample takes"
    )
    vocabulary: str | None = Field(None, description="of a text: the character of each token, in order")
    tensors: list[DumpedTensor] = Field(max_length=100_000)


MOST_MISREAD = 24
MOST_PIXELS = 64  # of an image, along a side
LONGEST_NAME = 200  # of a class


class MisreadImage(Artifact):
    """A test sample that the model gets wrong; classes by their place in `classes`."""

    sample: Count = Field(description="of those that were compared, counted from 0")
    true: Count
    read: Count


class DumpedReadings(Artifact):
    """What a classifier makes of the test images. Nothing of it is part of the specification."""

    classes: list[Annotated[str, Field(max_length=LONGEST_NAME)]] = Field(min_length=1, max_length=10_000)
    wrong: Count = Field(description="of the samples that were compared")
    golden: list[Count] = Field(
        [], max_length=100_000, description="the true class of each golden sample of `whole`"
    )
    misread: list[MisreadImage] = Field(
        [], max_length=MOST_MISREAD, description=f"the first {MOST_MISREAD} of the wrong ones"
    )
    images: FileName | None = Field(
        None,
        description=f"theirs: .npy uint8 images x channels x rows x columns, {MOST_PIXELS} a side at most",
    )

    @model_validator(mode="after")
    def _classes_have_names(self) -> DumpedReadings:
        named = [*self.golden, *(place for one in self.misread for place in (one.true, one.read))]
        if max(named, default=0) >= len(self.classes):
            raise ValueError(f"class {max(named)} has no name, as there are {len(self.classes)}")
        if bool(self.misread) != (self.images is not None):
            raise ValueError("`images` are those of `misread`, and one is given without the other")
        return self


class DumpChecks(Artifact):
    """PyTorch in eval mode against the integer program; a dump exists only when all agree."""

    samples: Count
    rows_compared: Count = Field(
        description="for each block, of the one that a sample gives the fewest; every one equal"
    )
    logits_equal: bool
    tensors_compared: Count = Field(
        0, description="of the whole model, on every sample; every element of every one equal"
    )


class DumpManifest(Artifact):
    schema_name: Literal["quweit.dump/1"] = Field("quweit.dump/1", alias="schema")
    name: Identifier
    checkpoint: Digest = Field(description="of the file; of a model that has none, of its weights")
    data: str
    model: ModelShape | None = Field(
        description="absent where nothing is known of it but its blocks, each of which then says where it stands"
    )
    blocks: list[DumpedBlock] = Field(max_length=10_000)
    whole: DumpedModel | None = Field(None, description="where the model's arithmetic is of integers")
    products: list[DumpedProduct] = Field(
        [], max_length=100, description="of a dense layer, which blocks are compared with"
    )
    heads: list[DumpedHead] = Field(
        [], max_length=1_000, description="of its attention, where that is causal"
    )
    projections: list[DumpedProduct] = Field(
        [],
        max_length=10,
        description="of the layer in the middle, those whose weights are -1, 0 and 1: weights on the left, a sample's rows on the right",
    )
    readings: DumpedReadings | None = Field(None, description="of a classifier of images")
    operands: str = Field("", description="where the operands of products and heads come from")
    checks: DumpChecks
    digest: Digest = Field(
        description="of the programs and golden rows: identifies the specification; docs/formats.md says how it is made"
    )

    @model_validator(mode="after")
    def _every_block_has_a_shape(self) -> DumpManifest:
        if self.model is None:
            if self.products or self.whole:
                raise ValueError("of a `whole` model and of `products` the `model` must be known")
            if without := [block.name for block in self.blocks if block.site is None]:
                raise ValueError(f"neither the `model` nor the `site` of `{without[0]}` is known")
        return self

    @model_validator(mode="after")
    def _nothing_stands_twice(self) -> DumpManifest:
        if not self.blocks and not self.products and not self.whole:
            raise ValueError(
                "it holds neither `blocks`, nor `products` of a dense layer, nor a `whole` model"
            )
        if self.products and self.projections:
            raise ValueError("it holds both `products` of a dense layer and `projections` of few bits")
        products = [*self.products, *self.projections]
        names = [block.name for block in self.blocks] + [product.name for product in products]
        for kind, found in (("name", names), ("file", [*self.file_names(), *self.further_files()])):
            if twice := sorted({one for one in found if found.count(one) > 1}):
                raise ValueError(f"the {kind} `{twice[0]}` stands twice in it")
        return self

    @property
    def shape(self) -> ModelShape:
        """Of the model, for what is asked of known ones alone. Raises ArtifactError where it is not known."""
        if self.model is None:
            raise ArtifactError(
                f"of the model of `{self.name}` nothing is known but its blocks",
                hint="export it again, and say its `shape`",
            )
        return self.model

    def site(self, block: DumpedBlock) -> BlockSite:
        """Where a block stands, as it says itself or as the shape of its model has it."""
        if block.site is not None:
            return block.site
        shape, mlp = self.shape, block.role == "block"
        return BlockSite(
            module=block.name,
            rows=shape.tokens,
            features=(2 if shape.neighbours and mlp else 1) * shape.dim,
            outputs=(3 if block.role == "qkv" else 1) * shape.dim,
            hidden=shape.mlp_hidden if mlp else None,
            normalised=block.role != "projection",
        )

    def file_names(self) -> list[str]:
        """Of programs, golden rows and operands, in the order of the document: the specification."""
        return [
            *(name for block in self.blocks for name in (block.program, block.inputs, block.outputs)),
            *((self.whole.program, self.whole.inputs, self.whole.logits) if self.whole else ()),
            *(name for one in (*self.products, *self.projections) for name in (one.left, one.right)),
            *(name for one in self.heads for name in (one.queries, one.keys, one.weights, one.values)),
        ]

    def further_files(self) -> list[str]:
        """Of what is shown alone."""
        return [self.readings.images] if self.readings and self.readings.images else []
