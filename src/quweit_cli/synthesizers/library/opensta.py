"""OpenSTA: slack, the highest clock, and power of a netlist of library cells.

Two facts of its power analysis are worked round here, both of version 2.0.17, the one that Debian and
Ubuntu carry. `set_power_activity -pins` calls a procedure that does not exist, so the function below it
is called. And it counts every gated clock as running: what a clock gate holds back is measured in
simulation and subtracted (`_held_back_mw`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed
from quweit_cli.hdl.words import tcl_word
from quweit_cli.synthesizers.library.activity import Activity
from quweit_cli.synthesizers.library.clock_tree import clock_gates
from quweit_cli.synthesizers.library.netlist import Bit, Netlist
from quweit_cli.toolbox import Plan

GLOBAL_ACTIVITY = 0.125
PORT_SHARE = 0.2  # of the period passes outside of the block, before its inputs and after its outputs
NUMBER = r"[-+0-9.e]+"
SECONDS = 3600.0


class Analysis(NamedTuple):
    """Slack at the clock asked for, the shortest period that is met, and power."""

    slack_ns: float
    shortest_period_ns: float
    vectorless_mw: float
    leakage_mw: float
    idle_mw: float  # every clock running, gated ones too, and nothing else moving
    measured_mw: float | None
    ungated_mw: float | None  # the measured power, were every gated clock running


def analyse(
    found: toolbox.Found,
    netlist: Netlist,
    folder: Path,
    name: str,
    library: str,
    *,
    period_ns: float,
    driver: str,
    load_ff: float,
    activity: Activity | None,
) -> Analysis:
    """Timing and power of `<name>.netlist.v` in `folder`; script, activities and log stay there.

    Raises:
        ToolFailed: OpenSTA refused something, or a figure is missing from its reports.
    """
    text = _script(
        netlist,
        name,
        library,
        period_ns=period_ns,
        driver=driver,
        load_ff=load_ff,
        measured=activity is not None,
    )
    files: dict[str, str | Path] = {f"{name}.sta.tcl": text, library: folder / library}
    files[f"{name}.netlist.v"] = folder / f"{name}.netlist.v"
    if activity is not None:
        files[f"{name}.activity.tcl"] = _annotation(netlist, activity)
    plan = Plan(
        tool=toolbox.OPENSTA,
        name=f"sta on {name}",
        files=files,
        arguments=("-no_splash", "-exit", f"{name}.sta.tcl"),
        log=f"{name}.sta.log",
        timeout=SECONDS,
    )
    output, log = plan.run(found, folder), folder / plan.log
    complaint = re.search(r"^(?:Error|Warning): .*$", output, re.MULTILINE)
    if complaint:  # it goes on after an error, and ends with 0
        raise ToolFailed(f"OpenSTA on block `{name}`: {complaint[0]}", hint=f"its log: {log}")
    sections = dict(zip(*[iter(re.split(r"^== (.*)$", output, flags=re.MULTILINE)[1:])] * 2, strict=True))
    vectorless = _total(sections, "vectorless")
    if _figure(output, "shortest_period_slack_ns") < 0:
        raise ToolFailed(f"OpenSTA found no period that block `{name}` meets", hint=f"its log: {log}")
    measured = ungated = None
    if activity is not None:
        ungated = _total(sections, "measured").total_mw
        measured = ungated - _held_back_mw(netlist, activity, sections)
        if measured <= 0:
            raise ToolFailed(
                f"OpenSTA states {ungated:.4g} mW for block `{name}`, of which clock gates hold back more",
                hint=f"the library's clock gates have energies that contradict each other; its log: {log}",
            )
    return Analysis(
        slack_ns=_figure(output, "slack_ns"),
        shortest_period_ns=_figure(output, "shortest_period_ns"),
        vectorless_mw=vectorless.total_mw,
        leakage_mw=vectorless.leakage_mw,
        idle_mw=_total(sections, "idle").total_mw,
        measured_mw=measured,
        ungated_mw=ungated,
    )


class Power(NamedTuple):
    total_mw: float
    leakage_mw: float


def _script(
    netlist: Netlist,
    name: str,
    library: str,
    *,
    period_ns: float,
    driver: str,
    load_ff: float,
    measured: bool,
) -> str:
    inputs = [port for port, (kind, _) in netlist.ports.items() if kind == "input" and port != "clk_i"]
    text = f"""\
read_liberty {tcl_word(library)}
read_verilog {tcl_word(f"{name}.netlist.v")}
link_design {tcl_word(netlist.top)}
set_cmd_units -time ns -capacitance fF -power W
proc constrain {{period}} {{
  create_clock -name clk -period $period [get_ports clk_i]
  set_input_delay -clock clk [expr {{{PORT_SHARE} * $period}}] [get_ports {{{" ".join(map(tcl_word, inputs))}}}]
  set_output_delay -clock clk [expr {{{PORT_SHARE} * $period}}] [all_outputs]
}}
set_driving_cell -lib_cell {tcl_word(driver)} [all_inputs]
set_load {load_ff:.6g} [all_outputs]
constrain {period_ns:.6g}
report_checks -path_delay max -fields {{slew cap fanout}} -digits 4
puts "slack_ns [expr {{1e9 * [sta::worst_slack_cmd max]}}]"

