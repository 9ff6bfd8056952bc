// greater_o = x_i > threshold_i, two's complement of eight bits: UltraScale+ rendering, four LUTs and a carry.
//
// Each LUT6_2 compares two bits: O6 says that they are equal, and lets the answer of the bits below pass
// along the carry chain; O5 says that x is greater there. In the top pair the signs count the other way.

`default_nettype none

module quweit_greater (
  input  logic [7:0] x_i,
  input  logic [7:0] threshold_i,
  output logic       greater_o
);

  // Inputs: threshold and x of the lower bit, threshold and x of the upper bit.
  localparam logic [31:0] Equal         = 32'h90099009;
  localparam logic [31:0] Greater       = 32'h4F044F04;
  localparam logic [31:0] GreaterSigned = 32'h40F440F4;

  logic [3:0] equal, greater;
  logic [7:0] carry, unused_sum;

  for (genvar i = 0; i < 4; i++) begin : gen_pair
    LUT6_2 #(.INIT({Equal, (i == 3) ? GreaterSigned : Greater})) u_lut (
      .I0(threshold_i[2*i]), .I1(x_i[2*i]), .I2(threshold_i[2*i+1]), .I3(x_i[2*i+1]), .I4(1'b0), .I5(1'b1),
      .O5(greater[i]), .O6(equal[i])
    );
  end

  CARRY8 u_carry (
    .CI(1'b0), .CI_TOP(1'b0), .DI({4'b0, greater}), .S({4'b0, equal}), .O(unused_sum), .CO(carry)
  );

  logic unused_carry;
  assign unused_carry = ^{carry[7:4], carry[2:0]};
  assign greater_o    = carry[3];

endmodule

`default_nettype wire
