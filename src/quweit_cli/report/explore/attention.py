"""Where attention looks: the weights of each head as the integer program computes them, over patches or characters.

Shape suffixes: G samples, H heads, Q tokens that look, S tokens that are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quweit_cli.ir.nodes.attention import ValueProduct
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.places import Patches
from quweit_cli.ir.program import Program, Step, tensor_types, trace
from quweit_cli.report.explore.images import heat_map
from quweit_cli.report.explore.inside import ModelSamples
from quweit_cli.report.explore.names import visible
from quweit_cli.report.explore.packing import BASE64, packed
from quweit_cli.report.page import Table

ATTENTION_BYTES = 700_000  # of all samples on the page
NAMED = 3  # tokens at which a head looks most


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """scale: the real value of one step of a weight."""

    name: str
    scale: float | None
    weights_GHQS: Integers

    @property
    def title(self) -> str:
        return self.name.replace("layer", "layer ")


@dataclass(frozen=True, eq=False)
class AttentionStudy:
    """Of the first samples that are shown. queries_Q: tokens whose looks are known, the last one included.

    grid: rows and columns of patches; nothing of a text. names: of every token of each sample.
    """

    layers: Sequence[LayerWeights]
    queries_Q: Integers
    causal: bool
    grid: tuple[int, int] | None
    names: Sequence[Sequence[str]]

    @property
    def tokens(self) -> int:
        return len(self.names[0])

    def seen_from(self, layer: LayerWeights) -> np.ndarray:
        """Of the first sample: where its last token looks, which a text goes on from; of an image the mean of all tokens."""
        weights_HQS = layer.weights_GHQS[0]
        seen_HS: np.ndarray = weights_HQS[:, -1] if self.causal else weights_HQS.mean(axis=1)
        return seen_HS


def study_attention(model: ModelSamples, chosen_G: Integers, tokens: int) -> AttentionStudy | None:
    """As many samples as the page holds, and of one that is too large fewer tokens. Nothing where no layer has attention.

    tokens: of a sample.
    """
    found = _weights(model.program, tokens)
    if not found:
        return None
    grid = _grid(model.program, tokens)
    kept: list[list[Integers]] = [[] for _ in found]
    queries_Q, room = np.zeros(0, dtype=np.int64), float(ATTENTION_BYTES)
    for sample in chosen_G:
        seen = trace(model.program, model.inputs[sample], nested=True)
        weights = [seen[name] for name, _, _ in found]
        taken = BASE64 * sum(one.size for one in weights)
        if not len(queries_Q):
            wanted = max(1, min(tokens, int(tokens * room / taken)))
            queries_Q = np.unique(np.linspace(tokens - 1, 0, wanted).round().astype(np.int64))
            taken *= len(queries_Q) / tokens
        elif taken > room:
            break
        room -= taken
        for place, one in enumerate(weights):
            kept[place].append(one[:, queries_Q])
    return AttentionStudy(
        [
            LayerWeights(name.partition("/")[0], scale, np.stack(one))
            for (name, scale, _), one in zip(found, kept, strict=True)
        ],
        queries_Q,
        any(causal for _, _, causal in found),
        grid,
        [_names(model, int(sample), tokens, grid) for sample in chosen_G[: len(kept[0])]],
    )


def attention_record(one: AttentionStudy) -> dict[str, Any]:
    """What the page's script reads."""
    return {
        "queries": packed(one.queries_Q),
        "causal": one.causal,
        "grid": one.grid,
        "names": [list(names) for names in one.names],
        "layers": [
            {"title": layer.title, "scale": layer.scale, "weights": packed(layer.weights_GHQS)}
            for layer in one.layers
        ],
    }


def attention_maps(one: AttentionStudy) -> list[tuple[str, str]]:
    """Of the first sample, where it is an image: title and picture of each head, a pixel a patch, all on one scale."""
    if one.grid is None:
        return []
    looks = {layer.title: one.seen_from(layer) for layer in one.layers}
    most = max(float(looks_HS.max()) for looks_HS in looks.values()) or 1.0
    return [
        (f"{title}, head {head}", heat_map(2 * looks_S.reshape(one.grid) - most, most))
        for title, looks_HS in looks.items()
        for head, looks_S in enumerate(looks_HS)
    ]


def attention_table(one: AttentionStudy) -> Table:
    """Of the first sample: at which tokens each head looks most, and how far its looks are spread."""
    rows = []
    for layer in one.layers:
        for head, looks_S in enumerate(one.seen_from(layer)):
            order = np.argsort(-looks_S, kind="stable")[:NAMED]
            cells: list[object] = [
                part for place in order for part in (_place(one, int(place)), float(looks_S[place]))
            ]
            rows.append((layer.title, head, *cells, _spread(looks_S)))
    count = min(NAMED, one.tokens)
    columns = ["layer", "head", *["looks at", "weight"] * count, "spread, tokens"]
    return Table("Where each head looks", columns, rows)


def _place(one: AttentionStudy, token: int) -> str:
    """A patch by its row and column, a character by itself."""
    name = one.names[0][token]
    return name if one.grid else f"{name} (token {token})"


def _spread(looks_S: np.ndarray) -> float | None:
    """2 to the entropy: over how many tokens weights of this spread would be even."""
    total = looks_S.sum()
    if total <= 0:
        return None
    share_S = looks_S[looks_S > 0] / total
    return float(2 ** -(share_S * np.log2(share_S)).sum())


def _names(model: ModelSamples, sample: int, tokens: int, grid: tuple[int, int] | None) -> list[str]:
    """Of every token: where its patch is, or its character."""
    if grid:
        return [f"row {row}, column {column}" for row in range(grid[0]) for column in range(grid[1])]
    codes, known = model.inputs[sample], model.vocabulary or ""
    if codes.shape != (tokens,) or codes.max(initial=0) >= len(known):
        return [f"token {token}" for token in range(tokens)]
    return [visible(known[code]) for code in codes]


def _grid(program: Program, tokens: int) -> tuple[int, int] | None:
    """Rows and columns of patches, where the tokens are such."""
    node, kind = program.steps[0].node, program.input_type
    if not isinstance(node, Patches) or len(kind.outer) != 2:
        return None
    grid = kind.outer[1] // node.side, kind.features // node.side
    return grid if grid[0] * grid[1] == tokens else None


def _weights(program: Program, tokens: int) -> list[tuple[str, float | None, bool]]:
    """Name, scale and causality of what each layer weighs its values by: heads x tokens x tokens."""
    found, types = [], tensor_types(program, nested=True)
    for layer in program.steps:
        if not isinstance(layer.node, Program):
            continue
        made: dict[str, Step] = {step.name: step for step in layer.node.steps}
        for step in layer.node.steps:
            if isinstance(step.node, ValueProduct) and step.sources[0] in made:
                weight = made[step.sources[0]]
                name = f"{layer.name}/{weight.name}"
                if types[name].shape[1:] == (tokens, tokens):
                    found.append((name, weight.scale, step.node.causal))
    return found
