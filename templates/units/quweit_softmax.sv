// Softmax of one row of int8 scores whose scale is known: see quweit_softmax_rows.sv.

`default_nettype none

module quweit_softmax #(
  parameter integer Elements   = 196,
  parameter integer Multiplier = 23
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

  quweit_softmax_rows #(
    .Elements (Elements)
  ) u_rows (
    .clk_i,
    .rst_ni,
    .multiplier_i (8'(Multiplier)),
    .counts_i     (16'hffff),
    .x_valid_i,
    .x_ready_o,
    .x_data_i,
    .x_last_i,
    .y_valid_o,
    .y_ready_i,
    .y_data_o,
    .y_last_o
  );

endmodule

`default_nettype wire
