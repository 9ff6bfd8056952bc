// One processing cell of an output-stationary array: sum <= (start ? 0 : sum) + a*b, int8 into int32.
//
// Operands and the start token move on to the neighbours each cycle. In the cycle in which the token
// arrives, `sum_o` still holds the finished sum of the product before: it is read out there and then,
// so a cell has no second register for results, and products follow one another without a gap.
// Behavioural rendering (simulation, ASIC).

`default_nettype none

module quweit_systolic_cell (
  input  logic        clk_i,
  input  logic        start_i,
  input  logic [7:0]  a_i,
  input  logic [7:0]  b_i,
  output logic        start_o,
  output logic [7:0]  a_o,
  output logic [7:0]  b_o,
  output logic [31:0] sum_o
);

  /* verilator no_inline_module */  // one class of C++ for all cells: builds in a fraction of the time

  logic signed [15:0] product;

  assign product = $signed(a_i) * $signed(b_i);

  always_ff @(posedge clk_i) begin
    start_o <= start_i;
    a_o     <= a_i;
    b_o     <= b_i;
    sum_o   <= (start_i ? 32'd0 : sum_o) + 32'(product);
  end

endmodule

`default_nettype wire
