// One radix-4 Booth digit of a product: sum = rest + (-2, -1, 0, 1 or 2 times a), all signed.
//
// A bit of the multiple and one of the rest are a function of six inputs, the LUT in front of the carry chain. The `+1` of a
// negative digit enters at the foot of the chain.

`default_nettype none

module quweit_product_row #(
  parameter integer ABits = 18
) (
  input  logic [ABits-1:0] a_i,
  input  logic [2:0]       digit_i,
  input  logic [ABits:0]   rest_i,
  output logic [ABits+1:0] sum_o
);

  logic [ABits:0] multiple;  // a negative one as ones' complement

  assign multiple = (({ABits+1{digit_i[1] ^ digit_i[0]}} & {a_i[ABits-1], a_i})
                  | ({ABits+1{(digit_i == 3'b100) || (digit_i == 3'b011)}} & {a_i, 1'b0})) ^ {ABits+1{digit_i[2]}};
  assign sum_o    = {rest_i[ABits], rest_i} + {multiple[ABits], multiple} + {{ABits+1{1'b0}}, digit_i[2]};

endmodule

`default_nettype wire
