// A function in pieces that never change, an element a cycle.

`default_nettype none

module quweit_pieces #(
  parameter integer                Elements    = 1,
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
  input  logic                  rst_ni,
  input  logic                  x_valid_i,
  output logic                  x_ready_o,
  input  logic [InputBits-1:0]  x_data_i,
  input  logic                  x_last_i,
  output logic                  y_valid_o,
  input  logic                  y_ready_i,
  output logic [OutputBits-1:0] y_data_o,
  output logic                  y_last_o
);

  logic       advance, unused_word;
  logic [1:0] unused_final;

  quweit_lane #(
    .Elements (Elements),
    .Words    (0),
    .Stages   (4)
  ) u_lane (
    .clk_i,
    .rst_ni,
    .x_valid_i,
    .x_ready_o,
    .x_last_i,
    .y_valid_o,
    .y_ready_i,
    .y_last_o,
    .advance_o (advance),
    .word_o    (unused_word),
    .final_o   (unused_final)
  );

  quweit_constant_line #(
    .Pieces      (Pieces),
    .InputBits   (InputBits),
    .WordBits    (WordBits),
    .SumBits     (SumBits),
    .OutputBits  (OutputBits),
    .Align       (Align),
    .Shift       (Shift),
    .Breakpoints (Breakpoints),
    .Slopes      (Slopes),
    .Intercepts  (Intercepts)
  ) u_line (
    .clk_i,
    .advance_i (advance),
    .x_i       (x_data_i),
    .y_o       (y_data_o)
  );

endmodule

`default_nettype wire
