// GELU of one int8 as a table of 256 bytes, entry i in bits [8*i +: 8] for code i - 128. One cycle.

`default_nettype none

module quweit_gelu #(
  parameter logic [2047:0] Table = '0
) (
  input  logic       clk_i,
  input  logic [7:0] x_i,
  output logic [7:0] y_o
);

  always_ff @(posedge clk_i) y_o <= Table[{~x_i[7], x_i[6:0], 3'b000} +: 8];

endmodule

`default_nettype wire
