"""A block or a unit on a simulator: its golden rows through its RTL, its wrapper, or its netlist.

Of an RTL package only the design and the golden rows are used. The bench is the one of this quweit, rendered from the
manifest: a project that came from elsewhere runs no Python of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt

from quweit_cli.artifacts import inside
from quweit_cli.documents import (
    BlockDesign,
    Form,
    ModelDesign,
    PortedDesign,
    RowDesign,
    RtlManifest,
    SimDifference,
    SimRun,
    TensorDifference,
    UnitDesign,
)
from quweit_cli.errors import ArtifactError, ToolFailed
from quweit_cli.hdl.benches import (
    Probe,
    render_bench,
    render_benches,
    render_requests_bench,
    requests_bench,
)
from quweit_cli.hdl.model.writes import WORD_BITS, ExpectedWords
from quweit_cli.hdl.vectors import BENCH_MODULES
from quweit_cli.simulators.base import Bench, Simulator
from quweit_cli.simulators.cell_models import cell_faces
from quweit_cli.simulators.runner import Answer, Job, laid_out, play
from quweit_cli.templating import static_text
from quweit_cli.toolbox import Found

SCENARIOS = ("steady", "gaps", "backpressure", "gaps_and_backpressure")
OF_MODELS = (SCENARIOS[0], SCENARIOS[-1])  # whose few beats come before all else and leave after it
RESET = "reset"
OF_CELLS: tuple[Form, ...] = ("netlist", "routed")
WRAPPED: tuple[Form, ...] = ("wrapper", "routed")
BRIEF_ROWS = 16  # of a wrapper, whose block is compared by itself
CELLS, NETLIST = "cells.v", "netlist.v"
SINK = "tb/quweit_row_sink.sv"
PROBE, PLACES, WORDS = "tb/quweit_write_probe.sv", "tb/vectors/places.hex", "tb/vectors/words.hex"


class WrongWord(BaseModel):
    """The first word of a pass that a model should not have written so; bits as the simulator gives them."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    scenario: str
    row: NonNegativeInt
    word: NonNegativeInt
    cycle: NonNegativeInt
    missing: bool
    residual: bool
    lanes: str
    address: str
    data: str


class RowAnswer(Answer):
    """What `test_block.py` and `test_requests.py` write."""

    differences: list[SimDifference]  # the first few
    latency_cycles: int | None = None
    initiation_interval_cycles: int | None = None
    intervals_cycles: tuple[PositiveInt, ...] = ()  # between rows, where they vary
    words_compared: NonNegativeInt = 0
    wrong_words: tuple[WrongWord, ...] = ()
    decode_latency_cycles: int | None = None

    @property
    def differs(self) -> bool:
        return super().differs or bool(self.wrong_words)


