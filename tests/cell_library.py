"""A small cell library of our own invention, so that no test needs one of a foundry.

Delays grow with the load, flip-flops spend energy on their clock pin, and the clock gate is a latch
and an AND gate, as in every library. `text()` writes it in Liberty format.
"""

from __future__ import annotations

import gzip
from pathlib import Path

GATES = {  # name -> area, inputs, function
    "INV": (0.5, "A", "!A"),
    "NAND2": (0.8, "A B", "!(A * B)"),
    "NOR2": (0.8, "A B", "!(A + B)"),
    "AOI21": (1.1, "A B C", "!((A * B) + C)"),
    "XOR2": (1.6, "A B", "A ^ B"),
    "DELAY": (3.0, "A", "A"),
    "BUF1": (0.8, "A", "A"),
    "BUF2": (1.1, "A", "A"),
    "BUF8": (3.5, "A", "A"),
    "TRAP_lpflow": (0.1, "A", "A"),
}
STRENGTH_FF = {"BUF2": 120, "BUF8": 480}


def text(*, without: tuple[str, ...] = (), dont_use: tuple[str, ...] = ("TIE0", "TIE1")) -> str:
    cells = {name: _gate(*spec, STRENGTH_FF.get(name, 60)) for name, spec in GATES.items()}
    cells["TIE0"] = 'area : 0.3; pin (Z) { direction : output; function : "0"; max_capacitance : 60; }'
    cells["TIE1"] = 'area : 0.3; pin (Z) { direction : output; function : "1"; max_capacitance : 60; }'
    cells["DFF"] = _flip_flop("")
    cells["DFFR"] = _flip_flop("RN")
    cells["GATE"] = GATE
    body = "\n".join(
        f"  cell ({name}) {{ {'dont_use : true; ' if name in dont_use else ''}{content} }}"
        for name, content in cells.items()
        if name not in without
    )
    return f"{HEADER}\n{body}\n}}\n"


def write(folder: Path, *, packed: bool = False, **options: tuple[str, ...]) -> Path:
    content = text(**options).encode()
    path = folder / ("tiny.lib.gz" if packed else "tiny.lib")
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    return path


HEADER = """\
/* A comment; with a brace { in it. */
library (tiny) {
  delay_model : table_lookup;
  time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1mA"; pulling_resistance_unit : "1kohm";
  leakage_power_unit : "1nW"; capacitive_load_unit (1, ff);
  nom_process : 1.0; nom_temperature : 25.0; nom_voltage : 1.1;
  operating_conditions (typical) { process : 1.0; voltage : 1.1; temperature : 25.0; }
  default_operating_conditions : typical;
  default_max_transition : 1.0;
  slew_lower_threshold_pct_rise : 20; slew_upper_threshold_pct_rise : 80;
  slew_lower_threshold_pct_fall : 20; slew_upper_threshold_pct_fall : 80;
  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;
  lu_table_template (delay) {
    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("0.01, 0.5"); index_2 ("1, 60");
  }
  lu_table_template (constraint) {
    variable_1 : related_pin_transition; variable_2 : constrained_pin_transition;
    index_1 ("0.01, 0.5"); index_2 ("0.01, 0.5");
  }
  power_lut_template (energy) { variable_1 : input_transition_time; index_1 ("0.01, 0.5"); }"""
DELAY = """cell_rise (delay) { values ("0.02, 0.20", "0.05, 0.25"); } \
rise_transition (delay) { values ("0.01, 0.15", "0.03, 0.20"); } \
cell_fall (delay) { values ("0.02, 0.18", \\
  "0.05, 0.22"); } \
fall_transition (delay) { values ("0.01, 0.12", "0.03, 0.18"); }"""
CONSTRAINT = """rise_constraint (constraint) { values ("0.03, 0.04", "0.03, 0.04"); } \
fall_constraint (constraint) { values ("0.03, 0.04", "0.03, 0.04"); }"""
CLOCK_ENERGY = """internal_power () { rise_power (energy) { values ("3, 4"); } fall_power (energy) { values ("2, 3"); } }"""
GATE = f"""\
area : 3.4; clock_gating_integrated_cell : "latch_posedge"; cell_leakage_power : 20;
    statetable ("CK E", "IQ") {{ table : "L L : - : L , L H : - : H , H - : - : N "; }}
    pin (IQ) {{ direction : internal; internal_node : "IQ"; }}
    pin (CK) {{ direction : input; capacitance : 1.0; clock : true; clock_gate_clock_pin : true; {CLOCK_ENERGY} }}
    pin (E) {{ direction : input; capacitance : 0.9; clock_gate_enable_pin : true;
      timing () {{ related_pin : "CK"; timing_type : setup_rising; {CONSTRAINT} }}
    }}
    pin (GCK) {{ direction : output; state_function : "CK * IQ"; max_capacitance : 60; clock_gate_out_pin : true;
      timing () {{ related_pin : "CK"; timing_sense : positive_unate; {DELAY} }}
    }}"""


def _gate(area: float, inputs: str, function: str, strength_ff: int) -> str:
    pins = "".join(f" pin ({name}) {{ direction : input; capacitance : 1.0; }}" for name in inputs.split())
    timing = "".join(f' timing () {{ related_pin : "{name}"; {DELAY} }}' for name in inputs.split())
    return (
        f"area : {area}; cell_leakage_power : 10;{pins} "
        f'pin (Z) {{ direction : output; function : "{function}"; max_capacitance : {strength_ff};{timing} }}'
    )


def _flip_flop(reset: str) -> str:
    clear = f'clear : "!{reset}"; ' if reset else ""
    pin = (
        reset
        and f"""
    pin ({reset}) {{ direction : input; capacitance : 1.0;
      timing () {{ related_pin : "CK"; timing_type : recovery_rising; rise_constraint (constraint) {{ values ("0.03, 0.04", "0.03, 0.04"); }} }}
    }}"""
    )
    asynchronous = (
        reset
        and f' timing () {{ related_pin : "{reset}"; timing_type : clear; timing_sense : positive_unate; {DELAY} }}'
    )
    return f"""\
area : {5.3 if reset else 4.5}; cell_leakage_power : 30;
    ff (IQ, IQN) {{ clocked_on : "CK"; next_state : "D"; {clear}}}
    pin (CK) {{ direction : input; capacitance : 1.0; clock : true; {CLOCK_ENERGY} }}{pin}
    pin (D) {{ direction : input; capacitance : 1.0;
      timing () {{ related_pin : "CK"; timing_type : setup_rising; {CONSTRAINT} }}
      timing () {{ related_pin : "CK"; timing_type : hold_rising; {CONSTRAINT} }}
    }}
    pin (Q) {{ direction : output; function : "IQ"; max_capacitance : 60;
      timing () {{ related_pin : "CK"; timing_type : rising_edge; {DELAY} }}{asynchronous}
    }}"""
