"""What a program costs by counting: before any tool runs, and independent of every tool."""

from __future__ import annotations

from dataclasses import dataclass

from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import ConditionalSummation
from quweit_cli.ir.program import Program


@dataclass(frozen=True)
class Cost:
    """Operations on one row, and the stored bits of the program. A table that passes a bit on is a wire: neither."""

    comparisons: int
    lut_reads: int
    additions: int
    multiplications: int
    stored_bits: int


def cost(program: Program) -> Cost:
    """Count the operations of one row; a weightless block multiplies nothing."""
    comparisons = lut_reads = additions = stored_bits = 0
    for step in program.steps:
        match step.node:
            case Thermometer(thresholds_DT=thresholds_DT):
                comparisons += thresholds_DT.size
                stored_bits += thresholds_DT.size * program.input_type.bits
            case LutLayer() as layer:
                tables = int((~layer.passing).sum())
                lut_reads += tables
                stored_bits += tables * 2**layer.fan_in
            case ConditionalSummation(values_KE=values_KE):
                additions += values_KE.size
                stored_bits += values_KE.size * 8
    return Cost(comparisons, lut_reads, additions, 0, stored_bits)
