// Layer normalisation of one row of int16 as int8, as units/quweit_layer_norm.sv, with registers for a fast clock.
//
// An element that is taken passes five steps before its square is added: register, magnitude, three of the multiplier.
// One that is given passes eleven: two of the row store, times N, distance from the mean, four of the multiplier,
// rounding, two of the shift; clamping is left for the output.
// x_last_i on an earlier element than the last discards what has come of the row.

`default_nettype none

module quweit_layer_norm #(
  parameter integer Elements = 192
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        x_valid_i,
  output logic        x_ready_o,
  input  logic [15:0] x_data_i,
  input  logic        x_last_i,
  output logic        y_valid_o,
  input  logic        y_ready_i,
  output logic [7:0]  y_data_o,
  output logic        y_last_o
);

  localparam integer IndexBits   = (Elements > 1) ? $clog2(Elements) : 1;
  localparam integer CountBits   = $clog2(Elements + 1);
  localparam integer RootBits    = 16 + IndexBits;      // of the root: at most Elements * 2^15
  localparam integer SumBits     = 16 + CountBits;      // signed
  localparam integer SquaresBits = 31 + CountBits;
  localparam integer CentredBits = RootBits + 1;        // signed
  localparam integer ScaledBits  = CentredBits + 18;    // signed
  localparam integer MoreBits    = $clog2(RootBits);
  localparam integer LeastShift  = 12;                  // of the result: bits of the root + 11
  localparam integer CoarseBits  = ScaledBits - LeastShift;
  localparam integer Squared = 5, Steps = 11;
  localparam logic [IndexBits-1:0] LastIndex = IndexBits'(Elements - 1);
  localparam logic [2:0] Take = 3'd0, Spread = 3'd1, Root = 3'd2, Normalise = 3'd3, Divide = 3'd4, Give = 3'd5;

  logic [2:0]             state_q;
  logic [IndexBits-1:0]   index_q, write_index_q;
  logic                   reading_q, take, last, issue, give;
  logic [15:0]            written_q, magnitude_q;
  logic signed [32:0]     square;
  logic [Squared:1]       taken_q, first_q, end_q;    // of an element that is taken, behind each step
  logic [SumBits-1:0]     sum_q;
  logic [SquaresBits-1:0] squares_q;
  logic                   summed_q, spread_start_q, spread_done, root_done, divide_done;
  logic [RootBits-1:0]    sum_magnitude_q, root, aligned_q;
  logic [2*RootBits-1:0]  spread;
  logic [MoreBits-1:0]    more_q;                     // of the shift than the least
  logic [ScaledBits-1:0]  half_q;
  logic [RootBits+17-1:0] quotient;
  logic [Steps:1]         valid_q, last_q;            // of an element that is given
  logic [15:0]            x;
  logic signed [CentredBits-1:0] times_q, centred_q;
  logic signed [ScaledBits-1:0]  product, rounded_q;
  logic signed [CoarseBits-1:0]  coarse_q, fine_q;

  assign take      = x_valid_i && x_ready_o;
  assign last      = (index_q == LastIndex);
  assign x_ready_o = (state_q == Take);
  assign y_valid_o = valid_q[Steps];
  assign give      = (state_q == Give) && (!y_valid_o || y_ready_i);
  assign issue     = reading_q;

  quweit_row_store #(
    .Elements  (Elements),
    .Bits      (16),
    .IndexBits (IndexBits)
  ) u_row_store (
    .clk_i,
    .write_i       (taken_q[1]),
    .write_index_i (write_index_q),
    .write_data_i  (written_q),
    .advance_i     (give),
    .read_index_i  (index_q),
    .data_o        (x)
  );

  // ---------------------------------------------------------------- take: sum and sum of squares
  quweit_multiplier #(
    .ABits (17),
    .BBits (16)
  ) u_square (
    .clk_i,
    .advance_i (state_q == Take || state_q == Spread),
    .a_i       ($signed({1'b0, magnitude_q})),
    .b_i       (magnitude_q),
    .product_o (square)
  );

  always_ff @(posedge clk_i) begin
    if (take) begin
      written_q     <= x_data_i;
      write_index_q <= index_q;
    end
    if (taken_q[1]) begin
      magnitude_q <= written_q[15] ? -written_q : written_q;
      sum_q       <= (first_q[1] ? '0 : sum_q) + SumBits'($signed(written_q));
    end
    if (taken_q[Squared]) squares_q <= (first_q[Squared] ? '0 : squares_q) + SquaresBits'(square[31:0]);
    if (summed_q) sum_magnitude_q <= RootBits'(sum_q[SumBits-1] ? -sum_q : sum_q);
  end

  // ---------------------------------------------------------------- once a row: spread, root, reciprocal
  quweit_spread #(
    .Elements    (Elements),
    .RootBits    (RootBits),
    .SquaresBits (SquaresBits)
  ) u_spread (
    .clk_i,
    .rst_ni,
    .start_i   (spread_start_q),
    .sum_i     (sum_magnitude_q),
    .squares_i (squares_q),
    .done_o    (spread_done),
    .spread_o  (spread)
  );

  quweit_root #(
    .RootBits (RootBits)
  ) u_root (
    .clk_i,
    .rst_ni,
    .start_i (spread_done),
    .x_i     (spread),
    .done_o  (root_done),
    .root_o  (root)
  );

  // 2^(bits + 16) / root, by shifting the root up to its full width: 2^(RootBits + 16) / aligned.
  quweit_divider #(
    .NumeratorBits   (RootBits + 17),
    .DenominatorBits (RootBits)
  ) u_divider (
    .clk_i,
    .rst_ni,
    .start_i       ((state_q == Normalise) && aligned_q[RootBits-1]),
    .numerator_i   ({1'b1, {RootBits + 16{1'b0}}}),
    .denominator_i (aligned_q),
    .done_o        (divide_done),
    .quotient_o    (quotient)
  );

  always_ff @(posedge clk_i) begin
    if (root_done) begin
      aligned_q <= (root == '0) ? RootBits'(1) : root;
      more_q    <= MoreBits'(RootBits - 1);
      half_q    <= ScaledBits'(1) << (RootBits + LeastShift - 2);
    end else if ((state_q == Normalise) && !aligned_q[RootBits-1]) begin
      aligned_q <= aligned_q << 1;
      more_q    <= more_q - 1'b1;
      half_q    <= half_q >> 1;
    end
  end

  // ---------------------------------------------------------------- give
  quweit_multiplier #(
    .ABits (CentredBits),
    .BBits (18)
  ) u_scale (
    .clk_i,
    .advance_i (give),
    .a_i       (centred_q),
    .b_i       (quotient[17:0]),
    .product_o (product)
  );

  always_ff @(posedge clk_i) begin
    if (give) begin
      times_q   <= CentredBits'($signed(x)) * CentredBits'(Elements);
      centred_q <= times_q - CentredBits'($signed(sum_q));
      rounded_q <= product + half_q;
      coarse_q  <= CoarseBits'(rounded_q >>> (6'(LeastShift) + {1'b0, 5'(more_q) & 5'b11000}));
      fine_q    <= coarse_q >>> more_q[2:0];
    end
  end

  assign y_last_o = last_q[Steps];
  assign y_data_o = (fine_q[CoarseBits-1:7] == {CoarseBits-7{fine_q[7]}}) ? fine_q[7:0]
                  : fine_q[CoarseBits-1] ? 8'h80 : 8'h7f;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q        <= Take;
      index_q        <= '0;
      reading_q      <= 1'b0;
      taken_q        <= '0;
      first_q        <= '0;
      end_q          <= '0;
      summed_q       <= 1'b0;
      spread_start_q <= 1'b0;
      valid_q        <= '0;
      last_q         <= '0;
    end else begin
      taken_q        <= {taken_q[Squared-1:1], take};
      first_q        <= {first_q[Squared-1:1], index_q == '0};
      end_q          <= {end_q[Squared-1:1], (state_q == Take) && x_valid_i && last};
      summed_q       <= end_q[Squared];
      spread_start_q <= summed_q;
      if (take || (issue && give)) index_q <= (last || (take && x_last_i)) ? '0 : index_q + 1'b1;
      if (give) begin
        valid_q <= {valid_q[Steps-1:1], issue};
        last_q  <= {last_q[Steps-1:1], issue && last};
        if (issue && last) reading_q <= 1'b0;
      end
      case (state_q)
        Take:      if (x_valid_i && last) state_q <= Spread;
        Spread:    if (spread_done) state_q <= Root;
        Root:      if (root_done) state_q <= Normalise;
        Normalise: if (aligned_q[RootBits-1]) state_q <= Divide;
        Divide: if (divide_done) begin
          state_q   <= Give;
          reading_q <= 1'b1;
        end
        default: if (y_valid_o && y_ready_i && last_q[Steps]) state_q <= Take;
      endcase
    end
  end

  logic unused_bits;
  assign unused_bits = ^{quotient[RootBits+16:18], square[32]};

endmodule

`default_nettype wire
