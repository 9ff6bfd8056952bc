"""LUTs, flip-flops and cycles of a block before any tool runs: by counting what is rendered.

Tables, comparators, adders and registers are cells that we place ourselves, so that counting them is
nearly exact. Only the control is taken as a constant, and a multiplier of the requantisation, which no
trained block has, as adders of its nonzero digits. The counts are those of `rtl/xilinx/`.
"""

from __future__ import annotations

from quweit_cli.documents import RtlEstimate, RtlNeighbours
from quweit_cli.hdl.block import neighbours
from quweit_cli.hdl.block.modules import Beats, plan_of_encoder, plan_of_layer, plan_of_values
from quweit_cli.hdl.block.structure import Structure
from quweit_cli.hdl.block.terms import Sum, Terms, Tree

CONTROL_LUTS = 24  # handshakes and counters: 20 to 30 in every block that was synthesized
COMPARATOR_LUTS = 4


def estimate(
    block: Beats, structure: Structure, terms: Terms, tree: Tree, near: RtlNeighbours | None = None
) -> RtlEstimate:
    """Cells of one block as Yosys will count them, with the memory of neighbours in front of it."""
    encoder, comparisons = plan_of_encoder(block, structure)
    values, _ = plan_of_values(terms)
    plans = [encoder, values, *(plan_of_layer(layer)[0] for layer in structure.layers)]
    compared = sum(not one.answer for one in comparisons)
    lanes = structure.folding.outputs_per_cycle
    gates = -(-structure.folding.bits // 2) if structure.folding.gated else 0
    gates *= 1 if structure.lanes_alike else lanes
    sums = [one for level in tree.levels for one in level.sums]
    adders = sum(_adder_luts(one) for one in sums) + _requantize_luts(structure)
    muxes = sum(cell.kind.startswith("MUXF") for plan in plans for cell in plan.cells)
    memory = (
        (0, 0) if near is None else neighbours.cells(near, block.input_beats // 2, block.features_per_beat)
    )
    luts = (
        sum(plan.luts() for plan in plans)
        + COMPARATOR_LUTS * compared
        + lanes * adders
        + gates
        + CONTROL_LUTS
    )
    ffs = _bit_ffs(block, structure, len(comparisons)) + _pipeline_ffs(structure, terms, tree)
    return RtlEstimate(
        luts=luts + memory[0],
        ffs=ffs + memory[1],
        carries=compared + lanes * sum(_carries(one) for one in sums),
        muxes=muxes,
    )


def _adder_luts(one: Sum) -> int:
    if len(one.terms) == 3:
        return min(one.term_bits, one.bits)
    return one.bits - 1 if len(one.terms) == 2 else 0


def _carries(one: Sum) -> int:
    if len(one.terms) == 3 and one.bits > 2:
        return -(-(min(one.term_bits, one.bits) + 2) // 8)
    return -(-one.bits // 4) if len(one.terms) == 2 else 0


def _requantize_luts(structure: Structure) -> int:
    multiplier = structure.requantize.multiplier
    digits = (multiplier ^ 3 * multiplier).bit_count()  # of the signed-digit form
    wide = structure.sum_bits + multiplier.bit_length()
    return (digits - 1 + structure.rounds) * wide + (24 if structure.clamps else 0)


def _bit_ffs(block: Beats, structure: Structure, comparisons: int) -> int:
    """The bit store and the row that the sequencer holds."""
    beats = block.input_beats
    counters = (beats + (beats - 1).bit_length() if beats > 1 else 0) + 2
    return structure.thresholds + comparisons + counters + structure.bits


def _pipeline_ffs(structure: Structure, terms: Terms, tree: Tree) -> int:
    folding = structure.folding
    lane = sum(one.bits for level in tree.levels if level.registered for one in level.sums)
    if tree.registered_terms:
        lane += sum(int(largest).bit_length() for largest in terms.largest_N) + structure.sum_bits
    output = min(
        16, structure.sum_bits + structure.requantize.multiplier.bit_length() - 1 - structure.requantize.shift
    )
    return folding.outputs_per_cycle * (lane + output) + folding.time_inputs + 2 * tree.stages + 1
