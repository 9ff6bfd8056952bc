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

  logic        advance;
  logic [1:0]  unused_rest;
  logic [31:0] element_q, slope, intercept, x_q, slope_q, intercept_q;

  quweit_loaded_pieces #(
    .Elements (Elements),
    .Pieces   (Pieces),
    .WordBits (32),
    .Rest     (0),
    .Stages   (12),
    .Floats   (1)
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
    .rest_o      (unused_rest),
    .element_i   (element_q),
    .slope_o     (slope),
    .intercept_o (intercept)
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
    if (advance) begin
      element_q   <= x_data_i;
      x_q         <= element_q;
      slope_q     <= slope;
      intercept_q <= intercept;
    end
  end

endmodule

`default_nettype wire
