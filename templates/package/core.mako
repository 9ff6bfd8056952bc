<%page args="design, blocks, version"/>\
CAPI=2:
# FuseSoC core, rendered by quweit ${version}.
#   fusesoc --cores-root . run --target=sim_${blocks[0].name} quweit:block:${design}
<%
  def unique(names):
      return list(dict.fromkeys(names))
  rtl = unique(name for block in blocks for name in block.sources)
  xilinx = unique(name for block in blocks for name in block.sources_xilinx)
  wrapper = unique(name for block in blocks for name in block.axis.sources)
%>
name: "quweit:block:${design}:${version}"
description: "Weightless blocks: thresholds, lookup tables and conditional sums behind AXI-Stream"

filesets:
  rtl:
    files:
% for name in rtl:
      - ${name}
% endfor
    file_type: systemVerilogSource
  rtl_xilinx:
    files:
% for name in xilinx:
      - ${name}
% endfor
    file_type: systemVerilogSource
  wrapper:
    files:
% for name in wrapper:
      - ${name}
% endfor
    file_type: verilogSource
  lint:
    files:
      - lint/waivers.vlt
    file_type: vlt
% for block in blocks:
  bench_${block.name}:
    files:
      - tb/quweit_row_source.sv
      - tb/quweit_row_sink.sv
      - tb/${block.axis.testbench}.sv
      - tb/${block.axis.check}.sv
      - ${block.axis.inputs}: {file_type: user, copyto: ${block.name}.inputs.hex}
      - ${block.vectors.outputs}: {file_type: user, copyto: ${block.name}.outputs.hex}
    file_type: systemVerilogSource
  constraints_${block.name}:
    files:
      - constraints/${block.axis.top}.xdc
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
% for block in blocks:
  sim_${block.name}:
    description: "Golden rows through ${block.axis.top}, with and without gaps and stalls"
    flow: sim
    flow_options:
      tool: icarus
      iverilog_options: [-g2012]
      verilator_options: [--binary, -CFLAGS, -std=c++20, --timescale, 1ns/1ps]
    filesets: [rtl, wrapper, bench_${block.name}]
    toplevel: ${block.axis.check}
    parameters: [inputs=${block.name}.inputs.hex, outputs=${block.name}.outputs.hex]
  lint_${block.name}:
    description: "Verilator with all warnings"
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]
    filesets: [rtl, wrapper, lint]
    toplevel: ${block.axis.top}
  synth_${block.name}:
    description: "Vivado out of context; set part to yours"
    flow: vivado
    flow_options:
      part: xcvu9p-flgb2104-2-i
      pnr: none
    filesets: [rtl_xilinx, wrapper, constraints_${block.name}]
    toplevel: ${block.axis.top}
% endfor
