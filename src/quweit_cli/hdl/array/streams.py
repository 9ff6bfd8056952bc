"""What the modules of a systolic array see in every cycle while it computes the products of a layer.

An output-stationary array that never waits takes max(inner, side) cycles a tile. So the ports of a module at a given
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

from quweit_cli.documents import ArrayDesign, Product
from quweit_cli.hdl.array.design import SLICE
from quweit_cli.hdl.stimulus import LEAD, RESET, Stream
from quweit_cli.ir.nodes.base import Integers

CELL_CYCLES, COLUMN_CYCLES, SLICE_CYCLES = 2048, 1024, 512  # of one product, about; a tile is never cut
BUFFER_CYCLES = (
    128  # of one product at most: four thousand flip-flops, to which all steps of a tile are alike
)


SKEW_OF_SUMS = "quweit_skew of sums"


class Matrices(NamedTuple):
    """One product as the bench plays it."""

    product: Product
    a_MK: Integers
    b_KN: Integers
    y_MN: Integers


class Places(NamedTuple):
    """Operands of sampled lanes, tile after tile: zeros beyond the edges, and while the array waits for its results."""

    a_TL: Integers
    b_TL: Integers
    y_TL: Integers  # what leaves the column: a row of results a cycle at the head of a tile
    first_L: Integers  # 1 in the first cycle of a tile


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


def shares(products: list[Product], side: int) -> list[float]:
    """Of the cycles of a layer, its copies included."""
    cycles = [
        one.copies * -(-one.rows // side) * -(-one.columns // side) * max(one.inner, side) for one in products
    ]
    return [one / sum(cycles) for one in cycles]


def streams(kind: str, side: int, layer: list[Matrices]) -> list[Stream]:
    """One for each product. `kind`: a module of the array."""
    maker = MAKERS[kind]
    parts = shares([one.product for one in layer], side)
    return [
        Stream(one.product.name, share, *maker(one, side)) for one, share in zip(layer, parts, strict=True)
    ]


Made = tuple[int, dict[str, list[int]]]


def _cell(one: Matrices, side: int) -> Made:
    places = _places(one, side, _number(one, side, CELL_CYCLES))
    return LEAD, _led_in({"start_i": places.first_L, "a_i": _bytes(places.a_TL), "b_i": _bytes(places.b_TL)})


def _few_bits_cell(one: Matrices, side: int) -> Made:
    """Weights on the left, in the lowest two bits."""
    lead, ports = _cell(one, side)
    return lead, ports | {
        "a_i": [code & 3 for code in ports["a_i"]],
        "swapped_i": [0] * len(ports["a_i"]),
    }


def _skew(one: Matrices, side: int) -> Made:
    """Lane 1, which has the register: nine bits of A and its token, eight of B and eight of results."""
    places = _places(one, side, _number(one, side, SLICE_CYCLES))
    lane = _bytes(places.a_TL) | places.first_L << 8 | _bytes(places.b_TL) << 9 | _bytes(places.y_TL) << 17
    return LEAD, _led_in({"lanes_i": lane << 25})


def _skew_of_sums(one: Matrices, side: int) -> Made:
    """The same with 32 bits of sums in place of results."""
    places = _places(one, side, _number(one, side, SLICE_CYCLES))
    lane = _bytes(places.a_TL) | places.first_L << 8 | _bytes(places.b_TL) << 9
    words = [int(low) | (int(sum_) & 0xFFFFFFFF) << 17 for low, sum_ in zip(lane, places.y_TL, strict=True)]
    return LEAD, _led_in({"lanes_i": [word << 41 for word in words]})


def _register(one: Matrices, side: int) -> Made:
    """Eight lanes side by side."""
    a, b, first, busy = _slices(one, side)
    ports: dict[str, Integers | list[int]] = {"a_i": a, "b_i": b, "beat_i": busy, "start_i": first}
    return LEAD, _led_in(ports, reset=True)


def _buffer(one: Matrices, side: int) -> Made:
    a, b, _, busy = (values[:BUFFER_CYCLES] for values in _slices(one, side))
    made = _led_in({"x_data_i": [high << 64 | low for high, low in zip(b, a, strict=True)]}, reset=True)
    # All places are filled beforehand, or what they hold would be unknown.
    moving = [*[1] * LEAD, *map(int, busy)]
    return LEAD, made | {"x_valid_i": moving, "beat_ready_i": moving}


def _column(one: Matrices, side: int) -> Made:
    ports = _sums(one, side)
    for name, value in (("multiplier_i", one.product.multiplier), ("shift_i", one.product.shift)):
        ports[name] = [value] * len(ports["start_i"])
    return LEAD, _led_in(ports)


def _sum_column(one: Matrices, side: int) -> Made:
    return LEAD, _led_in(_sums(one, side))


def _sums(one: Matrices, side: int) -> dict[str, Integers | list[int]]:
    """The sums of row n stand still for the token of cycle n; a tile's first cycle still shows the sum before."""
    number = max(1, _number(one, side, COLUMN_CYCLES) // 2)
    length, rows, columns = _drawn(one, side, number)
    tiles = rows // side * side
    sums = np.zeros((side, number * length), np.int64)
    for n in range(side):
        before = 0
        for tile, (row, column) in enumerate(zip(tiles + n, columns, strict=True)):
            terms = _lane(one.a_MK, row, length) * _lane(one.b_KN.T, column, length)
            begin = tile * length
            sums[n, begin] = before
            grown = np.cumsum(terms)
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


def _control(one: Matrices, side: int) -> Made:
    """From reset, with operands always waiting; recorded once the first tile has left."""
    product = one.product
    lead = LEAD + max(product.inner, side) + 2 * side
    still = {
        "job_valid_i": 1, "job_rows_i": product.rows, "job_inner_i": product.inner,
        "job_columns_i": product.columns, "beat_valid_i": 1, "y_ready_i": 1,
    }  # fmt: skip
    cycles = lead - LEAD + CELL_CYCLES
    return lead, _led_in({name: [value] * cycles for name, value in still.items()}, reset=True)


MAKERS: Mapping[str, Callable[[Matrices, int], Made]] = {
    "quweit_systolic_cell": _cell,
    "quweit_few_bits_cell": _few_bits_cell,
    "quweit_systolic_column": _column,
    "quweit_sum_column": _sum_column,
    "quweit_skew": _skew,
    SKEW_OF_SUMS: _skew_of_sums,
    "quweit_operand_buffer": _buffer,
    "quweit_operand_register": _register,
    "quweit_systolic_control": _control,
}


def _number(one: Matrices, side: int, cycles: int) -> int:
    return int(np.clip(-(-cycles // max(one.product.inner, side)), 4, 32))


def _drawn(one: Matrices, side: int, number: int) -> tuple[int, Integers, Integers]:
    """Cycles of a tile, and rows and columns of the padded product, evenly drawn."""
    random = np.random.default_rng(0)
    padded = (-(-one.product.rows // side) * side, -(-one.product.columns // side) * side)
    rows, columns = (
        ((random.permutation(number) + random.random(number)) / number * size).astype(np.int64)
        for size in padded
    )
    return max(one.product.inner, side), rows, columns


def _lane(matrix: Integers, index: int, length: int) -> Integers:
    values = matrix[index] if index < len(matrix) else np.zeros(0, np.int64)
    return np.pad(values, (0, length - len(values)))


def _places(one: Matrices, side: int, number: int) -> Places:
    length, rows, columns = _drawn(one, side, number)
    first = np.zeros(length, np.int64)
    first[0] = 1
    results = []
    for row, column in zip(rows, columns, strict=True):
        begin = row // side * side
        values = (
            one.y_MN[begin : begin + side, column] if column < one.product.columns else np.zeros(0, np.int64)
        )
        results.append(np.pad(values, (0, length - len(values))))
    return Places(
        np.concatenate([_lane(one.a_MK, row, length) for row in rows]),
        np.concatenate([_lane(one.b_KN.T, column, length) for column in columns]),
        np.concatenate(results),
        np.tile(first, number),
    )


def _slices(one: Matrices, side: int) -> tuple[list[int], list[int], Integers, Integers]:
    """Eight lanes of A and of B as words, the first cycle of a tile, and whether a beat is taken."""
    number = max(1, _number(one, side, SLICE_CYCLES) // 2)
    length, rows, columns = _drawn(one, side, number)
    words = []
    for matrix, lanes in ((one.a_MK, rows), (one.b_KN.T, columns)):
        total = [0] * (number * length)
        for tile, lane in enumerate(lanes // SLICE * SLICE):
            for n in range(SLICE):
                for cycle, value in enumerate(_bytes(_lane(matrix, lane + n, length))):
                    total[tile * length + cycle] |= int(value) << 8 * n
        words.append(total)
    step: Integers = np.tile(np.arange(length), number)
    first, busy = np.equal(step, 0).astype(np.int64), np.less(step, one.product.inner).astype(np.int64)
    return words[0], words[1], first, busy


def _bytes(values: Integers) -> Integers:
    return values & 0xFF


def _led_in(ports: Mapping[str, Integers | list[int]], *, reset: bool = False) -> dict[str, list[int]]:
    """The first LEAD cycles played beforehand, as often as it takes, and a reset at their head."""
    made: dict[str, list[int]] = {}
    for name, values in ports.items():
        numbers = [int(value) for value in values]
        made[name] = [*_repeated(numbers), *numbers]
    if reset:
        cycles = len(next(iter(made.values())))
        made["rst_ni"] = [0] * RESET + [1] * (cycles - RESET)
    return made


def _repeated(numbers: list[int]) -> Iterator[int]:
    return (numbers[cycle % len(numbers)] for cycle in range(LEAD))
