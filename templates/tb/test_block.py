"""cocotb bench of one block, its wrapper, or a unit: golden rows through the RTL, with and without gaps and stalls, and resets.

Runs inside the simulator and needs nothing but cocotb and this package:

    QUWEIT_DESIGN       name of the block or unit in manifest.json
    QUWEIT_FORM         rtl (without it), wrapper, netlist, or routed: the wrapper between register slices
    QUWEIT_RESETS       one moment of so many is tried for a reset, and none with 0; all without it
    QUWEIT_ROWS         golden rows to compare in each scenario
    QUWEIT_SCENARIOS    their names; all without it
    QUWEIT_RESULT       JSON file to write, at the end
    QUWEIT_STOP_EARLY   1: stop at the first difference

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
RESET = "reset"  # a scenario of its own
ROWS_AFTER_RESET = 2
PERIOD_NS = 5
DIFFERENCES_KEPT = 10


class Stop(Exception):
    """Nothing more to find out: the first difference was asked for."""


@cocotb.test()
async def golden_rows(dut):
    """Every row of every scenario; differences are written down, and fail the test at the end."""
    manifest = json.loads((PACKAGE / "manifest.json").read_text())
    blocks = manifest["blocks"] + manifest.get("units", []) + [one for one in [manifest.get("model")] if one]
    block = next(block for block in blocks if block["name"] == os.environ["QUWEIT_DESIGN"])
    form = os.environ.get("QUWEIT_FORM", "rtl")
    design = wrapper_of(block, form) if form in ("wrapper", "routed") else design_of(block)
    await Timer(1, "ns")
    check_memory(dut, design["inputs"])
    rows = min(int(os.environ["QUWEIT_ROWS"]), block["vectors"]["rows"])
    golden = (PACKAGE / block["vectors"]["outputs"]).read_text().split()[:rows]
    await judge(Bench(dut, block, design, golden))


async def judge(bench):
    """Play every scenario, write down what it shows, and fail where anything differs."""
    try:
        for name in os.environ.get("QUWEIT_SCENARIOS", " ".join(SCENARIOS)).split():
            await bench.play(name, *SCENARIOS[name])
        if every := int(os.environ.get("QUWEIT_RESETS", "1")):
            await bench.resets(every)
    except Stop:
        bench.result["stopped"] = True
    result = bench.result
    Path(os.environ["QUWEIT_RESULT"]).write_text(json.dumps(result))
    assert not result["failures"], result["failures"]
    assert not result["different"], f"{result['different']} rows differ"
    assert not result["wrong_words"], f"{len(result['wrong_words'])} passes with a wrong word in a memory"


def design_of(block):
    """The numbers of a block's own ports."""
    numbers = {name: block[name] for name in ("input_beats", "output_beats", "latency_cycles")}
    interval = block["initiation_interval_cycles"]
    if varies := block.get("interval_varies", False):  # from row to row: what is promised is the most
        numbers["latency_cycles"] = None
    if cycles := block.get("row_cycles"):  # of each golden sample, some of which leave a model early
        numbers["latency_cycles"] = cycles[0] - 1
    inputs = block["vectors"]["inputs"]
    return numbers | {"interval": interval, "inputs": inputs, "marks_in_reset": True, "varies": varies}


def wrapper_of(block, form):
    """Those of its wrapper; its latency is promised where beats pass it as they are."""
    axis = block["axis"]
    narrow = (
        form == "routed"  # beats wait in register slices
        or 8 * axis["bytes_in"] != block["features_per_beat"] * block["input_bits"]
        or 8 * axis["bytes_out"] != block["outputs_per_beat"] * block["output_bits"]
    )
    return {
        "input_beats": axis["input_beats"],
        "output_beats": axis["output_beats"],
        "latency_cycles": None if narrow else block["latency_cycles"],
        "interval": axis["initiation_interval_cycles"],
        "inputs": axis["inputs"],
        "marks_in_reset": not narrow,
        "varies": False,
    }


def check_memory(dut, name):
    """The source must hold what the file holds; else nothing that follows is about the design.

    Raises:
        RuntimeError: it does not.
    """
    bits = len(dut.checksum_o)
    expected = 0
    for word in (PACKAGE / name).read_text().split():
        expected = ((expected << 1 | expected >> (bits - 1)) & (2**bits - 1)) ^ int(word, 16)
    held = dut.checksum_o.value
    if not held.is_resolvable or int(held) != expected:
        raise RuntimeError(f"the memory of the bench does not hold what {name} holds")


class BenchClock:
    """The clock: the bench's own where it has one, which costs nothing in Python and in callbacks, else cocotb's."""

    def __init__(self, dut):
        self.run = dut.run_i if hasattr(dut, "run_i") else None
        self.clock = Clock(dut.clk_i, PERIOD_NS, "ns")

    def start(self):
        if self.run is None:
            self.clock.start(start_high=False)
        else:
            self.run.value = 1

    def stop(self):
        if self.run is None:
            self.clock.stop()
        else:
            self.run.value = 0


