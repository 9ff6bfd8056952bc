"""The same text is synthesized once, whatever the project; a changed or damaged entry is made again."""

from __future__ import annotations

from pathlib import Path

import pytest

import packages
from quweit_cli import config, toolbox
from quweit_cli.stages import synth

pytestmark = pytest.mark.requires("yosys")


def test_the_same_rtl_is_synthesized_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUWEIT_CACHE", str(tmp_path / "cache"))
    packages.write_rtl(tmp_path / "one")
    packages.write_rtl(tmp_path / "two")
    packages.write_rtl(tmp_path / "other", source=packages.BLOCK.replace("64'h8000", "64'h9000"))
    first = synth.run(tmp_path / "one", config.Synth()).blocks[0]
    real_run, ran = toolbox.run, []

    def counted(*arguments: object, **options: object) -> str:
        ran.append(options["name"])
        return real_run(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(toolbox, "run", counted)
    again = synth.run(tmp_path / "two", config.Synth()).blocks[0]
    assert not ran and again.cached and not first.cached
    assert (again.luts, again.ffs, again.seconds) == (first.luts, first.ffs, first.seconds)
    netlists = [(tmp_path / name / "synth/yosys/block_0.netlist.v").read_text() for name in ("one", "two")]
    assert netlists[0] == netlists[1]
    assert not synth.run(tmp_path / "other", config.Synth()).blocks[0].cached and len(ran) == 1
    assert not synth.run(tmp_path / "two", config.Synth(cache=False)).blocks[0].cached and len(ran) == 2
    for netlist in (tmp_path / "cache").glob("*/block_0.netlist.v"):
        netlist.write_text("damaged")
    assert not synth.run(tmp_path / "two", config.Synth()).blocks[0].cached and len(ran) == 3
