// A function in pieces of float32 that every row brings with it, as quweit_loadable_words.sv. Twelve registers,
// the first of which is that of the element: words of the next row come later than it is compared.

`default_nettype none

module quweit_loadable_floats #(
  parameter integer Elements = 256,
  parameter integer Pieces   = 8
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        x_valid_i,
  output logic        x_ready_o,
  input  logic [31:0] x_data_i,
  input  logic        x_last_i,
  output logic        y_valid_o,
  input  logic        y_ready_i,
  output logic [31:0] y_data_o,
  output logic        y_last_o
);

  localparam integer Words = 3*Pieces - 1;

  logic                     advance, word;
  logic [1:0]               unused_final;
  logic [Words*32-1:0]      words_q;
  logic [(Pieces-1)*32-1:0] breakpoints;
  logic [31:0]              element_q, slope, intercept, x_q, slope_q, intercept_q;

  quweit_lane #(
    .Elements (Elements),
    .Words    (Words),
    .Stages   (12)
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
    .final_o   (unused_final)
  );

  // Signed numbers in the order of the floating-point ones.
  for (genvar piece = 0; piece < Pieces - 1; piece++) begin : gen_order
    assign breakpoints[32*piece +: 32] = words_q[32*piece +: 32] ^ {1'b0, {31{words_q[32*piece + 31]}}};
  end

  quweit_piece_select #(
    .Pieces    (Pieces),
    .InputBits (32),
    .WordBits  (32)
  ) u_select (
    .x_i           (element_q ^ {1'b0, {31{element_q[31]}}}),
    .breakpoints_i (breakpoints),
    .slopes_i      (words_q[(Pieces-1)*32 +: Pieces*32]),
    .intercepts_i  (words_q[(2*Pieces-1)*32 +: Pieces*32]),
    .slope_o       (slope),
    .intercept_o   (intercept)
  );

  quweit_float_line u_line (
    .clk_i,
    .advance_i   (advance),
    .x_i         (x_q),
    .slope_i     (slope_q),
    .intercept_i (intercept_q),
    .y_o         (y_data_o)
  );

  always_ff @(posedge clk_i) begin
    if (word) words_q <= {x_data_i, words_q[Words*32-1:32]};
    if (advance) begin
      element_q   <= x_data_i;
      x_q         <= element_q;
      slope_q     <= slope;
      intercept_q <= intercept;
    end
  end

endmodule

`default_nettype wire
