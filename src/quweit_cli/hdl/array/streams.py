"""What the modules of a systolic array see in every cycle while it computes the products of a layer.

An output-stationary array that never waits takes max(inner / steps, side) cycles a tile. So the ports of a module at a given
place are known from the matrices: a cell gets a row of A and a column of B, a column the growing sums of its cells
and the token that passes them one a cycle. Places and tiles are drawn evenly over the padded product (a latin
hypercube, seed 0): lanes beyond the last row or column, which are idle, count with their share.

A stream is a number a cycle for every input port. Its first cycles lead in and are not recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from quweit_cli.documents import ArrayDesign, Part, Product
from quweit_cli.hdl.array.design import SLICE, Geometry, skew_bits
from quweit_cli.hdl.stimulus import LEAD, RESET, Stream
from quweit_cli.ir.nodes.base import Integers

CELL_CYCLES, COLUMN_CYCLES, SLICE_CYCLES = 2048, 1024, 512  # of one product, about; a tile is never cut
BUFFER_CYCLES = (
    128  # of one product at most: four thousand flip-flops, to which all steps of a tile are alike
)


class Matrices(NamedTuple):
    """One product as the bench plays it."""

    product: Product
    a_MK: Integers
    b_KN: Integers
    y_MN: Integers


class Places(NamedTuple):
    """Words of a sampled row and of sampled neighbouring columns, tile after tile: zeros beyond the edges, and while the array
    waits for its results."""

    a_L: list[int]
    b_L: list[int]  # a column beside the other
    y_L: list[int]  # what leaves the columns: a row of results a cycle at the head of a tile
    first_L: list[int]  # 1 in the first cycle of a tile


class Sampled(NamedTuple):
    """An array of which a module sees a place."""

    side: int
    geometry: Geometry
    result_bits: int

    def length(self, inner: int) -> int:
        """Cycles of a tile."""
        return max(self.geometry.beats(inner), self.side)


def read_matrices(package: Path, array: ArrayDesign) -> list[Matrices]:
    """The operands and golden results in `tb/vectors`, as int64."""

    def numbers(kind: str) -> Integers:
        words = (package / "tb" / "vectors" / f"{kind}.hex").read_text().split()
        return np.array([int(word, 16) for word in words], np.uint8).view(np.int8).astype(np.int64)

    flat, places, made = {kind: numbers(kind) for kind in "aby"}, dict.fromkeys("aby", 0), []
    for one in array.products:
        shapes = {"a": (one.rows, one.inner), "b": (one.inner, one.columns), "y": (one.rows, one.columns)}
        matrices = []
        for kind, shape in shapes.items():
            begin, places[kind] = places[kind], places[kind] + shape[0] * shape[1]
            matrices.append(flat[kind][begin : places[kind]].reshape(shape))
        made.append(Matrices(one, *matrices))
    return made


def drawn_matrices(shapes: Mapping[tuple[int, int, int], int], *, few_bits: bool = False) -> list[Matrices]:
    """Random operands of a normal distribution with a deviation of 32, seed 0, of rows x inner times inner x columns.

    shapes: how often each is computed. Results are sums as they are. few_bits: those on the left become -1, 0 and 1, as weights
    are rounded to a step of their mean size.
    """
    random, made = np.random.default_rng(0), []
    for (rows, inner, columns), copies in shapes.items():
        a_MK, b_KN = (
            np.clip(np.rint(random.normal(0, 32, shape)), -128, 127).astype(np.int64)
            for shape in ((rows, inner), (inner, columns))
        )
        if few_bits:
            a_MK = np.clip(np.rint(a_MK / np.abs(a_MK).mean()), -1, 1).astype(np.int64)
        product = Product(
            name=f"{rows} x {inner} x {columns}", rows=rows, inner=inner, columns=columns, copies=copies, multiplier=0,
            shift=0,
        )  # fmt: skip
        made.append(Matrices(product, a_MK, b_KN, a_MK @ b_KN))
    return made


def shares(products: list[Product], array: Sampled) -> list[float]:
    """Of the cycles of a layer, its copies included."""
    side = array.side
    cycles = [
        one.copies * -(-one.rows // side) * -(-one.columns // side) * array.length(one.inner)
        for one in products
    ]
    return [one / sum(cycles) for one in cycles]


def streams(
    part: Part, side: int, geometry: Geometry, layer: list[Matrices], *, sums: bool = False
) -> list[Stream]:
    """One for each product. `part`: of the array, whose results are of 8 bits, or sums of 32."""
    array = Sampled(side, geometry, 32 if sums else 8)
    parts = shares([one.product for one in layer], array)
    made = []
    for one, share in zip(layer, parts, strict=True):
        if part.module == SKEW:
            stream = _skew(one, array, int(part.parameters["Bits"]))
        else:
            stream = MAKERS[part.module](one, array)
        made.append(Stream(one.product.name, share, *stream))
    return made


def knows(part: Part) -> bool:
    """Whether it is a module of arrays, of which there are streams."""
    return part.module == SKEW or part.module in MAKERS


Made = tuple[int, dict[str, list[int]]]


def _cell(one: Matrices, array: Sampled) -> Made:
    places = _places(one, array, CELL_CYCLES)
    return LEAD, _led_in({"start_i": places.first_L, "a_i": places.a_L, "b_i": places.b_L})


def _few_bits_cell(one: Matrices, array: Sampled) -> Made:
    """Weights on the left."""
    lead, ports = _cell(one, array)
    return lead, ports | {"swapped_i": [0] * len(ports["a_i"])}


def _skew(one: Matrices, array: Sampled, bits: int) -> Made:
    """Lane 1, which has the register: A and its token, or B and results, or both."""
    places, geometry = _places(one, array, SLICE_CYCLES), array.geometry
    rows, columns = skew_bits(geometry, array.result_bits)
    left = [a | first << geometry.left_bits for a, first in zip(places.a_L, places.first_L, strict=True)]
    right = [
        b | y << geometry.columns * geometry.lane_bits for b, y in zip(places.b_L, places.y_L, strict=True)
    ]
    lanes = {
        rows: left,
        columns: right,
        rows + columns: [low | high << rows for low, high in zip(left, right, strict=True)],
    }
    return LEAD, _led_in({"lanes_i": [lane << bits for lane in lanes[bits]]})


def _register(one: Matrices, array: Sampled) -> Made:
    """Eight lanes side by side."""
    a, b, first, busy = _slices(one, array)
    return LEAD, _led_in({"a_i": a, "b_i": b, "beat_i": busy, "start_i": first}, reset=True)


def _buffer(one: Matrices, array: Sampled) -> Made:
    a, b, _, busy = (values[:BUFFER_CYCLES] for values in _slices(one, array))
    shift = SLICE * array.geometry.left_bits
    made = _led_in({"x_data_i": [high << shift | low for high, low in zip(b, a, strict=True)]}, reset=True)
    # All places are filled beforehand, or what they hold would be unknown.
    moving = [*[1] * LEAD, *busy]
    return LEAD, made | {"x_valid_i": moving, "beat_ready_i": moving}


def _column(one: Matrices, array: Sampled) -> Made:
    ports = _sums(one, array)
    for name, value in (("multiplier_i", one.product.multiplier), ("shift_i", one.product.shift)):
        ports[name] = [value] * len(ports["start_i"])
    return LEAD, _led_in(ports)


def _sum_column(one: Matrices, array: Sampled) -> Made:
    return LEAD, _led_in(_sums(one, array))


def _sums(one: Matrices, array: Sampled) -> dict[str, list[int]]:
    """The sums of row n stand still for the token of cycle n; a tile's first cycle still shows the sum before."""
    side, steps = array.side, array.geometry.steps
    number = max(1, _number(one, array, COLUMN_CYCLES) // 2)
    length, rows, columns = _drawn(one, array, number)
    tiles = rows // side * side
    sums = np.zeros((side, number * length), np.int64)
    for n in range(side):
        before = 0
        for tile, (row, column) in enumerate(zip(tiles + n, columns, strict=True)):
            left_LS, right_LS = (
                _beats(matrix, lane, length, steps)
                for matrix, lane in ((one.a_MK, row), (one.b_KN.T, column))
            )
            terms_L = (left_LS * right_LS).sum(axis=1)
            begin = tile * length
            sums[n, begin] = before
            grown = np.cumsum(terms_L)
            sums[n, begin + 1 : begin + length] = grown[:-1]
            before = grown[-1]
    total = number * length
    starts, words = [0] * total, [0] * total
    for n in range(side):
        for cycle in range(n, total):
            words[cycle] |= (int(sums[n, cycle - n]) & 0xFFFFFFFF) << 32 * n
            if (cycle - n) % length == 0:
                starts[cycle] |= 1 << n
    return {"start_i": starts, "sums_i": words}


def _control(one: Matrices, array: Sampled) -> Made:
    """From reset, with operands always waiting; recorded once the first tile has left."""
    product = one.product
    lead = LEAD + array.length(product.inner) + 2 * array.side
    still = {
        "job_valid_i": 1, "job_rows_i": product.rows, "job_inner_i": array.geometry.beats(product.inner),
        "job_columns_i": product.columns, "beat_valid_i": 1, "y_ready_i": 1,
    }  # fmt: skip
    cycles = lead - LEAD + CELL_CYCLES
    return lead, _led_in({name: [value] * cycles for name, value in still.items()}, reset=True)


SKEW = "quweit_skew"
MAKERS: Mapping[str, Callable[[Matrices, Sampled], Made]] = {
    "quweit_systolic_cell": _cell,
    "quweit_few_bits_cell": _few_bits_cell,
    "quweit_systolic_column": _column,
    "quweit_sum_column": _sum_column,
    "quweit_operand_buffer": _buffer,
    "quweit_operand_register": _register,
    "quweit_systolic_control": _control,
}


def _number(one: Matrices, array: Sampled, cycles: int) -> int:
    return int(np.clip(-(-cycles // array.length(one.product.inner)), 4, 32))


def _drawn(one: Matrices, array: Sampled, number: int) -> tuple[int, Integers, Integers]:
    """Cycles of a tile, and rows and first columns of the padded product, evenly drawn."""
    random, side = np.random.default_rng(0), array.side
    padded = (-(-one.product.rows // side) * side, -(-one.product.columns // side) * side)
    rows, columns = (
        ((random.permutation(number) + random.random(number)) / number * size).astype(np.int64)
        for size in padded
    )
    return array.length(one.product.inner), rows, columns // array.geometry.columns * array.geometry.columns


def _beats(matrix: Integers, index: int, length: int, steps: int) -> Integers:
    """int64 [cycles, steps] of a row of the matrix, with zeros beyond its edges."""
    values = matrix[index] if index < len(matrix) else np.zeros(0, np.int64)
    return np.pad(values, (0, length * steps - len(values))).reshape(length, steps)


def _words(beats_LS: Integers, bits: int, kept: int) -> list[int]:
    """The steps of a cycle side by side, in `bits` each, of which `kept` count."""
    mask = (1 << kept) - 1
    return [
        sum((value & mask) << bits * step for step, value in enumerate(beat)) for beat in beats_LS.tolist()
    ]


def _left_words(one: Matrices, row: int, length: int, geometry: Geometry) -> list[int]:
    return _words(
        _beats(one.a_MK, row, length, geometry.steps), geometry.left_step_bits, geometry.weight_bits
    )


def _right_words(one: Matrices, column: int, length: int, geometry: Geometry) -> list[int]:
    return _words(_beats(one.b_KN.T, column, length, geometry.steps), 8, 8)


def _places(one: Matrices, array: Sampled, cycles: int) -> Places:
    side, geometry = array.side, array.geometry
    number = _number(one, array, cycles)
    length, rows, columns = _drawn(one, array, number)
    places = Places([], [], [], [])
    for row, first_column in zip(rows, columns, strict=True):
        begin = row // side * side
        b_L, y_L = [0] * length, [0] * length
        for n, column in enumerate(range(first_column, first_column + geometry.columns)):
            for cycle, word in enumerate(_right_words(one, column, length, geometry)):
                b_L[cycle] |= word << n * geometry.lane_bits
            if column < one.product.columns:
                for cycle, value in enumerate(one.y_MN[begin : begin + side, column].tolist()):
                    y_L[cycle] |= (value & ((1 << array.result_bits) - 1)) << n * array.result_bits
        places.a_L.extend(_left_words(one, row, length, geometry))
        places.b_L.extend(b_L)
        places.y_L.extend(y_L)
        places.first_L.extend([1] + [0] * (length - 1))
    return places


def _slices(one: Matrices, array: Sampled) -> tuple[list[int], list[int], list[int], list[int]]:
    """Eight lanes of A and of B as words, the first cycle of a tile, and whether a beat is taken."""
    geometry = array.geometry
    number = max(1, _number(one, array, SLICE_CYCLES) // 2)
    length, rows, columns = _drawn(one, array, number)
    made = []
    for words_of, lanes, bits in (
        (_left_words, rows, geometry.left_bits),
        (_right_words, columns, geometry.lane_bits),
    ):
        total = [0] * (number * length)
        for tile, lane in enumerate(lanes // SLICE * SLICE):
            for n in range(SLICE):
                for cycle, word in enumerate(words_of(one, lane + n, length, geometry)):
                    total[tile * length + cycle] |= word << bits * n
        made.append(total)
    beats = geometry.beats(one.product.inner)
    first = [int(cycle == 0) for cycle in range(length)] * number
    busy = [int(cycle < beats) for cycle in range(length)] * number
    return made[0], made[1], first, busy


def _led_in(ports: Mapping[str, list[int]], *, reset: bool = False) -> dict[str, list[int]]:
    """The first LEAD cycles played beforehand, as often as it takes, and a reset at their head."""
    made: dict[str, list[int]] = {}
    for name, numbers in ports.items():
        made[name] = [*_repeated(numbers), *numbers]
    if reset:
        cycles = len(next(iter(made.values())))
        made["rst_ni"] = [0] * RESET + [1] * (cycles - RESET)
    return made


def _repeated(numbers: list[int]) -> Iterator[int]:
    return (numbers[cycle % len(numbers)] for cycle in range(LEAD))
