"""What features and bits of a block are called on the page."""

from __future__ import annotations

from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.ir.types import TensorType
from quweit_cli.report.numbers import significant

WHERE = {
    (-1, 0): "above", (1, 0): "below", (0, -1): "the left", (0, 1): "the right", (-1, -1): "above left",
    (-1, 1): "above right", (1, -1): "below left", (1, 1): "below right",
}  # fmt: skip


def feature_names(features: int, around: Neighbourhood | None) -> list[str]:
    """One of each feature; those of neighbours say whose they are."""
    if around is None:
        return [f"feature {place}" for place in range(features)]
    own = features // 2
    names = [f"feature {place}" for place in range(own)]
    for part in around.parts(own):
        whose = f"{-part.right} before" if around.causal else WHERE[part.down, part.right]
        names += [f"feature {place} from {whose}" for place in range(part.first, part.last)]
    return names


def bit_name(bit: int, thresholds_DT: Integers, scale: float, names: list[str], kind: TensorType) -> str:
    """Such as `feature 12 > 0.5312`; kind: what features can be, which may never pass a threshold, or always."""
    feature, threshold = divmod(bit, thresholds_DT.shape[1])
    limit = int(thresholds_DT[feature, threshold])
    constant = ", never" if limit >= kind.high else ", always" if limit < kind.low else ""
    return f"{names[feature]} > {significant(limit * scale, 4)}{constant}"


def visible(character: str) -> str:
    """What cannot be seen, as Python writes it."""
    return character if character.isprintable() and not character.isspace() else repr(character)
