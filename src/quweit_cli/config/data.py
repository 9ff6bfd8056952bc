"""Which data is learned, and how it is augmented."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from quweit_cli.boundary.quantities import File, Share
from quweit_cli.config.base import Options, Settings


class Deit(Settings):
    """The strong augmentation of DeiT (arXiv 2012.12877, table 9), at the images' own size."""

    crop: Literal["padded", "resized"] = Field(
        "padded",
        description="cut from a border of an eighth of the side, or a random part resized to the whole",
    )
    crop_scale: tuple[Share, Share] = Field(
        (0.5, 1.0), description="with `crop: resized`: area of that part, as shares of the image"
    )
    flip: float = Field(0.5, ge=0, le=1, description="chance of being mirrored")
    operations: int = Field(
        2, ge=0, le=16, description="RandAugment: operations on an image, one after another"
    )
    magnitude: float = Field(9.0, ge=0, le=10, description="RandAugment: mean strength of an operation")
    magnitude_std: float = Field(
        0.5, ge=0, le=10, description="RandAugment: standard deviation of the strength"
    )
    operation_chance: float = Field(
        0.5, ge=0, le=1, description="RandAugment: chance that a chosen operation is applied"
    )
    mixup: Literal[0] | Annotated[float, Field(ge=0.001, le=1000)] = Field(
        0.8, description="parameter of the beta distribution of mixup's share; 0 switches it off"
    )
    cutmix: Literal[0] | Annotated[float, Field(ge=0.001, le=1000)] = Field(
        1.0, description="the same of cutmix; a batch takes mixup or cutmix, at even chances"
    )
    mix_chance: float = Field(1.0, ge=0, le=1, description="share of the batches that are mixed at all")
    erasing: float = Field(0.25, ge=0, le=1, description="chance that a rectangle is replaced by noise")

    @model_validator(mode="after")
    def _crop_is_a_range(self) -> Deit:
        low, high = self.crop_scale
        if not 0.01 <= low <= high:
            raise ValueError("`crop_scale` is the smallest and the largest share, the smallest at least 0.01")
        return self


ColumnName = Annotated[str, Field(min_length=1, max_length=100)]


class Table(Settings):
    """What the columns of a table are."""

    label: ColumnName | None = Field(None, description="column that holds the class of a row")
    categorical: tuple[ColumnName, ...] = Field(
        (),
        max_length=512,
        description="columns of categories that are written as numbers; those without a number in them are found",
    )
    leave_out: tuple[ColumnName, ...] = Field(
        (), max_length=512, description="columns that the model does not see"
    )
    separator: Literal["comma", "semicolon", "tab"] = Field("comma", description="what stands between cells")


class Data(Settings):
    source: str = Field(
        description="which dataset: digits, pydoc_text, library_source, text_file, shakespeare_char, cifar10, cifar100, or data of your own: images_npz, image_folder, csv (docs/data.md); or one of another package (docs/extensions.md)"
    )
    path: File | None = Field(
        None,
        description="file or folder of the dataset, for those that are not shipped; relative to the experiment file",
    )
    side: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="image_folder: pixels along the side of the squares that pictures are resized to",
    )
    table: Table = Field(Table(), description="csv: what its columns are")
    test_fraction: float = Field(
        0.25,
        gt=0,
        lt=1,
        description="share of the samples held out, where the dataset has no split of its own",
    )
    split_seed: int = Field(
        0,
        ge=0,
        lt=2**32,
        description="seed of that split; not the training seed, so that seeds compare on one split",
    )
    augment: Literal["none", "shift", "crop_flip", "deit"] = Field(
        "none",
        description="random change of each training image: `shift` moves digits by up to one pixel, `crop_flip` is the usual CIFAR padding, crop and mirror, `deit` adds RandAugment, erasing, mixup and cutmix",
    )
    options: Options = Field({}, description="settings of a dataset of another package")
    deit: Deit = Field(Deit(), description="with `augment: deit`: how strong each part of it is")
