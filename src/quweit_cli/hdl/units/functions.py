"""Functions in pieces as hardware: of pieces that never change, of pieces that rows bring with them, of wide inputs.

Beside them the same in arithmetic of 32 bits, and a plain table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quweit_cli.documents import UnitDesign
from quweit_cli.hdl import literals
from quweit_cli.hdl.units.design import render_designs, sources_of
from quweit_cli.hdl.units.lanes import PRODUCT, SCALED
from quweit_cli.hdl.units.pieces import pieces_parameters, sum_bits
from quweit_cli.hdl.vectors import golden_rows, packed
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.functions import Table
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear

Floats = NDArray[np.float32]
PIECES = ("quweit_lane.sv", "quweit_piece_select.sv")
LINE = (PRODUCT, "quweit_piece_line.sv")
CONSTANT = (*PIECES, *LINE, "quweit_constant_line.sv")
LOADED = (*PIECES, "quweit_loaded_pieces.sv")
STAGES = {
    "quweit_pieces": 4,
    "quweit_loadable_pieces": 5,
    "quweit_wide_pieces": 6,
    "quweit_loadable_words": 6,
    "quweit_loadable_floats": 12,
}
ALIGN_BITS, SHIFT_BITS = 3, 4  # of pieces that are loaded
WIDE_OUTPUT = 32


class FunctionUnit(NamedTuple):
    """One lane: what it is, and rows with what it must answer."""

    name: str
    words: str  # what it is, in words
    module: str
    parameters: dict[str, str]
    names: tuple[str, ...]  # of its files
    rows: list[list[int]]  # beats
    answers: list[list[int]]
    input_bits: int
    output_bits: int
    head: int = 0  # beats of a row that say how

    @property
    def stages(self) -> int:
        """Registers from an element that is taken to what is given."""
        return STAGES.get(self.module, 1)


def constant_pieces(name: str, node: PiecewiseLinear) -> FunctionUnit:
    """int8 to int8, on every code.

    Raises:
        ValueError: answers are not clamped to int8, or there are fewer than two pieces.
    """
    if (
        (node.low, node.high) != (-128, 127)
        or node.scaling is not None
        or node.shift < 0
        or len(node.slopes_N) < 2
    ):
        raise ValueError("two pieces or more, and answers in int8, are what this unit has")
    codes_C = np.arange(-128, 128)
    bits = node.word_bits
    parameters = (
        {"Elements": "1"}
        | pieces_parameters(node, 8, bits)
        | {
            "SumBits": str(sum_bits(node, 8)),
            "Align": str(node.align),
            "Shift": str(node.shift),
        }
    )
    return FunctionUnit(
        name, f"{len(node.slopes_N)} pieces, constant", "quweit_pieces", parameters, (*CONSTANT, "quweit_pieces.sv"),
        _beats(codes_C), _beats(node.evaluate(codes_C)), 8, 8,
    )  # fmt: skip


def wide_pieces(name: str, node: PiecewiseLinear, bits: int) -> FunctionUnit:
    """Of inputs of so many bits, unsigned; on all small ones, and on those around eighths of powers of two.

    Raises:
        ValueError: the node scales no ranges, or its answers lose bits.
    """
    scaling = node.scaling
    if scaling is None or len(node.slopes_N) < 2:
        raise ValueError("two pieces or more, and ranges that are scaled, are what this unit has")
    if -node.shift < scaling.answer_step * scaling.most_steps((1 << bits) - 1):
        raise ValueError("an answer would lose bits, and this unit does not round")
    inputs = _wide_inputs(bits)
    answers = node.evaluate(inputs)
    word, window = node.word_bits, scaling.window + 1
    parameters = (
        {"Elements": "1"}
        | pieces_parameters(node, window, word)
        | {
            "InputBits": str(bits),
            "Window": str(scaling.window),
            "Step": str(scaling.step),
            "AnswerStep": str(scaling.answer_step),
            "Lift": str(-node.shift),
            "SumBits": str(sum_bits(node, window)),
            "OutputBits": str(WIDE_OUTPUT),
            "Align": str(node.align),
        }
    )
    return FunctionUnit(
        name, f"{len(node.slopes_N)} pieces, constant, of inputs of {bits} bits", "quweit_wide_pieces", parameters,
        (*CONSTANT, *SCALED, "quweit_wide_pieces.sv"), _beats(_signed(inputs, bits)), _beats(answers), bits, WIDE_OUTPUT,
    )  # fmt: skip


def loadable_pieces(
    name: str, nodes: Sequence[PiecewiseLinear], pieces: int, elements: int = 1
) -> FunctionUnit:
    """int8 to int8, every code of every node.

    elements: of a row, behind the words of its pieces. With more than one a row that is broken off has been given in part,
    which the bench does not take.

    Raises:
        ValueError: a node has more pieces, or slopes, intercepts or shifts beyond what a row can bring.
    """
    heads = []
    for node in nodes:
        if node.word_bits > 8 or node.align >> ALIGN_BITS or not 0 <= node.shift < 1 << SHIFT_BITS:
            raise ValueError("slopes, intercepts or shifts are beyond what a row can bring")
        heads.append([*_words(node, pieces, 127), node.align, node.shift])
    codes_RN = np.arange(-128, 128).reshape(-1, elements)
    parameters = {
        "Elements": str(elements),
        "Pieces": str(pieces),
        "AlignBits": str(ALIGN_BITS),
        "ShiftBits": str(SHIFT_BITS),
    }
    return _loadable(
        FunctionUnit(
            name, f"{pieces} pieces, loadable", "quweit_loadable_pieces", parameters,
            (*LOADED, *LINE, "quweit_loadable_pieces.sv"), [], [], 8, 8, 3 * pieces + 1,
        ), nodes, heads, codes_RN,
    )  # fmt: skip


def loadable_words(
    name: str, nodes: Sequence[PiecewiseLinear], pieces: int, rows_RN: Integers
) -> FunctionUnit:
    """int32 to int32, these rows of every node.

    Raises:
        ValueError: a node has more pieces, or aligns or shifts.
    """
    if any(node.align or node.shift for node in nodes):
        raise ValueError("sums are answers here")
    parameters = {"Elements": str(rows_RN.shape[1]), "Pieces": str(pieces)}
    names = (*LOADED, "pipelined/quweit_multiplier.sv", "quweit_loadable_words.sv")
    unit = FunctionUnit(
        name, f"{pieces} pieces, loadable, of 32 bits", "quweit_loadable_words", parameters, names, [], [],
        32, 32, 3 * pieces - 1,
    )  # fmt: skip
    return _loadable(unit, nodes, [_words(node, pieces, 2**31 - 1) for node in nodes], rows_RN)


class FloatPieces(NamedTuple):
    """Pieces in float32, of the real numbers that integer ones stand for."""

    breakpoints_M: Floats
    slopes_N: Floats
    intercepts_N: Floats

    def evaluate(self, x: Floats) -> Floats:
        """Product and sum, each rounded to float32."""
        piece = np.searchsorted(self.breakpoints_M, x, side="right")
        y: Floats = self.slopes_N[piece] * x + self.intercepts_N[piece]
        return y


def loadable_floats(name: str, made: FloatPieces, pieces: int, rows_RN: Floats) -> FunctionUnit:
    """float32 to float32, these rows.

    Raises:
        ValueError: there are fewer or more pieces.
    """
    if len(made.slopes_N) != pieces:
        raise ValueError(f"{len(made.slopes_N)} pieces, and a row brings {pieces}")
    head = [*_patterns(made.breakpoints_M), *_patterns(made.slopes_N), *_patterns(made.intercepts_N)]
    rows = [[*head, *_patterns(row)] for row in rows_RN]
    answers = [_patterns(made.evaluate(row)) for row in rows_RN]
    names = (*LOADED, "pipelined/quweit_multiplier.sv", "quweit_float_line.sv", "quweit_loadable_floats.sv")
    parameters = {"Elements": str(rows_RN.shape[1]), "Pieces": str(pieces)}
    return FunctionUnit(
        name, f"{pieces} pieces, loadable, of float32", "quweit_loadable_floats", parameters, names, rows, answers,
        32, 32, len(head),
    )  # fmt: skip


def _patterns(values: Floats) -> list[int]:
    """The bits of float32, as two's complement."""
    return [int(one) for one in values.astype(np.float32).view(np.int32)]


