"""The project's own verdict on a mutant: what `quweit sim` would say of a package with that change."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from mutation.mutant import Mutant
from mutation.schema import combined
from quweit_cli import config, toolbox
from quweit_cli.documents import BlockDesign, Form, ModelDesign, RtlManifest
from quweit_cli.errors import ToolError
from quweit_cli.hdl.model.writes import ExpectedWords
from quweit_cli.simulators import row_designs, simulator
from quweit_cli.simulators.base import Bench, Simulator
from quweit_cli.simulators.cell_models import cell_faces
from quweit_cli.simulators.row_designs import Subject
from quweit_cli.stages import formal
from quweit_cli.toolbox import Found

FEW_ROWS = 16  # compared first: most mutants differ in one of them
BUILT = {"verilator": "build/bench", "icarus": "bench.vvp"}
# Of choices between expressions Verilator has much to say; of the original it says nothing, which other tests check.
QUIET = (
    "".join(f"/* verilator lint_off {one} */ " for one in ("WIDTH", "UNUSED", "UNDRIVEN", "CMPCONST")) + "\n"
)


class Verdict(Enum):
    FOUND = "found"
    PROVEN = "found by proof"  # `quweit sim --formal`
    EQUAL = "equal"
    REFUSED = "does not compile"
    UNTOLD = "the bench could not tell"


@dataclass(frozen=True)
class Package:
    """An RTL package, and what of one of its blocks, or of its model, is simulated."""

    project: Path
    manifest: RtlManifest
    block: BlockDesign | ModelDesign
    expected: ExpectedWords | None = None  # of a model: what it writes

    @property
    def root(self) -> Path:
        return (self.project / "rtl").resolve()

    def forms(self, file: str) -> list[Form]:
        """What `quweit sim` simulates that a file of this package is part of; nothing for one of FPGA cells."""
        axis = self.block.axis.sources
        return [
            *(["rtl"] if file in self.block.sources else []),
            *(["wrapper"] if file in (*self.block.sources, *axis) else []),
        ]  # type: ignore[list-item]

    def sources(self, file: str) -> list[str]:
        """The rendering that a file is part of, in compile order."""
        if "/xilinx/" in file:
            return self.block.sources_xilinx
        return [*self.block.sources, *(self.block.axis.sources if file in self.block.axis.sources else [])]

    def subject(self, form: Form, rows: int, texts: Mapping[str, str]) -> Subject:
        """As `quweit sim` makes it, with some files replaced by these texts."""
        offered = row_designs.subjects(self.root, self.block, rows, self.expected)[form]
        return replace(offered, files={name: texts.get(name, file) for name, file in offered.files.items()})

    def rows(self, tool: str) -> int:
        """As many as `quweit sim` compares when it is told nothing."""
        limits = config.Sim().samples if isinstance(self.block, ModelDesign) else config.Sim().rows
        return min(limits.get(tool, self.block.vectors.rows), self.block.vectors.rows)

    def changed(self, mutant: Mutant, scratch: Path) -> Package:
        """With a mutant of a file that the design reads when it starts."""
        root = scratch / "changed" / "rtl"
        if not root.exists():
            shutil.copytree(self.root, root)
        (root / mutant.file).write_text(mutant.apply((self.root / mutant.file).read_text()))
        return replace(self, project=root.parent)


@dataclass
class Watched:
    """A simulator that remembers whether it refused to build; with `kept` it builds once, and plays mutant `number`."""

    inner: Simulator
    kept: Path | None = None
    number: int = 0
    refused: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.name, self.tool, self.four_state = self.inner.name, self.inner.tool, self.inner.four_state

    def build(self, found: Found, bench: Bench, folder: Path) -> None:
        try:
            if self.kept is None:
                self.inner.build(found, bench, folder)
                return
            built = folder / BUILT[self.name]
            with self.lock:
                if not self.kept.exists():
                    self.inner.build(found, bench, folder)
                    shutil.copy(built, self.kept)
            if not built.exists():
                built.parent.mkdir(exist_ok=True)
                built.symlink_to(self.kept)
        except ToolError:
            self.refused = True
            raise

    def command(self, found: Found, bench: Bench) -> list[str]:
        return [*self.inner.command(found, bench), *([f"+mutant={self.number}"] if self.kept else [])]


def play(package: Package, subject: Subject, tool: Watched, scratch: Path) -> Verdict:
    """Few rows first, then as many as `subject` has; to the first difference."""
    found = toolbox.find(tool.tool)
    for rows in sorted({min(FEW_ROWS, subject.rows), subject.rows}):
        part = replace(subject, rows=rows)
        try:
            run = row_designs.run(part, package.root, package.manifest, tool, found, scratch, stop_early=True)
        except ToolError:
            return Verdict.REFUSED if tool.refused else Verdict.UNTOLD
        if not run.bit_exact:
            return Verdict.FOUND
    return Verdict.EQUAL


def alone(
    package: Package, mutant: Mutant, name: str, scratch: Path, forms: Sequence[Form] | None = None
) -> Verdict:
    """The mutant in builds of its own on one simulator: of every design that it is part of, while they are equal."""
    texts = {mutant.file: mutant.apply((package.root / mutant.file).read_text())}
    if mutant.file in package.block.memories:
        package, texts, forms = package.changed(mutant, scratch), {}, ["rtl"]
    verdict = Verdict.EQUAL
    for form in package.forms(mutant.file) if forms is None else forms:
        if name == "icarus" or form == "rtl":
            subject = package.subject(form, package.rows(name), texts)
            verdict = play(package, subject, Watched(simulator(name)), scratch)
            if verdict is not Verdict.EQUAL:
                break
    return verdict


class Together:
    """Mutants of one design of a block in one build of a simulator; each is judged by its number."""

    def __init__(
        self, package: Package, form: Form, mutants: list[Mutant], scratch: Path, name: str = "verilator"
    ) -> None:
        self.package, self.name, self.scratch = package, name, scratch
        self.kept, self.lock = scratch / "bench", threading.Lock()
        scratch.mkdir(parents=True)
        texts = {}
        for file in {one.file for one in mutants}:
            numbered = [(n, one) for n, one in enumerate(mutants, 1) if one.file == file]
            texts[file] = QUIET + combined((package.root / file).read_text(), numbered)
        self.subject = package.subject(form, package.rows(name), texts)

    def judge(self, number: int) -> Verdict:
        """Mutant `number`, from 1; 0 is the original."""
        tool = Watched(simulator(self.name), self.kept, number, lock=self.lock)
        return play(self.package, self.subject, tool, self.scratch / str(number))


def proven(package: Package, mutant: Mutant, scratch: Path) -> Verdict:
    """What `quweit sim --formal` says of the two renderings of the modules that a mutant is part of.

    Nothing of a whole model, whose modules have one rendering.
    """
    if isinstance(package.block, ModelDesign):
        return Verdict.EQUAL
    module = Path(mutant.file).stem
    twice = formal.modules(package.block)
    helper = "/xilinx/" in mutant.file and module not in twice  # a cell of ours, in more modules than one
    copy = scratch / "formal"
    shutil.copytree(package.root / "rtl", copy / "rtl")
    (copy / mutant.file).write_text(mutant.apply((package.root / mutant.file).read_text()))
    found, compared = toolbox.find(toolbox.YOSYS), 0
    for one in twice if helper else [name for name in twice if name == module]:
        if helper and module not in (copy / "rtl" / "xilinx" / f"{one}.sv").read_text():
            continue
        try:
            if formal.prove(found, copy, package.block, one, copy).unproven:
                return Verdict.PROVEN
        except ToolError:
            return Verdict.UNTOLD
        compared += 1
    return Verdict.EQUAL if compared else Verdict.UNTOLD


def compiles(package: Package, mutant: Mutant, scratch: Path) -> bool:
    """Whether Icarus takes the design with this mutant, and without a warning."""
    if mutant.file in package.block.memories:
        return True
    scratch.mkdir(parents=True, exist_ok=True)
    names, texts = [], []
    for place, name in enumerate(package.sources(mutant.file)):
        text = (package.root / name).read_text()
        texts.append(mutant.apply(text) if name == mutant.file else text)
        names.append(f"{place}_{Path(name).name}")
        (scratch / names[-1]).write_text(texts[-1])
    (scratch / "faces.v").write_text(cell_faces(texts) if "/xilinx/" in mutant.file else "")
    top = package.block.axis.top if mutant.file in package.block.axis.sources else package.block.top
    words = [*toolbox.find(toolbox.ICARUS).command, "-g2012", "-t", "null", "-s", top, "faces.v", *names]
    try:
        return "warning" not in toolbox.run(
            words, cwd=scratch, log=scratch / "compile.log", name="iverilog", timeout=600
        )
    except ToolError:
        return False
