<%page args="array, header"/>\
${header}
// Systolic array of ${array.side} x ${array.side} cells; see quweit_systolic.sv.

`default_nettype none

module ${array.top} (
  input  logic clk_i,
  input  logic rst_ni,

  input  logic        job_valid_i,
  output logic        job_ready_o,
  input  logic [15:0] job_rows_i,
  input  logic [15:0] job_inner_i,
  input  logic [15:0] job_columns_i,
  input  logic [6:0]  job_multiplier_i,
  input  logic [4:0]  job_shift_i,

  input  logic x_valid_i,
  output logic x_ready_o,
  input  logic [${8 * array.steps * array.side - 1}:0] x_a_i,
  input  logic [${8 * array.steps * array.side - 1}:0] x_b_i,

  output logic y_valid_o,
  input  logic y_ready_i,
  output logic [${8 * array.side - 1}:0] y_data_o,
  output logic y_last_o
);

  quweit_systolic #(
% if array.pipelined:
    .Pipelined (1),
% endif
% if array.few_bits:
    .FewBits (1),
    .Swaps   (0),
    .SumBits (${array.few_bits}),
    .Steps   (${array.steps}),
    .Columns (${array.columns}),
% endif
    .Side (${array.side})
  ) u_systolic (
    .clk_i,
    .rst_ni,
    .job_valid_i,
    .job_ready_o,
    .job_rows_i,
    .job_inner_i,
    .job_columns_i,
    .job_multiplier_i,
    .job_shift_i,
    .swapped_i (1'b0),
    .x_valid_i,
    .x_ready_o,
    .x_a_i,
    .x_b_i,
    .y_valid_o,
    .y_ready_i,
    .y_data_o,
    .y_last_o
  );

endmodule

`default_nettype wire
