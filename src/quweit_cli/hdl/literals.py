"""How SystemVerilog is spelled: the only place where a value becomes text."""

from __future__ import annotations

import re

from quweit_cli.errors import ArtifactError

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

# IEEE 1800-2017 words that a lower-case design name could collide with.
RESERVED = frozenset(
    "alias always and assign automatic begin bit break buf byte case cell class config const continue cover "
    "deassign default design disable do edge else end enum event expect export extends extern final first_match "
    "for force forever fork function generate genvar if iff import include initial inout input inside instance "
    "int integer interface join large library local logic longint medium module nand negedge new nor not null or "
    "output package packed parameter posedge primitive priority program property protected pull0 pull1 pure rand "
    "real ref reg release repeat return scalared sequence shortint shortreal signed small solve specify static "
    "string strong0 strong1 struct super supply0 supply1 table tagged task this throughout time timeprecision "
    "timeunit tran tri type typedef union unique unsigned use var vectored virtual void wait wand weak0 weak1 "
    "while wildcard wire with within wor xnor xor".split()
)


def unsigned(value: int, bits: int) -> str:
    """`8'h0f`: sized, hexadecimal, every digit written."""
    if not 0 <= value < 2**bits:
        raise ValueError(f"{value} does not fit {bits} unsigned bits")
    return f"{bits}'h{value:0{(bits + 3) // 4}x}"


def identifier(name: str) -> str:
    """The name itself, when hardware may be named so.

    Raises:
        ArtifactError: not an identifier, or a reserved word.
    """
    if not IDENTIFIER.fullmatch(name) or name in RESERVED:
        raise ArtifactError(f"`{name}` cannot name a module", hint="rename the block in the dump")
    return name
