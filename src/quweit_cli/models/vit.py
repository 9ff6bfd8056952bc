"""Vision transformer: patches, learned positions, pre-norm layers, mean pooling.

Shape suffixes: B samples, N tokens, D width, X colour channels, P pixels along a patch.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.models.classifier import Classifier

OF_KIND = {
    "text": "gpt` for text",
    "passages": "encoder` for passages of text with classes",
}  # which family learns from it


class Vit(Classifier):
    """Reads images [B, X, side, side], already normalised, or rows of a table that are laid out so."""

    def make_input(self, settings: config.Model, meta: dict[str, Any]) -> None:
        side, channels, _ = image_shape(meta, settings.family, ("images", "table"))
        self.side = side = settings.image or side
        if meta["kind"] == "table":
            _check_table(settings, meta)
        if side % settings.patch:
            raise ConfigError(
                f"images of {side} x {side} pixels cannot be cut into patches of {settings.patch}",
                hint="choose `model.patch` so that it divides the side of the images, or enlarge them by `model.image`",
            )
        self.patch = settings.patch
        self.tokens = (side // settings.patch) ** 2
        self.embed = nn.Linear(channels * settings.patch**2, settings.dim)

    def resized(self, image_BXSS: Tensor) -> Tensor:
        """Images of the side that is cut."""
        if image_BXSS.shape[-1] == self.side:
            return image_BXSS
        return nn.functional.interpolate(image_BXSS, size=self.side, mode="bilinear")

    def token_vectors(self, image_BXSS: Tensor) -> Tensor:
        x_BND: Tensor = self.embed(cut(self.resized(image_BXSS), self.patch))
        return x_BND


def cut(image_BXSS: Tensor, patch: int) -> Tensor:
    """Patches in reading order as flat pixels, [B, N, X*P*P]."""
    B, X, S, _ = image_BXSS.shape
    cut = image_BXSS.reshape(B, X, S // patch, patch, S // patch, patch)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(B, (S // patch) ** 2, X * patch**2)


def image_shape(
    meta: dict[str, Any], family: str, kinds: tuple[str, ...] = ("images",)
) -> tuple[int, int, int]:
    """Side, channels and classes of a dataset; of a table as it is laid out.

    Raises:
        ConfigError: it is of none of those kinds.
    """
    if (kind := meta.get("kind")) not in kinds:
        raise ConfigError(
            f"the family `{family}` learns from {' or a '.join(kinds)}, and this dataset is of {kind}",
            hint=f"use `model.family: {OF_KIND.get(str(kind), 'vit` for images and tables')}",
        )
    return meta["side"], meta["channels"], len(meta["classes"])


def _check_table(settings: config.Model, meta: dict[str, Any]) -> None:
    side, columns = meta["side"], len(meta["columns"])
    if settings.image is not None:
        raise ConfigError("`model.image` enlarges images, and this dataset is a table", hint="leave it out")
    if side % settings.patch:
        raise ConfigError(
            f"{columns} columns lie on {side} x {side} places, which cannot be cut into patches of {settings.patch}",
            hint="set `model.patch: 1`, which makes every column a token",
        )
