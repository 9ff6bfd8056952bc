"""nextpnr: blocks placed and routed on a part of Lattice, and a bitstream of each; Yosys maps them before.

A block is placed in its AXI-Stream wrapper, between two register slices (`hdl.axis.render_shell`): nextpnr does not
count paths to pins, and without the slices the clock would be that of half of the wrapper. Pins lie where nextpnr puts
them. Each seed is a placement of its own; the fastest one is kept. A missed clock does not end nextpnr: the stage says it.

For a board the shell stands behind a serial line (`hdl.board`), on the pins that the board has, and a script for the host
lies beside the bitstream.

Arrays, units and whole models are left out: they have no wrapper that such a part has the pins for.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import inside, write_text
from quweit_cli.config import Synth
from quweit_cli.documents import BlockDesign, Implementation, ResourceUse, RoutedFigures, SeedFigures
from quweit_cli.errors import ConfigError, ConstraintMissed, ToolFailed
from quweit_cli.hdl.axis import REGISTER_SLICE, render_shell, shell_of
from quweit_cli.hdl.board import HOST, MODULES, board_top, render_board
from quweit_cli.hdl.words import yosys_word
from quweit_cli.progress import Progress
from quweit_cli.synthesizers import cache
from quweit_cli.synthesizers.base import Package
from quweit_cli.synthesizers.cells import RESOURCES, cell_counts, resources
from quweit_cli.synthesizers.nextpnr import netlists, reports
from quweit_cli.technologies import Routing, Technology, board_named, routing_of, technology_of
from quweit_cli.templating import static_text
from quweit_cli.toolbox import Found, Plan

FOLDER = "nextpnr"
METHOD = (
    "{version}: MHz from flip-flop to flip-flop after routing, by its own delays; paths to and from pins, {pins}, and "
    "the reset do not count. {yosys}: cells of the block with its AXI-Stream wrapper and a register slice a side{line}. No power is stated"
)


@dataclass(frozen=True)
class Steps:
    """Runs of a block: mapping, and for each seed placement and routing, and packing."""

    block: BlockDesign
    mapping: Plan
    routing: dict[int, Plan]
    packing: dict[int, Plan]


@dataclass(frozen=True)
class Top:
    """What is placed of a block: a module, the files around the wrapper, and where its pins lie."""

    name: str
    files: dict[str, str]
    pins: dict[str, str]  # file -> text; none where pins lie freely


@dataclass(frozen=True)
class Placement:
    """A seed, and what came of it."""

    figures: SeedFigures
    routed: reports.Routed
    run: cache.Run


class Nextpnr:
    def tools(self, options: Synth) -> tuple[toolbox.Tool, ...]:
        return (toolbox.YOSYS, toolbox.TOOLS[routing_of(options.device).tool])

    def plans(self, package: Package, options: Synth, folder: Path) -> list[Plan]:
        """All runs in `folder`, one after the other: a bitstream of each block and seed."""
        return [
            plan
            for steps in all_steps(package, options, folder)
            for plan in (steps.mapping, *steps.routing.values(), *steps.packing.values())
        ]

    def synthesize(
        self, package: Package, options: Synth, folder: Path, progress: Progress
    ) -> list[Implementation]:
        """Every block, seeds side by side.

        Raises as `Synthesizer.synthesize` does, and:
            ConstraintMissed: a block does not fit the device.
        """
        wanted = all_steps(package, options, folder)
        yosys, nextpnr = (toolbox.find(tool) for tool in self.tools(options))
        packer = _packer(nextpnr, routing_of(options.device))
        pairs = [(steps, seed) for steps in wanted for seed in steps.routing]
        with progress.task("place and route", total=len(pairs)) as task:
            mapped = toolbox.side_by_side(lambda steps: _map(yosys, steps, options, folder), wanted)
            keys = {steps.block.name: run.key for steps, run in zip(wanted, mapped, strict=True)}

            def place(pair: tuple[Steps, int]) -> Placement:
                steps, seed = pair
                made = _place(nextpnr, steps, seed, options, folder, after=keys[steps.block.name])
                task.advance()
                return made

            placements = toolbox.side_by_side(place, pairs)
        made = []
        for steps, run in zip(wanted, mapped, strict=True):
            mine = [one for (other, _), one in zip(pairs, placements, strict=True) if other is steps]
            best = max(mine, key=lambda one: one.routed.reached_mhz)  # the first of several
            steps.packing[best.figures.seed].run(packer, folder)
            made.append(_implementation(steps, options, folder, (yosys, nextpnr), run, mine, best))
        return made


def all_steps(package: Package, options: Synth, folder: Path) -> list[Steps]:
    """Of every block.

    Raises:
        ConfigError: a part that nextpnr does not know, or a package without blocks.
        ArtifactError: a source is outside of the package.
    """
    routing = routing_of(options.device)
    if not package.manifest.blocks:
        raise ConfigError(
            f"`{package.manifest.name}` has no blocks, and nothing else is placed and routed",
            hint="count the cells of its other designs with `--tool yosys`",
        )
    return [_steps(block, package, options, routing, folder) for block in package.manifest.blocks]


def _steps(block: BlockDesign, package: Package, options: Synth, routing: Routing, folder: Path) -> Steps:
    sources, stem = Path(os.path.relpath(package.folder, folder)), f"{FOLDER}/{block.name}"
    names = [*block.sources, *block.axis.sources]
    top = _top(block, options, routing)
    read: list[Path | str] = [*(sources / name for name in names), *top.files]
    mapping = Plan(
        tool=toolbox.YOSYS,
        name=f"yosys on block {block.name}",
        files={
            f"{stem}.ys": _script(top.name, stem, technology_of(options.device), read),
            **top.files,
            **{(sources / name).as_posix(): inside(package.folder, name) for name in names},
        },
        arguments=(f"{stem}.ys",),
        log=f"{stem}.yosys.log",
    )
    tool, device = toolbox.TOOLS[routing.tool], routing.options(options.device)
    assert device is not None  # `routing_of` has it
    pins = (routing.constraints[0], *top.pins) if top.pins else routing.always
    seeds = range(1, options.seeds + 1)
    return Steps(
        block,
        mapping,
        {
            seed: Plan(
                tool=tool,
                name=f"nextpnr on block {block.name}, seed {seed}",
                files={**top.pins},
                arguments=(
                    *("--json", f"{stem}.json", "--top", top.name),
                    *device,
                    *pins,
                    *("--freq", f"{options.clock_mhz:g}", "--seed", str(seed), "--timing-allow-fail"),
                    *("--report", f"{stem}.seed{seed}.report.json"),
                    *("--write", f"{stem}.seed{seed}.routed.json"),
                    *(routing.written, f"{stem}.seed{seed}.config"),
                ),
                log=f"{stem}.seed{seed}.log",
            )
            for seed in seeds
        },
        {
            seed: Plan(
                tool=replace(tool, executable=routing.packer),
                name=f"{routing.packer} on block {block.name}",
                files={},
                arguments=(f"{stem}.seed{seed}.config", f"{stem}.seed{seed}{routing.bitstream}"),
                log=f"{stem}.seed{seed}.pack.log",
            )
            for seed in seeds
        },
    )


def _top(block: BlockDesign, options: Synth, routing: Routing) -> Top:
    """The shell, or what a board has around it.

    Raises:
        ConfigError: there is no such board, or the wrapper's bus is too wide for its line.
    """
    files = {
        f"{FOLDER}/{shell_of(block)}.v": render_shell(block),
        f"{FOLDER}/{REGISTER_SLICE}": static_text(f"package/{REGISTER_SLICE}"),
    }
    if options.board is None:
        return Top(shell_of(block), files, {})
    board, (option, line) = board_named(options.board), routing.constraints
    files |= {f"{FOLDER}/{Path(name).name}": static_text(name) for name in MODULES}
    files[f"{FOLDER}/{board_top(block)}.v"] = render_board(block, board)
    pins = "".join(line.format(port=port, site=site) + "\n" for port, site in board.pins.items())
    return Top(board_top(block), files, {f"{FOLDER}/{board.name}.{option.strip('-')}": pins})


def _script(module: str, stem: str, technology: Technology, sources: list[Path | str]) -> str:
    """$scopeinfo cells are no hardware, and nextpnr does not know them."""
    top = yosys_word(module)
    lines = [
        *(f"read_verilog -sv {yosys_word(source)}" for source in sources),
        technology.synthesis(top, flatten=True),
        "delete t:$scopeinfo",
        "check -assert",
        f"tee -q -o {yosys_word(f'{stem}.stat.json')} stat -json -top {top}",
        f"write_json {yosys_word(f'{stem}.json')}",
    ]
    return "\n".join(lines) + "\n"


def _packer(nextpnr: Found, routing: Routing) -> Found:
    """Of the same package, or beside the executable."""
    if nextpnr.command[-1] == routing.tool:
        return replace(nextpnr, command=(*nextpnr.command[:-1], routing.packer))
    return replace(nextpnr, command=(toolbox.companion(nextpnr, routing.packer, None),))


def _map(found: Found, steps: Steps, options: Synth, folder: Path) -> cache.Run:
    stem = folder / FOLDER / steps.block.name
    left = [
        folder / steps.mapping.log,
        *(stem.with_name(f"{stem.name}{end}") for end in (".json", ".stat.json")),
    ]
    return cache.run(steps.mapping, found, folder, left, use=options.cache)


def _place(found: Found, steps: Steps, seed: int, options: Synth, folder: Path, *, after: str) -> Placement:
    plan, stem = steps.routing[seed], folder / FOLDER / f"{steps.block.name}.seed{seed}"
    report = stem.with_name(f"{stem.name}.report.json")
    left = [folder / plan.log, report]
    left += [stem.with_name(f"{stem.name}{end}") for end in (".config", ".routed.json")]
    try:
        run = cache.run(plan, found, folder, left, use=options.cache, after=after)
    except ToolFailed:
        if over := reports.too_many(_read(folder / plan.log)):
            raise _does_not_fit(steps.block, over, options.device) from None
        raise
    routed = reports.routed(report)
    figures = SeedFigures(
        seed=seed,
        placed_mhz=reports.placed_mhz(_read(folder / plan.log)),
        reached_mhz=routed.reached_mhz,
        seconds=run.seconds,
    )
    return Placement(figures, routed, run)


def _read(log: Path) -> str:
    return log.read_text(errors="replace") if log.is_file() else ""


def _does_not_fit(block: BlockDesign, over: list[ResourceUse], device: str) -> ConstraintMissed:
    routing = routing_of(device)
    amounts = [
        f"{one.used:,} of {one.available:,} {routing.resources.get(one.name, one.name)}" for one in over
    ]
    if routing.pins in {one.name for one in over}:
        hint = "render the package with `quweit rtl --bus-bytes 1`, or name a larger part"
    else:
        hint = f"fold it more, it takes {block.initiation_interval_cycles} cycles a row: `quweit rtl --cycles-per-row N`; or name a larger part"
    return ConstraintMissed(f"{block.name} does not fit {device}: {', '.join(amounts)}", hint=hint)


def _implementation(
    steps: Steps,
    options: Synth,
    folder: Path,
    tools: tuple[Found, Found],
    mapped: cache.Run,
    placements: list[Placement],
    best: Placement,
) -> Implementation:
    block, seed, (yosys, nextpnr) = steps.block, best.figures.seed, tools
    used = Counter(
        resources(cell_counts(folder / FOLDER / f"{block.name}.stat.json"), technology_of(options.device))
    )
    routing, stem = routing_of(options.device), f"{FOLDER}/{block.name}.seed{seed}"
    report, bitstream = (f"{stem}{end}" for end in (".report.json", routing.bitstream))
    if not (folder / bitstream).is_file():
        raise ToolFailed(f"`{steps.packing[seed].name}` left no `{bitstream}`")
    netlist = None
    if options.board:
        write_text(folder / FOLDER / Path(HOST).name, static_text(HOST))
    elif text := netlists.netlist(folder / f"{stem}.routed.json", block.axis.top, routing):
        netlist = f"{stem}.netlist.v"
        write_text(folder / netlist, text)
    return Implementation(
        design=block.name,
        kind=block.kind,
        tool="nextpnr",
        version=nextpnr.version,
        device=options.device,
        clock_mhz=options.clock_mhz,
        stage="route",
        brams=float(used["brams"]),
        **{name: int(used[name]) for name in RESOURCES},
        slack_ns=round(1000 / options.clock_mhz - 1000 / best.routed.reached_mhz, 3),
        seconds=round(mapped.seconds + sum(one.run.seconds for one in placements), 3),
        cached=mapped.cached and all(one.run.cached for one in placements),
        log=steps.routing[seed].log,
        netlist=netlist,
        routed=RoutedFigures(
            reached_mhz=best.routed.reached_mhz,
            seed=seed,
            critical_path=best.routed.critical_path,
            resources=best.routed.resources,
            seeds=[one.figures for one in placements],
            bitstream=bitstream,
            report=report,
            board=options.board,
            method=METHOD.format(
                version=nextpnr.version,
                yosys=yosys.version,
                line=", and a serial line" if options.board else "",
                pins=f"those of {options.board}" if options.board else "which lie freely",
            ),
        ),
    )
