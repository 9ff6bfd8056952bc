// sum_o = a_i + b_i + c_i, unsigned, in one LUT a bit: UltraScale+ rendering.
//
// Each LUT6_2 compresses three bits of one weight: O5 is their majority, a bit of the next weight;
// O6 adds their parity to the majority of the weight below, and the carry chain adds the rest.

`default_nettype none

module quweit_ternary_adder #(
  parameter integer Bits    = 1,  // of each operand
  parameter integer SumBits = 3   // at most Bits + 2
) (
  input  logic [Bits-1:0]    a_i,
  input  logic [Bits-1:0]    b_i,
  input  logic [Bits-1:0]    c_i,
  output logic [SumBits-1:0] sum_o
);

  // O5 (I5 = 1 selects the upper half for O6): majority of I0, I1, I2. O6: I0 ^ I1 ^ I2 ^ I3.
  localparam logic [31:0] Majority = 32'hE8E8_E8E8;
  localparam logic [31:0] Parity   = 32'h6996_6996;
  localparam integer Carries = (Bits + 2 + 7) / 8;

  logic [Bits:0]        majority;  // by weight: majority[i] adds at weight i
  logic [8*Carries-1:0] propagate, generate_, sum, carry;

  assign majority[0] = 1'b0;

  for (genvar i = 0; i < Bits; i++) begin : gen_bit
    LUT6_2 #(.INIT({Parity, Majority})) u_lut (
      .I0(a_i[i]), .I1(b_i[i]), .I2(c_i[i]), .I3(majority[i]), .I4(1'b0), .I5(1'b1),
      .O5(majority[i+1]), .O6(propagate[i])
    );
    assign generate_[i] = majority[i];
  end

  // The top weight holds a majority bit alone, and above it the carry.
  assign propagate[Bits] = majority[Bits];
  assign generate_[Bits] = 1'b0;
  assign propagate[8*Carries-1:Bits+1] = '0;
  assign generate_[8*Carries-1:Bits+1] = '0;

  for (genvar c = 0; c < Carries; c++) begin : gen_carry
    if (c == 0) begin : gen_first
      CARRY8 u_carry (
        .CI(1'b0), .CI_TOP(1'b0), .DI(generate_[7:0]), .S(propagate[7:0]), .O(sum[7:0]), .CO(carry[7:0])
      );
    end else begin : gen_next
      CARRY8 u_carry (
        .CI(carry[8*c-1]), .CI_TOP(1'b0), .DI(generate_[8*c +: 8]), .S(propagate[8*c +: 8]),
        .O(sum[8*c +: 8]), .CO(carry[8*c +: 8])
      );
    end
  end

  assign sum_o = sum[SumBits-1:0];

endmodule

`default_nettype wire
