<%page args="module, block, structure, terms, plan, lanes, header"/>\
<% f = structure.folding %>\
${header}
// Encoded values, rendered with the vendor's LUT cells (FPGA synthesis). Equal cells stand once.
% if f.gated:
// A cell holds one bit of a value for 64 time slots, or two for 32; the register behind this module is gated by
// the bit that the value belongs to.
% else:
// A cell holds one or two bits of the sum of a few values, for every time slot and state of their bits.
% endif

`default_nettype none

module ${module} (
  input  logic [${f.time_bits - 1}:0] time_i,
% if not f.gated:
  input  logic [${structure.bits - 1}:0] bits_i,
% endif
  output logic [${f.outputs_per_cycle * len(terms.largest_N) * terms.bits - 1}:0] terms_o,
  output logic [${f.outputs_per_cycle * structure.sum_bits - 1}:0] bias_o
);

% if f.cycles == 1:
  logic unused_time;
  assign unused_time = ^time_i;

% endif
<%include file="cells.sv.mako" args="plan=plan"/>\

  assign terms_o = {
% for lane in reversed(lanes):
%   for index, term in enumerate(reversed(lane.terms)):
    ${", ".join(reversed(term))}${"" if lane is lanes[0] and index == len(lane.terms) - 1 else ","}
%   endfor
% endfor
  };

  assign bias_o = {
% for lane in reversed(lanes):
    ${", ".join(reversed(lane.bias))}${"" if lane is lanes[0] else ","}
% endfor
  };

endmodule

`default_nettype wire
