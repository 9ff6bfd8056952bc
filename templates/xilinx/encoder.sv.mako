<%page args="module, block, structure, thresholds, cells, bits, header"/>\
${header}
// Thermometer, rendered with the vendor's LUT cells (FPGA synthesis): the thresholds of a beat come
// from tables addressed by the beat.

`default_nettype none
<% slot_bits = max(1, (block.input_beats - 1).bit_length()); comparisons = block.features_per_beat * thresholds %>
module ${module} (
  input  logic [${slot_bits - 1}:0] slot_i,
  input  logic [${block.features_per_beat * block.input_bits - 1}:0] x_i,
  output logic [${comparisons - 1}:0] bits_o
);

<%include file="cells.sv.mako" args="cells=cells"/>\

% for index, wires in enumerate(bits):
  assign bits_o[${index}] = $signed(x_i[${index // thresholds * 8 + 7}:${index // thresholds * 8}]) > $signed({${", ".join(reversed(wires))}});
% endfor

endmodule

`default_nettype wire
