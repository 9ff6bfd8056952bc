"""What all sections are."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """A section: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, str_max_length=4096)


# Of what another package brings, which alone knows which there are.
Options = Annotated[dict[str, bool | int | float | str], Field(max_length=100)]
