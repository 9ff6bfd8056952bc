"""A campaign: mutants drawn by kind and design, judged by the project's own checks, those that stay excused by proof."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mutation import proof
from mutation.designs import Design
from mutation.mutant import Mutant
from mutation.rules import KINDS
from mutation.schema import expression
from mutation.trial import Package, Together, Verdict, alone, compiles, proven

Say = Callable[[str], None]
TRIES = 400  # for a mutant of a kind that compiles
# Designs by share: kinds of data where there are most, kinds of control where a build is quick.
DATA = ("table", "threshold", "value", "pin")


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: found by the bench or by a proof of both renderings, equivalent for a reason, or neither."""

    mutant: Mutant
    verdict: Verdict
    reason: str | None = None

    @property
    def survived(self) -> bool:
        return self.verdict not in (Verdict.FOUND, Verdict.PROVEN) and self.reason is None


def draw(designs: Sequence[Design], count: int, rng: random.Random, scratch: Path) -> list[Mutant]:
    """As many different mutants, the kinds in turn; each compiles, and of a large design shares a build."""
    drawn: dict[tuple[str, str, int, int, str], Mutant] = {}
    kinds = list(dict.fromkeys(kind for design in designs for kind in design.places.kinds))
    while len(drawn) < count:
        kind = kinds[len(drawn) % len(kinds)]
        for _ in range(TRIES):
            design = _design(designs, kind, rng)
            mutant = design.places.draw(kind, rng)
            if mutant is None:
                continue
            name = (mutant.design, mutant.file, mutant.start, mutant.end, mutant.new)
            text = design.places.texts[mutant.file]
            if name in drawn or (
                design.large and "/xilinx/" not in name[1] and expression(text, mutant) is None
            ):
                continue
            # A literal or an index in place of another compiles, and asking takes seconds in a large design.
            if kind in DATA or compiles(design.package, mutant, scratch):
                drawn[name] = mutant
                break
        else:
            raise RuntimeError(f"no further mutant of kind {kind} compiles")
    return list(drawn.values())


def _design(designs: Sequence[Design], kind: str, rng: random.Random) -> Design:
    able = [one for one in designs if one.places.has(kind)]
    large, small = [one for one in able if one.large], [one for one in able if not one.large]
    if large and (not small or rng.random() < (0.6 if kind in DATA else 0.2)):
        return rng.choice(large)
    return small[0] if rng.random() < 0.5 else rng.choice(small)


def judge(
    designs: Sequence[Design], mutants: Sequence[Mutant], scratch: Path, processes: int, say: Say
) -> list[Outcome]:
    """Every mutant judged, `processes` at once; those of large designs in builds that they share."""
    by_name = {design.name: design for design in designs}
    work: list[Callable[[], Outcome]] = []
    shared: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        design = by_name[mutant.design]
        if design.large and design.package.forms(mutant.file):
            shared[mutant.design, design.package.forms(mutant.file)[0]].append(mutant)
        else:
            place = scratch / f"alone{len(work)}"
            work.append(lambda m=mutant, d=design, p=place: _alone(d, m, p))  # type: ignore[misc]
    outcomes: list[Outcome] = []
    for (name, part), group in shared.items():
        package, place = by_name[name].package, scratch / f"{name}-{part}".replace(" ", "-")
        together = Together(package, part, group, place)  # type: ignore[arg-type]
        if (original := together.judge(0)) is not Verdict.EQUAL:
            raise RuntimeError(f"{name} ({part}) without a mutant: {original.value}")
        numbered: list[Callable[[], Outcome]] = [
            lambda n=number, m=one, t=together, d=by_name[name], p=place: _finished(
                d, m, t.judge(n), p / f"left{n}"
            )  # type: ignore[misc]
            for number, one in enumerate(group, 1)
        ]
        say(f"{name} ({part}): {len(group)} mutants in one build")
        outcomes += _side_by_side(numbered, processes, say)
    return outcomes + _side_by_side(work, processes, say)


