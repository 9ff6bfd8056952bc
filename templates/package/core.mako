<%page args="name, designs, version"/>\
CAPI=2:
# FuseSoC core, rendered by quweit ${version}.
#   fusesoc --cores-root . run --target=sim_${designs[0].name} quweit:block:${name}
<%
  def unique(names):
      return list(dict.fromkeys(names))
  rtl = unique(file for design in designs for file in design.sources)
  xilinx = unique(file for design in designs for file in design.sources_xilinx)
  wrapper = unique(file for design in designs for file in design.axis.sources)
%>
name: "quweit:block:${name}:${version}"
description: "Weightless blocks: thresholds, lookup tables and conditional sums behind AXI-Stream"

filesets:
  rtl:
    files:
% for file in rtl:
      - ${file}
% endfor
    file_type: systemVerilogSource
  rtl_xilinx:
    files:
% for file in xilinx:
      - ${file}
% endfor
    file_type: systemVerilogSource
  wrapper:
    files:
% for file in wrapper:
      - ${file}
% endfor
    file_type: verilogSource
  lint:
    files:
      - lint/waivers.vlt
    file_type: vlt
% for design in designs:
  bench_${design.name}:
    files:
      - tb/quweit_row_source.sv
      - tb/quweit_row_sink.sv
      - tb/${design.axis.testbench}.sv
      - tb/${design.axis.check}.sv
      - ${design.axis.inputs}: {file_type: user, copyto: ${design.name}.inputs.hex}
      - ${design.vectors.outputs}: {file_type: user, copyto: ${design.name}.outputs.hex}
% for file in design.memories:
      - ${file}: {file_type: user, copyto: ${file}}
% endfor
    file_type: systemVerilogSource
  constraints_${design.name}:
    files:
      - constraints/${design.axis.top}.xdc
    file_type: xdc
% endfor

parameters:
  inputs:
    datatype: str
    paramtype: plusarg
    description: "golden rows in, a beat a line"
  outputs:
    datatype: str
    paramtype: plusarg
    description: "golden rows out, a row a line"

targets:
  default:
    filesets: [rtl, wrapper]
% for design in designs:
  sim_${design.name}:
    description: "Golden rows through ${design.axis.top}, with and without gaps and stalls"
    flow: sim
    flow_options:
      tool: icarus
      iverilog_options: [-g2012]
      verilator_options: [--binary, -CFLAGS, -std=c++20, --timescale, 1ns/1ps]
    filesets: [rtl, wrapper, bench_${design.name}]
    toplevel: ${design.axis.check}
    parameters: [inputs=${design.name}.inputs.hex, outputs=${design.name}.outputs.hex]
  lint_${design.name}:
    description: "Verilator with all warnings"
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]
    filesets: [rtl, wrapper, lint]
    toplevel: ${design.axis.top}
  synth_${design.name}:
    description: "Vivado out of context; set part to yours"
    flow: vivado
    flow_options:
      part: xcvu9p-flgb2104-2-i
      pnr: none
    filesets: [rtl_xilinx, wrapper, constraints_${design.name}]
    toplevel: ${design.axis.top}
% endfor
