// A systolic array for weights of -1, 0 and 1: that of quweit_systolic.sv with cells that have no multiplier.
//
// A beat has Steps steps of the inner dimension: as many words of activations one after the other, and as many weights of two bits
// a lane side by side. Weights are the left operand, or the right one: `weights_right_i` says it for a whole job.

`default_nettype none

module quweit_few_bits_array #(
  parameter integer Side    = 8,
  parameter integer SumBits = 32,
  parameter integer Steps   = 4,
  parameter integer Columns = 4
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic                    job_valid_i,
  input  logic [15:0]             job_rows_i,
  input  logic [15:0]             job_inner_i,  // beats of a tile
  input  logic [15:0]             job_columns_i,
  input  logic                    weights_right_i,
  input  logic                    x_valid_i,
  input  logic [Side*Steps*2-1:0] weights_i,
  input  logic [Steps*Side*8-1:0] a_i,        // where weights are on the right
  input  logic [Steps*Side*8-1:0] b_i,        // otherwise
  output logic                    y_valid_o,
  output logic [Side*32-1:0]      y_data_o
);

  logic [Side*Steps*8-1:0] weights, a, b;
  logic                    unused_job_ready, unused_x_ready, unused_y_last;

  for (genvar lane = 0; lane < Side; lane++) begin : gen_lane
    for (genvar step = 0; step < Steps; step++) begin : gen_step
      assign weights[(lane*Steps + step)*8 +: 8] = {6'd0, weights_i[(lane*Steps + step)*2 +: 2]};
      assign a[(lane*Steps + step)*8 +: 8]       = a_i[(step*Side + lane)*8 +: 8];
      assign b[(lane*Steps + step)*8 +: 8]       = b_i[(step*Side + lane)*8 +: 8];
    end
  end

  quweit_systolic #(
    .Side    (Side),
    .Sums    (1),
    .FewBits (1),
    .SumBits (SumBits),
    .Steps   (Steps),
    .Columns (Columns)
  ) u_array (
    .clk_i,
    .rst_ni,
    .job_valid_i,
    .job_ready_o      (unused_job_ready),
    .job_rows_i,
    .job_inner_i,
    .job_columns_i,
    .job_multiplier_i (7'd0),
    .job_shift_i      (5'd0),
    .swapped_i        (weights_right_i),
    .x_valid_i,
    .x_ready_o        (unused_x_ready),
    .x_a_i            (weights_right_i ? a : weights),
    .x_b_i            (weights_right_i ? weights : b),
    .y_valid_o,
    .y_ready_i        (1'b1),
    .y_data_o,
    .y_last_o         (unused_y_last)
  );

endmodule

`default_nettype wire
