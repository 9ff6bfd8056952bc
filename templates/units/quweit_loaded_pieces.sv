// Pieces that every row brings with it, and the one that an element is in.
//
// A row is a word each of all breakpoints from piece 1 on, all slopes and all intercepts, then `Rest` words that a unit keeps
// for itself, 0 or 2, then the elements. `Floats`: numbers are compared as floating-point ones.

`default_nettype none

module quweit_loaded_pieces #(
  parameter integer Elements = 256,
  parameter integer Pieces   = 8,
  parameter integer WordBits = 8,
  parameter integer Rest     = 0,
  parameter integer Stages   = 5,
  parameter integer Floats   = 0
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                x_valid_i,
  output logic                x_ready_o,
  input  logic [WordBits-1:0] x_data_i,
  input  logic                x_last_i,
  output logic                y_valid_o,
  input  logic                y_ready_i,
  output logic                y_last_o,
  output logic                advance_o,
  output logic [1:0]          rest_o,       // a word that the unit keeps is taken: the first, the second
  input  logic [WordBits-1:0] element_i,    // whose piece is asked for
  output logic [WordBits-1:0] slope_o,
  output logic [WordBits-1:0] intercept_o
);

  localparam integer Words = 3*Pieces - 1;

  logic                           word;
  logic [1:0]                     final_word;
  logic [Words*WordBits-1:0]      words_q;
  logic [(Pieces-1)*WordBits-1:0] breakpoints;
  logic [WordBits-1:0]            x;

  quweit_lane #(
    .Elements (Elements),
    .Words    (Words + Rest),
    .Stages   (Stages)
  ) u_lane (
    .clk_i,
    .rst_ni,
    .x_valid_i,
    .x_ready_o,
    .x_last_i,
    .y_valid_o,
    .y_ready_i,
    .y_last_o,
    .advance_o,
    .word_o    (word),
    .final_o   (final_word)
  );

  assign rest_o = (Rest == 0) ? 2'b00 : final_word;

  always_ff @(posedge clk_i) begin
    if (word && (rest_o == '0)) words_q <= {x_data_i, words_q[Words*WordBits-1:WordBits]};
  end

  if (Floats != 0) begin : gen_order
    // Signed numbers in the order of the floating-point ones.
    assign x = element_i ^ {1'b0, {WordBits-1{element_i[WordBits-1]}}};

    for (genvar piece = 0; piece < Pieces - 1; piece++) begin : gen_piece
      assign breakpoints[WordBits*piece +: WordBits] =
        words_q[WordBits*piece +: WordBits] ^ {1'b0, {WordBits-1{words_q[WordBits*piece + WordBits-1]}}};
    end
  end else begin : gen_plain
    assign x           = element_i;
    assign breakpoints = words_q[0 +: (Pieces-1)*WordBits];
  end

  quweit_piece_select #(
    .Pieces    (Pieces),
    .InputBits (WordBits),
    .WordBits  (WordBits)
  ) u_select (
    .x_i           (x),
    .breakpoints_i (breakpoints),
    .slopes_i      (words_q[(Pieces-1)*WordBits +: Pieces*WordBits]),
    .intercepts_i  (words_q[(2*Pieces-1)*WordBits +: Pieces*WordBits]),
    .slope_o,
    .intercept_o
  );

endmodule

`default_nettype wire
