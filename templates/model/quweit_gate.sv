// Multiplies results of a product by the words of a gate, a beat a cycle: shift right and round, clamp to 16 bits. Two cycles.
//
// y = clamp(floor(value * gate / 2^shift + 1/2)), halves towards plus infinity. A shift is stored with Left added, so that it
// can be one to the left.

`default_nettype none

module quweit_gate #(
  parameter integer Lanes = 8,
  parameter integer Left  = 7  // the most bits to the left
) (
  input  logic                clk_i,
  input  logic [Lanes*8-1:0]  values_i,
  input  logic [Lanes*8-1:0]  gates_i,
  input  logic [5:0]          shift_i,
  output logic [Lanes*16-1:0] results_o
);

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    logic signed [15:0] product;
    logic        [31:0] result;
    logic               unused_bits;

    assign product                 = $signed(values_i[lane*8 +: 8]) * $signed(gates_i[lane*8 +: 8]);
    assign results_o[lane*16 +: 16] = result[15:0];
    assign unused_bits             = ^result[31:16];

    quweit_rescale_lane #(
      .Left (Left)
    ) u_lane (
      .clk_i,
      .sum_i    (32'(product)),
      .scale_i  ({shift_i, 32'd0}),
      .bits_i   (6'd16),
      .result_o (result)
    );
  end

endmodule

`default_nettype wire
