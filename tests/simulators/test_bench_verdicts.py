"""A bench that could not tell is a failed tool, whatever it did first; only what it compared is about the hardware."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from arrays import project_with_arrays
from conftest import Outcome
from programs import project_with_dump, random_block
from quweit_cli import config, toolbox
from quweit_cli.artifacts import load
from quweit_cli.documents import RtlManifest
from quweit_cli.errors import Mismatch, ToolFailed
from quweit_cli.simulators import arrays as systolic
from quweit_cli.simulators import base, row_designs, runner, simulator
from quweit_cli.simulators.runner import Answer, Job, play
from quweit_cli.stages import rtl, sim

pytestmark = pytest.mark.requires("icarus")
DESIGN = 'module bench;\n  reg [7:0] memory [0:3];\n  initial $readmemh("words.hex", memory);\nendmodule\n'
HEAD = """\
import json, os, signal
from pathlib import Path
import cocotb, cocotb.triggers

def answer(**changes):
    whole = {"scenarios": {"one": 4, "two": 4}, "different": 0, "failures": []}
    Path(os.environ["QUWEIT_RESULT"]).write_text(json.dumps(whole | changes))

"""
TEST = HEAD + "@cocotb.test()\nasync def rows(dut):\n    await cocotb.triggers.Timer(1)\n"


def play_bench(folder: Path, module: str, **changes: object) -> Answer:
    files: dict[str, Path | str] = {"design.sv": DESIGN, "words.hex": "1 2 3 4\n", "tb/test_it.py": module}
    job = Job(
        "block0", base.Bench("bench", ("design.sv",)), files, "test_it", frozenset({"rows"}),
        {"one": 4, "two": None}, Answer,
    )  # fmt: skip
    tool = simulator("icarus")
    return play(replace(job, **changes), tool, toolbox.find(tool.tool), folder / "kept").answer  # type: ignore[arg-type]


def test_a_bench_that_compared_everything_is_believed(tmp_path: Path) -> None:
    assert play_bench(tmp_path, TEST + "    answer()\n").different == 0
    differs = play_bench(tmp_path, TEST + "    answer(different=2)\n    assert False\n")
    assert differs.different == 2
    assert (tmp_path / "kept/run.log").is_file()


COULD_NOT_TELL = {
    "raises before its answer": ("    raise ValueError('what')\n", "without a result: .*what"),
    "raises after an answer of equal": ("    answer()\n    raise ValueError('what')\n", "without a difference: .*what"),
    "dies, and the simulator ends well": ("    answer()\n    os._exit(0)\n", "without results of cocotb"),
    "dies of a signal": ("    answer()\n    os.kill(os.getpid(), signal.SIGKILL)\n", "by signal 9"),
    "is silent": ("    pass\n", "without a result"),
    "passes with a difference": ("    answer(different=1)\n", "contradicts itself"),
    "passes with a broken promise": ("    answer(failures=['x'])\n", "contradicts itself"),
    "lacks a scenario": ("    answer(scenarios={'one': 4})\n", r"did not play what it should: \['two'\]"),
    "lacks a scenario beside a difference": (
        "    answer(scenarios={'one': 4}, different=1)\n    assert False\n", r"did not play"),
    "adds a scenario": ("    answer(scenarios={'one': 4, 'two': 1, 'three': 9})\n", "did not play"),
    "compares too little": ("    answer(scenarios={'one': 3, 'two': 4})\n", "compared 3 of 4 in scenario one"),
    "compares nothing": ("    answer(scenarios={'one': 4, 'two': 0})\n", "compared 0 of any in scenario two"),
    "stops unasked": ("    answer(stopped=True, different=1)\n    assert False\n", "did not play"),
    "writes half a document": ("    Path(os.environ['QUWEIT_RESULT']).write_text('{\"scen')\n", "damaged result"),
    "writes another type": ("    answer(different='0')\n", "damaged result: different"),
    "writes a truth for a number": ("    answer(different=False)\n", "damaged result: different"),
    "writes less than nothing": ("    answer(different=-1)\n", "damaged result: different"),
    "writes a list": ("    Path(os.environ['QUWEIT_RESULT']).write_text('[]')\n", "damaged result"),
    "has a test too many": (
        "    answer()\n\n@cocotb.test()\nasync def more(dut):\n    pass\n", r"\['more', 'rows'\] in place of"),
    "has a skipped test": (
        "    answer()\n\n@cocotb.test(skip=True)\nasync def rows(dut):\n    pass\n", "in place of|without a|ran"),
}  # fmt: skip


@pytest.mark.parametrize("case", COULD_NOT_TELL)
def test_a_bench_that_could_not_tell_is_a_failed_tool(case: str, tmp_path: Path) -> None:
    body, message = COULD_NOT_TELL[case]
    with pytest.raises(ToolFailed, match=message) as caught:
        play_bench(tmp_path, TEST + body)
    assert caught.value.exit_code == 3


def test_a_module_without_a_test_or_with_another_is_a_failed_tool(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed):
        play_bench(tmp_path, HEAD)
    with pytest.raises(ToolFailed, match=r"ran \['others'\] in place of \['rows'\]"):
        play_bench(tmp_path, TEST.replace("rows", "others") + "    answer()\n")


def test_damaged_results_of_cocotb_are_a_failed_tool(tmp_path: Path) -> None:
    (tmp_path / "results.xml").write_text("<testsuites><testsu")
    (tmp_path / "run.log").write_text("last words\n")
    with pytest.raises(ToolFailed, match="last words"):
        runner._problem(tmp_path / "results.xml", frozenset({"rows"}))


def test_a_file_that_the_simulator_could_not_read_is_named_before_what_came_of_it(tmp_path: Path) -> None:
    files = {"design.sv": DESIGN, "tb/test_it.py": TEST + "    answer(different=1)\n    assert False\n"}
    with pytest.raises(ToolFailed, match="could not read what it needs: .*Unable to open words.hex"):
        play_bench(tmp_path, "", files=files)
    with pytest.raises(ToolFailed, match="could not read what it needs: .*Not enough words"):
        play_bench(tmp_path, "", files=files | {"words.hex": "1 2\n"})


def test_a_simulation_that_does_not_end_is_a_failed_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "RUN_SECONDS", 1.0)
    with pytest.raises(ToolFailed, match="was stopped after 1 s"):
        play_bench(tmp_path, TEST + "    import time\n    time.sleep(60)\n")


def test_a_bench_that_was_asked_to_may_stop_at_the_first_difference(tmp_path: Path) -> None:
    body = "    answer(scenarios={'one': 2}, different=1, stopped=True)\n    assert False\n"
    assert play_bench(tmp_path, TEST + body, stop_early=True).stopped
    with pytest.raises(ToolFailed, match="did not play"):  # stopped for no reason
        play_bench(tmp_path, TEST + "    answer(scenarios={'one': 2}, stopped=True)\n", stop_early=True)


@pytest.mark.parametrize("raises", ["products", "golden_rows"])
def test_the_real_benches_that_raise_in_their_second_scenario_are_failed_tools(
    raises: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the array and of the block alike."""
    module, owner = (systolic, "test_systolic") if raises == "products" else (row_designs, "test_block")
    text = module.static_text(f"tb/{owner}.py")
    broken = text.replace(
        "    async def play(self, name, gaps, stalls):\n",
        "    async def play(self, name, gaps, stalls):\n        assert name == 'steady', 'raised here'\n",
    )
    assert broken != text
    original = module.static_text
    monkeypatch.setattr(
        module, "static_text", lambda name: broken if name.endswith(".py") else original(name)
    )
    with pytest.raises(ToolFailed, match="ended without a result: .*raised here"):
        if raises == "products":
            project = project_with_arrays(tmp_path / "p", 8, [(8, 2, 8)])
            sim.run(project, config.Sim(simulators=("icarus",)))
        else:
            project = _project(tmp_path)
            sim.run(project, config.Sim(simulators=("icarus",)))
    assert not (tmp_path / "p/sim").exists()


