"""Systolic arrays on a simulator: every product of the package through every array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import NonNegativeInt

from quweit_cli.documents import ArrayDesign, ArrayRun, Form, ProductDifference, RtlManifest
from quweit_cli.hdl.array.design import BENCH, JOBS, MATRICES
from quweit_cli.simulators.base import Bench, Simulator
from quweit_cli.simulators.row_designs import package_files
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


@dataclass(frozen=True)
class ArraySubject:
    """One rendering of an array."""

    design: ArrayDesign
    form: Form
    files: Mapping[str, Path | str]  # name -> where it comes from; in compile order, before the bench

    scenarios = SCENARIOS

    @property
    def rows(self) -> int:
        """Elements of results in each scenario."""
        return sum(one.rows * one.columns for one in self.design.played)


def subjects(package: Path, array: ArrayDesign, forms: Sequence[Form]) -> list[ArraySubject]:
    """What can be simulated of the array as it lies in the package, of these forms: not every array has both.

    Raises:
        ArtifactError: a source is outside of the package, or missing.
    """
    offered: dict[Form, list[str]] = {"rtl": array.sources, "xilinx": array.sources_xilinx}
    wanted = [form for form in forms if offered[form]] or ["rtl"]
    return [ArraySubject(array, form, package_files(package, offered[form])) for form in wanted]


def run(
    subject: ArraySubject,
    package: Path,
    manifest: RtlManifest,
    tool: Simulator,
    found: Found,
    kept: Path,
    *,
    waves: bool = False,
) -> ArrayRun:
    """Every product of the package through the array; logs are kept in `kept`.

    Raises:
        ToolError: the simulator is missing or rejects the array, or the bench could not tell.
    """
    array = subject.design
    answer, build_seconds, run_seconds = play(
        _job(subject, package, manifest, waves=waves), tool, found, kept
    )
    return ArrayRun(
        design=array.name,
        form=subject.form,
        side=array.side,
        bit_exact=not answer.failures and not answer.different,
        compared=sum(answer.scenarios[name] for name in SCENARIOS),
        different=answer.different,
        scenarios=answer.scenarios,
        cycles=answer.cycles,
        steady_cycles={one.name: one.steady_cycles(array.side, array.steps) for one in array.played},
        differences=[answer.difference] if answer.difference else [],
        failures=answer.failures,
        build_seconds=build_seconds,
        run_seconds=run_seconds,
    )


def vectors_of(array: ArrayDesign) -> dict[str, str]:
    """The golden matrices and the jobs, by what the bench calls them."""
    vectors = {kind: f"tb/vectors/{kind}.hex" for kind in MATRICES}
    return vectors | {kind: f"tb/vectors/{array.name}.{kind}.hex" for kind in JOBS}


def _job(subject: ArraySubject, package: Path, manifest: RtlManifest, *, waves: bool) -> Job[ArrayAnswer]:
    """Its bench in SystemVerilog is the package's; what runs in Python is of this quweit."""
    array = subject.design
    bench = package_files(package, (*BENCH, f"tb/{array.testbench}.sv"))
    vectors = vectors_of(array)
    return Job(
        name=array.name,
        bench=Bench(array.testbench, (*subject.files, *bench), waves=waves),
        files={
            **subject.files,
            **bench,
            **package_files(package, vectors.values()),
            f"tb/{MODULE}.py": static_text(f"tb/{MODULE}.py"),
            "manifest.json": manifest.model_dump_json(by_alias=True),
        },
        module=MODULE,
        tests=TESTS,
        scenarios={
            **dict.fromkeys(SCENARIOS, subject.rows),
            RESET: None,
        },
        answer=ArrayAnswer,
        plusargs=vectors,
        settings={"QUWEIT_DESIGN": array.name},
    )
