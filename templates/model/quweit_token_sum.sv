// Sums a feature over all tokens, feature by feature. Words hold a feature of Lanes tokens.

`default_nettype none

module quweit_token_sum #(
  parameter integer Lanes       = 8,
  parameter integer Tokens      = 16,
  parameter integer AddressBits = 20
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   start_i,
  input  logic [15:0]            features_i,
  input  logic [AddressBits-1:0] base_i,
  output logic [AddressBits-1:0] address_o,
  input  logic [Lanes*8-1:0]     word_i,     // of the address before
  output logic                   valid_o,
  output logic [31:0]            sum_o
);

  localparam integer Tiles = (Tokens + Lanes - 1) / Lanes;
  localparam integer Rest  = Tokens - (Tiles - 1) * Lanes;  // tokens of the last word

  logic [15:0]        feature_q, tile_q;
  logic               reading_q, word_q, first_q, last_q;
  logic signed [31:0] total;

  always_comb begin
    total = '0;
    for (int lane = 0; lane < Lanes; lane++) begin
      if (!last_q || (lane < Rest)) total = total + 32'($signed(word_i[lane*8 +: 8]));
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      reading_q <= 1'b0;
      word_q    <= 1'b0;
      valid_o   <= 1'b0;
    end else begin
      word_q  <= reading_q;
      valid_o <= word_q && last_q;
      if (start_i) reading_q <= 1'b1;
      else if ((tile_q == 16'(Tiles - 1)) && (feature_q == features_i - 16'd1)) reading_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    first_q <= (tile_q == '0);
    last_q  <= (tile_q == 16'(Tiles - 1));
    if (word_q) sum_o <= (first_q ? '0 : sum_o) + total;
    if (start_i) begin
      feature_q <= '0;
      tile_q    <= '0;
      address_o <= base_i;
    end else if (reading_q) begin
      if (tile_q == 16'(Tiles - 1)) begin
        tile_q    <= '0;
        feature_q <= feature_q + 16'd1;
        address_o <= base_i + AddressBits'(feature_q) + 1'b1;
      end else begin
        tile_q    <= tile_q + 16'd1;
        address_o <= address_o + AddressBits'(features_i);
      end
    end
  end

endmodule

`default_nettype wire
