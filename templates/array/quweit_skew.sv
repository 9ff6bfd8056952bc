// Delays lane n by n cycles, or by Lanes-1-n (Falling): the wavefront of a systolic array.

`default_nettype none

module quweit_skew #(
  parameter integer Lanes   = 8,
  parameter integer Bits    = 8,
  parameter integer Falling = 0
) (
  input  logic                  clk_i,
  input  logic [Lanes*Bits-1:0] lanes_i,
  output logic [Lanes*Bits-1:0] lanes_o
);

  for (genvar n = 0; n < Lanes; n++) begin : gen_lane
    localparam integer Delay = (Falling != 0) ? Lanes - 1 - n : n;
    if (Delay == 0) begin : gen_straight
      assign lanes_o[n*Bits +: Bits] = lanes_i[n*Bits +: Bits];
    end else if (Delay == 1) begin : gen_register
      logic [Bits-1:0] line_q;
      always_ff @(posedge clk_i) line_q <= lanes_i[n*Bits +: Bits];
      assign lanes_o[n*Bits +: Bits] = line_q;
    end else begin : gen_line
      logic [Delay*Bits-1:0] line_q;
      always_ff @(posedge clk_i) line_q <= {line_q[(Delay-1)*Bits-1:0], lanes_i[n*Bits +: Bits]};
      assign lanes_o[n*Bits +: Bits] = line_q[(Delay-1)*Bits +: Bits];
    end
  end

endmodule

`default_nettype wire
