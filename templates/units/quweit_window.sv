// A wide number, unsigned, as `Window` bits and the whole steps of `Step` bits below its leading one; 0 counts as 1.
//
// The leading one is among the highest `Step` bits of the window, and what lies below the window is cut off.

`default_nettype none

module quweit_window #(
  parameter integer InputBits = 16,
  parameter integer Window    = 7,
  parameter integer Step      = 3,
  parameter integer StepBits  = 3
) (
  input  logic [InputBits-1:0] x_i,
  output logic [Window:0]      z_o,  // signed, and never negative
  output logic [StepBits-1:0]  steps_o
);

  localparam integer Steps      = (InputBits + Step - 1) / Step;
  localparam integer RaisedBits = InputBits + Window;

  logic [InputBits-1:0]  x;
  logic [RaisedBits-1:0] raised;

  assign x      = (x_i == '0) ? InputBits'(1) : x_i;
  assign raised = RaisedBits'(x) << (Window - Step);
  assign z_o    = (Window+1)'(raised >> (32'(steps_o) * Step));

  always_comb begin
    steps_o = '0;
    for (int step = 1; step < Steps; step++) begin
      if ((x >> (Step * step)) != '0) steps_o = StepBits'(step);
    end
  end

endmodule

`default_nettype wire
