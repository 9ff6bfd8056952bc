"""How values are written into the scripts of tools: the only place where one becomes a word of Tcl or of Yosys.

A word is left as it is where the language takes it so, quoted where it does not, and refused where it cannot be.
"""

from __future__ import annotations

import re

from quweit_cli.errors import ArtifactError

PLAIN = re.compile(r"[A-Za-z0-9_./+=,:@%-]+")
TCL_SPECIAL = re.compile(r'[\\"$\[\]{}]')
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def tcl_word(value: object) -> str:
    """One word of Tcl, which substitutes nothing in it: `a b[c]` is `"a b\\[c\\]"`.

    Raises:
        ArtifactError: it has a control character, which no name has.
    """
    text = _checked(value)
    return text if PLAIN.fullmatch(text) else f'"{TCL_SPECIAL.sub(_escaped, text)}"'


def yosys_word(value: object) -> str:
    """One word of a Yosys script, whose quotes have no way to write a quote.

    Raises:
        ArtifactError: it has a control character or a quote.
    """
    text = _checked(value)
    if '"' in text or "\\" in text:
        raise ArtifactError(f"`{text}` cannot stand in a script of Yosys")
    return text if PLAIN.fullmatch(text) else f'"{text}"'


def _checked(value: object) -> str:
    text = str(value)
    if CONTROL.search(text) or not text:
        raise ArtifactError(f"{text!r:.80} cannot stand in a tool's script")
    return text


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"
