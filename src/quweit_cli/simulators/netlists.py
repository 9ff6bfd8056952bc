"""What is simulated in place of a design: the netlist that synthesis left, with models of its cells.

The netlist of a model has its blocks and memories as instances. Blocks are their own netlists; memories are
the modules of the package, with what they hold from files, as no synthesis changes what a memory does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quweit_cli.artifacts import inside
from quweit_cli.documents import BlockDesign, Implementation, ModelDesign, SynthesisReport
from quweit_cli.errors import ArtifactError
from quweit_cli.hdl.model.writes import ExpectedWords
from quweit_cli.simulators.cell_models import simulation_text
from quweit_cli.simulators.row_designs import NETLIST, Subject, package_files
from quweit_cli.technologies import technology_of

MEMORIES = ("quweit_memory", "quweit_rom")


@dataclass(frozen=True)
class Synthesized:
    """A synthesis on disk, and the package that it was made from."""

    folder: Path
    report: SynthesisReport
    package: Path

    def has(self, name: str) -> bool:
        """Whether it left a netlist of the design."""
        return any(one.design == name and one.netlist is not None for one in self.report.designs)

    def block(self, design: BlockDesign, rows: int, *, four_state: bool) -> Subject:
        """In place of a block; of one that was placed and routed, in place of its wrapper between register slices.

        Raises:
            ArtifactError: the synthesis left no netlist of it.
            ConfigError: it is for a part of no known family.
        """
        made, path = self._netlist(design.name)
        files: dict[str, Path | str]
        if made.cell_models is not None:
            files = {"netlist/models.v": inside(self.folder, made.cell_models), NETLIST: path}
        else:
            cells = technology_of(made.device).cells
            files = {NETLIST: simulation_text(path.read_text(), cells, four_state=four_state)}
        return Subject(design, "routed" if made.routed else "netlist", rows, files)

    def model(
        self, design: ModelDesign, blocks: Sequence[BlockDesign], rows: int, expected: ExpectedWords | None
    ) -> Subject:
        """In place of a whole model, for a simulator that knows 0 and 1.

        blocks: all of the package. expected: what it writes, of so many rows at least.

        Raises:
            ArtifactError: the synthesis left no netlist of it or of a block, or a memory is missing from the package.
            ConfigError: it is for a part of no known family.
        """
        made, path = self._netlist(design.name)
        texts = [path.read_text(), *(self._netlist(block.name)[1].read_text() for block in blocks)]
        cells = technology_of(made.device).cells
        memories = [name for name in design.sources if Path(name).stem in MEMORIES]
        files: dict[str, Path | str] = {**package_files(self.package, memories)}
        files[NETLIST] = simulation_text("\n".join(texts), cells, others=MEMORIES)
        return Subject(design, "netlist", rows, files, expected.first(rows) if expected else None)

    def _netlist(self, name: str) -> tuple[Implementation, Path]:
        for one in self.report.designs:
            if one.design == name and one.netlist is not None:
                return one, inside(self.folder, one.netlist)
        for_a_board = any(one.routed and one.routed.board for one in self.report.designs)
        raise ArtifactError(
            f"the synthesis of `{name}` left no netlist",
            hint="what is placed without `--board` is compared"
            if for_a_board
            else "run `quweit synth --tool yosys` first",
        )
