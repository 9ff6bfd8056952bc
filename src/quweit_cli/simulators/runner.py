"""Runs one bench on one simulator: the only place that decides whether its answer says anything about the hardware.

A bench answers with a document of what it compared and what differed, which is about the hardware: whoever asked judges
it. Whatever else happens says nothing about the hardware and is a failed tool: no answer, a damaged one, a scenario that
is missing or short, another number of cocotb tests than was asked for, a verdict of cocotb's that the answer contradicts,
a file that the simulator could not read, an end by a signal or by the clock.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from quweit_cli import toolbox
from quweit_cli.artifacts import inside
from quweit_cli.errors import ToolFailed
from quweit_cli.simulators.base import RUN_SECONDS, Bench, Simulator
from quweit_cli.simulators.cocotb_library import environment
from quweit_cli.toolbox import Found

ANSWER, RESULTS, LOG = "result.json", "results.xml", "run.log"
KEPT = ("netlist.v", "verilate.log", "build.log", LOG, "waves.fst", "dump.fst")
# What simulators say of a memory file that they could not read, and go on.
UNREADABLE = re.compile(
    r"^.*(?:unable to open|can(?:no|')t open|file not found|(?:not enough|too many) words).*$", re.I | re.M
)


class Answer(BaseModel):
    """What every bench writes at its end; one that raised or died has written nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    scenarios: dict[str, NonNegativeInt]  # name -> rows or elements compared
    different: NonNegativeInt
    failures: list[str]  # broken promises
    stopped: bool = False  # at the first difference, as asked

    @property
    def differs(self) -> bool:
        return bool(self.different or self.failures)


AnyAnswer = TypeVar("AnyAnswer", bound=Answer)


@dataclass(frozen=True)
class Job(Generic[AnyAnswer]):
    """A bench with all that it reads."""

    name: str  # of what is simulated, in messages
    bench: Bench
    files: Mapping[str, Path | str]  # name in the scratch folder -> file that is copied there, or text
    module: str  # of the cocotb tests, `tb/<module>.py`
    tests: frozenset[str]  # that must run, and no others
    scenarios: Mapping[str, int | None]  # name -> rows or elements that it must compare; None: some
    answer: type[AnyAnswer]
    plusargs: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)  # environment of the tests
    stop_early: bool = False  # at the first difference


class Played(NamedTuple, Generic[AnyAnswer]):
    answer: AnyAnswer
    build_seconds: float
    run_seconds: float


def play(job: Job[AnyAnswer], tool: Simulator, found: Found, kept: Path) -> Played[AnyAnswer]:
    """Build and run in a scratch folder; logs and waves are kept in `kept`.

    Raises:
        ToolError: the simulator is incomplete, or rejects the bench, or the bench could not tell.
        ArtifactError: a file that the bench reads is outside of where it belongs.
    """
    with laid_out(job.files, kept) as scratch:
        started = time.monotonic()
        tool.build(found, job.bench, scratch)
        built = time.monotonic()
        answer = _answer(job, tool, found, scratch)
        ended = time.monotonic()
    return Played(answer, round(built - started, 3), round(ended - built, 3))


@contextlib.contextmanager
def laid_out(files: Mapping[str, Path | str], kept: Path) -> Iterator[Path]:
    """A scratch folder with these files; logs and waves are kept in `kept`, and errors say nothing of where they were."""
    kept.mkdir(parents=True, exist_ok=True)
    with toolbox.scratch("quweit-sim-") as scratch:
        for name, content in files.items():
            path = inside(scratch, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                path.write_text(content)
            else:
                shutil.copyfile(content, path)
        try:
            yield scratch
        except ToolFailed as error:
            raise ToolFailed(error.message) from error
        finally:
            for name in KEPT:
                if (scratch / name).is_file():
                    shutil.copyfile(scratch / name, kept / name)


def _answer(job: Job[AnyAnswer], tool: Simulator, found: Found, scratch: Path) -> AnyAnswer:
    who = f"the bench of `{job.name}` on {tool.name}"
    try:
        toolbox.run(
            [*tool.command(found, job.bench), *(f"+{name}={path}" for name, path in job.plusargs.items())],
            cwd=scratch,
            log=scratch / LOG,
            name=f"{tool.name} ({job.name})",
            environment=environment(top=job.bench.top, module=job.module, module_folder="tb", results=RESULTS)
            | dict(job.settings)
            | {"QUWEIT_RESULT": ANSWER, "QUWEIT_STOP_EARLY": str(int(job.stop_early))},
            timeout=RUN_SECONDS,
        )
    finally:
        _check_log(scratch / LOG, who)
    problem = _problem(scratch / RESULTS, job.tests)
    try:
        answer = job.answer.model_validate_json((scratch / ANSWER).read_bytes())
    except OSError:
        raise ToolFailed(f"{who} ended without a result: {problem or 'cocotb calls it passed'}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or ANSWER
        raise ToolFailed(f"{who} wrote a damaged result: {where}: {first['msg']}") from None
    _check_answer(answer, problem, job, who)
    return answer


def _check_log(log: Path, who: str) -> None:
    """Raises ToolFailed with the line that says what could not be read; it goes before what came of that."""
    text = log.read_text(errors="replace") if log.is_file() else ""
    if found := UNREADABLE.search(text):
        raise ToolFailed(f"{who} could not read what it needs: {found[0].strip()[: toolbox.LONGEST_LINE]}")


def _problem(results: Path, tests: frozenset[str]) -> str | None:
    """Why cocotb calls a test failed; None when all passed.

    Raises:
        ToolFailed: no results, or of other tests (a simulator that runs none ends normally).
    """
    try:
        cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        tail = toolbox.tail((results.parent / LOG).read_text(errors="replace"))
        raise ToolFailed(f"the simulator ended without results of cocotb ({error}):\n{tail}") from None
    names = sorted(case.get("name", "") for case in cases)
    if names != sorted(tests):
        raise ToolFailed(f"cocotb ran {names or 'no test'} in place of {sorted(tests)}")
    marks = [child for case in cases for child in case if child.tag in ("failure", "error", "skipped")]
    words = [
        (mark.get("error_msg") or mark.get("message") or mark.text or mark.tag).strip() for mark in marks
    ]
    return "; ".join(words)[: 2 * toolbox.LONGEST_LINE] if marks else None


def _check_answer(answer: Answer, problem: str | None, job: Job[AnyAnswer], who: str) -> None:
    """Raises ToolFailed when the answer is not whole, or cocotb's verdict is another."""
    differs = answer.differs
    if problem is not None and not differs:
        raise ToolFailed(f"{who} failed without a difference: {problem}")
    if problem is None and differs:
        raise ToolFailed(f"{who} contradicts itself: cocotb calls it passed, and its result does not")
    if answer.stopped and job.stop_early and differs:
        return
    if answer.stopped or set(answer.scenarios) != set(job.scenarios):
        missing = sorted(set(job.scenarios) ^ set(answer.scenarios)) or "the rest"
        raise ToolFailed(f"{who} did not play what it should: {missing}")
    if answer.failures:  # such as a block that gives nothing any more
        return
    for name, wanted in job.scenarios.items():
        compared = answer.scenarios[name]
        if compared != wanted and (wanted is not None or not compared):
            raise ToolFailed(
                f"{who} compared {compared} of {'any' if wanted is None else wanted} in scenario {name}"
            )
