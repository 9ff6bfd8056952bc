// Somebody else's design around a block of a package: rows go in, and it counts how often each output of a row was the largest.
//
// The block is used as its package has it, by its AXI-Stream wrapper: a beat of m_axis is one output here. Of equal outputs the
// last one wins. Where the block stalls, s_ready_o is low; what leaves it is always taken.

`default_nettype none

module win_counter #(
  parameter int Outputs   = 2,
  parameter int CountBits = 16
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,

  input  logic [7:0]                 s_data_i,
  input  logic                       s_valid_i,
  output logic                       s_ready_o,
  input  logic                       s_last_i,

  input  logic [$clog2(Outputs)-1:0] output_i,  // whose wins are asked for
  output logic [CountBits-1:0]       wins_o,
  output logic [CountBits-1:0]       rows_o
);

  localparam int PlaceBits = $clog2(Outputs);

  logic signed [15:0] value, best_q;
  logic               valid, last, better;

  logic [PlaceBits-1:0] place_q, winner_q, winner;
  logic [CountBits-1:0] wins_q [Outputs];

  worked_example_block0_axis u_block (
    .aclk          (clk_i),
    .aresetn       (rst_ni),
    .s_axis_tdata  (s_data_i),
    .s_axis_tvalid (s_valid_i),
    .s_axis_tready (s_ready_o),
    .s_axis_tlast  (s_last_i),
    .m_axis_tdata  (value),
    .m_axis_tvalid (valid),
    .m_axis_tready (1'b1),
    .m_axis_tlast  (last)
  );

  assign better = (place_q == '0) || (value >= best_q);
  assign winner = better ? place_q : winner_q;
  assign wins_o = wins_q[output_i];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      place_q  <= '0;
      winner_q <= '0;
      best_q   <= '0;
      rows_o   <= '0;
      for (int place = 0; place < Outputs; place++) wins_q[place] <= '0;
    end else if (valid) begin
      place_q <= last ? '0 : place_q + 1'b1;
      if (better) begin
        winner_q <= place_q;
        best_q   <= value;
      end
      if (last) begin
        wins_q[winner] <= wins_q[winner] + 1'b1;
        rows_o         <= rows_o + 1'b1;
      end
    end
  end

endmodule

`default_nettype wire
