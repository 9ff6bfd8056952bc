"""Figures out of what nextpnr leaves: its JSON report, and its log.

A figure that is not there is an error: what silently becomes 0 is the worst outcome.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from quweit_cli.documents import CriticalPath, ResourceUse
from quweit_cli.errors import ToolFailed

LONGEST_NAME = 120
_CELL_TYPE = re.compile(r"_(SB_[A-Z0-9]+|TRELLIS_[A-Z0-9]+|LUT4|CCU2C|PFUMX|L6MUX21|DP16KD)(_|$).*")
_PLACED = re.compile(r"^Info: Max frequency for clock\s+'[^']*': ([\d.]+) MHz", re.MULTILINE)
_USED = re.compile(r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%$", re.MULTILINE)


class Routed(NamedTuple):
    reached_mhz: float
    critical_path: CriticalPath
    resources: list[ResourceUse]


def routed(path: Path) -> Routed:
    """What the report of a routed design says.

    Raises:
        ToolFailed: there is none, or a figure is missing, such as a path from a flip-flop to a flip-flop.
    """
    try:
        report = json.loads(path.read_text())
        clocks: dict[str, dict[str, float]] = report["fmax"]
        (clock,) = clocks
        resources = [
            ResourceUse(name=name, used=one["used"], available=one["available"])
            for name, one in report["utilization"].items()
            if one["used"]
        ]
        (steps,) = [
            one["path"] for one in report["critical_paths"] if one["from"] == one["to"] == f"posedge {clock}"
        ]
        return Routed(float(clocks[clock]["achieved"]), _critical_path(steps), resources)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ToolFailed(f"nextpnr left no timing of the design in `{path.name}`: {error!r:.200}") from None


def _critical_path(steps: list[dict[str, Any]]) -> CriticalPath:
    wires = [step for step in steps if step["type"] == "routing"]
    return CriticalPath(
        start=signal(steps[0]["from"]["cell"]),
        end=signal(steps[-1]["to"]["cell"]),
        cells=sum(step["type"] == "logic" for step in steps),
        logic_ns=round(sum(step["delay"] for step in steps) - sum(step["delay"] for step in wires), 3),
        routing_ns=round(sum(step["delay"] for step in wires), 3),
    )


def signal(cell: str) -> str:
    """The signal that Yosys named a cell by, within its instances: `u.slot_q_SB_DFFER_Q_2_D` is of `u.slot_q`."""
    return (_CELL_TYPE.sub("", cell) or cell)[:LONGEST_NAME]


def placed_mhz(log: str) -> float | None:
    """The estimate after placement: of two, the first. None where there is no other than after routing."""
    found = _PLACED.findall(log)
    return float(found[0]) if len(found) > 1 and float(found[0]) > 0 else None


def too_many(log: str) -> list[ResourceUse]:
    """Kinds of places of which a design takes more than the device has."""
    counted = {
        name: ResourceUse(name=name, used=int(used), available=int(available))
        for name, used, available in _USED.findall(log)
    }
    return [one for one in counted.values() if one.used > one.available]
