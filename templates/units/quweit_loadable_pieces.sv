// A function in pieces that every row brings with it, an element a cycle.
//
// A row is a word each of all breakpoints from piece 1 on, all slopes and all intercepts, then align and shift, then the
// elements. Align and shift are kept until the last elements of the row before are through: they come 4 words and more later.

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

  localparam integer Words = 3*Pieces - 1;

  logic                      advance, word;
  logic [1:0]                final_word;
  logic [Words*WordBits-1:0] words_q;
  logic [AlignBits-1:0]      align_q;
  logic [ShiftBits-1:0]      shift_q;
  logic [WordBits-1:0]       slope, intercept;

  quweit_lane #(
    .Elements (Elements),
    .Words    (Words + 2),
    .Stages   (5)
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
    .word_o    (word),
    .final_o   (final_word)
  );

  always_ff @(posedge clk_i) begin
    if (word && (final_word == '0)) words_q <= {x_data_i, words_q[Words*WordBits-1:WordBits]};
    if (final_word[0]) align_q <= x_data_i[AlignBits-1:0];
    if (final_word[1]) shift_q <= x_data_i[ShiftBits-1:0];
  end

  quweit_piece_select #(
    .Pieces    (Pieces),
    .InputBits (WordBits),
    .WordBits  (WordBits)
  ) u_select (
    .x_i           (x_data_i),
    .breakpoints_i (words_q[0 +: (Pieces-1)*WordBits]),
    .slopes_i      (words_q[(Pieces-1)*WordBits +: Pieces*WordBits]),
    .intercepts_i  (words_q[(2*Pieces-1)*WordBits +: Pieces*WordBits]),
    .slope_o       (slope),
    .intercept_o   (intercept)
  );

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
