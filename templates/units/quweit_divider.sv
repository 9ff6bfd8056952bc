// quotient = floor(numerator / denominator), a bit a cycle, most significant first. The denominator is not 0.

`default_nettype none

module quweit_divider #(
  parameter integer NumeratorBits   = 32,
  parameter integer DenominatorBits = 26
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic                       start_i,
  input  logic [NumeratorBits-1:0]   numerator_i,
  input  logic [DenominatorBits-1:0] denominator_i,  // held until the end
  output logic                       done_o,         // one cycle
  output logic [NumeratorBits-1:0]   quotient_o
);

  localparam integer CountBits = $clog2(NumeratorBits + 1);

  logic [NumeratorBits-1:0] shift_q;
  logic [DenominatorBits:0] rest_q, rest_d;
  logic [DenominatorBits+1:0] less;  // its highest bit is the sign
  logic [CountBits-1:0]     left_q;
  logic                     fits;

  assign rest_d = {rest_q[DenominatorBits-1:0], shift_q[NumeratorBits-1]};
  assign less   = {1'b0, rest_d} - {2'b00, denominator_i};
  assign fits   = !less[DenominatorBits+1];

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      shift_q <= numerator_i;
      rest_q  <= '0;
    end else if (left_q != '0) begin
      shift_q <= {shift_q[NumeratorBits-2:0], fits};
      rest_q  <= fits ? less[DenominatorBits:0] : rest_d;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      left_q <= '0;
      done_o <= 1'b0;
    end else begin
      if (start_i)           left_q <= CountBits'(NumeratorBits);
      else if (left_q != '0) left_q <= left_q - 1'b1;
      done_o <= (left_q == CountBits'(1));
    end
  end

  assign quotient_o = shift_q;

  logic unused_rest;
  assign unused_rest = rest_q[DenominatorBits];

endmodule

`default_nettype wire
