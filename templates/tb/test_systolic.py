"""cocotb bench of a systolic array: all products, with and without gaps and stalls, and resets.

Runs inside the simulator and needs nothing but cocotb and this package:

    QUWEIT_DESIGN       name of the array in manifest.json
    QUWEIT_RESULT       JSON file to write, at the end
    QUWEIT_STOP_EARLY   1: stop after the first pass with a difference

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
RESET = "reset"  # a scenario of its own
PERIOD_NS = 5


@cocotb.test()
async def products(dut):
    """Every product of every scenario; a difference is written down, and fails the test at the end."""
    manifest = json.loads((PACKAGE / "manifest.json").read_text())
    array = next(one for one in manifest["arrays"] if one["name"] == os.environ["QUWEIT_DESIGN"])
    await Timer(1, "ns")
    vectors = PACKAGE / "tb" / "vectors"
    jobs, results = (vectors / f"{array['name']}.{kind}.hex" for kind in ("jobs", "results"))
    check_memory(dut.source_checksum_o, [jobs, vectors / "a.hex", vectors / "b.hex"])
    check_memory(dut.sink_checksum_o, [results, vectors / "y.hex"])
    bench = Bench(dut, array, array["products"] + array["causal"])
    for name, (gaps, stalls) in SCENARIOS.items():
        if not bench.stopped():
            await bench.play(name, gaps, stalls)
    if not bench.stopped():
        await bench.resets()
    result = bench.result | {"stopped": bench.stopped()}
    Path(os.environ["QUWEIT_RESULT"]).write_text(json.dumps(result))
    assert not result["failures"], result["failures"]
    assert not result["different"], f"{result['different']} elements differ"


def check_memory(checksum, files):
    """A memory of the bench must hold what its file holds; else nothing that follows is about the design.

    Raises:
        RuntimeError: it does not.
    """
    bits = len(checksum)
    expected = 0
    for word in (word for path in files for word in path.read_text().split()):
        expected = ((expected << 1 | expected >> (bits - 1)) & (2**bits - 1)) ^ int(word, 16)
    held = checksum.value
    if not held.is_resolvable or int(held) != expected:
        names = ", ".join(path.name for path in files)
        raise RuntimeError(f"the memories of the bench do not hold what {names} hold")


class Bench:
    """Passes over the products; what they show is in `result`."""

    def __init__(self, dut, array, products):
        self.dut, self.side, self.products = dut, array["side"], products
        self.reset_cycles = array["reset_cycles"]
        self.clock = Clock(dut.clk_i, PERIOD_NS, "ns")
        self.result = {"scenarios": {}, "different": 0, "difference": None, "cycles": {}, "failures": []}

    def stopped(self):
        found = self.result["failures"] or self.result["different"]
        return bool(found) and os.environ.get("QUWEIT_STOP_EARLY") == "1"

    async def play(self, name, gaps, stalls):
        """All products."""
        dut = self.dut
        await self.start(gaps, stalls)
        for product in self.products:
            tiles = -(-product["rows"] // self.side) * -(-product["columns"] // self.side)
            patience = 1000 + 8 * tiles * (max(product["inner"], self.side) + 8 * self.side)
            changed = ValueChange(dut.jobs_o)
            if await First(changed, Timer(patience * PERIOD_NS, "ns")) is not changed:
                self.fail(name, f"`{product['name']}` does not end")
                break
            await FallingEdge(dut.clk_i)  # the counters beside `jobs_o` may change after it in one time step
            if name == "steady":
                # from the cycle in which it was taken through the one in which its last row was given: the next
                # product is taken in the one after, so that cycles of products add up
                taken, given = int(dut.begin_cycle_o.value), int(dut.job_cycle_o.value)
                self.result["cycles"][product["name"]] = given - taken + 1
        self.result["scenarios"][name] = self.look(name)
        self.clock.stop()

    async def resets(self):
        """Reset while the clock stands still, at some moments: what is offered must be taken back at once, and the first rows be clean."""
        compared, side, inner = 0, self.side, self.products[0]["inner"]
        rows_come = inner + 2 * side + 8  # cycles until the first row of results
        moments = [
            (cycles, 0)
            for cycles in (3, 5 + inner // 2, inner + 4, inner + side, rows_come, rows_come + side)
        ]
        for cycles, hold in (*moments, (rows_come + 4 * inner + 64, 1)):
            await self.start(0, 0, hold)
            await Timer(cycles * PERIOD_NS, "ns")
            self.clock.stop()
            self.dut.rst_ni.value = 0
            await Timer(1, "ns")
            self.check_quiet(cycles)
            await self.start(0, 0)
            await Timer((rows_come + side) * PERIOD_NS, "ns")
            compared += self.look(RESET)
            self.clock.stop()
        self.result["scenarios"][RESET] = compared

    async def start(self, gaps, stalls, hold=0):
        """A reset of as many cycles as the array asks for, no more: the lines without one are flushed."""
        dut = self.dut
        dut.rst_ni.value = 0
        dut.gaps_i.value, dut.stalls_i.value, dut.hold_i.value = gaps, stalls, hold
        self.clock.start(start_high=False)
        for _ in range(self.reset_cycles):
            await FallingEdge(dut.clk_i)
        dut.rst_ni.value = 1

    def check_quiet(self, cycles):
        """What reset promises, with no clock: nothing is offered, and a product and operands would be taken."""
        promised = {"y_valid": "0", "y_last": "0", "job_ready": "1", "x_ready": "1"}
        found = {name: str(getattr(self.dut, name).value) for name in promised}
        if wrong := [f"{name} is {found[name]}" for name in promised if found[name] != promised[name]]:
            self.fail(RESET, f"while reset without a clock in cycle {cycles}: {', '.join(wrong)}")

    def look(self, scenario):
        """What the sink has found since the reset; how many elements it compared."""
        dut, different = self.dut, int(self.dut.different_o.value)
        self.result["different"] += different
        if int(dut.misplaced_o.value):
            self.fail(scenario, f"{int(dut.misplaced_o.value)} marks of a last row are wrong")
        if different and self.result["difference"] is None:
            got = dut.first_got_o.value
            self.result["difference"] = {
                "product": self.products[int(dut.first_job_o.value)]["name"],
                "scenario": scenario,
                "row": int(dut.first_row_o.value),
                "column": int(dut.first_column_o.value),
                "cycle": int(dut.first_cycle_o.value),
                "expected": signed(int(dut.first_expected_o.value)),
                "got": signed(int(got)) if got.is_resolvable else None,
            }
        return int(dut.compared_o.value)

    def fail(self, scenario, message):
        self.result["failures"].append(f"{scenario}: {message}")


def signed(byte):
    return byte - 256 if byte > 127 else byte
