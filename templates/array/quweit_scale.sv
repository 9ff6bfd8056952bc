// y = x * multiplier: int32 by seven unsigned bits. Behavioural rendering (simulation, ASIC).

`default_nettype none

module quweit_scale (
  input  logic [31:0] x_i,
  input  logic [6:0]  multiplier_i,
  output logic [39:0] y_o
);

  assign y_o = 40'($signed(x_i)) * 40'(multiplier_i);

endmodule

`default_nettype wire
