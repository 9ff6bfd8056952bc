// One lane of quweit_rescale.sv.

`default_nettype none

module quweit_rescale_lane #(
  parameter integer Left = 7  // the most bits to the left
) (
  input  logic        clk_i,
  input  logic [31:0] sum_i,
  input  logic [37:0] scale_i,  // a bias of 32 bits, above it a shift
  input  logic [5:0]  bits_i,   // of the result: 8, 16 or 32
  output logic [31:0] result_o
);

  localparam integer WideBits = 33 + Left + 1;  // with a bit below the point, for rounding

  logic signed [WideBits-1:0] coarse, rounded;
  logic signed [32:0]         biased_q;
  logic        [5:0]          shift_q;
  logic        [31:0]         end_of_range;
  logic                       sign, fits;

  assign coarse  = $signed({biased_q, {Left + 1{1'b0}}}) >>> shift_q;
  assign rounded = (coarse >>> 1) + $signed({{WideBits - 1{1'b0}}, coarse[0]});

  // A number fits where all bits from its sign bit on are the sign.
  assign sign         = rounded[WideBits-1];
  assign fits         = (rounded[WideBits-1:31] == {WideBits-31{sign}})
                     && (bits_i[5] || ((rounded[30:15] == {16{sign}}) && (bits_i[4] || (rounded[14:7] == {8{sign}}))));
  assign end_of_range = {sign, {16{sign ^ bits_i[5]}}, {8{sign ^ (bits_i[5] || bits_i[4])}}, {7{!sign}}};

  always_ff @(posedge clk_i) begin
    biased_q <= 33'($signed(sum_i)) + 33'($signed(scale_i[31:0]));
    shift_q  <= scale_i[37:32];
    result_o <= fits ? rounded[31:0] : end_of_range;
  end

  logic unused_bits;
  assign unused_bits = ^bits_i[3:0];

endmodule

`default_nettype wire
