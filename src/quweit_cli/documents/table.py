"""The paper's tables beside our own figures: `tables.json`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.documents.energy import Accounting


class Cell(Artifact):
    """One figure of a table; absent (null) when nothing here gives it, with the reason as its method."""

    value: float | int | str | None
    unit: str = ""
    method: str = Field(description="how the figure was obtained, or why it is absent")
    paper: float | int | None = Field(None, description="the paper's figure, where it has one")


class TableRow(Artifact):
    label: str
    circuit: str | None = Field(None, description="in table 3: an array or the block")
    accounting: Accounting | None = Field(None, description="in table 3: where its cycles come from")
    cells: list[Cell] = Field(description="one a column")


class PaperTable(Artifact):
    key: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,99}$",
        description="names its files; longer than an identifier, as the name of a model is part of it",
    )
    title: str
    columns: list[str] = Field(description="after the label")
    rows: list[TableRow]
    notes: list[str] = Field(description="which of the paper's figures hold, and why the others do not")


class PaperTables(Artifact):
    schema_name: Literal["quweit.tables/1"] = Field("quweit.tables/1", alias="schema")
    tables: list[PaperTable]
