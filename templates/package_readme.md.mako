<%page args="dump, blocks, version"/>\
# RTL package of ${dump.name}

Rendered by quweit ${version} from dump `${dump.digest[:16]}`. Same dump, same bytes.

| block | module | row in | row out | latency | a row each |
|---|---|---|---|---|---|
% for block in blocks:
| ${block.name} | `${block.top}` | ${block.features} x int${block.input_bits}, ${block.input_beats} beats of ${block.features_per_beat} | ${block.outputs} x int${block.output_bits}, ${block.output_beats} beats of ${block.outputs_per_beat} | ${block.latency_cycles} cycles | ${block.initiation_interval_cycles} cycles |
% endfor

Latency counts from the first input beat taken to the last output beat given, of an idle block without
stalls. `manifest.json` holds these numbers, every file's SHA-256 and the golden vectors' names.

${"##"} Ports

| port | direction | meaning |
|---|---|---|
| `clk_i` | in | clock, rising edge |
| `rst_ni` | in | asynchronous reset, active low; resets control only |
| `x_valid_i`, `x_ready_o`, `x_data_i` | stream in | one beat of features, feature 0 in the low bits, two's complement; beats are taken while valid and ready are both high |
| `x_last_i` | in | marks the last beat of a row; on an earlier beat it discards the row begun |
| `y_valid_o`, `y_ready_i`, `y_data_o`, `y_last_o` | stream out | one beat of outputs, output 0 in the low bits, two's complement; `y_last_o` on the last beat of a row |

A beat that is offered stays until it is taken. Gaps and stalls of any length are allowed on both sides.

| block | real value of an input step | real value of an output step |
|---|---|---|
% for block in dump.blocks:
| ${block.name} | ${block.input_scale} | ${block.output_scale} |
% endfor

${"##"} Files

- `rtl/`: the design, tables as SystemVerilog constants; `rtl/xilinx/`: the same tables as LUT cells.
- `filelists/<top>.f` for simulation and ASIC, `filelists/<top>_xilinx.f` for FPGA synthesis, `filelists/tb_<top>.f` for the bench.
- `tb/`: bench and golden vectors (`inputs.hex` one beat a line, `outputs.hex` one row a line).

${"##"} Simulate without quweit

With cocotb 2 and Icarus, in this folder, for the first block:

```sh
export QUWEIT_BLOCK=${blocks[0].name} QUWEIT_ROWS=20 QUWEIT_RESULT=result.json
export PYTHONPATH=tb COCOTB_TEST_MODULES=test_block COCOTB_TOPLEVEL=${blocks[0].testbench} TOPLEVEL_LANG=verilog
export PYGPI_PYTHON_BIN="$(command -v python3)"
export GPI_USERS="$(find_libpython);$(python3 -c 'import cocotb_tools.config as c; print(c.pygpi_entry_point())')"
echo "+timescale+1ns/1ps" > timescale.f
iverilog -g2012 -s ${blocks[0].testbench} -o bench.vvp -f timescale.f -c filelists/${blocks[0].testbench}.f
vvp -m "$(cocotb-config --lib-name-path vpi icarus)" bench.vvp -none +inputs=${blocks[0].vectors.inputs}
```

`result.json` then holds the rows compared in each scenario and the first differences, if any.
