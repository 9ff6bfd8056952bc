// The operands of one beat on their way into the array. A cycle without a beat adds zero times zero.
//
// The reset keeps a stray token out of the array.

`default_nettype none

module quweit_operand_register #(
  parameter integer LeftBits  = 64,
  parameter integer RightBits = 64
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 beat_i,
  input  logic                 start_i,
  input  logic [LeftBits-1:0]  a_i,
  input  logic [RightBits-1:0] b_i,
  output logic                 start_o,
  output logic [LeftBits-1:0]  a_o,
  output logic [RightBits-1:0] b_o
);

  always_ff @(posedge clk_i) begin
    a_o <= beat_i ? a_i : '0;
    b_o <= beat_i ? b_i : '0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) start_o <= 1'b0;
    else         start_o <= start_i;
  end

endmodule

`default_nettype wire
