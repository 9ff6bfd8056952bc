// Where each row of results of a product goes, and which tile it is of, as it leaves a systolic array.

`default_nettype none

module quweit_product_writer #(
  parameter integer Side        = 8,
  parameter integer AddressBits = 20,
  localparam integer LaneBits   = $clog2(Side)
) (
  input  logic                   clk_i,
  input  logic                   start_i,
  input  logic [15:0]            rows_i,
  input  logic [15:0]            columns_i,
  input  logic [AddressBits-1:0] base_i,
  input  logic [AddressBits-1:0] row_step_i,     // to the next row tile
  input  logic [AddressBits-1:0] column_step_i,  // to the next column tile
  input  logic                   row_i,          // a row leaves in this cycle
  output logic [AddressBits-1:0] address_o,
  output logic [15:0]            row_tile_o,
  output logic [15:0]            column_tile_o,
  output logic [LaneBits-1:0]    row_o           // within its tile
);

  localparam logic [15:0] Step = 16'(Side);

  logic [AddressBits-1:0] tiles_q, tile_q;  // of a row of tiles, of a tile
  logic [15:0]            rows_left_q, columns_left_q;
  logic                   last_row, last_column;

  assign address_o   = tile_q + AddressBits'(row_o);
  assign last_row    = (row_o == LaneBits'(Side - 1)) || (16'(row_o) == rows_left_q - 16'd1);
  assign last_column = (columns_left_q <= Step);

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      row_o          <= '0;
      rows_left_q    <= rows_i;
      columns_left_q <= columns_i;
      row_tile_o     <= '0;
      column_tile_o  <= '0;
      tiles_q        <= base_i;
      tile_q         <= base_i;
    end else if (row_i) begin
      row_o <= last_row ? '0 : row_o + 1'b1;
      if (last_row) begin
        columns_left_q <= last_column ? columns_i : columns_left_q - Step;
        column_tile_o  <= last_column ? '0 : column_tile_o + 16'd1;
        tile_q         <= last_column ? tiles_q + row_step_i : tile_q + column_step_i;
        if (last_column) begin
          rows_left_q <= rows_left_q - Step;
          row_tile_o  <= row_tile_o + 16'd1;
          tiles_q     <= tiles_q + row_step_i;
        end
      end
    end
  end

endmodule

`default_nettype wire
