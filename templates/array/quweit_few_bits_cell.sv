// Cells of one row and of Columns neighbouring columns of an output-stationary array, for weights of -1, 0 and 1: no multiplier.
//
// Each sum grows by Steps products a cycle: sum <= (start ? 0 : sum) + w[0]*x[0] + ... + w[Steps-1]*x[Steps-1]. All columns share the
// register of the left operand and the token, which move on as in quweit_systolic_cell.sv.
//
// Without Swaps weights are the left operand, two bits a step. With Swaps both operands have bytes: a weight is the lowest two bits of
// `a`, or of `b` when the operands are swapped, and the other one is int8.
//
// One rendering for all. A negative operand is inverted, and the `+1` that it lacks enters at the foot of a carry chain. There are as
// many feet as steps: of the sums of pairs, of their sum, and of the sum that stays.

`default_nettype none

module quweit_few_bits_cell #(
  parameter integer SumBits = 32,
  parameter integer Columns = 4,
  parameter integer Steps   = 4,  // 1, 2 or 4
  parameter integer Swaps   = 1,
  localparam integer LeftBits = (Swaps != 0) ? 8 : 2
) (
  input  logic                       clk_i,
  input  logic                       start_i,
  input  logic                       swapped_i,
  input  logic [Steps*LeftBits-1:0]  a_i,
  input  logic [Columns*Steps*8-1:0] b_i,
  output logic                       start_o,
  output logic [Steps*LeftBits-1:0]  a_o,
  output logic [Columns*Steps*8-1:0] b_o,
  output logic [Columns*32-1:0]      sums_o
);

  /* verilator no_inline_module */  // one class of C++ for all cells: builds in a fraction of the time

  localparam integer GrownBits = 8 + $clog2(Steps);  // of the products of a cycle

  logic [Columns*SumBits-1:0] sums_q;

  always_ff @(posedge clk_i) begin
    start_o <= start_i;
    a_o     <= a_i;
    b_o     <= b_i;
  end

  for (genvar column = 0; column < Columns; column++) begin : gen_column
    logic [Steps*8-1:0]   addends;    // each less one when negative
    logic [Steps-1:0]     negative;
    logic [GrownBits-1:0] grown;      // by the sum of the addends, but for the one of the last foot
    logic [SumBits-1:0]   sum_q;
    logic [SumBits:0]     sum_d;      // bit 0 is the foot of the chain

    for (genvar step = 0; step < Steps; step++) begin : gen_step
      logic [7:0] right, value;
      logic [1:0] weight;

      assign right = b_i[(column*Steps + step)*8 +: 8];
      if (Swaps != 0) begin : gen_either
        assign weight = swapped_i ? right[1:0] : a_i[step*8 +: 2];
        assign value  = swapped_i ? a_i[step*8 +: 8] : right;
      end else begin : gen_left
        assign weight = a_i[step*2 +: 2];
        assign value  = right;
      end
      assign negative[step]       = weight[1];
      assign addends[step*8 +: 8] = (value & {8{weight[0]}}) ^ {8{weight[1]}};
    end

    if (Steps == 1) begin : gen_one
      assign grown = addends;
    end else if (Steps == 2) begin : gen_two
      logic [9:0] pair;
      assign pair  = {addends[7], addends[7:0], 1'b1} + {addends[15], addends[15:8], negative[1]};
      assign grown = pair[9:1];
      logic unused_pair;
      assign unused_pair = pair[0];
    end else begin : gen_four
      logic [9:0]  low, high;
      logic [10:0] both;
      assign low   = {addends[7], addends[7:0], 1'b1} + {addends[15], addends[15:8], negative[1]};
      assign high  = {addends[23], addends[23:16], 1'b1} + {addends[31], addends[31:24], negative[2]};
      assign both  = {low[9], low[9:1], 1'b1} + {high[9], high[9:1], negative[3]};
      assign grown = both[10:1];
      logic unused_feet;
      assign unused_feet = ^{low[0], high[0], both[0]};
    end

    assign sum_d = {{SumBits - GrownBits{grown[GrownBits-1]}}, grown, 1'b1} + {start_i ? {SumBits{1'b0}} : sum_q, negative[0]};
    assign sum_q = sums_q[column*SumBits +: SumBits];
    assign sums_o[column*32 +: 32] = 32'($signed(sum_q));

    always_ff @(posedge clk_i) sums_q[column*SumBits +: SumBits] <= sum_d[SumBits:1];

    logic unused_foot;
    assign unused_foot = sum_d[0];
  end

  logic unused_swapped;
  assign unused_swapped = swapped_i;

endmodule

`default_nettype wire
