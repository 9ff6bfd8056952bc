// Bytes from a serial line: 8 bits, no parity, one stop bit. A line that stays low for longer than a byte is a break.

`default_nettype none

module quweit_uart_receiver #(
  parameter CyclesPerBit = 104,
  parameter CountBits    = 7
) (
  input  wire       clk_i,
  input  wire       rst_ni,

  input  wire       line_i,

  output reg        break_o,  // from the stop bit that is missing until the line is high again
  output reg        valid_o,
  input  wire       ready_i,
  output reg  [7:0] data_o
);

  localparam [CountBits-1:0] Last = CyclesPerBit - 1;
  localparam [CountBits-1:0] Half = CyclesPerBit / 2 - 1;

  reg [1:0]           line_q;   // the line comes with no clock
  reg                 busy_q;
  reg [CountBits-1:0] count_q;  // cycles until the middle of a bit
  reg [3:0]           bit_q;    // 0: the start, 1 to 8: data, 9: the stop
  reg [7:0]           shift_q;

  always @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      line_q  <= 2'b11;
      busy_q  <= 1'b0;
      count_q <= Half;
      bit_q   <= 4'd0;
      break_o <= 1'b0;
      valid_o <= 1'b0;
    end else begin
      line_q <= {line_q[0], line_i};
      if (ready_i) valid_o <= 1'b0;

      if (break_o) begin
        if (line_q[1]) break_o <= 1'b0;
      end else if (!busy_q) begin
        count_q <= Half;
        bit_q   <= 4'd0;
        busy_q  <= !line_q[1];
      end else if (count_q != 0) begin
        count_q <= count_q - 1'b1;
      end else begin
        count_q <= Last;
        bit_q   <= bit_q + 1'b1;
        if (bit_q == 4'd0) begin
          if (line_q[1]) busy_q <= 1'b0;  // no start: a glitch
        end else if (bit_q == 4'd9) begin
          busy_q  <= 1'b0;
          valid_o <= line_q[1];
          break_o <= !line_q[1];
        end
      end
    end
  end

  always @(posedge clk_i) begin
    if (busy_q && count_q == 0 && bit_q != 4'd9) shift_q <= {line_q[1], shift_q[7:1]};
    if (busy_q && count_q == 0 && bit_q == 4'd9) data_o <= shift_q;
  end

endmodule

`default_nettype wire
