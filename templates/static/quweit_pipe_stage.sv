// One pipeline register with valid and ready: full throughput, one cycle of latency.

`default_nettype none

module quweit_pipe_stage #(
  parameter integer Bits = 1
) (
  input  logic            clk_i,
  input  logic            rst_ni,

  input  logic            valid_i,
  output logic            ready_o,
  input  logic [Bits-1:0] data_i,

  output logic            valid_o,
  input  logic            ready_i,
  output logic [Bits-1:0] data_o
);

  logic            valid_q;
  logic [Bits-1:0] data_q;

  assign ready_o = !valid_q || ready_i;

  always_ff @(posedge clk_i) begin
    if (valid_i && ready_o) data_q <= data_i;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= 1'b0;
    else         valid_q <= valid_i || (valid_q && !ready_i);
  end

  assign valid_o = valid_q;
  assign data_o  = data_q;

endmodule

`default_nettype wire
