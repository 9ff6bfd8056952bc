"""What a number or name in a document or an experiment file can be, so that whoever reads it need not ask.

The bounds lie far beyond what anyone needs, and far enough within what an integer of 64 bits or a
floating-point number holds that sums and products of a few stay within it as well.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

LARGEST = 10**12

Count = Annotated[int, Field(ge=0, le=LARGEST)]
Positive = Annotated[int, Field(ge=1, le=LARGEST)]
Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Size = Annotated[int, Field(ge=1, le=10**6)]  # of something that is built or counted one by one
Seed = Annotated[int, Field(ge=0, lt=2**64)]
Amount = Annotated[float, Field(ge=0, le=LARGEST)]
PositiveAmount = Annotated[float, Field(ge=1e-12, le=LARGEST)]
Figure = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
# Of products of the above, such as the energy of a whole model.
TotalCount = Annotated[int, Field(ge=0, le=10**40)]
TotalAmount = Annotated[float, Field(ge=0, le=1e200)]
Share = Annotated[float, Field(ge=0, le=1)]

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
ModuleName = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,127}$")
]  # of a design, a block, and what they are for
# Of a module in Verilog, and what it can be set to in a script: a number, or a literal with a width.
ParameterName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]{0,40}$")]
ParameterValue = Annotated[str, Field(pattern=r"^[0-9]{1,20}('h[0-9a-f_]{1,1000})?$")]
# Of a module within a model, as torch names it.
ModulePath = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,999}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

# No part of it starts with a dot, so none leads out of the folder.
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$"


def _file_name(name: str) -> str:
    if len(name) > 200 or not re.fullmatch(FILE_NAME, name):
        raise ValueError(
            "a file of the same folder is wanted, named by letters, digits, _, - and . (which no part starts with), "
            "not one that lies outside of it"
        )
    return name


FileName = Annotated[
    str,
    AfterValidator(_file_name),
    WithJsonSchema({"type": "string", "pattern": FILE_NAME, "maxLength": 200}),
]


def _sound(path: Path) -> Path:
    if "\0" in str(path) or len(str(path)) > 4096:
        raise ValueError("a path has at most 4,096 characters, none of them null")
    return path


File = Annotated[Path, AfterValidator(_sound)]
