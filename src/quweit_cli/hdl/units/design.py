"""The units between the products of a layer as hardware: modules with their parameters, benches, golden rows.

One lane each: an element a cycle and pass. A layer needs more lanes where it must keep pace with its array;
power grows and cycles fall with the lanes alike, so that one lane states the energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from quweit_cli import __version__
from quweit_cli.documents import ModelShape, UnitDesign
from quweit_cli.hdl import literals
from quweit_cli.hdl.benches import render_bench
from quweit_cli.hdl.units.cycles import layer_norm_cycles, softmax_cycles
from quweit_cli.hdl.units.lanes import NORM, RENDERED, SOFTMAX, Rendering
from quweit_cli.hdl.units.rows import RANDOM_ROWS, rows_of
from quweit_cli.hdl.vectors import BENCH_MODULES, golden_rows, packed
from quweit_cli.ir.nodes.base import Integers, Node
from quweit_cli.ir.nodes.functions import (
    LayerNormalisation,
    Softmax,
    Table,
    gelu_table,
    octaves,
)
from quweit_cli.templating import static_text

SCALE = 1 / 16  # of scores, and of what goes into and comes out of the GELU
FOLDER = "units"
OF_UNIT = {
    "quweit_gelu": ("quweit_gelu.sv",),
    "quweit_softmax": (*SOFTMAX, "quweit_softmax.sv"),
    "quweit_layer_norm": NORM,
}
SOURCES = tuple(dict.fromkeys(name for names in OF_UNIT.values() for name in names))


# Rendered once more for library cells at a fast clock, with registers between all steps of an element.
PIPELINED = (
    "quweit_divider.sv",
    "quweit_root.sv",
    "quweit_gelu.sv",
    "pipelined/quweit_row_store.sv",
    "pipelined/quweit_multiplier.sv",
    "pipelined/quweit_spread.sv",
    "pipelined/quweit_softmax.sv",
    "pipelined/quweit_layer_norm.sv",
)


class Unit(NamedTuple):
    """One lane, before it is rendered."""

    name: str
    words: str
    module: str
    node: Node  # what it computes
    elements: int  # of a row
    bits: int  # of an element that it takes; it gives int8
    rows: int  # of one layer and sample
    most_cycles: int  # from a row to the next; how many there are, simulation says
    dense_only: bool  # whether a weightless block takes it away with the MLP

    @property
    def parameters(self) -> dict[str, str]:
        """Of its module."""
        elements = {"Elements": str(self.elements)}
        match self.node:
            case Table(entries_N=entries_N):
                packed_entries = sum(
                    (int(entry) & 0xFF) << 8 * place for place, entry in enumerate(entries_N)
                )
                return elements | {"Table": literals.unsigned(packed_entries, 8 * len(entries_N))}
            case Softmax(multiplier=multiplier):
                return elements | {"Multiplier": str(multiplier)}
            case _:
                return elements


def units_of(shape: ModelShape, *, pipelined: bool = False) -> list[Unit]:
    """GELU of the hidden features, softmax of every head and token, normalisation before attention and MLP."""
    tokens, width = shape.tokens, shape.dim
    gelu = Table(-128, np.array(gelu_table(SCALE, SCALE)))
    softmax, norm = Softmax(octaves(SCALE), causal=False), LayerNormalisation()
    of_softmax, of_norm = softmax_cycles(tokens, pipelined), layer_norm_cycles(width, pipelined)
    return [
        Unit("gelu", "GELU", "quweit_gelu", gelu, 1, 8, tokens * shape.mlp_hidden, 1, True),
        Unit(
            "softmax",
            "softmax",
            "quweit_softmax",
            softmax,
            tokens,
            8,
            tokens * shape.heads,
            of_softmax,
            False,
        ),
        Unit(
            "layer_norm",
            "layer normalisation, twice",
            "quweit_layer_norm",
            norm,
            width,
            16,
            2 * tokens,
            of_norm,
            False,
        ),
    ]


def render_units(
    units: Sequence[Unit], *, pipelined: bool = False
) -> tuple[dict[str, str], list[UnitDesign]]:
    """Name -> text of every file of these units, and what the manifest says of them."""
    names = PIPELINED if pipelined else SOURCES
    designs: list[UnitDesign] = []
    vectors: dict[str, str] = {}
    for unit in units:
        rows_RN = rows_of(unit.elements, unit.bits)
        own = _render_vectors(unit, rows_RN, pipelined=pipelined)
        vectors |= own
        designs.append(
            _describe(unit, names if pipelined else OF_UNIT[unit.module], own, len(rows_RN), pipelined)
        )
    return render_designs(designs) | vectors, designs


def sources_of(names: Sequence[str], rendering: Rendering = "plain") -> list[str]:
    """Where modules of these names lie in a package, in such a rendering where there is one."""
    others = RENDERED.get(rendering, {})
    written = {name: others.get(name, (name,)) for name in names}
    return [f"rtl/{FOLDER}/{file}" for files in written.values() for file in files]


def render_designs(designs: Sequence[UnitDesign]) -> dict[str, str]:
    """Name -> text of the modules, benches and file lists of these units."""
    sources = dict.fromkeys(file for design in designs for file in (*design.sources, *design.sources_xilinx))
    files = {name: static_text(name.removeprefix("rtl/")) for name in sources}
    files |= {name: static_text(name) for name in (*BENCH_MODULES, "tb/test_block.py")}
    header = f"// Generated by quweit {__version__}."
    for design in designs:
        bench = f"tb/{design.testbench}.sv"
        files[bench] = render_bench(design, header)
        files[f"filelists/{design.testbench}.f"] = "".join(
            f"{name}\n" for name in (*design.sources, *BENCH_MODULES, bench)
        )
    return files


def _render_vectors(unit: Unit, rows_RN: Integers, *, pipelined: bool) -> dict[str, str]:
    """Two files: an element a line that goes in, a row a line that comes out."""
    name = f"tb/vectors/{unit.name}{'_pipelined' if pipelined else ''}"
    answers_RN = unit.node.evaluate(rows_RN)
    return {
        f"{name}.x.hex": "".join(f"{packed([one], unit.bits)}\n" for one in rows_RN.ravel().tolist()),
        f"{name}.y.hex": "".join(f"{packed(row, 8)}\n" for row in answers_RN.tolist()),
    }


def _describe(
    unit: Unit, names: Sequence[str], vectors: dict[str, str], rows: int, pipelined: bool
) -> UnitDesign:
    name = f"{unit.name}{'_pipelined' if pipelined else ''}"
    inputs, outputs = vectors
    return UnitDesign(
        name=name,
        top=unit.module,
        testbench=f"tb_{name}",
        sources=sources_of(names),
        sources_xilinx=[] if pipelined else sources_of(names, "xilinx"),
        features=unit.elements,
        outputs=unit.elements,
        features_per_beat=1,
        outputs_per_beat=1,
        input_bits=unit.bits,
        output_bits=8,
        input_beats=unit.elements,
        output_beats=unit.elements,
        latency_cycles=unit.most_cycles + 1,
        initiation_interval_cycles=unit.most_cycles,
        vectors=golden_rows(rows, vectors, inputs, outputs),
        unit=unit.words,
        parameters=unit.parameters,
        rows_of_layer=unit.rows,
        random_rows=RANDOM_ROWS,
        dense_only=unit.dense_only,
        pipelined=pipelined,
    )
