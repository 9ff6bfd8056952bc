// product = a * b of signed numbers. For cells of a library at a fast clock: the sum of radix-4 Booth digits of b.

`default_nettype none

module quweit_product #(
  parameter integer ABits = 18,
  parameter integer BBits = 18
) (
  input  logic [ABits-1:0]       a_i,
  input  logic [BBits-1:0]       b_i,
  output logic [ABits+BBits-1:0] product_o
);

  localparam integer Digits      = (BBits + 1) / 2;
  localparam integer ProductBits = ABits + BBits;

  logic [2*Digits:0] b;  // with a zero below
  assign b = {(2*Digits)'($signed(b_i)), 1'b0};

  // Rows are ones' complements where a digit is negative; the ones that are missing are summed apart.
  logic [Digits*ProductBits-1:0] rows;
  logic [ProductBits-1:0]        ones;

  for (genvar digit = 0; digit < Digits; digit++) begin : gen_digit
    logic [2:0]     code;
    logic [ABits:0] single, double, row;

    assign code   = b[2*digit +: 3];
    assign single = {a_i[ABits-1], a_i} & {ABits+1{code[1] ^ code[0]}};
    assign double = {a_i, 1'b0} & {ABits+1{(code == 3'b100) || (code == 3'b011)}};
    assign row    = (single | double) ^ {ABits+1{code[2]}};
    assign rows[digit*ProductBits +: ProductBits] = ProductBits'($signed(row)) << (2*digit);
    assign ones[2*digit]     = code[2];
    if (2*digit + 1 < ProductBits) begin : gen_free
      assign ones[2*digit + 1] = 1'b0;
    end
  end

  assign ones[ProductBits-1:2*Digits] = '0;

  always_comb begin
    product_o = ones;
    for (int digit = 0; digit < Digits; digit++) product_o = product_o + rows[digit*ProductBits +: ProductBits];
  end

endmodule

`default_nettype wire
