// Reads the vectors of one token after another, a feature a cycle: first the code of a token, then the feature of its vector.

`default_nettype none

module quweit_token_embedding #(
  parameter integer Width       = 16,  // features of a vector
  parameter integer CodeBits    = 6,
  parameter integer AddressBits = 10
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   start_i,
  input  logic [15:0]            tokens_i,
  input  logic [15:0]            first_i,    // position of the first one
  output logic [15:0]            token_o,
  input  logic [CodeBits-1:0]    code_i,     // of the token before
  output logic [AddressBits-1:0] address_o,
  output logic                   valid_o     // the feature of the address before is there
);

  logic [15:0]            feature_q, left_q;
  logic [AddressBits-1:0] asked_q;  // the feature of the token before
  logic                   reading_q, code_q, last;

  assign last      = (feature_q == 16'(Width - 1));
  assign address_o = AddressBits'(code_i) * AddressBits'(Width) + asked_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      reading_q <= 1'b0;
      code_q    <= 1'b0;
      valid_o   <= 1'b0;
    end else begin
      if (start_i)                               reading_q <= 1'b1;
      else if (last && (left_q == 16'd1)) reading_q <= 1'b0;
      code_q  <= reading_q;
      valid_o <= code_q;
    end
  end

  always_ff @(posedge clk_i) begin
    asked_q <= AddressBits'(feature_q);
    if (start_i) begin
      token_o   <= first_i;
      left_q    <= tokens_i;
      feature_q <= '0;
    end else if (reading_q) begin
      feature_q <= last ? '0 : feature_q + 16'd1;
      if (last) begin
        token_o <= token_o + 16'd1;
        left_q  <= left_q - 16'd1;
      end
    end
  end

endmodule

`default_nettype wire
