// The results of one column: whichever cell holds the start token gives its sum, which is requantised.
//
// The token passes the cells of a column one a cycle, so one sum a cycle leaves. It is selected by an
// AND-OR of eight cells, then of all groups of eight.
// y = clamp((sum*multiplier + 2^(shift-1)) >> shift, -128, 127), half rounding towards plus infinity.
// Five cycles from token to y.

`default_nettype none

module quweit_systolic_column #(
  parameter integer Side = 8  // a multiple of 8
) (
  input  logic               clk_i,
  input  logic [Side-1:0]    start_i,
  input  logic [Side*32-1:0] sums_i,
  input  logic [6:0]         multiplier_i,
  input  logic [4:0]         shift_i,
  output logic [7:0]         y_o
);

  /* verilator no_inline_module */  // one class of C++ for all columns: builds in a fraction of the time

  localparam integer Groups = Side / 8;

  logic [Groups*32-1:0] group_d, group_q;
  logic [31:0]          sum_d, sum_q;
  logic [39:0]          scaled_d, scaled_q;
  logic signed [40:0]   coarse_q;  // one bit below the point, for rounding; still to shift by 0 to 7
  logic signed [9:0]    rounded;
  logic                 sign, fits;

  always_comb begin
    group_d = '0;
    for (int n = 0; n < Side; n++) begin
      group_d[(n/8)*32 +: 32] = group_d[(n/8)*32 +: 32] | (sums_i[n*32 +: 32] & {32{start_i[n]}});
    end
    sum_d = '0;
    for (int g = 0; g < Groups; g++) sum_d = sum_d | group_q[g*32 +: 32];
  end

  quweit_scale u_scale (
    .x_i          (sum_q),
    .multiplier_i (multiplier_i),
    .y_o          (scaled_d)
  );

  // What the second shift leaves above ten bits must be sign alone, or the result saturates.
  assign sign    = coarse_q[40];
  assign fits    = (coarse_q[40:16] == {25{sign}})
                && (((coarse_q[15:9] ^ {7{sign}}) & (7'h7f << shift_i[2:0])) == '0);
  assign rounded = ($signed(10'(coarse_q >>> shift_i[2:0])) + 10'sd1) >>> 1;

  always_ff @(posedge clk_i) begin
    group_q  <= group_d;
    sum_q    <= sum_d;
    scaled_q <= scaled_d;
    coarse_q <= $signed({scaled_q, 1'b0}) >>> {shift_i[4:3], 3'b000};
    if (!fits || (rounded[9:7] != {3{rounded[9]}})) y_o <= {sign, {7{!sign}}};
    else                                            y_o <= rounded[7:0];
  end

endmodule

`default_nettype wire
