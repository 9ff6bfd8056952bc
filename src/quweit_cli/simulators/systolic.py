"""Systolic arrays on a simulator: every product of the package through every array."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from quweit_cli import toolbox
from quweit_cli.baseline_documents import ArrayRun, BaselineArray, BaselineManifest, ProductDifference
from quweit_cli.baseline_settings import Baseline
from quweit_cli.errors import ToolFailed
from quweit_cli.hdl.systolic import BENCH, MATRICES
from quweit_cli.progress import Progress
from quweit_cli.simulators import Bench, Simulator, simulator
from quweit_cli.simulators.base import RUN_SECONDS
from quweit_cli.simulators.cocotb_library import environment
from quweit_cli.toolbox import Found


def run_arrays(
    package: Path, manifest: BaselineManifest, options: Baseline, folder: Path, progress: Progress
) -> list[ArrayRun]:
    """All arrays, as many at once as there are cores; logs are kept in `folder`."""
    tool = simulator(options.simulator)
    found = toolbox.find(tool.tool)
    with progress.task("simulating arrays", len(manifest.arrays)) as task:

        def run_one(array: BaselineArray) -> ArrayRun:
            done = _run_one(package.resolve(), manifest, array, options, tool, found, folder)
            task.advance()
            return done

        return toolbox.side_by_side(run_one, manifest.arrays)


def _run_one(
    package: Path,
    manifest: BaselineManifest,
    array: BaselineArray,
    options: Baseline,
    tool: Simulator,
    found: Found,
    folder: Path,
) -> ArrayRun:
    kept = folder / tool.name / array.name
    kept.mkdir(parents=True)
    design = array.sources_xilinx if options.rendering == "xilinx" else array.sources
    bench = Bench(package, array.testbench, (*design, *BENCH, f"tb/{array.testbench}.sv"), waves=False)
    with tempfile.TemporaryDirectory(prefix="quweit-sim-") as scratch_name:
        scratch = Path(scratch_name)
        try:
            started = time.monotonic()
            tool.build(found, bench, scratch)
            built = time.monotonic()
            output = _simulate(bench, array, tool, scratch)
            ended = time.monotonic()
        except ToolFailed as error:  # its log moves from here to `kept`
            raise ToolFailed(error.message) from error
        finally:
            for name in ("verilate.log", "build.log", "run.log"):
                if (scratch / name).is_file():
                    shutil.copy(scratch / name, kept / name)
    products = [*manifest.products, *array.causal]
    expected = sum(product.rows * product.columns for product in products)
    failures = list(output["failures"])
    if not failures and any(compared != expected for compared in output["compared"].values()):
        failures.append(f"not every scenario compared {expected} elements: {output['compared']}")
    difference = output["difference"]
    return ArrayRun(
        array=array.name,
        side=array.side,
        simulator=tool.name,
        version=found.version,
        rendering=options.rendering,
        bit_exact=not failures and not output["different"],
        elements_compared=sum(output["compared"].values()),
        different_elements=output["different"],
        cycles=output["cycles"],
        steady_cycles={one.name: one.steady_cycles(array.side) for one in products},
        difference=ProductDifference.model_validate(difference) if difference else None,
        failures=failures,
        build_seconds=round(built - started, 3),
        run_seconds=round(ended - built, 3),
    )


def _simulate(bench: Bench, array: BaselineArray, tool: Simulator, scratch: Path) -> dict[str, Any]:
    """The JSON that the bench wrote; a bench that ended without one is a failed tool."""
    answer, results = scratch / "result.json", scratch / "results.xml"
    variables = environment(
        top=bench.top, module="test_systolic", module_folder=bench.package / "tb", results=results
    )
    vectors = bench.package / "tb" / "vectors"
    files = [f"+{kind}={vectors / f'{kind}.hex'}" for kind in MATRICES]
    files += [f"+{kind}={vectors / f'{array.name}.{kind}.hex'}" for kind in ("jobs", "results")]
    toolbox.run(
        [*tool.command(bench, scratch), *files],
        cwd=scratch,
        log=scratch / "run.log",
        name=f"{tool.name} ({array.name})",
        environment=variables | {"QUWEIT_ARRAY": array.name, "QUWEIT_RESULT": str(answer)},
        timeout=RUN_SECONDS,
    )
    try:
        output: dict[str, Any] = json.loads(answer.read_text())
    except (OSError, ValueError):
        raise ToolFailed(f"the bench of `{array.name}` on {tool.name} ended without a result") from None
    return output
