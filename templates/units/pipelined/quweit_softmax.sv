// Softmax of one row of int8 scores by shifts, as units/quweit_softmax.sv, with registers for a fast clock.
//
// An element passes nine steps: two of the row store, distance from the maximum, distance in octaves, weight;
// weight * reciprocal takes three, rounding the last. The first pass over the row ends behind the weight.
// x_last_i on an earlier element than the last discards what has come of the row.

`default_nettype none

module quweit_softmax #(
  parameter integer Elements   = 196,
  parameter integer Multiplier = 23
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       x_valid_i,
  output logic       x_ready_o,
  input  logic [7:0] x_data_i,
  input  logic       x_last_i,
  output logic       y_valid_o,
  input  logic       y_ready_i,
  output logic [7:0] y_data_o,
  output logic       y_last_o
);

  localparam integer IndexBits = (Elements > 1) ? $clog2(Elements) : 1;
  localparam integer SumBits   = 17 + IndexBits;
  localparam integer Weighed = 5, Steps = 9;
  localparam logic [IndexBits-1:0] LastIndex = IndexBits'(Elements - 1);
  localparam logic [1:0] Take = 2'd0, Add = 2'd1, Divide = 2'd2, Give = 2'd3;

  logic [1:0]           state_q;
  logic [IndexBits-1:0] index_q, write_index_q;
  logic                 write_q, reading_q, last;
  logic [7:0]           written_q, score, maximum_q;  // offset binary: the order of unsigned numbers
  logic [7:0]           below_q;
  logic [15:0]          distance_q;
  logic [16:0]          weight_q;
  logic [SumBits-1:0]   sum_q;
  logic                 started_q, done;
  logic [31:0]          quotient;
  logic signed [33:0]   product;
  logic [33:0]          rounded_q;
  logic [Steps:1]       valid_q, last_q;  // of the element behind each step
  logic                 take, issue, give, advance, weighed;

  assign take      = x_valid_i && x_ready_o;
  assign last      = (index_q == LastIndex);
  assign x_ready_o = (state_q == Take);
  assign y_valid_o = (state_q == Give) && valid_q[Steps];
  assign give      = (state_q == Give) && (!y_valid_o || y_ready_i);
  assign advance   = (state_q == Add) || give;
  assign issue     = reading_q && !write_q;  // the row is complete once its last element is written
  assign weighed   = (state_q == Add) && valid_q[Weighed];

  quweit_row_store #(
    .Elements  (Elements),
    .Bits      (8),
    .IndexBits (IndexBits)
  ) u_row_store (
    .clk_i,
    .write_i       (write_q),
    .write_index_i (write_index_q),
    .write_data_i  (written_q),
    .advance_i     (advance),
    .read_index_i  (index_q),
    .data_o        (score)
  );

  // The reciprocal is at most 2^15, as the largest weight is 2^16.
  quweit_multiplier #(
    .ABits (18),
    .BBits (16)
  ) u_multiplier (
    .clk_i,
    .advance_i (give),
    .a_i       ($signed({1'b0, weight_q})),
    .b_i       (quotient[15:0]),
    .product_o (product)
  );

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
      written_q <= {~x_data_i[7], x_data_i[6:0]};
      write_index_q <= index_q;
    end
    if (write_q && ((write_index_q == '0) || (written_q > maximum_q))) maximum_q <= written_q;
    if (advance) begin
      below_q    <= maximum_q - score;
      distance_q <= 16'(below_q) * 16'(Multiplier);
      weight_q   <= {10'd512 - {2'b00, distance_q[7:0]}, 7'd0}
                 >> ((distance_q[15:8] > 8'd31) ? 5'd31 : distance_q[12:8]);
    end
    if (give) rounded_q <= product + 34'd8388608;
    if (state_q == Take) sum_q <= '0;
    else if (weighed)    sum_q <= sum_q + SumBits'(weight_q);
  end

  assign y_last_o = last_q[Steps];
  assign y_data_o = rounded_q[31] ? 8'd127 : {1'b0, rounded_q[30:24]};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q   <= Take;
      index_q   <= '0;
      write_q   <= 1'b0;
      reading_q <= 1'b0;
      started_q <= 1'b0;
      valid_q   <= '0;
      last_q    <= '0;
    end else begin
      write_q   <= take;
      started_q <= (state_q == Divide) && !done;
      if (take || (issue && advance)) index_q <= (last || (take && x_last_i)) ? '0 : index_q + 1'b1;
      if (advance) begin
        valid_q <= {valid_q[Steps-1:1], issue};
        last_q  <= {last_q[Steps-1:1], issue && last};
        if (issue && last) reading_q <= 1'b0;
      end
      case (state_q)
        Take: if (x_valid_i && last) begin
          state_q   <= Add;
          reading_q <= 1'b1;
        end
        Add: if (weighed && last_q[Weighed]) begin
          state_q <= Divide;
          valid_q <= '0;
        end
        Divide: if (done) begin
          state_q   <= Give;
          reading_q <= 1'b1;
        end
        default: if (y_valid_o && y_ready_i && last_q[Steps]) state_q <= Take;
      endcase
    end
  end

  logic unused_bits;
  assign unused_bits = ^{quotient[31:16], rounded_q[33:32], rounded_q[23:0]};

endmodule

`default_nettype wire
