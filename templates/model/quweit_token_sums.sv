// Adds the outputs of a block to the residual stream, or vectors of tokens to those of their positions: one feature of one
// token a cycle. Words hold a feature of Lanes tokens.

`default_nettype none

module quweit_token_sums #(
  parameter integer Lanes       = 8,  // a power of two
  parameter integer AddressBits = 10,
  localparam integer LaneBits   = $clog2(Lanes)
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   start_i,
  input  logic [LaneBits-1:0]    first_i,        // lane of the first token
  input  logic [15:0]            outputs_i,
  input  logic                   valid_i,
  input  logic signed [32:0]     term_i,         // on the grid of the residual stream
  output logic [AddressBits-1:0] read_address_o,
  input  logic [Lanes*16-1:0]    word_i,         // of the address before
  output logic [Lanes-1:0]       write_o,
  output logic [AddressBits-1:0] write_address_o,
  output logic [15:0]            sum_o
);

  logic [15:0]            output_q;
  logic [AddressBits-1:0] tile_q, address_q;
  logic [LaneBits-1:0]    token_q, lane_q;
  logic                   valid_q, last;
  logic signed [32:0]     term_q;
  logic signed [33:0]     sum;

  assign last           = (output_q == outputs_i - 16'd1);
  assign read_address_o = tile_q + AddressBits'(output_q);
  assign sum            = 34'(term_q) + 34'($signed(word_i[lane_q*16 +: 16]));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      write_o <= '0;
    end else begin
      valid_q <= valid_i;
      write_o <= valid_q ? Lanes'(1) << lane_q : '0;
    end
  end

  always_ff @(posedge clk_i) begin
    address_q       <= read_address_o;
    lane_q          <= token_q;
    term_q          <= term_i;
    write_address_o <= address_q;
    sum_o           <= (sum > 34'sd32767) ? 16'h7fff : (sum < -34'sd32768) ? 16'h8000 : sum[15:0];
    if (start_i) begin
      output_q <= '0;
      token_q  <= first_i;
      tile_q   <= '0;
    end else if (valid_i) begin
      output_q <= last ? '0 : output_q + 16'd1;
      if (last) begin
        token_q <= token_q + 1'b1;
        if (token_q == '1) tile_q <= tile_q + AddressBits'(outputs_i);
      end
    end
  end

endmodule

`default_nettype wire
