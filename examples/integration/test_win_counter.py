"""cocotb test of somebody else's design: the golden rows of the package in, their winners counted.

It knows the package alone: the host's side packs rows, the manifest names the golden ones.
"""

import json
import os
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, Timer
from worked_example_host import worked_example_block0 as block

PACKAGE = Path(os.environ["PACKAGE"])


def golden_rows():
    """Integers [rows, inputs] and [rows, outputs]: bytes of beats a line, and rows a line whose last digits are the first output."""
    (entry,) = json.loads((PACKAGE / "manifest.json").read_text())["blocks"]
    beats = "".join((PACKAGE / entry["axis"]["inputs"]).read_text().split())
    rows = np.frombuffer(bytes.fromhex(beats), np.int8).reshape(-1, block.inputs)
    answers = (PACKAGE / entry["vectors"]["outputs"]).read_text().split()
    return rows, block.unpack(b"".join(bytes.fromhex(answer)[::-1] for answer in answers))


async def send(dut, stream):
    """Bytes [rows, row_bytes], a byte a beat, with pauses."""
    pauses = random.Random(1)
    for row in stream:
        for place, byte in enumerate(row):
            if pauses.random() < 0.2:
                await ClockCycles(dut.clk_i, pauses.randint(1, 5))
            dut.s_data_i.value, dut.s_last_i.value = int(byte), int(place == len(row) - 1)
            dut.s_valid_i.value = 1
            await RisingEdge(dut.clk_i)
            while dut.s_ready_o.value != 1:
                await RisingEdge(dut.clk_i)
            dut.s_valid_i.value = 0


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_row_is_won_by_its_largest_output(dut):
    rows, answers = golden_rows()
    dut.rst_ni.value, dut.s_valid_i.value, dut.output_i.value = 0, 0, 0
    cocotb.start_soon(Clock(dut.clk_i, 10, "ns").start())
    await ClockCycles(dut.clk_i, 3)
    dut.rst_ni.value = 1
    await send(dut, block.pack(rows))
    while dut.rows_o.value.to_unsigned() < len(rows):
        await RisingEdge(dut.clk_i)
    wins = []
    for place in range(block.outputs):
        dut.output_i.value = place
        await Timer(1, "ns")
        wins.append(dut.wins_o.value.to_unsigned())
    winners = block.outputs - 1 - answers[:, ::-1].argmax(axis=1)
    assert wins == np.bincount(winners, minlength=block.outputs).tolist()
    assert min(wins) > 0, "an output that never wins shows nothing"
