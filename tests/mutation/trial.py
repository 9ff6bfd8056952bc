"""The project's own verdict on a mutant: what `quweit sim` would say of a package with that change."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from mutation.mutant import Mutant
from mutation.schema import combined, with_open_cells
from quweit_cli import config, toolbox
from quweit_cli.documents import Design, RtlBlock, RtlManifest
from quweit_cli.errors import ToolError
from quweit_cli.simulators import Bench, Simulator, blocks, simulator
from quweit_cli.simulators.blocks import Subject
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
    """An RTL package, and what of one of its blocks is simulated."""

    project: Path
    manifest: RtlManifest
    block: RtlBlock

    @property
    def root(self) -> Path:
        return (self.project / "rtl").resolve()

    def designs(self, file: str) -> list[Design]:
        """What `quweit sim` simulates that a file of this package is part of."""
        parts: list[tuple[Design, Sequence[str]]] = [
            ("block", self.block.sources),
            ("wrapper", (*self.block.sources, *self.block.axis.sources)),
            ("xilinx", self.block.sources_xilinx),
        ]
        return [design for design, files in parts if file in files]

    def sources(self, design: Design) -> list[str]:
        axis = self.block.axis.sources if design == "wrapper" else []
        return [*(self.block.sources_xilinx if design == "xilinx" else self.block.sources), *axis]

    def subject(self, design: Design, rows: int, texts: Mapping[str, str]) -> Subject:
        """As `quweit sim` makes it, with some files replaced by these texts."""
        offered = blocks.subjects(self.root, self.block, rows)[design]
        return replace(offered, files={name: texts.get(name, file) for name, file in offered.files.items()})

    def rows(self, tool: str) -> int:
        """As many as `quweit sim` compares when it is told nothing."""
        return min(config.Sim().rows.get(tool, self.block.vectors.rows), self.block.vectors.rows)


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
            run = blocks.run(part, package.root, package.manifest, tool, found, scratch, stop_early=True)
        except ToolError:
            return Verdict.REFUSED if tool.refused else Verdict.UNTOLD
        if not run.bit_exact:
            return Verdict.FOUND
    return Verdict.EQUAL


def alone(
    package: Package, mutant: Mutant, name: str, scratch: Path, designs: Sequence[Design] | None = None
) -> Verdict:
    """The mutant in builds of its own on one simulator: of every design that it is part of, while they are equal."""
    texts = {mutant.file: mutant.apply((package.root / mutant.file).read_text())}
    verdict = Verdict.EQUAL
    for design in package.designs(mutant.file) if designs is None else designs:
        if name == "icarus" or design == "block":
            subject = package.subject(design, package.rows(name), texts)
            verdict = play(package, subject, Watched(simulator(name)), scratch)
            if verdict is not Verdict.EQUAL:
                break
    return verdict


class Together:
    """Mutants of one design of a block in one build of a simulator; each is judged by its number."""

    def __init__(
        self, package: Package, design: Design, mutants: list[Mutant], scratch: Path, name: str = "verilator"
    ) -> None:
        self.package, self.name, self.scratch = package, name, scratch
        self.kept, self.lock = scratch / "bench", threading.Lock()
        scratch.mkdir(parents=True)
        texts = {}
        for file in package.sources(design):
            numbered = [(n, one) for n, one in enumerate(mutants, 1) if one.file == file]
            text = (package.root / file).read_text()
            if (
                numbered or design == "xilinx"
            ):  # of a table that is a parameter Verilator makes a module of its own
                texts[file] = QUIET + with_open_cells(combined(text, numbered), Path(file).stem)
        self.subject = package.subject(design, package.rows(name), texts)

    def judge(self, number: int) -> Verdict:
        """Mutant `number`, from 1; 0 is the original."""
        tool = Watched(simulator(self.name), self.kept, number, lock=self.lock)
        return play(self.package, self.subject, tool, self.scratch / str(number))


def proven(package: Package, mutant: Mutant, scratch: Path) -> Verdict:
    """What `quweit sim --formal` says of the two renderings of the module that a mutant is in."""
    module = Path(mutant.file).stem
    cells = [Path(name).stem for name in package.block.cells_xilinx]
    if module not in cells:
        return Verdict.EQUAL
    copy = scratch / f"formal-{threading.get_ident()}"
    if copy.exists():
        shutil.rmtree(copy)
    shutil.copytree(package.root / "rtl", copy / "rtl")
    (copy / mutant.file).write_text(mutant.apply((package.root / mutant.file).read_text()))
    found = toolbox.find(toolbox.YOSYS)
    modules = [module] if module in formal.modules(package.block) else formal.modules(package.block)
    for one in modules:
        try:
            if formal._prove(found, copy, package.block, one, copy).unproven:
                return Verdict.PROVEN
        except ToolError:
            return Verdict.UNTOLD
    return Verdict.EQUAL


def compiles(package: Package, mutant: Mutant, scratch: Path) -> bool:
    """Whether Icarus takes the design with this mutant, and without a warning."""
    design = package.designs(mutant.file)[0]
    scratch.mkdir(parents=True, exist_ok=True)
    names = []
    for place, name in enumerate(package.sources(design)):
        text = (package.root / name).read_text()
        text = mutant.apply(text) if name == mutant.file else text
        names.append(f"{place}_{Path(name).name}")
        (scratch / names[-1]).write_text(with_open_cells(text, Path(name).stem))
    if design == "xilinx":
        names.append("models.v")
        (scratch / names[-1]).write_text(str(package.subject("xilinx", 1, {}).files[blocks.CELLS]))
    top = package.block.axis.top if design == "wrapper" else package.block.top
    words = [*toolbox.find(toolbox.ICARUS).command, "-g2012", "-t", "null", "-s", top, *names]
    try:
        return "warning" not in toolbox.run(
            words, cwd=scratch, log=scratch / "compile.log", name="iverilog", timeout=600
        )
    except ToolError:
        return False
