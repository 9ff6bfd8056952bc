// A stream with a register on each of its signals, in plain Verilog: valid, data and ready all come from flip-flops.
//
// It has two places: ready is a cycle late, and what comes in that cycle is kept in the second one. A beat a cycle.

`default_nettype none

module quweit_register_slice #(
  parameter Bits = 8
) (
  input  wire            clk_i,
  input  wire            rst_ni,

  input  wire            in_valid_i,
  output wire            in_ready_o,
  input  wire [Bits-1:0] in_data_i,

  output wire            out_valid_o,
  input  wire            out_ready_i,
  output wire [Bits-1:0] out_data_o
);

  reg [Bits-1:0] first_q;   // what is offered
  reg [Bits-1:0] second_q;  // what came while that was not taken
  reg            valid_q;   // first_q is offered
  reg            ready_q;   // second_q is free

  wire advance;
  assign advance = out_ready_i || !valid_q;

  assign in_ready_o  = ready_q;
  assign out_valid_o = valid_q;
  assign out_data_o  = first_q;

  always @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      ready_q <= 1'b1;
    end else if (advance) begin
      valid_q <= in_valid_i || !ready_q;
      ready_q <= 1'b1;
    end else begin
      ready_q <= ready_q && !in_valid_i;
    end
  end

  always @(posedge clk_i) begin
    if (advance) first_q  <= ready_q ? in_data_i : second_q;
    if (ready_q) second_q <= in_data_i;
  end

endmodule

`default_nettype wire
