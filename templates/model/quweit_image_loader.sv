// Puts the pixels of an image, which come in reading order, where the patches want them.
//
// A word holds a feature of Lanes tokens; a token is a patch, its features its pixels, channel by channel. x_last on an earlier
// pixel discards what has come, so that a stream falls into step again.

`default_nettype none

module quweit_image_loader #(
  parameter integer Lanes       = 8,  // a power of two
  parameter integer Channels    = 1,
  parameter integer Rows        = 8,
  parameter integer Columns     = 8,
  parameter integer Patch       = 2,
  parameter integer AddressBits = 10,
  localparam integer LaneBits   = $clog2(Lanes)
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   pixel_i,    // one is taken
  input  logic                   ends_i,     // the mark of a last pixel
  output logic [AddressBits-1:0] address_o,
  output logic [LaneBits-1:0]    lane_o,
  output logic                   loaded_o    // with the last pixel
);

  localparam integer High = Rows / Patch, Wide = Columns / Patch, Features = Channels * Patch * Patch;

  logic [15:0] channel_q, v_q, i_q, h_q, j_q, token, feature;
  logic        last_channel, last_v, last_i, last_h, last_j;

  assign last_j       = (j_q == 16'(Patch - 1));
  assign last_h       = (h_q == 16'(Wide - 1));
  assign last_i       = (i_q == 16'(Patch - 1));
  assign last_v       = (v_q == 16'(High - 1));
  assign last_channel = (channel_q == 16'(Channels - 1));
  assign loaded_o     = pixel_i && last_j && last_h && last_i && last_v && last_channel;
  assign token        = v_q * 16'(Wide) + h_q;
  assign feature      = (channel_q * 16'(Patch) + i_q) * 16'(Patch) + j_q;
  assign lane_o       = token[LaneBits-1:0];
  assign address_o    = AddressBits'(token >> LaneBits) * AddressBits'(Features) + AddressBits'(feature);

  logic unused_bits;
  assign unused_bits = ^{token, feature};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      channel_q <= '0;
      v_q       <= '0;
      i_q       <= '0;
      h_q       <= '0;
      j_q       <= '0;
    end else if (pixel_i && ends_i) begin
      channel_q <= '0;
      v_q       <= '0;
      i_q       <= '0;
      h_q       <= '0;
      j_q       <= '0;
    end else if (pixel_i) begin
      j_q <= last_j ? '0 : j_q + 16'd1;
      if (last_j) h_q <= last_h ? '0 : h_q + 16'd1;
      if (last_j && last_h) i_q <= last_i ? '0 : i_q + 16'd1;
      if (last_j && last_h && last_i) v_q <= last_v ? '0 : v_q + 16'd1;
      if (last_j && last_h && last_i && last_v) channel_q <= last_channel ? '0 : channel_q + 16'd1;
    end
  end

endmodule

`default_nettype wire
