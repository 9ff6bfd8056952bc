"""cocotb bench of a decoder whose requests come from a host, one after the other, each chosen by the answers before.

The host speaks over the socket whose number is in QUWEIT_TALK: a line of words for a request, a line of logits for an
answer, or `refused`, `unknown` bits, or `nothing` after QUWEIT_PATIENCE cycles. The simulation stands still while the host thinks, and ends when it hangs up.
"""

import os
import socket

import cocotb
from cocotb.triggers import FallingEdge, First, Timer, ValueChange
from test_block import PERIOD_NS, BenchClock
from test_requests import REFUSED, Host

LOGIT_BITS = 32
UNKNOWN, NONE = "unknown", "nothing"


@cocotb.test()
async def conversation(dut):
    """As long as there are requests."""
    host = Host(dut)
    dut.rst_ni.value = 0
    dut.stalls_i.value = 0
    BenchClock(dut).start()
    for _ in range(3):
        await FallingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    with socket.socket(fileno=int(os.environ["QUWEIT_TALK"])) as line, line.makefile() as requests:
        for request in requests:
            await FallingEdge(dut.clk_i)
            before = int(dut.rows_o.value)
            await host.send([int(word) for word in request.split()])
            patience = Timer(int(os.environ["QUWEIT_PATIENCE"]) * PERIOD_NS, "ns")
            if int(dut.rows_o.value) == before:
                await First(ValueChange(dut.rows_o), patience)
            line.sendall(f"{answer(dut, before)}\n".encode())


def answer(dut, before):
    """Logits of the answer that came, if one did."""
    if int(dut.rows_o.value) == before:
        return NONE
    if int(dut.refused_o.value):
        return REFUSED
    got = dut.row_data_o.value
    if not got.is_resolvable:
        return UNKNOWN
    logits = []
    for place in range(len(got) // LOGIT_BITS):
        logit = int(got) >> place * LOGIT_BITS & 2**LOGIT_BITS - 1
        logits.append(logit - 2**LOGIT_BITS if logit >> LOGIT_BITS - 1 else logit)
    return " ".join(map(str, logits))
