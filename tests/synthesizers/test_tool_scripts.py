"""A value that reaches a script of a tool is one word there, whatever stands in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyslang.parsing import TokenKind

from conftest import Outcome
from programs import project_with_dump, random_block
from quweit_cli import config, toolbox
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.hdl import literals
from quweit_cli.hdl.words import tcl_word, yosys_word
from quweit_cli.stages import rtl
from quweit_cli.templating import render

tkinter = pytest.importorskip("tkinter", reason="Python without Tcl")

HOSTILE = [
    "xcvu9p-x [exec touch F]", "a b", "$env(HOME)", "a;exec touch F", "{", "}", 'a"b', "a\\", "#", "-x", "é漢", "~",
]  # fmt: skip
PART = "xcvu9p-x [exec touch F]"


@given(st.text(min_size=1))
def test_tcl_reads_every_word_as_it_was(text: str) -> None:
    try:
        word = tcl_word(text)
    except ArtifactError:
        assert any(ord(one) < 32 or ord(one) == 127 for one in text)
        return
    if all(ord(one) < 0xD800 for one in text):  # the rest is not of Tcl 8's alphabet
        tcl = tkinter.Tcl()
        assert tcl.eval(f"list {word}") == tcl.eval(f"list [lindex [list {word}] 0]")
        tcl.setvar("expected", text)
        assert tcl.eval(f"expr {{[llength [list {word}]] == 1 && [string equal {word} $expected]}}") == "1"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_part_is_one_word_of_the_script_of_vivado(text: str, tmp_path: Path) -> None:
    script = render(
        "vivado/design.tcl.mako",
        design="b",
        top="t",
        part=text,
        sources=["a b.sv"],
        memories=[],
        parameters={"Table": text},
        toggle_percent="12.5",
    )
    calls = run_tcl(script, tmp_path)
    assert ("create_project", "-in_memory", "-part", text) in calls
    assert ("read_verilog", "-sv", "sources/a b.sv") in calls
    assert any(call[0] == "synth_design" and call[-2:] == ("-generic", f"Table={text}") for call in calls)
    assert not (tmp_path / "F").exists()


@pytest.mark.parametrize("text", ["a\nexec touch F", "a\x00", ""])
def test_what_no_name_has_reaches_no_script(text: str) -> None:
    for word in (tcl_word, yosys_word):
        with pytest.raises(ArtifactError, match="cannot stand in a tool's script"):
            word(text)


def test_a_word_of_yosys_has_no_quotes() -> None:
    assert [yosys_word("a/b-1.sv"), yosys_word("a b;c.sv")] == ["a/b-1.sv", '"a b;c.sv"']
    with pytest.raises(ArtifactError, match="script of Yosys"):
        yosys_word('a"; shell touch F')


@pytest.mark.requires("yosys")
def test_yosys_opens_files_of_any_name_that_is_a_word(tmp_path: Path) -> None:
    names = ["a b.sv", "a;b.sv", "a#b.sv", "a[0]$x.sv"]
    for index, name in enumerate(names):
        (tmp_path / name).write_text(f"module m{index}; endmodule\n")
    (tmp_path / "x.ys").write_text(
        "".join(f"read_verilog -sv {yosys_word(name)}\n" for name in names) + "stat\n"
    )
    command = [*toolbox.find(toolbox.YOSYS).command, "x.ys"]
    output = toolbox.run(command, cwd=tmp_path, log=tmp_path / "log", name="yosys")
    assert all(f"module `\\m{index}'" in output for index in range(len(names)))


def test_no_word_of_the_language_names_a_module() -> None:
    kinds = {name.removesuffix("Keyword").lower() for name in dir(TokenKind) if name.endswith("Keyword")}
    assert len(kinds) > 200
    assert {word.replace("_", "") for word in literals.RESERVED} == kinds
    for word in ("bufif0", "endmodule", "module", "a b", "1a", "a-b", "a;b"):
        with pytest.raises(ArtifactError, match="cannot name a module"):
            literals.identifier(word)


@pytest.mark.parametrize("device", [*HOSTILE, "xcvu9p\n", "x" * 80, ""])
def test_a_device_is_a_name_of_a_part(device: str) -> None:
    with pytest.raises(ConfigError, match="device"):
        config.settings(config.Synth, device=device)
    assert config.settings(config.Synth, device="xcvc1902-vsva2197-2MP-e-S").device.startswith("xcvc")


def test_the_command_refuses_a_device_that_is_none(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    outcome = quweit("synth", tmp_path, "--device", PART)
    assert outcome.code == 2 and "device" in outcome.stderr
    (tmp_path / "e.yaml").write_text(
        "name: e\ndata: {source: digits}\nmodel: {family: vit}\ntraining: {steps: 1}\n"
        f"synth: {{device: '{PART}'}}\n"
    )
    outcome = quweit("run", tmp_path / "e.yaml", "--out", tmp_path / "p")
    assert outcome.code == 2 and "synth.device" in outcome.stderr


@pytest.mark.parametrize("kind", ["add", "ip"])
def test_the_scripts_of_the_package_name_files_that_are_there(tmp_path: Path, kind: str) -> None:
    """Wherever the package lies and the script is started; Vivado's commands are stand-ins that note their words."""
    project = project_with_dump(tmp_path / "a $b [c] {d;e", random_block(3), rows=4)
    axis = rtl.run(project, config.Rtl()).blocks[0].axis
    root = project / "rtl"
    calls = run_tcl(root / "vivado" / f"{axis.top}_{kind}.tcl", tmp_path, argv="xc7z020clg400-1")
    lists = [word for call in calls if call[0] == "add_files" for word in call[1:]]
    added = [name for words in lists for name in tkinter.Tcl().splitlist(words)]
    listed = (root / f"filelists/{axis.top}_xilinx.f").read_text().split()
    expected = [str(root / name) for name in listed]
    (sources,) = (call[-1] for call in calls if call[0] == "add_files" and "sources_1" in call)
    assert list(tkinter.Tcl().splitlist(sources)) == expected
    assert all(Path(name).is_file() for name in expected)
    assert str(root / f"constraints/{axis.top}.xdc") in added
    assert ("set_property", "top", axis.top, "sources_1") in calls
    if kind == "ip":
        assert ("create_project", "-in_memory", "-part", "xc7z020clg400-1") in calls
        (made,) = (call for call in calls if call[0] == "ipx::package_project")
        assert made[made.index("-root_dir") + 1] == str(root / "ip" / axis.top)