def _alone(design: Design, mutant: Mutant, place: Path) -> Outcome:
    """On Icarus, which builds at once; Verilator, which compares more rows, is asked of what a proof does not excuse."""
    package = design.package
    verdict = alone(package, mutant, "icarus", place)
    return _finished(design, mutant, verdict, place, lambda: alone(package, mutant, "verilator", place))


def _finished(
    design: Design,
    mutant: Mutant,
    verdict: Verdict,
    place: Path,
    further: Callable[[], Verdict] | None = None,
) -> Outcome:
    """What was not found: proven equal, or found by a further simulator or `--formal`, which alone compares FPGA cells."""
    package = design.package
    checks = [
        lambda: Outcome(mutant, verdict),
        lambda: _excuse(package, mutant, verdict, place),
        lambda: Outcome(mutant, further() if further else verdict),
        lambda: _formal(package, mutant, verdict, place),
    ]
    if "/xilinx/" in mutant.file:
        checks = checks[3:]
    outcomes = (check() for check in checks)
    return next((one for one in outcomes if not one.survived), Outcome(mutant, verdict))


def _excuse(package: Package, mutant: Mutant, verdict: Verdict, place: Path) -> Outcome:
    sources = package.sources(mutant.file)
    return Outcome(
        mutant, verdict, proof.argument(package.root, package.block, mutant, sources, place / "proof")
    )


def _formal(package: Package, mutant: Mutant, verdict: Verdict, place: Path) -> Outcome:
    """Found when a module is not proven equal to its twin; cells that are proven so with the mutant are as they were."""
    told = proven(package, mutant, place)
    if told is Verdict.EQUAL and "/xilinx/" in mutant.file:
        return Outcome(mutant, verdict, "with it the cells are still proven equal to the other rendering")
    return Outcome(mutant, told if told is Verdict.PROVEN else verdict)


def _side_by_side(work: Sequence[Callable[[], Outcome]], processes: int, say: Say) -> list[Outcome]:
    outcomes = []
    with ThreadPoolExecutor(processes) as pool:
        for outcome in pool.map(lambda one: one(), work):
            outcomes.append(outcome)
            if outcome.survived:
                say(f"SURVIVED ({outcome.verdict.value}) {outcome.mutant.describe()}")
            elif outcome.reason is not None:
                say(f"equivalent: {outcome.reason}: {outcome.mutant.describe()}")
            elif outcome.verdict is Verdict.PROVEN:
                say(f"found by --formal alone: {outcome.mutant.describe()}")
            if len(outcomes) % 25 == 0:
                say(f"{len(outcomes)} of {len(work)} judged")
    return outcomes


def table(outcomes: Sequence[Outcome]) -> str:
    """Counts by kind, and below the reasons of those that are equivalent."""
    head = ("kind", "mutants", "found by sim", "by --formal", "equivalent", "survived")
    rows = [head]
    for kind in (*dict.fromkeys([*KINDS, *(one.mutant.kind for one in outcomes)]), "all"):
        of_kind = [one for one in outcomes if kind in (one.mutant.kind, "all")]
        counted = (
            len(of_kind),
            sum(one.verdict is Verdict.FOUND for one in of_kind),
            sum(one.verdict is Verdict.PROVEN for one in of_kind),
            sum(one.reason is not None for one in of_kind),
            sum(one.survived for one in of_kind),
        )
        rows.append((kind, *map(str, counted)))
    lines = [
        "".join(cell.rjust(14) if place else cell.ljust(10) for place, cell in enumerate(row)) for row in rows
    ]
    reasons: dict[str, int] = defaultdict(int)
    for one in outcomes:
        if one.reason is not None:
            reasons[one.reason] += 1
    return "\n".join(
        [*lines, *(f"  {count} equivalent: {reason}" for reason, count in sorted(reasons.items()))]
    )
