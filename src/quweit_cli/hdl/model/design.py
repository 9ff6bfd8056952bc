"""A whole model as a design: its top, engines and memories, golden samples, and what it promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from quweit_cli import config
from quweit_cli.documents import BlockDesign, GoldenRows, ModelDesign, ScheduledJob
from quweit_cli.errors import ConfigError, UnsupportedModel
from quweit_cli.hdl import literals
from quweit_cli.hdl.array.design import ONCE, TWICE
from quweit_cli.hdl.axis import RowShape, axis_port
from quweit_cli.hdl.model.accesses import banks_of
from quweit_cli.hdl.model.engines import engines_of
from quweit_cli.hdl.model.layout import Layout, lay_out
from quweit_cli.hdl.model.schedule import BETWEEN
from quweit_cli.hdl.vectors import beats, packed, sha256
from quweit_cli.ir import Program
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.templating import render, static_text

PIXEL_BITS, LOGIT_BITS = 8, 32
UNITS = ("quweit_divider.sv", "quweit_root.sv", "quweit_softmax_rows.sv", "quweit_layer_norm.sv")
ENGINES = (
    "quweit_memory.sv",
    "quweit_rom.sv",
    "quweit_rescale.sv",
    "quweit_model_sequencer.sv",
    "quweit_product_feeder.sv",
    "quweit_product_writer.sv",
    "quweit_lane_rows.sv",
    "quweit_token_sum.sv",
    "quweit_token_rows.sv",
    "quweit_token_sums.sv",
    "quweit_image_loader.sv",
)


class ModelSource(NamedTuple):
    """A whole model and its golden samples."""

    program: Program
    inputs: Integers  # samples x image
    logits: Integers  # samples x logits


class Sources(NamedTuple):
    """In compile order."""

    behavioural: list[str]
    xilinx: list[str]  # blocks and cells of the array in an FPGA's cells


class PlacedBlock(NamedTuple):
    """A block of the package, and by how much its outputs are shifted to the left onto the residual stream."""

    design: BlockDesign
    shift: int


def render_model(
    name: str, source: ModelSource, options: config.Rtl, blocks: Sequence[BlockDesign], header: str
) -> tuple[dict[str, str], ModelDesign]:
    """Name -> text of the hardware and golden samples of the model, beside those of its blocks, and what the manifest says of it.

    options: with a side.

    Raises:
        ConfigError: a side that there is not, a schedule that does not fit, or a block that takes several features a beat.
        UnsupportedModel: a program whose structure does not become hardware.
    """
    side = options.side
    assert side is not None
    for block in blocks:
        if block.features_per_beat != 1 or block.outputs_per_beat != 1:
            raise ConfigError(
                f"`{block.name}` takes {block.features_per_beat} features a beat and gives {block.outputs_per_beat} outputs,"
                " and in a model one of each",
                hint="leave out `rtl.features_per_beat` and `rtl.outputs_per_cycle`, or `rtl.side`",
            )
    top = literals.identifier(f"{name}_model")
    try:
        layout = lay_out(source.program, side, f"rtl/{top}", blocks)
    except (ValueError, IndexError) as error:  # sizes that do not fit one another
        raise UnsupportedModel(
            f"`{name}` is of another structure than the models of `quweit dump`: {error}",
            hint="leave `rtl.side` out; the blocks are rendered as before",
        ) from None
    if layout.pixels < 2 * side:
        raise ConfigError(
            f"an image of {layout.pixels} pixels comes faster than an array of side {side} is flushed after a reset",
            hint="choose a smaller `rtl.side`",
        )
    placed = [PlacedBlock(block, shift) for block, shift in zip(blocks, layout.block_shifts, strict=True)]
    once = {f"rtl/{file}": static_text(f"array/{file}") for file in ONCE}
    once |= {f"rtl/units/{file}": static_text(f"units/{file}") for file in UNITS}
    once |= {f"rtl/model/{file}": static_text(f"model/{file}") for file in ENGINES}
    behavioural, cells = (
        {f"rtl/{folder}{file}": static_text(f"array/{folder}{file}") for file in TWICE}
        for folder in ("", "xilinx/")
    )
    text = render("model/model.sv.mako", top=top, plan=layout, blocks=placed, header=header)
    sources = Sources(
        [*behavioural, *once, *dict.fromkeys(file for block in blocks for file in block.sources), f"rtl/{top}.sv"],
        [*cells, *once, *dict.fromkeys(file for block in blocks for file in block.sources_xilinx), f"rtl/{top}.sv"],
    )  # fmt: skip
    bytes_in, bytes_out = (
        (PIXEL_BITS // 8, LOGIT_BITS // 8) if options.bus_bytes == "auto" else (options.bus_bytes,) * 2
    )
    vectors = _render_vectors(source, bytes_in)
    design = _describe(top, layout, sources, vectors, len(source.inputs), bytes_in, bytes_out)
    design = design.model_copy(update={"engines": engines_of(top, layout, blocks), "banks": banks_of(layout)})
    files = behavioural | cells | once | {f"rtl/{top}.sv": text} | vectors
    files |= {memory.file: "\n".join(memory.lines) + "\n" for memory in layout.memories.values()}
    return files, design


INPUTS, OUTPUTS, BUS_INPUTS = (f"tb/vectors/model.{kind}.hex" for kind in ("inputs", "outputs", "bus_inputs"))


def _render_vectors(source: ModelSource, bytes_in: int) -> dict[str, str]:
    """Pixels a beat a line, logits a sample a line; and pixels in beats of the wrapper, where those are others."""
    pixels = source.inputs.reshape(len(source.inputs), -1)
    texts = {
        INPUTS: beats(pixels, 1),
        OUTPUTS: "".join(f"{packed(row, LOGIT_BITS)}\n" for row in source.logits.tolist()),
    }
    return texts | ({BUS_INPUTS: beats(pixels, bytes_in)} if bytes_in != PIXEL_BITS // 8 else {})


def _describe(
    top: str,
    layout: Layout,
    sources: Sources,
    vectors: dict[str, str],
    samples: int,
    bytes_in: int,
    bytes_out: int,
) -> ModelDesign:
    bus_inputs = BUS_INPUTS if BUS_INPUTS in vectors else INPUTS
    # pixels, the schedule, the logits; the last pixel starts it, and the next sample follows the last logit
    interval = layout.pixels + layout.cycles + layout.logits
    return ModelDesign(
        name="model",
        top=top,
        testbench=f"tb_{top}",
        check=f"check_{top}",
        sources=sources.behavioural,
        sources_xilinx=sources.xilinx,
        memories=[memory.file for memory in layout.memories.values()],
        features=layout.pixels,
        outputs=layout.logits,
        features_per_beat=1,
        outputs_per_beat=1,
        input_bits=PIXEL_BITS,
        output_bits=LOGIT_BITS,
        input_beats=layout.pixels,
        output_beats=layout.logits,
        latency_cycles=interval - 1,
        initiation_interval_cycles=interval,
        vectors=GoldenRows(
            rows=samples,
            inputs=INPUTS,
            outputs=OUTPUTS,
            inputs_sha256=sha256(vectors[INPUTS]),
            outputs_sha256=sha256(vectors[OUTPUTS]),
        ),
        axis=axis_port(
            top,
            RowShape(layout.pixels * PIXEL_BITS // 8, layout.logits * LOGIT_BITS // 8, interval),
            bytes_in,
            bytes_out,
            (bus_inputs, sha256(vectors[bus_inputs])),
        ),
        side=layout.side,
        schedule=_schedule(layout),
    )


def _schedule(layout: Layout) -> list[ScheduledJob]:
    """First cycles are counted from the one after the last pixel."""
    starts = np.cumsum([0, *(job.cycles + BETWEEN for job in layout.jobs)])
    return [
        ScheduledJob(
            tensor=job.name,
            engine=job.kind,
            first_cycle=int(first),
            cycles=job.cycles + BETWEEN,
            **(
                {"rows": job.rows, "inner": job.inner, "columns": job.columns}
                if job.kind == "product"
                else {}
            ),
        )
        for job, first in zip(layout.jobs, starts[:-1], strict=True)
    ]
