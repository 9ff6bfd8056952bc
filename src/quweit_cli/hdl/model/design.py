"""A whole model as a design: its top, engines and memories, golden samples, and what it promises."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from quweit_cli import config
from quweit_cli.documents import BlockDesign, DecodeStep, ModelDesign, ScheduledJob
from quweit_cli.errors import ConfigError, UnsupportedModel
from quweit_cli.hdl import literals
from quweit_cli.hdl.array.design import ONCE, TWICE
from quweit_cli.hdl.axis import RowShape, axis_port
from quweit_cli.hdl.model.accesses import banks_of
from quweit_cli.hdl.model.engines import engines_of
from quweit_cli.hdl.model.layout import Layout
from quweit_cli.hdl.model.requests import Request, Spoken, plan_of, render_requests, requests_of
from quweit_cli.hdl.model.schedule import BETWEEN, Job
from quweit_cli.hdl.model.transformer import lay_out
from quweit_cli.hdl.model.writes import exits_of_request, jobs_of_step
from quweit_cli.hdl.units.design import sources_of
from quweit_cli.hdl.units.lanes import NORM, NORM_IN_PIECES, SOFTMAX_IN_PIECES, Rendering
from quweit_cli.hdl.vectors import beats, golden_rows, packed, sha256
from quweit_cli.ir import Program
from quweit_cli.ir.exits import ExitRule, exits_taken
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.program import trace
from quweit_cli.templating import render, static_text

PIXEL_BITS, LOGIT_BITS = 8, 32
UNITS = tuple(
    dict.fromkeys((*NORM[:-1], *NORM_IN_PIECES[:-1], *SOFTMAX_IN_PIECES, NORM[-1]))
)  # of which a model has those of its lanes
RENDERINGS: tuple[tuple[str, Rendering], ...] = (("", "plain"), ("xilinx/", "xilinx"))  # folder of arrays
ENGINES = (
    "quweit_memory.sv",
    "quweit_rom.sv",
    "quweit_rescale_lane.sv",
    "quweit_rescale.sv",
    "quweit_model_sequencer.sv",
    "quweit_product_feeder.sv",
    "quweit_product_writer.sv",
    "quweit_lane_rows.sv",
    "quweit_token_rows.sv",
    "quweit_token_sums.sv",
)
OF_IMAGES = ("quweit_token_sum.sv", "quweit_image_loader.sv")
OF_TEXTS = ("quweit_token_loader.sv", "quweit_token_embedding.sv")


class ModelSource(NamedTuple):
    """A whole model and its golden samples."""

    program: Program
    inputs: Integers  # samples x image, or samples x tokens
    logits: Integers  # samples x logits, or samples x tokens x logits
    rule: ExitRule | None = None  # by which samples leave early
    leaving: Sequence[int] = ()  # test samples that take each exit


class Sources(NamedTuple):
    """In compile order."""

    behavioural: list[str]
    xilinx: list[str]  # blocks and cells of the array in an FPGA's cells


class PlacedBlock(NamedTuple):
    """A block of the package, and by how much its outputs are shifted to the left: onto the residual stream, or of queries,
    keys and values."""

    design: BlockDesign
    shifts: tuple[int, ...]


def render_model(
    name: str, source: ModelSource, options: config.Rtl, blocks: Sequence[BlockDesign], header: str
) -> tuple[dict[str, str], ModelDesign]:
    """Name -> text of the hardware and golden samples of the model, beside those of its blocks, and what the manifest says of it.

    options: with a side.
    source: as `check_tokens_alone` wants it.
    blocks: each as `check_beats` wants it.

    Raises:
        ConfigError: a side that there is not, or a schedule that does not fit.
        UnsupportedModel: a program whose structure does not become hardware.
    """
    side = options.side
    assert side is not None
    top = literals.identifier(f"{name}_model")
    try:
        layout = lay_out(source.program, side, f"rtl/{top}", blocks, options.lanes, source.rule)
    except (ValueError, IndexError) as error:  # sizes that do not fit one another
        raise UnsupportedModel(
            f"`{name}` is of another structure than the models of `quweit dump`: {error}",
            hint="leave `rtl.side` out; the blocks are rendered as before",
        ) from None
    _check_flushing(layout)
    placed = [PlacedBlock(block, shifts) for block, shifts in zip(blocks, layout.block_shifts, strict=True)]
    once = {f"rtl/{file}": static_text(f"array/{file}") for file in ONCE}
    units = _units(layout)
    once |= {
        f"rtl/model/{file}": static_text(f"model/{file}")
        for file in (
            *ENGINES,
            *(["quweit_few_bits_array.sv"] if layout.few_bit_words else []),
            *(["quweit_gate.sv"] if layout.gate is not None else []),
            *(["quweit_exit.sv"] if layout.exits else []),
            *(["quweit_token_stores.sv"] if layout.stores else []),
            *(OF_TEXTS if layout.text else OF_IMAGES),
        )
    }
    behavioural, cells = (
        {f"rtl/{folder}{file}": static_text(f"array/{folder}{file}") for file in TWICE}
        | {name: static_text(name.removeprefix("rtl/")) for name in sources_of(units, rendering)}
        for folder, rendering in RENDERINGS
    )
    text = render("model/model.sv.mako", top=top, plan=layout, blocks=placed, header=header)
    sources = Sources(
        [*behavioural, *once, *dict.fromkeys(file for block in blocks for file in block.sources), f"rtl/{top}.sv"],
        [*cells, *once, *dict.fromkeys(file for block in blocks for file in block.sources_xilinx), f"rtl/{top}.sv"],
    )  # fmt: skip
    widths = _bus_bytes(layout, options)
    spoken = Spoken(source.program, source.inputs) if layout.text else None
    requests = (
        requests_of(source.inputs, spoken.logits, side, layout.text.unknown) if layout.text and spoken else []
    )
    vectors = _render_vectors(source, layout, requests, spoken)
    design = _describe(top, layout, sources, vectors, len(source.inputs), widths)
    engines = engines_of(top, layout, blocks, design.initiation_interval_cycles)
    design = design.model_copy(update={"engines": engines, "banks": banks_of(layout)})
    if layout.exits and not layout.text:
        design = design.model_copy(update=_cycles_with_exits(source, layout, design))
        design = _with_means(design, layout, blocks, source.leaving)
    if spoken:
        step = _describe_step(layout, vectors, len(requests))
        if layout.exits:
            step = step.model_copy(update=_steps_with_exits(layout, step, requests, spoken, source.leaving))
        design = design.model_copy(update={"decode": step})
    files = behavioural | cells | once | {f"rtl/{top}.sv": text} | vectors
    files |= {memory.file: "\n".join(memory.lines) + "\n" for memory in layout.memories.values()}
    return files, design


def _cycles_with_exits(source: ModelSource, layout: Layout, design: ModelDesign) -> dict[str, list[int]]:
    """Between samples, by the exit that is taken, and of each golden sample."""
    assert layout.exits is not None
    ends = [job.first_cycle + job.cycles for job in design.schedule if job.engine == "exit"]
    around = layout.reads.beats + layout.logits
    cycles = [*(around + end for end in ends), design.initiation_interval_cycles]
    tensors = trace(source.program, source.inputs, nested=True)
    taken = exits_taken(tensors, layout.exits.rule, layout.exits.count)
    return {"exit_cycles": cycles, "row_cycles": [cycles[one] for one in taken]}


def _steps_with_exits(
    layout: Layout, step: DecodeStep, requests: Sequence[Request], spoken: Spoken, leaving: Sequence[int]
) -> dict[str, Any]:
    """What becomes of a token that leaves, and the cycles of each way out and of each request."""
    assert layout.exits is not None
    ways = [_cycles(_schedule(jobs_of_step(layout, one))) for one in range(layout.exits.count + 1)]
    cycles = []
    for request in requests:
        words = len(request.codes)
        if request.logits is None:
            cycles.append(words)
        elif not request.goes_on:
            cycles.append(words - 1 + _cycles(_schedule(layout.jobs)) + layout.logits)
        else:
            taken = exits_of_request(layout, request, spoken.tensors(request.prompt))
            cycles.append(words - 1 + sum(ways[one] for one in taken) + layout.logits)
    latencies = [way + layout.logits for way in ways]
    shares = np.array(leaving) / sum(leaving)
    return {
        "exit_latency_cycles": latencies,
        "mean_latency_cycles": float(shares @ np.array(latencies)),
        "request_cycles": cycles,
        "rest": _schedule(layout.rests),
        "rest_from": layout.exits.rest_from,
    }


def _with_means(
    design: ModelDesign, layout: Layout, blocks: Sequence[BlockDesign], leaving: Sequence[int]
) -> ModelDesign:
    """What an average test sample does, from how many take each exit."""
    shares = np.array(leaving) / sum(leaving)
    ends = [place + 1 for place, job in enumerate(layout.jobs) if job.kind == "exit"]
    parts = [*(replace(layout, jobs=layout.jobs[:end]) for end in ends), layout]
    engines = [
        [one.cycles for one in engines_of(design.top, part, blocks, cycles)]
        for part, cycles in zip(parts, design.exit_cycles, strict=True)
    ]
    accesses = [[one.reads + one.writes for one in banks_of(part)] for part in parts]

    def mean(found: Sequence[Sequence[int]]) -> list[float]:
        averages: list[float] = (shares @ np.array(found)).tolist()
        return averages

    return design.model_copy(
        update={
            "mean_cycles": float(shares @ np.array(design.exit_cycles)),
            "engines": [
                one.model_copy(update={"mean_cycles": cycles})
                for one, cycles in zip(design.engines, mean(engines), strict=True)
            ],
            "banks": [
                one.model_copy(update={"mean_accesses": count})
                for one, count in zip(design.banks, mean(accesses), strict=True)
            ],
        }
    )


def _units(layout: Layout) -> list[str]:
    """Files of its lanes, in compile order."""
    wanted = {*layout.norm_lane.sources, *layout.softmax_lane.sources}
    return [name for name in UNITS if name in wanted]


FOLDER = "tb/vectors/model"
INPUTS, OUTPUTS, REQUESTS, ANSWERS = (
    f"{FOLDER}.{kind}.hex" for kind in ("inputs", "outputs", "requests", "answers")
)


def _word_bits(layout: Layout) -> int:
    return layout.text.word_bits if layout.text else PIXEL_BITS


def check_tokens_alone(program: Program) -> None:
    """Raises UnsupportedModel for a model whose layers read tokens around."""
    layers = [step.node for step in program.steps if isinstance(step.node, Program)]
    if any(step.name == "around" for layer in layers for step in layer.steps):
        raise UnsupportedModel(
            "tokens around are read by blocks alone so far, not in the hardware of a whole model",
            hint="leave `rtl.side` out; the blocks are rendered as before",
        )


def check_beats(block: BlockDesign) -> None:
    """Raises ConfigError for a block that takes or gives several features a beat."""
    if block.features_per_beat != 1 or block.outputs_per_beat != 1:
        raise ConfigError(
            f"`{block.name}` takes {block.features_per_beat} features a beat and gives {block.outputs_per_beat} outputs,"
            " and in a model one of each",
            hint="leave out `rtl.features_per_beat` and `rtl.outputs_per_cycle`, or `rtl.side`",
        )


def _check_flushing(layout: Layout) -> None:
    """Raises ConfigError where a product could start before the array is flushed after a reset."""
    beats_first = 1 if layout.text else layout.reads.beats
    for jobs in filter(None, (layout.jobs, layout.steps)):
        before = itertools.takewhile(lambda job: job.kind != "product", jobs)
        if beats_first + sum(job.cycles + BETWEEN for job in before) < 2 * layout.side:
            what = (
                f"tokens of {layout.width} features" if layout.text else f"an image of {beats_first} pixels"
            )
            raise ConfigError(
                f"{what} come{'' if layout.text else 's'} faster than an array of side {layout.side} is flushed after a reset",
                hint="choose a smaller `rtl.side`",
            )


def _bus_bytes(layout: Layout, options: config.Rtl) -> tuple[int, int]:
    """Of the wrapper, in and out: a model takes a sample only when it has answered the one before, which beats of another width delay.

    Raises:
        ConfigError: another width is asked for.
    """
    own = _word_bits(layout) // 8, LOGIT_BITS // 8
    if options.bus_bytes != "auto":
        raise ConfigError(
            f"the wrapper of a model takes beats of {own[0]} bytes and gives beats of {own[1]}, as they come",
            hint="leave out `rtl.bus_bytes`, and convert widths outside",
        )
    return own


def _render_vectors(
    source: ModelSource, layout: Layout, requests: Sequence[Request], spoken: Spoken | None
) -> dict[str, str]:
    """Pixels or tokens a beat a line, logits a sample a line; requests."""
    codes, logits = source.inputs.reshape(len(source.inputs), -1), source.logits
    if spoken is None:
        inputs = beats(codes, 1)
    else:
        digits, logits = _word_bits(layout) // 4, spoken.logits(layout.tokens)[:, -1]
        inputs = "".join(f"{code:0{digits}x}\n" for code in codes.ravel().tolist())
    texts = {
        INPUTS: inputs,
        OUTPUTS: "".join(f"{packed(row, LOGIT_BITS)}\n" for row in logits.tolist()),
    }
    if requests:
        texts[REQUESTS], texts[ANSWERS] = render_requests(requests, _word_bits(layout), LOGIT_BITS)
    return texts


def _describe_step(layout: Layout, vectors: dict[str, str], requests: int) -> DecodeStep:
    assert layout.text is not None
    schedule = _schedule(layout.steps)
    latency = _cycles(schedule) + layout.logits
    return DecodeStep(
        codes=layout.text.codes,
        latency_cycles=latency,
        initiation_interval_cycles=latency + 1,
        schedule=schedule,
        requests=golden_rows(requests, vectors, REQUESTS, ANSWERS),
        requests_of_sample=plan_of(layout.tokens, layout.text.unknown).rows,
    )


def _describe(
    top: str,
    layout: Layout,
    sources: Sources,
    vectors: dict[str, str],
    samples: int,
    widths: tuple[int, int],
) -> ModelDesign:
    schedule, words, bits = _schedule(layout.jobs), layout.reads.beats, _word_bits(layout)
    # beats, the schedule, the logits; the last beat starts it, and the next sample follows the last logit
    interval = words + _cycles(schedule) + layout.logits
    return ModelDesign(
        name="model",
        top=top,
        testbench=f"tb_{top}",
        check=f"check_{top}",
        sources=sources.behavioural,
        sources_xilinx=sources.xilinx,
        memories=[memory.file for memory in layout.memories.values()],
        features=words,
        outputs=layout.logits,
        features_per_beat=1,
        outputs_per_beat=1,
        input_bits=bits,
        output_bits=LOGIT_BITS,
        input_beats=words,
        output_beats=layout.logits,
        latency_cycles=interval - 1,
        initiation_interval_cycles=interval,
        vectors=golden_rows(samples, vectors, INPUTS, OUTPUTS),
        axis=axis_port(
            top,
            RowShape(words * bits // 8, layout.logits * LOGIT_BITS // 8, interval),
            *widths,
            (INPUTS, sha256(vectors[INPUTS])),
        ),
        side=layout.side,
        lanes=layout.lanes,
        schedule=schedule,
    )


def _schedule(jobs: Sequence[Job]) -> list[ScheduledJob]:
    """First cycles are counted from the one after the last beat."""
    starts = np.cumsum([0, *(job.cycles + BETWEEN for job in jobs)])
    return [
        ScheduledJob(
            tensor=job.name,
            engine=job.kind,
            first_cycle=int(first),
            cycles=job.cycles + BETWEEN,
            **(
                {
                    "rows": job.rows,
                    "inner": job.inner * job.steps,
                    "columns": job.columns,
                    "few_bits": job.few_bits,
                }
                if job.kind == "product"
                else {}
            ),
        )
        for job, first in zip(jobs, starts[:-1], strict=True)
    ]


def _cycles(schedule: Sequence[ScheduledJob]) -> int:
    return sum(job.cycles for job in schedule)
