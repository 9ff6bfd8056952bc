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

  localparam integer WideBits = 33 + Left + 1;  // with a bit below the point, for rounding

  logic signed [WideBits-1:0] high, low;

  assign high = (WideBits'(1) <<< (bits_i - 6'd1)) - WideBits'(1);
  assign low  = ~high;

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    logic signed [32:0]         biased_q;
    logic        [5:0]          shift_q;
    logic signed [WideBits-1:0] coarse, rounded;

    assign coarse  = $signed({biased_q, {Left + 1{1'b0}}}) >>> shift_q;
    assign rounded = (coarse >>> 1) + $signed({{WideBits - 1{1'b0}}, coarse[0]});

    always_ff @(posedge clk_i) begin
      biased_q <= 33'($signed(sums_i[lane*32 +: 32])) + 33'($signed(scales_i[lane*38 +: 32]));
      shift_q  <= scales_i[lane*38+32 +: 6];
      results_o[lane*32 +: 32] <= (rounded > high) ? high[31:0] : (rounded < low) ? low[31:0] : rounded[31:0];
    end
  end

endmodule

`default_nettype wire
