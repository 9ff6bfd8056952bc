// Layer normalisation of one row of int16 as int8, 32 steps to a standard deviation; 1/sqrt is exact, or in pieces.
//
// take the row, its sum and its sum of squares; find the factor; give. With N elements, N*x - sum is N times the distance from
// the mean, and N*squares - sum^2, the spread, is N^2 times the variance. A result is a distance times the factor, shifted down with
// rounding. One multiplier serves all: squares of elements, the square of their sum, and distances.
// x_last_i on an earlier element than the last discards what has come of the row.

`default_nettype none

module quweit_layer_norm #(
  parameter integer Elements     = 192,
  parameter integer SearchedRoot = 0,  // 1: in pieces
  /* verilator lint_off UNUSEDPARAM */  // where it is not
  parameter integer Pieces       = 8,
  parameter integer Window       = 10,
  parameter integer Step         = 4,
  parameter integer AnswerStep   = 2,  // half of a step
  parameter integer WordBits     = 9,
  parameter integer SumBits      = 20,
  parameter integer RootBits     = 16,  // of a sum of slope and intercept, which is above 0
  parameter integer Align        = 8,
  parameter integer Shift        = 10,
  parameter logic [Pieces*(Window+1)-1:0] Breakpoints = '0,  // of piece 1 on, in the low bits
  parameter logic [Pieces*WordBits-1:0] Slopes = '0,
  parameter logic [Pieces*WordBits-1:0] Intercepts = '0
  /* verilator lint_on UNUSEDPARAM */
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        x_valid_i,
  output logic        x_ready_o,
  input  logic [15:0] x_data_i,
  input  logic        x_last_i,
  output logic        y_valid_o,
  input  logic        y_ready_i,
  output logic [7:0]  y_data_o,
  output logic        y_last_o
);

  localparam integer IndexBits    = (Elements > 1) ? $clog2(Elements) : 1;
  localparam integer CountBits    = $clog2(Elements + 1);
  localparam integer TotalBits    = 16 + CountBits;                     // signed
  localparam integer SquaresBits  = 31 + CountBits;
  localparam integer SpreadBits   = 32 + 2*IndexBits;                   // at most (Elements * 2^15)^2
  localparam integer DistanceBits = 17 + IndexBits;                     // signed
  localparam integer ExactBits    = SpreadBits / 2;                     // of a root
  localparam integer Steps        = (SpreadBits + Step - 1) / Step;
  localparam integer FactorBits   = (SearchedRoot != 0) ? RootBits : 18;
  localparam integer MostLift     = (SearchedRoot != 0) ? AnswerStep * (Steps - 1) : ExactBits - 1;
  localparam integer LiftBits     = $clog2(MostLift + 1);
  localparam integer Down         = (SearchedRoot != 0) ? Shift + MostLift : ExactBits + 11;
  // No distance is above sqrt(Elements) roots of the spread, and a lift brings every root to the same bits.
  localparam integer LiftedBits   = ((SearchedRoot != 0) ? AnswerStep * Steps : ExactBits) + (CountBits + 1) / 2 + 1;
  localparam integer BBits        = (TotalBits > FactorBits) ? TotalBits : FactorBits + 1;
  localparam integer ProductBits  = LiftedBits + BBits;
  localparam integer RoundedBits  = ProductBits - Down + 1;
  localparam logic [IndexBits-1:0] LastIndex = IndexBits'(Elements - 1);
  localparam logic signed [RoundedBits-1:0] Least = -128, Most = 127;  // to Yosys a cast number has no sign
  localparam logic [1:0] Take = 2'd0, Spread = 2'd1, Find = 2'd2, Give = 2'd3;

  logic [15:0]            row_q [Elements];
  logic [1:0]             state_q;
  logic [IndexBits-1:0]   index_q;
  logic [TotalBits-1:0]   sum_q;
  logic [SquaresBits-1:0] squares_q;
  logic [SpreadBits-1:0]  spread;
  logic [FactorBits-1:0]  factor;
  logic [LiftBits-1:0]    lift;
  logic [LiftedBits-1:0]  a;
  logic [BBits-1:0]       b;
  logic [ProductBits-1:0] product;
  logic                   done, take, last, spreads;
  logic signed [DistanceBits-1:0] distance;
  logic signed [RoundedBits-1:0]  coarse, rounded;

  assign take    = x_valid_i && x_ready_o;
  assign last    = (index_q == LastIndex);
  assign spreads = (state_q == Spread);

  assign distance = DistanceBits'($signed(row_q[index_q])) * DistanceBits'(Elements) - DistanceBits'($signed(sum_q));

  always_comb begin
    case (state_q)
      Take: begin
        a = LiftedBits'($signed(x_data_i));
        b = BBits'($signed(x_data_i));
      end
      Spread: begin
        a = LiftedBits'($signed(sum_q));
        b = BBits'($signed(sum_q));
      end
      default: begin
        a = LiftedBits'(distance) << lift;
        b = BBits'(factor);
      end
    endcase
  end

  quweit_product #(
    .ABits (LiftedBits),
    .BBits (BBits)
  ) u_product (
    .a_i       (a),
    .b_i       (b),
    .product_o (product)
  );

  assign spread = SpreadBits'(squares_q) * SpreadBits'(Elements) - SpreadBits'(product);

  if (SearchedRoot != 0) begin : gen_pieces
    quweit_root_factor_pieces #(
      .SpreadBits  (SpreadBits),
      .Pieces      (Pieces),
      .Window      (Window),
      .Step        (Step),
      .AnswerStep  (AnswerStep),
      .WordBits    (WordBits),
      .SumBits     (SumBits),
      .RootBits    (RootBits),
      .Align       (Align),
      .LiftBits    (LiftBits),
      .Breakpoints (Breakpoints),
      .Slopes      (Slopes),
      .Intercepts  (Intercepts)
    ) u_factor (
      .clk_i,
      .rst_ni,
      .start_i  (spreads),
      .spread_i (spread),
      .done_o   (done),
      .factor_o (factor),
      .lift_o   (lift)
    );
  end else begin : gen_exact
    quweit_root_factor #(
      .RootBits (ExactBits)
    ) u_factor (
      .clk_i,
      .rst_ni,
      .start_i  (spreads),
      .spread_i (spread),
      .done_o   (done),
      .factor_o (factor),
      .lift_o   (lift)
    );
  end

  assign coarse  = RoundedBits'($signed(product[ProductBits-1:Down-1]));
  assign rounded = (coarse + RoundedBits'($signed(2'sd1))) >>> 1;

  assign x_ready_o = (state_q == Take);
  assign y_valid_o = (state_q == Give);
  assign y_last_o  = y_valid_o && last;
  assign y_data_o  = (rounded < Least) ? 8'h80 : (rounded > Most) ? 8'h7f : rounded[7:0];

  always_ff @(posedge clk_i) begin
    if (take) begin
      row_q[index_q] <= x_data_i;
      sum_q     <= ((index_q == '0) ? '0 : sum_q) + TotalBits'($signed(x_data_i));
      squares_q <= ((index_q == '0) ? '0 : squares_q) + SquaresBits'(product[31:0]);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Take;
      index_q <= '0;
    end else begin
      if (take || (y_valid_o && y_ready_i)) index_q <= (last || (take && x_last_i)) ? '0 : index_q + 1'b1;
      case (state_q)
        Take:    if (x_valid_i && last) state_q <= Spread;
        Spread:  state_q <= Find;
        Find:    if (done) state_q <= Give;
        default: if (y_ready_i && last) state_q <= Take;
      endcase
    end
  end

  logic unused_bits;
  assign unused_bits = ^product[Down-2:0];

endmodule

`default_nettype wire
