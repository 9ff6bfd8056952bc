// A number through pieces that never change: the piece that it is in, and the line there. Four registers.

`default_nettype none

module quweit_constant_line #(
  parameter integer                Pieces      = 8,
  parameter integer                InputBits   = 8,
  parameter integer                WordBits    = 8,
  parameter integer                SumBits     = 17,
  parameter integer                OutputBits  = 8,
  parameter integer                Align       = 4,
  parameter integer                Shift       = 6,
  parameter logic [Pieces*InputBits-1:0] Breakpoints = '0,  // of piece 1 on, in the low bits
  parameter logic [Pieces*WordBits-1:0] Slopes = '0,
  parameter logic [Pieces*WordBits-1:0] Intercepts = '0
) (
  input  logic                  clk_i,
  input  logic                  advance_i,
  input  logic [InputBits-1:0]  x_i,
  output logic [OutputBits-1:0] y_o
);

  logic [WordBits-1:0] slope, intercept;

  quweit_piece_select #(
    .Pieces    (Pieces),
    .InputBits (InputBits),
    .WordBits  (WordBits)
  ) u_select (
    .x_i,
    .breakpoints_i (Breakpoints[(Pieces-1)*InputBits-1:0]),
    .slopes_i      (Slopes),
    .intercepts_i  (Intercepts),
    .slope_o       (slope),
    .intercept_o   (intercept)
  );

  quweit_piece_line #(
    .InputBits  (InputBits),
    .WordBits   (WordBits),
    .SumBits    (SumBits),
    .OutputBits (OutputBits),
    .AlignBits  (6),
    .ShiftBits  (6),
    .Shifts     (0)
  ) u_line (
    .clk_i,
    .advance_i,
    .x_i,
    .slope_i     (slope),
    .intercept_i (intercept),
    .align_i     (6'(Align)),
    .shift_i     (6'(Shift)),
    .y_o
  );

endmodule

`default_nettype wire
