// Registers of terms, each gated by a bit: the term where the bit is 1, the idle term where it is 0.
// UltraScale+ rendering: the bit is the synchronous reset, or set, of the register and costs no logic.

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

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    for (genvar n = 0; n < Terms; n++) begin : gen_term
      localparam integer First = (lane*Terms + n)*TermBits;
      always_ff @(posedge clk_i) begin
        if (advance_i) begin
          if (!bits_i[n]) terms_o[First +: TermBits] <= Idle[n*TermBits +: TermBits];
          else            terms_o[First +: TermBits] <= terms_i[First +: TermBits];
        end
      end
    end
  end

endmodule

`default_nettype wire
