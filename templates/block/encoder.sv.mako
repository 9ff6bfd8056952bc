<%page args="module, block, structure, thresholds, words, read, header"/>\
${header}
// Thermometer, behavioural rendering (simulation, ASIC): each beat's features are compared with
// that beat's thresholds (strict, signed). Bit ${thresholds}*f + t answers threshold t of feature f of the beat.

`default_nettype none
<% slot_bits = max(1, (block.row_beats - 1).bit_length()); comparisons = block.features_per_beat * thresholds %>
module ${module} (
  input  logic [${slot_bits - 1}:0] slot_i,
  input  logic [${block.features_per_beat * block.input_bits - 1}:0] x_i,
  output logic [${comparisons - 1}:0] bits_o
);

% if all(word.constant for word in words):
  logic unused_slot;
  assign unused_slot = ^slot_i;

% endif
<%include file="words.sv.mako" args="words=words, name='thresholds', select='slot_i', select_bits=slot_bits"/>\

  logic [${comparisons * 8 - 1}:0] thresholds;
  assign thresholds = {${", ".join(f"thresholds{index}" for index in reversed(range(len(words))))}};

  localparam logic [${comparisons - 1}:0] Read = ${read};  // what a LUT reads; the rest stays 0

  always_comb begin
    for (int f = 0; f < ${block.features_per_beat}; f++) begin
      for (int t = 0; t < ${thresholds}; t++) begin
        bits_o[f*${thresholds} + t] = Read[f*${thresholds} + t] && $signed(x_i[f*8 +: 8]) > $signed(thresholds[(f*${thresholds} + t)*8 +: 8]);
      end
    end
  end

endmodule

`default_nettype wire
