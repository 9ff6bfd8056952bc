// spread = Elements*squares - sum^2, which is Elements^2 times the variance: a bit of Elements and of |sum| a cycle.

`default_nettype none

module quweit_spread #(
  parameter integer Elements    = 192,
  parameter integer RootBits    = 24,  // of Elements, of |sum|, half of those of the spread
  parameter integer SquaresBits = 39
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   start_i,
  input  logic [RootBits-1:0]    sum_i,      // its magnitude, held until the end
  input  logic [SquaresBits-1:0] squares_i,  // held until the end
  output logic                   done_o,     // one cycle
  output logic [2*RootBits-1:0]  spread_o
);

  localparam integer CountBits = $clog2(RootBits + 2);
  localparam integer TermBits  = SquaresBits + 1;

  logic [RootBits-1:0]         elements_q, sum_q;
  logic signed [TermBits-1:0]  term_q;
  logic [CountBits-1:0]        left_q;

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      elements_q <= RootBits'(Elements);
      sum_q      <= sum_i;
      term_q     <= '0;
      spread_o   <= '0;
    end else if (left_q != '0) begin
      elements_q <= elements_q << 1;
      sum_q      <= sum_q << 1;
      term_q     <= (elements_q[RootBits-1] ? TermBits'(squares_i) : '0)
                  - (sum_q[RootBits-1] ? TermBits'(sum_i) : '0);
      spread_o   <= (spread_o << 1) + (2*RootBits)'(term_q);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      left_q <= '0;
      done_o <= 1'b0;
    end else begin
      if (start_i)           left_q <= CountBits'(RootBits + 1);  // a term is added the cycle after
      else if (left_q != '0) left_q <= left_q - 1'b1;
      done_o <= (left_q == CountBits'(1));
    end
  end

endmodule

`default_nettype wire
