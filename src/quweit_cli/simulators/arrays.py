"""Systolic arrays on a simulator: every product of the package through every array."""

from __future__ import annotations

from pathlib import Path

from pydantic import NonNegativeInt

from quweit_cli import toolbox
from quweit_cli.artifacts import inside
from quweit_cli.config import Baseline
from quweit_cli.documents import ArrayRun, BaselineArray, BaselineManifest, ProductDifference
from quweit_cli.hdl.array.design import BENCH, JOBS, MATRICES
from quweit_cli.progress import Progress
from quweit_cli.simulators import simulator
from quweit_cli.simulators.base import Bench, Simulator
from quweit_cli.simulators.runner import Answer, Job, play
from quweit_cli.templating import static_text
from quweit_cli.toolbox import Found

MODULE, TESTS = "test_systolic", frozenset({"products"})
SCENARIOS = ("steady", "gaps_and_backpressure")
RESET = "reset"


class ArrayAnswer(Answer):
    """What `test_systolic.py` writes."""

    difference: ProductDifference | None  # the first
    cycles: dict[str, NonNegativeInt]  # of every product in the steady scenario


def run_arrays(
    package: Path, manifest: BaselineManifest, options: Baseline, folder: Path, progress: Progress
) -> list[ArrayRun]:
    """All arrays on all simulators of `options`, as many at once as there are cores; logs are kept in `folder`.

    Raises:
        ToolError: the simulator is missing or rejects an array, or the bench could not tell.
    """
    tools = [(tool, toolbox.find(tool.tool)) for tool in map(simulator, options.simulators)]
    work = [(*tool, array) for tool in tools for array in manifest.arrays]
    with progress.task("simulating arrays", len(work)) as task:

        def run_one(item: tuple[Simulator, Found, BaselineArray]) -> ArrayRun:
            tool, found, array = item
            job = _job(package.resolve(), manifest, array, options)
            answer, build_seconds, run_seconds = play(job, tool, found, folder / tool.name / array.name)
            task.advance()
            return ArrayRun(
                array=array.name,
                side=array.side,
                simulator=tool.name,
                version=found.version,
                rendering=options.rendering,
                bit_exact=not answer.failures and not answer.different,
                elements_compared=sum(answer.scenarios[name] for name in SCENARIOS),
                different_elements=answer.different,
                cycles=answer.cycles,
                steady_cycles={
                    one.name: one.steady_cycles(array.side) for one in [*manifest.products, *array.causal]
                },
                difference=answer.difference,
                failures=answer.failures,
                build_seconds=build_seconds,
                run_seconds=run_seconds,
            )

        return toolbox.side_by_side(run_one, work)


def _job(
    package: Path, manifest: BaselineManifest, array: BaselineArray, options: Baseline
) -> Job[ArrayAnswer]:
    """Its bench in SystemVerilog is the package's; what runs in Python is of this quweit."""
    design = array.sources_xilinx if options.rendering == "xilinx" else array.sources
    sources = (*design, *BENCH, f"tb/{array.testbench}.sv")
    vectors = {kind: f"tb/vectors/{kind}.hex" for kind in MATRICES}
    vectors |= {kind: f"tb/vectors/{array.name}.{kind}.hex" for kind in JOBS}
    elements = sum(one.rows * one.columns for one in [*manifest.products, *array.causal])
    return Job(
        name=array.name,
        bench=Bench(array.testbench, sources),
        files={
            **{name: inside(package, name) for name in (*sources, *vectors.values())},
            f"tb/{MODULE}.py": static_text(f"tb/{MODULE}.py"),
            "manifest.json": manifest.model_dump_json(by_alias=True),
        },
        module=MODULE,
        tests=TESTS,
        scenarios={**dict.fromkeys(SCENARIOS, elements), RESET: None},
        answer=ArrayAnswer,
        plusargs=vectors,
        settings={"QUWEIT_ARRAY": array.name},
    )
