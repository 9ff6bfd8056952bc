// One processing cell of an output-stationary array: sum <= (start ? 0 : sum) + w*x, with w of -1, 0 or 1: no multiplier.
//
// Weights are the lowest two bits of `a`, or of `b` when the operands are swapped; the other operand is int8. Operands and the
// start token move on as in quweit_systolic_cell.sv. The sum has as many bits as the products of a model need. One rendering for
// all: what is added is a function of each bit in front of one carry chain, and the `+1` of a negative one enters at its foot.

`default_nettype none

module quweit_few_bits_cell #(
  parameter integer SumBits = 32
) (
  input  logic        clk_i,
  input  logic        start_i,
  input  logic        swapped_i,
  input  logic [7:0]  a_i,
  input  logic [7:0]  b_i,
  output logic        start_o,
  output logic [7:0]  a_o,
  output logic [7:0]  b_o,
  output logic [31:0] sum_o
);

  /* verilator no_inline_module */  // one class of C++ for all cells: builds in a fraction of the time

  logic [1:0]         weight;
  logic [7:0]         addend;  // less one when negative
  logic [SumBits-1:0] sum_q;
  logic [SumBits:0]   sum_d;   // bit 0 is the foot of the chain

  assign weight = swapped_i ? b_i[1:0] : a_i[1:0];
  assign addend = ((swapped_i ? a_i : b_i) & {8{weight[0]}}) ^ {8{weight[1]}};
  assign sum_d  = {{SumBits - 8{addend[7]}}, addend, 1'b1} + {start_i ? {SumBits{1'b0}} : sum_q, weight[1]};
  assign sum_o  = 32'($signed(sum_q));

  always_ff @(posedge clk_i) begin
    start_o <= start_i;
    a_o     <= a_i;
    b_o     <= b_i;
    sum_q   <= sum_d[SumBits:1];
  end

  logic unused_foot;
  assign unused_foot = sum_d[0];

endmodule

`default_nettype wire
