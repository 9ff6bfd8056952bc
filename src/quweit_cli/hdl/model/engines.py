"""What a model consists of: engines with their modules, and the cycles of a sample in which each works."""

from __future__ import annotations

from collections.abc import Sequence

from quweit_cli.documents import BlockDesign, Engine, Part
from quweit_cli.hdl.array.design import parts_of_array
from quweit_cli.hdl.model.layout import Layout, Text
from quweit_cli.hdl.model.schedule import BETWEEN, Kind
from quweit_cli.hdl.units.lanes import Lane


def engines_of(top: str, layout: Layout, blocks: Sequence[BlockDesign], whole: int) -> list[Engine]:
    """Every module below the top belongs to one of them; the top itself, which joins them, to the control.

    whole: cycles of a sample.
    """
    side, lanes = layout.side, layout.lanes
    of_blocks = _cycles(layout, "block")
    of_blocks += [0] * (len(blocks) - len(of_blocks))  # of a sample that leaves before them
    array = parts_of_array(side, sums=True)
    token_sum = _part("quweit_token_sum", Lanes=side, Tokens=layout.tokens)
    return [
        Engine(name="array", modules=["quweit_systolic"], parts=array, cycles=_cycles_of_products(layout)),
        *(
            [
                Engine(
                    name="few_bits_array",
                    modules=["quweit_few_bits_array"],
                    parts=parts_of_array(side, sums=True, few_bits=layout.few_bit_sum_bits),
                    cycles=_cycles_of_products(layout, few_bits=True),
                )
            ]
            if layout.few_bit_words
            else []
        ),
        _engine(
            "rescale",
            [_part("quweit_rescale", side + (0 if layout.text else 1) + (1 if layout.exits else 0), Lanes=1)],
            sum(_cycles(layout, "product", "sum", "exit")),
        ),
        *(
            []
            if layout.gate is None
            else [_engine("gate", [_part("quweit_gate", side, Lanes=1)], _cycles_of_gate(layout))]
        ),
        _engine("norm", [_lane(layout.norm_lane, lanes)], sum(_cycles(layout, "norm"))),
        _engine(
            "softmax",
            [_lane(layout.softmax_lane, lanes), *([_lane(layout.exit_lane, 1)] if layout.exits else [])],
            sum(_cycles(layout, "softmax", "exit")),
        ),
        *([] if layout.text else [_engine("sum", [token_sum], sum(_cycles(layout, "sum")))]),
        *([_engine("exit", _exit(layout), sum(_cycles(layout, "exit")))] if layout.exits else []),
        *(
            _engine(block.name, [_part(block.top)], cycles)
            for block, cycles in zip(blocks, of_blocks, strict=True)
        ),
        _engine("memories", _memories(layout), whole),
        Engine(
            name="control",
            modules=[part.module for part in _control(layout, blocks)],
            parts=[*_control(layout, blocks), _part(top)],
            cycles=whole,
        ),
    ]


def _exit(layout: Layout) -> list[Part]:
    assert layout.exits is not None
    numbers = {
        "Classes": layout.logits,
        "Criterion": layout.exits.criterion_number,
        "Steps": layout.exits.steps,
    }
    return [_part("quweit_exit", **numbers)]


def _engine(name: str, parts: list[Part], cycles: int) -> Engine:
    """Of modules that stand right below the top."""
    return Engine(
        name=name, modules=list(dict.fromkeys(part.module for part in parts)), parts=parts, cycles=cycles
    )


def _cycles_of_products(layout: Layout, *, few_bits: bool = False) -> int:
    """On the one array, or on the one without multipliers."""
    return sum(
        job.cycles + BETWEEN for job in layout.jobs if job.kind == "product" and job.few_bits == few_bits
    )


def _cycles_of_gate(layout: Layout) -> int:
    return sum(job.cycles + BETWEEN for job in layout.jobs if job.sink == "gate")


def _cycles(layout: Layout, *kinds: Kind) -> list[int]:
    """Of each job of these kinds."""
    return [job.cycles + BETWEEN for job in layout.jobs if job.kind in kinds]


def _control(layout: Layout, blocks: Sequence[BlockDesign]) -> list[Part]:
    side = layout.side
    reads = [_part("quweit_token_rows", Lanes=side)] if blocks else []
    if layout.stores:
        sizes = {"Width": layout.width, "HeadWidth": layout.head_width, "Tokens": layout.tokens}
        reads.append(_part("quweit_token_stores", Lanes=side, **sizes))
    adds = [_part("quweit_token_sums", Lanes=side, AddressBits=layout.address_bits("positions"))]
    return [
        _part("quweit_model_sequencer", Jobs=layout.places),
        _part("quweit_product_feeder", Side=side),
        _part("quweit_product_writer", Side=side),
        _part("quweit_lane_rows"),
        *reads,
        *(adds if blocks or layout.text else []),
        *_loaders(layout),
    ]


def _loaders(layout: Layout) -> list[Part]:
    """What takes a sample in."""
    reads = layout.reads
    if isinstance(reads, Text):
        of_loader = {"Tokens": layout.tokens, "Codes": reads.codes, "CodeBits": reads.word_bits - 1}
        of_vectors = {"CodeBits": reads.code_bits, "AddressBits": layout.address_bits("vectors")}
        embedding = _part("quweit_token_embedding", Width=layout.width, **of_vectors)
        return [_part("quweit_token_loader", **of_loader), embedding]
    return [
        _part(
            "quweit_image_loader",
            Lanes=layout.side,
            Channels=reads.channels,
            Rows=reads.rows,
            Columns=reads.columns,
            Patch=reads.patch,
            AddressBits=layout.address_bits("activations"),
        )
    ]


def _memories(layout: Layout) -> list[Part]:
    """Two copies of the activations, so that a product reads both of its operands; a table a lane."""
    side = layout.side
    written = [
        _part("quweit_memory", 2, Words=layout.activations, Lanes=side, Bits=8),
        _part("quweit_memory", Words=layout.residual, Lanes=side, Bits=16),
    ]
    if isinstance(layout.reads, Text):
        written.append(_part("quweit_memory", Words=layout.tokens, Lanes=1, Bits=layout.reads.code_bits))
    return written + [
        _part("quweit_rom", side if name == "tables" else 1, Words=memory.words, Bits=memory.bits)
        for name, memory in layout.memories.items()
    ]


def _lane(lane: Lane, count: int) -> Part:
    return Part(module=lane.module, parameters=lane.parameters, count=count)


def _part(module: str, count: int = 1, **parameters: int) -> Part:
    return Part(module=module, parameters={key: str(value) for key, value in parameters.items()}, count=count)
