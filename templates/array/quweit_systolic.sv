// Output-stationary systolic array: Side x Side cells, int8 operands, int32 sums, int8 results.
//
// Y = requantise(A·B), A of rows x inner, B of inner x columns. One beat is one step of the inner
// dimension: Side elements of a column of A and Side of a row of B, lane 0 in the low bits, zeros beyond
// the edge. For each row tile, for each column tile, all of inner. Results leave a row of a tile a beat,
// tiles in the same order, as many rows as the tile really has; lanes beyond the last column are zero.
//
// A tile takes max(inner, Side) cycles in steady state; filling and draining overlap with the
// neighbouring tiles of the same job. A reset must last 2*Side cycles: the lines of the operands and
// tokens have none of their own and are flushed meanwhile.

`default_nettype none

module quweit_systolic #(
  parameter integer Side      = 8,  // a multiple of 8
  parameter integer Depth     = 16,
  parameter integer Pipelined = 0,  // 1 with the cells and columns of pipelined/
  parameter integer Sums      = 0,  // 1: sums of 32 bits in place of results of 8
  parameter integer FewBits   = 0,  // 1: weights of -1, 0 and 1 in the lowest two bits of one operand
  parameter integer SumBits   = 32, // of few bits: that cells add up
  localparam integer ResultBits = (Sums != 0) ? 32 : 8
) (
  input  logic              clk_i,
  input  logic              rst_ni,

  input  logic              job_valid_i,
  output logic              job_ready_o,
  input  logic [15:0]       job_rows_i,
  input  logic [15:0]       job_inner_i,
  input  logic [15:0]       job_columns_i,
  input  logic [6:0]        job_multiplier_i,
  input  logic [4:0]        job_shift_i,
  input  logic              swapped_i,  // of few bits: weights are in B

  input  logic              x_valid_i,
  output logic              x_ready_o,
  input  logic [Side*8-1:0] x_a_i,
  input  logic [Side*8-1:0] x_b_i,

  output logic                       y_valid_o,
  input  logic                       y_ready_i,  // room for a whole tile: Side rows
  output logic [Side*ResultBits-1:0] y_data_o,
  output logic                       y_last_o
);

  // From the row counter: skew of the last column (Side - 1), column (5; of sums 2). Pipelined: cell (1), column (7).
  localparam integer Latency = Side + 4 + ((Pipelined != 0) ? 3 : 0) - ((Sums != 0) ? 3 : 0);

  logic [6:0] multiplier_q;
  logic [4:0] shift_q;
  logic       beat_valid, beat_ready, beat, start;
  logic [Side*8-1:0] beat_a, beat_b, a_q, b_q, b_skewed;
  logic [Side*ResultBits-1:0] y_skewed;
  logic              start_q;
  logic [Side*9-1:0] a_lanes, a_skewed;

  always_ff @(posedge clk_i) begin
    if (job_valid_i && job_ready_o) begin
      multiplier_q <= job_multiplier_i;
      shift_q      <= job_shift_i;
    end
  end

  quweit_operand_buffer #(
    .Depth (Depth),
    .Bits  (2 * Side * 8)
  ) u_buffer (
    .clk_i,
    .rst_ni,
    .x_valid_i,
    .x_ready_o,
    .x_data_i     ({x_b_i, x_a_i}),
    .beat_valid_o (beat_valid),
    .beat_ready_i (beat_ready),
    .beat_data_o  ({beat_b, beat_a})
  );

  quweit_systolic_control #(
    .Side    (Side),
    .Latency (Latency)
  ) u_control (
    .clk_i,
    .rst_ni,
    .job_valid_i,
    .job_ready_o,
    .job_rows_i,
    .job_inner_i,
    .job_columns_i,
    .beat_valid_i (beat_valid),
    .beat_ready_o (beat_ready),
    .beat_o       (beat),
    .start_o      (start),
    .y_valid_o,
    .y_ready_i,
    .y_last_o
  );

  quweit_operand_register #(
    .Bits (Side * 8)
  ) u_register (
    .clk_i,
    .rst_ni,
    .beat_i  (beat),
    .start_i (start),
    .a_i     (beat_a),
    .b_i     (beat_b),
    .start_o (start_q),
    .a_o     (a_q),
    .b_o     (b_q)
  );

  for (genvar n = 0; n < Side; n++) begin : gen_lane
    assign a_lanes[n*9 +: 9] = {start_q, a_q[n*8 +: 8]};
  end

  quweit_skew #(.Lanes(Side), .Bits(9)) u_skew_a (.clk_i, .lanes_i(a_lanes), .lanes_o(a_skewed));
  quweit_skew #(.Lanes(Side), .Bits(8)) u_skew_b (.clk_i, .lanes_i(b_q),     .lanes_o(b_skewed));

  // What column n takes from the left; one more leaves at the right.
  logic [Side*(Side+1)-1:0]   start_net;
  logic [Side*(Side+1)*8-1:0] a_net;
  logic [Side*8-1:0]          b_below;

  for (genvar n = 0; n < Side; n++) begin : gen_edge
    logic       left_start;
    logic [7:0] left_a;

    assign {left_start, left_a} = a_skewed[n*9 +: 9];

    always_comb start_net[n]    = left_start;
    always_comb a_net[n*8 +: 8] = left_a;
  end

  for (genvar column = 0; column < Side; column++) begin : gen_column
    logic [Side-1:0]       right_start;
    logic [Side*8-1:0]     right_a;
    logic [7:0]            below_b;
    logic [Side*32-1:0]    sums;
    logic [ResultBits-1:0] y;

    quweit_systolic_cells #(
      .Side    (Side),
      .FewBits (FewBits),
      .SumBits (SumBits)
    ) u_cells (
      .clk_i,
      .swapped_i,
      .start_i (start_net[column*Side +: Side]),
      .a_i     (a_net[column*Side*8 +: Side*8]),
      .b_i     (b_skewed[column*8 +: 8]),
      .start_o (right_start),
      .a_o     (right_a),
      .b_o     (below_b),
      .sums_o  (sums)
    );

    always_comb start_net[(column+1)*Side +: Side]     = right_start;
    always_comb a_net[(column+1)*Side*8 +: Side*8]     = right_a;
    always_comb b_below[column*8 +: 8]                 = below_b;
    always_comb y_skewed[column*ResultBits +: ResultBits] = y;

    if (Sums != 0) begin : gen_sums
      quweit_sum_column #(
        .Side (Side)
      ) u_column (
        .clk_i,
        .start_i (start_net[(column+Pipelined)*Side +: Side]),
        .sums_i  (sums),
        .sum_o   (y)
      );
    end else begin : gen_results
      quweit_systolic_column #(
        .Side (Side)
      ) u_column (
        .clk_i,
        .start_i      (start_net[(column+Pipelined)*Side +: Side]),
        .sums_i       (sums),
        .multiplier_i (multiplier_q),
        .shift_i      (shift_q),
        .y_o          (y)
      );
    end
  end

  quweit_skew #(.Lanes(Side), .Bits(ResultBits), .Falling(1)) u_deskew (
    .clk_i,
    .lanes_i (y_skewed),
    .lanes_o (y_data_o)
  );

  logic unused_edges;
  assign unused_edges = ^{multiplier_q, shift_q, start_net[Side*Side +: Side], a_net[Side*Side*8 +: Side*8], b_below};

endmodule

`default_nettype wire
