"""Files that others wrote, read within bounds: bytes, JSON, YAML, and what pydantic says of them.

Nothing here trusts what it reads. A file that is a pipe, larger than its kind needs to be, nested without end
or no text at all is `Unreadable`, which says why; whoever asked says what to do about it.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

DOCUMENT_BYTES = 32 << 20  # what lists of empty lists take in memory is forty times as much
PROGRAM_BYTES = 1 << 28  # of a program or golden rows; that of 24,576 LUTs and 384 outputs has 40 MB
EXPERIMENT_BYTES = 1 << 18  # 256 KiB, of which the longest example needs 6
DEPTH = 32  # of lists and keys within one another, in JSON and YAML
NODES = 10_000  # values in YAML, an alias counted as all that it repeats
SHOWN = 200  # characters of a value or a library's sentence in a message
PROBLEMS = 5  # of one document in a message
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


class Unreadable(ValueError):
    """Why something cannot be read, in words that follow its name."""


def cut(text: object, length: int = SHOWN) -> str:
    """At most so many characters, on one line and none that moves a terminal's cursor; what was left out is said."""
    line = " ".join(str(text).split())
    plain = "".join(one if one.isprintable() else "?" for one in line[:length])
    return plain if len(line) <= length else f"{plain}… ({len(line):,} characters)"


def shown(value: object, length: int = SHOWN) -> str:
    """A value from a file as Python writes it, cut; one that holds others is not walked to its end."""
    if isinstance(value, dict | list | tuple | set):
        return f"{type(value).__name__} of {len(value):,}" if len(value) > 8 else cut(_few(value, 3), length)
    if isinstance(value, int) and abs(value).bit_length() > 256:
        return f"a number of {abs(value).bit_length():,} bits"
    return cut(repr(value[: 2 * length]) if isinstance(value, str | bytes) else repr(value), length)


def open_file(path: Path) -> BufferedReader:
    """Open for reading what is a regular file, and nothing that could keep its reader waiting.

    Raises:
        Unreadable: it is not there, may not be read, or is a folder, a pipe or a device.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise Unreadable(reason(error)) from None
    file = os.fdopen(descriptor, "rb") if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    if file is None:
        os.close(descriptor)
        raise Unreadable("it is not a regular file")
    return file


def read_bytes(path: Path, most: int) -> bytes:
    """Raises Unreadable: not a regular file, not to be read, or of more than `most` bytes."""
    with open_file(path) as file:
        try:
            content = file.read(most + 1)
        except OSError as error:
            raise Unreadable(reason(error)) from None
    if len(content) > most:
        raise Unreadable(f"it has more than {most:,} bytes")
    return content


def read_text(path: Path, most: int) -> str:
    """UTF-8, lines ended in whichever way. Raises Unreadable as `read_bytes` does, and for bytes that are no text."""
    try:
        return read_bytes(path, most).decode().replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8: {error.reason} at byte {error.start}") from None


def unpacked(content: bytes, most: int) -> bytes:
    """What was compressed by gzip; anything else as it is. Raises Unreadable: damaged, or more than `most` bytes."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            plain = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(f"its compression is damaged: {cut(error)}") from None
    if len(plain) > most:
        raise Unreadable(f"it has more than {most:,} bytes unpacked")
    return plain


def reason(error: Exception) -> str:
    """What the system says, without the path, which the message names already."""
    return error.strerror or cut(error) if isinstance(error, OSError) else cut(error)


# ---------------------------------------------------------------- JSON


def parse_json(text: str) -> Any:
    """Plain values; every number is finite, and no key stands twice.

    Raises:
        Unreadable: not JSON, or nested more than DEPTH deep.
    """
    check_depth(text)
    try:
        found = json.loads(
            text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_without_repeats
        )
        if "\\ud" in text or "\\uD" in text:  # half of a pair of surrogates is no character
            json.dumps(found, ensure_ascii=False).encode()
        return found
    except json.JSONDecodeError as error:
        raise Unreadable(f"it is not JSON: {error}") from None
    except Unreadable:
        raise
    except ValueError as error:  # Python's bound on the digits of an integer, or what cannot be encoded
        raise Unreadable(cut(error)) from None


def check_depth(text: str) -> None:
    """Raises Unreadable when brackets outside of strings lie more than DEPTH deep within one another."""
    if text.count("[") + text.count("{") <= DEPTH:
        return
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > DEPTH:
            raise Unreadable(f"it is nested more than {DEPTH} deep")


