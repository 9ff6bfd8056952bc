// One column of processing cells: B passes down, A and the start token pass to the right.
//
// A module of its own, so that no net is wider than a column: simulators copy a net for every cell that reads a part of it.

`default_nettype none

module quweit_systolic_cells #(
  parameter integer Side    = 8,
  parameter integer FewBits = 0,  // 1: weights of -1, 0 and 1, and sums of SumBits
  parameter integer SumBits = 32
) (
  input  logic               clk_i,
  input  logic [Side-1:0]    start_i,
  input  logic               swapped_i,  // of few bits: weights are in B
  input  logic [Side*8-1:0]  a_i,
  input  logic [7:0]         b_i,
  output logic [Side-1:0]    start_o,
  output logic [Side*8-1:0]  a_o,
  output logic [7:0]         b_o,     // below the last cell
  output logic [Side*32-1:0] sums_o
);

  logic [(Side+1)*8-1:0] b_net;  // what cell n takes from above

  always_comb b_net[7:0] = b_i;
  assign b_o = b_net[Side*8 +: 8];

  logic unused_swapped;
  assign unused_swapped = swapped_i;

  for (genvar row = 0; row < Side; row++) begin : gen_row
    logic        start;
    logic [7:0]  a, b;
    logic [31:0] sum;

    if (FewBits != 0) begin : gen_few_bits
      quweit_few_bits_cell #(
        .SumBits (SumBits)
      ) u_cell (
        .clk_i,
        .start_i   (start_i[row]),
        .swapped_i,
        .a_i       (a_i[row*8 +: 8]),
        .b_i       (b_net[row*8 +: 8]),
        .start_o   (start),
        .a_o       (a),
        .b_o       (b),
        .sum_o     (sum)
      );
    end else begin : gen_bytes
      quweit_systolic_cell u_cell (
        .clk_i,
        .start_i (start_i[row]),
        .a_i     (a_i[row*8 +: 8]),
        .b_i     (b_net[row*8 +: 8]),
        .start_o (start),
        .a_o     (a),
        .b_o     (b),
        .sum_o   (sum)
      );
    end

    always_comb start_o[row]         = start;
    always_comb a_o[row*8 +: 8]      = a;
    always_comb b_net[row*8 + 8 +: 8] = b;
    always_comb sums_o[row*32 +: 32] = sum;
  end

endmodule

`default_nettype wire
