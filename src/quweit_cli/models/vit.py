"""Vision transformer: patches, learned positions, pre-norm layers, mean pooling.

Shape suffixes: B samples, N tokens, D width, X colour channels, P pixels along a patch.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.models.classifier import Classifier


class Vit(Classifier):
    """Reads images [B, X, side, side], already normalised."""

    def make_input(self, settings: config.Model, meta: dict[str, Any]) -> None:
        side, channels, _ = image_shape(meta, settings.family)
        self.side = side = settings.image or side
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


def image_shape(meta: dict[str, Any], family: str) -> tuple[int, int, int]:
    """Side, channels and classes of a dataset.

    Raises:
        ConfigError: it has no images.
    """
    if meta.get("kind") != "images":
        raise ConfigError(
            f"the family `{family}` learns from images, and this dataset is of {meta.get('kind')}",
            hint="use `model.family: gpt` for text, and `encoder` for passages of text with classes",
        )
    return meta["side"], meta["channels"], len(meta["classes"])
