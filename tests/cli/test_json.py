"""Every command gives what it found as one JSON document on stdout, and nothing else there."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

import standins
from conftest import REPOSITORY, Outcome
from quweit_cli.cli import app
from quweit_cli.documents import SIM, SYNTH, EvalResult, SampleResult, SearchResult
from quweit_cli.stages import baseline, evaluate, sample, search

COMMANDS = dict(vars(typer.main.get_command(app))["commands"])
NO_RESULT: set[str] = set()  # commands that find nothing: there is none
# Words of a command, in an order in which each finds what it reads, and the document that it prints.
WORDS = {
    "run": ("{experiment} --out {project}", "summary/3"),
    "train": ("{experiment} --out {project}", "train/1"),
    "eval": ("{project}/train/ckpt.pt", "eval/1"),
    "sample": ("{project}/train/ckpt.pt", "sample/1"),
    "dump": ("{project}/train/ckpt.pt --out {project}", "dump/1"),
    "rtl": ("{project} --out {project}", "rtl/2"),
    "sim": ("{project}", "sim/2"),
    "synth": ("{project}", "synth/2"),
    "front": ("{project}", "front/2"),
    "energy": ("{project}", "energy/2"),
    "report": ("{project}", "summary/3"),
    "compare": ("{project} {project}_copy", "compare/1"),
    "init": ("", "init/1"),
    "doctor": ("", "doctor/1"),
    "baseline": ("--out {project}", "baseline/1"),
    "approximate": ("gelu --segments 2 --input-bits 4 --scale 0.5 --out {folder}/functions", "function/1"),
    "search": ("{experiment} --out {project}/searched --budget 1", "search/1"),
}


def test_every_command_is_walked_here_or_has_no_result() -> None:
    assert WORDS.keys() | NO_RESULT == COMMANDS.keys() and not WORDS.keys() & NO_RESULT
    for name, command in COMMANDS.items():
        assert name in NO_RESULT or "--json" in {flag for option in command.params for flag in option.opts}, (
            name
        )


def test_json_is_all_there_is_on_stdout(
    quweit: Callable[..., Outcome],
    experiment_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stand_in_stages: None,
    stand_in_tools: None,
) -> None:
    project = tmp_path / "project"
    of_model = {"name": "tiny", "mlp": "dense", "data": "none", "samples": 1, "device": "CPU", "loss": 1.0}
    searched = {"name": "tiny", "seed": 0, "steps": 1, "clock_mhz": 200.0, "choices": {}, "trials": []}
    of_text = {"name": "tiny", "prompt": "a", "text": "b", "seed": 0}
    monkeypatch.setattr(evaluate, "run", lambda *given, **options: EvalResult.model_validate(of_model))
    monkeypatch.setattr(sample, "run", lambda *given, **options: SampleResult.model_construct(**of_text))
    monkeypatch.setattr(search, "run", lambda *given, **options: SearchResult.model_validate(searched))
    monkeypatch.setattr(
        baseline,
        "run",
        lambda *given, **options: [
            baseline.Made(project, None, None, SIM.load(project), SYNTH.load(project))  # type: ignore[arg-type]
        ],
    )
    for name, (words, schema) in WORDS.items():
        if name == "compare":
            shutil.copytree(project, f"{project}_copy")
        given = words.format(experiment=experiment_file, project=project, folder=tmp_path).split()
        outcome = quweit(name, *given, "--json")
        assert outcome.code == 0, (name, outcome.stderr)
        assert json.loads(outcome.stdout)["schema"] == f"quweit.{schema}", name
    assert "train" in standins.CALLS


def said_with_json(source: str) -> list[int]:
    """Lines that print something which is no document, wherever `json` was not asked before."""
    found = []

    def walk(node: ast.AST, asked: bool) -> None:
        if isinstance(node, ast.If) and any(
            isinstance(one, ast.Name) and one.id.endswith("json") for one in ast.walk(node.test)
        ):
            asked = True
        if isinstance(node, ast.Attribute) and node.attr in ("print_line", "print_table", "print_note"):
            found.extend([] if asked else [node.lineno])
        for child in ast.iter_child_nodes(node):
            walk(child, asked)

    walk(ast.parse(source), False)
    return found


@pytest.mark.parametrize("name", ["training", "flow", "energy", "functions", "search"])
def test_what_is_no_document_is_printed_without_json_alone(name: str) -> None:
    assert said_with_json((REPOSITORY / f"src/quweit_cli/cli/{name}.py").read_text()) == []


def test_a_line_beside_a_document_is_found() -> None:
    assert said_with_json("show(made, json)\nconsole.print_line('more')") == [2]
    assert said_with_json("if not json:\n    console.print_line('more')") == []
