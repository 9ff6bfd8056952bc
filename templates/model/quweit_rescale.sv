// Sums to results, a beat a cycle: add a bias, shift right and round, clamp. Two cycles.
//
// y = clamp(floor((sum + bias) / 2^shift + 1/2)), halves towards plus infinity. A shift is stored with Left added, so that
// it can be one to the left.

`default_nettype none

module quweit_rescale #(
  parameter integer Lanes = 8,
  parameter integer Left  = 7  // the most bits to the left
) (
  input  logic                clk_i,
  input  logic [Lanes*32-1:0] sums_i,
  input  logic [Lanes*38-1:0] scales_i,  // of each lane: a bias of 32 bits, above it a shift
  input  logic [5:0]          bits_i,    // of the result: 8, 16 or 32
  output logic [Lanes*32-1:0] results_o
);

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    quweit_rescale_lane #(
      .Left (Left)
    ) u_lane (
      .clk_i,
      .sum_i    (sums_i[lane*32 +: 32]),
      .scale_i  (scales_i[lane*38 +: 38]),
      .bits_i,
      .result_o (results_o[lane*32 +: 32])
    );
  end

endmodule

`default_nettype wire
