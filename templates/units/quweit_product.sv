// product = a * b of signed numbers. Behavioural rendering.

`default_nettype none

module quweit_product #(
  parameter integer ABits = 18,
  parameter integer BBits = 18
) (
  input  logic [ABits-1:0]       a_i,
  input  logic [BBits-1:0]       b_i,
  output logic [ABits+BBits-1:0] product_o
);

  assign product_o = (ABits+BBits)'($signed(a_i)) * (ABits+BBits)'($signed(b_i));

endmodule

`default_nettype wire
