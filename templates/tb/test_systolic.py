"""cocotb bench of a systolic array: all products, with and without gaps and stalls.

Runs inside the simulator and needs nothing but cocotb and this package:

    QUWEIT_ARRAY    name of the array in manifest.json
    QUWEIT_RESULT   JSON file to write

Source, sink and comparison are SystemVerilog (tb/); Python is called once a product.
"""

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, First, Timer, ValueChange

PACKAGE = Path(__file__).resolve().parents[1]
SCENARIOS = {"steady": (0, 0), "gaps_and_backpressure": (1, 1)}
PERIOD_NS = 5


@cocotb.test()
async def products(dut):
    """Every product of every scenario; a difference is written down, and fails the test at the end."""
    manifest = json.loads((PACKAGE / "manifest.json").read_text())
    arrays = manifest["arrays"] + manifest["pipelined"]
    array = next(one for one in arrays if one["name"] == os.environ["QUWEIT_ARRAY"])
    cocotb.start_soon(Clock(dut.clk_i, PERIOD_NS, "ns").start())
    result = {"compared": {}, "different": 0, "difference": None, "cycles": {}, "failures": []}
    for name, (gaps, stalls) in SCENARIOS.items():
        await play(dut, manifest["products"] + array["causal"], array["side"], name, (gaps, stalls), result)
        Path(os.environ["QUWEIT_RESULT"]).write_text(json.dumps(result))
    assert not result["failures"], result["failures"]
    assert not result["different"], f"{result['different']} elements differ"


async def play(dut, products, side, scenario, controls, result):
    """One pass over the products."""
    dut.rst_ni.value = 0
    dut.gaps_i.value, dut.stalls_i.value = controls
    for _ in range(2 * side + 2):  # the lines without a reset are flushed
        await FallingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    for product in products:
        tiles = -(-product["rows"] // side) * -(-product["columns"] // side)
        patience = 1000 + 8 * tiles * (max(product["inner"], side) + 8 * side)
        changed = ValueChange(dut.jobs_o)
        if await First(changed, Timer(patience * PERIOD_NS, "ns")) is not changed:
            result["failures"].append(f"{scenario}: `{product['name']}` does not end")
            break
        await FallingEdge(dut.clk_i)  # the counters beside `jobs_o` may change after it in one time step
        if scenario == "steady":
            # from the cycle in which it was taken through the one in which its last row was given: the next
            # product is taken in the one after, so that cycles of products add up
            taken, given = int(dut.begin_cycle_o.value), int(dut.job_cycle_o.value)
            result["cycles"][product["name"]] = given - taken + 1
    result["compared"][scenario] = int(dut.compared_o.value)
    result["different"] += int(dut.different_o.value)
    if int(dut.misplaced_o.value):
        result["failures"].append(f"{scenario}: {int(dut.misplaced_o.value)} marks of a last row are wrong")
    if int(dut.different_o.value) and result["difference"] is None:
        got = dut.first_got_o.value
        result["difference"] = {
            "product": products[int(dut.first_job_o.value)]["name"],
            "scenario": scenario,
            "row": int(dut.first_row_o.value),
            "column": int(dut.first_column_o.value),
            "cycle": int(dut.first_cycle_o.value),
            "expected": signed(int(dut.first_expected_o.value)),
            "got": signed(int(got)) if got.is_resolvable else None,
        }


def signed(byte):
    return byte - 256 if byte > 127 else byte
