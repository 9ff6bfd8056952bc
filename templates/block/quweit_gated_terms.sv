// Registers of terms, each gated by a bit: the term where the bit is 1, the idle term where it is 0.
// Behavioural rendering (simulation, ASIC): whole vectors at once, which event-driven simulators
// do in a few steps; the FPGA rendering spells out synchronous set and reset.

`default_nettype none

module quweit_gated_terms #(
  parameter integer Lanes    = 1,
  parameter integer Terms    = 1,
  parameter integer TermBits = 8,
  parameter logic [Terms*TermBits-1:0] Idle = '0
) (
  input  logic                            clk_i,
  input  logic                            advance_i,
  input  logic [Terms-1:0]                bits_i,
  input  logic [Lanes*Terms*TermBits-1:0] terms_i,
  output logic [Lanes*Terms*TermBits-1:0] terms_o
);

  logic [Terms*TermBits-1:0] mask;

  always_comb begin
    for (int n = 0; n < Terms; n++) mask[n*TermBits +: TermBits] = {TermBits{bits_i[n]}};
  end

  always_ff @(posedge clk_i) begin
    if (advance_i) terms_o <= (terms_i & {Lanes{mask}}) | {Lanes{Idle & ~mask}};
  end

endmodule

`default_nettype wire
