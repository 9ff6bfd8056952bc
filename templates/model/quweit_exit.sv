// Decides whether a sample leaves a model early: reads logits one by one, has a lane of softmax make probabilities of them, adds up
// what a table says of each (-p log2 p in steps of 1/128 bit), and compares.
//
// Criterion 0: the entropy has fallen by less than 2^-Steps of that of the exit before. 1: it is below Steps. 2: the largest
// probability is at least Steps. The decision stands from the last probability until the next start.

`default_nettype none

module quweit_exit #(
  parameter integer Classes   = 10,
  parameter integer Criterion = 0,
  parameter integer Steps     = 3
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        start_i,
  input  logic        first_i,        // of the exits of a sample
  output logic [15:0] place_o,        // of the logit that is wanted
  output logic        feeds_o,        // it is
  input  logic        share_valid_i,  // a probability is there, and its information in the cycle after
  input  logic [7:0]  share_i,
  input  logic [7:0]  information_i,
  output logic        leaves_o
);

  localparam logic [15:0] LastClass = 16'(Classes - 1);

  logic [15:0] entropy_q, before_q;
  logic [7:0]  largest_q;
  logic        valid_q, first_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      feeds_o <= 1'b0;
      valid_q <= 1'b0;
    end else begin
      valid_q <= share_valid_i;
      if (start_i)                   feeds_o <= 1'b1;
      else if (place_o == LastClass) feeds_o <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      place_o   <= '0;
      before_q  <= entropy_q;
      entropy_q <= '0;
      largest_q <= '0;
      first_q   <= first_i;
    end else begin
      if (feeds_o) place_o <= place_o + 16'd1;
      if (valid_q) entropy_q <= entropy_q + 16'(information_i);
      if (share_valid_i && (share_i > largest_q)) largest_q <= share_i;
    end
  end

  if (Criterion == 0) begin : gen_fall
    assign leaves_o = !first_q && (before_q - (before_q >> Steps) < entropy_q);
  end else if (Criterion == 1) begin : gen_entropy
    assign leaves_o = (entropy_q < 16'(Steps));
  end else begin : gen_probability
    assign leaves_o = (16'(largest_q) >= 16'(Steps));
  end

  logic unused_state;
  assign unused_state = ^{first_q, before_q, entropy_q, largest_q};

endmodule

`default_nettype wire
