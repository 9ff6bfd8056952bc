// GELU of one int8 as a table of 256 bytes, entry i in bits [8*i +: 8] for code i - 128. One register.
//
// An element waits for no other of its row. So a row that x_last_i breaks off has been given as far as it came: y_last_o
// breaks it off there as well, and who collects the row discards it.

`default_nettype none

module quweit_gelu #(
  parameter integer        Elements = 1,
  parameter logic [2047:0] Table    = '0
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       x_valid_i,
  output logic       x_ready_o,
  input  logic [7:0] x_data_i,
  input  logic       x_last_i,
  output logic       y_valid_o,
  input  logic       y_ready_i,
  output logic [7:0] y_data_o,
  output logic       y_last_o
);

  localparam integer IndexBits = (Elements > 1) ? $clog2(Elements) : 1;
  localparam logic [IndexBits-1:0] LastIndex = IndexBits'(Elements - 1);

  logic [IndexBits-1:0] index_q;
  logic                 take, last;

  assign x_ready_o = !y_valid_o || y_ready_i;
  assign take      = x_valid_i && x_ready_o;
  assign last      = (Elements == 1) || (index_q == LastIndex) || x_last_i;  // a row of one needs no counter

  always_ff @(posedge clk_i) begin
    if (take) y_data_o <= Table[{~x_data_i[7], x_data_i[6:0], 3'b000} +: 8];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      index_q   <= '0;
      y_valid_o <= 1'b0;
      y_last_o  <= 1'b0;
    end else if (x_ready_o) begin
      if (x_valid_i) index_q <= last ? '0 : index_q + 1'b1;
      y_valid_o <= x_valid_i;
      y_last_o  <= x_valid_i && last;
    end
  end

endmodule

`default_nettype wire
