<%page args="name, shell, axis, cycles_per_bit, board, header"/>\
<%
  count_bits = cycles_per_bit.bit_length()
  beat_bits = max(1, (axis.input_beats - 1).bit_length())
%>\
${header}
// ${shell} behind a serial line, as the top of ${board}: rows of ${axis.input_beats} bytes in, ${axis.output_beats} out.
//
// A break on the line resets all but the receiver: the byte after it is the first of a row.

`default_nettype none

module ${name} (
  input  wire clk,
  input  wire receive,  // from the host
  output wire send,     // to the host
  output wire led       // 1 while the design runs, 0 in its reset
);

  reg [3:0] start_q;
  reg       rst_n;

  initial begin  // as flip-flops of the device start
    start_q = 4'd0;
    rst_n   = 1'b0;
  end

  wire broken;
  wire started = start_q[3];

  always @(posedge clk) begin
    if (!started) start_q <= start_q + 1'b1;
    rst_n <= started && !broken;
  end

  assign led = rst_n;

  wire       x_valid, x_ready, y_valid, y_ready;
  wire [7:0] x_data, y_data;

  quweit_uart_receiver #(
    .CyclesPerBit (${cycles_per_bit}),
    .CountBits    (${count_bits})
  ) u_receiver (
    .clk_i   (clk),
    .rst_ni  (started),
    .line_i  (receive),
    .break_o (broken),
    .valid_o (x_valid),
    .ready_i (x_ready),
    .data_o  (x_data)
  );

  reg [${beat_bits - 1}:0] beat_q;
  wire x_last = beat_q == ${beat_bits}'d${axis.input_beats - 1};

  always @(posedge clk or negedge rst_n) begin
    if (!rst_n)                  beat_q <= 0;
    else if (x_valid && x_ready) beat_q <= x_last ? ${beat_bits}'d0 : beat_q + 1'b1;
  end

  wire unused_last;  // the host counts bytes

  ${shell} u_shell (
    .aclk          (clk),
    .aresetn       (rst_n),
    .s_axis_tdata  (x_data),
    .s_axis_tvalid (x_valid),
    .s_axis_tready (x_ready),
    .s_axis_tlast  (x_last),
    .m_axis_tdata  (y_data),
    .m_axis_tvalid (y_valid),
    .m_axis_tready (y_ready),
    .m_axis_tlast  (unused_last)
  );

  quweit_uart_sender #(
    .CyclesPerBit (${cycles_per_bit}),
    .CountBits    (${count_bits})
  ) u_sender (
    .clk_i   (clk),
    .rst_ni  (rst_n),
    .valid_i (y_valid),
    .ready_o (y_ready),
    .data_i  (y_data),
    .line_o  (send)
  );

endmodule

`default_nettype wire