def test_the_script_that_makes_an_ip_wants_a_part_and_both_interfaces(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(3), rows=4)
    axis = rtl.run(project, config.Rtl()).blocks[0].axis
    script = project / "rtl/vivado" / f"{axis.top}_ip.tcl"
    with pytest.raises(tkinter.TclError, match="name the part"):
        run_tcl(script, tmp_path)
    with pytest.raises(tkinter.TclError, match="no interface s_axis was inferred"):
        run_tcl(script, tmp_path, argv="xc7z020clg400-1", interfaces="")


STAND_INS = """
namespace eval ipx {}
proc noted {name answer words} { global calls; lappend calls [linsert $words 0 $name]; return $answer }
foreach name {create_project read_verilog read_xdc synth_design opt_design place_design route_design report_utilization
    report_timing_summary report_power set_switching_activity close_project add_files set_property update_compile_order
    ipx::package_project ipx::create_xgui_files ipx::update_checksums ipx::check_integrity ipx::save_core} {
  proc $name args "noted $name {} \\$args"
}
proc get_filesets name { return $name }
proc get_files name { return $name }
proc ipx::current_core {} { return core }
proc ipx::get_bus_interfaces args { global interfaces; return $interfaces }
set calls {}
"""


def run_tcl(
    script: str | Path, folder: Path, argv: str = "", interfaces: str = "bus"
) -> list[tuple[str, ...]]:
    """The commands of Vivado that a script calls, with their words."""
    tcl = tkinter.Tcl()
    tcl.eval(STAND_INS)
    tcl.call("cd", str(folder))
    tcl.setvar("argv", argv)
    tcl.setvar("interfaces", interfaces)
    if isinstance(script, Path):
        tcl.call("source", str(script))
    else:
        tcl.eval(script)
    return [tuple(tcl.splitlist(call)) for call in tcl.splitlist(tcl.eval("set calls"))]
