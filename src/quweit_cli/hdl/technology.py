"""What a cell of the FPGA takes."""

from __future__ import annotations

LUT_INPUTS = 6
PAIR_INPUTS = 5  # of a cell that gives two answers
