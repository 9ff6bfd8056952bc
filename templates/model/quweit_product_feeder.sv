// Addresses of the operands of a product of matrices, in the order in which a systolic array takes them.
//
// For each row tile, for each column tile, all of inner; a tile takes max(inner, Side) cycles, so that the array never
// waits. The operands of an address are those of the next cycle.

`default_nettype none

module quweit_product_feeder #(
  parameter integer Side        = 8,
  parameter integer AddressBits = 20
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   start_i,
  input  logic [15:0]            rows_i,
  input  logic [15:0]            inner_i,
  input  logic [15:0]            columns_i,
  input  logic [AddressBits-1:0] a_base_i,   // a beat of A: Side rows of one column
  input  logic [AddressBits-1:0] a_step_i,   // to the next row tile
  input  logic [AddressBits-1:0] b_base_i,
  input  logic [AddressBits-1:0] b_step_i,   // to the next column tile
  output logic [AddressBits-1:0] a_address_o,
  output logic [AddressBits-1:0] b_address_o,
  output logic                   beat_o      // the operands of the address before are there
);

  localparam logic [15:0] Step = 16'(Side);

  logic [AddressBits-1:0] a_q, b_q;
  logic [15:0]            beat_q, rows_left_q, columns_left_q, period;
  logic                   feeding_q, last_beat, last_column, last_row;

  assign period      = (inner_i > Step) ? inner_i : Step;
  assign last_beat   = (beat_q == period - 16'd1);
  assign last_column = (columns_left_q <= Step);
  assign last_row    = (rows_left_q <= Step);
  assign a_address_o = a_q + AddressBits'(beat_q);
  assign b_address_o = b_q + AddressBits'(beat_q);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      feeding_q <= 1'b0;
      beat_o    <= 1'b0;
    end else begin
      beat_o <= feeding_q && (beat_q < inner_i);
      if (start_i)                                                    feeding_q <= 1'b1;
      else if (feeding_q && last_beat && last_column && last_row) feeding_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      beat_q         <= '0;
      rows_left_q    <= rows_i;
      columns_left_q <= columns_i;
      a_q            <= a_base_i;
      b_q            <= b_base_i;
    end else if (feeding_q) begin
      beat_q <= last_beat ? '0 : beat_q + 16'd1;
      if (last_beat) begin
        columns_left_q <= last_column ? columns_i : columns_left_q - Step;
        b_q            <= last_column ? b_base_i : b_q + b_step_i;
        if (last_column) begin
          rows_left_q <= rows_left_q - Step;
          a_q         <= a_q + a_step_i;
        end
      end
    end
  end

endmodule

`default_nettype wire