def _loadable(
    unit: FunctionUnit, nodes: Sequence[PiecewiseLinear], heads: list[list[int]], rows_RN: Integers
) -> FunctionUnit:
    """With these rows of every node, behind the words of its pieces."""
    rows = [[*head, *row] for head in heads for row in rows_RN.tolist()]
    answers = [row for node in nodes for row in node.evaluate(rows_RN).tolist()]
    return unit._replace(rows=rows, answers=answers)


def plain_table(name: str, table: Table) -> FunctionUnit:
    """int8 to int8 by an entry a code."""
    codes_C = np.arange(-128, 128)
    entries = sum((int(entry) & 0xFF) << 8 * place for place, entry in enumerate(table.entries_N))
    parameters = {"Elements": "1", "Table": literals.unsigned(entries, 8 * len(table.entries_N))}
    answers = _beats(table.evaluate(codes_C))
    return FunctionUnit(
        name, "a plain table", "quweit_gelu", parameters, ("quweit_gelu.sv",), _beats(codes_C), answers, 8, 8
    )


def render_functions(
    units: Sequence[FunctionUnit], *, library: bool = False
) -> tuple[dict[str, str], list[UnitDesign]]:
    """Name -> text of every file of these units, and what the manifest says of them.

    library: for its cells alone; otherwise behavioural, and in the cells of an FPGA.
    """
    made = [_described(unit, library) for unit in units]
    designs = [design for design, _ in made]
    files = render_designs(designs)
    for _, vectors in made:
        files |= vectors
    return files, designs


