// product = a * b of signed numbers.
//
// FPGA rendering: radix-4 Booth digits of b, one carry chain a digit. Two bits of each sum are final, and the rest goes to the
// next digit. Every digit is a module, so that synthesis maps it once.
// 26 x 22 bits: 308 LUTs in Yosys, where the plain product takes 1,362.

`default_nettype none

module quweit_product #(
  parameter integer ABits = 18,
  parameter integer BBits = 18
) (
  input  logic [ABits-1:0]       a_i,
  input  logic [BBits-1:0]       b_i,
  output logic [ABits+BBits-1:0] product_o
);

  localparam integer Digits = (BBits + 1) / 2;

  logic [2*Digits:0]         b;      // with a zero below
  logic [2*Digits+ABits-1:0] sums;
  logic [ABits:0]            rest [Digits + 1];  // of the sum before a digit, without its final bits

  assign b         = {(2*Digits)'($signed(b_i)), 1'b0};
  assign rest[0]   = '0;

  for (genvar digit = 0; digit < Digits; digit++) begin : gen_digit
    logic [ABits+1:0] sum;

    quweit_product_row #(
      .ABits (ABits)
    ) u_row (
      .a_i,
      .digit_i (b[2*digit +: 3]),
      .rest_i  (rest[digit]),
      .sum_o   (sum)
    );

    assign sums[2*digit +: 2] = sum[1:0];
    assign rest[digit+1]      = {sum[ABits+1], sum[ABits+1:2]};
  end

  assign sums[2*Digits +: ABits] = rest[Digits][ABits-1:0];
  assign product_o               = sums[ABits+BBits-1:0];

  if (2*Digits > BBits) begin : gen_unused
    logic unused_sign;
    assign unused_sign = sums[2*Digits+ABits-1];
  end

endmodule

`default_nettype wire