def _no_number(name: str) -> float:
    raise Unreadable(f"it holds {name}, which is no number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Unreadable(f"it holds {cut(digits, 40)}, which no floating-point number can be")
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"it has the key {shown(twice, 60)} twice")
    return found


# ---------------------------------------------------------------- YAML


class _Loader(yaml.SafeLoader):
    """Plain values as JSON has them: text, numbers, yes and no, lists, keys. Any other tag is refused."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._nodes = 0
        self._repeats: dict[str, int] = {}  # anchor -> values in what it names

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event, before = self.peek_event(), self._nodes  # type: ignore[no-untyped-call]
        repeats = self._repeats.get(event.anchor or "", NODES) if isinstance(event, yaml.AliasEvent) else 1
        self._nodes += repeats  # of an alias within what it names: NODES, which is too many
        self._depth += 1
        if self._depth > DEPTH:
            raise Unreadable(f"it is nested more than {DEPTH} deep")
        if self._nodes > NODES:
            raise Unreadable(f"it holds more than {NODES:,} values")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if event.anchor is not None:
            self._repeats[event.anchor] = self._nodes - before
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError, TypeError, LookupError) as error:
            value = shown(node.value, 60) if isinstance(node, yaml.ScalarNode) else "what stands there"
            problem = f"{value} is not {cut(node.tag).removeprefix('tag:yaml.org,2002:')} ({cut(error, 60)})"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        names = [name.value for name, _ in node.value if isinstance(name, yaml.ScalarNode)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise yaml.composer.ComposerError(
                None, None, f"the key {shown(twice[0], 60)} stands twice", node.start_mark
            )
        return node


_PLAIN = ("null", "bool", "int", "float", "str", "seq", "map")
_Loader.yaml_constructors = {
    tag: build
    for tag, build in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.removeprefix("tag:yaml.org,2002:") in _PLAIN
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith((":timestamp", ":value"))]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str) -> Any:
    """Plain values. A date stays text.

    Raises:
        Unreadable: not YAML, a tag that is not for plain values, a key twice, or more of it than DEPTH and NODES.
    """
    if len(text) > EXPERIMENT_BYTES:
        raise Unreadable(f"it has more than {EXPERIMENT_BYTES:,} characters")
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise Unreadable(f"it is not YAML: {cut(error, 2 * SHOWN)}") from None


# ---------------------------------------------------------------- what is wrong with a document


def problems(
    error: ValidationError, *, special: Mapping[str, Callable[[ErrorDetails], str]] | None = None
) -> str:
    """The first PROBLEMS of what pydantic found, in our words; `special` words those of a type otherwise."""
    found = error.errors(include_url=False)
    lines = [(special or {}).get(one["type"], problem)(one) for one in found[:PROBLEMS]]
    more = [f"and {len(found) - PROBLEMS:,} more"] if len(found) > PROBLEMS else []
    return "; ".join(lines + more)


def problem(found: ErrorDetails) -> str:
    """One problem: where, what is wanted, and what stands there."""
    where = place(found)
    if found["type"] == "missing":
        return f"`{where}` is missing"
    if found["type"] == "extra_forbidden":
        return f"unknown key `{where}`"
    wanted = str(found["ctx"]["error"]) if found["type"] == "value_error" else found["msg"]
    got = "" if isinstance(found["input"], dict) else f", got {shown(found['input'])}"
    return f"`{where}`: {cut(wanted)}{got}"


def place(found: ErrorDetails, top: str = "settings") -> str:
    return cut(".".join(str(part) for part in found["loc"]), 80) or top


def _few(value: Any, levels: int) -> Any:
    """The same to so many levels and lengths that it can be written out."""
    if isinstance(value, dict):
        return {name: _few(one, levels - 1) for name, one in list(value.items())[:8]} if levels else "…"
    if isinstance(value, list | tuple | set):
        return [_few(one, levels - 1) for one in list(value)[:8]] if levels else "…"
    return value[:SHOWN] if isinstance(value, str | bytes) else value


def files_below(folder: Path) -> Iterator[Path]:
    """Every file in a folder and those within it, by name.

    Raises:
        Unreadable: the folder cannot be read, or it or something below is a link, a pipe or a device; in whole sentences.
    """
    if folder.is_symlink():
        raise Unreadable(f"`{folder}` is a link, where quweit writes folders only")
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise Unreadable(f"cannot read `{folder}`: {reason(error)}") from None
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(folder / entry.name)
        elif entry.is_file(follow_symlinks=False):
            yield folder / entry.name
        else:
            raise Unreadable(
                f"`{folder / entry.name}` is a link, a pipe or a device, where quweit writes files only"
            )
