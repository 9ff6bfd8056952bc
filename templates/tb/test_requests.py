"""cocotb bench of a decoder: golden requests, with and without gaps and stalls, and resets.

A request is a prompt, or tokens that go on from what is cached; its answer are the logits of its last token, or that it is
refused. Runs as test_block.py does, with the same variables; rows are requests here.
"""

import json
import os
import random

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge, Timer
from test_block import PACKAGE, Bench, judge

REFUSED = "refused"
SILENT = 40  # cycles, at most


@cocotb.test()
async def golden_requests(dut):
    """Every request of every scenario; differences are written down, and fail the test at the end."""
    model = json.loads((PACKAGE / "manifest.json").read_text())["model"]
    await Timer(1, "ns")
    golden = model["decode"]["requests"]
    rows = min(int(os.environ["QUWEIT_ROWS"]), golden["rows"])
    requests = read_requests(PACKAGE / golden["inputs"], model["input_bits"])[:rows]
    answers = (PACKAGE / golden["outputs"]).read_text().split()[:rows]
    await judge(Requests(dut, model, requests, answers))


def read_requests(path, bits):
    """Words of `bits` bits, a request after the other; the bit above them marks its last word."""
    requests, words = [], []
    for word in path.read_text().split():
        words.append(int(word, 16) % 2**bits)
        if int(word, 16) >> bits:
            requests.append(words)
            words = []
    return requests


class Host:
    """Sends requests word by word, and notes in which cycle each was begun."""

    def __init__(self, dut):
        self.dut, self.begun = dut, []
        dut.x_valid_i.value = 0

    async def send(self, words, chance=None):
        """Called at a falling edge, as it ends. chance: of gaps before words."""
        dut = self.dut
        for place, word in enumerate(words):
            if chance:
                for _ in range(chance.choice((0, 0, 0, 1, 2, SILENT if not place else 1))):
                    await FallingEdge(dut.clk_i)
            dut.x_data_i.value, dut.x_last_i.value = word, int(place == len(words) - 1)
            dut.x_valid_i.value = 1
            if str(dut.x_ready.value) != "1":
                await RisingEdge(dut.x_ready)
                await FallingEdge(dut.clk_i)
            if not place:
                self.begun.append(int(dut.cycle_o.value))
            await FallingEdge(dut.clk_i)
            dut.x_valid_i.value = 0


class Requests(Bench):
    """Passes over golden requests."""

    def __init__(self, dut, model, requests, golden):
        promised = {name: model[name] for name in ("input_beats", "output_beats", "latency_cycles")}
        promised |= {"interval": model["initiation_interval_cycles"], "marks_in_reset": True}
        super().__init__(dut, model, promised, golden)
        self.requests, self.feeding = requests, None
        self.goes_on = 1 << model["input_bits"] - 1

    async def start(self, gaps, stalls):
        dut = self.dut
        self.gaps, self.host = gaps, Host(dut)
        dut.rst_ni.value = 0
        dut.stalls_i.value = stalls
        self.clock.start()
        for _ in range(3):
            await FallingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        self.feed()

    def feed(self):
        """All requests from the first one on, whatever is under way."""
        if self.feeding is not None:
            self.feeding.cancel()
        self.host = Host(self.dut)
        self.feeding = cocotb.start_soon(self.send())

    async def send(self):
        chance = random.Random(1) if self.gaps else None
        await FallingEdge(self.dut.clk_i)
        for words in self.requests:
            await self.host.send(words, chance)

    def compare(self, row, expected):
        refused = int(self.dut.refused_o.value)
        if refused != (expected == REFUSED):
            self.result["different"] += 1
            self.fail(f"request {row} was {'refused' if refused else 'answered, and does not fit'}")
        elif not refused:
            super().compare(row, expected)
        if not self.gaps and not int(self.dut.stalls_i.value):
            self.check_cycles(row)

    def check_cycles(self, row):
        """From its first word taken to its last logit given; without gaps the next one follows."""
        took, promised = self.cycles[row] - self.host.begun[row], self.promised(row)
        if took != promised:
            self.fail(f"request {row} took {took} cycles, and {promised} are promised")
        if row and self.host.begun[row] != self.cycles[row - 1] + 1:
            self.fail(
                f"request {row} was taken {self.host.begun[row] - self.cycles[row - 1]} cycles after an answer"
            )

    def promised(self, row):
        words, step = self.requests[row], self.block["decode"]
        if step["request_cycles"]:  # tokens leave early, each at an exit of its own
            return step["request_cycles"][row]
        if self.golden[row] == REFUSED:
            return len(words)
        if words[0] & self.goes_on:
            each = step["initiation_interval_cycles"] - self.design["output_beats"]
            return step["latency_cycles"] + (len(words) - 1) * each
        return self.design["latency_cycles"] - (self.design["input_beats"] - len(words))

    def check_latency(self, when=""):
        """Those of every request are compared as it comes."""
        return self.cycles[0] - self.host.begun[0]

    def measure(self):
        """What a decode step and a whole prompt take, the first two requests."""
        took = [
            last - first for first, last in zip(self.host.begun, self.cycles, strict=False)
        ]  # one may be under way
        self.result["decode_latency_cycles"] = took[0]
        if len(took) > 1:
            self.result["latency_cycles"] = took[1]
            self.result["initiation_interval_cycles"] = self.cycles[1] - self.cycles[0]

    def moments(self):
        """In a step, while a prompt comes, while it runs, while it is answered; and at last in a step that finds it cached."""
        step = self.block["decode"]["initiation_interval_cycles"]
        if of_requests := self.block["decode"]["request_cycles"]:
            step = of_requests[0] + 1
        prompt, beats, answers = (
            self.design["interval"],
            self.design["input_beats"],
            self.design["output_beats"],
        )
        begins = step + prompt - answers
        return [
            *range(2, 6), step // 2, *range(step - answers - 2, step + 4), step + beats // 2, *range(step + beats, step + beats + 4),
            step + prompt // 3, step + prompt // 2, *range(begins - 2, begins + 4), step + prompt + 2, step + prompt + 6,
        ]  # fmt: skip
