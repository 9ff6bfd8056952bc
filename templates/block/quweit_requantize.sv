// y = clamp((x*Multiplier + 2^(Shift-1)) >> Shift, Low, High); with Shift 0 nothing is added.
// Arithmetic shift, half rounds towards plus infinity: the one rounding rule of the project.
//
// Rounds = 0 when the summand is in x_i already, Clamps = 0 when no x_i leaves the range: then nothing
// but wires is left of a shift.

`default_nettype none

module quweit_requantize #(
  parameter integer InputBits  = 16,  // signed
  parameter integer OutputBits = 16,  // signed
  parameter integer Multiplier = 1,
  parameter integer Shift      = 0,
  parameter integer Low        = -32768,
  parameter integer High       = 32767,
  parameter bit     Rounds     = 1'b1,
  parameter bit     Clamps     = 1'b1
) (
  input  logic [InputBits-1:0]  x_i,
  output logic [OutputBits-1:0] y_o
);

  // 32 bits hold every multiplier, one more the rounding term.
  localparam integer WideBits = InputBits + 33;
  localparam logic signed [WideBits-1:0] Rounding =
      (Rounds && (Shift > 0)) ? (WideBits'(1) << ((Shift > 0) ? Shift - 1 : 0)) : '0;

  logic signed [WideBits-1:0] scaled;

  assign scaled = (WideBits'($signed(x_i)) * WideBits'(Multiplier) + Rounding) >>> Shift;

  if (Clamps) begin : gen_clamp
    assign y_o = (scaled < WideBits'(Low))  ? OutputBits'(Low)
               : (scaled > WideBits'(High)) ? OutputBits'(High)
               :                              scaled[OutputBits-1:0];
  end else begin : gen_wires
    logic unused_high;
    assign unused_high = ^scaled[WideBits-1:OutputBits];
    assign y_o         = scaled[OutputBits-1:0];
  end

endmodule

`default_nettype wire
