// A function in pieces of 32 bits that every row brings with it, as quweit_loadable_pieces.sv, with neither align nor shift.
//
// y = slope * x + intercept, the low 32 bits. Six registers: operands; four of the product, which needs 32 bits alone; sum.

`default_nettype none

module quweit_loadable_words #(
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

  logic               advance;
  logic [1:0]         unused_rest;
  logic [31:0]        slope, intercept, x_q;
  logic signed [31:0] slope_q;
  logic [5*32-1:0]    waiting_q;  // intercepts of the elements whose product is made
  logic signed [63:0] product;

  quweit_loaded_pieces #(
    .Elements (Elements),
    .Pieces   (Pieces),
    .WordBits (32),
    .Rest     (0),
    .Stages   (6),
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
    .rest_o      (unused_rest),
    .element_i   (x_data_i),
    .slope_o     (slope),
    .intercept_o (intercept)
  );

  quweit_multiplier #(
    .ABits (32),
    .BBits (32)
  ) u_product (
    .clk_i,
    .advance_i (advance),
    .a_i       (slope_q),
    .b_i       (x_q),  // its sign changes nothing in the low bits
    .product_o (product)
  );

  always_ff @(posedge clk_i) begin
    if (advance) begin
      x_q       <= x_data_i;
      slope_q   <= $signed(slope);
      waiting_q <= {waiting_q[4*32-1:0], intercept};
      y_data_o  <= product[31:0] + waiting_q[4*32 +: 32];
    end
  end

  logic unused_bits;
  assign unused_bits = ^product[63:32];

endmodule

`default_nettype wire