# The shortest period that is met. The ports take a share of it, so that less the slack is not the answer.
set period {period_ns:.6g}
for {{set step 0}} {{$step < 40}} {{incr step}} {{
  set slack [expr {{1e9 * [sta::worst_slack_cmd max]}}]
  if {{$slack >= 0 && $slack < 0.002}} break
  set period [expr {{$period - $slack + ($slack < 0 ? 0.001 : 0)}}]
  constrain $period
}}
puts "shortest_period_ns $period"
puts "shortest_period_slack_ns $slack"
constrain {period_ns:.6g}
"""
    if measured:
        present = {one.name[0] for one in netlist.instances}
        clocked = " ".join(f"{kind}*" for kind in "rkc" if kind in present)
        activity = f"{name}.activity.tcl"
        text += f"""
# {activity} calls `net` with transitions a cycle, share of time at 1 and pins of every net.
proc net {{toggles duty pins}} {{
  global idle
  foreach pin $pins {{ sta::set_power_pin_activity [get_pins $pin] [expr {{$idle ? 0 : $toggles}}] $duty }}
}}
set clocked [get_cells {{{clocked}}}]
set idle 1
source {tcl_word(activity)}
puts "== idle data"
report_power -instances $clocked -digits 6
set idle 0
source {tcl_word(activity)}
puts "== measured"
report_power -digits 6
set idle 1
source {tcl_word(activity)}
proc gates {{command}} {{
  global clocked
  foreach one $clocked {{
    if {{[string match k* [get_property $one full_name]]}} {{ $command $one }}
  }}
}}
gates set_disable_timing
puts "== stopped gates"
report_power -instances $clocked -digits 6
gates unset_disable_timing
"""
    return f"""{text}
# Last, since it outweighs what is set on a pin.
set_power_activity -global -activity {GLOBAL_ACTIVITY}
puts "== vectorless"
report_power -digits 6
set_power_activity -global -activity 0
puts "== idle"
report_power -digits 6
"""


def _annotation(netlist: Netlist, activity: Activity) -> str:
    """One call a net; the pins on it are its driver's and its loads', since OpenSTA does not pass it on."""
    pins: dict[Bit, list[str]] = {}
    for one in netlist.instances:
        for pin, bit in one.pins.items():
            pins.setdefault(bit, []).append(f"{one.name}/{pin}")
    return "".join(
        f"net {activity.toggles[bit]:.6g} {activity.duty[bit]:.4g} {{{' '.join(names)}}}\n"
        for bit, names in pins.items()
        if isinstance(bit, int)
    )


def _held_back_mw(netlist: Netlist, activity: Activity, sections: Mapping[str, str]) -> float:
    """Power that OpenSTA counts although a clock gate holds it back.

    Behind a gate that is open in a share of the cycles, a clock pin or a clock buffer spends that share
    of its power at a running clock and idle data. Of the gate itself only what lies behind its own clock
    pin is held back, which a report with all gates stopped tells apart.
    """
    running, stopped = (_instances(sections, title) for title in ("idle data", "stopped gates"))
    loads, held_back = netlist.loads(), 0.0
    for clock, gate in clock_gates(netlist).items():
        closed = 1 - activity.toggles[clock] / 2
        held_back += closed * (running[gate.name].total_mw - stopped[gate.name].total_mw)
        behind = [one for one, _ in loads[clock]]
        while behind:
            one = behind.pop()
            held_back += closed * (running[one.name].total_mw - running[one.name].leakage_mw)
            if not one.cell.sequential:
                behind += [load for load, _ in loads[one.pins[one.cell.outputs[0].name]]]
    return held_back


def _figure(output: str, name: str) -> float:
    found = re.search(rf"^{name} ({NUMBER})$", output, re.MULTILINE)
    if found is None:
        raise ToolFailed(f"OpenSTA reported no `{name}`")
    return float(found[1])


def _total(sections: Mapping[str, str], title: str) -> Power:
    columns = " +".join(f"({NUMBER})" for _ in range(4))
    found = re.search(rf"^Total +{columns} +100.0%", sections.get(title, ""), re.MULTILINE)
    if found is None:
        raise ToolFailed(f"OpenSTA reported no total of the {title} power")
    internal, switching, leakage, total = (1000 * float(number) for number in found.groups())
    if internal + switching <= 0:
        raise ToolFailed(
            f"the {title} power is leakage alone", hint="the library states no voltage or no energies"
        )
    return Power(total, leakage)


def _instances(sections: Mapping[str, str], title: str) -> dict[str, Power]:
    """Instance -> its power, of a report of instances."""
    rows = re.findall(
        rf"^ *{NUMBER} +{NUMBER} +({NUMBER}) +({NUMBER}) +(\w+)$", sections.get(title, ""), re.MULTILINE
    )
    if not rows:
        raise ToolFailed(f"OpenSTA reported no power of instances ({title})")
    return {name: Power(1000 * float(total), 1000 * float(leakage)) for leakage, total, name in rows}
