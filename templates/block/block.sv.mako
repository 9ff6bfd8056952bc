<%page args="block, structure, terms, tree, idle, header"/>\
<%
  f = structure.folding
  depth = len(structure.layers)
  thresholds = structure.thresholds_DT.shape[1]
  slot_bits = max(1, (block.row_beats - 1).bit_length())
  port = lambda name, way: f"read_{name}" if block.neighbours else f"x_{name}_{way}"
  beat_bits = block.features_per_beat * thresholds
  lanes, count, bits = f.outputs_per_cycle, len(terms.largest_N), terms.bits
  tree_registers = any(level.registered for level in tree.levels)
%>\
${header}
// Weightless block ${block.name}: thermometer, ${depth} LUT layer${'s' if depth > 1 else ''}, conditional summation, requantisation.
//
// One row is ${block.features} features of ${block.input_bits} bits in ${block.input_beats} beats, and ${block.outputs} outputs of ${block.output_bits} bits in ${block.output_beats} beats.
// Latency ${block.latency_cycles} cycles (first beat in to last beat out), one row each ${block.initiation_interval_cycles} cycles.

`default_nettype none

module ${block.top} (
  input  logic clk_i,
  input  logic rst_ni,

  input  logic x_valid_i,
  output logic x_ready_o,
  input  logic [${block.features_per_beat * block.input_bits - 1}:0] x_data_i,  // feature 0 in the low bits
  input  logic x_last_i,

  output logic y_valid_o,
  input  logic y_ready_i,
  output logic [${block.outputs_per_beat * block.output_bits - 1}:0] y_data_o,  // output 0 in the low bits
  output logic y_last_o
);

% if block.neighbours:
  // ---------------------------------------------------------------- the tokens around
  logic read_valid, read_ready, read_last;
  logic [${block.features_per_beat * block.input_bits - 1}:0] read_data;

  ${block.top}_neighbours u_neighbours (
    .clk_i,
    .rst_ni,
    .x_valid_i,
    .x_ready_o,
    .x_data_i,
    .x_last_i,
    .y_valid_o (read_valid),
    .y_ready_i (read_ready),
    .y_data_o  (read_data),
    .y_last_o  (read_last)
  );

% endif
  // ---------------------------------------------------------------- thermometer: a beat in, its bits kept
  logic [${slot_bits - 1}:0] x_slot;
  logic [${beat_bits - 1}:0] x_bits;
  logic row_valid, row_ready;
  logic [${block.row_beats * beat_bits - 1}:0] row_bits;

  ${block.top}_encoder u_encoder (
    .slot_i (x_slot),
    .x_i    (${port('data', 'i')}),
    .bits_o (x_bits)
  );

  quweit_bit_store #(
    .Beats    (${block.row_beats}),
    .SlotBits (${slot_bits}),
    .BeatBits (${beat_bits})
  ) u_bit_store (
    .clk_i,
    .rst_ni,
    .beat_valid_i (${port('valid', 'i')}),
    .beat_ready_o (${port('ready', 'o')}),
    .beat_last_i  (${port('last', 'i')}),
    .beat_bits_i  (x_bits),
    .slot_o       (x_slot),
    .row_valid_o  (row_valid),
    .row_ready_i  (row_ready),
    .row_bits_o   (row_bits)
  );

  // ---------------------------------------------------------------- LUT layers
% for index, layer in enumerate(structure.layers):
  logic [${layer.luts - 1}:0] layer${index}_bits;

  ${block.top}_lut_layer${index} u_lut_layer${index} (
    .bits_i (${f"layer{index - 1}_bits" if index else "row_bits"}),
    .bits_o (layer${index}_bits)
  );

% endfor
  // ---------------------------------------------------------------- conditional summation, output by output
  logic advance;
  logic [${f.time_bits - 1}:0] slot_time;
  logic [${structure.bits - 1}:0] slot_bits;

  quweit_sequencer #(
    .Bits     (${structure.bits}),
    .Cycles   (${f.cycles}),
    .TimeBits (${f.time_bits}),
    .Stages   (${tree.stages})
  ) u_sequencer (
    .clk_i,
    .rst_ni,
    .row_valid_i  (row_valid),
    .row_ready_o  (row_ready),
    .row_bits_i   (layer${depth - 1}_bits),
    .advance_o    (advance),
    .time_o       (slot_time),
    .bits_o       (slot_bits),
    .beat_valid_o (y_valid_o),
    .beat_ready_i (y_ready_i),
    .beat_last_o  (y_last_o)
  );

  logic [${lanes * count * bits - 1}:0] table_terms, terms;
  logic [${lanes * structure.sum_bits - 1}:0] table_bias, bias;

  ${block.top}_value_table u_value_table (
    .time_i  (slot_time),
% if not f.gated:
    .bits_i  (slot_bits),
% endif
    .terms_o (table_terms),
    .bias_o  (table_bias)
  );

% if f.gated:
  // The bit of a term gates its register.
%   if structure.lanes_alike:
  quweit_gated_terms #(
    .Lanes    (${lanes}),
    .Terms    (${count}),
    .TermBits (${bits}),
    .Idle     (${idle})
  ) u_gated_terms (
    .clk_i,
    .advance_i (advance),
    .bits_i    (slot_bits),
    .terms_i   (table_terms),
    .terms_o   (terms)
  );
%   else:
%     for lane in range(lanes):
  quweit_gated_terms #(
    .Lanes    (1),
    .Terms    (${count}),
    .TermBits (${bits}),
    .Idle     (${idle})
  ) u_gated_terms${lane} (
    .clk_i,
    .advance_i (advance),
    .bits_i    ({${", ".join(f"slot_bits[{bit}]" for bit in reversed(structure.lanes_QN[lane].tolist()))}}),
    .terms_i   (table_terms[${lane * count * bits} +: ${count * bits}]),
    .terms_o   (terms[${lane * count * bits} +: ${count * bits}])
  );
%     endfor
%   endif

  always_ff @(posedge clk_i) begin
    if (advance) bias <= table_bias;
  end
% elif tree.registered_terms:
  always_ff @(posedge clk_i) begin
    if (advance) begin
      terms <= table_terms;
      bias  <= table_bias;
    end
  end
% else:
  assign terms = table_terms;
  assign bias  = table_bias;
% endif

  // ---------------------------------------------------------------- adder trees, requantisation, output register
  logic [${block.outputs_per_beat * block.output_bits - 1}:0] y_d;

  for (genvar lane = 0; lane < ${lanes}; lane++) begin : gen_lane
    logic [${structure.sum_bits - 1}:0] sum;

    ${block.top}_adder_tree u_adder_tree (
% if tree_registers:
      .clk_i,
      .advance_i (advance),
% endif
      .terms_i (terms[lane*${count * bits} +: ${count * bits}]),
      .bias_i  (bias[lane*${structure.sum_bits} +: ${structure.sum_bits}]),
      .sum_o   (sum)
    );

    quweit_requantize #(
      .InputBits  (${structure.sum_bits}),
      .OutputBits (${block.output_bits}),
      .Multiplier (${structure.requantize.multiplier}),
      .Shift      (${structure.requantize.shift}),
      .Low        (${structure.requantize.low}),
      .High       (${structure.requantize.high}),
      .Rounds     (1'b${int(structure.rounds)}),
      .Clamps     (1'b${int(structure.clamps)})
    ) u_requantize (
      .x_i (sum),
      .y_o (y_d[lane*${block.output_bits} +: ${block.output_bits}])
    );
  end

  always_ff @(posedge clk_i) begin
    if (advance) y_data_o <= y_d;
  end

endmodule

`default_nettype wire