class Bench:
    """Passes over the golden rows; what they show is in `result`."""

    def __init__(self, dut, block, design, golden):
        self.dut, self.block, self.design, self.golden = dut, block, design, golden
        self.clock = BenchClock(dut)
        self.result = {"scenarios": {}, "differences": [], "different": 0, "failures": []}
        self.result |= {"words_compared": 0, "wrong_words": []}
        self.name, self.cycles = "", []

    async def play(self, name, gaps, stalls):
        """All golden rows."""
        self.name, self.cycles = name, []
        await self.start(gaps, stalls)
        compared = await self.rows(len(self.golden))
        self.result["scenarios"][name] = compared
        if compared == len(self.golden):
            await Timer((self.slowest() + 2) * PERIOD_NS, "ns")  # enough for a row that nobody sent
            if int(self.dut.rows_o.value) > self.played():
                self.fail("more rows out than in")
        self.check_words()
        self.check_handshake()
        if name == "steady" and compared == len(self.golden):
            self.measure()
        self.clock.stop()

    async def resets(self, every):
        """Reset while the clock stands still, at many moments: what is offered must be taken back at once, and the next row be clean."""
        self.name, compared = RESET, 0
        golden = min(ROWS_AFTER_RESET, len(self.golden))
        moments = [(cycles, 0, 0) for cycles in self.moments()] + [(cycles, 1, 1) for cycles in self.spread()]
        for cycles, gaps, stalls in moments[::every]:
            await self.start(gaps, stalls)
            await Timer(cycles * PERIOD_NS, "ns")
            self.clock.stop()
            self.dut.rst_ni.value = 0
            await Timer(1, "ns")
            self.check_quiet(cycles)
            self.dut.rst_ni.value = 1
            await Timer(1, "ns")
            self.clock.start()
            self.cycles = []
            self.feed()
            compared += await self.rows(golden)
            self.check_words()
            self.check_handshake()
            if len(self.cycles) == golden and not gaps:
                self.check_latency(f"after a reset in cycle {cycles}")
            self.clock.stop()
        self.result["scenarios"][RESET] = compared

    def moments(self):
        """Cycles after which to reset: all until the second row comes, where that is soon; else those in which control moves."""
        if schedule := self.block.get("schedule"):
            return self.while_engines_work(schedule)
        design = self.design
        last = self.slowest() + design["interval"] + 2
        if last <= 24:
            return range(1, last + 1)
        begins = self.slowest() - design["output_beats"]  # the first beat is offered about here
        around = [*range(max(3, begins - 10), begins + 6), *range(self.slowest() - 1, self.slowest() + 5)]
        within = [
            2,
            3,
            2 + design["input_beats"] // 2,
            design["input_beats"] + 2,
            begins + design["output_beats"] // 2,
        ]
        later = [self.slowest() + design["interval"] // 2]
        if self.block.get("neighbours"):  # a row of tokens is through
            later.append(self.slowest() + (self.block["neighbours"]["width"] + 1) * design["interval"] + 3)
        return sorted({*around, *within, *later})

    def while_engines_work(self, schedule):
        """In the midst of the first job of every engine of a model, of a sample that comes or goes, and of the second sample."""
        beats, answers = self.design["input_beats"], self.design["output_beats"]
        jobs = {job["engine"]: job for job in reversed(schedule)}
        within = [beats + job["first_cycle"] + job["cycles"] // 2 for job in jobs.values()]
        return [
            *within,
            beats // 2,
            self.slowest() - answers // 2,
            self.slowest() + self.design["interval"] // 2,
        ]

    def spread(self):
        """The same with gaps and stalls, where rows take longer."""
        last = 2 * (self.slowest() + self.design["interval"])
        if self.block.get("schedule"):
            return [last // 5, last // 2]
        if not self.design["latency_cycles"]:  # where widths change, a row is given up in single cycles
            return range(1, min(last, 160) + 1)
        return range(1, last + 1) if last <= 48 else range(5, last, -(-last // 12))

    def slowest(self):
        """Cycles from a reset to the end of the first row; more than these where a wrapper changes widths."""
        latency = self.design["latency_cycles"]
        if self.block.get("row_cycles"):
            return self.block["latency_cycles"]
        return (
            latency or self.block["latency_cycles"] + self.design["input_beats"] + self.design["output_beats"]
        )

    async def start(self, gaps, stalls):
        dut = self.dut
        dut.rst_ni.value = 0
        dut.rows_i.value = self.played()
        dut.gaps_i.value = gaps
        dut.stalls_i.value = stalls
        self.clock.start()
        for _ in range(3):
            await FallingEdge(dut.clk_i)
        dut.rst_ni.value = 1

    def feed(self):
        """Begin with the first row anew: the source of the bench does so by itself."""

    async def rows(self, count):
        """Compare the next rows, the first golden ones; how many came."""
        for row, expected in enumerate(self.golden[:count]):
            if not await self.next_row():
                self.fail(f"no row {row}: the block gives nothing any more")
                return row
            self.cycles.append(int(self.dut.row_cycle_o.value))
            self.compare(row, expected)
        return count

    def played(self):
        """Rows of whole samples, where a block reads the tokens around: it waits for all of them."""
        sample = (self.block.get("neighbours") or {"tokens": 1})["tokens"]
        return -(-len(self.golden) // sample) * sample

    async def next_row(self):
        """Wait for one more row; False when far more cycles pass than the slowest row takes."""
        beats = self.design["input_beats"] + self.design["output_beats"]
        patience = 64 * (self.block["latency_cycles"] + beats) + 1000
        changed = ValueChange(self.dut.rows_o)
        return await First(changed, Timer(patience * PERIOD_NS, "ns")) is changed

    def compare(self, row, expected):
        got = self.dut.row_data_o.value
        lanes = self.block["outputs"] * self.block["output_bits"]
        if got.is_resolvable and int(got) % 2**lanes == int(expected, 16):
            return
        self.result["different"] += 1
        for output in range(self.block["outputs"]):
            if len(self.result["differences"]) == DIFFERENCES_KEPT:
                break
            wanted = self.lane(int(expected, 16), output)
            answer = self.lane(int(got), output) if got.is_resolvable else None
            if answer != wanted:
                self.result["differences"].append(
                    {
                        "design": self.block["name"],
                        "scenario": self.name,
                        "row": row,
                        "output": output,
                        "cycle": self.cycles[-1],
                        "expected": wanted,
                        "got": answer,
                    }
                )
        self.found()

    def lane(self, packed, output):
        """One output as a signed number."""
        bits = self.block["output_bits"]
        value = packed >> (output * bits) & (2**bits - 1)
        return value - 2**bits if value >> (bits - 1) else value

    def check_quiet(self, cycles):
        """What reset promises, with no clock: nothing is offered, and a beat would be taken."""
        wrong = [
            name for name, promised in (("y_valid", "0"), ("x_ready", "1")) if self.bit(name) != promised
        ]
        if self.design["marks_in_reset"] and self.bit("y_last") != "0":
            wrong.append("y_last")
        if wrong:
            self.fail(
                f"while reset without a clock in cycle {cycles}: {', '.join(f'{one} is {self.bit(one)}' for one in wrong)}"
            )

    def bit(self, name):
        return str(getattr(self.dut, name).value)

    def check_words(self):
        """What a model wrote into its memories since the last reset, where a probe watches them."""
        dut = self.dut
        if not hasattr(dut, "wrong_o"):
            return
        self.result["words_compared"] += int(dut.probed_o.value)
        if not int(dut.wrong_o.value):
            return
        if len(self.result["wrong_words"]) < DIFFERENCES_KEPT:
            residual = str(dut.wrong_residual_o.value)
            self.result["wrong_words"].append(
                {
                    "scenario": self.name,
                    "row": int(dut.wrong_row_o.value),
                    "word": int(dut.wrong_word_o.value),
                    "cycle": int(dut.wrong_cycle_o.value),
                    "missing": str(dut.wrong_missing_o.value) == "1",
                    "residual": residual == "1",
                    "lanes": str(dut.wrong_write_o.value),
                    "address": str(dut.wrong_address_o.value),
                    "data": str(dut.wrong_data_o.value),
                }
            )
        self.found()

    def check_handshake(self):
        if int(self.dut.violations_o.value):
            self.fail(f"{int(self.dut.violations_o.value)} violations of the handshake")

    def check_latency(self, when=""):
        """Of the first row, where it is promised."""
        latency = self.cycles[0] - int(self.dut.first_cycle_o.value)
        if self.design["latency_cycles"] not in (None, latency):
            self.fail(
                f"latency {latency} cycles {when}, the manifest says {self.design['latency_cycles']}".replace(
                    "  ", " "
                )
            )
        return latency

    def measure(self):
        """Latency of the first row and the interval between rows, which must never vary, or never be more than is promised."""
        every = [after - before for before, after in itertools.pairwise(self.cycles)]
        intervals = set(every)
        self.result["latency_cycles"] = self.check_latency()
        if not intervals:
            return
        if self.design["varies"]:
            self.result["intervals_cycles"] = every
            if max(every) > self.design["interval"]:
                self.fail(f"rows up to {max(every)} cycles apart, {self.design['interval']} are promised")
            return
        if cycles := self.block.get("row_cycles"):
            self.result["intervals_cycles"] = every
            self.result["initiation_interval_cycles"] = self.design["interval"]
            if every != cycles[1 : len(every) + 1]:
                self.fail(f"samples {every} cycles apart, the manifest says {cycles[1 : len(every) + 1]}")
            return
        if intervals != {self.design["interval"]}:
            self.fail(f"rows {sorted(intervals)} cycles apart, the manifest says {self.design['interval']}")
        self.result["initiation_interval_cycles"] = max(intervals)

    def fail(self, message):
        if f"{self.name}: {message}" not in self.result["failures"]:
            self.result["failures"].append(f"{self.name}: {message}")
        self.found()

    def found(self):
        if os.environ.get("QUWEIT_STOP_EARLY") == "1":
            raise Stop
