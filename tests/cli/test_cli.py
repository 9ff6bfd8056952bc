"""Every command has a help text with a runnable example, and puts data alone on stdout."""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer

import packages
import standins
from conftest import Outcome
from quweit_cli import __version__, artifacts, config, toolbox
from quweit_cli.cli import app
from quweit_cli.cli import flow as cli
from quweit_cli.config import Baseline
from quweit_cli.documents import SimResult
from quweit_cli.energy import published
from quweit_cli.stages import examples, sim

COMMANDS = dict(vars(typer.main.get_command(app))["commands"])
Quweit = Callable[..., Outcome]


def test_the_commands_are_these() -> None:
    assert list(COMMANDS) == [
        "train",
        "eval",
        "sample",
        "dump",
        "rtl",
        "sim",
        "synth",
        "front",
        "run",
        "report",
        "compare",
        "init",
        "doctor",
        "baseline",
        "energy",
        "approximate",
        "search",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_an_example_whose_options_exist(quweit: Quweit, name: str) -> None:
    outcome = quweit(name, "--help")
    assert outcome.code == 0
    example = outcome.stdout.partition("Example:")[2].split()
    assert example[:2] == ["quweit", name]
    known = {flag for option in COMMANDS[name].params for flag in option.opts}
    assert {word for word in example if word.startswith("--")} <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does_and_json_is_among_them(name: str) -> None:
    options = COMMANDS[name].params
    assert all(option.help for option in options), [option.name for option in options if not option.help]
    assert "--json" in {flag for option in options for flag in option.opts}


@pytest.mark.parametrize(
    "arguments", ["--help", "synth --help", "train --help", "search --help", "--version"]
)
def test_help_imports_nothing_that_takes_long(arguments: str) -> None:
    """`make bench` measures it."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "quweit_cli", *shlex.split(arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(re.findall(r"\| +([\w.]+)$", done.stderr, re.M))
    assert {"typer", "quweit_cli.cli.flow"} <= imported or "--version" in arguments
    assert not imported & {"torch", "numpy", "mako", "matplotlib", "sklearn", "cocotb", "yaml", "optuna"}


def test_the_version_is_printed(quweit: Quweit) -> None:
    assert quweit("--version") == Outcome(0, f"quweit {__version__}\n", "")


@pytest.mark.usefixtures("stand_in_stages")
def test_without_json_a_table_is_printed_and_progress_goes_to_stderr(
    quweit: Quweit, experiment_file: Path, tmp_path: Path, stand_in_tools: None
) -> None:
    outcome = quweit("run", experiment_file, "--out", tmp_path / "project")
    assert "equal on 4 rows of 1 blocks, 8 cycles a row" in outcome.stdout
    assert str(tmp_path / "project" / "report" / "index.html") in outcome.stdout
    assert "rtl     done in" in outcome.stderr
    assert "done in" not in outcome.stdout
    assert quweit("--quiet", "run", experiment_file, "--out", tmp_path / "project").stderr == ""


@pytest.mark.usefixtures("stand_in_stages")
def test_options_reach_the_stage(quweit: Quweit, experiment_file: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    assert quweit("train", experiment_file, "--out", project, "--set", "training.steps=7").code == 0
    assert "weights 0 7 " in (project / "train" / "ckpt.pt").read_text()
    assert quweit("train", experiment_file, "--out", project, "--seed", 5).code == 0
    assert "weights 5 1 " in (project / "train" / "ckpt.pt").read_text()
    rtl = quweit("rtl", project / "train" / "ckpt.pt", "--out", project, "--outputs-per-cycle", 4, "--json")
    assert json.loads(rtl.stdout)["blocks"][0]["initiation_interval_cycles"] == 2
    sim = quweit("sim", project, "--simulator", "all", "--json")
    assert [one["simulator"] for one in json.loads(sim.stdout)["simulators"]] == ["verilator", "icarus"]
    assert quweit("sim", project, "--block", "block0", "--block", "block1").code == 0
    assert artifacts.read_stage(project, "sim").options["only"] == ["block0", "block1"]
    synth = quweit("synth", project, "--clock-mhz", 150, "--device", "xcvu9p", "--json")
    block = json.loads(synth.stdout)["designs"][0]
    assert (block["clock_mhz"], block["device"]) == (150.0, "xcvu9p")


@pytest.mark.usefixtures("stand_in_stages")
def test_rtl_takes_a_checkpoint_a_project_or_a_dump_folder(
    quweit: Quweit, experiment_file: Path, tmp_path: Path
) -> None:
    trained = tmp_path / "trained"
    assert quweit("train", experiment_file, "--out", trained).code == 0
    checkpoint = trained / "train" / "ckpt.pt"
    for number, source in enumerate([checkpoint, tmp_path / "out0", tmp_path / "out0" / "dump"]):
        outcome = quweit("rtl", source, "--out", tmp_path / f"out{number}")
        assert outcome.code == 0, outcome.stderr
    records = [
        json.loads((tmp_path / f"out{n}" / "rtl" / "stage.json").read_text())["inputs"] for n in range(3)
    ]
    assert records[0] == records[1] == records[2]


def test_a_proof_of_one_block_alone_is_refused(quweit: Quweit, tmp_path: Path) -> None:
    outcome = quweit("sim", tmp_path, "--formal", "--block", "block0")
    assert outcome.code == 2
    assert "leave out `--block`" in outcome.stderr


def test_the_simulators_of_the_option_are_the_registered_ones() -> None:
    simulators = pytest.importorskip("quweit_cli.simulators")
    option = get_type_hints(cli.sim, include_extras=True)["simulator"]
    offered = set(get_args(get_args(option)[0]))
    assert offered - {"all"} == set(simulators.SIMULATORS)
    assert set(simulators.SIMULATORS) <= set(toolbox.TOOLS)


def test_the_synthesizers_of_the_option_are_the_registered_ones() -> None:
    synthesizers = pytest.importorskip("quweit_cli.synthesizers")
    option = get_type_hints(cli.synth, include_extras=True)["tool"]
    assert set(get_args(get_args(option)[0])) == set(synthesizers.SYNTHESIZERS)
    assert set(synthesizers.SYNTHESIZERS) - {"nextpnr"} <= set(
        toolbox.TOOLS
    )  # of which there is one a family


def test_a_mismatch_still_prints_its_artefact(quweit: Quweit, experiment_file: Path, tmp_path: Path) -> None:
    def differ(*arguments: Any, **options: Any) -> SimResult:
        standins.sim(*arguments, **options)
        return packages.sim_result(bit_exact=False)

    standins.install(sim=differ)
    try:
        project = tmp_path / "project"
        quweit("train", experiment_file, "--out", project)
        quweit("rtl", project / "train" / "ckpt.pt", "--out", project)
        outcome = quweit("sim", project, "--json")
    finally:
        standins.remove()
    assert outcome.code == 1
    assert json.loads(outcome.stdout)["schema"] == "quweit.sim/2"
    assert "expected -4, got 12" in outcome.stderr


@pytest.mark.parametrize("equal", [True, False])
def test_the_heading_of_a_comparison_says_what_was_simulated(
    quweit: Quweit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, equal: bool
) -> None:
    packages.write_rtl(tmp_path / "project")
    monkeypatch.setattr(sim, "compare", lambda *_, **__: packages.sim_result(bit_exact=equal))
    for options, what in (((), "RTL"), (("--netlist",), "netlists")):
        outcome = quweit("sim", str(tmp_path / "project"), *options)
        assert outcome.code == (0 if equal else 1)
        assert f"tiny: {what} against the integer program" in outcome.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_quiet_before_and_after_its_name(name: str) -> None:
    assert {"--quiet", "-q"} <= {flag for option in COMMANDS[name].params for flag in option.opts}


@pytest.mark.usefixtures("stand_in_stages")
@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_quiet_says_nothing_wherever_it_stands(
    quweit: Quweit, experiment_file: Path, tmp_path: Path, stand_in_tools: None, flag: str
) -> None:
    command = ["run", experiment_file, "--out", tmp_path / "project"]
    assert quweit(*command, flag).stderr == ""
    assert quweit(flag, *command).stderr == ""
    assert "up to date" in quweit(*command).stderr


SETTINGS_OF = {
    "dump": config.Dump,
    "rtl": config.Rtl,
    "synth": config.Synth,
    "baseline": Baseline,
    "energy": config.Energy,
}


def bounds(field: dict[str, Any]) -> Iterator[float]:
    """Smallest and largest value of a setting, as its JSON Schema has them, in whichever of its arms."""
    for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if name in field:
            yield field[name]
    for arm in field.get("anyOf", ()):
        yield from bounds(arm)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_the_bounds_of_every_option(quweit: Quweit, name: str) -> None:
    """Both those that the command line checks and those of the settings that an option becomes."""
    kind = SETTINGS_OF.get(name)
    fields = {} if kind is None else kind.model_json_schema()["properties"]
    described = re.split(r"^  (?:-\w, )?(?=--\w)", quweit(name, "--help").stdout, flags=re.MULTILINE)[1:]
    parts = {re.split(r"[ ,\n]", one)[0]: one for one in described}
    (function,) = [command.callback for command in app.registered_commands if command.name == name]
    declared = inspect.signature(function, eval_str=True).parameters  # type: ignore[arg-type]
    for option in COMMANDS[name].params:
        info = get_args(declared[option.name].annotation)[1] if option.name in declared else None
        own = [limit for side in ("min", "max") if (limit := getattr(info, side, None)) is not None]
        for limit in own or bounds(fields.get(option.name, {})):
            written = str(limit) if isinstance(limit, int) else f"{limit:.12g}"
            assert re.search(rf"\b{written}\b", parts[option.opts[0]]), (option.opts[0], limit)


def test_help_names_the_arrays_that_can_be_compared_with(quweit: Quweit) -> None:
    *most, last = published.SYSTOLIC
    assert f"{', '.join(map(str, most))} or {last}" in " ".join(quweit("energy", "--help").stdout.split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["tr"], {"train"}),
        (["s"], {"sample", "search", "sim", "synth"}),
        (["train", "--re"], {"--resume"}),
        (["sim", "x", "--simulator", "v"], {"verilator"}),
        (["eval", "--q"], {"--quiet"}),
        (["--ver"], {"--version"}),
        (["--show-completion", ""], {"bash", "zsh", "fish"}),
        (["init", "pydoc"], {"pydoc_gpt", "pydoc_gpt_early_exits"}),
        (["synth", "x", "--device", "ecp5-8"], {"ecp5-85"}),
        (["synth", "x", "--set", "ca"], {"cache="}),
        (["run", "x.yaml", "--set", "training.st"], {"training.steps=", "training.start_from="}),
        (["approximate", "reciprocal_"], {"reciprocal_root"}),
        (["baseline", "--model", "i_vit"], {"i_vit_t"}),
    ],
)
def test_bash_completes_commands_options_and_choices(
    words: list[str], expected: set[str], tmp_path: Path
) -> None:
    """As an interactive bash asks, with the script that `--show-completion bash` prints."""
    (tmp_path / "quweit").write_text(f'#!/bin/sh\nexec {sys.executable} -m quweit_cli "$@"\n')
    (tmp_path / "quweit").chmod(0o755)
    line = shlex.join(["quweit", *words])
    script = (
        f"PATH={tmp_path}:$PATH\n. <(quweit --show-completion bash)\n"
        f"COMP_WORDS=({line})\nCOMP_CWORD={len(words)}\n"
        'found=$(complete -p quweit | sed "s/.*-F \\([^ ]*\\).*/\\1/")\n'
        '$found quweit\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=False)
    assert set(done.stdout.split()) == expected, done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_are_told_what_a_name_means(shell: str) -> None:
    """As the scripts ask that `--show-completion` prints; neither shell is in every machine."""
    done = asked(
        f"complete_{shell}",
        _TYPER_COMPLETE_ARGS="quweit init digits_early",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    summary = next(
        one.summary for one in examples.run(None, None).examples if one.name == "digits_early_exits"
    )
    assert "digits_early_exits" in done.stdout and summary.split(",")[0] in done.stdout


@pytest.mark.parametrize(
    "line", ["quweit ini", "quweit synth x --device up", "quweit train x --set training.", "quweit init d"]
)
def test_completion_imports_nothing_that_takes_long(line: str) -> None:
    words = line.split()
    done = asked("complete_bash", "-X", "importtime", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    assert done.stdout.strip()
    imported = set(re.findall(r"\| +([\w.]+)$", done.stderr, re.M))
    assert "quweit_cli.cli.flow" in imported
    assert not imported & {"torch", "matplotlib", "sklearn", "cocotb", "optuna", "numba"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_installed_where_it_is_read(
    quweit: Quweit, shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shown = quweit("--show-completion", shell)
    assert shown.code == 0 and f"complete_{shell}" in shown.stdout
    outcome = quweit("--install-completion", shell)
    assert outcome.code == 0, outcome.stderr
    written = Path(re.findall(r"written: (.*)", outcome.stdout)[0])
    assert written.is_relative_to(tmp_path) and f"complete_{shell}" in written.read_text()
    assert quweit("--show-completion", "tcsh").code == 2


def asked(instruction: str, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What is answered to a shell."""
    return subprocess.run(
        [sys.executable, *flags, "-m", "quweit_cli"],
        env=os.environ | {"_QUWEIT_COMPLETE": instruction} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
