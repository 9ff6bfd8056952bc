<%page args="design, dump, blocks, version"/>\
<% first = blocks[0]; axis = first.axis; of_first = next(one for one in dump.blocks if one.name == first.name); normalised = dump.site(of_first).normalised %>\
# RTL package of ${design}

Rendered by quweit ${version} from dump `${dump.digest[:16]}`. Same dump and settings, same bytes.

Every block is a module with plain streaming ports, and a wrapper with AXI-Stream ports in plain Verilog.

| block | module | wrapper | row in | row out | latency | a row each |
|---|---|---|---|---|---|---|
% for block in blocks:
| ${block.name} | `${block.top}` | `${block.axis.top}` | ${block.features} x int${block.input_bits} | ${block.outputs} x int${block.output_bits} | ${block.latency_cycles} cycles | ${block.initiation_interval_cycles} cycles |
% endfor

Latency counts from the first input beat taken to the last output beat given, of an idle block without
stalls. A row is loaded while the one before it is computed and the one before that leaves, so rows follow one
another without a pause. `manifest.json` holds these numbers, every file's SHA-256 and the golden vectors' names.
% if first.neighbours:

Blocks read the tokens around each token as well. Rows come token by token as they are read, in whole samples of ${first.neighbours.tokens}; a
memory of ${first.neighbours.kept_tokens} tokens in front of a block puts them together, and a token's outputs follow once all that it reads has come. The
latency above is that of a sample's first token. A sample that breaks off keeps its last tokens waiting: reset the block.
% endif

${"##"} The wrapper

| wrapper | `s_axis_tdata` | beats a row | `m_axis_tdata` | beats a row | a row each |
|---|---|---|---|---|---|
% for block in blocks:
| `${block.axis.top}` | ${block.axis.bytes_in} bytes | ${block.axis.input_beats} | ${block.axis.bytes_out} bytes | ${block.axis.output_beats} | ${block.axis.initiation_interval_cycles} cycles |
% endfor

`aclk`, `aresetn` (active low, asserted at any time, released in step with `aclk`), and TDATA, TVALID, TREADY, TLAST on both sides.

- Feature 0 is in the low byte of the first beat, one byte each. Output 0 is in the low two bytes, two bytes each, low
  byte first. Bytes past the end of a row in its last beat are ignored on input and zero on output.
- TLAST marks the last beat of a row. On input, TLAST on an earlier beat discards the row begun, so that a source
  that was interrupted finds back; a row is complete with its last beat whether TLAST is set there or not.
- Gaps and stalls of any length are allowed on both sides. A beat that is offered stays until it is taken.
- Where TDATA is not as wide as the beats of the block, a row takes a few cycles longer to pass.

In Vivado, with a project open, this adds sources and constraints, from where *Add Module* puts the wrapper into a block design:

```tcl
source vivado/${axis.top}_add.tcl
```

`vivado -mode batch -source vivado/${axis.top}_ip.tcl -tclargs PART` makes an IP of it, in `ip/`. The attributes of the ports tell
Vivado the interfaces, their widths and their clock. Both scripts were run against stand-ins of Vivado's commands alone, by `tclsh`. Constraints
for synthesis out of context are in `constraints/`, for Vivado (`.xdc`) and others (`.sdc`).

${"##"} What goes in, what comes out

% if of_first.site is None:
A block takes the place of the MLP in a transformer layer, `x + mlp(norm(x))`. It does neither the normalisation nor the sum:

- *In*: the row of one token, normalised: LayerNorm over its ${first.features} features with epsilon 1e-5, *without gain and bias*, as
  the block's thresholds do that work. Each value is divided by the input step, rounded to the nearest integer,
  halves to even, and clamped to ${-2 ** (first.input_bits - 1)} to ${2 ** (first.input_bits - 1) - 1}.
- *Out*: integers that, times the output step, join the residual stream: they are added to `x`, not to its normalised row.
% else:
A block takes the place of a module in your model, and computes integers from integers:

- *In*: a row of what the module was given${", after the model's own normalisation. It is normalised once more on the host: LayerNorm over the row's features with epsilon 1e-5, *without gain and bias*" if normalised else ", as it is, without a normalisation"}.
  Each value is divided by the input step, rounded to the nearest integer, halves to even, and clamped to
  ${-2 ** (first.input_bits - 1)} to ${2 ** (first.input_bits - 1) - 1}.
- *Out*: integers that, times the output step, are what the module answers. Sums with a residual stay on the host.

| block | module | rows a sample | normalised before it |
|---|---|---|---|
% for block in dump.blocks:
| ${block.name} | `${dump.site(block).module}` | ${dump.site(block).rows} | ${"yes" if dump.site(block).normalised else "no"} |
% endfor
% endif

All numbers are two's complement integers.

| block | real value of an input step | real value of an output step |
|---|---|---|
% for block in dump.blocks:
| ${block.name} | ${block.input_scale} | ${block.output_scale} |
% endfor

On the host, with NumPy alone, `host/${design}_host.py` has the layout of each wrapper and `host/quweit_stream.py` what it is for; the bytes are
what a DMA moves, a row after the other in whole beats:

```python
from ${design}_host import ${first.top}
from quweit_stream import Driver


def answers(values, dma):
    """${"Residual stream" if of_first.site is None else "What the module is given"}, real [rows, ${first.features}], to what ${"is added to it" if of_first.site is None else "the module answers"}; dma: an AXI DMA of PYNQ."""
    rows = ${first.top}.quantised(values)  # integers; `pack` makes bytes of them for s_axis, `unpack` integers of those from m_axis
    return ${first.top}.real(Driver(${first.top}, dma).run(rows))
```

