"""What a simulation compared beside the blocks, in sentences for terminal and page."""

from __future__ import annotations

from quweit_cli.documents import SimResult
from quweit_cli.report.numbers import counted

STEADY = "rows one after another alone: no gaps, no backpressure, no resets, no wrappers (`--steady-only`)"


def also_compared(result: SimResult) -> list[str]:
    """What was simulated beside the blocks, and what was only compiled, a sentence each."""
    said = [
        f"{counted(len(runs), words)} on {one.simulator}: "
        f"{'equal' if all(run.bit_exact for run in runs) else 'NOT equal'} on "
        f"{sum(run.compared for run in runs):,} rows"
        for one in result.simulators
        for form, words in (("wrapper", "wrapper"), ("xilinx", "rendering in an FPGA's cells"))
        if (runs := [run for run in one.further_runs if run.form == form])
    ]
    if result.steady_only:
        said.append(STEADY)
    if result.compiled_only:
        said.append(
            f"compiled, not simulated: {counted(len(result.compiled_only), 'file')} in an FPGA's cells, which "
            "`quweit sim --formal` and `--netlist` compare"
        )
    return said