def _described(unit: FunctionUnit, library: bool) -> tuple[UnitDesign, dict[str, str]]:
    stem = f"tb/vectors/{unit.name}"
    beats, elements = len(unit.rows[0]), len(unit.answers[0])
    vectors = {
        f"{stem}.x.hex": "".join(f"{packed([one], unit.input_bits)}\n" for row in unit.rows for one in row),
        f"{stem}.y.hex": "".join(f"{packed(row, unit.output_bits)}\n" for row in unit.answers),
    }
    inputs, outputs = vectors
    design = UnitDesign(
        name=unit.name,
        top=unit.module,
        testbench=f"tb_{unit.name}",
        sources=sources_of(unit.names, "library" if library else "plain"),
        sources_xilinx=[] if library else sources_of(unit.names, "xilinx"),
        features=beats,
        outputs=elements,
        features_per_beat=1,
        outputs_per_beat=1,
        input_bits=unit.input_bits,
        output_bits=unit.output_bits,
        input_beats=beats,
        output_beats=elements,
        latency_cycles=beats + unit.stages,
        initiation_interval_cycles=beats,
        vectors=golden_rows(len(unit.rows), vectors, inputs, outputs),
        unit=unit.words,
        parameters=unit.parameters,
        rows_of_layer=1,
        random_rows=max(len(unit.rows) - 1, 1),
        dense_only=False,
        pipelined=library,
        words=[one & (1 << unit.input_bits) - 1 for one in unit.rows[0][: unit.head]],
    )
    return design, vectors


def _words(node: PiecewiseLinear, pieces: int, highest: int) -> list[int]:
    """Breakpoints, slopes, intercepts; where there are fewer pieces the last one is repeated.

    Raises:
        ValueError: there are more pieces.
    """
    more = pieces - len(node.slopes_N)
    if more < 0:
        raise ValueError(f"{len(node.slopes_N)} pieces, and a row brings {pieces}")
    slopes, intercepts = node.slopes_N.tolist(), node.intercepts_N.tolist()
    return [
        *node.breakpoints_M.tolist(), *[highest] * more, *slopes, *slopes[-1:] * more, *intercepts,
        *intercepts[-1:] * more,
    ]  # fmt: skip


def _wide_inputs(bits: int) -> Integers:
    """0, all small ones, and around every power of two and eighth of one."""
    eighths = [(8 + eighth) << bit >> 3 for bit in range(bits) for eighth in range(8)]
    near = [one + more for one in eighths for more in (-1, 0, 1)]
    chosen = {*range(256), *near, (1 << bits) - 1}
    return np.array(sorted(one for one in chosen if 0 <= one < 1 << bits))


def _signed(values: Integers, bits: int) -> Integers:
    """The same bits as two's complement."""
    return np.where(values >> bits - 1, values - (1 << bits), values)


def _beats(values: Integers) -> list[list[int]]:
    return [[one] for one in values.tolist()]
