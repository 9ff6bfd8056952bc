// Reads the features of one token after another for a block, which takes them beat by beat.
//
// Words hold a feature of Lanes tokens.

`default_nettype none

module quweit_token_rows #(
  parameter integer Lanes       = 8,  // a power of two
  parameter integer AddressBits = 20,
  localparam integer LaneBits   = $clog2(Lanes)
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   start_i,
  input  logic [LaneBits-1:0]    first_i,    // lane of the first one
  input  logic [15:0]            tokens_i,
  input  logic [15:0]            features_i,
  input  logic [AddressBits-1:0] base_i,
  output logic [AddressBits-1:0] address_o,
  input  logic [Lanes*8-1:0]     word_i,     // of the address before
  output logic                   valid_o,
  input  logic                   ready_i,
  output logic [7:0]             data_o,
  output logic                   last_o
);

  logic [15:0]            left_q, feature_q, feature_d;
  logic [LaneBits-1:0]    lane_q;
  logic [AddressBits-1:0] tile_q, tile_d;
  logic                   reading_q, step, ends;

  assign step      = valid_o && ready_i;
  assign last_o    = (feature_q == features_i - 16'd1);
  assign ends      = step && last_o && (left_q == 16'd1);
  assign feature_d = last_o ? '0 : feature_q + 16'd1;
  assign tile_d    = (last_o && (lane_q == '1)) ? tile_q + AddressBits'(features_i) : tile_q;
  assign address_o = step ? tile_d + AddressBits'(feature_d) : tile_q + AddressBits'(feature_q);
  assign data_o    = word_i[lane_q*8 +: 8];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      reading_q <= 1'b0;
      valid_o   <= 1'b0;
    end else begin
      if (start_i)   reading_q <= 1'b1;
      else if (ends) reading_q <= 1'b0;
      valid_o <= reading_q && !ends;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      left_q    <= tokens_i;
      lane_q    <= first_i;
      feature_q <= '0;
      tile_q    <= base_i;
    end else if (step) begin
      feature_q <= feature_d;
      tile_q    <= tile_d;
      if (last_o) begin
        left_q <= left_q - 16'd1;
        lane_q <= lane_q + 1'b1;
      end
    end
  end

endmodule

`default_nettype wire
