// One lane of quweit_rescale.sv.

`default_nettype none

module quweit_rescale_lane #(
  parameter integer SumBits = 32,  // of a sum, and of a bias
  parameter integer Left    = 7    // the most bits to the left
) (
  input  logic               clk_i,
  input  logic [SumBits-1:0] sum_i,
  input  logic [SumBits+5:0] scale_i,  // a bias, above it a shift
  input  logic [5:0]         bits_i,   // of the result: 8, 16 or 32
  output logic [31:0]        result_o
);

  localparam integer WideBits = SumBits + 1 + Left + 1;  // with a bit below the point, for rounding
  localparam integer AllBits  = (WideBits > 33) ? WideBits : 33;

  logic signed [WideBits-1:0] coarse, finer;
  logic signed [AllBits-1:0]  rounded;
  logic signed [SumBits:0]    biased_q;
  logic        [5:0]          shift_q;
  logic        [31:0]         end_of_range;
  logic                       sign, fits;

  assign coarse  = $signed({biased_q, {Left + 1{1'b0}}}) >>> shift_q;
  assign finer   = (coarse >>> 1) + $signed({{WideBits - 1{1'b0}}, coarse[0]});
  assign rounded = AllBits'(finer);

  // A number fits where all bits from its sign bit on are the sign.
  assign sign         = rounded[AllBits-1];
  assign fits         = (rounded[AllBits-1:31] == {AllBits-31{sign}})
                     && (bits_i[5] || ((rounded[30:15] == {16{sign}}) && (bits_i[4] || (rounded[14:7] == {8{sign}}))));
  assign end_of_range = {sign, {16{sign ^ bits_i[5]}}, {8{sign ^ (bits_i[5] || bits_i[4])}}, {7{!sign}}};

  always_ff @(posedge clk_i) begin
    biased_q <= (SumBits+1)'($signed(sum_i)) + (SumBits+1)'($signed(scale_i[SumBits-1:0]));
    shift_q  <= scale_i[SumBits +: 6];
    result_o <= fits ? rounded[31:0] : end_of_range;
  end

  logic unused_bits;
  assign unused_bits = ^bits_i[3:0];

endmodule

`default_nettype wire
