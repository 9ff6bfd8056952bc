// y = clamp((x*Multiplier + 2^(Shift-1)) >> Shift, Low, High); with Shift 0 nothing is added.
// Arithmetic shift, half rounds towards plus infinity: the one rounding rule of the project.

`default_nettype none

module quweit_requantize #(
  parameter integer InputBits  = 16,  // signed
  parameter integer OutputBits = 16,  // signed
  parameter integer Multiplier = 1,
  parameter integer Shift      = 0,
  parameter integer Low        = -32768,
  parameter integer High       = 32767
) (
  input  logic [InputBits-1:0]  x_i,
  output logic [OutputBits-1:0] y_o
);

  // 32 bits hold every multiplier, one more the rounding term.
  localparam integer WideBits = InputBits + 33;
  localparam logic signed [WideBits-1:0] Rounding =
      (Shift > 0) ? (WideBits'(1) << ((Shift > 0) ? Shift - 1 : 0)) : '0;

  logic signed [WideBits-1:0] scaled;

  assign scaled = (WideBits'($signed(x_i)) * WideBits'(Multiplier) + Rounding) >>> Shift;

  assign y_o = (scaled < WideBits'(Low))  ? OutputBits'(Low)
             : (scaled > WideBits'(High)) ? OutputBits'(High)
             :                              scaled[OutputBits-1:0];

endmodule

`default_nettype wire
