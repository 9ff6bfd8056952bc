"""The files that a cell library comes in, as one library.

ABC takes no file with less than a few kinds of gates, and puts files together without a look at their units. What the
tools read is therefore one library, whose parts were found to belong together.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from quweit_cli.errors import ConfigError
from quweit_cli.synthesizers.library.liberty_text import Group, number, parse, read_text, unquoted

# What says how the figures of a cell are meant, or stands in for one that it does not state.
COMMON = re.compile(
    r"\w+_unit|nom_voltage|\w+_threshold_pct_(rise|fall)|slew_derate_from_library"
    r"|default_(cell_leakage_power|\w+_pin_cap|wire_load\w*)"
)


class Files(NamedTuple):
    """`merged` is what the tools read; `cells` are its cells, each with the library that it comes from."""

    names: tuple[str, ...]
    sha256: str  # of the text, packed or not; of several, of one after the other
    merged: Group
    cells: list[tuple[Group, Group]]


def read_files(paths: Sequence[Path]) -> Files:
    """Every library of every file, plain or packed (`.gz`).

    Raises:
        ConfigError: no such file, not a library in Liberty format, a cell that is defined twice, or libraries that
            do not belong together.
    """
    contents: list[bytes] = []
    libraries: list[Group] = []
    for path in paths:
        content, text = read_text(path)
        found = [group for group in parse(text, path) if group.kind == "library"]
        if not any(list(group.named("cell")) for group in found):
            raise ConfigError(
                f"`{path}` is not a cell library in Liberty format: it has no library with cells"
            )
        contents.append(content)
        libraries += [replace(group, arguments=(_library_name(group),)) for group in found]
    for library in libraries[1:]:
        _check_common(libraries[0], library)
    cells = [(cell, library) for library in libraries for cell in library.named("cell")]
    _check_defined_once(cells)
    return Files(
        names=tuple(library.arguments[0] for library in libraries),
        sha256=hashlib.sha256(b"".join(contents)).hexdigest(),
        merged=_merged(libraries),
        cells=cells,
    )


def name_of(group: Group) -> str:
    return unquoted(group.arguments[0]) if group.arguments else ""


def _library_name(library: Group) -> str:
    """Some have none, and get that of their file."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name_of(library) or library.path.name.split(".")[0])


def _check_common(first: Group, library: Group) -> None:
    names = sorted({*first.attributes, *library.attributes})
    for name in filter(COMMON.fullmatch, names):
        ours, other = (_comparable(one.attributes.get(name)) for one in (first, library))
        if ours != other:
            raise ConfigError(
                f"`{first.path}` and `{library.path}` differ in `{name}`: {ours or 'absent'} and {other or 'absent'}",
                hint="name the files of one process, at one supply and temperature",
            )


def _comparable(value: str | None) -> str | float:
    try:
        return number(value or "")
    except ValueError:
        return (value or "").lower().replace(" ", "")


def _check_defined_once(cells: list[tuple[Group, Group]]) -> None:
    places: dict[str, str] = {}
    for cell, _ in cells:
        name = name_of(cell)
        if name in places:
            raise ConfigError(f"the cell `{name}` is defined twice: in {places[name]}, and in {cell.place}")
        places[name] = cell.place


def _merged(libraries: Sequence[Group]) -> Group:
    """The first library with the cells of all, and what these refer to: templates, types, power pins."""
    first = libraries[0]
    merged = replace(
        first, arguments=("_".join(one.arguments[0] for one in libraries),), lines=[*first.lines]
    )
    known = {(one.kind, name_of(one)): one for one in first.lines if isinstance(one, Group)}
    for index, library in enumerate(libraries[1:], 1):
        renamed: dict[str, str] = {}
        for one in library.lines:
            if isinstance(one, str):
                continue
            key = one.kind, name_of(one)
            if one.kind == "cell":
                merged.lines.append(_with_templates(one, renamed))
            elif key not in known:
                known[key] = one
                merged.lines.append(one)
            elif one.kind.endswith("_template") and one.lines != known[key].lines:
                renamed[key[1]] = f"{key[1]}_{index}"
                merged.lines.append(replace(one, arguments=(renamed[key[1]],)))
    return merged


def _with_templates(group: Group, renamed: dict[str, str]) -> Group:
    """The group with tables that name their templates anew."""
    if not renamed:
        return group
    inner = [one if isinstance(one, str) else _with_templates(one, renamed) for one in group.lines]
    table = any(isinstance(one, str) and one.startswith("values (") for one in inner)
    arguments = (renamed.get(name_of(group), name_of(group)),) if table else group.arguments
    return replace(group, arguments=arguments, lines=inner)
