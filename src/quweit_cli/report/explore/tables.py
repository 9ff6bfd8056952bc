"""What can be read of blocks without a script: LUTs by layer, the first of them, and one row on its way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quweit_cli.documents import DumpedReadings
from quweit_cli.report.explore.blocks import BlockStudy
from quweit_cli.report.explore.names import bit_name, feature_names
from quweit_cli.report.explore.samples import SampleStudy, names_of_logits, true_classes
from quweit_cli.report.page import Table
from quweit_cli.report.paper_plots import Bars

USED = "used"  # rendered, and neither of the others
FIRST_LUTS = 6  # of the layer
FIRST_ELEMENTS = 16
LARGEST_VALUES = 2


def census_table(studies: Sequence[BlockStudy]) -> Table:
    """LUTs of each layer of each block, by what becomes of them."""
    rows = [
        (
            one.name,
            place,
            len(known.rendered_J),
            int(known.rendered_J.sum()),
            int((~known.rendered_J).sum()),
            int(known.constant_J.sum()),
            int(known.duplicates.sum()),
            int(known.passing_J.sum()),
            int(np.isin(told.ones_J, (0, told.rows)).sum()),
        )
        for one in studies
        for place, (known, told) in enumerate(zip(one.census, one.responses, strict=True))
    ]
    columns = (
        "block", "LUT layer", "LUTs", "rendered", "pruned", "constant", "duplicates", "wires", "never changing on golden rows",
    )  # fmt: skip
    return Table("LUTs by layer", columns, rows)


def census_bars(studies: Sequence[BlockStudy]) -> Bars:
    """The same as parts of each layer, every LUT in one of them."""
    parts: dict[str, list[tuple[str, float]]] = {}
    ends: dict[str, str] = {}
    for one in studies:
        for place, known in enumerate(one.census):
            rest_J, counts = known.rendered_J, [("pruned", int((~known.rendered_J).sum()))]
            for name, such_J in (
                ("constant", known.constant_J), ("duplicate", known.duplicates), ("wire", known.passing_J),
            ):  # fmt: skip
                counts.append((name, int((rest_J & such_J).sum())))
                rest_J = rest_J & ~such_J
            counts.append((USED, int(rest_J.sum())))
            key = f"{one.name}, {place}" if len(one.census) > 1 else one.name
            parts[key] = [(name, count) for name, count in reversed(counts) if count]
            ends[key] = f"{rest_J.sum():,} of {len(rest_J):,} used"
    return Bars([USED, "wire", "duplicate", "constant", "pruned"], parts, ends)


def first_luts(one: BlockStudy) -> Table:
    """The first LUTs of the first layer: their pins by name, tables, and what they do on golden rows."""
    layer, told = one.chain.layers[0], one.responses[0]
    thresholds_DT, kind = one.chain.thermometer.thresholds_DT, one.block.program.input_type
    named = feature_names(len(thresholds_DT), one.block.around)
    names = [name.removeprefix("feature ") for name in named]
    rows = []
    for lut in range(min(FIRST_LUTS, len(layer.pins_JL))):
        pins = [
            bit_name(int(pin), thresholds_DT, one.block.input_scale, names, kind)
            for pin in layer.pins_JL[lut]
        ]
        rows.append(
            (
                lut,
                "; ".join(pins),
                init(int(layer.tables_J[lut]), layer.fan_in),
                100 * float(told.ones_J[lut]) / max(1, told.rows),
                *([_largest(one, lut)] if len(one.chain.layers) == 1 else []),
            )
        )
    columns = ["LUT", "features above thresholds, pin 0 first", "table", "1 on rows, %"]
    columns += ["largest values"] if len(one.chain.layers) == 1 else []
    return Table(f"First LUTs of {one.name}", columns, rows)


def first_row(one: BlockStudy) -> Table:
    """The first elements of every tensor on the first golden row."""
    words = {one.steps[0]: "input", one.steps[1]: "bits", one.steps[-2]: "sums", one.steps[-1]: "outputs"}
    words |= {name: f"answers of LUT layer {place}" for place, name in enumerate(one.steps[2:-2])}
    most = min(FIRST_ELEMENTS, max(one.tensors[name].shape[1] for name in one.steps))
    rows = []
    for name in one.steps:
        values: list[object] = one.tensors[name][0, :most].tolist()
        rows.append((words[name], one.tensors[name].shape[1], *values, *[None] * (most - len(values))))
    return Table(
        f"Golden row {one.stepped_R[0]} on its way through {one.name}, the first elements",
        ("step", "elements", *map(str, range(most))),
        rows,
    )


def init(table: int, fan_in: int) -> str:
    """As Verilog writes it: 64'h8000000000000001."""
    bits = 2**fan_in
    return f"{bits}'h{table:0{max(1, bits // 4)}x}"


def _largest(one: BlockStudy, lut: int) -> str:
    values_E = one.chain.summation.values_KE[lut]
    places = np.argsort(-np.abs(values_E), kind="stable")[:LARGEST_VALUES]
    return "; ".join(f"{values_E[place]:+d} at {place}" for place in places if values_E[place])


def logits_table(samples: SampleStudy, readings: DumpedReadings | None) -> Table:
    """What each sample is read as, beside the runner-up and what it is."""
    names, true = names_of_logits(samples, readings), true_classes(samples, readings)
    rows = []
    for place, logits_O in enumerate(samples.logits_GO):
        best = np.argsort(-logits_O, kind="stable")[:2]
        rows.append(
            (
                f"sample {samples.chosen_G[place]}",
                *(part for one in best for part in (names[one], int(logits_O[one]))),
                None if true is None else names[true[place]],
            )
        )
    columns = ["golden sample", "read as", "its logit", "next", "its logit", "is"]
    return Table("Golden samples", columns if len(names) > 1 else [*columns[:3], columns[-1]], rows).known()
