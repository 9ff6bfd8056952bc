// The sums of one column as they are: whichever cell holds the start token gives its own. Two cycles from token to sum.

`default_nettype none

module quweit_sum_column #(
  parameter integer Side = 8  // a multiple of 8
) (
  input  logic               clk_i,
  input  logic [Side-1:0]    start_i,
  input  logic [Side*32-1:0] sums_i,
  output logic [31:0]        sum_o
);

  localparam integer Groups = Side / 8;

  logic [Groups*32-1:0] group_d, group_q;
  logic [31:0]          sum_d;

  always_comb begin
    group_d = '0;
    for (int n = 0; n < Side; n++) begin
      group_d[(n/8)*32 +: 32] = group_d[(n/8)*32 +: 32] | (sums_i[n*32 +: 32] & {32{start_i[n]}});
    end
    sum_d = '0;
    for (int g = 0; g < Groups; g++) sum_d = sum_d | group_q[g*32 +: 32];
  end

  always_ff @(posedge clk_i) begin
    group_q <= group_d;
    sum_o   <= sum_d;
  end

endmodule

`default_nettype wire
