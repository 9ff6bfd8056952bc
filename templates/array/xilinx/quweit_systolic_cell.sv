// One processing cell of an output-stationary array: sum <= (start ? 0 : sum) + a*b, int8 into int32.
//
// FPGA rendering: the product by radix-4 Booth digits, one carry chain a digit. A digit's multiple of
// `a` and the sum before it are one six-input function of each bit, the LUT in front of the chain. The
// `+1` of a negative digit enters at the foot of its chain, that of digit 0 with the accumulator.
// 70 LUTs in Yosys, where the plain product takes 166.

`default_nettype none

module quweit_systolic_cell (
  input  logic        clk_i,
  input  logic        start_i,
  input  logic [7:0]  a_i,
  input  logic [7:0]  b_i,
  output logic        start_o,
  output logic [7:0]  a_o,
  output logic [7:0]  b_o,
  output logic [31:0] sum_o
);

  /* verilator no_inline_module */  // one class of C++ for all cells: builds in a fraction of the time

  // -2, -1, 0, 1 or 2 times `a`; negative ones as ones' complement.
  function automatic logic [8:0] multiple(input logic [2:0] digit, input logic [7:0] a);
    multiple = (({9{digit[1] ^ digit[0]}} & {a[7], a})
              | ({9{(digit == 3'b100) || (digit == 3'b011)}} & {a, 1'b0})) ^ {9{digit[2]}};
  endfunction

  logic [8:0]  row0, row1, row2, row3;
  logic [11:0] sum1, sum2, sum3;  // bit 0 is the foot of the chain
  logic [15:0] product;           // less one when digit 0 is negative
  logic [32:0] sum_d;

  assign row0 = multiple({b_i[1:0], 1'b0}, a_i);
  assign row1 = multiple(b_i[3:1], a_i);
  assign row2 = multiple(b_i[5:3], a_i);
  assign row3 = multiple(b_i[7:5], a_i);

  // Two bits of the product are final after each digit.
  assign sum1 = {{4{row0[8]}},  row0[8:2],  1'b1} + {{2{row1[8]}}, row1, b_i[3]};
  assign sum2 = {{2{sum1[11]}}, sum1[11:3], 1'b1} + {{2{row2[8]}}, row2, b_i[5]};
  assign sum3 = {{2{sum2[11]}}, sum2[11:3], 1'b1} + {{2{row3[8]}}, row3, b_i[7]};

  assign product = {sum3[10:1], sum2[2:1], sum1[2:1], row0[1:0]};
  assign sum_d   = {{16{product[15]}}, product, 1'b1} + {start_i ? 32'd0 : sum_o, b_i[1]};

  always_ff @(posedge clk_i) begin
    start_o <= start_i;
    a_o     <= a_i;
    b_o     <= b_i;
    sum_o   <= sum_d[32:1];
  end

  logic unused_feet;
  assign unused_feet = ^{sum1[0], sum2[0], sum3[11], sum3[0], sum_d[0]};

endmodule

`default_nettype wire
