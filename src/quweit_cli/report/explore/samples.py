"""Golden samples on their way through a whole model: the residual stream after each layer, and the logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quweit_cli.documents import DumpedExits, DumpedReadings
from quweit_cli.ir.exits import ExitRule, answers_with_exits, exits_taken, token_exits
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.program import Program, decides, trace
from quweit_cli.report.explore.attention import AttentionStudy, attention_record, study_attention
from quweit_cli.report.explore.images import COLOURS, heat_map
from quweit_cli.report.explore.inside import ModelSamples
from quweit_cli.report.explore.names import visible
from quweit_cli.report.explore.packing import packed, packed_bytes

MOST_SAMPLES = 16
MODEL_BYTES = 1_200_000  # of all samples on the page
ZERO = 128  # of a pixel: what is read is the pixel less this
SHOWN_LOGITS = 12


@dataclass(frozen=True, eq=False)
class SampleStudy:
    """streams: (name, title) of the residual stream before and after each layer.

    tensors: of the `chosen_G` golden samples, streams alone, of the first `tokens` tokens.
    logits_GO: of a text those of the last token; of a sample that leaves early those of its exit.
    layers_G: that each sample goes through, where samples may leave early.
    """

    model: ModelSamples
    chosen_G: Integers
    streams: Sequence[tuple[str, str]]
    tensors: dict[str, Integers]
    logits_GO: Integers
    all_tokens: int
    layers_G: list[int] | None = None
    attention: AttentionStudy | None = None

    @property
    def tokens(self) -> int:
        return int(next(iter(self.tensors.values())).shape[1])

    @property
    def of_images(self) -> bool:
        return len(self.model.program.input_type.outer) == 2


def study_samples(model: ModelSamples) -> SampleStudy | None:
    """As many samples as the page holds, one at least. Nothing where no layer gives tokens as it takes them."""
    streams = _streams(model.program)
    if not streams:
        return None
    wanted = min(MOST_SAMPLES, len(model.inputs))
    chosen_G = np.arange(wanted) * len(model.inputs) // wanted
    tensors: dict[str, list[Integers]] = {name: [] for name, _ in streams}
    logits: list[Integers] = []
    layers: list[int] = []
    room, tokens, all_tokens = float(MODEL_BYTES), 0, 0
    for sample in chosen_G:
        seen = trace(model.program, model.inputs[sample])
        room -= packed_bytes(model.inputs[sample])
        all_tokens = len(seen[streams[0][0]])
        if not tokens:
            whole = sum(packed_bytes(seen[name]) for name, _ in streams)
            tokens = min(all_tokens, max(1, int(all_tokens * room / whole)))
        part = {name: seen[name][:tokens] for name, _ in streams}
        taken = sum(packed_bytes(one) for one in part.values())
        if logits and taken > room:
            break
        room -= taken
        for name, one in part.items():
            tensors[name].append(one)
        answer = seen[model.program.answer].reshape(-1, model.logits.shape[-1])[-1]
        if model.exits:
            answer, layer = _leaving(model, model.exits, model.inputs[sample], len(streams) - 1)
            layers.append(layer)
        logits.append(answer)
    return SampleStudy(
        model,
        chosen_G[: len(logits)],
        streams,
        {name: np.stack(one) for name, one in tensors.items()},
        np.stack(logits),
        all_tokens,
        layers if model.exits else None,
        study_attention(model, chosen_G[: len(logits)], all_tokens),
    )


def _leaving(model: ModelSamples, exits: DumpedExits, inputs: Integers, depth: int) -> tuple[Integers, int]:
    """Logits of the exit that a sample or the last token of a text takes, and the layers that it goes through."""
    rule, count = ExitRule(exits.criterion, exits.steps), len(exits.after)
    tensors = trace(model.program, inputs[None], nested=True)
    if decides(model.program):
        last = int(token_exits(tensors, count)[0, -1])
        return tensors[model.program.answer][0, -1], [*exits.after, depth][last]
    (taken,) = exits_taken(tensors, rule, count)
    (answer,) = answers_with_exits(tensors, tensors[model.program.answer], rule, count)
    return answer, [*exits.after, depth][taken]


def sample_record(one: SampleStudy, readings: DumpedReadings | None) -> dict[str, Any]:
    """What the page's script reads of the samples."""
    scales = {step.name: step.scale for step in one.model.program.steps}
    inputs = one.model.inputs[one.chosen_G]
    return {
        "number": packed(one.chosen_G),
        "colours": COLOURS,
        "tokens": one.all_tokens,
        "streams": [
            {"name": name, "title": title, "scale": scales.get(name), "values": packed(one.tensors[name])}
            for name, title in one.streams
        ],
        "logits": packed(one.logits_GO),
        "logitScale": scales.get(one.model.program.answer),
        "names": names_of_logits(one, readings),
        "true": true_classes(one, readings),
        "pixels": packed(inputs + ZERO) if one.of_images else None,
        "attention": attention_record(one.attention) if one.attention else None,
        "text": [] if one.of_images else [_written(row, one.model.vocabulary) for row in inputs],
    }


def heat_maps(one: SampleStudy) -> list[tuple[str, str]]:
    """The first sample's residual stream: each tensor's title, and its picture, all on one scale."""
    most = max(1, *(int(np.abs(tensor[0]).max()) for tensor in one.tensors.values()))
    return [(title, heat_map(one.tensors[name][0], most)) for name, title in one.streams]


def names_of_logits(one: SampleStudy, readings: DumpedReadings | None) -> list[str]:
    """Classes, characters, or numbers where nothing names them."""
    count = one.logits_GO.shape[1]
    named = readings.classes if readings else [visible(each) for each in one.model.vocabulary or ""]
    return named if len(named) == count else [str(place) for place in range(count)]


def true_classes(one: SampleStudy, readings: DumpedReadings | None) -> list[int] | None:
    """Of the chosen samples, where the dump says so."""
    golden = readings.golden if readings else []
    if len(golden) != len(one.model.inputs):
        return None
    return [golden[sample] for sample in one.chosen_G]


def _streams(program: Program) -> list[tuple[str, str]]:
    """What the first layer reads, and what each layer gives."""
    layers = [
        step
        for step in program.steps
        if isinstance(step.node, Program)
        and len(step.node.input_type.outer) == 1
        and step.node.output_type().shape == step.node.input_type.shape
    ]
    if not layers or layers[0].sources[0] == program.input_name:
        return []
    first = [(layers[0].sources[0], "before the first layer")]
    return first + [(step.name, f"after {step.name.replace('layer', 'layer ')}") for step in layers]


def _written(codes: Integers, vocabulary: str | None) -> str:
    if vocabulary is None or codes.max(initial=0) >= len(vocabulary):
        return " ".join(map(str, codes.tolist()))
    return "".join(vocabulary[code] for code in codes)
