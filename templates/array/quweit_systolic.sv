// Output-stationary systolic array: Side x Side cells, int8 operands, int32 sums, int8 results.
//
// Y = requantise(A·B), A of rows x inner, B of inner x columns. One beat has Steps steps of the inner dimension:
// for each, Side elements of a column of A and Side of a row of B, lane 0 in the low bits and the steps of a lane side by side, zeros
// beyond the edge. For each row tile, for each column tile, all of inner. Results leave a row of a tile a beat,
// tiles in the same order, as many rows as the tile really has; lanes beyond the last column are zero.
//
// A tile takes max(inner / Steps, Side) cycles in steady state; filling and draining overlap with the
// neighbouring tiles of the same job. A reset must last 2*Side cycles: the lines of the operands and
// tokens have none of their own and are flushed meanwhile.

`default_nettype none

module quweit_systolic #(
  parameter integer Side      = 8,  // a multiple of 8
  parameter integer Depth     = 16,
  parameter integer Pipelined = 0,  // 1 with the cells and columns of pipelined/
  parameter integer Sums      = 0,  // 1: sums of 32 bits in place of results of 8
  parameter integer FewBits   = 0,  // 1: weights of -1, 0 and 1 in the lowest two bits of one operand
  parameter integer Swaps     = 1,  // of few bits: weights may be in B
  parameter integer SumBits   = 32, // of few bits: that cells add up
  parameter integer Steps     = 1,  // of the inner dimension a cycle; more than one of few bits alone
  parameter integer Columns   = 1,  // of cells that share a register of A; more than one of few bits alone
  localparam integer ResultBits = (Sums != 0) ? 32 : 8,
  localparam integer LaneBits   = Steps * 8
) (
  input  logic              clk_i,
  input  logic              rst_ni,

  input  logic              job_valid_i,
  output logic              job_ready_o,
  input  logic [15:0]       job_rows_i,
  input  logic [15:0]       job_inner_i,    // beats of a tile
  input  logic [15:0]       job_columns_i,
  input  logic [6:0]        job_multiplier_i,
  input  logic [4:0]        job_shift_i,
  input  logic              swapped_i,  // of few bits: weights are in B

  input  logic              x_valid_i,
  output logic              x_ready_o,
  input  logic [Side*LaneBits-1:0] x_a_i,
  input  logic [Side*LaneBits-1:0] x_b_i,

  output logic                       y_valid_o,
  input  logic                       y_ready_i,  // room for a whole tile: Side rows
  output logic [Side*ResultBits-1:0] y_data_o,
  output logic                       y_last_o
);

  // What moves of a lane of A, and lanes of B in a column of cells.
  localparam integer LeftBits  = Steps * ((FewBits != 0 && Swaps == 0) ? 2 : 8);
  localparam integer RightBits = Columns * LaneBits;
  localparam integer Strips    = Side / Columns;
  // From the row counter: skew of the last column (Strips - 1), column (5; of sums 2). Pipelined: cell (1), column (7).
  localparam integer Latency = Strips + 4 + ((Pipelined != 0) ? 3 : 0) - ((Sums != 0) ? 3 : 0);

  logic [6:0] multiplier_q;
  logic [4:0] shift_q;
  logic       beat_valid, beat_ready, beat, start;
  logic [Side*LeftBits-1:0] left, beat_a, a_q;
  logic [Side*LaneBits-1:0] beat_b, b_q, b_skewed;
  logic [Side*ResultBits-1:0] y_skewed;
  logic              start_q;
  logic [Side*(LeftBits+1)-1:0] a_lanes, a_skewed;

  if (LeftBits == LaneBits) begin : gen_bytes
    assign left = x_a_i;
  end else begin : gen_few_bits
    for (genvar n = 0; n < Side * Steps; n++) begin : gen_weight
      assign left[n*2 +: 2] = x_a_i[n*8 +: 2];
    end
    logic unused_bits;
    assign unused_bits = ^x_a_i;
  end

  always_ff @(posedge clk_i) begin
    if (job_valid_i && job_ready_o) begin
      multiplier_q <= job_multiplier_i;
      shift_q      <= job_shift_i;
    end
  end

  quweit_operand_buffer #(
    .Depth (Depth),
    .Bits  (Side * (LeftBits + LaneBits))
  ) u_buffer (
    .clk_i,
    .rst_ni,
    .x_valid_i,
    .x_ready_o,
    .x_data_i     ({x_b_i, left}),
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
    .LeftBits  (Side * LeftBits),
    .RightBits (Side * LaneBits)
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
    assign a_lanes[n*(LeftBits+1) +: LeftBits+1] = {start_q, a_q[n*LeftBits +: LeftBits]};
  end

  quweit_skew #(.Lanes(Side), .Bits(LeftBits + 1)) u_skew_a (.clk_i, .lanes_i(a_lanes), .lanes_o(a_skewed));
  quweit_skew #(.Lanes(Strips), .Bits(RightBits)) u_skew_b (.clk_i, .lanes_i(b_q), .lanes_o(b_skewed));

  // What strip n of columns takes from the left; one more leaves at the right.
  logic [Side*(Strips+1)-1:0]          start_net;
  logic [Side*(Strips+1)*LeftBits-1:0] a_net;
  logic [Side*LaneBits-1:0]            b_below;

  for (genvar n = 0; n < Side; n++) begin : gen_edge
    logic                left_start;
    logic [LeftBits-1:0] left_a;

    assign {left_start, left_a} = a_skewed[n*(LeftBits+1) +: LeftBits+1];

    always_comb start_net[n]                  = left_start;
    always_comb a_net[n*LeftBits +: LeftBits] = left_a;
  end

  for (genvar strip = 0; strip < Strips; strip++) begin : gen_strip
    logic [Side-1:0]            right_start;
    logic [Side*LeftBits-1:0]   right_a;
    logic [RightBits-1:0]       below_b;
    logic [Columns*Side*32-1:0] sums;

    quweit_systolic_cells #(
      .Side    (Side),
      .Columns (Columns),
      .Steps   (Steps),
      .FewBits (FewBits),
      .Swaps   (Swaps),
      .SumBits (SumBits)
    ) u_cells (
      .clk_i,
      .swapped_i,
      .start_i (start_net[strip*Side +: Side]),
      .a_i     (a_net[strip*Side*LeftBits +: Side*LeftBits]),
      .b_i     (b_skewed[strip*RightBits +: RightBits]),
      .start_o (right_start),
      .a_o     (right_a),
      .b_o     (below_b),
      .sums_o  (sums)
    );

    always_comb start_net[(strip+1)*Side +: Side]              = right_start;
    always_comb a_net[(strip+1)*Side*LeftBits +: Side*LeftBits] = right_a;
    always_comb b_below[strip*RightBits +: RightBits]          = below_b;

    for (genvar column = 0; column < Columns; column++) begin : gen_column
      logic [ResultBits-1:0] y;

      always_comb y_skewed[(strip*Columns + column)*ResultBits +: ResultBits] = y;

      if (Sums != 0) begin : gen_sums
        quweit_sum_column #(
          .Side (Side)
        ) u_column (
          .clk_i,
          .start_i (start_net[(strip+Pipelined)*Side +: Side]),
          .sums_i  (sums[column*Side*32 +: Side*32]),
          .sum_o   (y)
        );
      end else begin : gen_results
        quweit_systolic_column #(
          .Side (Side)
        ) u_column (
          .clk_i,
          .start_i      (start_net[(strip+Pipelined)*Side +: Side]),
          .sums_i       (sums[column*Side*32 +: Side*32]),
          .multiplier_i (multiplier_q),
          .shift_i      (shift_q),
          .y_o          (y)
        );
      end
    end
  end

  quweit_skew #(.Lanes(Strips), .Bits(Columns * ResultBits), .Falling(1)) u_deskew (
    .clk_i,
    .lanes_i (y_skewed),
    .lanes_o (y_data_o)
  );

  logic unused_edges;
  assign unused_edges = ^{multiplier_q, shift_q, start_net[Strips*Side +: Side], a_net[Strips*Side*LeftBits +: Side*LeftBits], b_below};

endmodule

`default_nettype wire
