// A function in pieces of a wide number: the sum of slope and intercept in a window, and the steps that the window lies above.
//
// Five cycles that advance: the window, then the line. steps_o is that of the element in the window's registers.

`default_nettype none

module quweit_scaled_line #(
  parameter integer InputBits = 16,
  parameter integer Pieces    = 8,
  parameter integer Window    = 7,
  parameter integer Step      = 3,
  parameter integer StepBits  = 3,
  parameter integer WordBits  = 9,
  parameter integer SumBits   = 18,
  parameter integer Align     = 5,
  parameter logic [Pieces*(Window+1)-1:0] Breakpoints = '0,  // of piece 1 on, in the low bits
  parameter logic [Pieces*WordBits-1:0] Slopes = '0,
  parameter logic [Pieces*WordBits-1:0] Intercepts = '0
) (
  input  logic                 clk_i,
  input  logic                 advance_i,
  input  logic [InputBits-1:0] x_i,
  output logic [SumBits-1:0]   sum_o,
  output logic [StepBits-1:0]  steps_o
);

  logic [Window:0]     z, z_q;
  logic [StepBits-1:0] steps;

  quweit_window #(
    .InputBits (InputBits),
    .Window    (Window),
    .Step      (Step),
    .StepBits  (StepBits)
  ) u_window (
    .x_i,
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
    .advance_i,
    .x_i       (z_q),
    .y_o       (sum_o)
  );

  always_ff @(posedge clk_i) begin
    if (advance_i) begin
      z_q     <= z;
      steps_o <= steps;
    end
  end

endmodule

`default_nettype wire
