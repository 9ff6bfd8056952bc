// What a distance from the mean is multiplied by in a layer normalisation, with 1/sqrt in pieces: five cycles.
//
// The spread is brought to a window, whose line gives the factor. For every step the product is shifted down by AnswerStep more.
// The lift is what a distance is shifted up by instead, so that every product is shifted down alike.

`default_nettype none

module quweit_root_factor_pieces #(
  parameter integer SpreadBits = 44,
  parameter integer Pieces     = 8,
  parameter integer Window     = 10,
  parameter integer Step       = 4,
  parameter integer AnswerStep = 2,
  parameter integer WordBits   = 9,
  parameter integer SumBits    = 20,
  parameter integer RootBits   = 16,  // of a sum of slope and intercept, which is above 0
  parameter integer Align      = 8,
  parameter integer LiftBits   = 5,
  parameter logic [Pieces*(Window+1)-1:0] Breakpoints = '0,  // of piece 1 on, in the low bits
  parameter logic [Pieces*WordBits-1:0] Slopes = '0,
  parameter logic [Pieces*WordBits-1:0] Intercepts = '0
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  start_i,
  input  logic [SpreadBits-1:0] spread_i,
  output logic                  done_o,  // one cycle
  output logic [RootBits-1:0]   factor_o,
  output logic [LiftBits-1:0]   lift_o
);

  localparam integer Steps    = (SpreadBits + Step - 1) / Step;
  localparam integer StepBits = $clog2(Steps);
  localparam logic [2:0] Wait = 3'd5;  // window, line

  logic [2:0]            wait_q;
  logic [SpreadBits-1:0] spread_q;
  logic [StepBits-1:0]   steps;
  logic [SumBits-1:0]    root;
  logic                  waits;

  assign waits  = (wait_q != 3'd0);
  assign done_o = (wait_q == Wait);

  quweit_scaled_line #(
    .InputBits   (SpreadBits),
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
    .advance_i (waits),
    .x_i       (spread_q),
    .sum_o     (root),
    .steps_o   (steps)
  );

  assign factor_o = root[RootBits-1:0];
  assign lift_o   = LiftBits'(AnswerStep) * (LiftBits'(Steps - 1) - LiftBits'(steps));

  always_ff @(posedge clk_i) begin
    if (start_i) spread_q <= spread_i;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)               wait_q <= '0;
    else if (start_i || waits) wait_q <= done_o ? '0 : wait_q + 1'b1;
  end

  logic unused_bits;
  assign unused_bits = ^root[SumBits-1:RootBits];

endmodule

`default_nettype wire
