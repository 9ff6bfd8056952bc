// Columns of processing cells that share the register of the left operand; of int8 cells it is a single one.
// B passes down, A and the start token pass to the right.
//
// A module of its own, so that no net is wider than it: simulators copy a net for every cell that reads a part of it.

`default_nettype none

module quweit_systolic_cells #(
  parameter integer Side    = 8,
  parameter integer Columns = 1,
  parameter integer Steps   = 1,  // of the inner dimension a cycle; more than one with weights of few bits alone
  parameter integer FewBits = 0,  // 1: weights of -1, 0 and 1, and sums of SumBits
  parameter integer Swaps   = 1,  // of few bits: weights may be on the right
  parameter integer SumBits = 32,
  localparam integer LeftBits  = Steps * ((FewBits != 0 && Swaps == 0) ? 2 : 8),
  localparam integer RightBits = Columns * Steps * 8
) (
  input  logic                       clk_i,
  input  logic [Side-1:0]            start_i,
  input  logic                       swapped_i,  // of few bits: weights are in B
  input  logic [Side*LeftBits-1:0]   a_i,
  input  logic [RightBits-1:0]       b_i,
  output logic [Side-1:0]            start_o,
  output logic [Side*LeftBits-1:0]   a_o,
  output logic [RightBits-1:0]       b_o,     // below the last cells
  output logic [Columns*Side*32-1:0] sums_o   // column after column
);

  logic [(Side+1)*RightBits-1:0] b_net;  // what row n takes from above

  always_comb b_net[RightBits-1:0] = b_i;
  assign b_o = b_net[Side*RightBits +: RightBits];

  logic unused_swapped;
  assign unused_swapped = swapped_i;

  for (genvar row = 0; row < Side; row++) begin : gen_row
    logic                  start;
    logic [LeftBits-1:0]   a;
    logic [RightBits-1:0]  b;
    logic [Columns*32-1:0] sums;

    if (FewBits != 0) begin : gen_few_bits
      quweit_few_bits_cell #(
        .SumBits (SumBits),
        .Columns (Columns),
        .Steps   (Steps),
        .Swaps   (Swaps)
      ) u_cell (
        .clk_i,
        .start_i   (start_i[row]),
        .swapped_i,
        .a_i       (a_i[row*LeftBits +: LeftBits]),
        .b_i       (b_net[row*RightBits +: RightBits]),
        .start_o   (start),
        .a_o       (a),
        .b_o       (b),
        .sums_o    (sums)
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
        .sum_o   (sums)
      );
    end

    always_comb start_o[row]                      = start;
    always_comb a_o[row*LeftBits +: LeftBits]     = a;
    always_comb b_net[(row+1)*RightBits +: RightBits] = b;
    for (genvar column = 0; column < Columns; column++) begin : gen_sum
      logic [31:0] sum;
      assign sum = sums[column*32 +: 32];
      always_comb sums_o[(column*Side + row)*32 +: 32] = sum;
    end
  end

endmodule

`default_nettype wire
