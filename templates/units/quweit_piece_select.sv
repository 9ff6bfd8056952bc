// Slope and intercept of the piece that a number is in: the last one whose breakpoint is at most the number.

`default_nettype none

module quweit_piece_select #(
  parameter integer Pieces    = 8,
  parameter integer InputBits = 8,
  parameter integer WordBits  = 8   // of a slope, and of an intercept
) (
  input  logic [InputBits-1:0]              x_i,            // signed
  input  logic [(Pieces-1)*InputBits-1:0]   breakpoints_i,  // signed, ascending, of piece 1 on
  input  logic [Pieces*WordBits-1:0]        slopes_i,
  input  logic [Pieces*WordBits-1:0]        intercepts_i,
  output logic [WordBits-1:0]               slope_o,
  output logic [WordBits-1:0]               intercept_o
);

  // begun[n]: piece n begins at x or before; piece 0 always does, and there is none after the last.
  logic [Pieces:0]   begun;
  logic [Pieces-1:0] chosen;

  assign begun[0]      = 1'b1;
  assign begun[Pieces] = 1'b0;

  for (genvar piece = 1; piece < Pieces; piece++) begin : gen_begun
    assign begun[piece] = $signed(x_i) >= $signed(breakpoints_i[(piece-1)*InputBits +: InputBits]);
  end

  assign chosen = begun[Pieces-1:0] & ~begun[Pieces:1];

  always_comb begin
    slope_o     = '0;
    intercept_o = '0;
    for (int piece = 0; piece < Pieces; piece++) begin
      slope_o     |= slopes_i[piece*WordBits +: WordBits] & {WordBits{chosen[piece]}};
      intercept_o |= intercepts_i[piece*WordBits +: WordBits] & {WordBits{chosen[piece]}};
    end
  end

endmodule

`default_nettype wire
