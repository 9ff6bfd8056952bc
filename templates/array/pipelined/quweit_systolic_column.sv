// The results of one column: whichever cell holds the start token gives its sum, which is requantised.
//
// Pipelined rendering, for library cells at a fast clock: seven cycles from token to y, two more than
// quweit_systolic_column.sv. The product with the multiplier by radix-4 Booth digits, two and two, then both;
// rounding and saturation after the second shift.
// y = clamp((sum*multiplier + 2^(shift-1)) >> shift, -128, 127), half rounding towards plus infinity.

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

  // -2, -1, 0, 1 or 2 times `x`; negative ones as ones' complement.
  function automatic logic [34:0] multiple(input logic [2:0] digit, input logic [31:0] x);
    multiple = (({35{digit[1] ^ digit[0]}} & {{3{x[31]}}, x})
              | ({35{(digit == 3'b100) || (digit == 3'b011)}} & {{2{x[31]}}, x, 1'b0})) ^ {35{digit[2]}};
  endfunction

  logic [Groups*32-1:0] group_d, group_q;
  logic [31:0]          sum_d, sum_q;
  logic signed [37:0]   low_q, high_q;   // digits 0 and 1, digits 2 and 3
  logic                 one_q;           // what is missing in `low_q` when digit 1 is negative
  logic [39:0]          scaled_q;
  logic signed [40:0]   coarse_q;        // one bit below the point, for rounding; still to shift by 0 to 7
  logic signed [9:0]    fine_q, rounded;
  logic                 sign, sign_q, fits, fits_q;

  always_comb begin
    group_d = '0;
    for (int n = 0; n < Side; n++) begin
      group_d[(n/8)*32 +: 32] = group_d[(n/8)*32 +: 32] | (sums_i[n*32 +: 32] & {32{start_i[n]}});
    end
    sum_d = '0;
    for (int g = 0; g < Groups; g++) sum_d = sum_d | group_q[g*32 +: 32];
  end

  // What the second shift leaves above ten bits must be sign alone, or the result saturates.
  assign sign    = coarse_q[40];
  assign fits    = (coarse_q[40:16] == {25{sign}})
                && (((coarse_q[15:9] ^ {7{sign}}) & (7'h7f << shift_i[2:0])) == '0);
  assign rounded = (fine_q + 10'sd1) >>> 1;

  // The last digit has no sign: the multiplier is not negative.
  always_ff @(posedge clk_i) begin
    group_q  <= group_d;
    sum_q    <= sum_d;
    low_q    <= 38'($signed(multiple({multiplier_i[1:0], 1'b0}, sum_q)))
              + 38'($signed({multiple(multiplier_i[3:1], sum_q), 1'b0, multiplier_i[1]}));
    one_q    <= multiplier_i[3];
    high_q   <= 38'($signed(multiple(multiplier_i[5:3], sum_q)))
              + 38'($signed({multiple({1'b0, multiplier_i[6:5]}, sum_q), 1'b0, multiplier_i[5]}));
    scaled_q <= 40'(low_q) + 40'($signed({high_q, 1'b0, one_q, 2'b0}));
    coarse_q <= $signed({scaled_q, 1'b0}) >>> {shift_i[4:3], 3'b000};
    fine_q   <= 10'(coarse_q >>> shift_i[2:0]);
    sign_q   <= sign;
    fits_q   <= fits;
    if (!fits_q || (rounded[9:7] != {3{rounded[9]}})) y_o <= {sign_q, {7{!sign_q}}};
    else                                              y_o <= rounded[7:0];
  end

endmodule

`default_nettype wire
