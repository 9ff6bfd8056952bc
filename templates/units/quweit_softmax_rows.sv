// Softmax of one row of int8 scores by shifts: three passes over the row, one element a cycle each.
//
// take the row and its maximum; add the weights; divide 2^31 by their sum; give weight * reciprocal.
// The weight of a score d steps below the maximum is 2^-(d*multiplier/256), its fraction taken linearly.
// Elements after the last one that counts are given 0, and weigh nothing.
// x_last_i on an earlier element than the last discards what has come of the row.

`default_nettype none

module quweit_softmax_rows #(
  parameter integer Elements   = 196
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic [7:0]  multiplier_i,  // log2(e) * 256 times the scale of the scores
  input  logic [15:0] counts_i,      // the last element that counts
  input  logic        x_valid_i,
  output logic        x_ready_o,
  input  logic [7:0]  x_data_i,
  input  logic        x_last_i,
  output logic        y_valid_o,
  input  logic        y_ready_i,
  output logic [7:0]  y_data_o,
  output logic        y_last_o
);

  localparam integer IndexBits = (Elements > 1) ? $clog2(Elements) : 1;
  localparam integer SumBits   = 17 + IndexBits;
  localparam logic [IndexBits-1:0] LastIndex = IndexBits'(Elements - 1);
  localparam logic [1:0] Take = 2'd0, Add = 2'd1, Divide = 2'd2, Give = 2'd3;

  logic [7:0]           row_q [Elements];
  logic [7:0]           maximum_q;  // offset binary: the order of unsigned numbers
  logic [7:0]           score, offset;
  logic [1:0]           state_q;
  logic [IndexBits-1:0] index_q;
  logic [SumBits-1:0]   sum_q;
  logic [15:0]          distance;
  logic [16:0]          weight;
  logic [31:0]          quotient;
  logic                 started_q, done, take, last, counts;
  logic [32:0]          product;

  assign offset   = {~x_data_i[7], x_data_i[6:0]};
  assign score    = row_q[index_q];
  assign distance = 16'(maximum_q - score) * 16'(multiplier_i);
  assign counts   = (16'(index_q) <= counts_i);
  assign weight   = !counts ? '0 : {10'd512 - {2'b00, distance[7:0]}, 7'd0} >> ((distance[15:8] > 8'd31) ? 5'd31 : distance[12:8]);
  // The reciprocal is at most 2^15, as the largest weight is 2^16.
  assign product  = 33'(weight) * 33'(quotient[15:0]) + 33'd8388608;
  assign take     = x_valid_i && x_ready_o;
  assign last     = (index_q == LastIndex);

  assign x_ready_o = (state_q == Take);
  assign y_valid_o = (state_q == Give);
  assign y_last_o  = y_valid_o && last;
  assign y_data_o  = product[31] ? 8'd127 : {1'b0, product[30:24]};

  quweit_divider #(
    .NumeratorBits   (32),
    .DenominatorBits (SumBits)
  ) u_divider (
    .clk_i,
    .rst_ni,
    .start_i       ((state_q == Divide) && !started_q),
    .numerator_i   (32'h8000_0000),
    .denominator_i (sum_q),
    .done_o        (done),
    .quotient_o    (quotient)
  );

  always_ff @(posedge clk_i) begin
    if (take) begin
      row_q[index_q] <= offset;
      if (index_q == '0 || (counts && offset > maximum_q)) maximum_q <= offset;
    end
    if (state_q == Add) sum_q <= ((index_q == '0) ? '0 : sum_q) + SumBits'(weight);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q   <= Take;
      index_q   <= '0;
      started_q <= 1'b0;
    end else begin
      started_q <= (state_q == Divide) && !done;
      if (take || (state_q == Add) || (y_valid_o && y_ready_i)) begin
        index_q <= (last || (take && x_last_i)) ? '0 : index_q + 1'b1;
        if (last) state_q <= state_q + 2'd1;
      end else if (done) begin
        state_q <= Give;
      end
    end
  end

  logic unused_bits;
  assign unused_bits = ^{quotient[31:16], product[32], product[23:0]};

endmodule

`default_nettype wire