@pytest.mark.parametrize("damage", ["", "zz\n", "00\n"])
def test_golden_rows_that_the_bench_does_not_hold_are_no_verdict(damage: str, tmp_path: Path) -> None:
    """A simulator that warns and goes on, or reads something else: X or wrong rows then say nothing of the block."""
    project = _project(tmp_path)
    package = (project / "rtl").resolve()
    manifest = load(RtlManifest, package / "manifest.json")
    (block,) = manifest.blocks
    tool = simulator("icarus")
    subject = row_designs.subjects(package, block, 5)["rtl"]
    job = row_designs._job(subject, package, manifest, tool, waves=False, stop_early=False)
    whole = (package / block.vectors.inputs).read_text()
    other = tmp_path / "other.hex"
    other.write_text(damage + whole[len(damage) :] if damage else "")
    files = dict(job.files) | {"other.hex": other}
    with pytest.raises(ToolFailed, match="could not read|does not hold|code"):
        play(
            replace(job, files=files, plusargs={"inputs": "other.hex"}),
            tool,
            toolbox.find(tool.tool),
            tmp_path / "k",
        )


def test_unknown_bits_of_a_block_whose_rows_are_known_are_a_difference(tmp_path: Path) -> None:
    project = _project(tmp_path)
    path = project / "rtl/rtl/toy_block0.sv"
    text = path.read_text()
    path.write_text(
        text.replace("if (advance) y_data_o <= y_d;", "if (advance) y_data_o <= {y_d[15:1], 1'bx};")
    )
    assert path.read_text() != text
    with pytest.raises(Mismatch, match="unknown bits"):
        sim.run(project, config.Sim(simulators=("icarus",), rows={"icarus": 5}))


def test_the_command_ends_with_3_when_the_bench_could_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quweit: object
) -> None:
    project = _project(tmp_path)
    rows = row_designs._rows
    monkeypatch.setattr(row_designs, "_rows", lambda *given: rows(*given)._replace(test="another"))
    outcome: Outcome = quweit("sim", project, "--simulator", "icarus")  # type: ignore[operator]
    assert outcome.code == 3 and "in place of ['another']" in outcome.stderr.replace("\n", " ")


def test_a_received_project_runs_no_python_of_its_own(tmp_path: Path) -> None:
    """Its bench says nothing either: what compares is the bench of this quweit."""
    project, spoken = _project(tmp_path), tmp_path / "spoken"
    for name in ("test_block.py", "cocotb.py", "sitecustomize.py"):
        (project / "rtl/tb" / name).write_text(f"open({str(spoken)!r}, 'w')\n")
    for name in ("quweit_row_source.sv", "quweit_row_sink.sv", "tb_toy_block0.sv"):
        (project / "rtl/tb" / name).write_text("no Verilog")
    result = sim.run(project, config.Sim(simulators=("icarus",), rows={"icarus": 5}))
    assert result.bit_exact and not spoken.exists()


def _project(folder: Path) -> Path:
    program = random_block(26, layers=(12,), outputs=1)
    project = project_with_dump(folder / "p", program, rows=12)
    rtl.run(project, config.Rtl(random_rows=0))
    assert json.loads((project / "rtl/manifest.json").read_text())["blocks"][0]["output_bits"] == 16
    return project
