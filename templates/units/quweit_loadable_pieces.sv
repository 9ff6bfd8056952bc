// A function in pieces that every row brings with it, an element a cycle.
//
// Align and shift come behind the words of the pieces, which are five or more. By then the last elements of the row before are
// through, for which they were kept.

`default_nettype none

module quweit_loadable_pieces #(
  parameter integer Elements  = 256,
  parameter integer Pieces    = 8,
  parameter integer WordBits  = 8,
  parameter integer AlignBits = 3,
  parameter integer ShiftBits = 4
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                x_valid_i,
  output logic                x_ready_o,
  input  logic [WordBits-1:0] x_data_i,
  input  logic                x_last_i,
  output logic                y_valid_o,
  input  logic                y_ready_i,
  output logic [WordBits-1:0] y_data_o,
  output logic                y_last_o
);

  logic                 advance;
  logic [1:0]           rest;
  logic [AlignBits-1:0] align_q;
  logic [ShiftBits-1:0] shift_q;
  logic [WordBits-1:0]  slope, intercept;

  quweit_loaded_pieces #(
    .Elements (Elements),
    .Pieces   (Pieces),
    .WordBits (WordBits),
    .Rest     (2),
    .Stages   (5),
    .Floats   (0)
  ) u_pieces (
    .clk_i,
    .rst_ni,
    .x_valid_i,
    .x_ready_o,
    .x_data_i,
    .x_last_i,
    .y_valid_o,
    .y_ready_i,
    .y_last_o,
    .advance_o   (advance),
    .rest_o      (rest),
    .element_i   (x_data_i),
    .slope_o     (slope),
    .intercept_o (intercept)
  );

  always_ff @(posedge clk_i) begin
    if (rest[0]) align_q <= x_data_i[AlignBits-1:0];
    if (rest[1]) shift_q <= x_data_i[ShiftBits-1:0];
  end

  quweit_piece_line #(
    .InputBits  (WordBits),
    .WordBits   (WordBits),
    .SumBits    (2*WordBits + 1),
    .OutputBits (WordBits),
    .AlignBits  (AlignBits),
    .ShiftBits  (ShiftBits),
    .Shifts     (1)
  ) u_line (
    .clk_i,
    .advance_i   (advance),
    .x_i         (x_data_i),
    .slope_i     (slope),
    .intercept_i (intercept),
    .align_i     (align_q),
    .shift_i     (shift_q),
    .y_o         (y_data_o)
  );

endmodule

`default_nettype wire
