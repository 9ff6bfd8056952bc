// What a distance from the mean is multiplied by in a layer normalisation: 2^(bits+16) / root, with the root of the spread, rounded
// down, and its bits. A root of 0 counts as 1.
//
// Square root; alignment, a bit a cycle; division. The lift, bits of `RootBits` that the root lacks, is what a distance is
// shifted up by, so that every product is shifted down alike.

`default_nettype none

module quweit_root_factor #(
  parameter integer RootBits = 24
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        start_i,
  input  logic [2*RootBits-1:0]       spread_i,
  output logic                        done_o,  // one cycle
  output logic [17:0]                 factor_o,
  output logic [$clog2(RootBits)-1:0] lift_o
);

  localparam integer LiftBits = $clog2(RootBits);

  logic [RootBits-1:0]    root, aligned_q;
  logic [RootBits+17-1:0] quotient;
  logic [LiftBits-1:0]    lift_q;
  logic                   root_done, aligns_q, aligned;

  quweit_root #(
    .RootBits (RootBits)
  ) u_root (
    .clk_i,
    .rst_ni,
    .start_i,
    .x_i     (spread_i),
    .done_o  (root_done),
    .root_o  (root)
  );

  assign aligned = aligned_q[RootBits-1];

  // 2^(bits + 16) / root, by shifting the root up to its full width: 2^(RootBits + 16) / aligned.
  quweit_divider #(
    .NumeratorBits   (RootBits + 17),
    .DenominatorBits (RootBits)
  ) u_divider (
    .clk_i,
    .rst_ni,
    .start_i       (aligns_q && aligned),
    .numerator_i   ({1'b1, {RootBits + 16{1'b0}}}),
    .denominator_i (aligned_q),
    .done_o,
    .quotient_o    (quotient)
  );

  assign factor_o = quotient[17:0];
  assign lift_o   = lift_q;

  always_ff @(posedge clk_i) begin
    if (root_done) begin
      aligned_q <= (root == '0) ? RootBits'(1) : root;
      lift_q    <= '0;
    end else if (aligns_q && !aligned) begin
      aligned_q <= aligned_q << 1;
      lift_q    <= lift_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) aligns_q <= 1'b0;
    else         aligns_q <= root_done || (aligns_q && !aligned);
  end

  logic unused_bits;
  assign unused_bits = ^quotient[RootBits+16:18];

endmodule

`default_nettype wire
