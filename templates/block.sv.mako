<%page args="block, structure, biases, header"/>\
<%
  f = structure.folding
  depth = len(structure.layers)
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

  // ---------------------------------------------------------------- input row
  logic row_valid, row_ready;
  logic [${block.input_beats * block.features_per_beat * block.input_bits - 1}:0] row_data;

  quweit_row_buffer #(
    .Beats    (${block.input_beats}),
    .BeatBits (${block.features_per_beat * block.input_bits})
  ) u_row_buffer (
    .clk_i,
    .rst_ni,
    .beat_valid_i (x_valid_i),
    .beat_ready_o (x_ready_o),
    .beat_data_i  (x_data_i),
    .beat_last_i  (x_last_i),
    .row_valid_o  (row_valid),
    .row_ready_i  (row_ready),
    .row_data_o   (row_data)
  );
% if block.input_beats * block.features_per_beat > block.features:

  // The last beat is padded: ${block.input_beats * block.features_per_beat - block.features} of its features are not read.
  logic unused_padding;
  assign unused_padding = ^row_data[${block.input_beats * block.features_per_beat * block.input_bits - 1}:${block.features * block.input_bits}];
% endif

  // ---------------------------------------------------------------- thermometer
  logic [${structure.thresholds - 1}:0] thermometer_bits;

  ${block.top}_thermometer u_thermometer (
    .x_i    (row_data[${block.features * block.input_bits - 1}:0]),
    .bits_o (thermometer_bits)
  );

% for index, layer in enumerate(structure.layers):
<%
  source = f"layer{index - 1}_held" if index else "thermometer_bits"
%>\
  // ---------------------------------------------------------------- LUT layer ${index}
  logic [${layer.luts - 1}:0] layer${index}_bits;

  ${block.top}_lut_layer${index} u_lut_layer${index} (
    .bits_i (${source}),
    .bits_o (layer${index}_bits)
  );

%   if index < depth - 1:
  logic layer${index}_valid, layer${index}_ready;
  logic [${layer.luts - 1}:0] layer${index}_held;

  quweit_pipe_stage #(
    .Bits (${layer.luts})
  ) u_pipe_stage${index} (
    .clk_i,
    .rst_ni,
    .valid_i (${f"layer{index - 1}_valid" if index else "row_valid"}),
    .ready_o (${f"layer{index - 1}_ready" if index else "row_ready"}),
    .data_i  (layer${index}_bits),
    .valid_o (layer${index}_valid),
    .ready_i (layer${index}_ready),
    .data_o  (layer${index}_held)
  );

%   endif
% endfor
  // ---------------------------------------------------------------- conditional summation
  logic [${f.time_bits - 1}:0] slot_time;
  logic [${f.bits_per_cycle - 1}:0] slot_bits;
  logic [${structure.outputs * f.groups * structure.partial_bits - 1}:0] partial;
  logic sum_valid, sum_ready;
  logic [${structure.outputs * structure.sum_bits - 1}:0] sum_data;

  ${block.top}_value_table u_value_table (
    .time_i    (slot_time),
    .bits_i    (slot_bits),
    .partial_o (partial)
  );

  quweit_summation #(
    .Bits         (${f.padded_bits}),
    .BitsPerCycle (${f.bits_per_cycle}),
    .Cycles       (${f.cycles}),
    .TimeBits     (${f.time_bits}),
    .Outputs      (${structure.outputs}),
    .Groups       (${f.groups}),
    .PartialBits  (${structure.partial_bits}),
    .SumBits      (${structure.sum_bits})
  ) u_summation (
    .clk_i,
    .rst_ni,
    .bits_valid_i (${f"layer{depth - 2}_valid" if depth > 1 else "row_valid"}),
    .bits_ready_o (${f"layer{depth - 2}_ready" if depth > 1 else "row_ready"}),
% if f.padded_bits > f.bits:
    .bits_data_i  ({${f.padded_bits - f.bits}'b0, layer${depth - 1}_bits}),
% else:
    .bits_data_i  (layer${depth - 1}_bits),
% endif
    .bias_i       ({
% for index, bias in enumerate(reversed(biases)):
      ${bias}${"," if index < structure.outputs - 1 else ""}
% endfor
    }),
    .time_o       (slot_time),
    .slot_bits_o  (slot_bits),
    .partial_i    (partial),
    .sum_valid_o  (sum_valid),
    .sum_ready_i  (sum_ready),
    .sum_data_o   (sum_data)
  );

  // ---------------------------------------------------------------- output row and requantisation
  // The row of sums waits here while the next one is summed; each beat is requantised as it leaves.
  logic [${block.outputs_per_beat * structure.sum_bits - 1}:0] y_sums;

  quweit_row_serializer #(
    .Beats    (${block.output_beats}),
    .BeatBits (${block.outputs_per_beat * structure.sum_bits})
  ) u_row_serializer (
    .clk_i,
    .rst_ni,
    .row_valid_i  (sum_valid),
    .row_ready_o  (sum_ready),
<% padding = (block.output_beats * block.outputs_per_beat - block.outputs) * structure.sum_bits %>\
% if padding:
    .row_data_i   ({${padding}'b0, sum_data}),
% else:
    .row_data_i   (sum_data),
% endif
    .beat_valid_o (y_valid_o),
    .beat_ready_i (y_ready_i),
    .beat_data_o  (y_sums),
    .beat_last_o  (y_last_o)
  );

  for (genvar lane = 0; lane < ${block.outputs_per_beat}; lane++) begin : gen_requantize
    quweit_requantize #(
      .InputBits  (${structure.sum_bits}),
      .OutputBits (${block.output_bits}),
      .Multiplier (${structure.requantize.multiplier}),
      .Shift      (${structure.requantize.shift}),
      .Low        (${structure.requantize.low}),
      .High       (${structure.requantize.high})
    ) u_requantize (
      .x_i (y_sums[lane*${structure.sum_bits} +: ${structure.sum_bits}]),
      .y_o (y_data_o[lane*${block.output_bits} +: ${block.output_bits}])
    );
  end

endmodule

`default_nettype wire
