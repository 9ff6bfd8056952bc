// product = a * b in 1 + ceil(log2(digits)) steps: a digit of four bits of b each, then sums of two.

`default_nettype none

module quweit_multiplier #(
  parameter integer ABits = 17,  // signed
  parameter integer BBits = 16   // unsigned
) (
  input  logic                          clk_i,
  input  logic                          advance_i,
  input  logic signed [ABits-1:0]       a_i,
  input  logic [BBits-1:0]              b_i,
  output logic signed [ABits+BBits-1:0] product_o
);

  localparam integer Digits      = (BBits + 3) / 4;
  localparam integer Levels      = $clog2(Digits);
  localparam integer Leaves      = 1 << Levels;
  localparam integer ProductBits = ABits + BBits;

  logic [4*Digits-1:0] b;
  assign b = (4*Digits)'(b_i);

  // A heap: node n is the sum of nodes 2n and 2n + 1, and the leaves are the products of digits.
  logic [2*Leaves*ProductBits-1:0] nodes;

  for (genvar digit = 0; digit < Leaves; digit++) begin : gen_digit
    if (digit < Digits) begin : gen_product
      logic signed [ABits+3:0] product_q;

      always_ff @(posedge clk_i) begin
        if (advance_i) product_q <= (ABits+4)'(a_i) * (ABits+4)'($signed({1'b0, b[4*digit +: 4]}));
      end

      assign nodes[(Leaves + digit)*ProductBits +: ProductBits] = ProductBits'(product_q) <<< (4 * digit);
    end else begin : gen_none
      assign nodes[(Leaves + digit)*ProductBits +: ProductBits] = '0;
    end
  end

  for (genvar node = 1; node < Leaves; node++) begin : gen_sum
    logic [ProductBits-1:0] sum_q;

    always_ff @(posedge clk_i) begin
      if (advance_i) begin
        sum_q <= nodes[2*node*ProductBits +: ProductBits] + nodes[(2*node + 1)*ProductBits +: ProductBits];
      end
    end

    assign nodes[node*ProductBits +: ProductBits] = sum_q;
  end

  assign product_o = $signed(nodes[ProductBits +: ProductBits]);

  logic unused_node;
  assign nodes[ProductBits-1:0] = '0;
  assign unused_node            = ^nodes[ProductBits-1:0];

endmodule

`default_nettype wire
