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

  // The reset of a term: its bit is 0 while the pipeline moves. A cell gives two of them.
  localparam integer Pairs = (Terms + 1) / 2;
  localparam logic [31:0] First = 32'h2222_2222, Second = 32'h0A0A_0A0A;  // I0 & ~I1, I0 & ~I2

  logic [2*Pairs-1:0] bits, idle;
  assign bits = (2*Pairs)'(bits_i);

  for (genvar pair = 0; pair < Pairs; pair++) begin : gen_pair
    LUT6_2 #(.INIT({Second, First})) u_lut (
      .I0(advance_i), .I1(bits[2*pair]), .I2(bits[2*pair+1]), .I3(1'b0), .I4(1'b0), .I5(1'b1),
      .O5(idle[2*pair]), .O6(idle[2*pair+1])
    );
  end

  if (2*Pairs > Terms) begin : gen_odd
    logic unused_idle;
    assign unused_idle = idle[2*Pairs-1];
  end

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    for (genvar n = 0; n < Terms; n++) begin : gen_term
      localparam integer Low = (lane*Terms + n)*TermBits;
      always_ff @(posedge clk_i) begin
        if (idle[n])        terms_o[Low +: TermBits] <= Idle[n*TermBits +: TermBits];
        else if (advance_i) terms_o[Low +: TermBits] <= terms_i[Low +: TermBits];
      end
    end
  end

endmodule

`default_nettype wire
