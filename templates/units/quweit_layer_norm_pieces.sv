// Layer normalisation of one row of int16 as int8, 32 steps to a standard deviation, with 1/sqrt in pieces.
//
// take the row, its sum and its sum of squares; six cycles for the root; give. With N elements, N*x - sum is N times the
// distance from the mean, and N*squares - sum^2, the spread, is N^2 times the variance. The spread is brought to a window, whose
// line gives the root; the product with a distance is shifted down with rounding, by AnswerStep more for every step.
// x_last_i on an earlier element than the last discards what has come of the row.

`default_nettype none

module quweit_layer_norm_pieces #(
  parameter integer Elements   = 192,
  parameter integer Pieces     = 8,
  parameter integer Window     = 10,
  parameter integer Step       = 4,
  parameter integer AnswerStep = 2,
  parameter integer WordBits   = 9,
  parameter integer SumBits    = 20,
  parameter integer RootBits   = 16,  // of a sum of slope and intercept, which is above 0
  parameter integer Align      = 8,
  parameter integer Shift      = 10,
  parameter logic [Pieces*(Window+1)-1:0] Breakpoints = '0,  // of piece 1 on, in the low bits
  parameter logic [Pieces*WordBits-1:0] Slopes = '0,
  parameter logic [Pieces*WordBits-1:0] Intercepts = '0
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
  localparam integer SpreadBits   = 32 + 2*IndexBits;    // at most (Elements * 2^15)^2
  localparam integer DistanceBits = 17 + IndexBits;      // signed
  localparam integer TotalBits    = 16 + CountBits;      // signed
  localparam integer SquaresBits  = 31 + CountBits;
  localparam integer ScaledBits   = DistanceBits + RootBits + 1;
  localparam integer Steps        = (SpreadBits + Step - 1) / Step;
  localparam integer StepBits     = $clog2(Steps);
  localparam integer ShiftBits    = $clog2(Shift + AnswerStep * Steps);
  localparam integer Wait         = 6;                   // spread, window, line
  localparam logic [IndexBits-1:0] LastIndex = IndexBits'(Elements - 1);
  localparam logic signed [ScaledBits-1:0] One = 1, Least = -128, Most = 127;  // to Yosys a cast number has no sign
  localparam logic [1:0] Take = 2'd0, Compute = 2'd1, Give = 2'd2;

  logic [15:0]            row_q [Elements];
  logic [1:0]             state_q;
  logic [2:0]             wait_q;
  logic [IndexBits-1:0]   index_q;
  logic [TotalBits-1:0]   sum_q;
  logic [SquaresBits-1:0] squares_q;
  logic [31:0]            square;
  logic [SpreadBits-1:0]  spread_q;
  logic [Window:0]        z, z_q;
  logic [StepBits-1:0]    steps, steps_q;
  logic [ShiftBits-1:0]   shift;
  logic [SumBits-1:0]     root;
  logic                   take, last, computes;
  logic signed [DistanceBits-1:0] centred;
  logic signed [ScaledBits-1:0]   distance, factor, scaled, rounded;

  assign take     = x_valid_i && x_ready_o;
  assign last     = (index_q == LastIndex);
  assign computes = (state_q == Compute);
  assign square   = 32'($signed(x_data_i)) * 32'($signed(x_data_i));

  quweit_window #(
    .InputBits (SpreadBits),
    .Window    (Window),
    .Step      (Step),
    .StepBits  (StepBits)
  ) u_window (
    .x_i     (spread_q),
    .z_o     (z),
    .steps_o (steps)
  );

  quweit_constant_line #(
    .Pieces      (Pieces),
    .InputBits   (Window + 1),
    .WordBits    (WordBits),
    .SumBits     (SumBits),
    .OutputBits  (SumBits),
    .Align       (Align),
    .Shift       (0),
    .Breakpoints (Breakpoints),
    .Slopes      (Slopes),
    .Intercepts  (Intercepts)
  ) u_line (
    .clk_i,
    .advance_i (computes),
    .x_i       (z_q),
    .y_o       (root)
  );

  assign shift    = ShiftBits'(Shift) + ShiftBits'(AnswerStep) * ShiftBits'(steps_q);
  assign centred  = DistanceBits'($signed(row_q[index_q])) * DistanceBits'(Elements)
                  - DistanceBits'($signed(sum_q));
  assign distance = ScaledBits'(centred);
  assign factor   = ScaledBits'(root[RootBits-1:0]);
  assign scaled   = distance * factor;
  assign rounded  = (scaled + (One <<< (shift - 1'b1))) >>> shift;

  assign x_ready_o = (state_q == Take);
  assign y_valid_o = (state_q == Give);
  assign y_last_o  = y_valid_o && last;
  assign y_data_o  = (rounded < Least) ? 8'h80 : (rounded > Most) ? 8'h7f : rounded[7:0];

  always_ff @(posedge clk_i) begin
    if (take) begin
      row_q[index_q] <= x_data_i;
      sum_q     <= ((index_q == '0) ? '0 : sum_q) + TotalBits'($signed(x_data_i));
      squares_q <= ((index_q == '0) ? '0 : squares_q) + SquaresBits'(square);
    end
    if (computes) begin
      spread_q <= SpreadBits'(squares_q) * SpreadBits'(Elements)
                - SpreadBits'((2*TotalBits)'($signed(sum_q)) * (2*TotalBits)'($signed(sum_q)));
      z_q      <= z;
      steps_q  <= steps;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Take;
      index_q <= '0;
      wait_q  <= '0;
    end else begin
      if (take || (y_valid_o && y_ready_i)) index_q <= (last || (take && x_last_i)) ? '0 : index_q + 1'b1;
      wait_q <= computes ? wait_q + 1'b1 : '0;
      case (state_q)
        Take:    if (x_valid_i && last) state_q <= Compute;
        Compute: if (wait_q == 3'(Wait - 1)) state_q <= Give;
        default: if (y_ready_i && last) state_q <= Take;
      endcase
    end
  end

  logic unused_bits;
  assign unused_bits = ^root[SumBits-1:RootBits];

endmodule

`default_nettype wire
