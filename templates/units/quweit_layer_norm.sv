// Layer normalisation of one row of int16 as int8, 32 steps to a standard deviation.
//
// take the row, its sum and its sum of squares; square root; reciprocal; give. With N elements,
// N*x - sum is N times the distance from the mean, and N*squares - sum^2 is N^2 times the variance.
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
  localparam integer ScaledBits  = RootBits + 1 + 18;
  localparam integer ShiftBits   = $clog2(RootBits + 12);
  localparam logic [IndexBits-1:0] LastIndex = IndexBits'(Elements - 1);
  localparam logic signed [ScaledBits-1:0] One = 1, Least = -128, Most = 127;  // to Yosys a cast number has no sign
  localparam logic [2:0] Take = 3'd0, Spread = 3'd1, Root = 3'd2, Normalise = 3'd3, Divide = 3'd4, Give = 3'd5;

  logic [15:0]            row_q [Elements];
  logic [2:0]             state_q;
  logic [IndexBits-1:0]   index_q;
  logic [SumBits-1:0]     sum_q;
  logic [SquaresBits-1:0] squares_q;
  logic [31:0]            square;
  logic [2*RootBits-1:0]  spread;
  logic [RootBits-1:0]    root, aligned_q;
  logic [ShiftBits-1:0]   shift_q;   // of the result: bits of the root + 11
  logic [RootBits+17-1:0] quotient;
  logic                   root_done, divide_done, take, last;
  logic signed [RootBits:0]     centred;
  logic signed [ScaledBits-1:0] scaled, rounded;

  assign take   = x_valid_i && x_ready_o;
  assign last   = (index_q == LastIndex);
  assign square = 32'($signed(x_data_i)) * 32'($signed(x_data_i));
  assign spread = (2*RootBits)'(squares_q) * (2*RootBits)'(Elements)
                - (2*RootBits)'((2*SumBits)'($signed(sum_q)) * (2*SumBits)'($signed(sum_q)));

  quweit_root #(
    .RootBits (RootBits)
  ) u_root (
    .clk_i,
    .rst_ni,
    .start_i (state_q == Spread),
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

  assign centred = (RootBits+1)'($signed(row_q[index_q])) * (RootBits+1)'(Elements)
                 - (RootBits+1)'($signed(sum_q));
  assign scaled  = ScaledBits'(centred) * ScaledBits'(quotient[17:0]);
  assign rounded = (scaled + (One <<< (shift_q - 1'b1))) >>> shift_q;

  assign x_ready_o = (state_q == Take);
  assign y_valid_o = (state_q == Give);
  assign y_last_o  = y_valid_o && last;
  assign y_data_o  = (rounded < Least) ? 8'h80 : (rounded > Most) ? 8'h7f : rounded[7:0];

  always_ff @(posedge clk_i) begin
    if (take) begin
      row_q[index_q] <= x_data_i;
      sum_q     <= ((index_q == '0) ? '0 : sum_q) + SumBits'($signed(x_data_i));
      squares_q <= ((index_q == '0) ? '0 : squares_q) + SquaresBits'(square);
    end
    if (root_done) begin
      aligned_q <= (root == '0) ? RootBits'(1) : root;
      shift_q   <= ShiftBits'(RootBits + 11);
    end else if ((state_q == Normalise) && !aligned_q[RootBits-1]) begin
      aligned_q <= aligned_q << 1;
      shift_q   <= shift_q - 1'b1;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Take;
      index_q <= '0;
    end else begin
      if (take || (y_valid_o && y_ready_i)) index_q <= (last || (take && x_last_i)) ? '0 : index_q + 1'b1;
      case (state_q)
        Take:      if (x_valid_i && last) state_q <= Spread;
        Spread:    state_q <= Root;
        Root:      if (root_done) state_q <= Normalise;
        Normalise: if (aligned_q[RootBits-1]) state_q <= Divide;
        Divide:    if (divide_done) state_q <= Give;
        default:   if (y_ready_i && last) state_q <= Take;
      endcase
    end
  end

  logic unused_bits;
  assign unused_bits = ^quotient[RootBits+16:18];

endmodule

`default_nettype wire
