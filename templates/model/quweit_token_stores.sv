// Stores the outputs of a block that makes queries, keys and values: one of one token a cycle.
//
// Words of queries and keys hold a feature of Lanes tokens; words of values a token's features, as many as there are lanes, of one
// head. What comes is on the grid of its part already, and is clamped to int8.

`default_nettype none

module quweit_token_stores #(
  parameter integer Lanes       = 8,   // a power of two
  parameter integer Width       = 16,  // features of each part
  parameter integer HeadWidth   = 8,
  parameter integer Tokens      = 16,  // words of values from a group of features to the next
  parameter integer AddressBits = 20,
  localparam integer LaneBits   = $clog2(Lanes)
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   start_i,
  input  logic [LaneBits-1:0]    first_i,       // lane of the first token
  input  logic [AddressBits-1:0] query_base_i,
  input  logic [AddressBits-1:0] query_step_i,  // to the next tile of tokens
  input  logic [AddressBits-1:0] key_base_i,
  input  logic [AddressBits-1:0] key_step_i,
  input  logic [AddressBits-1:0] value_base_i,  // of the first token
  input  logic                   valid_i,
  input  logic signed [32:0]     term_i,
  output logic [1:0]             part_o,        // that the output of this cycle belongs to: 0 queries, 1 keys, 2 values
  output logic [Lanes-1:0]       write_o,
  output logic [AddressBits-1:0] address_o,
  output logic [7:0]             byte_o
);

  localparam logic [15:0] LastFeature = 16'(Width - 1), LastOfHead = 16'(HeadWidth - 1);

  logic [15:0]            feature_q, of_head_q;
  logic [AddressBits-1:0] query_q, key_q, token_q, value_q;  // the tile of queries and of keys, the token's first value, this one
  logic [LaneBits-1:0]    lane_q, value_lane_q;
  logic                   last, last_of_head;

  assign last         = (feature_q == LastFeature);
  assign last_of_head = (of_head_q == LastOfHead);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) write_o <= '0;
    else         write_o <= valid_i ? Lanes'(1) << ((part_o == 2'd2) ? value_lane_q : lane_q) : '0;
  end

  always_ff @(posedge clk_i) begin
    address_o <= (part_o == 2'd0) ? query_q + AddressBits'(feature_q)
               : (part_o == 2'd1) ? key_q + AddressBits'(feature_q) : value_q;
    byte_o    <= (term_i > 33'sd127) ? 8'h7f : (term_i < -33'sd128) ? 8'h80 : term_i[7:0];
    if (start_i) begin
      part_o       <= '0;
      feature_q    <= '0;
      of_head_q    <= '0;
      lane_q       <= first_i;
      value_lane_q <= '0;
      query_q      <= query_base_i;
      key_q        <= key_base_i;
      token_q      <= value_base_i;
      value_q      <= value_base_i;
    end else if (valid_i) begin
      feature_q <= last ? '0 : feature_q + 16'd1;
      if (part_o == 2'd2) begin
        of_head_q    <= last_of_head ? '0 : of_head_q + 16'd1;
        value_lane_q <= last_of_head ? '0 : value_lane_q + 1'b1;
        if (last_of_head || (value_lane_q == '1)) value_q <= value_q + AddressBits'(Tokens);
      end
      if (last) part_o <= (part_o == 2'd2) ? '0 : part_o + 2'd1;
      if (last && (part_o == 2'd2)) begin
        token_q <= token_q + 1'b1;
        value_q <= token_q + 1'b1;
        lane_q  <= lane_q + 1'b1;
        if (lane_q == '1) begin
          query_q <= query_q + query_step_i;
          key_q   <= key_q + key_step_i;
        end
      end
    end
  end

endmodule

`default_nettype wire