@dataclass(frozen=True)
class Subject:
    """What is simulated of a design."""

    design: RowDesign
    form: Form
    rows: int  # in each scenario
    files: Mapping[
        str, Path | str
    ]  # name -> where it comes from, or its text; in compile order, before the bench
    expected: ExpectedWords | None = None  # of a model: what it writes
    steady_only: bool = False  # rows one after another, and nothing else

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Each of all rows; resets come after them."""
        if self.steady_only:
            return SCENARIOS[:1]
        return OF_MODELS if isinstance(self.design, ModelDesign) else SCENARIOS

    @property
    def name(self) -> str:
        return f"{self.design.name} ({self.form})" if self.form in ("wrapper", "xilinx") else self.design.name


def subjects(
    package: Path,
    design: RowDesign,
    rows: int,
    expected: ExpectedWords | None = None,
    *,
    steady_only: bool = False,
) -> dict[Form, Subject]:
    """What can be simulated of the design as it lies in the package, by form: a block has a wrapper, and a unit may have two renderings.

    A model in its wrapper is compared as the model by itself is, word by word; of a block's a few rows are.

    expected: what a model writes, of so many rows at least.
    steady_only: rows one after another, and no wrapper.

    Raises:
        ArtifactError: a source is outside of the package, or missing.
    """
    plain = package_files(package, design.sources)
    written = expected.first(rows) if expected else None
    made: dict[Form, Subject] = {"rtl": Subject(design, "rtl", rows, plain, written, steady_only)}
    if isinstance(design, PortedDesign) and not steady_only:
        wrapped = plain | package_files(package, design.axis.sources)
        if isinstance(design, ModelDesign):  # which passes beats as they are
            made["wrapper"] = Subject(design, "wrapper", rows, wrapped, written)
        else:
            made["wrapper"] = Subject(design, "wrapper", min(rows, BRIEF_ROWS), wrapped)
    if isinstance(design, UnitDesign) and design.sources_xilinx not in ([], design.sources):
        made["xilinx"] = Subject(
            design, "xilinx", rows, package_files(package, design.sources_xilinx), steady_only=steady_only
        )
    return made


def compile_cells(package: Path, block: BlockDesign, tool: Simulator, found: Found, kept: Path) -> None:
    """Compile the rendering in an FPGA's cells, with cells that are empty: it is compared by `--formal` and `--netlist`.

    Carry chains of many terms, each with delta cycles of its own, are what an event-driven simulator does not
    get done: sixteen rows of a small block took it longer than ten minutes.

    Raises:
        ToolFailed: the tool rejects it.
        ArtifactError: a source is outside of the package, or missing.
    """
    cells = package_files(package, block.sources_xilinx)
    faces = cell_faces(path.read_text(errors="replace") for path in cells.values())
    with laid_out({CELLS: faces, **cells}, kept) as scratch:
        tool.check(found, Bench(block.top, (CELLS, *cells)), scratch)


def package_files(package: Path, names: Iterable[str]) -> dict[str, Path]:
    """Raises ArtifactError for a file that is outside of the package, or missing."""
    paths = {name: inside(package, name) for name in names}
    if missing := sorted(name for name, path in paths.items() if not path.is_file()):
        raise ArtifactError(f"`{package}` lacks `{missing[0]}`", hint="run `quweit rtl` again")
    return paths


def run(
    subject: Subject,
    package: Path,
    manifest: RtlManifest,
    tool: Simulator,
    found: Found,
    kept: Path,
    *,
    waves: bool = False,
    stop_early: bool = False,
) -> SimRun:
    """Simulate `subject`; logs and waves are kept in `kept`. With `stop_early` to the first difference.

    Raises:
        ToolError: a simulator is missing or rejects the design, or the bench could not tell.
    """
    job = _job(subject, package, manifest, tool, waves=waves, stop_early=stop_early)
    answer, build_seconds, run_seconds = play(job, tool, found, kept)
    return SimRun(
        design=subject.design.name,
        form=subject.form,
        bit_exact=not answer.differs,
        compared=sum(answer.scenarios.values()),
        different=answer.different,
        scenarios=answer.scenarios,
        latency_cycles=answer.latency_cycles,
        decode_latency_cycles=answer.decode_latency_cycles,
        differences=answer.differences,
        failures=answer.failures,
        **_words(subject, answer),
        build_seconds=build_seconds,
        run_seconds=run_seconds,
        **_intervals(subject.design, answer),
    )


def _intervals(design: RowDesign, answer: RowAnswer) -> dict[str, float | None]:
    """What was measured between rows: of a unit the most and the average, and nothing where it ended early; of a model that
    samples leave early the promise, which each of them kept or broke, and the average."""
    every = answer.intervals_cycles
    if isinstance(design, ModelDesign) and every:
        return {
            "initiation_interval_cycles": answer.initiation_interval_cycles,
            "average_interval_cycles": sum(every) / len(every),
        }
    if not isinstance(design, UnitDesign) or not every:
        return {"initiation_interval_cycles": answer.initiation_interval_cycles}
    random = every[-design.random_rows :]
    return {
        "initiation_interval_cycles": max(every),
        "average_interval_cycles": sum(random) / len(random),
    }


def _words(subject: Subject, answer: RowAnswer) -> dict[str, Any]:
    """What the probe compared, in the terms of the program.

    Raises:
        ToolFailed: it compared less than the rows write, and calls nothing wrong.
    """
    if (expected := subject.expected) is None:
        return {}
    least = len(subject.scenarios) * expected.words
    if answer.words_compared < least and not answer.differs:
        raise ToolFailed(
            f"the bench compared {answer.words_compared:,} words of memories, and its rows write {least:,}"
        )
    return {
        "tensors_compared": len(expected.names) + 1,  # and the logits, as rows
        "words_compared": answer.words_compared,
        "tensor_differences": [_named(expected, one) for one in answer.wrong_words],
    }


def _named(expected: ExpectedWords, wrong: WrongWord) -> TensorDifference:
    """Which number of which tensor it is, or what else is amiss."""
    found = expected.word(wrong.word)
    row = expected.rows[min(wrong.row, len(expected.rows) - 1)]
    sample = row.sample
    at = {"scenario": wrong.scenario, "sample": sample, "cycle": wrong.cycle}
    if found is None:
        last = next(row for row in reversed(expected.rows) if row.writes).writes[-1].job.name
        return TensorDifference(job=last, amiss="a word more than the sample has", **at)
    one, word = found
    if wrong.missing:
        return TensorDifference(
            job=one.job.name, amiss=f"the sample ends before word {word} of the job", **at
        )
    place = f"word {int(one.addresses_N[word])} of the {_memory(one.to_residual)}"
    lanes = "".join(map(str, reversed(one.lanes_NL[word].tolist())))
    written = f"word {_number(wrong.address)} of the {_memory(wrong.residual)}"
    if (place, lanes) != (written, wrong.lanes):
        amiss = f"{written} is written, lanes {wrong.lanes}, in place of {place}, lanes {lanes}"
        return TensorDifference(job=one.job.name, amiss=amiss, **at)
    for lane in range(expected.layout.side):
        element = expected.element(one, word, lane)
        if element is None:
            continue
        wanted = int(row.tensors[element.tensor][sample][element.place])
        got = _signed(wrong.data[len(wrong.data) - (lane + 1) * WORD_BITS :][:WORD_BITS])
        if got != wanted:
            return TensorDifference(
                job=one.job.name,
                tensor=element.tensor,
                place=list(element.place),
                expected=wanted,
                got=got,
                **at,
            )
    raise ToolFailed(f"the bench calls word {word} of `{one.job.name}` wrong, and it is not")


def _memory(to_residual: bool) -> str:
    return "residual stream" if to_residual else "activations"


def _number(bits: str) -> int | str:
    """The bits themselves where some are unknown."""
    return int(bits, 2) if set(bits) <= {"0", "1"} else bits


def _signed(bits: str) -> int | None:
    number = _number(bits)
    return None if isinstance(number, str) else number - (number >> len(bits) - 1 << len(bits))


def _resets(subject: Subject, tool: Simulator) -> int:
    """One moment of so many is tried: where each costs whole samples, or a netlist is slow, they are fewer. 0: none."""
    if subject.steady_only:
        return 0
    if _answers_requests(subject.design):
        return 20 if tool.four_state or subject.form in OF_CELLS else 8
    if isinstance(subject.design, ModelDesign):
        return 4 if tool.four_state or subject.form in OF_CELLS else 1
    return 4 if subject.form in OF_CELLS else 1


class Played(NamedTuple):
    """A bench, and what it plays."""

    testbench: str
    text: str
    modules: tuple[str, ...]
    inputs: str
    outputs: str
    tests: tuple[str, ...]  # modules in Python, first that of the test
    test: str


def _answers_requests(design: RowDesign) -> bool:
    return isinstance(design, ModelDesign) and design.decode is not None


def _rows(subject: Subject, probe: Probe | None) -> Played:
    """Golden rows from a memory."""
    design = subject.design
    testbench, inputs = design.testbench, design.vectors.inputs
    if subject.form in WRAPPED and not isinstance(design, ModelDesign):
        assert isinstance(design, PortedDesign)
        testbench, inputs = design.axis.testbench, design.axis.inputs
        text = render_benches(design, "")[f"tb/{testbench}.sv"]
    else:
        model, wrapped = isinstance(design, ModelDesign), subject.form == "wrapper"
        text = render_bench(design, "", clocked=model, wrapped=wrapped, probe=probe)
    tests = ("test_block",)
    return Played(testbench, text, BENCH_MODULES, inputs, design.vectors.outputs, tests, "golden_rows")


def _requests(subject: Subject, probe: Probe | None) -> Played:
    """Golden requests of a decoder, from Python."""
    design = subject.design
    assert isinstance(design, ModelDesign) and design.decode is not None
    text = render_requests_bench(design, "", wrapped=subject.form == "wrapper", probe=probe)
    golden, tests = design.decode.requests, ("test_requests", "test_block")
    return Played(
        requests_bench(design), text, (SINK,), golden.inputs, golden.outputs, tests, "golden_requests"
    )


def _job(
    subject: Subject,
    package: Path,
    manifest: RtlManifest,
    tool: Simulator,
    *,
    waves: bool,
    stop_early: bool,
) -> Job[RowAnswer]:
    design, expected = subject.design, subject.expected
    probe = Probe(expected.words, expected.layout.side) if expected else None
    played = _requests(subject, probe) if _answers_requests(design) else _rows(subject, probe)
    bench: dict[str, str] = {name: static_text(name) for name in played.modules}
    if probe:
        bench[PROBE] = static_text(PROBE)
    bench[f"tb/{played.testbench}.sv"] = played.text
    sources = (*subject.files, *bench)
    plusargs = {"inputs": played.inputs}
    if expected:
        bench |= {PLACES: expected.places_text(), WORDS: expected.words_text()}
        plusargs |= {"places": PLACES, "words": WORDS}
    bench |= {f"tb/{name}.py": static_text(f"tb/{name}.py") for name in played.tests}
    bench["manifest.json"] = manifest.model_dump_json(by_alias=True)
    return Job(
        name=subject.name,
        bench=Bench(
            played.testbench,
            sources,
            waves=waves,
            cells=subject.form in OF_CELLS,
            brief=subject.form == "wrapper" and not isinstance(design, ModelDesign),
            long=isinstance(design, ModelDesign),
        ),
        files={
            **subject.files,
            **bench,
            **package_files(package, design.memories),
            **{name: inside(package, name) for name in (played.inputs, played.outputs)},
        },
        module=played.tests[0],
        tests=frozenset({played.test}),
        scenarios=dict.fromkeys(subject.scenarios, subject.rows)
        | ({} if subject.steady_only else {RESET: None}),
        answer=RowAnswer,
        plusargs=plusargs,
        settings={
            "QUWEIT_DESIGN": design.name,
            "QUWEIT_ROWS": str(subject.rows),
            "QUWEIT_SCENARIOS": " ".join(subject.scenarios),
            "QUWEIT_FORM": "rtl" if isinstance(design, ModelDesign) else subject.form,
            "QUWEIT_RESETS": str(_resets(subject, tool)),
        },
        stop_early=stop_early,
    )
