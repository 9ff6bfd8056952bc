"""No block of code on a page escapes: its commands are parsed, and run here or where one place says."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main
import yaml

import own_images
from conftest import REPOSITORY, Outcome
from pages import PAGES, blocks, commands, of_repository
from quweit_cli import config
from quweit_cli.cli import app

# What runs nowhere in these tests, and why.
NOT_RUN = {
    ". .venv/bin/activate": "tests are run in that environment",
    "make setup": "CI begins with it",
    "make lint": "CI does so",
    "make test": "this is it",
    "make demo": "seven minutes; README's own commands run the same flow on a smaller model",
}
# What is checked as far as its files and options go: hours, on GPUs.
LONG = ("python benchmarks/",)
# Which tests run a command for real that has no stand-in; of some commands only with an option.
RUN_ELSEWHERE = {
    "approximate": "tests/stages/test_approximate.py",
    "baseline": "tests/stages/test_baseline_command.py",
    "compare": "tests/stages/test_compare.py",
    "energy --tables": "tests/energy/test_paper_tables.py",
    "eval": "tests/stages/test_evaluate.py",
    "rtl --estimate": "tests/stages/test_foresight.py",
    "sample": "tests/stages/test_sample.py",
    "search": "tests/stages/test_search.py",
    "sim --formal": "tests/stages/test_formal.py",
    "sim --netlist": "tests/simulators/test_rtl_equals_program.py",
    "synth --plan": "tests/synthesizers/test_plans.py",
}
# Pages whose commands are run for real, in order.
RUN_FOR_REAL = {
    "README.md": "tests/test_documentation.py",
    "docs/extensions.md": "tests/config/test_extensions.py",
}
# What stands before a page begins: the project that it takes as given.
GIVEN = {
    "docs/fpga.md": ["quweit train examples/digits.yaml --out build/digits"],
    "docs/library.md": [
        "quweit train examples/digits.yaml --out build/mine",
        "quweit dump build/mine/train/ckpt.pt --out build/mine",
    ],
    "docs/method.md": [
        "quweit train examples/digits.yaml --out build/layer",
        "quweit dump build/layer/train/ckpt.pt --out build/layer",
    ],
}
# Blocks in Python and in other languages, by page: the test that runs them, or why none does.
CODE = {
    "docs/library.md": "tests/library/test_models_of_others.py",
    "docs/integration.md": "tests/hdl/test_integration_page.py",
    "docs/extensions.md": "tests/config/test_extensions.py",
    "docs/fpga.md": "of whoever has a board; tests/hdl/test_boards.py plays its script against a stand-in",
    "docs/architecture.md": "a fragment, of how stages are written",
}
LANGUAGES = {"python", "tcl", "toml", "c", "sh"}  # of these, on those pages alone
OF_DATA = {"text", "json", "yaml"}  # drawings and output, and what other tests read
NOT_EXPERIMENTS = {"docs/ci-example.md"}  # its YAML is that of a CI


COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def page_id(page: Path) -> str:
    return of_repository(page)


def elsewhere(line: str) -> str | None:
    """Where a command is run that is not run with stand-ins."""
    words = line.split()[1:]
    for key, file in RUN_ELSEWHERE.items():
        command, *options = key.split()
        if words[0] == command and set(options) <= set(words):
            return file
    return None


def words_of(line: str) -> list[str]:
    """Of what one process of torchrun runs, where that starts several."""
    words = shlex.split(line)
    if words[0] == "torchrun" and words[3:5] == ["-m", "quweit_cli"]:  # after `--nproc-per-node N`
        return ["quweit", *words[5:]]
    return words


def escaped(text: str, page: str = "") -> list[str]:
    """What of a page's blocks nothing looks at, each as a sentence."""
    looked_at = OF_DATA | (LANGUAGES if page in CODE else {"python"})
    found = []
    for block in blocks(text):
        if block.language == "console":
            found += [
                f"not at a prompt: {line}" for line in block.text.splitlines() if not line.startswith("$ ")
            ]
        elif block.language not in looked_at:
            found.append(f"a block in `{block.language}`: {block.text.splitlines()[0]}")
    for line in commands(text):
        if line not in NOT_RUN:
            found += amiss(line)
    return found


def amiss(line: str) -> list[str]:
    """What the command line itself says against a command, before it does anything."""
    words = words_of(line)
    if words[0] == "python":
        return amiss_of_script(words[1], words[2:])
    if words[0] != "quweit":
        return [f"neither of quweit nor in NOT_RUN: {line}"]
    known = COMMANDS.get(words[1])
    if known is None:
        return [f"no such command: {line}"]
    try:
        known.make_context(words[1], words[2:])
    except Exception as error:
        return [f"{line}: {error}"]
    return []


