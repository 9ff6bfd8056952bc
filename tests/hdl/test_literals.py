"""Values are spelled as SystemVerilog reads them, and names cannot smuggle text into it."""

from __future__ import annotations

import pytest

from quweit_cli.errors import ArtifactError
from quweit_cli.hdl import literals


@pytest.mark.parametrize(
    ("value", "bits", "text"),
    [(0, 1, "1'h0"), (5, 8, "8'h05"), (2**64 - 1, 64, "64'h" + "f" * 16), (1, 9, "9'h001")],
)
def test_unsigned_literals_write_every_digit(value: int, bits: int, text: str) -> None:
    assert literals.unsigned(value, bits) == text


@pytest.mark.parametrize(("value", "bits"), [(256, 8), (-1, 8), (2, 1)])
def test_an_unsigned_value_that_does_not_fit_is_refused(value: int, bits: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        literals.unsigned(value, bits)


@pytest.mark.parametrize("name", ["module", "begin", "a b", "a;b", "1a", "", "a-b", "ü"])
def test_names_that_are_no_identifiers_are_refused(name: str) -> None:
    with pytest.raises(ArtifactError, match="cannot name a module"):
        literals.identifier(name)
