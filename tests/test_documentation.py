"""What the documentation says is true: commands run, generated files are fresh, examples add up."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import numpy as np
import pytest

from conftest import REPOSITORY, Outcome
from pages import PAGES, commands
from quweit_cli import config
from quweit_cli.ir.program import trace
from quweit_cli.ir.serialization import ProgramRecord, program_from_record
from quweit_cli.stages import doctor, pipeline

TINY = """\
name: digits
data: {source: digits}
model:
  family: vit
  dim: 8
  depth: 1
  heads: 1
  block: {thermometer: {bits: 2}, lut_layers: [12], fan_in: 3}
training: {steps: 2, batch_size: 8}
dump: {rows: 32, golden_samples: 4}
sim: {simulators: [verilator]}
"""


README = [line for line in commands((REPOSITORY / "README.md").read_text()) if not line.startswith("make ")]
NEED_ICARUS = [line for line in README if "--simulator all" in line]
# In tests/stages/test_search.py and tests/stages/test_approximate.py.
RUN_ELSEWHERE = ("quweit search ", "quweit approximate ")


def test_the_generated_pages_are_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "docs" / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nrun `make docs`"


def test_a_stale_generated_page_is_found(generator: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    shutil.copytree(REPOSITORY / "docs", folder)
    generator.DOCS = folder
    assert generator.main(["--check"]) == 0
    (folder / "cli.md").write_text("# Commands\n")
    assert generator.main(["--check"]) == 1
    assert (folder / "cli.md").read_text() == "# Commands\n"
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0


@pytest.mark.requires("verilator", "yosys")
def test_the_commands_of_the_readme_run_in_order(tiny_checkout: Path, quweit: Callable[..., Outcome]) -> None:
    """On a tiny experiment in the place of the one that they name; make targets are run by CI."""
    for line in README:
        if line not in NEED_ICARUS and not line.startswith(RUN_ELSEWHERE):
            run_line(line, quweit)
    summary = json.loads((tiny_checkout / "build" / "digits" / "summary.json").read_text())
    assert summary["sim"]["verilator"]["bit_exact"] is True
    assert (tiny_checkout / "build" / "digits" / "report" / "index.html").is_file()


@pytest.mark.requires("icarus", "verilator")
@pytest.mark.usefixtures("tiny_checkout")
def test_the_commands_for_both_simulators_run(quweit: Callable[..., Outcome]) -> None:
    assert NEED_ICARUS
    run_line("quweit train examples/digits.yaml --out build/digits", quweit)
    run_line("quweit rtl build/digits/train/ckpt.pt --out build/digits", quweit)
    for line in NEED_ICARUS:
        run_line(f"{line} --rows 16", quweit)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_make_targets_of_the_pages_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    examples = {path.stem.replace("_", "-") for path in (REPOSITORY / "examples").glob("*.yaml")}
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M)) | examples
    for page in PAGES:
        for target in re.findall(r"(?:`|\$ )make ([a-z-]+)", page.read_text()):
            assert target in targets, f"{page.name}: make {target}"


NAMED = re.compile(r"(?<![\w./<*{}$-])((?:[a-z_]+/)+[a-z_0-9]+\.py)\b(?!\.mako)")
OF_OTHERS = {"config/train_shakespeare_char.py"}  # nanoGPT's


def named_and_absent(text: str) -> set[str]:
    """Paths of Python files in a text that are in none of the folders which they may count from."""
    roots = [REPOSITORY / place for place in (".", "src/quweit_cli", "templates", "tests")]
    return {
        name
        for name in NAMED.findall(text)
        if name not in OF_OTHERS and not any((root / name).is_file() for root in roots)
    }


def test_every_file_that_a_page_or_docstring_names_is_there() -> None:
    sources = (REPOSITORY / "src" / "quweit_cli").rglob("*.py")
    for path in [*PAGES, REPOSITORY / "templates" / "README.md", *sources]:
        if path.name != "CHANGELOG.md":
            assert named_and_absent(path.read_text()) == set(), path
    assert named_and_absent("see `hdl/render.py`") == {"hdl/render.py"}


def test_the_formats_page_lists_every_document(generator: ModuleType) -> None:
    page = (REPOSITORY / "docs" / "formats.md").read_text()
    for name in generator.DOCUMENTS:
        assert page.count(f"[{name}](schemas/{name}.json)") == 1, name


def test_the_worked_example_of_the_formats_page_adds_up(generator: ModuleType) -> None:
    page = (REPOSITORY / "docs" / "formats.md").read_text()
    shown = json.loads(re.findall(r"```json\n(.*?)```", page, re.S)[0])
    assert shown == generator.example_program().model_dump(mode="json", by_alias=True)
    program = program_from_record(ProgramRecord.model_validate(shown))
    rows = table_below(page, "| x | thermometer | lut_layer0 | summation | y |")
    assert len(rows) == len(generator.EXAMPLE_ROWS)
    for x, *tensors in rows:
        traced = trace(program, np.array([x]))
        assert [traced[step.name][0].tolist() for step in program.steps] == tensors


def test_the_worked_graph_of_the_formats_page_checks_by_hand() -> None:
    page = (REPOSITORY / "docs" / "formats.md").read_text()
    shown = json.loads(re.findall(r"```json\n(.*?)```", page, re.S)[1])
    record = ProgramRecord.model_validate(shown)
    assert record.model_dump(mode="json", by_alias=True) == shown
    check_schema("program", shown)
    program = program_from_record(record)
    ((x, *tensors),) = table_below(page, "| x | sums | scores | weights | mixed | y |")
    traced = trace(program, np.array(x))
    assert [traced[step.name].tolist() for step in program.steps] == tensors


def test_the_formats_page_has_every_operation_with_the_equation_of_its_schema() -> None:
    schema = json.loads((REPOSITORY / "docs" / "schemas" / "program.json").read_text())
    page = (REPOSITORY / "docs" / "formats.md").read_text()
    operations = [kind for kind in schema["$defs"].values() if "op" in kind["properties"]]
    assert len(operations) >= 16
    for kind in operations:
        assert f"`{kind['properties']['op']['const']}`" in page
        assert plain(kind["description"]) in plain(page), kind["title"]


def test_the_example_dump_holds_the_rows_of_the_page() -> None:
    folder = REPOSITORY / "docs" / "example" / "dump" / "blocks"
    x, y = np.load(folder / "block0.x.npy"), np.load(folder / "block0.y.npy")
    assert (x.dtype, y.dtype) == (np.int8, np.int16)
    page = (REPOSITORY / "docs" / "formats.md").read_text()
    rows = table_below(page, "| x | thermometer | lut_layer0 | summation | y |")
    assert [row[0] for row in rows] == x.tolist()
    assert [row[-1] for row in rows] == y.tolist()


@pytest.mark.usefixtures("stand_in_stages", "stand_in_tools")
def test_the_published_schemas_hold_for_what_is_written(experiment_file: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    pipeline.run(config.load_experiment(experiment_file), project)
    written = {
        "train": project / "train" / "train.json",
        "dump": project / "dump" / "dump.json",
        "rtl": project / "rtl" / "manifest.json",
        "sim": project / "sim" / "sim.json",
        "synth": project / "synth" / "synth.json",
        "energy": project / "energy" / "energy.json",
        "stage": project / "sim" / "stage.json",
        "summary": project / "summary.json",
        "program": REPOSITORY / "docs" / "example" / "dump" / "blocks" / "block0.json",
    }
    for name, path in written.items():
        check_schema(name, json.loads(path.read_text()))
    check_schema("doctor", doctor.run().model_dump(mode="json", by_alias=True))


def test_a_schema_refuses_what_it_should() -> None:
    path = REPOSITORY / "docs" / "example" / "dump" / "dump.json"
    content = json.loads(path.read_text())
    check_schema("dump", content)
    for change in ({"extra": 1}, {"schema": "quweit.dump/2"}, {"digest": "short"}, {"blocks": None}):
        with pytest.raises(jsonschema.ValidationError):
            check_schema("dump", content | change)


def test_the_version_has_one_place() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in text
    assert not re.search(r"^version\s*=", text, re.M)


@pytest.fixture
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", REPOSITORY / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tiny_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which the README's commands find what they name, but smaller."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "digits.yaml").write_text(TINY)
    shutil.copytree(REPOSITORY / "docs" / "example", tmp_path / "docs" / "example")
    return tmp_path


def run_line(line: str, quweit: Callable[..., Outcome]) -> None:
    words = shlex.split(line)
    assert words[0] == "quweit"
    done = quweit(*words[1:])
    assert done.code == 0, f"$ {line}\n{done.stdout}\n{done.stderr}"


def plain(text: str) -> str:
    """Without marks of code and line breaks."""
    return " ".join(text.replace("`", "").split())


def table_below(page: str, header: str) -> list[list[list[Any]]]:
    """Rows of a Markdown table of lists."""
    lines = page.split(header + "\n")[1].splitlines()[1:]
    rows = list(itertools.takewhile(bool, lines))
    return [[json.loads(f"[{cell}]") for cell in row.strip("|").split("|")] for row in rows]


def check_schema(name: str, content: Any) -> None:
    schema = json.loads((REPOSITORY / "docs" / "schemas" / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(content, schema, cls=jsonschema.Draft202012Validator)