def amiss_of_script(name: str, arguments: list[str]) -> list[str]:
    script = REPOSITORY / name
    if not script.is_file():
        return [f"no such script: {name}"]
    files = [
        word for word in arguments if word.startswith("benchmarks/") and not (REPOSITORY / word).is_file()
    ]
    options = [word for word in arguments if word.startswith("--") and f'"{word}"' not in script.read_text()]
    return [f"{name} has no {word}" for word in files + options]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_no_block_of_a_page_escapes(page: Path) -> None:
    assert escaped(page.read_text(), of_repository(page)) == []


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("```console\n$ quweit fly build/x\n```\n", "no such command"),
        ("```console\n$ quweit sim build/x --height 3\n```\n", "--height"),
        ("```console\n$ quweit sim build/x --simulator nonsense\n```\n", "nonsense"),
        ("```console\n$ quweit sim build/x --rows many\n```\n", "many"),
        ("```console\n$ rm -rf build\n```\n", "neither of quweit"),
        ("```console\n$ torchrun --nproc-per-node 2 -m quweit_cli fly\n```\n", "no such command"),
        ("```console\n$ python benchmarks/nothing.py\n```\n", "no such script"),
        ("```console\n$ python benchmarks/compare_training.py --height 3\n```\n", "has no --height"),
        ("```console\nquweit sim build/x\n```\n", "not at a prompt"),
        ("```bash\nquweit fly\n```\n", "a block in `bash`"),
        ("```\nquweit fly\n```\n", "a block in ``"),
        ("Indented:\n\n    quweit fly\n", "a block in ``"),
        ("- in a list\n\n  ```sh\n  quweit fly\n  ```\n", "a block in `sh`"),
    ],
)
def test_a_planted_block_is_found(planted: str, said: str) -> None:
    (found,) = escaped(planted)
    assert said in found


WITH_COMMANDS = [
    page for page in PAGES if commands(page.read_text()) and of_repository(page) not in RUN_FOR_REAL
]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=page_id)
def test_the_commands_of_a_page_run_in_order(
    page: Path, checkout: Path, quweit: Callable[..., Outcome]
) -> None:
    """With stand-ins for the stages, so that what is tested is what the page says: names, options, settings, order."""
    for line in [*GIVEN.get(of_repository(page), []), *commands(page.read_text())]:
        if line in NOT_RUN or line.startswith(LONG) or elsewhere(line):
            continue
        if line == "quweit init digits":  # which writes over nothing
            (checkout / "examples" / "digits.yaml").unlink()
        done = quweit(*words_of(line)[1:])
        assert done.code == 0, f"$ {line}\n{done.stdout}\n{done.stderr}"


def test_every_exception_is_of_use_and_every_test_that_it_names_is_there() -> None:
    lines = [line for page in PAGES for line in commands(page.read_text())]
    assert set(NOT_RUN) <= set(lines)
    assert all(any(line.startswith(beginning) for line in lines) for beginning in LONG)
    assert all((REPOSITORY / file).is_file() for file in RUN_FOR_REAL.values())
    for key, file in RUN_ELSEWHERE.items():
        command = key.split()[0]
        assert any(elsewhere(line) == file for line in lines), key
        assert re.search(rf"\b{command}\b", (REPOSITORY / file).read_text()), file


def test_every_block_of_code_is_run_or_said_to_be_a_fragment() -> None:
    pages = {
        of_repository(page)
        for page in PAGES
        if any(one.language in LANGUAGES for one in blocks(page.read_text()))
    }
    assert pages == set(CODE)
    for page, file in CODE.items():
        if file.endswith(".py"):
            assert page in (REPOSITORY / file).read_text()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_blocks_in_yaml_are_of_known_settings(page: Path) -> None:
    for block in blocks(page.read_text()):
        if block.language == "yaml" and of_repository(page) not in NOT_EXPERIMENTS:
            experiment = {
                "name": "page",
                "data": {"source": "digits"},
                "training": {"steps": 1, "batch_size": 1},
                **yaml.safe_load(block.text),
            }
            experiment["model"] = {
                "family": "vit",
                "dim": 8,
                "depth": 1,
                "heads": 1,
                **experiment.get("model", {}),
            }
            config.Experiment.model_validate(experiment)


@pytest.fixture
def checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in_stages: list[str], stand_in_tools: None
) -> Path:
    """The current folder, with what commands of pages find there: examples, the worked example, data, projects."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    shutil.copytree(REPOSITORY / "docs" / "example", tmp_path / "docs" / "example")
    own_images.write(tmp_path / "mine.npz")
    return tmp_path
