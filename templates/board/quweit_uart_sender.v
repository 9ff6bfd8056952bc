// Bytes onto a serial line: 8 bits, no parity, one stop bit.

`default_nettype none

module quweit_uart_sender #(
  parameter CyclesPerBit = 104,
  parameter CountBits    = 7
) (
  input  wire       clk_i,
  input  wire       rst_ni,

  input  wire       valid_i,
  output wire       ready_o,
  input  wire [7:0] data_i,

  output wire       line_o
);

  localparam [CountBits-1:0] Last = CyclesPerBit - 1;

  reg [CountBits-1:0] count_q;
  reg [3:0]           left_q;   // bits to send
  reg [8:0]           shift_q;  // the one on the line is the lowest

  assign ready_o = left_q == 4'd0;
  assign line_o  = shift_q[0];

  always @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= 0;
      left_q  <= 4'd0;
      shift_q <= 9'h1ff;
    end else if (ready_o) begin
      if (valid_i) begin
        count_q <= Last;
        left_q  <= 4'd10;
        shift_q <= {data_i, 1'b0};
      end
    end else if (count_q != 0) begin
      count_q <= count_q - 1'b1;
    end else begin
      count_q <= Last;
      left_q  <= left_q - 1'b1;
      shift_q <= {1'b1, shift_q[8:1]};
    end
  end

endmodule

`default_nettype wire