In C, `host/${design}_host.h` has sizes and two functions for each wrapper: `${first.top}_pack` and `${first.top}_unpack`.
% if normalised:

PyTorch normalises in 32 bits and NumPy here in those of what it is given: a value that lies between two steps may round to either.
% endif

${"##"} The block's own ports

| port | direction | meaning |
|---|---|---|
| `clk_i` | in | clock, rising edge |
| `rst_ni` | in | asynchronous reset, active low; resets control only. While it is low, with or without a clock, `y_valid_o` and `y_last_o` are low and `x_ready_o` is high; it may be short, and the next row is clean |
| `x_valid_i`, `x_ready_o`, `x_data_i` | stream in | one beat of features, feature 0 in the low bits; taken while valid and ready are both high |
| `x_last_i` | in | marks the last beat of a row; on an earlier beat it discards the row begun |
| `y_valid_o`, `y_ready_i`, `y_data_o`, `y_last_o` | stream out | one beat of outputs, output 0 in the low bits; `y_last_o` on the last beat of a row |

| module | features a beat | beats in | outputs a beat | beats out |
|---|---|---|---|---|
% for block in blocks:
| `${block.top}` | ${block.features_per_beat} | ${block.input_beats} | ${block.outputs_per_beat} | ${block.output_beats} |
% endfor

${"##"} Files

- `rtl/`: the design, tables as SystemVerilog constants; `rtl/xilinx/`: the same tables as LUT cells; `rtl/wrapper/`: AXI-Stream.
- `filelists/`: `<module>.f` for simulation and library cells, `<module>_xilinx.f` for FPGA synthesis, `check_<module>.f` and
  `tb_<module>.f` for the benches; names are relative to this folder.
- `tb/`: benches and golden vectors, inputs one beat a line, outputs one row a line; their SHA-256 are in `manifest.json`. The
  vectors are rows directed at what the others do not show, random rows, then rows of real activations.
- `vivado/`: Tcl that adds a wrapper to a project, or makes an IP of it. `ipxact/`: each wrapper as a component (IEEE 1685-2014), for
  tools that put designs together. `${design}.core`: FuseSoC. `lint/waivers.vlt`: waivers for Verilator, and why.
- `host/`: Python and C for whoever speaks with the wrapper.

${"##"} What the vectors read

| block | rows | table entries | read | observed | unreachable | not found |
|---|---|---|---|---|---|---|
% for block in blocks:
<% v = block.vectors; t = v.tables %>\
| ${block.name} | ${v.directed_rows} + ${v.random_rows} + ${v.golden_rows} | ${t.entries} | ${t.read} | ${t.observed} | ${t.unreachable} | ${t.not_found} |
% endfor

An entry is observed when some row's outputs would be others if it were; unreachable, when it is proven that no input reads it. Only one
that is not found could be wrong unseen. `tb/vectors/*.coverage.json` lists those that nothing reads, and why.

${"##"} Simulate

A package is code: what lies here can call programs of your machine (`$system`, and cocotb's Python). Run one that somebody
sent only if you trust it. `quweit sim` uses the design and the golden rows, with a bench of its own.

The self-checking bench needs a SystemVerilog simulator and nothing else. It plays the golden rows with and without gaps
and stalls, and ends with `PASS`, or with an error and an exit code. In this folder, with Icarus Verilog:

```sh
iverilog -g2012 -s ${axis.check} -c filelists/${axis.check}.f -o check.vvp
vvp check.vvp +inputs=${axis.inputs} +outputs=${first.vectors.outputs}
```

With Verilator 5:

```sh
verilator --binary -CFLAGS -std=c++20 --timescale 1ns/1ps --top-module ${axis.check} -f filelists/${axis.check}.f -o check
obj_dir/check +inputs=${axis.inputs} +outputs=${first.vectors.outputs}
```

With any other: compile the names in `filelists/${axis.check}.f`, top `${axis.check}`, and run it with the same two
plusargs. `${first.check}` is the bench of the block without its wrapper (`+inputs=${first.vectors.inputs}`).

With FuseSoC:

```sh
fusesoc --cores-root . run --target=sim_${first.name} quweit:block:${design}
```

`lint_${first.name}` and `synth_${first.name}` (Vivado) are its other targets; every block has the three.

With cocotb 2, which names every output that differs, on the block without its wrapper:

```sh
export QUWEIT_DESIGN=${first.name} QUWEIT_ROWS=20 QUWEIT_RESULT=result.json
export PYTHONPATH=tb COCOTB_TEST_MODULES=test_block COCOTB_TOPLEVEL=${first.testbench} TOPLEVEL_LANG=verilog
export PYGPI_PYTHON_BIN="$(command -v python3)"
export GPI_USERS="$(find_libpython);$(python3 -c 'import cocotb_tools.config as c; print(c.pygpi_entry_point())')"
echo "+timescale+1ns/1ps" > timescale.f
iverilog -g2012 -s ${first.testbench} -o bench.vvp -f timescale.f -c filelists/${first.testbench}.f
vvp -m "$(cocotb-config --lib-name-path vpi icarus)" bench.vvp -none +inputs=${first.vectors.inputs}
```

`result.json` then holds the rows compared in each scenario and the first differences, if any.

${"##"} Synthesize

- Vivado: `vivado/${axis.top}_add.tcl`, or `filelists/${axis.top}_xilinx.f` and `constraints/${axis.top}.xdc`, top `${axis.top}`.
- Cells of a library: `filelists/${axis.top}.f` and `constraints/${axis.top}.sdc`.
