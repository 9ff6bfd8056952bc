// Softmax of one row of int8 scores, three passes over the row, one element a cycle each: take the row and its maximum; add the
// weights; find the reciprocal of their sum; give weight * reciprocal.
//
// The weight of a score d steps below the maximum is 2^-(d*multiplier/256), its fraction taken linearly, and the reciprocal 2^31 divided
// by the sum. Each of the two can be in pieces.
// Elements after the last one that counts are given 0, and weigh nothing.
// x_last_i on an earlier element than the last discards what has come of the row.

`default_nettype none

module quweit_softmax_rows #(
  parameter integer Elements            = 196,
  parameter integer SearchedExponential = 0,  // 1: in pieces
  /* verilator lint_off UNUSEDPARAM */  // where it is not
  parameter integer ExponentialPieces   = 8,
  parameter integer ExponentialWordBits = 8,
  parameter integer ExponentialSumBits  = 18,
  parameter integer ExponentialAlign    = 5,
  parameter integer ExponentialLift     = 5,
  parameter logic [ExponentialPieces*9-1:0] ExponentialBreakpoints = '0,  // of piece 1 on, in the low bits
  parameter logic [ExponentialPieces*ExponentialWordBits-1:0] ExponentialSlopes = '0,
  parameter logic [ExponentialPieces*ExponentialWordBits-1:0] ExponentialIntercepts = '0,
  parameter integer SearchedReciprocal  = 0,  // 1: in pieces
  parameter integer Pieces              = 8,
  parameter integer Window              = 10,
  parameter integer Step                = 3,
  parameter integer AnswerStep          = 3,
  parameter integer WordBits            = 9,
  parameter integer SumBits             = 20,
  parameter integer RootBits            = 16,  // of a sum of slope and intercept, which is above 0
  parameter integer Align               = 8,
  parameter integer Shift               = 8,
  parameter logic [Pieces*(Window+1)-1:0] Breakpoints = '0,
  parameter logic [Pieces*WordBits-1:0] Slopes = '0,
  parameter logic [Pieces*WordBits-1:0] Intercepts = '0
  /* verilator lint_on UNUSEDPARAM */
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic [7:0]  multiplier_i,  // log2(e) * 256 times the scale of the scores; in pieces, codes of a step
  input  logic [15:0] counts_i,      // the last element that counts
  input  logic        x_valid_i,
  output logic        x_ready_o,
  input  logic [7:0]  x_data_i,
  input  logic        x_last_i,
  output logic        y_valid_o,
  input  logic        y_ready_i,
  output logic [7:0]  y_data_o,
  output logic        y_last_o
);

  localparam integer IndexBits = (Elements > 1) ? $clog2(Elements) : 1;
  localparam integer TotalBits = 17 + IndexBits;
  localparam logic [IndexBits-1:0] LastIndex = IndexBits'(Elements - 1);
  localparam logic [1:0] Take = 2'd0, Add = 2'd1, Divide = 2'd2, Give = 2'd3;

  logic [7:0]           row_q [Elements];
  logic [7:0]           maximum_q;  // offset binary: the order of unsigned numbers
  logic [7:0]           score, offset, distance;
  logic [1:0]           state_q;
  logic [IndexBits-1:0] index_q;
  logic [TotalBits-1:0] sum_q;
  logic [16:0]          full_weight, weight;
  logic                 done, take, last, counts;

  assign offset   = {~x_data_i[7], x_data_i[6:0]};
  assign score    = row_q[index_q];
  assign distance = maximum_q - score;
  assign counts   = (16'(index_q) <= counts_i);
  assign weight   = counts ? full_weight : '0;
  assign take     = x_valid_i && x_ready_o;
  assign last     = (index_q == LastIndex);

  assign x_ready_o = (state_q == Take);
  assign y_valid_o = (state_q == Give);
  assign y_last_o  = y_valid_o && last;

  if (SearchedExponential != 0) begin : gen_exponential
    quweit_piece_exponential #(
      .Pieces      (ExponentialPieces),
      .WordBits    (ExponentialWordBits),
      .SumBits     (ExponentialSumBits),
      .Align       (ExponentialAlign),
      .Lift        (ExponentialLift),
      .Breakpoints (ExponentialBreakpoints),
      .Slopes      (ExponentialSlopes),
      .Intercepts  (ExponentialIntercepts)
    ) u_exponential (
      .distance_i   (distance),
      .multiplier_i,
      .weight_o     (full_weight)
    );
  end else begin : gen_shifts
    logic [17:0] octaves;

    quweit_product #(
      .ABits (9),
      .BBits (9)
    ) u_octaves (
      .a_i       ({1'b0, distance}),
      .b_i       ({1'b0, multiplier_i}),
      .product_o (octaves)
    );

    assign full_weight = {10'd512 - {2'b00, octaves[7:0]}, 7'd0} >> ((octaves[15:8] > 8'd31) ? 5'd31 : octaves[12:8]);

    logic unused_sign;
    assign unused_sign = ^octaves[17:16];
  end

  if (SearchedReciprocal != 0) begin : gen_reciprocal
    localparam integer Steps      = (TotalBits + Step - 1) / Step;
    localparam integer StepBits   = $clog2(Steps);
    localparam integer ShiftBits  = $clog2(Shift + AnswerStep * Steps);
    localparam integer ScaledBits = 19 + RootBits;  // signed, and never negative
    localparam integer Wait       = 5;  // window, line

    logic [2:0]            wait_q;
    logic [StepBits-1:0]   steps;
    logic [SumBits-1:0]    reciprocal;
    logic [ShiftBits-1:0]  shift;
    logic [ScaledBits-1:0] scaled, rounded;

    quweit_scaled_line #(
      .InputBits   (TotalBits),
      .Pieces      (Pieces),
      .Window      (Window),
      .Step        (Step),
      .StepBits    (StepBits),
      .WordBits    (WordBits),
      .SumBits     (SumBits),
      .Align       (Align),
      .Breakpoints (Breakpoints),
      .Slopes      (Slopes),
      .Intercepts  (Intercepts)
    ) u_line (
      .clk_i,
      .advance_i (state_q == Divide),
      .x_i       (sum_q),
      .sum_o     (reciprocal),
      .steps_o   (steps)
    );

    quweit_product #(
      .ABits (18),
      .BBits (RootBits + 1)
    ) u_scaled (
      .a_i       ({1'b0, weight}),
      .b_i       ({1'b0, reciprocal[RootBits-1:0]}),
      .product_o (scaled)
    );

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) wait_q <= '0;
      else         wait_q <= (state_q == Divide) ? wait_q + 1'b1 : '0;
    end

    assign done     = (state_q == Divide) && (wait_q == 3'(Wait - 1));
    assign shift    = ShiftBits'(Shift) + ShiftBits'(AnswerStep) * ShiftBits'(steps);
    assign rounded  = (scaled + (ScaledBits'(1) << (shift - 1'b1))) >> shift;
    assign y_data_o = (rounded[ScaledBits-1:7] != '0) ? 8'd127 : {1'b0, rounded[6:0]};

    logic unused_bits;
    assign unused_bits = ^reciprocal[SumBits-1:RootBits];
  end else begin : gen_divider
    logic [31:0] quotient;
    logic [34:0] product, rounded;
    logic        started_q;

    // The reciprocal is below 2^16, as the largest weight is above 2^15.
    quweit_product #(
      .ABits (18),
      .BBits (17)
    ) u_product (
      .a_i       ({1'b0, weight}),
      .b_i       ({1'b0, quotient[15:0]}),
      .product_o (product)
    );

    assign rounded  = product + 35'd8388608;
    assign y_data_o = (rounded[34:31] != '0) ? 8'd127 : {1'b0, rounded[30:24]};

    quweit_divider #(
      .NumeratorBits   (32),
      .DenominatorBits (TotalBits)
    ) u_divider (
      .clk_i,
      .rst_ni,
      .start_i       ((state_q == Divide) && !started_q),
      .numerator_i   (32'h8000_0000),
      .denominator_i (sum_q),
      .done_o        (done),
      .quotient_o    (quotient)
    );

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) started_q <= 1'b0;
      else         started_q <= (state_q == Divide) && !done;
    end

    logic unused_bits;
    assign unused_bits = ^{quotient[31:16], rounded[23:0]};
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      row_q[index_q] <= offset;
      if (index_q == '0 || (counts && offset > maximum_q)) maximum_q <= offset;
    end
    if (state_q == Add) sum_q <= ((index_q == '0) ? '0 : sum_q) + TotalBits'(weight);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Take;
      index_q <= '0;
    end else if (take || (state_q == Add) || (y_valid_o && y_ready_i)) begin
      index_q <= (last || (take && x_last_i)) ? '0 : index_q + 1'b1;
      if (last) state_q <= state_q + 2'd1;
    end else if (done) begin
      state_q <= Give;
    end
  end

endmodule

`default_nettype wire
