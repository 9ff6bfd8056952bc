<%page args="module, block, structure, thresholds, plan, comparisons, header"/>\
${header}
// Thermometer, rendered with the vendor's cells (FPGA synthesis): the thresholds of a beat come from
// tables addressed by the beat; one that is the same in every beat is a table over its feature.

`default_nettype none
<% slot_bits = max(1, (block.row_beats - 1).bit_length()) %>
module ${module} (
  input  logic [${slot_bits - 1}:0] slot_i,
  input  logic [${block.features_per_beat * block.input_bits - 1}:0] x_i,
  output logic [${len(comparisons) - 1}:0] bits_o
);

% if all(one.answer for one in comparisons):
  logic unused_slot;
  assign unused_slot = ^slot_i;

% endif
<%include file="cells.sv.mako" args="plan=plan"/>\

% for index, one in enumerate(comparisons):
%   if one.answer:
  assign bits_o[${index}] = ${one.answer};
%   else:
  quweit_greater u_greater${index} (
    .x_i(x_i[${index // thresholds * 8} +: 8]), .threshold_i({${", ".join(reversed(one.threshold))}}), .greater_o(bits_o[${index}])
  );
%   endif
% endfor

endmodule

`default_nettype wire
