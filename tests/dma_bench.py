"""cocotb bench: the driver of a package moves what a case holds through its wrapper, by a model of the AXI DMA.

Runs inside the simulator. QUWEIT_CASE is a JSON file: the folder and module of the host's side, the design, what is given, what
is expected, and how many bytes a transfer has at most.
"""

import importlib
import json
import os
import sys
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import RisingEdge, with_timeout

PATIENCE_US = 300  # of a transfer: 30,000 cycles


async def moved(clock, awaited):
    """Until an edge of the clock at which the other side is there as well: a beat has moved."""
    await RisingEdge(clock)
    while awaited.value != 1:
        await RisingEdge(awaited)
        await RisingEdge(clock)


class Sending:
    """The DMA's channel to the stream: TLAST marks the last beat of a transfer."""

    def __init__(self, dut):
        self.dut, self.width = dut, len(dut.s_axis_tdata) // 8
        dut.s_axis_tvalid.value = 0

    @resume
    async def transfer(self, buffer):
        self.task = cocotb.start_soon(self.send(bytes(buffer)))

    @resume
    async def wait(self):
        await with_timeout(self.task, PATIENCE_US, "us")

    async def send(self, stream):
        dut = self.dut
        assert len(stream) % self.width == 0, "a transfer of no whole beats"
        for first in range(0, len(stream), self.width):
            dut.s_axis_tdata.value = int.from_bytes(stream[first : first + self.width], "little")
            dut.s_axis_tlast.value = int(first + self.width == len(stream))
            dut.s_axis_tvalid.value = 1
            await moved(dut.aclk, dut.s_axis_tready)
            dut.s_axis_tvalid.value = 0


class Receiving:
    """The DMA's channel from the stream: a transfer ends with TLAST, and nothing is taken between two."""

    def __init__(self, dut):
        self.dut, self.width = dut, len(dut.m_axis_tdata) // 8
        dut.m_axis_tready.value = 0

    @resume
    async def transfer(self, buffer):
        self.task = cocotb.start_soon(self.receive(buffer))

    @resume
    async def wait(self):
        await with_timeout(self.task, PATIENCE_US, "us")

    async def receive(self, buffer):
        dut, stream = self.dut, b""
        dut.m_axis_tready.value = 1
        last = False
        while not last:
            await moved(dut.aclk, dut.m_axis_tvalid)
            stream += int(dut.m_axis_tdata.value).to_bytes(self.width, "little")
            last = dut.m_axis_tlast.value == 1
        dut.m_axis_tready.value = 0
        assert len(stream) <= len(buffer), "the buffer is too short for what came"
        buffer[: len(stream)] = np.frombuffer(stream, np.uint8)


class Dma:
    """As an overlay of PYNQ has it."""

    def __init__(self, dut):
        self.sendchannel, self.recvchannel = Sending(dut), Receiving(dut)


@cocotb.test()
async def what_goes_in_by_the_driver_comes_out_as_it_should(dut):
    case = json.loads(Path(os.environ["QUWEIT_CASE"]).read_text())
    sys.path.insert(0, case["host"])
    layout = getattr(importlib.import_module(case["module"]), case["design"])
    driver = importlib.import_module("quweit_stream").Driver(
        layout, Dma(dut), allocate=np.zeros, most_bytes=case["most_bytes"]
    )
    dut.aresetn.value = 0
    cocotb.start_soon(Clock(dut.aclk, 10, "ns").start())
    for _ in range(3):
        await RisingEdge(dut.aclk)
    dut.aresetn.value = 1
    given = np.array(case["rows"]) if "rows" in case else case["requests"]
    answers = await bridge(driver.run)(given)
    assert [one if one is None else one.tolist() for one in answers] == case["answers"]
