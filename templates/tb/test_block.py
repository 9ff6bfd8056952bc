"""cocotb bench of one block: golden rows through the RTL, with and without gaps and stalls.

Runs inside the simulator and needs nothing but cocotb and this package:

    QUWEIT_BLOCK    name of the block in manifest.json
    QUWEIT_ROWS     golden rows to compare in each scenario
    QUWEIT_RESULT   JSON file to write

The source and the sink of the bench are SystemVerilog (tb/); Python is called once a row.
"""

import itertools
import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, First, Timer, ValueChange

PACKAGE = Path(__file__).resolve().parents[1]
SCENARIOS = {"steady": (0, 0), "gaps": (1, 0), "backpressure": (0, 1), "gaps_and_backpressure": (1, 1)}
PERIOD_NS = 5
DIFFERENCES_KEPT = 10


@cocotb.test()
async def golden_rows(dut):
    """Every row of every scenario; differences are written down, and fail the test at the end."""
    manifest = json.loads((PACKAGE / "manifest.json").read_text())
    block = next(block for block in manifest["blocks"] if block["name"] == os.environ["QUWEIT_BLOCK"])
    rows = min(int(os.environ["QUWEIT_ROWS"]), block["vectors"]["rows"])
    golden = (PACKAGE / block["vectors"]["outputs"]).read_text().split()[:rows]
    cocotb.start_soon(Clock(dut.clk_i, PERIOD_NS, "ns").start())

    result = {"scenarios": {}, "differences": [], "different_rows": 0, "failures": []}
    for name, (gaps, stalls) in SCENARIOS.items():
        bench = Scenario(dut, block, golden, name, result)
        await bench.run(gaps, stalls)
        Path(os.environ["QUWEIT_RESULT"]).write_text(json.dumps(result))
    assert not result["failures"], result["failures"]
    assert not result["different_rows"], f"{result['different_rows']} rows differ"


class Scenario:
    """One pass over the golden rows."""

    def __init__(self, dut, block, golden, name, result):
        self.dut, self.block, self.golden, self.name, self.result = dut, block, golden, name, result
        self.cycles = []

    async def run(self, gaps, stalls):
        await self.reset(gaps, stalls)
        for row, expected in enumerate(self.golden):
            if not await self.next_row():
                self.fail(f"no row {row}: the block gives nothing any more")
                break
            self.cycles.append(int(self.dut.row_cycle_o.value))
            self.compare(row, expected)
        if int(self.dut.violations_o.value):
            self.fail(f"{int(self.dut.violations_o.value)} violations of the handshake")
        self.result["scenarios"][self.name] = len(self.cycles)
        if self.name == "steady" and len(self.cycles) == len(self.golden):
            self.measure()

    async def reset(self, gaps, stalls):
        dut = self.dut
        dut.rst_ni.value = 0
        dut.rows_i.value = self.played()
        dut.gaps_i.value = gaps
        dut.stalls_i.value = stalls
        for _ in range(3):
            await FallingEdge(dut.clk_i)
        dut.rst_ni.value = 1

    def played(self):
        """Rows of whole samples, where a block reads the tokens around: it waits for all of them."""
        sample = (self.block["neighbours"] or {"tokens": 1})["tokens"]
        return -(-len(self.golden) // sample) * sample

    async def next_row(self):
        """Wait for one more row; False when far more cycles pass than the slowest row takes."""
        beats = self.block["input_beats"] + self.block["output_beats"]
        patience = 64 * (self.block["latency_cycles"] + beats) + 1000
        changed = ValueChange(self.dut.rows_o)
        return await First(changed, Timer(patience * PERIOD_NS, "ns")) is changed

    def compare(self, row, expected):
        got = self.dut.row_data_o.value
        lanes = self.block["outputs"] * self.block["output_bits"]
        if got.is_resolvable and int(got) % 2**lanes == int(expected, 16):
            return
        self.result["different_rows"] += 1
        for output in range(self.block["outputs"]):
            if len(self.result["differences"]) == DIFFERENCES_KEPT:
                return
            wanted = self.lane(int(expected, 16), output)
            answer = self.lane(int(got), output) if got.is_resolvable else None
            if answer != wanted:
                self.result["differences"].append(
                    {
                        "block": self.block["name"],
                        "scenario": self.name,
                        "row": row,
                        "output": output,
                        "cycle": self.cycles[-1],
                        "expected": wanted,
                        "got": answer,
                    }
                )

    def lane(self, packed, output):
        """One output as a signed number."""
        bits = self.block["output_bits"]
        value = packed >> (output * bits) & (2**bits - 1)
        return value - 2**bits if value >> (bits - 1) else value

    def measure(self):
        """Latency of the first row and the interval between rows, which must never vary."""
        intervals = {after - before for before, after in itertools.pairwise(self.cycles)}
        latency = self.cycles[0] - int(self.dut.first_cycle_o.value)
        self.result["latency_cycles"] = latency
        if latency != self.block["latency_cycles"]:
            self.fail(f"latency {latency} cycles, the manifest says {self.block['latency_cycles']}")
        if not intervals:
            return
        if intervals != {self.block["initiation_interval_cycles"]}:
            self.fail(
                f"rows {sorted(intervals)} cycles apart, "
                f"the manifest says {self.block['initiation_interval_cycles']}"
            )
        self.result["initiation_interval_cycles"] = max(intervals)

    def fail(self, message):
        self.result["failures"].append(f"{self.name}: {message}")
