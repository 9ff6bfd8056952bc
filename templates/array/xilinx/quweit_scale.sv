// y = x * multiplier: int32 by seven unsigned bits.
// FPGA rendering: radix-4 Booth digits of the multiplier, one carry chain a digit (see quweit_systolic_cell).

`default_nettype none

module quweit_scale (
  input  logic [31:0] x_i,
  input  logic [6:0]  multiplier_i,
  output logic [39:0] y_o
);

  // -2, -1, 0, 1 or 2 times `x`; negative ones as ones' complement.
  function automatic logic [34:0] multiple(input logic [2:0] digit, input logic [31:0] x);
    multiple = (({35{digit[1] ^ digit[0]}} & {{3{x[31]}}, x})
              | ({35{(digit == 3'b100) || (digit == 3'b011)}} & {{2{x[31]}}, x, 1'b0})) ^ {35{digit[2]}};
  endfunction

  logic [35:0] sum0, sum1, sum2, sum3;  // bit 0 is the foot of the chain

  assign sum0 = {multiple({multiplier_i[1:0], 1'b0}, x_i), 1'b1} + 36'(multiplier_i[1]);
  assign sum1 = {{2{sum0[35]}}, sum0[35:3], 1'b1} + {multiple(multiplier_i[3:1], x_i), multiplier_i[3]};
  assign sum2 = {{2{sum1[35]}}, sum1[35:3], 1'b1} + {multiple(multiplier_i[5:3], x_i), multiplier_i[5]};
  // The last digit has no sign: the multiplier is not negative.
  assign sum3 = {{2{sum2[35]}}, sum2[35:3], 1'b0} + {multiple({1'b0, multiplier_i[6:5]}, x_i), 1'b0};
  assign y_o  = {sum3[34:1], sum2[2:1], sum1[2:1], sum0[2:1]};

  logic unused_feet;
  assign unused_feet = ^{sum0[0], sum1[0], sum2[0], sum3[35], sum3[0]};

endmodule

`default_nettype wire
