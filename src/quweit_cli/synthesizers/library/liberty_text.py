"""Liberty as text: read as tolerantly as the tools read it, written so that all of them take it.

Files of foundries leave out semicolons, carry units in quotes, comments of another code page or cells that one
tool refuses. What is read here is written again, a statement a line, before Yosys, ABC and OpenSTA see it: none of
them meets another form. The one parser that PyPI keeps up is under the GPL, ends at deep nesting, and takes ten times
as long.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from quweit_cli.errors import ConfigError

MAX_BYTES = 256 * 2**20  # of a library when unpacked; those of open processes have 7 to 13 MB
MAX_DEPTH = 32
STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
BLANK = r"(?:\s|\\[ \t]*\n)*+"
COMMENTS = re.compile(rf"{STRING}|/\*.*?\*/|//[^\n]*+", re.DOTALL)
STATEMENT = re.compile(
    rf"""(?:\s|;|\\[ \t]*\n)*+ (?:
          (?P<close>\}}) | (?P<end>\Z)
        | (?P<name>[^\s{{}}();:,"\\]++) {BLANK} (?:
              : {BLANK} (?P<value>(?:{STRING}|\\[ \t]*\n|\\.|[^"\\\n;{{}}])++)
            | \( (?P<arguments>(?:{STRING}|\\.|[^"\\(){{}};])*+) \) {BLANK} (?P<open>\{{)?))""",
    re.DOTALL | re.VERBOSE,
)
WORD = re.compile(rf'{STRING}|[^\s,"\\]+', re.DOTALL)
LINE_BREAK = re.compile(r"\s*\\?\s*\n\s*")
NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*[VCvc]?")
# Attributes of one number, which some libraries write with the unit of it.
NUMERIC = re.compile(
    r"area|voltage|temperature|process|nom_(?:voltage|temperature|process)|(?:default_)?max_capacitance|capacitance"
)


@dataclass
class Group:
    """`kind (arguments) { attributes; groups }`; `lines` has its attributes as they are written, and its groups."""

    kind: str
    arguments: tuple[str, ...]
    path: Path
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    lines: list[str | Group] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"`{self.path}`, line {self.line}"

    def named(self, *kinds: str) -> Iterator[Group]:
        return (one for one in self.lines if isinstance(one, Group) and one.kind in kinds)


def read_text(path: Path) -> tuple[bytes, str]:
    """The bytes of a file, unpacked, and their text; what is beyond ASCII stands in comments and is not kept.

    Raises:
        ConfigError: no such file, damaged, larger than MAX_BYTES, or not text.
    """
    try:
        if not path.is_file():
            raise ConfigError(f"cannot read the cell library `{path}`: there is no such file")
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"cannot read the cell library `{path}`: {error}") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"the cell library `{path}` has more than {MAX_BYTES // 2**20} MB of text")
    if b"\0" in content:
        raise ConfigError(
            f"cannot read the cell library `{path}`: it is not text of single bytes",
            hint="save it as UTF-8, or name a .lib or .lib.gz",
        )
    text = content.removeprefix(codecs.BOM_UTF8).decode("ascii", errors="replace").replace("\ufffd", "?")
    return content, text.replace("\r\n", "\n").replace("\r", "\n")


def parse(text: str, path: Path) -> list[Group]:
    """The outermost groups of a file.

    Raises:
        ConfigError: with the line, where this is no Liberty, or includes another file.
    """
    text = COMMENTS.sub(_blank_comment, text)
    outermost = Group("", (), path, 0)
    open_groups, place, line = [outermost], 0, 1
    while True:
        found = STATEMENT.match(text, place)
        begin = place if found is None else max(found.start("name"), found.start("close"), place)
        line, place = line + text.count("\n", place, begin), begin
        if found is None:
            raise _refused(path, text, place)
        if found["end"] is not None:
            break
        if found["close"]:
            open_groups.pop()
            if not open_groups:
                raise ConfigError(f"`{path}`, line {line}: closes a group that was not opened")
        elif found["open"]:
            group = Group(found["name"], tuple(_words(found["arguments"])), path, line)
            open_groups[-1].lines.append(group)
            open_groups.append(group)
            if len(open_groups) > MAX_DEPTH:
                raise ConfigError(f"`{path}`, line {line}: groups nest more than {MAX_DEPTH} deep")
        elif found["name"] == "include_file":
            raise ConfigError(
                f"`{path}`, line {line}: includes another file", hint="put its text in the place of that line"
            )
        else:
            _add_attribute(open_groups[-1], found)
        line, place = line + text.count("\n", place, found.end()), found.end()
    if len(open_groups) != 1:
        last = open_groups[-1]
        raise ConfigError(f"`{path}` ends inside the group `{last.kind}` of line {last.line}")
    return list(outermost.named(*{one.kind for one in outermost.lines if isinstance(one, Group)}))


def write(group: Group, keep: Callable[[Group], bool]) -> str:
    """A group as text, a statement a line, without the groups inside it that are not to be kept."""
    lines = [f"{group.kind} ({', '.join(group.arguments)}) {{"]
    for one in group.lines:
        if isinstance(one, str):
            lines.append(one)
        elif keep(one):
            lines.append(write(one, keep))
    return "\n".join([*lines, "}"])


def unquoted(word: str) -> str:
    return word[1:-1].strip() if word.startswith('"') else word


def number(text: str) -> float:
    """A finite number, which may have a V or C behind it.

    Raises:
        ValueError: it is none.
    """
    found = NUMBER.fullmatch(unquoted(text.strip()))
    value = float(found[1]) if found else float("inf")
    if abs(value) == float("inf"):
        raise ValueError(f"`{text[:40]}` is no number")
    return value


def _add_attribute(group: Group, found: re.Match[str]) -> None:
    """`name : value ;` or `name (value, value) ;`, in one line."""
    name, simple = found["name"], found["value"] is not None
    value = LINE_BREAK.sub(" ", found["value"] if simple else found["arguments"]).strip()
    if simple and NUMERIC.fullmatch(name) and (plain := NUMBER.fullmatch(unquoted(value))):
        value = plain[1]
    group.lines.append(f"{name} : {value};" if simple else f"{name} ({value});")
    if name != "values":
        group.attributes[name] = unquoted(value) if simple else ",".join(map(unquoted, _words(value)))


def _words(arguments: str) -> list[str]:
    """Quoted ones as they are."""
    return WORD.findall(arguments)


def _blank_comment(found: re.Match[str]) -> str:
    """Strings stay, comments leave their line breaks."""
    return found[0] if found[0].startswith('"') else " " + "\n" * found[0].count("\n")


def _refused(path: Path, text: str, place: int) -> ConfigError:
    """What no statement starts with; the line is that of the first character that is not blank."""
    rest = re.compile(r"(?:\s|;)*+").match(text, place)
    place = rest.end() if rest else place
    line = text.count("\n", 0, place) + 1
    seen = text[place : place + 60].split("\n", maxsplit=1)[0]
    return ConfigError(f"`{path}`, line {line}: not Liberty at `{seen}`")
